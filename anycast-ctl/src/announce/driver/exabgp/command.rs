//! The commands that move a route, and the attributes that they leave it with.

use ipnet::IpNet;

use crate::{announce::driver::Level, model::Shutdown};

/// GRACEFUL_SHUTDOWN, RFC 8326 section 4.
const GRACEFUL_SHUTDOWN: &str = "65535:0";

/// The attributes of a route at each level, written as ExaBGP writes them when it shows a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    shutting_down: String,
}

impl Attributes {
    /// Those that the settings ask for. Without a number, a path is not made longer.
    pub fn new(shutdown: &Shutdown, asn: Option<u32>) -> Self {
        let mut words = Vec::new();
        if let Some(asn) = asn.filter(|_| shutdown.prepend > 0) {
            // A path that is given is taken as it is: our own number is not put before it.
            let path = vec![asn.to_string(); usize::from(shutdown.prepend).saturating_add(1)];
            words.push(format!("as-path [ {} ]", path.join(" ")));
        }
        words.extend(shutdown.med.map(|med| format!("med {med}")));
        words.extend(shutdown.community.then(|| format!("community {GRACEFUL_SHUTDOWN}")));
        Self { shutting_down: words.join(" ") }
    }

    /// Those of one level.
    pub fn at(&self, level: Level) -> Option<&str> {
        match level {
            Level::Withdrawn => None,
            Level::ShuttingDown => Some(&self.shutting_down),
            Level::Announced => Some(""),
        }
    }

    /// The level that has these attributes; `None` when they are not ours. Where two levels have the same, it is the
    /// one that is asked about.
    pub fn level(&self, attributes: &str, asked: Level) -> Option<Level> {
        [asked, Level::Announced, Level::ShuttingDown]
            .into_iter()
            .find(|level| self.at(*level) == Some(attributes))
    }

    /// The command that brings a route to a level. It needs no command before: a route that is announced replaces the one
    /// that was.
    pub fn command(&self, prefix: IpNet, level: Level) -> String {
        self.at(level).map_or_else(
            || withdraw(prefix),
            |attributes| format!("announce route {prefix} next-hop self {attributes}").trim_end().to_owned(),
        )
    }
}

/// The command that withdraws a route.
pub fn withdraw(prefix: IpNet) -> String {
    format!("withdraw route {prefix} next-hop self")
}

/// The route that a command announces (`true`) or withdraws (`false`).
pub fn route(command: &str) -> Option<(IpNet, bool)> {
    let mut words = command.split(' ');
    let announces = match words.next()? {
        "announce" => true,
        "withdraw" => false,
        _ => return None,
    };
    let prefix = words.next().filter(|it| *it == "route").and_then(|_| words.next())?;
    Some((prefix.parse().ok()?, announces))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: Shutdown =
        Shutdown { community: false, med: None, prepend: 0, wait: std::time::Duration::ZERO };

    #[test]
    fn each_level_has_a_command() {
        let all = Shutdown { community: true, med: Some(50), prepend: 2, ..BARE };
        let attributes = Attributes::new(&all, Some(65001));
        let prefix: IpNet = "198.51.100.1/32".parse().unwrap();
        for (level, command) in [
            (Level::Announced, "announce route 198.51.100.1/32 next-hop self"),
            (Level::Withdrawn, "withdraw route 198.51.100.1/32 next-hop self"),
            (
                Level::ShuttingDown,
                "announce route 198.51.100.1/32 next-hop self as-path [ 65001 65001 65001 ] med 50 community 65535:0",
            ),
        ] {
            let made = attributes.command(prefix, level);
            assert_eq!(made, command);
            assert_eq!(route(&made), Some((prefix, level != Level::Withdrawn)), "{made}");
        }
        assert_eq!(route("show adj-rib out"), None);
        assert_eq!(route("announce flow 198.51.100.1/32"), None);
        assert_eq!(route("announce route everywhere"), None);
    }

    #[test]
    fn attributes_tell_the_level() {
        let attributes = Attributes::new(&Shutdown { community: true, ..BARE }, None);
        assert_eq!(attributes.level("", Level::Withdrawn), Some(Level::Announced));
        assert_eq!(attributes.level("community 65535:0", Level::Announced), Some(Level::ShuttingDown));
        assert_eq!(attributes.level("med 7", Level::Announced), None);

        let same = Attributes::new(&BARE, Some(65001));
        assert_eq!(same.level("", Level::ShuttingDown), Some(Level::ShuttingDown), "as asked");
        assert_eq!(same.level("", Level::Withdrawn), Some(Level::Announced));
    }

    #[test]
    fn without_a_number_the_path_stays() {
        let attributes = Attributes::new(&Shutdown { med: Some(0), prepend: 3, ..BARE }, None);
        assert_eq!(attributes.at(Level::ShuttingDown), Some("med 0"));
    }
}
