//! docs/openapi.json tells the truth: every operation is called, its status and its reply are held
//! against the document, and so are the parameters that it takes.

use std::collections::BTreeSet;

use http::{Method, Request};
use intentvision::auth::Job;
use intentvision::budget::Unlimited;
use intentvision::clock::Clock;
use intentvision::config::{Config, MailSettings};
use intentvision::keys::Environment;
use intentvision::notify::recipients;
use query::OPENAPI;
use serde_json::{Value, json};
use tests::anomalies::{self, Incident};
use tests::postbox::{self, Postbox};
use tests::product::{Backend, Product, Reply};
use tests::schema::violations;

struct Reader {
    product: Product,
    key: String,
    document: Value,
    seen: BTreeSet<(String, String)>,
    wrong: Vec<String>,
}

impl Reader {
    async fn new() -> Self {
        let config = Config {
            allow_private_webhooks: true,
            mail: Some(MailSettings::new("iv@example.com".into(), "https://iv.example.com".into()).unwrap()),
            ..Config::default()
        };
        let product = Product::start_with(Backend::Embedded, Clock::system(), config).await;
        let (_, key) = product.acme().await;
        Self {
            product,
            key,
            document: serde_json::from_str(OPENAPI).unwrap(),
            seen: BTreeSet::new(),
            wrong: Vec::new(),
        }
    }

    /// Calls an operation of the document for a path, and holds the reply against it.
    async fn call(&mut self, method: Method, template: &str, target: &str, body: Option<&Value>) -> Value {
        let reply = self.product.call(method.clone(), target, &self.key, body).await;
        self.check(&method, template, target, &reply);
        reply.json()
    }

    fn check(&mut self, method: &Method, template: &str, target: &str, reply: &Reply) {
        let what = format!("{method} {target}: {}", reply.status);
        let operation = &self.document["paths"][template][method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{what}: there is no such operation");
        if reply.status.is_success() {
            self.seen.insert((method.to_string(), template.to_owned()));
        }
        let mut response = &operation["responses"][reply.status.as_str()];
        if let Some(pointer) = response["$ref"].as_str() {
            response = self.document.pointer(&pointer[1..]).unwrap();
        }
        if !response.is_object() {
            self.wrong
                .push(format!("{what} is not in the document: {:?}", reply.body));
            return;
        }
        if !reply.headers.contains_key("x-request-id") {
            self.wrong.push(format!("{what}: no X-Request-Id"));
        }
        let kind = reply
            .headers
            .get("content-type")
            .map_or("", |kind| kind.to_str().unwrap());
        let content = &response["content"];
        if reply.body.is_empty() {
            if content.is_object() {
                self.wrong.push(format!("{what}: no body, but the document has one"));
            }
            return;
        }
        let schema = &content[kind.split(';').next().unwrap_or("").trim()]["schema"];
        if !schema.is_object() {
            self.wrong
                .push(format!("{what}: the document has no body of the type {kind}"));
        } else if kind.contains("json") {
            let found = violations(&self.document, schema, &reply.json());
            self.wrong
                .extend(found.into_iter().map(|violation| format!("{what} {violation}")));
        }
    }
}

fn text<'a>(reply: &'a Value, name: &str) -> &'a str {
    reply[name].as_str().unwrap_or_else(|| panic!("no {name} in {reply}"))
}

