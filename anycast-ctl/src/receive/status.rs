//! What is received, and what was refused.

use std::{net::IpAddr, path::Path, time::SystemTime};

use anycast_common::receive::Outcome;
use aya::programs::ProgramInfo;
use serde::{Deserialize, Serialize};

use super::{ReceiveError, Sender, control::Attached, maps::Maps, pins::Pins};
use crate::{api::types::XdpMode, interface::Interface, preflight::Surroundings};

/// `anycast-ctl receive status --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiveStatus {
    /// In the order of their names.
    pub interfaces: Vec<InterfaceStatus>,
}

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceStatus {
    /// Kernel name.
    pub interface: String,
    /// Kernel index, as it was when receiving began.
    pub index: u32,
    /// `native` or `generic`; absent when the program is no longer attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<XdpMode>,
    /// Why the program is not attached, for people to read; absent when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Kernel id of the pinned program.
    pub program_id: u32,
    /// Its tag, which is the same wherever the same program is loaded.
    pub program_tag: String,
    /// Name of the program: `receive`, or `receive_linear` before Linux 5.18.
    pub program_name: String,
    /// Who may send.
    pub senders: Vec<Sender>,
    /// UDP port of GUE; absent when GUE is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gue_port: Option<u16>,
    /// When the counters began, in seconds since 1970.
    pub since_unix_seconds: u64,
    /// Seconds since then.
    pub uptime_seconds: u64,
    /// The last unknown sender that each CPU saw.
    pub last_unknown_senders: Vec<IpAddr>,
    /// Every outcome, in the order of the codes.
    pub counters: Vec<CounterStatus>,
}

/// Packets that came to the same outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterStatus {
    /// Number of the outcome.
    pub code: u32,
    /// Its name.
    pub reason: String,
    /// `pass`, `decapsulate` or `drop`.
    pub verdict: String,
    /// Packets.
    pub packets: u64,
    /// What it means.
    pub description: String,
}

/// The status of one interface, or of all that have pins.
///
/// # Errors
/// `NotRunning` when there is none.
pub async fn status(bpffs: &Path, interface: Option<&str>) -> Result<ReceiveStatus, ReceiveError> {
    Surroundings::gather()?.check_capabilities()?;
    let names = match interface {
        Some(name) => vec![name.to_owned()],
        None => Pins::interfaces(bpffs)?,
    };
    let existing = Interface::list().await?;
    let mut interfaces = Vec::new();
    for name in names {
        let pins = Pins::of(bpffs, &name)?;
        if pins.link().exists() {
            interfaces.push(describe(&pins, name, &existing)?);
        } else if interface.is_some() {
            return Err(ReceiveError::NotRunning(Some(name)));
        }
    }
    if interfaces.is_empty() { Err(ReceiveError::NotRunning(None)) } else { Ok(ReceiveStatus { interfaces }) }
}

fn describe(pins: &Pins, name: String, existing: &[Interface]) -> Result<InterfaceStatus, ReceiveError> {
    if !pins.maps().exists() {
        return Err(ReceiveError::OtherVersion { interface: name });
    }
    let maps = Maps::open(&pins.maps())?;
    let config = maps.config()?;
    let program =
        ProgramInfo::from_pin(pins.program()).map_err(super::kernel("reading the pinned program"))?;

    let (mode, detail) = match existing.iter().find(|it| it.name == name) {
        None => (
            None,
            Some(format!(
                "no interface is called `{name}`, and the program went with it: start again when it is back"
            )),
        ),
        Some(interface) => match Attached::find(pins, interface) {
            Ok(Some(attached)) => (Some(attached.mode), None),
            Ok(None) => (
                None,
                Some(
                    "the interface was made anew, and the program went with the old one: start again"
                        .to_owned(),
                ),
            ),
            Err(error @ ReceiveError::OtherNamespace { .. }) => (None, Some(error.to_string())),
            Err(error) => return Err(error),
        },
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let counters: Result<Vec<_>, _> = Outcome::ALL.iter().map(|outcome| count(&maps, *outcome)).collect();
    Ok(InterfaceStatus {
        interface: name,
        index: config.ifindex,
        mode,
        detail,
        program_id: program.id(),
        program_tag: format!("{:016x}", program.tag()),
        program_name: program.name_as_str().unwrap_or_default().to_owned(),
        senders: maps.senders()?.into_iter().collect(),
        gue_port: u16::try_from(config.gue_port).ok().filter(|port| *port != 0),
        since_unix_seconds: config.since_seconds,
        uptime_seconds: now.saturating_sub(config.since_seconds),
        last_unknown_senders: maps.strangers()?.into_iter().collect(),
        counters: counters?,
    })
}

fn count(maps: &Maps, outcome: Outcome) -> Result<CounterStatus, ReceiveError> {
    Ok(CounterStatus {
        code: outcome.code(),
        reason: outcome.label().to_owned(),
        verdict: outcome.verdict().label().to_owned(),
        packets: maps.packets(outcome)?,
        description: outcome.description().to_owned(),
    })
}
