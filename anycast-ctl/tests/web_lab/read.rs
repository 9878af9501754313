//! What can be read, and that nothing else can, nor be changed.

use serde_json::Value;

use crate::harness::{ask, status, steering};

/// What the API answers on its socket and not here, or as something else than GET: secrets, who the clients are and what they
/// send, and what the operator does.
const CLOSED: [&str; 8] = [
    "/v1/site",
    "/v1/revisions",
    "/v1/revisions/1",
    "/v1/openapi.json",
    "/v1/flows",
    "/v1/flows/count",
    "/v1/captures",
    "/v1/log",
];

/// As the lab's controller is given it, in any of the forms that it could be printed in.
const SEED: [&str; 2] = ["81985529216486895", "0123456789abcdef"];

#[test]
fn it_shows_what_the_socket_shows_and_changes_nothing() {
    let lab = steering(&[]);
    let answer = ask(&lab, "GET /v1/status");
    assert_eq!(answer.code, 200, "{}", answer.body);
    let mut shown: Value = serde_json::from_str(&answer.body).unwrap();
    let mut told = serde_json::to_value(status(&lab)).unwrap();
    for status in [&mut shown, &mut told] {
        // Time goes on in between, and so may packets that are none of a VIP's.
        for key in ["uptime_seconds", "reasons", "drift"] {
            status.as_object_mut().unwrap().remove(key);
        }
    }
    assert_eq!(shown, told);
    assert_eq!(told["web"]["listening"], true);
    assert!(lab.ctl(&["status"]).unwrap().contains("http://127.0.0.1:9750/"));

    let paths = [
        "/v1/vips",
        "/v1/vips/www4",
        "/v1/vips/www4/announcement",
        "/v1/pools",
        "/v1/pools/web4",
        "/v1/pools/web4/slots",
        "/v1/pools/web4/backends",
        "/v1/hosts",
        "/v1/health",
        "/v1/announcements",
        "/v1/explain?from=198.51.100.7:40000&to=192.0.2.1:80/tcp",
    ];
    for path in paths {
        let answer = ask(&lab, &format!("GET {path}"));
        assert_eq!(answer.code, 200, "{path}: {}", answer.body);
        serde_json::from_str::<Value>(&answer.body).unwrap();
        assert!(!SEED.iter().any(|seed| answer.body.contains(seed)), "{path} tells the seed");
        let head = ask(&lab, &format!("HEAD {path}"));
        assert_eq!((head.code, head.body.as_str()), (200, ""), "{path}");
        for header in ["default-src 'self'", "nosniff", "x-frame-options: deny", "cache-control: no-store"] {
            assert!(answer.head.contains(header), "{path}: {}", answer.head);
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let refused = ask(&lab, &format!("{method} {path}"));
            assert_eq!(refused.code, 405, "{method} {path}: {}", refused.body);
            assert!(refused.head.contains("allow: get, head"), "{}", refused.head);
        }
    }
    for path in CLOSED {
        assert_eq!(ask(&lab, &format!("GET {path}")).code, 404, "{path}");
        assert_eq!(ask(&lab, &format!("PUT {path}")).code, 405, "{path}");
    }
    for order in ["down", "detach", "reconcile", "rollback", "drain", "maintenance", "pools/web4/drain"] {
        assert_eq!(ask(&lab, &format!("POST /v1/{order}")).code, 405, "{order}");
        let read = ask(&lab, &format!("GET /v1/{order}"));
        assert_eq!(read.code, 404, "{order}: {}", read.body);
    }
    let after = status(&lab);
    assert_eq!((after.desired.revision, after.interfaces.len()), (1, 1));
}

#[test]
fn every_route_of_the_api_was_thought_of() {
    let document = anycast_ctl::api::router::document();
    let document: Value = serde_json::from_str(&document.to_json().unwrap()).unwrap();
    let lab = steering(&[]);
    let (mut closed, mut orders) = (Vec::new(), 0);
    for (path, methods) in document["paths"].as_object().unwrap() {
        let filled = [("{pool}", "web4"), ("{backend}", "backend1"), ("{vip}", "www4"), ("{revision}", "1")];
        let filled = filled.iter().fold(path.clone(), |path, (from, to)| path.replace(from, to));
        for method in
            ["post", "put", "patch", "delete"].iter().filter(|method| methods.get(**method).is_some())
        {
            let refused = ask(&lab, &format!("{} {filled}", method.to_uppercase()));
            assert_eq!(refused.code, 405, "{method} {filled}: {}", refused.body);
            orders += 1;
        }
        // Its answer does not end.
        if methods.get("get").is_none() || path == "/v1/events" {
            continue;
        }
        let answer = ask(&lab, &format!("GET {filled}"));
        if answer.code == 404 && answer.body.contains("a part of the api") {
            closed.push(filled);
        }
    }
    closed.sort();
    let mut expected = CLOSED.map(str::to_owned);
    expected.sort();
    assert_eq!(closed, expected);
    assert!(orders > 30, "{orders} orders were tried");
    assert_eq!(status(&lab).desired.revision, 1);
}
