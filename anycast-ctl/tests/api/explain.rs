//! Questions that are about no packet.

use crate::{ask, daemon::Daemon};

#[test]
fn questions_about_no_packet_are_refused() {
    let daemon = Daemon::start();
    for (query, status, said) in [
        ("", 400, "missing field"),
        ("?from=198.51.100.7:1", 400, "missing field"),
        ("?from=198.51.100.7:1&to=192.0.2.1:80&colour=red", 400, "unknown field"),
        ("?from=198.51.100.7:1&to=192.0.2.1:80&packet=smallpox", 400, "smallpox"),
        ("?from=198.51.100.7:1&to=192.0.2.1:80&ttl=256", 400, "ttl"),
        ("?from=198.51.100.7:1&to=%5B2001:db8::1%5D:80", 422, "different families"),
        ("?from=nobody&to=192.0.2.1:80", 422, "`nobody` is no address"),
        ("?from=198.51.100.7:1&to=192.0.2.1:80", 500, "there is no program"),
        ("?from=198.51.100.7:1&to=192.0.2.1:80/tcp&packet=syn&may_fragment=true", 500, "there is no program"),
    ] {
        let (code, answer) = ask(&daemon, &format!("GET /v1/explain{query}"), "");
        let text = answer["error"].as_str().unwrap();
        assert_eq!(code, status, "{query}: {text}");
        assert!(text.contains(said), "{query}: {text}");
    }
}

#[test]
fn frames_are_bounded() {
    let daemon = Daemon::start();
    for (bytes, status, said) in [
        (0, 400, "the body is empty"),
        (60, 500, "there is no program"),
        (65_557, 500, "there is no program"),
        (65_558, 413, "limit"),
    ] {
        let (code, answer) = ask(&daemon, "POST /v1/explain", &"x".repeat(bytes));
        assert_eq!(code, status, "{bytes}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(said), "{bytes}: {answer}");
    }
}
