use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use db::Value;

use crate::plan::{Condition, Plan, Statement};

/// The body of the one request of an operation: a batch, and the end of its stream. Written by hand,
/// because the blobs and texts of an ingest go through here.
pub(crate) fn body(plan: &Plan<'_>) -> Vec<u8> {
    let mut body = Vec::with_capacity(plan.statements.iter().map(size).sum());
    body.extend_from_slice(br#"{"baton":null,"requests":[{"type":"batch","batch":{"steps":["#);
    for (index, statement) in plan.statements.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.push(b'{');
        write_condition(&mut body, statement.condition);
        write_statement(&mut body, statement);
        body.push(b'}');
    }
    body.extend_from_slice(br#"]}},{"type":"close"}]}"#);
    body
}

/// A little more than a statement takes.
fn size(statement: &Statement<'_>) -> usize {
    let values = statement.subject.into_iter().chain(statement.args);
    let values = values.map(|value| match value {
        Value::Text(text) => 40 + text.len() + text.len() / 8,
        Value::Blob(blob) => 40 + blob.len() * 4 / 3,
        _ => 60,
    });
    160 + statement.with.len() + statement.sql.len() + values.sum::<usize>()
}

fn write_condition(body: &mut Vec<u8>, condition: Condition) {
    let text = match condition {
        Condition::Always => return,
        Condition::Ok(step) => format!(r#"{{"type":"ok","step":{step}}}"#),
        Condition::Not(step) => format!(r#"{{"type":"not","cond":{{"type":"ok","step":{step}}}}}"#),
        Condition::Failed(None, step) => format!(r#"{{"type":"error","step":{step}}}"#),
        Condition::Failed(Some(before), step) => {
            format!(r#"{{"type":"and","conds":[{{"type":"ok","step":{before}}},{{"type":"error","step":{step}}}]}}"#)
        }
    };
    body.extend_from_slice(br#""condition":"#);
    body.extend_from_slice(text.as_bytes());
    body.push(b',');
}

fn write_statement(body: &mut Vec<u8>, statement: &Statement<'_>) {
    body.extend_from_slice(br#""stmt":{"sql":"#);
    write_text(body, &[statement.with, statement.sql].concat());
    let mut values = statement.subject.into_iter().chain(statement.args).peekable();
    if values.peek().is_some() {
        body.extend_from_slice(br#","args":["#);
        while let Some(value) = values.next() {
            write_value(body, value);
            if values.peek().is_some() {
                body.push(b',');
            }
        }
        body.push(b']');
    }
    body.push(b'}');
}

fn write_value(body: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => body.extend_from_slice(br#"{"type":"null"}"#),
        // as text: JSON numbers are exact up to 2^53 only
        Value::Integer(value) => {
            body.extend_from_slice(format!(r#"{{"type":"integer","value":"{value}"}}"#).as_bytes());
        }
        Value::Real(value) => {
            // the shortest text that reads back as the same number
            body.extend_from_slice(format!(r#"{{"type":"float","value":{value:?}}}"#).as_bytes());
        }
        Value::Text(value) => {
            body.extend_from_slice(br#"{"type":"text","value":"#);
            write_text(body, value);
            body.push(b'}');
        }
        Value::Blob(value) => {
            body.extend_from_slice(br#"{"type":"blob","base64":""#);
            write_base64(body, value);
            body.extend_from_slice(br#""}"#);
        }
    }
}

fn write_text(body: &mut Vec<u8>, text: &str) {
    // a string cannot fail to serialise, nor a Vec to grow
    let _ = serde_json::to_writer(body, text);
}

fn write_base64(body: &mut Vec<u8>, blob: &[u8]) {
    let start = body.len();
    body.resize(start + blob.len().div_ceil(3) * 4, 0);
    // the room suffices: padding is not written
    let written = STANDARD_NO_PAD.encode_slice(blob, &mut body[start..]).unwrap_or(0);
    body.truncate(start + written);
}

#[cfg(test)]
mod tests {
    use db::{Batch, Check, Guard, Step, Value, args};

    use super::body;
    use crate::plan::Plan;

    fn text(guard: &Guard, batch: &Batch) -> String {
        String::from_utf8(body(&Plan::new(guard, batch))).unwrap()
    }

    #[test]
    fn a_write_is_a_chain_of_conditions_between_begin_and_commit() {
        let guard = Guard {
            credential: Some(Check {
                sql: "SELECT ?1",
                args: args!["hash"],
            }),
            scope: None,
            with: "WITH authority(org_id, actor) AS (SELECT ?1, 2) ",
            subject: Value::Integer(i64::MIN),
        };
        let mut batch = Batch::write();
        batch.push(Step::tenant("SELECT ?2 FROM authority", args![0.5]));
        let failing = batch.push(Step::global(
            "SELECT ?1, ?2, ?3",
            args![None::<i64>, "\"\n", vec![0_u8]],
        ));
        batch.push_rescue(failing, Step::global("SELECT 1", args![]));
        let expected = concat!(
            r#"{"baton":null,"requests":[{"type":"batch","batch":{"steps":["#,
            r#"{"stmt":{"sql":"BEGIN IMMEDIATE"}},"#,
            r#"{"condition":{"type":"ok","step":0},"stmt":{"sql":"SELECT ?1","args":[{"type":"text","value":"hash"}]}},"#,
            r#"{"condition":{"type":"ok","step":1},"stmt":{"sql":"WITH authority(org_id, actor) AS (SELECT ?1, 2) "#,
            r#"SELECT ?2 FROM authority","args":[{"type":"integer","value":"-9223372036854775808"},"#,
            r#"{"type":"float","value":0.5}]}},"#,
            r#"{"condition":{"type":"ok","step":2},"stmt":{"sql":"SELECT ?1, ?2, ?3","args":[{"type":"null"},"#,
            r#"{"type":"text","value":"\"\n"},{"type":"blob","base64":"AA"}]}},"#,
            r#"{"condition":{"type":"and","conds":[{"type":"ok","step":2},{"type":"error","step":3}]},"#,
            r#""stmt":{"sql":"SELECT 1"}},"#,
            r#"{"condition":{"type":"ok","step":3},"stmt":{"sql":"COMMIT"}},"#,
            r#"{"condition":{"type":"not","cond":{"type":"ok","step":5}},"stmt":{"sql":"ROLLBACK"}}"#,
            r#"]}},{"type":"close"}]}"#
        );
        assert_eq!(text(&guard, &batch), expected);
    }

    #[test]
    fn blobs_of_every_length_are_written_without_padding() {
        for length in 0..50_usize {
            let mut written = Vec::new();
            super::write_base64(&mut written, &vec![b'a'; length]);
            assert_eq!(written.len(), (length * 4).div_ceil(3), "{length}");
        }
    }
}