#[tokio::test]
async fn every_operation_replies_as_the_document_says() {
    let mut reader = Reader::new().await;
    let get = Method::GET;
    let now = reader.product.app.clock.now();
    let at = |hours: i64| intentvision::time::format(now - now % 3_600_000 - hours * 3_600_000);
    let points: Vec<Value> = (1..200)
        .map(|hours| {
            json!({"metric_key": "shop.orders", "value": 100 + hours % 24, "timestamp": at(hours),
            "dimensions": {"region": "eu"}})
        })
        .collect();
    reader
        .call(
            Method::POST,
            "/v1/ingest",
            "/v1/ingest",
            Some(&json!({"metrics": points})),
        )
        .await;
    let some = json!({"metrics": [{"metric_key": "a", "value": 1}, {"metric_key": "9", "value": 1}]});
    reader.call(Method::POST, "/v1/ingest", "/v1/ingest", Some(&some)).await;
    let none = json!({"metrics": [{"metric_key": "9", "value": 1}]});
    reader.call(Method::POST, "/v1/ingest", "/v1/ingest", Some(&none)).await;
    reader
        .call(Method::POST, "/v1/ingest", "/v1/ingest", Some(&json!({"metrics": 1})))
        .await;
    let csv = Request::post("/v1/ingest/csv?metric_key=b").header("content-type", "text/csv");
    let csv = csv.header("authorization", format!("Bearer {}", reader.key));
    let reply = reader
        .product
        .send(csv, format!("timestamp,value\n{},1\n", at(1)))
        .await;
    reader.check(&Method::POST, "/v1/ingest/csv", "/v1/ingest/csv", &reply);

    reader
        .call(get.clone(), "/v1/metrics", "/v1/metrics?limit=1", None)
        .await;
    let series = reader
        .call(get.clone(), "/v1/series", "/v1/series?metric_key=shop.orders", None)
        .await;
    let id = series["items"][0]["series_id"].as_str().unwrap().to_owned();
    reader
        .call(get.clone(), "/v1/series/{id}", &format!("/v1/series/{id}"), None)
        .await;
    let path = format!("/v1/series/{id}/points");
    reader.call(get.clone(), "/v1/series/{id}/points", &path, None).await;
    let csv = Request::get(&path)
        .header("accept", "text/csv")
        .header("x-api-key", &reader.key);
    let reply = reader.product.send(csv, "").await;
    reader.check(&get, "/v1/series/{id}/points", &path, &reply);

    let wanted = json!({"metric_key": "shop.orders", "horizon": 24, "quantiles": [0.05, 0.95], "bounds": {"lower": 0},
        "seasons": [24]});
    let made = reader
        .call(Method::POST, "/v1/forecasts", "/v1/forecasts", Some(&wanted))
        .await;
    let id = text(&made, "forecast_id").to_owned();
    let too_short = json!({"metric_key": "a", "horizon": 3});
    reader
        .call(Method::POST, "/v1/forecasts", "/v1/forecasts", Some(&too_short))
        .await;
    reader.call(get.clone(), "/v1/forecasts", "/v1/forecasts", None).await;
    reader
        .call(get.clone(), "/v1/forecasts/{id}", &format!("/v1/forecasts/{id}"), None)
        .await;

    let wanted = json!({"metric_key": "shop.orders", "horizon": 12, "windows": 2});
    reader
        .call(Method::POST, "/v1/backtests", "/v1/backtests", Some(&wanted))
        .await;
    reader
        .call(Method::POST, "/v1/backtests", "/v1/backtests", Some(&too_short))
        .await;
    let timegpt = "/v1/forecast-backends/timegpt";
    let key = json!({"api_key": "nixak-0123456789abcdef"});
    reader.call(Method::PUT, timegpt, timegpt, Some(&key)).await;
    reader.call(Method::PUT, timegpt, timegpt, Some(&json!({}))).await;
    reader.call(get.clone(), timegpt, timegpt, None).await;
    for _ in 0..2 {
        reader.call(Method::DELETE, timegpt, timegpt, None).await;
    }

    detection(&mut reader).await;

    let metric_b = reader
        .call(get.clone(), "/v1/series", "/v1/series?metric_key=b", None)
        .await;
    let path = format!("/v1/series/{}", text(&metric_b["items"][0], "series_id"));
    for _ in 0..2 {
        reader.call(Method::DELETE, "/v1/series/{id}", &path, None).await;
    }

    forecast_jobs(&mut reader).await;
    alerting(&mut reader).await;
    keys(&mut reader).await;
    for path in ["/health/live", "/health/ready", "/openapi.json"] {
        reader.call(get.clone(), path, path, None).await;
    }

    assert!(reader.wrong.is_empty(), "{}", reader.wrong.join("\n"));
    let paths = reader.document["paths"].as_object().unwrap();
    for (path, item) in paths {
        for method in item.as_object().unwrap().keys() {
            let operation = (method.to_uppercase(), path.clone());
            // these need an alert, which only a tick makes; their tests are those of alerting
            let of_an_alert = path.starts_with("/v1/alerts/{id}") || path == "/v1/pictures/{token}";
            assert!(
                of_an_alert || reader.seen.contains(&operation),
                "{operation:?} was not called"
            );
        }
    }
}

