//! docs/reference/api.md: every path of the API, and what bodies and answers hold, from the OpenAPI document.

use std::collections::BTreeMap;

use anycast_ctl::{api::router, config};
use serde_json::{Map, Value};

use crate::{
    hold,
    page::{Page, anchor, code, unlinked},
};

#[test]
fn paths_are_as_the_page_has_them() {
    let document: Value = serde_json::from_str(&router::document().to_json().unwrap()).unwrap();
    let mut page =
        Page::new("API", "the routes in `anycast-ctl/src/api/routes` and the types of their bodies");
    page.block(
        "Every path of the daemon's API, from its OpenAPI document (`GET /v1/openapi.json`). How to reach it, with examples: \
         [API](../api.md). Every answer that is not 2xx is an [ApiError](#apierror).",
    );
    let operations = operations(&document);
    let mut tags: Vec<&str> = operations.iter().map(|it| it.tag).collect();
    tags.sort_unstable();
    tags.dedup();
    let common = common(&operations);
    page.heading(2, "Queries of many requests");
    page.table(["query", "meaning"], common.iter().map(|(name, about)| [code(name), about.clone()]));
    for tag in tags {
        page.heading(2, &format!("About {tag}"));
        let of_tag = operations.iter().filter(|it| it.tag == tag);
        page.table(["request", "does", "query", "body", "answer"], of_tag.map(|it| it.row(&common)));
    }
    page.heading(2, "Types");
    page.block("Fields that may be missing or null are marked with `?`.");
    let of_files = config::schema().to_value();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        page.heading(3, name);
        kind(&mut page, schema, of_files["$defs"].get(name).is_some());
    }
    hold("api.md", page);
}

/// What so many requests take that it is told of once.
fn common(operations: &[Operation<'_>]) -> Vec<(String, String)> {
    let mut counts: BTreeMap<(String, String), u32> = BTreeMap::new();
    for query in operations.iter().flat_map(Operation::query) {
        *counts.entry(query).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 5).map(|(query, _)| query).collect()
}

struct Operation<'a> {
    tag: &'a str,
    method: String,
    path: &'a str,
    about: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, about)| {
            let tag = about["tags"][0].as_str().unwrap_or("everything else");
            Operation { tag, method: method.to_uppercase(), path, about }
        })
    });
    all.collect()
}

impl Operation<'_> {
    /// Names and meanings.
    fn query(&self) -> Vec<(String, String)> {
        let query =
            self.about["parameters"].as_array().into_iter().flatten().filter(|it| it["in"] == "query");
        query.map(|it| (it["name"].as_str().unwrap().to_owned(), text(it, "description"))).collect()
    }

    fn row(&self, common: &[(String, String)]) -> [String; 5] {
        let summary = text(self.about, "summary");
        let description = text(self.about, "description");
        let queries = self.query().into_iter().map(|query| match query {
            (name, about) if about.is_empty() || common.contains(&(name.clone(), about.clone())) => {
                code(&name)
            }
            (name, about) => format!("{}: {about}", code(&name)),
        });
        let queries: Vec<String> = queries.collect();
        let answers = self.about["responses"].as_object().into_iter().flatten();
        let answers: Vec<String> = answers
            .filter(|(status, _)| *status != "default")
            .map(|(status, answer)| {
                let content = content(&answer["content"]);
                let about = if content.is_empty() { text(answer, "description") } else { content };
                format!("{status} {about}").trim_end().to_owned()
            })
            .collect();
        [
            code(&format!("{} {}", self.method, self.path)),
            if description.is_empty() { summary } else { format!("{summary}. {description}") },
            queries.join("; "),
            content(&self.about["requestBody"]["content"]),
            answers.join("; "),
        ]
    }
}

fn text(value: &Value, key: &str) -> String {
    unlinked(value[key].as_str().unwrap_or_default())
}

/// What a body holds, by the type of its content where that is not JSON.
fn content(content: &Value) -> String {
    let kinds = content.as_object().into_iter().flatten().map(|(mime, body)| {
        let words = words(&body["schema"]);
        if mime == "application/json" { words } else { format!("{} ({words})", code(mime)) }
    });
    kinds.collect::<Vec<_>>().join(" or ")
}

fn kind(page: &mut Page, schema: &Value, is_of_files: bool) {
    let description = text(schema, "description");
    if !description.is_empty() {
        page.block(&description);
    }
    if is_of_files {
        return page.block("As in site files: [configuration](configuration.md).");
    }
    let either = ["oneOf", "anyOf"].iter().find_map(|key| schema[*key].as_array());
    if let Some(properties) = schema["properties"].as_object() {
        fields(page, properties, schema);
    } else if let Some(parts) = schema["allOf"].as_array() {
        for part in parts {
            match part["properties"].as_object() {
                Some(properties) => fields(page, properties, part),
                None => page.block(&format!("All of {}, and:", words(part))),
            }
        }
    } else if let Some(either) = either {
        let rows = either.iter().map(|it| [words(it), text(it, "description")]);
        page.table(["one of", "meaning"], rows);
    } else {
        page.block(&capital(&words(schema)));
    }
}

fn fields(page: &mut Page, properties: &Map<String, Value>, schema: &Value) {
    let required =
        |key: &str| schema["required"].as_array().is_some_and(|keys| keys.iter().any(|it| it == key));
    let rows = properties.iter().map(|(name, property)| {
        let mark = if required(name) && !may_be_null(property) { "" } else { "?" };
        [format!("{}{mark}", code(name)), words(property), text(property, "description")]
    });
    page.table(["field", "type", "meaning"], rows);
}

fn may_be_null(schema: &Value) -> bool {
    let named = schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(|it| it == "null"));
    let either = ["oneOf", "anyOf"].iter().find_map(|key| schema[*key].as_array());
    named || either.is_some_and(|either| either.iter().any(|it| it["type"] == "null"))
}

/// A schema in words.
fn words(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return format!("[{name}](#{})", anchor(name));
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| code(&value.to_string())).collect::<Vec<_>>().join(", ");
    }
    if let Some(value) = schema.get("const") {
        return code(&value.to_string());
    }
    if let Some(either) = ["oneOf", "anyOf", "allOf"].iter().find_map(|key| schema[*key].as_array()) {
        let either: Vec<String> = either.iter().filter(|it| it["type"] != "null").map(words).collect();
        return either.join(" or ");
    }
    if let Some(properties) = schema["properties"].as_object() {
        let fields = properties.iter().map(|(name, property)| format!("{} {}", code(name), words(property)));
        return format!("object: {}", fields.collect::<Vec<_>>().join(", "));
    }
    let named = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => vec!["anything"],
    };
    let named: Vec<String> = named
        .into_iter()
        .map(|name| match name {
            "array" => format!("list of {}", words(&schema["items"])),
            "object" if schema["additionalProperties"].is_object() => {
                format!("object of {}", words(&schema["additionalProperties"]))
            }
            "integer" | "number" => "number".to_owned(),
            "boolean" => "true or false".to_owned(),
            "string" => "text".to_owned(),
            other => other.to_owned(),
        })
        .collect();
    named.join(" or ")
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
