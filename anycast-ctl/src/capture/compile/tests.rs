use std::{collections::BTreeMap, net::IpAddr};

use anycast_common::{
    tap::{Facts, matches},
    walk::Walk,
};
use etherparse::PacketBuilder;
use proptest::{prelude::*, sample::select};

use super::*;
use crate::capture::expression::{Name, parse};

/// The names of the tests.
struct Known;

impl Names for Known {
    fn vip(&self, name: &str) -> Result<u16, String> {
        number(name, &["www", "dns"]).map(|number| number + 1)
    }

    fn pool(&self, name: &str) -> Result<u16, String> {
        number(name, &["web", "ns"])
    }

    fn backend(&self, pool: &str, name: &str) -> Result<u16, String> {
        number(&format!("{pool}/{name}"), &["web/a", "web/b", "ns/a"])
    }
}

fn number(name: &str, names: &[&str]) -> Result<u16, String> {
    let place = names.iter().position(|known| *known == name);
    place.map(|place| place as u16).ok_or_else(|| format!("no such name: {name}"))
}

/// What is known of a packet, apart from any filter.
#[derive(Clone, Debug)]
struct Packet {
    addresses: [IpAddr; 2],
    ports: Option<[u16; 2]>,
    protocol: u8,
    flags: u8,
    walk: Walk,
}

impl Packet {
    fn is(&self, test: &Test) -> bool {
        let address = |end: &End| self.addresses[usize::from(*end == End::Destination)];
        let port = |end: &End| self.ports.map(|ports| ports[usize::from(*end == End::Destination)]);
        match test {
            Test::Net(end, net) => net.contains(&address(end)),
            Test::Port(end, first, last) => port(end).is_some_and(|port| (*first..=*last).contains(&port)),
            Test::Protocol(number) => self.protocol == *number,
            Test::Family(version) => self.addresses[0].is_ipv4() == (*version == 4),
            Test::Flags(mask, value) => self.flags & mask == *value,
            Test::Length(least, most) => (*least..=*most).contains(&self.walk.frame_bytes),
            Test::Vip(name) => self.walk.has(Walk::VIP) && Known.vip(&name.text) == Ok(self.walk.vip),
            Test::Pool(name) => self.walk.has(Walk::VIP) && Known.pool(&name.text) == Ok(self.walk.pool),
            Test::Backend(name) => {
                let (pool, backend) = name.text.split_once('/').unwrap();
                self.walk.has(Walk::BACKEND) && Known.backend(pool, backend) == Ok(self.walk.backend)
            }
            Test::Reason(code) => self.walk.reason == *code,
            Test::Verdict(code) => self.walk.verdict == *code,
            Test::Why(code) => self.walk.has(Walk::CHOICE) && self.walk.why == *code,
        }
    }

    fn holds(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Test(test) => self.is(test),
            Expression::Not(inner) => !self.holds(inner),
            Expression::And(left, right) => self.holds(left) && self.holds(right),
            Expression::Or(left, right) => self.holds(left) || self.holds(right),
        }
    }

    fn facts(&self) -> Facts {
        let macs = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let step = PacketBuilder::ethernet2(macs.0, macs.1);
        let step = match self.addresses {
            [IpAddr::V4(source), IpAddr::V4(destination)] => {
                step.ipv4(source.octets(), destination.octets(), 64)
            }
            [IpAddr::V6(source), IpAddr::V6(destination)] => {
                step.ipv6(source.octets(), destination.octets(), 64)
            }
            _ => panic!("{self:?}"),
        };
        let mut bytes = Vec::new();
        match (self.protocol, self.ports) {
            (6, Some([source, destination])) => {
                step.tcp(source, destination, 1, 2).write(&mut bytes, &[]).unwrap();
                let flags = bytes.len() - 7;
                bytes[flags] = self.flags;
            }
            (17, Some([source, destination])) => {
                step.udp(source, destination).write(&mut bytes, &[]).unwrap()
            }
            (protocol, _) => step.write(&mut bytes, etherparse::IpNumber(protocol), &[]).unwrap(),
        }
        Facts::of_packet(&&bytes[..]).with_walk(&self.walk, 0)
    }
}

