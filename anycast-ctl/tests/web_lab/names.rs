//! By which names it may be called: a page of a stranger must not make a browser read here.

use crate::harness::{ADDRESS, Answer, connect, exchange, steering};

#[test]
fn a_strangers_name_is_refused() {
    let lab = steering(&["--http-name", "edge-1.example.net"]);
    let ask = |target: &str, headers: &str| -> Answer {
        exchange(connect(&lab), &format!("GET {target} HTTP/1.1\r\n{headers}connection: close\r\n\r\n"))
    };
    let own = nix::unistd::gethostname().unwrap().into_string().unwrap();
    for host in [ADDRESS, "127.0.0.1", "[::1]:9750", "localhost:9750", &own, "Edge-1.example.net:9750"] {
        let answer = ask("/v1/vips", &format!("host: {host}\r\n"));
        assert_eq!(answer.code, 200, "{host}: {}", answer.body);
    }
    let bad = [
        "host: evil.example:9750\r\n",
        "host: 127.0.0.1.evil.example\r\n",
        "host: \r\n",
        "",
        "host: localhost\r\nhost: evil.example\r\n",
    ];
    for headers in bad {
        let answer = ask("/v1/vips", headers);
        assert!(matches!(answer.code, 400 | 421), "{headers}: {} {}", answer.code, answer.body);
        assert!(!answer.body.contains("192.0.2"), "{headers}: {}", answer.body);
    }
    // The target counts more than the header, RFC 9112 section 3.2.2.
    assert_eq!(ask("http://evil.example/v1/vips", "host: localhost\r\n").code, 421);
    assert_eq!(ask("http://localhost/v1/vips", "host: localhost\r\n").code, 200);
    assert_eq!(ask("/v1/events", "host: evil.example\r\n").code, 421);
}
