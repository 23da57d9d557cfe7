//! Requirement 64, everything but permissions: limits, logs, schedules, queues, alarms, secrets.

use std::collections::{BTreeMap, BTreeSet};

use intentvision::notify::delivery::DRAIN;
use intentvision::notify::sender::Limits;
use serde_json::Value;
use tests::events;
use tests::template::{BUILT, Template};
use tests::workspace;

#[test]
fn every_folder_of_functions_but_local_is_deployed() {
    let template = Template::read();
    let deployed: BTreeSet<String> = template.functions().map(|(function, ..)| function.to_owned()).collect();
    assert_eq!(deployed, workspace::functions().into_iter().collect());
}

#[test]
fn r64_every_function_is_built_and_bounded() {
    let template = Template::read();
    for (function, _, properties) in template.functions() {
        assert_eq!(properties["Runtime"], "provided.al2023", "{function}");
        assert_eq!(properties["Architectures"], serde_json::json!(["arm64"]), "{function}");
        let timeout = properties["Timeout"].as_u64().unwrap();
        let memory = properties["MemorySize"].as_u64().unwrap();
        assert!((256..=512).contains(&memory), "{function}: {memory} MB");
        // an HTTP API gives up after 30 seconds
        let answers = Template::events(properties, "HttpApi").count() > 0;
        assert!(timeout <= if answers { 29 } else { 300 }, "{function}: {timeout} s");
        assert!(
            answers || properties["ReservedConcurrentExecutions"].is_u64(),
            "{function}"
        );
    }
}

/// One by one and with their own profile, as `measure` has them: built together, each would have the features that any other asks for.
#[test]
fn functions_are_deployed_as_they_are_measured() {
    let operations = workspace::read("docs/operations.md");
    let build = operations
        .lines()
        .find(|line| line.contains("cargo lambda build"))
        .unwrap();
    for part in [
        "--profile lambda",
        "--arm64",
        "-p \"$function\"",
        &format!("--lambda-dir {}", BUILT.trim_end_matches('/')),
    ] {
        assert!(build.contains(part), "{build}: {part}");
    }
    assert!(!operations.contains("sam build"));
}

/// An attempt that is begun at the last moment ends, and is recorded, before the function is cut off: what is not recorded
/// is sent again.
#[test]
fn the_last_attempt_of_a_run_ends_before_its_function_does() {
    let template = Template::read();
    let attempt = i64::try_from(Limits::default().attempt.as_millis()).unwrap();
    for (of_function, drain) in [("deliver-notifications", DRAIN), ("manage-channels", 0)] {
        let (_, _, properties) = template
            .functions()
            .find(|(function, ..)| *function == of_function)
            .unwrap();
        let timeout = properties["Timeout"].as_i64().unwrap() * 1_000;
        assert!(drain + attempt + 5_000 <= timeout, "{of_function}: {timeout} ms");
    }
}

#[test]
fn r64_every_function_and_the_api_log_to_a_group_that_forgets() {
    let template = Template::read();
    let groups: BTreeMap<&str, &Value> = template.resources("AWS::Logs::LogGroup").collect();
    let mut used = BTreeSet::new();
    for (function, _, properties) in template.functions() {
        let group = Template::referred(&properties["LoggingConfig"]["LogGroup"]).unwrap();
        assert!(used.insert(group.to_owned()), "{function} shares its log group");
    }
    for (_, api) in template.resources("AWS::Serverless::HttpApi") {
        let access = &api["AccessLogSettings"];
        used.insert(Template::referred(&access["DestinationArn"]).unwrap().to_owned());
        let format = access["Format"].as_str().unwrap().to_lowercase();
        for secret in ["authorization", "querystring", "header", "$context.path"] {
            assert!(!format.contains(secret), "the access log holds {secret}");
        }
        assert!(api["DefaultRouteSettings"]["ThrottlingRateLimit"].is_u64());
    }
    assert_eq!(used, groups.keys().map(|name| (*name).to_owned()).collect());
    for (name, group) in groups {
        assert!(group.get("RetentionInDays").is_some(), "{name}");
    }
}

#[test]
fn r64_no_secret_stands_in_the_environment() {
    let template = Template::read();
    let source = all_sources();
    for (function, _, properties) in template.functions() {
        for name in properties["Environment"]["Variables"].as_object().unwrap().keys() {
            assert!(source.contains(name.as_str()), "{function}: nothing reads {name}");
            let secret = ["INTENTVISION_DB_AUTH_TOKEN", "INTENTVISION_SECRET_KEY"].contains(&name.as_str());
            assert!(
                !secret,
                "{function}: {name} would show the secret to whoever sees the function"
            );
        }
    }
}