const V4: [&str; 4] = ["192.0.2.1", "192.0.2.2", "198.51.100.7", "10.0.0.1"];
const V6: [&str; 4] = ["2001:db8::1", "2001:db8::2", "2001:db8:1::1", "fd00::1"];
const NETS: [&str; 9] = [
    "192.0.2.0/24",
    "192.0.2.1/32",
    "0.0.0.0/0",
    "10.0.0.0/7",
    "2001:db8::/32",
    "2001:db8::/65",
    "::/0",
    "fd00::1/128",
    "2001:db8:1::/48",
];

fn packet() -> impl Strategy<Value = Packet> {
    let address =
        |list: [&'static str; 4]| select(list.to_vec()).prop_map(|text| text.parse::<IpAddr>().unwrap());
    let pair = prop_oneof![[address(V4), address(V4)], [address(V6), address(V6)]];
    let ports = prop::option::of([0_u16..6, 0_u16..6]);
    let walk =
        (any::<bool>(), any::<bool>(), 1_u16..4, 0_u16..3, 0_u16..4, 0_u32..4, 0_u32..5, 0_u8..5, 60_u32..64)
            .prop_map(|(has_vip, has_backend, vip, pool, backend, reason, verdict, why, frame_bytes)| {
                let reached = if has_vip { Walk::VIP } else { 0 }
                    | if has_backend { Walk::BACKEND | Walk::CHOICE } else { 0 };
                Walk { reached, vip, pool, backend, reason, verdict, why, frame_bytes, ..Walk::default() }
            });
    (pair, ports, any::<bool>(), any::<u8>(), walk).prop_map(|(addresses, ports, is_tcp, flags, walk)| {
        let protocol = match (ports, is_tcp) {
            (Some(_), true) => 6,
            (Some(_), false) => 17,
            (None, _) => 50,
        };
        let flags = if protocol == 6 { flags } else { 0 };
        Packet { addresses, ports, protocol, flags, walk }
    })
}

fn end() -> impl Strategy<Value = End> {
    select(vec![End::Source, End::Destination])
}

fn name(names: &'static [&'static str]) -> impl Strategy<Value = Name> {
    select(names).prop_map(|name| Name { text: name.to_owned(), at: 0 })
}

fn test() -> impl Strategy<Value = Test> {
    let net = |text: &'static str| text.parse::<IpNet>().unwrap().trunc();
    prop_oneof![
        (end(), select(NETS.to_vec())).prop_map(move |(end, text)| Test::Net(end, net(text))),
        (end(), 0_u16..6, 0_u16..3).prop_map(|(end, first, more)| Test::Port(end, first, first + more)),
        select(vec![6, 17, 50]).prop_map(Test::Protocol),
        select(vec![4, 6]).prop_map(Test::Family),
        (0_u32..8).prop_map(|bit| Test::Flags(1 << bit, 1 << bit)),
        (60_u32..64, 0_u32..3).prop_map(|(least, more)| Test::Length(least, least + more)),
        name(&["www", "dns"]).prop_map(Test::Vip),
        name(&["web", "ns"]).prop_map(Test::Pool),
        name(&["web/a", "web/b", "ns/a"]).prop_map(Test::Backend),
        (0_u32..4).prop_map(Test::Reason),
        (0_u32..5).prop_map(Test::Verdict),
        (0_u8..5).prop_map(Test::Why),
    ]
}

fn expression() -> impl Strategy<Value = Expression> {
    test().prop_map(Expression::from).prop_recursive(4, 12, 2, |inner| {
        let boxed = inner.prop_map(Box::new).boxed();
        prop_oneof![
            boxed.clone().prop_map(Expression::Not),
            (boxed.clone(), boxed.clone()).prop_map(|(left, right)| Expression::And(left, right)),
            (boxed.clone(), boxed).prop_map(|(left, right)| Expression::Or(left, right)),
        ]
    })
}

