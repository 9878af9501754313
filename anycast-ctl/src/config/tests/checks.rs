use super::*;

/// A pool with that check, and that one for its backend, `;` being the ends of lines.
fn with_checks(pool: &str, backend: &str) -> String {
    let lines = |keys: &str| keys.replace(';', "\n");
    let own = if backend.is_empty() {
        String::new()
    } else {
        format!("[pool.backend.check]\n{}\n", lines(backend))
    };
    let pool = if pool.is_empty() { String::new() } else { format!("[pool.check]\n{}\n", lines(pool)) };
    format!(
        "interfaces = [\"eth0\"]\n[[pool]]\nname = \"web\"\n{pool}[[pool.backend]]\nname = \"b\"\naddress = \
         \"10.0.0.1\"\n{own}[[vip]]\nname = \"www\"\naddress = \"192.0.2.1\"\nservices = [\"tcp/443\"]\npool = \"web\"\n"
    )
}

#[test]
fn checks_that_are_right() {
    for (pool, backend) in [
        (r#"type = "tcp""#, ""),
        (r#"type = "https"; host = "www.example"; ca = "/etc/ca.pem"; status = "200,204""#, ""),
        (r#"type = "dns"; port = 53; query = "www.example."; transport = "both"; answer = "192.0.2.7""#, ""),
        (r#"type = "udp"; port = 53; send = "hex:00ff""#, ""),
        (r#"type = "grpc"; tls = true; server_name = "x"; certificate = "/c"; key = "/k""#, ""),
        (r#"type = "exec"; command = ["/bin/true"]; expect = "ok""#, ""),
        (r#"type = "icmp"; via = "vip"; full_size = true; vips = ["www"]"#, ""),
        ("", r#"type = "tcp""#),
        (r#"type = "http"; path = "/x""#, r#"type = "none""#),
        (r#"type = "udp"; port = 9"#, r#"send = "x""#),
        (r#"type = "http"; path = "/x"; interval = "300ms""#, r#"type = "tcp"; fast_interval = "250ms""#),
    ] {
        let read = parse(&with_checks(pool, backend), "site.toml");
        assert!(read.is_ok(), "{pool} / {backend}: {}", read.unwrap_err());
    }
}

#[test]
fn checks_that_cannot_be() {
    for (pool, backend, complaint) in [
        (r#"port = 80"#, "", "pool[0].check.type: is missing: give one"),
        ("", "port = 80", "pool[0].backend[0].check.type: is missing: give one"),
        (r#"type = "tpc""#, "", "`tpc` is not one of \"tcp\", \"http\""),
        (
            r#"type = "tcp"; path = "/""#,
            "",
            "check.path: a check of type tcp has no such key: `http`, `https` do; remove it",
        ),
        (
            r#"type = "http""#,
            r#"type = "tcp"; path = "/""#,
            "pool[0].backend[0].check.path: a check of type tcp",
        ),
        (
            r#"type = "exec"; command = ["/x"]; via = "vip""#,
            "",
            "check.via: a check of type exec has no such key",
        ),
        (r#"type = "tcp"; interval = "2h""#, "", "check.interval: 2h is out of range: give 100ms to 1h"),
        (r#"type = "tcp"; interval = "1x""#, "", "check.interval: `1x` is no period"),
        (r#"type = "tcp"; fast_interval = "2s""#, "", "2s is longer than the interval, 1s"),
        (r#"type = "tcp"; timeout = "11s""#, "", "11s is too long: 10s at most, ten intervals"),
        (r#"type = "tcp"; rise = 0"#, "", "check.rise: `0` is out of range: give 1 to 100"),
        (r#"type = "tcp"; jitter = "60%""#, "", "check.jitter: is out of range: give 0% to 50%"),
        (r#"type = "dns"; query = "x"; source = ["::1"]; port = 53"#, "", "cannot be the source of checks"),
        (
            r#"type = "dns"; query = "x""#,
            "",
            "check.port: is missing: the VIPs of the pool serve no udp port",
        ),
        (r#"type = "dns"; port = 53"#, "", "check.query: is missing: a check of type dns needs it"),
        (r#"type = "dns"; port = 53; query = "a..b""#, "", "give a domain name"),
        (r#"type = "http"; path = "x""#, "", "`x` cannot be used: begin it with `/`"),
        (r#"type = "http"; host = "a b""#, "", "`a b` cannot be used: give a host name"),
        (r#"type = "http"; status = "2xx""#, "", "`2xx` is no set of status codes"),
        (r#"type = "https"; ca = "ca.pem""#, "", "give the whole path of the file"),
        (
            r#"type = "https"; certificate = "/c""#,
            "",
            "check.key: is missing: a certificate and its key go together",
        ),
        (r#"type = "https"; ca = "/c"; verify = false"#, "", "is of no use while nothing is verified"),
        (r#"type = "grpc"; ca = "/c""#, "", "check.tls: is not true, and keys of TLS are here"),
        (r#"type = "exec"; command = ["true"]"#, "", "check.command: names no program"),
        (r#"type = "udp"; port = 5; send = "hex:0""#, "", "behind hex: come pairs of hexadecimal digits"),
        (r#"type = "tcp"; vips = ["www"]"#, "", "VIPs are asked with via = \"vip\" only"),
        (r#"type = "tcp"; via = "vip"; vips = ["wwv"]"#, "", "`wwv` is no VIP of the pool: it serves `www`"),
    ] {
        let errors = errors(&with_checks(pool, backend));
        assert!(errors.contains(complaint) && errors.lines().count() == 1, "{pool} / {backend}: {errors}");
    }
    for (line, complaint) in [
        (r#"panic_threshold = "101%""#, "`101%` is no share: write it as 75%"),
        (r#"panic_threshold = 75"#, "is a number: give a text in quotes"),
        (r#"min_healthy = "none""#, "neither a number of backends"),
        (r#"slow_start = "2h""#, "2h is out of range: give 0s to 1h"),
        (r#"unchecked = "up""#, "`up` is neither \"wait\" nor \"steer\""),
        (r#"feedback = { type = "agent", port = 1, path = "/" }"#, "an agent is asked for nothing"),
        (r#"feedback = { type = "agent" }"#, "feedback.port: is missing"),
        (r#"feedback = { type = "http", port = 1, interval = "500ms" }"#, "is no period"),
        (r#"check = "http""#, "check: is a string: begin it with [check] in brackets"),
    ] {
        let errors = broken("name = \"web4\"", &format!("name = \"web4\"\n{line}"));
        assert!(errors.contains(complaint) && errors.lines().count() == 1, "{line}: {errors}");
    }
}
