//! docs/ says what the code does.

use std::collections::BTreeSet;

use intentvision::auth::Scope;
use query::OPENAPI;
use serde_json::Value;
use tests::template::Template;
use tests::workspace::{self, without_tests};

use super::routes::{of_the_code, of_the_document};

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

#[test]
fn the_document_is_openapi_3_1_and_small_enough_to_serve() {
    assert_eq!(document()["openapi"], "3.1.0");
    assert!(OPENAPI.len() < 240_000, "{} bytes", OPENAPI.len());
}

#[test]
fn every_operation_says_by_which_credential_and_scope() {
    for ((method, path), operation) in of_the_document(&document()) {
        let security = operation["security"].as_array().unwrap();
        match operation["x-scope"].as_str() {
            None => assert!(security.is_empty(), "{method} {path}"),
            Some(scope) => {
                assert!(Scope::parse(scope).is_some(), "{method} {path}");
                let expected = serde_json::json!([{"bearer": [scope]}, {"apiKey": [scope]}]);
                assert_eq!(operation["security"], expected, "{method} {path}");
            }
        }
    }
}

#[test]
fn every_operation_has_an_id_a_summary_its_path_parameters_and_its_failures() {
    let document = document();
    let mut ids = BTreeSet::new();
    for ((method, path), operation) in of_the_document(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} is there twice");
        assert!(operation["summary"].is_string(), "{method} {path}");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let in_path: Vec<&str> = parameters
            .filter(|one| one["in"] == "path")
            .filter_map(|one| one["name"].as_str())
            .collect();
        let named: Vec<&str> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(in_path, named, "{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        let mut expected = Vec::new();
        if operation["x-scope"].is_string() {
            expected.extend(["401", "403", "503"]);
        }
        if path.contains("{id}") {
            expected.push("404");
        }
        if operation.get("requestBody").is_some() {
            expected.extend(["400", "413", "415"]);
        }
        for status in expected {
            assert!(responses.contains_key(status), "{method} {path} lacks {status}");
        }
        assert!(
            responses.keys().any(|status| status.starts_with('2')),
            "{method} {path}"
        );
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn check(document: &Value, value: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(target) = map.get("$ref").and_then(Value::as_str) {
                    let pointer = target.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{target}");
                }
                map.values().for_each(|value| check(document, value));
            }
            Value::Array(items) => items.iter().for_each(|value| check(document, value)),
            _ => {}
        }
    }
    let document = document();
    check(&document, &document);
}

/// The codes of the enum, as they are written in JSON.
fn codes() -> BTreeSet<String> {
    let source = workspace::read("shared/src/error.rs");
    let (_, rest) = source.split_once("pub enum Code {").unwrap();
    let (body, _) = rest.split_once('}').unwrap();
    let variants = body.lines().filter_map(|line| line.trim().strip_suffix(','));
    variants.map(screaming).collect()
}

fn screaming(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

#[test]
fn the_document_and_the_guide_know_every_code_and_no_other() {
    let document = document();
    let listed = document["components"]["schemas"]["Code"]["enum"].as_array().unwrap();
    let listed: BTreeSet<String> = listed.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, codes());
    let guide = workspace::read("docs/api.md");
    for code in codes() {
        assert!(
            guide.contains(&format!("`{code}`")),
            "docs/api.md does not explain {code}"
        );
    }
}

#[test]
fn the_guide_names_every_route() {
    let guide = workspace::read("docs/api.md");
    for (method, path) in of_the_code().keys() {
        assert!(
            guide.contains(&format!("`{method} {path}`")),
            "docs/api.md does not name {method} {path}"
        );
    }
}

#[test]
fn operations_explains_every_variable_of_the_code_and_of_the_template() {
    let guide = workspace::read("docs/operations.md");
    let sources = workspace::files("shared/src", "rs")
        .into_iter()
        .chain(workspace::files("functions", "rs"));
    let mut names = BTreeSet::new();
    for path in sources {
        let source = workspace::read(&path);
        for piece in without_tests(&source)
            .split('"')
            .filter(|piece| piece.starts_with("INTENTVISION_"))
        {
            if piece.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_') {
                names.insert(piece.to_owned());
            }
        }
    }
    for (_, _, properties) in Template::read().functions() {
        names.extend(
            properties["Environment"]["Variables"]
                .as_object()
                .unwrap()
                .keys()
                .cloned(),
        );
    }
    assert!(names.contains("INTENTVISION_DB_URL"));
    for name in names {
        assert!(
            guide.contains(&format!("`{name}`")),
            "docs/operations.md does not explain {name}"
        );
    }
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    let mut guides = workspace::files("docs", "md");
    guides.push("README.md".into());
    for guide in guides {
        let folder = workspace::root().join(&guide).parent().unwrap().to_owned();
        let text = workspace::read(&guide);
        for link in text.split("](").skip(1) {
            let (target, _) = link.split_once(')').unwrap();
            let (file, _) = target.split_once('#').unwrap_or((target, ""));
            let elsewhere = file.contains("://") || file.is_empty();
            assert!(elsewhere || folder.join(file).exists(), "{guide} links to {target}");
        }
    }
}

#[test]
fn decisions_are_numbered_once_and_by_their_titles() {
    let mut numbers = BTreeSet::new();
    for path in workspace::files("docs/decisions", "md") {
        let name = path.rsplit('/').next().unwrap();
        let number: u32 = name.split_once('-').unwrap().0.parse().unwrap();
        assert!(numbers.insert(number), "there are two decisions {number}");
        assert!(workspace::read(&path).starts_with(&format!("# {number}. ")), "{path}");
    }
}

/// The files for `cargo lambda invoke`: one for each function that is not called over HTTP, and one request.
#[test]
fn there_is_an_event_file_for_every_way_to_start_a_function() {
    let template = Template::read();
    let guide = workspace::read("docs/operations.md");
    for (function, _, properties) in template.functions() {
        let http = Template::events(properties, "HttpApi").count() > 0;
        if http && function != "ingest" {
            continue;
        }
        let path = format!("tests/events/{function}.json");
        let event: Value = serde_json::from_str(&workspace::read(&path)).unwrap();
        assert!(guide.contains(&path), "docs/operations.md does not use {path}");
        for schedule in Template::events(properties, "ScheduleV2") {
            let input: Value = serde_json::from_str(schedule["Input"].as_str().unwrap()).unwrap();
            let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(names(&event), names(&input), "{path}");
        }
    }
}

/// `cargo lambda watch` answers all functions behind one address.
#[test]
fn the_local_router_of_cargo_lambda_knows_every_path() {
    let manifest = workspace::read("Cargo.toml");
    for ((_, path), (function, _)) in of_the_code() {
        let line = format!("\"{path}\" = \"{function}\"");
        let by_method = format!("\"{path}\" = [");
        assert!(
            manifest.contains(&line) || manifest.contains(&by_method),
            "Cargo.toml lacks {line}"
        );
    }
}