/// As an operator would write it, with all its parentheses.
fn text(expression: &Expression) -> String {
    let side = |end: &End| if *end == End::Source { "src" } else { "dst" };
    let why: BTreeMap<u8, &str> = anycast_common::steer::Why::ALL
        .iter()
        .map(|why| (why.code(), crate::capture::label::why(*why)))
        .collect();
    let reason = |code: u32| crate::capture::label::reason(code).map_or("delivered", |reason| reason.label());
    match expression {
        Expression::Test(test) => match test {
            Test::Net(end, net) => format!("{} net {net}", side(end)),
            Test::Port(end, first, last) => format!("{} portrange {first}-{last}", side(end)),
            Test::Protocol(number) => format!("proto {number}"),
            Test::Family(version) => if *version == 4 { "ip" } else { "ip6" }.to_owned(),
            Test::Flags(bit, _) => crate::capture::label::TCP_FLAGS[bit.trailing_zeros() as usize].to_owned(),
            Test::Length(least, most) => format!("greater {least} and less {most}"),
            Test::Vip(name) => format!("vip {}", name.text),
            Test::Pool(name) => format!("pool {}", name.text),
            Test::Backend(name) => format!("backend {}", name.text),
            Test::Reason(code) => format!("reason {}", reason(*code)),
            Test::Verdict(code) => format!("verdict {}", crate::capture::label::verdict(*code)),
            Test::Why(code) => format!("why {}", why[code]),
        },
        Expression::Not(inner) => format!("not ({})", text(inner)),
        Expression::And(left, right) => format!("({}) and ({})", text(left), text(right)),
        Expression::Or(left, right) => format!("({}) or ({})", text(left), text(right)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_filter_passes_what_its_expression_says(
        expression in expression(),
        packets in prop::collection::vec(packet(), 1..20),
    ) {
        let text = text(&expression);
        let read = parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let filter = match compile(&text, read.as_ref(), &Known) {
            Ok(filter) => filter,
            Err(error) if error.message.contains("too large") => return Ok(()),
            Err(error) => {
                prop_assert_eq!(&error.message, "no packet can be all of that");
                for packet in &packets {
                    prop_assert!(!packet.holds(&expression), "{} {:?}", text, packet);
                }
                return Ok(());
            }
        };
        for packet in &packets {
            prop_assert_eq!(matches(&filter, &packet.facts()), packet.holds(&expression), "{} {:?}", text, packet);
        }
    }
}

#[track_caller]
fn error(text: &str) -> ExpressionError {
    compile(text, parse(text).unwrap().as_ref(), &Known).expect_err(text)
}

#[test]
fn what_is_too_large_is_refused_and_what_only_looks_so_is_not() {
    let ports = |count: u16, word: &str| {
        (0..count).map(|port| format!("dst port {}", port * 7)).collect::<Vec<_>>().join(word)
    };
    let compiles = |text: &str| compile(text, parse(text).unwrap().as_ref(), &Known).is_ok();
    assert!(compiles(&ports(16, " or ")));
    assert!(error(&ports(17, " or ")).message.contains("17 alternatives of 17 tests"));
    // As one term these fit.
    assert!(compiles(&format!("not ({})", ports(32, " or "))));
    assert!(error(&format!("not ({})", ports(33, " or "))).message.contains("more than 32 tests"));
    // The same again is no alternative.
    assert!(compiles(&vec!["(tcp and dst port 80)"; 100].join(" or ")));
    let pairs: Vec<String> = (0..16).map(|it| format!("(dst port {it} or src port {it})")).collect();
    assert!(error(&pairs.join(" and ")).message.contains("too large"));
}

#[test]
fn names_and_contradictions_are_refused_where_they_stand() {
    let unknown = error("tcp and vip web");
    assert_eq!((unknown.at, &unknown.message[..]), (12, "no such name: web"));
    assert_eq!(error("backend web/c").at, 8);
    assert!(error("syn and not syn").message.contains("no packet can be all of that"));
}
