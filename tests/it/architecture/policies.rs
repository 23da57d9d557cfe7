//! Requirement 64, permissions: each function has a role of its own, with exact actions on exact
//! resources.

use std::collections::BTreeSet;

use serde_json::Value;
use tests::template::Template;

/// Every statement of every role: role and statement.
fn statements(template: &Template) -> Vec<(&str, &Value)> {
    let mut found = Vec::new();
    for (role, properties) in template.resources("AWS::IAM::Role") {
        for policy in properties["Policies"].as_array().unwrap() {
            let all = policy["PolicyDocument"]["Statement"].as_array().unwrap();
            found.extend(all.iter().map(|statement| (role, statement)));
        }
    }
    found
}

fn list(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |items| items.iter().collect())
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|item| texts(item, found)),
        _ => {}
    }
}

#[test]
fn r64_no_policy_holds_a_wildcard() {
    let template = Template::read();
    let statements = statements(&template);
    assert!(!statements.is_empty());
    for (role, statement) in statements {
        assert_eq!(statement["Effect"], "Allow", "{role}");
        for unbounded in ["NotAction", "NotResource", "NotPrincipal"] {
            assert!(statement.get(unbounded).is_none(), "{role}: {unbounded}");
        }
        let mut found = Vec::new();
        texts(statement, &mut found);
        for text in found {
            assert!(!text.contains('*') && !text.contains('?'), "{role}: {text}");
        }
        for action in list(&statement["Action"]) {
            assert!(action.as_str().unwrap().contains(':'), "{role}: {action}");
        }
        assert!(statement.get("Resource").is_some(), "{role}");
    }
}

/// Managed policies, SAM's policy templates and resource policies would bring wildcards by the back door.
#[test]
fn r64_permissions_come_from_roles_of_this_file_alone() {
    let template = Template::read();
    for (role, properties) in template.resources("AWS::IAM::Role") {
        assert!(properties.get("ManagedPolicyArns").is_none(), "{role}");
        for statement in properties["AssumeRolePolicyDocument"]["Statement"].as_array().unwrap() {
            let service = statement["Principal"]["Service"].as_str().unwrap();
            assert!(
                ["lambda.amazonaws.com", "scheduler.amazonaws.com"].contains(&service),
                "{role}"
            );
        }
    }
    for kind in [
        "AWS::IAM::Policy",
        "AWS::IAM::ManagedPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::Lambda::Permission",
    ] {
        assert_eq!(template.resources(kind).count(), 0, "{kind}");
    }
    for (function, _, properties) in template.functions() {
        assert!(properties.get("Policies").is_none(), "{function}");
        assert!(properties.get("FunctionUrlConfig").is_none(), "{function}");
    }
}

#[test]
fn r64_every_function_has_a_role_of_its_own() {
    let template = Template::read();
    let mut roles = BTreeSet::new();
    for (function, _, properties) in template.functions() {
        let role = Template::referred(&properties["Role"]).unwrap().to_owned();
        assert!(roles.insert(role), "{function} shares its role");
    }
}

/// It writes to its own log group, and reads the secrets that its own environment names: no others.
#[test]
fn r64_a_role_reaches_what_its_function_names_and_nothing_else() {
    let template = Template::read();
    for (function, _, properties) in template.functions() {
        let role = Template::referred(&properties["Role"]).unwrap();
        let logs = Template::referred(&properties["LoggingConfig"]["LogGroup"]).unwrap();
        let mut secrets = BTreeSet::new();
        let mut named: BTreeSet<String> = BTreeSet::new();
        for (name, value) in properties["Environment"]["Variables"].as_object().unwrap() {
            if name.ends_with("_PARAMETER") {
                // where a condition holds, or always
                let value = value.get("!If").map_or(value, |choice| &choice[1]);
                named.insert(Template::referred(value).unwrap().to_owned());
            }
        }
        for (_, statement) in statements(&template).into_iter().filter(|(of, _)| *of == role) {
            let actions: Vec<&str> = list(&statement["Action"])
                .into_iter()
                .filter_map(Value::as_str)
                .collect();
            match actions.as_slice() {
                ["logs:CreateLogStream", "logs:PutLogEvents"] => {
                    assert_eq!(Template::referred(&statement["Resource"]), Some(logs), "{function}");
                }
                ["ssm:GetParameter"] => {
                    for arn in list(&statement["Resource"]) {
                        secrets.insert(parameter(arn));
                    }
                }
                ["kms:Decrypt"] => {
                    assert_eq!(statement["Resource"]["!Ref"], "ParameterKeyArn", "{function}");
                    let context = &statement["Condition"]["StringEquals"]["kms:EncryptionContext:PARAMETER_ARN"];
                    let bound: BTreeSet<String> = list(context).into_iter().map(parameter).collect();
                    assert_eq!(bound, named, "{function}");
                }
                actions => {
                    assert!(
                        actions.iter().all(|action| action.starts_with("sqs:")),
                        "{function}: {actions:?}"
                    );
                    let queue = Template::referred(&statement["Resource"]).unwrap();
                    assert_eq!(template.0["Resources"][queue]["Type"], "AWS::SQS::Queue", "{function}");
                }
            }
        }
        assert_eq!(secrets, named, "{function}");
    }
}

/// The name in `...:parameter${NAME}`.
fn parameter(arn: &Value) -> String {
    let text = arn["!Sub"].as_str().unwrap();
    let (_, name) = text.rsplit_once(":parameter${").unwrap();
    name.trim_end_matches('}').to_owned()
}
