//! The OpenAPI document and the routes agree.

use std::collections::BTreeSet;

use anycast_ctl::api::router;
use serde_json::Value;

use crate::{ask, daemon::Daemon, exchange};

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

#[test]
fn every_documented_route_answers_and_nothing_else_does() {
    let daemon = Daemon::start();
    let (status, document) = ask(&daemon, "GET /v1/openapi.json", "");
    assert_eq!(status, 200);
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 10, "{paths:?}");
    for (path, methods) in paths {
        let filled = path
            .replace("{pool}", "web")
            .replace("{backend}", "web-1")
            .replace("{vip}", "www")
            .replace("{capture}", "1")
            .replace("{revision}", "1");
        // They do not end.
        let streams =
            |method: &str| matches!((&path[..], method), ("/v1/events", "get") | ("/v1/captures", "post"));
        for method in METHODS.into_iter().filter(|method| !streams(method)) {
            let (status, _, body) =
                exchange(&daemon, &format!("{} {filled}", method.to_uppercase()), "", "{}");
            match methods.get(method) {
                Some(operation) => {
                    assert!(!matches!(status, 405 | 501), "{method} {path}: {status} {body}");
                    assert!(!body.contains("there is no /v1"), "{method} {path}: {body}");
                    assert!(operation["summary"].is_string(), "{method} {path} is not described");
                }
                None => assert_eq!(status, 405, "{method} {path}: {body}"),
            }
        }
    }
    assert_eq!(ask(&daemon, "GET /v1/nowhere", "").0, 404);
}

#[test]
fn every_route_is_documented() {
    // Routes are made by `routes!` from handlers, each of which has to be described: the document has as many operations.
    let source = include_str!("../../src/api/routes.rs");
    let handlers = source
        .lines()
        .filter_map(|line| line.split_once("routes!("))
        .flat_map(|(_, list)| list.split("::").skip(1));
    let document: Value = serde_json::from_str(&router::document().to_json().unwrap()).unwrap();
    let operations: usize =
        document["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(handlers.count(), operations);
    assert!(!source.contains(".route("), "a route without a description");
}

#[test]
fn every_reference_leads_somewhere() {
    let document: Value = serde_json::from_str(&router::document().to_json().unwrap()).unwrap();
    let schemas: BTreeSet<&str> =
        document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
        }
    }
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.contains(name), "{reference}");
    }
}
