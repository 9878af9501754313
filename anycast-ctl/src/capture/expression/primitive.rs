//! One test of an expression.

use std::net::IpAddr;

use anycast_common::{parse::protocol, reason::Reason, steer::Why};
use ipnet::IpNet;

use super::{End, Expression, ExpressionError, Name, Test, flags, parse::Words};
use crate::{
    capture::label,
    spelling::{quoted, unknown},
};

/// What a test may start with.
const STARTS: [&str; 29] = [
    "host",
    "net",
    "port",
    "portrange",
    "src",
    "dst",
    "ip",
    "ip6",
    "tcp",
    "udp",
    "icmp",
    "icmp6",
    "proto",
    "syn",
    "ack",
    "fin",
    "rst",
    "psh",
    "urg",
    "ece",
    "cwr",
    "vip",
    "pool",
    "backend",
    "reason",
    "verdict",
    "why",
    "less",
    "greater",
];

/// Reads one.
pub fn read(words: &mut Words<'_>) -> Result<Expression, ExpressionError> {
    let Some(word) = words.peek() else { return Err(words.error("a test is missing here")) };
    if let Some(test) = flags::read(words)? {
        return Ok(test);
    }
    match word {
        "less" | "greater" => {
            words.take();
            let bytes = number(words, "bytes", u32::MAX)?;
            let (least, most) = if word == "less" { (0, bytes) } else { (bytes, u32::MAX) };
            return Ok(Test::Length(least, most).into());
        }
        "vip" | "pool" | "backend" => return name(words, word),
        "reason" | "verdict" | "why" => return outcome(words, word),
        _ => {}
    }
    let mut protocol = read_protocol(words)?;
    let direction = read_direction(words);
    let kind = words.peek().filter(|word| matches!(*word, "host" | "net" | "port" | "portrange"));
    if kind.is_some() {
        words.take();
    }
    let is_bare = direction.is_none() && kind.is_none();
    let looks_like_one = |word: &str| word.parse::<IpAddr>().is_ok() || word.parse::<IpNet>().is_ok();
    if is_bare && let Some(protocol) = protocol.take() {
        return Ok(protocol);
    }
    if is_bare && !words.peek().is_some_and(looks_like_one) {
        let message = if matches!(word, ")" | "and" | "&&" | "or" | "||") {
            format!("a test is missing before `{word}`")
        } else {
            unknown("test", word, STARTS.into_iter())
        };
        return Err(words.error(message));
    }
    let make: Box<dyn Fn(End) -> Expression> = match kind {
        Some("port") => {
            let port = number(words, "a port", u16::MAX.into())? as u16;
            Box::new(move |end| Test::Port(end, port, port).into())
        }
        Some("portrange") => {
            let (first, last) = range(words)?;
            Box::new(move |end| Test::Port(end, first, last).into())
        }
        kind => {
            let net = network(words, kind == Some("host"))?;
            Box::new(move |end| of_network(end, net))
        }
    };
    let (source, destination) = (make(End::Source), make(End::Destination));
    let test = match direction.unwrap_or(Direction::Either) {
        Direction::Source => source,
        Direction::Destination => destination,
        Direction::Either => source.or(destination),
        Direction::Both => source.and(destination),
    };
    Ok(match protocol {
        Some(protocol) => protocol.and(test),
        None => test,
    })
}

fn read_protocol(words: &mut Words<'_>) -> Result<Option<Expression>, ExpressionError> {
    let test = match words.peek() {
        Some("ip") => Test::Family(4),
        Some("ip6") => Test::Family(6),
        Some("tcp") => Test::Protocol(protocol::TCP),
        Some("udp") => Test::Protocol(protocol::UDP),
        Some("icmp") => Test::Protocol(protocol::ICMP),
        Some("icmp6") => Test::Protocol(protocol::ICMP_V6),
        Some("proto") => {
            words.take();
            return protocol_number(words).map(Some);
        }
        _ => return Ok(None),
    };
    let is_ip = matches!(test, Test::Family(_));
    words.take();
    let test = Expression::from(test);
    // `ip proto 50`
    if is_ip && words.take_if(&["proto"]) {
        return Ok(Some(test.and(protocol_number(words)?)));
    }
    Ok(Some(test))
}

fn protocol_number(words: &mut Words<'_>) -> Result<Expression, ExpressionError> {
    let number = number(words, "an IANA protocol number", u8::MAX.into())?;
    Ok(Test::Protocol(number as u8).into())
}

