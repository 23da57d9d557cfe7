//! template.yaml as JSON: a tag like `!GetAtt X.Arn` becomes `{"!GetAtt": "X.Arn"}`, and what
//! `Globals` says of functions stands in each function.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

use crate::workspace;

/// Where docs/operations.md has the functions built to.
pub const BUILT: &str = "target/functions/";

/// The template.
#[derive(Debug)]
pub struct Template(pub Value);

impl Template {
    /// Reads template.yaml.
    ///
    /// # Panics
    /// If it is no YAML.
    #[must_use]
    pub fn read() -> Self {
        let text = workspace::read("template.yaml");
        let documents = Yaml::load_from_str(&text).expect("template.yaml is YAML");
        let mut template = json(&documents[0]);
        let globals = template["Globals"]["Function"].clone();
        for resource in template["Resources"].as_object_mut().expect("resources").values_mut() {
            if resource["Type"] == "AWS::Serverless::Function" {
                inherit(&mut resource["Properties"], &globals);
            }
        }
        Self(template)
    }

    /// The resources of a type, by name.
    pub fn resources<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let all = self.0["Resources"].as_object().into_iter().flatten();
        all.filter(move |(_, resource)| resource["Type"] == kind)
            .map(|(name, resource)| (name.as_str(), &resource["Properties"]))
    }

    /// The functions: name of the program, name of the resource, properties.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.resources("AWS::Serverless::Function").map(|(name, properties)| {
            let program = properties["CodeUri"].as_str().and_then(|code| code.strip_prefix(BUILT));
            (program.unwrap_or("no program"), name, properties)
        })
    }

    /// The events of a function of one type, as their properties.
    pub fn events<'a>(properties: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        let all = properties["Events"].as_object().into_iter().flatten();
        all.filter(move |(_, event)| event["Type"] == kind)
            .map(|(_, event)| &event["Properties"])
    }

    /// The resource that `{"!GetAtt": "NAME.x"}` or `{"!Ref": "NAME"}` names.
    #[must_use]
    pub fn referred(value: &Value) -> Option<&str> {
        let text = value.get("!GetAtt").or_else(|| value.get("!Ref"))?.as_str()?;
        text.split('.').next()
    }
}

/// Adds what is not there, and merges maps and lists as SAM does.
fn inherit(properties: &mut Value, globals: &Value) {
    match (properties, globals) {
        (Value::Object(own), Value::Object(global)) => {
            for (name, value) in global {
                inherit(own.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(own), Value::Array(global)) => own.extend(global.iter().cloned()),
        (own @ Value::Null, global) => *own = global.clone(),
        _ => {}
    }
}

fn json(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) | Yaml::BadValue | Yaml::Alias(_) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => (*value).into(),
        Yaml::Value(Scalar::Integer(value)) => (*value).into(),
        Yaml::Value(Scalar::FloatingPoint(value)) => value.into_inner().into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Representation(text, _, _) => text.as_ref().into(),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(map) => {
            let pairs = map.iter().map(|(key, value)| match json(key) {
                Value::String(key) => (key, json(value)),
                other => (other.to_string(), json(value)),
            });
            Value::Object(pairs.collect())
        }
        Yaml::Tagged(tag, inner) => Value::Object(Map::from_iter([(format!("!{}", tag.suffix), json(inner))])),
    }
}
