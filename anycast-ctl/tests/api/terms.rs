//! Revisions, dry runs, waiting.

use crate::{ask, daemon::Daemon, exchange};

#[test]
fn the_loser_of_two_writers_learns_who_won() {
    let daemon = Daemon::start();
    let (status, head, _) = exchange(&daemon, "GET /v1/site", "", "");
    assert_eq!(status, 200);
    assert!(head.contains("etag: \"1\""), "{head}");
    let weigh = |revision: &str, weight: u32| {
        let body = format!(r#"{{"weight": {weight}}}"#);
        exchange(
            &daemon,
            "PUT /v1/pools/web/backends/web-1/weight",
            &format!("if-match: {revision}\r\n"),
            &body,
        )
    };
    let (status, head, _) = weigh("\"1\"", 5);
    assert_eq!(status, 200);
    assert!(head.contains("etag: \"2\""), "{head}");
    let (status, _, body) = weigh("\"1\"", 6);
    assert_eq!(status, 412, "{body}");
    let error: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(error["current"]["revision"], 2);
    assert_eq!(error["current"]["what"], "backend weight web web-1 5");
    assert!(error["current"]["who"].is_string() && error["current"]["time"].is_string(), "{body}");
    assert_eq!(weigh("*", 7).0, 200);
    assert_eq!(weigh("7", 8).0, 400);
    let (status, head, body) = exchange(&daemon, "GET /v1/site", "if-none-match: \"3\"\r\n", "");
    assert_eq!((status, body.as_str()), (304, ""), "{head}");
}

#[test]
fn the_site_goes_round_as_a_file_and_as_json() {
    let daemon = Daemon::start();
    for (accept, kind) in [("application/toml", "application/toml"), ("application/json", "application/json")]
    {
        let (_, head, site) = exchange(&daemon, "GET /v1/site", &format!("accept: {accept}\r\n"), "");
        assert!(head.contains(&format!("content-type: {kind}")), "{head}");
        let (status, _, body) =
            exchange(&daemon, "PUT /v1/site", &format!("content-type: {kind}\r\n"), &site);
        let committed: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &committed["changed"], &committed["revision"]),
            (200, &false.into(), &1.into()),
            "{body}"
        );
    }
    let (status, _, body) = exchange(
        &daemon,
        "PUT /v1/site?name=a.toml",
        "content-type: application/toml\r\n",
        "interfaces = [1]",
    );
    assert_eq!(status, 422);
    assert!(body.contains("a.toml:1:15: interfaces[0]"), "{body}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let daemon = Daemon::start();
    let (status, plan) = ask(&daemon, "PATCH /v1/vips/www?dry_run=true", r#"{"services": ["tcp/8080"]}"#);
    assert_eq!((status, &plan["revision"]), (200, &1.into()));
    assert_eq!(plan["diff"][0]["fields"][0]["after"], "tcp/8080");
    assert_eq!(ask(&daemon, "GET /v1/vips/www", "").1["services"][0], "tcp/80");
}

#[test]
fn what_is_waited_for_in_vain_is_accepted_and_said_so() {
    let daemon = Daemon::start();
    let pool =
        |name: &str| format!(r#"{{"name": "{name}", "backend": [{{"name": "a", "address": "10.0.1.1"}}]}}"#);
    let (status, body) = ask(&daemon, "POST /v1/pools?wait=1", &pool("fine"));
    assert_eq!((status, &body["name"]), (201, &"fine".into()));
    let (status, body) = ask(&daemon, "POST /v1/pools?wait=1", &pool("stuck"));
    assert_eq!((status, &body["name"]), (202, &"stuck".into()));
    assert_eq!(ask(&daemon, "DELETE /v1/pools/web?wait=601", "").0, 400);
    assert_eq!(ask(&daemon, "DELETE /v1/pools/web", "").0, 409);
    let (status, body) = ask(&daemon, "DELETE /v1/pools/fine", "");
    assert_eq!((status, &body["changed"]), (200, &true.into()));
}

#[test]
fn a_path_that_is_no_text_is_refused_like_everything_else() {
    let daemon = Daemon::start();
    let (status, error) = ask(&daemon, "GET /v1/pools/%ff/slots", "");
    assert_eq!(status, 400);
    assert!(error["error"].as_str().unwrap().starts_with("read the request: "), "{error}");
}