async fn detection(reader: &mut Reader) {
    let (get, post) = (Method::GET, Method::POST);
    let configuration = "/v1/detection";
    reader.call(get.clone(), configuration, configuration, None).await;
    let on = json!({"enabled": true, "minimum_effect": {"percent": 5}});
    reader.call(Method::PUT, configuration, configuration, Some(&on)).await;
    reader
        .call(Method::PUT, configuration, configuration, Some(&json!({})))
        .await;

    let detect = "/v1/anomalies/detect";
    let whole = json!({"metric_key": "shop.orders", "include": ["points"], "settings": {"false_alarms_a_month": 30}});
    reader.call(post.clone(), detect, detect, Some(&whole)).await;
    let hours = (0..200).map(|hour| json!([hour * 3_600_000, if hour == 150 { 900 } else { 100 + hour % 3 }]));
    let spike = json!({"points": hours.collect::<Vec<_>>()});
    let found = reader.call(post.clone(), detect, detect, Some(&spike)).await;
    assert!(!found["anomalies"].as_array().unwrap().is_empty(), "{found}");
    reader
        .call(post.clone(), detect, detect, Some(&json!({"metric_key": "none"})))
        .await;
    reader
        .call(
            post.clone(),
            detect,
            detect,
            Some(&json!({"points": [[1, 2], [2, null]]})),
        )
        .await;
    let far = [f64::MAX, f64::MIN, 5e-324];
    let hours = (0..200_usize).map(|hour| json!([hour * 3_600_000, far.get(hour % 3)]));
    let extremes = json!({"points": hours.collect::<Vec<_>>(), "include": ["points"]});
    reader.call(post.clone(), detect, detect, Some(&extremes)).await;

    let org = reader.product.organization("acme", Environment::Live).await;
    let listed = reader
        .call(get.clone(), "/v1/series", "/v1/series?metric_key=shop.orders", None)
        .await;
    let series = text(&listed["items"][0], "series_id").to_owned();
    let now = reader.product.app.clock.now();
    let group = anomalies::group(&reader.product, &org, now, 1, "eu").await;
    let incident = Incident::new(&series, now).in_group(&group);
    let id = incident.write(&reader.product, &org).await;
    let of_series = |what: &str| {
        (
            format!("/v1/series/{{id}}/{what}"),
            format!("/v1/series/{series}/{what}"),
        )
    };
    let (template, path) = of_series("labels");
    let label = json!({"anomaly_id": id, "label": "expected"});
    reader.call(post.clone(), &template, &path, Some(&label)).await;
    reader
        .call(post.clone(), &template, &path, Some(&json!({"label": "expected"})))
        .await;
    reader.call(get.clone(), &template, &path, None).await;
    let (template, path) = of_series("accept-level");
    reader.call(post, &template, &path, None).await;
    let (template, path) = of_series("detection");
    reader.call(get.clone(), &template, &path, None).await;
    for (all, id) in [("/v1/anomalies", id.as_str()), ("/v1/anomaly-groups", group.as_str())] {
        reader.call(get.clone(), all, all, None).await;
        for id in [id, "nothing"] {
            reader
                .call(get.clone(), &format!("{all}/{{id}}"), &format!("{all}/{id}"), None)
                .await;
        }
    }
}