/// Whose address or port.
#[derive(Clone, Copy)]
enum Direction {
    Source,
    Destination,
    Either,
    Both,
}

fn read_direction(words: &mut Words<'_>) -> Option<Direction> {
    let first = words.peek().filter(|word| matches!(*word, "src" | "dst"))?;
    words.take();
    let joined = match (words.peek(), words.look(1)) {
        (Some("or"), Some("src" | "dst")) if words.look(1) != Some(first) => Some(Direction::Either),
        (Some("and"), Some("src" | "dst")) if words.look(1) != Some(first) => Some(Direction::Both),
        _ => None,
    };
    // `src host A and dst host B` has the second word elsewhere: behind a value.
    if let Some(joined) = joined {
        words.take();
        words.take();
        return Some(joined);
    }
    Some(if first == "src" { Direction::Source } else { Direction::Destination })
}

/// A network of IPv6 may hold the addresses that IPv4 ones are kept as.
fn of_network(end: End, net: IpNet) -> Expression {
    let test = Expression::from(Test::Net(end, net));
    match net {
        IpNet::V6(v6) if v6.prefix_len() <= 96 => Expression::from(Test::Family(6)).and(test),
        IpNet::V4(_) | IpNet::V6(_) => test,
    }
}

fn network(words: &mut Words<'_>, is_host: bool) -> Result<IpNet, ExpressionError> {
    let Some(word) = words.take() else { return Err(words.error("an address is missing here")) };
    if let Ok(address) = word.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let what = if is_host { "an address" } else { "an address or a prefix, like 198.51.100.0/24" };
    let net = word.parse::<IpNet>().ok().filter(|_| !is_host);
    let net = net.ok_or_else(|| words.error_before(format!("{word} is not {what}", word = quoted(word))))?;
    if net.trunc() != net {
        let message =
            format!("{word} has bits behind its prefix: the network is {}", net.trunc(), word = quoted(word));
        return Err(words.error_before(message));
    }
    Ok(net)
}

fn range(words: &mut Words<'_>) -> Result<(u16, u16), ExpressionError> {
    let Some(word) = words.take() else { return Err(words.error("two ports are missing here, like 80-90")) };
    let ports = word.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    match ports {
        Some((first, last)) if first <= last => Ok((first, last)),
        _ => Err(words.error_before(format!(
            "{word} is not two ports, the lower one first, like 80-90",
            word = quoted(word)
        ))),
    }
}

fn number(words: &mut Words<'_>, what: &str, most: u32) -> Result<u32, ExpressionError> {
    let Some(word) = words.take() else { return Err(words.error(format!("{what} is missing here"))) };
    let number = word.parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| {
        words
            .error_before(format!("{word} is not {what}: that is a number up to {most}", word = quoted(word)))
    })
}

fn name(words: &mut Words<'_>, kind: &str) -> Result<Expression, ExpressionError> {
    words.take();
    let at = words.at();
    let Some(text) = words.take() else {
        return Err(words.error(format!("the name of a {kind} is missing")));
    };
    let name = Name { text: text.to_owned(), at };
    Ok(match kind {
        "vip" => Test::Vip(name),
        "pool" => Test::Pool(name),
        _ if text.contains('/') => Test::Backend(name),
        _ => return Err(words.error_before("a backend is named with its pool: POOL/NAME")),
    }
    .into())
}

fn outcome(words: &mut Words<'_>, kind: &str) -> Result<Expression, ExpressionError> {
    words.take();
    let Some(word) = words.take() else { return Err(words.error(format!("the {kind} is missing"))) };
    let place = |names: &[&str]| {
        let place = names.iter().position(|name| *name == word);
        place.ok_or_else(|| words.error_before(unknown(kind, word, names.iter().copied())))
    };
    Ok(match kind {
        "reason" => {
            let mut labels = vec![label::DELIVERED];
            labels.extend(Reason::ALL.iter().map(|reason| reason.label()));
            let at = place(&labels)?;
            Test::Reason(at.checked_sub(1).and_then(|at| Reason::ALL.get(at)).map_or(0, |it| it.code()))
        }
        "verdict" => Test::Verdict(place(&label::VERDICTS)? as u32),
        _ => {
            let labels: Vec<&str> = Why::ALL.iter().map(|why| label::why(*why)).collect();
            let at = place(&labels)?;
            Test::Why(Why::ALL.get(at).map_or(0, |why| why.code()))
        }
    }
    .into())
}
