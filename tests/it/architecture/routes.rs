//! Requirement 62: the routes of the code, of OpenAPI and of the template are the same.

use std::collections::BTreeMap;

use query::OPENAPI;
use serde_json::Value;
use tests::product::http_functions;
use tests::template::Template;

/// Method and path.
pub(super) type Operation = (String, String);

/// Which function answers, and which scope it asks for; none for health and the document.
pub(super) type Answer = (String, Option<String>);

/// What the common crate answers in every process; the template gives it to one function.
const EVERYWHERE: [&str; 2] = ["/health/live", "/health/ready"];
const EVERYWHERE_FROM: &str = "query";

pub(super) fn of_the_code() -> BTreeMap<Operation, Answer> {
    let mut found = BTreeMap::new();
    for path in EVERYWHERE {
        let operation = ("GET".to_owned(), path.to_owned());
        found.insert(operation, (EVERYWHERE_FROM.to_owned(), None));
    }
    for (function, routes) in http_functions() {
        for route in routes.list() {
            let operation = (route.method.to_string(), route.path.to_owned());
            let answer = (function.to_owned(), route.scope.map(|scope| scope.as_str().to_owned()));
            let earlier = found.insert(operation, answer);
            assert_eq!(earlier, None, "{} {} is there twice", route.method, route.path);
        }
    }
    found
}

/// The operations of the document: method, path, what it says.
pub(super) fn of_the_document(document: &Value) -> Vec<(Operation, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| ((method.to_ascii_uppercase(), path.clone()), operation))
    });
    each.collect()
}

fn of_the_template(template: &Template) -> BTreeMap<Operation, String> {
    let mut found = BTreeMap::new();
    for (function, _, properties) in template.functions() {
        for event in Template::events(properties, "HttpApi") {
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            let earlier = found.insert((text("Method"), text("Path")), function.to_owned());
            assert_eq!(earlier, None, "{} {} is there twice", event["Method"], event["Path"]);
        }
    }
    found
}

/// Says what differs, and not all that is there.
fn assert_same<T: PartialEq + std::fmt::Debug>(described: &BTreeMap<Operation, T>, coded: &BTreeMap<Operation, T>) {
    let lines = described
        .iter()
        .filter(|(operation, what)| coded.get(operation) != Some(what))
        .map(|(operation, what)| format!("described: {operation:?} {what:?}"));
    let others = coded
        .iter()
        .filter(|(operation, what)| described.get(operation) != Some(what))
        .map(|(operation, what)| format!("coded:     {operation:?} {what:?}"));
    let differences: Vec<String> = lines.chain(others).collect();
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[test]
fn r62_the_document_names_every_route_with_its_scope_and_no_other() {
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    let documented: BTreeMap<Operation, Option<String>> = of_the_document(&document)
        .into_iter()
        .map(|(operation, details)| (operation, details["x-scope"].as_str().map(str::to_owned)))
        .collect();
    let coded: BTreeMap<Operation, Option<String>> = of_the_code()
        .into_iter()
        .map(|(operation, (_, scope))| (operation, scope))
        .collect();
    assert_same(&documented, &coded);
}

#[test]
fn r62_the_template_sends_every_route_to_its_function_and_no_other() {
    let deployed = of_the_template(&Template::read());
    let coded: BTreeMap<Operation, String> = of_the_code()
        .into_iter()
        .map(|(operation, (function, _))| (operation, function))
        .collect();
    assert_same(&deployed, &coded);
}

#[test]
fn every_path_is_written_as_the_router_and_the_gateway_match_it() {
    for (method, path) in of_the_code().keys() {
        let plain =
            path.starts_with('/') && !path.ends_with('/') && !path.contains("//") && *path == path.to_lowercase();
        assert!(plain, "{method} {path}");
    }
}