async fn forecast_jobs(reader: &mut Reader) {
    let (all, one) = ("/v1/forecast-jobs", "/v1/forecast-jobs/{id}");
    let new = json!({"metric_key": "shop.orders", "horizon": "24h", "levels": [80], "schedule": "1h"});
    let made = reader.call(Method::POST, all, all, Some(&new)).await;
    reader
        .call(Method::POST, all, all, Some(&json!({"metric_key": "shop.orders"})))
        .await;
    let path = format!("{all}/{}", text(&made, "job_id"));
    let ran = run_forecasts::run(&reader.product.app, &mut Unlimited).await.unwrap();
    assert_eq!(ran.completed, 1, "{ran:?}");
    reader.call(Method::GET, all, all, None).await;
    reader.call(Method::GET, one, &path, None).await;
    let (of_results, of_runs) = ("/v1/forecast-jobs/{id}/results", "/v1/forecast-jobs/{id}/runs");
    let results = reader
        .call(Method::GET, of_results, &format!("{path}/results?run=1"), None)
        .await;
    let result = format!("/v1/forecasts/{}", text(&results["items"][0], "forecast_id"));
    reader.call(Method::GET, "/v1/forecasts/{id}", &result, None).await;
    let runs = reader.call(Method::GET, of_runs, &format!("{path}/runs"), None).await;
    assert_eq!(runs["items"][0]["series"], 1);
    reader.call(Method::PUT, one, &path, Some(&new)).await;
    for _ in 0..2 {
        reader.call(Method::DELETE, one, &path, None).await;
    }
}

