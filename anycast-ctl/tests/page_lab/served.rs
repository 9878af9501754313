//! The files of the page as they are on the wire.

use xtask::lab::Lab;

use crate::harness::{PAGE, idle, status, wait_for};

/// The head of an answer, names in lower case, and its body.
fn get(lab: &Lab, path: &str, arguments: &[&str]) -> (String, String) {
    let address = format!("{PAGE}{path}");
    let text = lab.run("edge", "curl", &[&["-si", &address], arguments].concat()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[test]
fn files_come_with_types_tags_and_a_policy() {
    let mut lab = idle(1);
    lab.start_controller(&["--xdp-mode", "native"]).unwrap();
    wait_for("the port listens", || status(&lab).web.is_some_and(|web| web.listening));
    for (path, kind, begins) in [
        ("", "text/html; charset=utf-8", "<!doctype html>"),
        ("icon.svg", "image/svg+xml", "<svg"),
        ("style/base.css", "text/css; charset=utf-8", "/*"),
        ("script/main.js", "text/javascript; charset=utf-8", "//"),
    ] {
        let (head, body) = get(&lab, path, &[]);
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        for line in [
            &format!("content-type: {kind}"),
            "cache-control: no-cache",
            "x-content-type-options: nosniff",
            "content-security-policy: default-src 'self';",
            "require-trusted-types-for 'script'",
        ] {
            assert!(head.contains(line), "{path} has no {line}: {head}");
        }
        assert!(body.starts_with(begins), "{path}: {body}");
        let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
        let (head, body) = get(&lab, path, &["-H", &format!("If-None-Match: {tag}")]);
        assert!(head.starts_with("http/1.1 304 ") && body.is_empty(), "{head}\n{body}");
    }
    for (path, arguments, code) in [
        ("script/other.js", &[][..], "404"),
        ("script/../index.html", &["--path-as-is"], "404"),
        ("", &["-X", "POST"], "405"),
        ("", &["-H", "Host: evil.example"], "421"),
    ] {
        let (head, body) = get(&lab, path, arguments);
        assert!(head.starts_with(&format!("http/1.1 {code} ")), "{path} {arguments:?}: {head}");
        assert!(body.starts_with(r#"{"error":"#), "{path} {arguments:?}: {body}");
    }
}
