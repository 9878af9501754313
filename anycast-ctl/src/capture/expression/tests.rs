use super::*;

fn read(text: &str) -> Expression {
    parse(text).unwrap_or_else(|error| panic!("{error}\n{}", error.marked(text))).unwrap()
}

#[track_caller]
fn refused(text: &str, at: usize, says: &str) {
    let error = parse(text).expect_err(text);
    assert!(error.message.contains(says), "{text}: {error}");
    assert_eq!(error.at, at, "{error}\n{}", error.marked(text));
}

fn port(end: End, port: u16) -> Expression {
    Test::Port(end, port, port).into()
}

fn host(end: End, address: &str) -> Expression {
    Test::Net(end, address.parse::<std::net::IpAddr>().unwrap().into()).into()
}

use End::{Destination, Source};

#[test]
fn nothing_is_no_expression() {
    assert_eq!(parse("").unwrap(), None);
    assert_eq!(parse(" \t").unwrap(), None);
}

#[test]
fn tests_mean_what_they_mean_in_tcpdump() {
    let tcp = || Expression::from(Test::Protocol(6));
    for (text, expected) in [
        ("tcp", tcp()),
        ("port 80", port(Source, 80).or(port(Destination, 80))),
        ("dst port 80", port(Destination, 80)),
        ("src or dst port 80", port(Source, 80).or(port(Destination, 80))),
        ("dst and src port 80", port(Source, 80).and(port(Destination, 80))),
        ("tcp dst port 443", tcp().and(port(Destination, 443))),
        ("portrange 80-90", {
            let range = |end| Expression::from(Test::Port(end, 80, 90));
            range(Source).or(range(Destination))
        }),
        ("src 192.0.2.1", host(Source, "192.0.2.1")),
        ("src host 2001:db8::1", host(Source, "2001:db8::1")),
        ("192.0.2.1", host(Source, "192.0.2.1").or(host(Destination, "192.0.2.1"))),
        ("dst net 192.0.2.0/24", Test::Net(Destination, "192.0.2.0/24".parse().unwrap()).into()),
        ("dst net ::/0", {
            let all = Test::Net(Destination, "::/0".parse().unwrap());
            Expression::from(Test::Family(6)).and(all.into())
        }),
        ("ip6 proto 58", Expression::from(Test::Family(6)).and(Test::Protocol(58).into())),
        ("icmp6", Test::Protocol(58).into()),
        ("syn", Test::Flags(2, 2).into()),
        ("tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", tcp().and(Test::Flags(0x12, 2).into())),
        ("tcp[tcpflags]&tcp-rst!=0", tcp().and(Expression::from(Test::Flags(4, 0)).negated())),
        ("tcp[13] = 0x12", tcp().and(Test::Flags(0xff, 0x12).into())),
        ("less 100", Test::Length(0, 100).into()),
        ("greater 100", Test::Length(100, u32::MAX).into()),
        ("vip www", Test::Vip(Name { text: "www".into(), at: 4 }).into()),
        ("backend web/a", Test::Backend(Name { text: "web/a".into(), at: 8 }).into()),
        ("reason delivered", Test::Reason(0).into()),
        ("reason ttl_expired", Test::Reason(12).into()),
        ("verdict tx", Test::Verdict(3).into()),
        ("why base", Test::Why(3).into()),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn and_or_bind_alike_and_not_binds_closer() {
    let (a, b, c) = (|| Test::Family(4).into(), || Test::Family(6).into(), || Test::Protocol(6).into());
    let a = || -> Expression { a() };
    let (b, c) = (|| -> Expression { b() }, || -> Expression { c() });
    assert_eq!(read("ip or ip6 and tcp"), a().or(b()).and(c()));
    assert_eq!(read("ip and ip6 || tcp"), a().and(b()).or(c()));
    assert_eq!(read("ip or (ip6 && tcp)"), a().or(b().and(c())));
    assert_eq!(read("not ip and !ip6"), a().negated().and(b().negated()));
    assert_eq!(read("not (ip or ip6)"), a().or(b()).negated());
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    refused("prt 80", 0, "no test is called `prt`: did you mean `port`?");
    refused("tcp and", 7, "a test is missing here");
    refused("tcp or and udp", 7, "a test is missing before `and`");
    refused("tcp udp", 4, "`udp` cannot follow here: join tests by `and` or `or`");
    refused("(tcp", 4, "`)` is missing");
    refused("tcp)", 3, "there is no `(`");
    refused("port http", 5, "`http` is not a port: that is a number up to 65535");
    refused("port 65536", 5, "not a port");
    refused("portrange 90-80", 10, "the lower one first");
    refused("host 192.0.2.0/24", 5, "is not an address");
    refused("net 192.0.2.1/24", 4, "the network is 192.0.2.0/24");
    refused("src", 3, "an address is missing");
    refused("backend a", 8, "POOL/NAME");
    refused("reason ttl", 7, "no reason is called `ttl`");
    refused("verdict drob", 8, "did you mean `drop`?");
    refused("why not", 4, "no why is called `not`");
    refused("tcp[tcpflags] & tcp-sin != 0", 16, "is no TCP flag");
    refused("tcp[tcpflags] & tcp-syn", 23, "`==` or `!=` is missing");
    refused("vip", 3, "the name of a vip is missing");
    // Characters are counted, not bytes.
    refused("vip ä and prt 1", 10, "no test");
    refused("\u{1b}[31m", 0, "`\\u{1b}[31m`");
}

#[test]
fn what_is_too_long_or_too_deep_is_refused() {
    refused(&"(".repeat(MAX_BYTES + 1), 0, "longer than");
    refused(&"(".repeat(1000), MAX_DEPTH + 1, "nested more than");
    refused(&"! ".repeat(1000), (MAX_DEPTH + 1) * 2, "nested more than");
}