async fn alerting(reader: &mut Reader) {
    let (get, post) = (Method::GET, Method::POST);
    let channels = "/v1/notification-channels";
    let one = "/v1/notification-channels/{id}";
    let channel = json!({"name": "hook", "type": "webhook", "config": {"url": "http://127.0.0.1:9/a"}});
    let made = reader.call(post.clone(), channels, channels, Some(&channel)).await;
    let channel_id = text(&made, "channel_id").to_owned();
    let path = format!("{channels}/{channel_id}");
    reader.call(get.clone(), channels, channels, None).await;
    reader.call(get.clone(), one, &path, None).await;
    reader
        .call(Method::PATCH, one, &path, Some(&json!({"name": "other"})))
        .await;
    reader
        .call(
            post.clone(),
            "/v1/notification-channels/{id}/rotate-secret",
            &format!("{path}/rotate-secret"),
            None,
        )
        .await;
    reader
        .call(
            post.clone(),
            "/v1/notification-channels/{id}/test",
            &format!("{path}/test"),
            None,
        )
        .await;
    reader.call(get.clone(), "/v1/deliveries", "/v1/deliveries", None).await;
    let mail = json!({"name": "mail", "type": "email", "config": {"to": ["a@example.com"]}});
    let mail = reader.call(post.clone(), channels, channels, Some(&mail)).await;
    let mail = format!("{channels}/{}", text(&mail, "channel_id"));
    reader.call(get.clone(), one, &mail, None).await;
    let postbox = Postbox::default();
    let app = reader.product.app.clone();
    recipients::ask(&app, &app.system(Job::Deliver, None), &postbox)
        .await
        .unwrap();
    let token = postbox::token(&postbox.mails()[0]);
    for (method, path) in [
        (&get, "/v1/recipients"),
        (&post, "/v1/recipients/confirm"),
        (&get, "/v1/recipients/unsubscribe"),
        (&post, "/v1/recipients/unsubscribe"),
    ] {
        let target = format!("{path}?token={token}");
        reader.call(method.clone(), path, &target, None).await;
    }
    let sent = reader.call(get.clone(), "/v1/deliveries", "/v1/deliveries", None).await;
    let again = format!("/v1/deliveries/{}/replay", text(&sent["items"][0], "message_id"));
    let replay = "/v1/deliveries/{id}/replay";
    // the test call waits to be sent, until nobody is told any more
    reader.call(post.clone(), replay, &again, None).await;
    for enabled in [false, true] {
        let change = json!({"enabled": enabled, "rate_limit": 20});
        reader.call(Method::PATCH, one, &path, Some(&change)).await;
    }
    reader.call(post.clone(), replay, &again, None).await;
    let all_again = "/v1/notification-channels/{id}/replay";
    reader
        .call(post.clone(), all_again, &format!("{path}/replay"), None)
        .await;
    let picture = "/v1/pictures/{token}";
    reader.call(get.clone(), picture, "/v1/pictures/none", None).await;

    let alert = json!({"labels": {"alertname": "Down"}, "annotations": {"summary": "it is down"}});
    let posted = "/api/v2/alerts";
    reader.call(post.clone(), posted, posted, Some(&json!([alert]))).await;
    let webhook = "/v1/alertmanager/webhook";
    let mut firing = alert.clone();
    firing["status"] = "firing".into();
    reader
        .call(
            post.clone(),
            webhook,
            webhook,
            Some(&json!({"version": "4", "alerts": [firing]})),
        )
        .await;
    let rules = "/v1/alert-rules";
    let one_rule = "/v1/alert-rules/{id}";
    let conditions = [
        json!({"type": "threshold", "operator": "gt", "value": 500, "recover": 400}),
        json!({"type": "forecast", "operator": "gt", "value": 500, "horizon": "24h"}),
        json!({"type": "threshold", "operator": "gt", "value": 500, "points": {"at_least": 3, "of": 5}}),
        json!({"type": "threshold", "operator": "gt", "value": 500, "aggregation": "avg", "window": "15m"}),
        json!({"type": "rate_of_change", "window": "1h", "operator": "gt", "value": 20, "unit": "percent", "per": "1m"}),
        json!({"type": "missing_data", "after": "15m"}),
        json!({"type": "forecast", "operator": "lt", "value": 5, "horizon": "6h", "interval": {"level": 80, "edge": "lower"}}),
        json!({"type": "missing_data"}),
        json!({"type": "anomaly", "min_severity": "medium"}),
        json!({"type": "anomaly", "min_severity": "low", "direction": "up",
            "minimum_effect": {"absolute": 5, "percent": 20}, "points": {"at_least": 3, "of": 5}}),
    ];
    for condition in conditions {
        let mut rule = json!({"name": "high", "metric_key": "shop.orders", "severity": "critical",
            "channels": [channel_id], "for": "5m", "keep_firing_for": "5m"});
        if condition["type"] != "missing_data" {
            rule["no_data_after"] = "1h".into();
        }
        rule["condition"] = condition;
        let test = "/v1/alert-rules/test";
        reader
            .call(post.clone(), test, test, Some(&json!({"rule": rule})))
            .await;
        let made = reader.call(post.clone(), rules, rules, Some(&rule)).await;
        let path = format!("{rules}/{}", text(&made, "rule_id"));
        reader.call(get.clone(), one_rule, &path, None).await;
        reader
            .call(
                get.clone(),
                "/v1/alert-rules/{id}/instances",
                &format!("{path}/instances"),
                None,
            )
            .await;
        reader.call(Method::PUT, one_rule, &path, Some(&rule)).await;
        reader.call(get.clone(), rules, rules, None).await;
        reader.call(Method::DELETE, one_rule, &path, None).await;
    }
    reader.call(post.clone(), rules, rules, Some(&json!({"name": 1}))).await;
    reader.call(get.clone(), "/v1/alerts", "/v1/alerts", None).await;
    let nobody = "/v1/alerts/alrt_01990f3e7a6b7c10a1b2c3d4e5f60718";
    reader.call(get, "/v1/alerts/{id}", nobody, None).await;
    for verb in ["acknowledge", "resolve"] {
        let template = format!("/v1/alerts/{{id}}/{verb}");
        reader
            .call(post.clone(), &template, &format!("{nobody}/{verb}"), None)
            .await;
    }
    reader.call(Method::DELETE, one, &path, None).await;
    quiet(reader).await;
}