/// Everything but tests, in one text.
fn all_sources() -> String {
    let files = workspace::files("shared", "rs")
        .into_iter()
        .chain(workspace::files("functions", "rs"));
    files
        .map(|file| workspace::without_tests(&workspace::read(&file)).to_owned())
        .collect()
}

/// A run that is repeated for hours helps nobody: the next one does its work.
#[test]
fn r64_schedules_give_up_soon_and_leave_a_trace() {
    let template = Template::read();
    let mut scheduled = Vec::new();
    for (function, _, properties) in template.functions() {
        for schedule in Template::events(properties, "ScheduleV2") {
            scheduled.push(function.to_owned());
            let invoke = &properties["EventInvokeConfig"];
            for (what, retries) in [("handing over", &schedule["RetryPolicy"]), ("the run", invoke)] {
                assert!(
                    retries["MaximumRetryAttempts"].as_u64().unwrap() <= 1,
                    "{function}: {what}"
                );
                assert!(
                    retries["MaximumEventAgeInSeconds"].as_u64().unwrap() <= 120,
                    "{function}: {what}"
                );
            }
            let letters = [
                &schedule["DeadLetterConfig"]["Arn"],
                &invoke["DestinationConfig"]["OnFailure"]["Destination"],
            ];
            for queue in letters.map(|value| Template::referred(value).unwrap()) {
                assert_eq!(template.0["Resources"][queue]["Type"], "AWS::SQS::Queue", "{function}");
            }
            let input: Value = serde_json::from_str(schedule["Input"].as_str().unwrap()).unwrap();
            assert_eq!(
                input["time"], "<aws.scheduler.scheduled-time>",
                "{function}: the minute that is meant"
            );
            assert_eq!(
                keys(&input),
                keys(&events::scheduled("2026-01-01T00:00:00Z")),
                "{function}"
            );
        }
    }
    scheduled.sort();
    assert_eq!(
        scheduled,
        ["deliver-notifications", "evaluate-alerts", "maintain", "run-forecasts"]
    );
    let every_minute = ["deliver-notifications", "evaluate-alerts", "run-forecasts"];
    for (function, _, properties) in template
        .functions()
        .filter(|(function, ..)| every_minute.contains(function))
    {
        let schedule = Template::events(properties, "ScheduleV2").next().unwrap();
        assert_eq!(schedule["ScheduleExpression"], "rate(1 minute)", "{function}");
    }
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn r64_queues_have_dead_letters_and_time_for_their_consumer() {
    let template = Template::read();
    let queues: BTreeMap<&str, &Value> = template.resources("AWS::SQS::Queue").collect();
    let mut consumed = BTreeSet::new();
    for (function, _, properties) in template.functions() {
        for event in Template::events(properties, "SQS") {
            let name = Template::referred(&event["Queue"]).unwrap();
            consumed.insert(name.to_owned());
            let visible = queues[name]["VisibilityTimeout"].as_u64().unwrap();
            assert!(visible >= 6 * properties["Timeout"].as_u64().unwrap(), "{function}");
            let letters = Template::referred(&queues[name]["RedrivePolicy"]["deadLetterTargetArn"]).unwrap();
            assert!(queues.contains_key(letters), "{name}");
        }
    }
    assert!(!consumed.is_empty());
    let watched: BTreeSet<String> = template
        .resources("AWS::CloudWatch::Alarm")
        .filter(|(_, alarm)| alarm["MetricName"] == "ApproximateNumberOfMessagesVisible")
        .filter_map(|(_, alarm)| Template::referred(&alarm["Dimensions"][0]["Value"]).map(str::to_owned))
        .collect();
    let letters: BTreeSet<String> = queues
        .keys()
        .map(|name| (*name).to_owned())
        .filter(|name| !consumed.contains(name))
        .collect();
    assert_eq!(watched, letters, "a dead letter that nobody hears of");
}

#[test]
fn r64_errors_and_throttles_of_every_function_raise_an_alarm() {
    let template = Template::read();
    let mut watched: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, alarm) in template.resources("AWS::CloudWatch::Alarm") {
        for query in alarm["Metrics"].as_array().into_iter().flatten() {
            let metric = &query["MetricStat"]["Metric"];
            if let (Some(name), Some(function)) = (
                metric["MetricName"].as_str(),
                Template::referred(&metric["Dimensions"][0]["Value"]),
            ) {
                watched.entry(name).or_default().insert(function);
            }
        }
    }
    let all: BTreeSet<&str> = template.functions().map(|(_, resource, _)| resource).collect();
    assert_eq!(watched["Errors"], all);
    // a deployment waits for `migrate` and sees for itself
    let without_migrate: BTreeSet<&str> = all.into_iter().filter(|name| *name != "MigrateFunction").collect();
    assert_eq!(watched["Throttles"], without_migrate);
}
