//! Holds replies against docs/openapi.json: the part of JSON Schema that the document uses.

use serde_json::Value;

/// What is wrong with a value; nothing if it is as the schema says. A field that the schema does not
/// name is wrong too, because a reader of the document would not know of it.
#[must_use]
pub fn violations(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(document, schema, value, "", &mut found);
    found
}

fn check(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    if let Some(parts) = schema["oneOf"].as_array() {
        let fits = |part: &&Value| violations(document, part, value).is_empty();
        if parts.iter().filter(fits).count() != 1 {
            found.push(format!("{at}: none of the alternatives, or several: {value}"));
        }
        return;
    }
    if let Some(parts) = schema["allOf"].as_array() {
        check(document, &merged(document, parts), value, at, found);
        return;
    }
    if let Some(expected) = schema.get("const").filter(|expected| *expected != value) {
        found.push(format!("{at}: {value} is not {expected}"));
    }
    if let Some(known) = schema["enum"].as_array().filter(|known| !known.contains(value)) {
        found.push(format!("{at}: {value} is none of {known:?}"));
    }
    if !has_type(&schema["type"], value) {
        found.push(format!("{at}: {value} is no {}", schema["type"]));
        return;
    }
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check(document, &schema["items"], item, &format!("{at}[{index}]"), found);
            }
        }
        Value::Object(fields) => {
            for name in schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                if !fields.contains_key(name) {
                    found.push(format!("{at}: lacks {name}"));
                }
            }
            for (name, field) in fields {
                let place = format!("{at}.{name}");
                match (schema["properties"].get(name), schema.get("additionalProperties")) {
                    (Some(known), _) => check(document, known, field, &place, found),
                    (None, Some(Value::Object(other))) => {
                        check(document, &Value::Object(other.clone()), field, &place, found);
                    }
                    // an object of any fields
                    (None, None) if schema.get("properties").is_none() => {}
                    (None, _) => found.push(format!("{place}: the document does not name it")),
                }
            }
        }
        _ => {}
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
    target.map_or(schema, |pointer| document.pointer(pointer).unwrap_or(&Value::Null))
}

/// One object schema with the fields of all.
fn merged(document: &Value, parts: &[Value]) -> Value {
    let mut properties = serde_json::Map::new();
    let mut required = Vec::new();
    for part in parts {
        let part = resolved(document, part);
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    serde_json::json!({"type": "object", "properties": properties, "required": required})
}

fn has_type(wanted: &Value, value: &Value) -> bool {
    match wanted {
        Value::Array(several) => several.iter().any(|one| has_type(one, value)),
        Value::String(name) => match name.as_str() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            _ => value.is_object(),
        },
        _ => true,
    }
}
