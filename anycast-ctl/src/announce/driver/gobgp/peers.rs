//! GoBGP's neighbours.

use std::collections::BTreeSet;

use super::{
    super::{DriverError, Peer},
    connection::{Connection, LIST_PEER},
    fault::Fault,
    message::{
        self, ADMIN_DOWN, ESTABLISHED, Family, ListPeerRequest, ListPeerResponse, PREFIX_LIMIT,
        SESSION_STATES,
    },
};

/// Neighbours that are listed.
const MAX_PEERS: usize = 1000;

/// A neighbour.
pub struct Neighbour {
    /// As others see it.
    pub peer: Peer,
    /// `afi` of the families of which routes are exchanged.
    afis: BTreeSet<i32>,
}

impl Neighbour {
    /// Whether it is told routes of that family.
    pub fn takes(&self, family: &Family) -> bool {
        self.peer.established && self.afis.contains(&family.afi)
    }
}

/// All neighbours.
///
/// # Errors
/// gobgpd does not say.
pub async fn all(connection: &Connection) -> Result<Vec<Neighbour>, DriverError> {
    let mut neighbours = Vec::new();
    let each = |ListPeerResponse { peer }| {
        if neighbours.len() < MAX_PEERS {
            neighbours.extend(peer.as_ref().and_then(neighbour));
        }
    };
    connection.list(LIST_PEER, ListPeerRequest {}, each).await.map_err(Fault::of_all)?;
    neighbours.sort_by(|a, b| a.peer.name.cmp(&b.peer.name));
    Ok(neighbours)
}

fn neighbour(it: &message::Peer) -> Option<Neighbour> {
    let state = it.state.as_ref()?;
    let conf = it.conf.as_ref();
    let configured = conf.map(|conf| conf.neighbor_address.as_str()).unwrap_or_default();
    let address = if state.neighbor_address.is_empty() { configured } else { &state.neighbor_address };
    let established = state.session_state == ESTABLISHED;
    let name = usize::try_from(state.session_state).ok().and_then(|number| SESSION_STATES.get(number));
    let timers = it.timers.as_ref().and_then(|timers| timers.state.as_ref());
    let since = timers.and_then(|it| if established { it.uptime.as_ref() } else { it.downtime.as_ref() });
    let asn = if state.peer_asn == 0 { conf.map_or(0, |conf| conf.peer_asn) } else { state.peer_asn };
    let families = it.afi_safis.iter().filter_map(|it| it.state.as_ref()).filter(|state| state.enabled);
    let afis = families.filter_map(|state| state.family.as_ref()).map(|family| family.afi).collect();
    let peer = Peer {
        name: address.to_owned(),
        address: address.parse().ok(),
        asn: (asn != 0).then_some(asn),
        established,
        state: name.map_or_else(|| format!("state {}", state.session_state), |name| (*name).to_owned()),
        since: since.filter(|since| since.seconds > 0).and_then(time),
        error: error(state.admin_state),
    };
    Some(Neighbour { peer, afis })
}

fn time(timestamp: &message::Timestamp) -> Option<String> {
    jiff::Timestamp::from_second(timestamp.seconds).ok().map(|time| time.to_string())
}

fn error(admin_state: i32) -> Option<String> {
    match admin_state {
        ADMIN_DOWN => Some("it is disabled: run `gobgp neighbor ADDRESS enable`".to_owned()),
        PREFIX_LIMIT => Some("it told more prefixes than its limit lets it".to_owned()),
        _ => None,
    }
}
