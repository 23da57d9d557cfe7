//! A function is thin: a router or a run, no SQL, no rule of the domain, no authority of the house.

use tests::template::Template;
use tests::workspace::{self, without_tests};

/// The functions that an HTTP API calls.
pub(crate) fn http_functions() -> Vec<String> {
    let template = Template::read();
    let answering = template
        .functions()
        .filter(|(_, _, properties)| Template::events(properties, "HttpApi").count() > 0);
    answering.map(|(function, ..)| function.to_owned()).collect()
}

#[test]
fn every_deployed_entry_point_has_at_most_30_lines() {
    for function in workspace::functions() {
        let path = format!("functions/{function}/src/main.rs");
        let lines = workspace::read(&path).lines().count();
        assert!(lines <= 30, "{path} has {lines} lines");
    }
}

#[test]
fn every_function_is_a_router_or_a_run() {
    let http = http_functions();
    for function in workspace::functions() {
        let source = workspace::read(&format!("functions/{function}/src/lib.rs"));
        let promised = if http.contains(&function) {
            "pub fn routes() -> Routes"
        } else {
            "pub async fn run("
        };
        assert!(
            source.contains(promised),
            "functions/{function}/src/lib.rs has no `{promised}`"
        );
    }
}

#[test]
fn no_function_holds_sql() {
    for path in workspace::files("functions", "rs") {
        let source = workspace::read(&path);
        for sign in [
            "SELECT ",
            "INSERT ",
            "DELETE FROM",
            "UPDATE ",
            "CREATE TABLE",
            "Step::tenant",
            "Step::global",
            "Batch::",
        ] {
            assert!(
                !source.contains(sign),
                "{path} holds {sign:?}: statements live in shared, next to their domain"
            );
        }
    }
}

/// Requirement: an HTTP handler acts for the key it was shown, never for the house.
#[test]
fn no_http_function_takes_the_authority_of_the_system_or_of_an_operator() {
    let http = http_functions();
    let functions = http
        .iter()
        .flat_map(|function| workspace::files(&format!("functions/{function}"), "rs"));
    let edge = workspace::files("shared/src/http", "rs");
    for path in functions.chain(edge) {
        let source = workspace::read(&path);
        for sign in ["::system(", ".system(", "::operator(", ".operator(", "Job::"] {
            let mut code = without_tests(&source)
                .replace("Clock::system()", "")
                .replace("Entropy::system()", "");
            code.retain(|letter| !letter.is_whitespace());
            assert!(!code.contains(sign), "{path} holds {sign:?}");
        }
    }
}
