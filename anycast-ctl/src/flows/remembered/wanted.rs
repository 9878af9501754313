//! Which remembered flows are asked for.

use std::net::IpAddr;

use anycast_common::address::Address;
use ipnet::IpNet;

use super::Known;
use crate::api::types::FlowState;

/// Whatever is said must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Name of the pool that serves the VIP.
    pub pool: Option<String>,
    /// Name of the VIP.
    pub vip: Option<String>,
    /// Pool and name of the backend.
    pub backend: Option<(String, String)>,
    /// Where the client is.
    pub from: Option<IpNet>,
    /// How much is known of the flow.
    pub state: Option<FlowState>,
}

impl Wanted {
    /// Whether a flow is asked for.
    pub fn matches(&self, known: &Known<'_>) -> bool {
        let Self { pool, vip, backend, from, state } = self;
        let is = |wanted: &Option<String>, found: Option<&String>| {
            wanted.as_ref().is_none_or(|wanted| found == Some(wanted))
        };
        let found = known.backend.map(|backend| (&backend.pool, &backend.name));
        state.is_none_or(|state| state == known.entry.state)
            && from.is_none_or(|from| contains(&from, &known.entry.flow.source))
            && is(vip, known.vip.map(|vip| &vip.name))
            && is(pool, known.vip.map(|vip| &vip.pool))
            && backend.as_ref().is_none_or(|(pool, name)| found == Some((pool, name)))
    }
}

fn contains(prefix: &IpNet, address: &Address) -> bool {
    prefix.contains(&IpAddr::from(*address))
}
