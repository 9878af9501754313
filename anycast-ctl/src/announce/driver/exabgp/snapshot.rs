//! What ExaBGP has: its neighbours, and the routes it has for each, read from what it shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;

/// What is asked.
pub const QUESTIONS: [&str; 2] = ["show neighbor extensive", "show adj-rib out extensive"];

/// Everything ExaBGP shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Its neighbours.
    pub neighbours: Vec<Neighbour>,
    /// For each route the neighbours that have it, and its attributes as ExaBGP writes them.
    pub routes: BTreeMap<IpNet, BTreeMap<IpAddr, String>>,
}

/// A neighbour of ExaBGP's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its address.
    pub address: IpAddr,
    /// The own address of the session.
    pub local: Option<IpAddr>,
    /// The state of the session, as `Established`.
    pub state: String,
    /// For how long, if it is up.
    pub up_for: Option<String>,
    /// The number of the own autonomous system.
    pub local_as: Option<u32>,
    /// The number of its autonomous system.
    pub peer_as: Option<u32>,
    /// Whether it is to get IPv4 routes; what it agreed to, once the session is up.
    pub ipv4: Family,
    /// Whether it is to get IPv6 routes.
    pub ipv6: Family,
}

/// Routes of one family and a neighbour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// ExaBGP's configuration has it.
    pub configured: bool,
    /// Both sides have.
    pub agreed: bool,
}

/// What cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("ExaBGP shows {0:?}, which is none of what ExaBGP 4.2 shows")]
pub struct Odd(String);

impl Snapshot {
    /// Reads the answers to [`QUESTIONS`].
    ///
    /// # Errors
    /// They are not what ExaBGP 4.2 says.
    pub fn read(lines: &[String]) -> Result<Self, Odd> {
        let mut snapshot = Self::default();
        for line in lines {
            if let Some(address) = line.strip_prefix("Neighbor ") {
                snapshot.neighbours.push(Neighbour::of(address.trim().parse().map_err(|_| odd(line))?));
            } else if line.starts_with("neighbor ") {
                snapshot.read_route(line)?;
            } else if line.starts_with(' ') {
                if let Some(neighbour) = snapshot.neighbours.last_mut() {
                    neighbour.read(line);
                }
            } else if !matches!(line.as_str(), "" | "done") {
                return Err(odd(line));
            }
        }
        Ok(snapshot)
    }

    /// The numbers of the own autonomous systems: one, unless the neighbours are told different ones.
    pub fn own_numbers(&self) -> BTreeSet<u32> {
        self.neighbours.iter().filter_map(|it| it.local_as).collect()
    }

    fn read_route(&mut self, line: &str) -> Result<(), Odd> {
        let mut words = line.split(' ').skip(1);
        let neighbour: IpAddr = words.next().and_then(|it| it.parse().ok()).ok_or_else(|| odd(line))?;
        // Behind the name of the neighbour, which has several words, comes the family.
        let mut before = "";
        let family = words.by_ref().find(|word| {
            let found = *word == "unicast" && matches!(before, "ipv4" | "ipv6");
            before = word;
            found
        });
        if family.is_none() {
            // Of another family: flow, vpls, labelled.
            return Ok(());
        }
        let prefix: IpNet = words.next().and_then(|it| it.parse().ok()).ok_or_else(|| odd(line))?;
        let mut attributes: Vec<&str> = words.collect();
        // What we announce has the own address as its next hop; another one is an attribute like any other.
        if let ["next-hop", "self", ..] = attributes.as_slice() {
            attributes.drain(..2);
        }
        self.routes.entry(prefix).or_default().insert(neighbour, attributes.join(" "));
        Ok(())
    }
}

impl Neighbour {
    fn of(address: IpAddr) -> Self {
        Self {
            address,
            local: None,
            state: "unknown".to_owned(),
            up_for: None,
            local_as: None,
            peer_as: None,
            ipv4: Family::default(),
            ipv6: Family::default(),
        }
    }

    /// Whether routes are exchanged with it.
    pub fn established(&self) -> bool {
        self.state == "Established"
    }

    /// What it is about routes to that prefix.
    pub const fn family(&self, prefix: IpNet) -> Family {
        match prefix {
            IpNet::V4(_) => self.ipv4,
            IpNet::V6(_) => self.ipv6,
        }
    }

    /// Whether it is to get IPv6 routes over IPv4: ExaBGP has no next hop for them, and what it sends instead makes
    /// routers drop IPv4 routes as well.
    pub fn lacks_next_hop(&self, prefix: IpNet) -> bool {
        matches!(prefix, IpNet::V6(_)) && self.ipv6.configured && self.local.is_some_and(|it| it.is_ipv4())
    }

    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["local", address] => self.local = address.parse().ok(),
            ["state", state] => self.state = sentence_case(state),
            ["up", "for", period @ ..] => self.up_for = Some(period.join(" ")),
            ["AS", local, peer] => (self.local_as, self.peer_as) = (local.parse().ok(), peer.parse().ok()),
            ["ipv4", "unicast:", rest @ ..] => self.ipv4 = Family::read(rest),
            ["ipv6", "unicast:", rest @ ..] => self.ipv6 = Family::read(rest),
            _ => {}
        }
    }
}

impl Family {
    fn read(words: &[&str]) -> Self {
        Self {
            configured: words.first() == Some(&"enabled"),
            agreed: words.starts_with(&["enabled", "enabled"]),
        }
    }
}

/// `ESTABLISHED` as `Established`.
fn sentence_case(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect()
    })
}

fn odd(line: &str) -> Odd {
    Odd(line.chars().take(100).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHOWN: &str = include_str!("shown.txt");

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn neighbours_and_routes_are_read() {
        let snapshot = Snapshot::read(&lines(SHOWN)).unwrap();
        let [down, up] = snapshot.neighbours.as_slice() else { panic!("{snapshot:?}") };
        assert_eq!((down.address.to_string().as_str(), down.state.as_str()), ("10.9.0.2", "Idle"));
        assert_eq!((down.ipv4, down.ipv6), (Family { configured: true, agreed: false }, Family::default()));
        assert_eq!((up.address.to_string().as_str(), up.established()), ("fd09::2", true));
        assert_eq!(
            (up.local_as, up.peer_as, up.up_for.as_deref()),
            (Some(65001), Some(65002), Some("0:00:19"))
        );
        assert_eq!(up.ipv6, Family { configured: true, agreed: true });
        assert_eq!(snapshot.own_numbers(), BTreeSet::from([65001]));

        let attributes = |prefix: &str| {
            let at = snapshot.routes.get(&prefix.parse().unwrap()).unwrap();
            at.iter().map(|(peer, text)| format!("{peer} {text}")).collect::<Vec<_>>()
        };
        assert_eq!(
            attributes("198.51.100.1/32"),
            ["10.9.0.2 as-path [ 65001 65001 ] med 50 community 65535:0"]
        );
        assert_eq!(attributes("203.0.113.0/24"), ["10.9.0.2 next-hop 10.9.0.7"]);
        assert_eq!(attributes("2001:db8::1/128"), ["fd09::2 "]);
        assert_eq!(snapshot.routes.len(), 3, "flows are no routes: {snapshot:?}");
    }

    #[test]
    fn what_exabgp_does_not_say_is_refused() {
        for text in ["<html>", "Neighbor nobody", "neighbor 10.0.0.1 ipv4 unicast everywhere", "error"] {
            assert!(Snapshot::read(&lines(text)).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[Nn ]eighbor .{0,80}|.{0,80}") {
            let _ = Snapshot::read(&[text]);
        }
    }
}