async fn quiet(reader: &mut Reader) {
    let (all, one) = ("/v1/silences", "/v1/silences/{id}");
    let end = intentvision::time::format(reader.product.app.clock.now() + 3_600_000);
    let new = json!({"matchers": {"metric_key": "shop.*"}, "reason": "deployment", "ends_at": end});
    let made = reader.call(Method::POST, all, all, Some(&new)).await;
    let until = json!({"matchers": {"metric_key": "shop.*"}, "reason": "deployment", "until": "resolved"});
    reader.call(Method::POST, all, all, Some(&until)).await;
    reader
        .call(Method::POST, all, all, Some(&json!({"reason": "none"})))
        .await;
    let path = format!("{all}/{}", text(&made, "silence_id"));
    for path in [path.as_str(), "/v1/silences/nothing"] {
        reader.call(Method::GET, one, path, None).await;
        reader.call(Method::DELETE, one, path, None).await;
    }
    reader.call(Method::GET, all, all, None).await;

    let (all, one) = ("/v1/mute-schedules", "/v1/mute-schedules/{id}");
    let new = json!({"name": "night", "time_zone": "Europe/Berlin", "mutes": "during",
        "weekly": [{"days": ["mon", "sun"], "from": "22:00", "to": "06:00"}]});
    let made = reader.call(Method::POST, all, all, Some(&new)).await;
    reader
        .call(Method::POST, all, all, Some(&json!({"name": "none"})))
        .await;
    let path = format!("{all}/{}", text(&made, "schedule_id"));
    for path in [path.as_str(), "/v1/mute-schedules/nothing"] {
        reader.call(Method::GET, one, path, None).await;
        reader.call(Method::PUT, one, path, Some(&new)).await;
    }
    reader.call(Method::GET, all, all, None).await;
    let rule = json!({"name": "quiet", "metric_key": "shop.orders", "severity": "info", "channels": [],
        "condition": {"type": "missing_data", "after": "15m"}, "mute_schedules": [text(&made, "schedule_id")],
        "notify": {"group_by": ["region"], "repeat_interval": null}, "inhibited_by": [], "escalate": null});
    let ruled = reader
        .call(Method::POST, "/v1/alert-rules", "/v1/alert-rules", Some(&rule))
        .await;
    reader.call(Method::DELETE, one, &path, None).await;
    let rule_path = format!("/v1/alert-rules/{}", text(&ruled, "rule_id"));
    reader
        .call(Method::DELETE, "/v1/alert-rules/{id}", &rule_path, None)
        .await;
    reader.call(Method::DELETE, one, &path, None).await;
}

async fn keys(reader: &mut Reader) {
    let (all, one) = ("/v1/api-keys", "/v1/api-keys/{id}");
    let new = json!({"name": "agent", "scopes": ["ingest:write"], "expires_at": "2999-01-01T00:00:00Z"});
    let made = reader.call(Method::POST, all, all, Some(&new)).await;
    reader.call(Method::GET, all, all, None).await;
    let path = format!("{all}/{}", text(&made, "key_id"));
    let grace = json!({"grace_seconds": 60});
    reader
        .call(
            Method::POST,
            "/v1/api-keys/{id}/rotate",
            &format!("{path}/rotate"),
            Some(&grace),
        )
        .await;
    reader.call(Method::DELETE, one, &path, None).await;
    reader.call(Method::DELETE, one, "/v1/api-keys/nothing", None).await;
}

/// Each documented parameter is taken, and no other.
#[tokio::test]
async fn every_operation_takes_the_parameters_of_the_document() {
    let reader = Reader::new().await;
    let refused = |reply: &Reply| {
        let detail = reply.json()["detail"].as_str().unwrap_or("").to_owned();
        detail.starts_with("there is no parameter").then_some(detail)
    };
    for (path, item) in reader.document["paths"].as_object().unwrap() {
        let Some(operation) = item.get("get").filter(|operation| operation["x-scope"].is_string()) else {
            continue;
        };
        let target = path.replace("{id}", "ser_0123456789abcdef");
        let stranger = reader
            .product
            .get(&format!("{target}?surely_unknown=1"), &reader.key)
            .await;
        // what has no parameters at all may look up its id first
        assert!(
            [400, 404].contains(&stranger.status.as_u16()),
            "{path} takes any parameter: {}",
            stranger.status
        );
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let pointer = parameter["$ref"].as_str().map(|target| &target[1..]);
            let parameter = pointer.map_or(parameter, |pointer| reader.document.pointer(pointer).unwrap());
            if parameter["in"] == "query" {
                let name = parameter["name"].as_str().unwrap();
                let name = if parameter["style"] == "deepObject" {
                    format!("{name}[a]")
                } else {
                    name.to_owned()
                };
                let reply = reader.product.get(&format!("{target}?{name}=1"), &reader.key).await;
                assert_eq!(refused(&reply), None, "{path}");
            }
        }
    }
}
