//! A captured packet as a line for people, and as a comment in a file.

use std::fmt::{self, Display, Write as _};

use super::label::{DELIVERED, TCP_FLAGS};
use crate::api::types::{CaptureSide, CapturedPacket};
use anycast_common::{
    parse::protocol,
    tap::{Facts, FlowFacts},
};

/// The name of an interface with the side: `eth0 (in)`.
pub fn interface(packet: &CapturedPacket) -> String {
    let side = if packet.side == CaptureSide::After { "out" } else { "in" };
    format!("{} ({side})", packet.interface)
}

/// What the program did, as words with their values: short, and to be searched for.
pub fn comment(packet: &CapturedPacket) -> String {
    let mut text = format!("verdict={} reason={}", packet.verdict, packet.reason);
    let mut add = |name: &str, value: Option<&dyn Display>| {
        if let Some(value) = value {
            // Writing to a string does not fail.
            let _ = write!(text, " {name}={value}");
        }
    };
    let slot = packet.slot.as_ref();
    let none = String::from("none");
    add("vip", packet.vip.as_ref().map(|it| it as _));
    add("pool", packet.pool.as_ref().map(|it| it as _));
    add("backend", packet.backend.as_ref().map(|it| it as _));
    add("delivery", packet.delivery.as_ref().map(|it| it as _));
    add("why", packet.why.as_ref().map(|it| it as _));
    add("slot", slot.map(|slot| &slot.number as _));
    add("current", slot.map(|slot| slot.current.as_ref().unwrap_or(&none) as _));
    add("base", slot.map(|slot| slot.base.as_ref().unwrap_or(&none) as _));
    add("hash", slot.map(|slot| &slot.hash as _));
    add("packet", Some(&packet.sequence));
    text
}

/// One line: when, where, what, what became of it.
pub fn line(packet: &CapturedPacket, bytes: &[u8]) -> String {
    let mut text = format!("{} {} ", Clock(packet.time_ns), interface(packet));
    let facts = Facts::of_packet(&bytes);
    let _ = match facts == Facts::default() {
        true => write!(text, "no IP"),
        false => write!(text, "{}", Flow(facts.flow())),
    };
    let _ = write!(text, ", {} bytes: {}", packet.frame_bytes, Outcome(packet));
    text
}

/// The time of day, UTC, of nanoseconds since 1970.
struct Clock(u64);

impl Display for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / 1_000_000_000, self.0 / 1000 % 1_000_000);
        let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
        write!(formatter, "{hours:02}:{minutes:02}:{:02}.{micros:06}", seconds % 60)
    }
}

struct Flow(FlowFacts);

impl Display for Flow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FlowFacts { flow, has_ports, tcp_flags } = &self.0;
        let end = |address: anycast_common::address::Address, port: u16| {
            let address = std::net::IpAddr::from(address);
            if *has_ports {
                std::net::SocketAddr::new(address, port).to_string()
            } else {
                address.to_string()
            }
        };
        let (source, destination) =
            (end(flow.source, flow.source_port), end(flow.destination, flow.destination_port));
        write!(formatter, "{source} > {destination} ")?;
        match flow.protocol {
            protocol::TCP => write!(formatter, "tcp")?,
            protocol::UDP => write!(formatter, "udp")?,
            protocol::ICMP => write!(formatter, "icmp")?,
            protocol::ICMP_V6 => write!(formatter, "icmp6")?,
            protocol::IPV4 | protocol::IPV6 => write!(formatter, "ipip")?,
            other => write!(formatter, "proto {other}")?,
        }
        let set = TCP_FLAGS.iter().enumerate().filter(|(bit, _)| tcp_flags >> bit & 1 != 0);
        let flags: Vec<&str> = set.map(|(_, name)| *name).collect();
        if flags.is_empty() { Ok(()) } else { write!(formatter, " [{}]", flags.join(" ")) }
    }
}

/// What became of it.
struct Outcome<'a>(&'a CapturedPacket);

impl Display for Outcome<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packet = self.0;
        if packet.reason == DELIVERED {
            write!(formatter, "to {}", packet.backend.as_deref().unwrap_or("its backend"))?;
            if let Some(delivery) = &packet.delivery {
                write!(formatter, " by {delivery}")?;
            }
        } else {
            write!(formatter, "{}", packet.reason)?;
            if let Some(backend) = &packet.backend {
                write!(formatter, " for {backend}")?;
            }
        }
        write!(formatter, ", {}", packet.verdict)?;
        if let Some(vip) = &packet.vip {
            write!(formatter, ", vip {vip}")?;
        }
        if let Some(slot) = &packet.slot {
            write!(formatter, ", slot {}", slot.number)?;
            match &slot.base {
                Some(base) => write!(formatter, " (from {base})")?,
                None => write!(formatter, " (stable)")?,
            }
        }
        if let Some(why) = &packet.why {
            write!(formatter, ", {why}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::types::CapturedSlot;

    fn packet() -> CapturedPacket {
        CapturedPacket {
            time_ns: 1_700_000_000_123_456_789,
            sequence: 7,
            side: CaptureSide::Before,
            interface: "eth0".to_owned(),
            ifindex: 2,
            frame_bytes: 1514,
            hex: String::new(),
            verdict: "tx".to_owned(),
            reason: DELIVERED.to_owned(),
            vip: Some("www".to_owned()),
            pool: Some("web".to_owned()),
            backend: Some("web/b".to_owned()),
            delivery: Some("ipip".to_owned()),
            why: Some("base".to_owned()),
            slot: Some(CapturedSlot {
                number: 12,
                slots: 65_537,
                current: Some("web/a".to_owned()),
                base: Some("web/b".to_owned()),
                hash: "00000000000000ff".to_owned(),
            }),
        }
    }

    #[test]
    fn comments_say_all_that_is_known() {
        assert_eq!(
            comment(&packet()),
            "verdict=tx reason=delivered vip=www pool=web backend=web/b delivery=ipip why=base slot=12 current=web/a \
             base=web/b hash=00000000000000ff packet=7"
        );
        let passed = CapturedPacket {
            verdict: "pass".to_owned(),
            reason: "not_vip".to_owned(),
            vip: None,
            pool: None,
            backend: None,
            delivery: None,
            why: None,
            slot: None,
            ..packet()
        };
        assert_eq!(comment(&passed), "verdict=pass reason=not_vip packet=7");
    }

    #[test]
    fn lines_say_who_and_where_to() {
        let mut bytes = Vec::new();
        let step = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6]);
        let step = step.ipv4([198, 51, 100, 7], [192, 0, 2, 1], 64);
        step.tcp(40_000, 443, 1, 2).syn().write(&mut bytes, &[]).unwrap();
        let told = line(&packet(), &bytes);
        assert_eq!(
            told,
            "22:13:20.123456 eth0 (in) 198.51.100.7:40000 > 192.0.2.1:443 tcp [syn], 1514 bytes: to web/b by ipip, tx, vip www, slot 12 \
             (from web/b), base"
        );
        assert!(line(&packet(), &[0xff; 20]).contains(" no IP, "));
    }
}
