//! BIRD's protocols: which there are, and switching them on and off.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use tokio::time::{Instant, sleep};

use super::client::{Client, Line, Reply};
use crate::announce::driver::DriverError;

/// How long a protocol may take to come up, once it is enabled, and how often it is looked at.
const RISE: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(2);

/// Codes of answers.
const ALREADY_DISABLED: u16 = 8;
const DISABLED: u16 = 9;
const ALREADY_ENABLED: u16 = 10;
const ENABLED: u16 = 11;
const PROTOCOL_LINE: u16 = 1002;
const DETAIL_LINE: u16 = 1006;
const NO_PROTOCOLS_MATCH: u16 = 8003;

/// One protocol, as `show protocols` and `show protocols all` say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: String,
    /// `Static`, `BGP`, …
    pub kind: String,
    /// `up`, `down`, `start`, …
    pub state: String,
    /// Since when.
    pub since: Option<String>,
    /// What else is said in its line.
    pub info: String,
    /// The rest is a BGP neighbour's: the state of its session.
    pub session: Option<String>,
    /// The neighbour's address.
    pub address: Option<IpAddr>,
    /// The neighbour's number.
    pub asn: Option<u32>,
    /// What last ended the session.
    pub last_error: Option<String>,
}

impl Protocol {
    /// Whether its routes are there, or about to be.
    pub fn is_on(&self) -> bool {
        matches!(self.state.as_str(), "up" | "start" | "feed")
    }
}

/// The protocols of an answer, in its order. Lines that make no sense are left out.
pub fn parse(reply: &Reply) -> Vec<Protocol> {
    let mut protocols: Vec<Protocol> = Vec::new();
    for Line { code, text } in &reply.lines {
        match *code {
            PROTOCOL_LINE => protocols.extend(parse_line(text)),
            DETAIL_LINE => {
                if let (Some(protocol), Some((key, value))) = (protocols.last_mut(), text.split_once(':')) {
                    detail(protocol, key.trim(), value.trim());
                }
            }
            _ => {}
        }
    }
    protocols
}

fn parse_line(text: &str) -> Option<Protocol> {
    let mut words = text.split_whitespace().peekable();
    let (name, kind, _table, state) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let mut since = words.next().map(str::to_owned);
    // A date may have its time behind it.
    let is_time = |word: &&str| word.starts_with(|char: char| char.is_ascii_digit()) && word.contains(':');
    if let (Some(since), Some(time)) = (&mut since, words.next_if(is_time)) {
        since.push(' ');
        since.push_str(time);
    }
    let info = words.collect::<Vec<_>>().join(" ");
    Some(Protocol {
        name: name.to_owned(),
        kind: kind.to_owned(),
        state: state.to_owned(),
        since,
        info,
        ..Protocol::default()
    })
}

fn detail(protocol: &mut Protocol, key: &str, value: &str) {
    match key {
        "BGP state" => protocol.session = Some(value.to_owned()),
        // A link-local one has its interface behind it.
        "Neighbor address" => {
            protocol.address = value.split('%').next().and_then(|address| address.parse().ok());
        }
        "Neighbor AS" => protocol.asn = value.parse().ok(),
        "Last error" => protocol.last_error = Some(value.to_owned()),
        _ => {}
    }
}

/// What this daemon believes of BIRD's protocols.
#[derive(Debug, Default)]
pub struct Switches(BTreeMap<String, Switch>);

/// One of them.
#[derive(Debug, Default)]
struct Switch {
    is_on: bool,
    is_static: bool,
    /// Whether this daemon switched it on.
    is_own: bool,
}

impl Switches {
    /// Reads which protocols there are.
    pub async fn refresh(&mut self, client: &mut Client) -> Result<(), DriverError> {
        let reply = client.ask("show protocols").await?;
        self.learn(&parse(&reply));
        Ok(())
    }

    /// Takes over what was read.
    pub fn learn(&mut self, protocols: &[Protocol]) {
        let before = std::mem::take(&mut self.0);
        for protocol in protocols {
            let is_own = before.get(&protocol.name).is_some_and(|switch| switch.is_own);
            let switch = Switch { is_on: protocol.is_on(), is_static: protocol.kind == "Static", is_own };
            self.0.insert(protocol.name.clone(), switch);
        }
    }

    /// Whether there is one of that name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether it is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|switch| switch.is_on)
    }

    /// Those that are on and this daemon's: switched on by it, or static ones with such a name.
    pub fn own<'a>(&'a self, has_own_name: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(name, switch)| {
                switch.is_on && (switch.is_own || (switch.is_static && has_own_name(name)))
            })
            .map(|(name, _)| name.as_str())
    }

    /// Switches those off that are on, in one go. What is not there has no routes either.
    pub async fn off(&mut self, client: &mut Client, names: &[&str]) -> Result<(), DriverError> {
        let names: Vec<&str> = names.iter().copied().filter(|name| self.is_on(name)).collect();
        let commands: Vec<String> = names.iter().map(|name| format!("disable \"{name}\"")).collect();
        let replies = client.ask_all(&commands).await?;
        for ((name, command), reply) in names.iter().zip(&commands).zip(&replies) {
            match outcome(reply) {
                DISABLED | ALREADY_DISABLED => {
                    if let Some(switch) = self.0.get_mut(*name) {
                        *switch = Switch { is_on: false, is_own: false, ..*switch };
                    }
                }
                NO_PROTOCOLS_MATCH => drop(self.0.remove(*name)),
                _ => return Err(client.garbled(&format!("giving `{command}` to"), &reply.text)),
            }
        }
        Ok(())
    }

    /// Switches one on; the inner error is why this one cannot be.
    pub async fn on(&mut self, client: &mut Client, name: &str) -> Result<Result<(), Trouble>, DriverError> {
        let command = format!("enable \"{name}\"");
        let reply = client.ask(&command).await?;
        match outcome(&reply) {
            ENABLED => {}
            ALREADY_ENABLED => {
                if let Err(trouble) = risen(client, name).await? {
                    return Ok(Err(trouble));
                }
            }
            NO_PROTOCOLS_MATCH => {
                self.0.remove(name);
                return Ok(Err(Trouble::Missing));
            }
            _ => return Err(client.garbled(&format!("giving `{command}` to"), &reply.text)),
        }
        let switch = self.0.entry(name.to_owned()).or_default();
        *switch = Switch { is_on: true, is_own: true, ..*switch };
        Ok(Ok(()))
    }
}

/// Why a protocol cannot be switched on.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is none of that name.
    Missing,
    /// It is enabled, but its routes are not there: its state.
    Stuck(String),
}

/// Waits until a protocol that is enabled has its routes in the table.
pub async fn risen(client: &mut Client, name: &str) -> Result<Result<(), Trouble>, DriverError> {
    let end = Instant::now() + RISE;
    loop {
        let reply = client.ask(&format!("show protocols \"{name}\"")).await?;
        let Some(protocol) = parse(&reply).pop() else { return Ok(Err(Trouble::Missing)) };
        if protocol.state == "up" {
            return Ok(Ok(()));
        }
        if Instant::now() > end {
            let state = format!("{} {}", protocol.state, protocol.info);
            return Ok(Err(Trouble::Stuck(state.trim_end().to_owned())));
        }
        sleep(POLL).await;
    }
}

/// The code that says how it went: `0011-anycast_web: enabled`, and then `0000`.
fn outcome(reply: &Reply) -> u16 {
    reply.lines.first().map_or(reply.code, |line| line.code)
}
