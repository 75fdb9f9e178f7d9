//! A vendor's published document as a judge: of the requests that we send, and as a source of
//! examples of what it sends us.

use serde_json::{Map, Value, json};

pub struct Spec(Value);

impl Spec {
    pub fn read(name: &str) -> Spec {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/specs/");
        let text = std::fs::read_to_string(format!("{directory}{name}")).expect("a document");
        Spec(with_nulls(&serde_json::from_str(&text).expect("JSON")))
    }

    /// Judges the body of a request: by the schema, and by the names of its members, which a
    /// schema that lets anything pass would not see.
    pub fn judge(&self, path: &str, method: &str, body: &Value) {
        let at = format!(
            "/paths/{}/{method}/requestBody/content/application~1json/schema",
            path.replace('/', "~1")
        );
        assert!(self.0["paths"][path][method].is_object(), "no {method} {path}");
        self.judge_by(&at, body);
        let known = self.members(self.0.pointer(&at).expect("a schema"));
        for name in body.as_object().expect("an object").keys() {
            assert!(known.contains_key(name), "{path} has no member {name}");
        }
    }

    pub fn judge_by(&self, pointer: &str, instance: &Value) {
        let mut schema = self.0.clone();
        schema["$ref"] = json!(format!("#{pointer}"));
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let problems: Vec<String> = validator
            .iter_errors(instance)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{instance:#}\n{}", problems.join("\n"));
    }

    pub fn schema(&self, name: &str) -> &Value {
        &self.0["components"]["schemas"][name]
    }

    pub fn webhooks(&self) -> &Map<String, Value> {
        self.0["webhooks"].as_object().expect("webhooks")
    }

    /// An instance put together from the examples in a schema.
    pub fn example(&self, schema: &Value) -> Value {
        if let Some(example) = schema.get("example").or_else(|| schema.get("const")) {
            return example.clone();
        }
        let schema = self.target(schema);
        if let Some(first) = schema["enum"].get(0) {
            return first.clone();
        }
        let members = self.members(schema);
        match schema["type"].as_str() {
            _ if !members.is_empty() => {
                members.iter().map(|(name, schema)| (name.clone(), self.example(schema))).collect()
            }
            Some("array") => json!([self.example(&schema["items"])]),
            Some("object") => json!({}),
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(true),
            _ => json!("text"),
        }
    }

    fn target<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let choice = schema.get("anyOf").or_else(|| schema.get("oneOf"));
        let schema = choice.and_then(|any| any.get(0)).unwrap_or(schema);
        match schema["$ref"].as_str() {
            Some(at) => self.target(self.0.pointer(at.trim_start_matches('#')).expect("a target")),
            None if choice.is_some() => self.target(schema),
            None => schema,
        }
    }

    fn members(&self, schema: &Value) -> Map<String, Value> {
        let schema = self.target(schema);
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let mut members: Map<String, Value> =
            parts.flat_map(|part| self.members(part).into_iter()).collect();
        members.extend(schema["properties"].as_object().cloned().unwrap_or_default());
        members
    }
}

/// `nullable` of OpenAPI 3.0 as JSON Schema has it.
fn with_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let inner: Map<String, Value> =
                members.iter().map(|(name, value)| (name.clone(), with_nulls(value))).collect();
            if inner.get("nullable") == Some(&json!(true)) {
                return json!({"anyOf": [inner, {"type": "null"}]});
            }
            Value::Object(inner)
        }
        Value::Array(items) => items.iter().map(with_nulls).collect(),
        other => other.clone(),
    }
}
