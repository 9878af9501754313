//! Questions to the kernel's tables, one answer each.

use std::{io, net::IpAddr, time::Duration};

use futures_util::StreamExt as _;
use rtnetlink::{
    Handle, RouteMessageBuilder,
    packet_core::{NLM_F_REQUEST, NetlinkMessage, NetlinkPayload},
    packet_route::{
        AddressFamily, RouteNetlinkMessage,
        link::LinkMessage,
        neighbour::{NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState},
        route::{RouteAttribute, RouteMessage, RouteMetric, RouteType, RouteVia},
    },
};

use super::{Why, event::ip};
use crate::interface::Interface;

/// Ticks of a second in what the kernel tells of time: 100 on every architecture but alpha, time(7).
const USER_HZ: u32 = 100;

/// A socket for questions. Its driver ends with it.
pub(super) struct Lookup {
    handle: Handle,
    driver: tokio::task::JoinHandle<()>,
}

/// The way to an address, before the neighbour's link-layer address is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) ifindex: u32,
    /// The gateway, or the address itself when it is on the link.
    pub(super) neighbour: IpAddr,
    /// The route's own limit, in bytes.
    pub(super) mtu: Option<u32>,
    /// The source address that packets of this host's own would have.
    pub(super) source: Option<IpAddr>,
}

/// An entry of the neighbour table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Neighbour {
    /// The link-layer address, in the states in which it may be used.
    pub(super) mac: Option<[u8; 6]>,
    /// The kernel asked and gave up.
    pub(super) failed: bool,
    /// Set by hand (or by a routing daemon): the kernel never asks, and must not be told to.
    pub(super) permanent: bool,
    /// How long ago the neighbour was last heard to be there.
    pub(super) confirmed: Duration,
}

/// What can go wrong with a question, besides the answer "no".
#[derive(Debug, thiserror::Error)]
pub(super) enum LookupError {
    /// The socket is gone: open another one.
    #[error("the netlink socket closed while {0}")]
    Closed(&'static str),
    /// The answer was lost, and more may be: open another one.
    #[error("the kernel's answer about routes and neighbours did not come")]
    Unanswered,
    /// The kernel refused.
    #[error("{0}: {1}")]
    Refused(&'static str, #[source] io::Error),
}

impl Lookup {
    /// Opens a socket in the calling thread's network namespace.
    pub(super) fn open() -> io::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        Ok(Self { handle, driver: tokio::spawn(connection) })
    }

    /// `RTM_GETROUTE`: the way packets to the address take. The inner error is the kernel's answer.
    pub(super) async fn route(&self, address: IpAddr) -> Result<Result<Route, Why>, LookupError> {
        let question = match address {
            IpAddr::V4(address) => {
                RouteMessageBuilder::<std::net::Ipv4Addr>::new().destination_prefix(address, 32).build()
            }
            IpAddr::V6(address) => {
                RouteMessageBuilder::<std::net::Ipv6Addr>::new().destination_prefix(address, 128).build()
            }
        };
        match self.ask(RouteNetlinkMessage::GetRoute(question), "looking up a route").await {
            Ok(RouteNetlinkMessage::NewRoute(answer)) => Ok(read_route(address, &answer)),
            Ok(_) => Ok(Err(Why::NoRoute { address })),
            Err(LookupError::Refused(_, error)) if is_no_route(&error) => {
                Ok(Err(why_no_route(address, &error)))
            }
            Err(error) => Err(error),
        }
    }

    /// `RTM_GETNEIGH` for one entry; `None` when there is none.
    pub(super) async fn neighbour(
        &self,
        ifindex: u32,
        address: IpAddr,
    ) -> Result<Option<Neighbour>, LookupError> {
        let mut question = NeighbourMessage::default();
        question.header.family = family(address);
        question.header.ifindex = ifindex;
        question.attributes.push(NeighbourAttribute::Destination(address.into()));
        match self.ask(RouteNetlinkMessage::GetNeighbour(question), "looking up a neighbour").await {
            Ok(RouteNetlinkMessage::NewNeighbour(answer)) => Ok(Some(read_neighbour(&answer))),
            Ok(_) => Ok(None),
            Err(LookupError::Refused(_, error)) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `RTM_NEWNEIGH` with `NTF_USE`: makes the kernel treat the neighbour as if a packet were waiting for it. It
    /// creates a missing entry, asks for an unknown address, and has a stale one confirmed; one that was
    /// confirmed lately stays as it is.
    ///
    /// Not for permanent entries: since 5.16 the kernel takes the flag as leave to drop their permanence.
    pub(super) async fn use_neighbour(&self, ifindex: u32, address: IpAddr) -> Result<(), LookupError> {
        let add = self.handle.neighbours().add(ifindex, address);
        // Without a state: the default of the crate is permanent, which would exempt the entry from collection.
        let request = add.state(NeighbourState::None).flags(NeighbourFlags::Use).replace();
        match request.execute().await {
            Ok(()) => Ok(()),
            Err(error) => Err(refused(error, "asking for a neighbour's link-layer address")),
        }
    }

    /// `RTM_NEWNEIGH` with `NUD_PROBE`: has a known neighbour asked at once whether it is still there. Its address
    /// stays in use meanwhile; after three unanswered questions, a second apart, the entry fails.
    ///
    /// Using it does not do: the kernel believes an entry for up to 45 s after it was confirmed, `base_reachable_time`
    /// of arp(7), while a host that came back with another address hears none of what is sent to it.
    pub(super) async fn probe_neighbour(&self, ifindex: u32, address: IpAddr) -> Result<(), LookupError> {
        let add = self.handle.neighbours().add(ifindex, address);
        match add.state(NeighbourState::Probe).replace().execute().await {
            Ok(()) => Ok(()),
            // The entry failed or went in the meantime: there is no address to ask at.
            Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code() == -libc::EINVAL => {
                self.use_neighbour(ifindex, address).await
            }
            Err(error) => Err(refused(error, "asking whether a neighbour is still there")),
        }
    }

    /// `RTM_GETLINK` for all interfaces.
    pub(super) async fn interfaces(&self) -> Result<Vec<Interface>, LookupError> {
        let mut answers = Box::pin(self.handle.link().get().execute());
        let mut interfaces = Vec::new();
        let mut is_answered = false;
        while let Some(answer) = answers.next().await {
            let answer: LinkMessage = answer.map_err(|error| refused(error, "listing interfaces"))?;
            is_answered = true;
            interfaces.extend(Interface::from_message(&answer));
        }
        // There is a loopback interface everywhere. None means that the socket failed, not that all interfaces are gone.
        if is_answered { Ok(interfaces) } else { Err(LookupError::Closed("listing interfaces")) }
    }

    async fn ask(
        &self,
        question: RouteNetlinkMessage,
        what: &'static str,
    ) -> Result<RouteNetlinkMessage, LookupError> {
        let mut message = NetlinkMessage::from(question);
        message.header.flags = NLM_F_REQUEST;
        let mut answers = self.handle.clone().request(message).map_err(|error| refused(error, what))?;
        let answer = answers.next().await.ok_or(LookupError::Closed(what))?;
        if let NetlinkPayload::InnerMessage(answer) = answer.payload {
            Ok(answer)
        } else if let NetlinkPayload::Error(error) = answer.payload {
            Err(LookupError::Refused(what, error.to_io()))
        } else {
            Err(LookupError::Closed(what))
        }
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn refused(error: rtnetlink::Error, what: &'static str) -> LookupError {
    if let rtnetlink::Error::NetlinkError(message) = error {
        LookupError::Refused(what, message.to_io())
    } else {
        LookupError::Closed(what)
    }
}

/// The errors by which a lookup says that there is no way, rather than that it failed.
fn is_no_route(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EACCES | libc::EINVAL | libc::ESRCH | libc::EAGAIN
        )
    )
}

/// IPv4 reports the type of a refusing route by the error (`fib_props` in net/ipv4/fib_semantics.c).
fn why_no_route(address: IpAddr, error: &io::Error) -> Why {
    match error.raw_os_error() {
        Some(libc::EHOSTUNREACH) => Why::Refused { address, kind: "unreachable" },
        Some(libc::EACCES) => Why::Refused { address, kind: "prohibit" },
        Some(libc::EINVAL) => Why::Refused { address, kind: "blackhole" },
        _ => Why::NoRoute { address },
    }
}

fn read_route(address: IpAddr, answer: &RouteMessage) -> Result<Route, Why> {
    let kind = answer.header.kind;
    if kind == RouteType::Local {
        return Err(Why::Local { address });
    }
    for (refusing, name) in [
        (RouteType::BlackHole, "blackhole"),
        (RouteType::Unreachable, "unreachable"),
        (RouteType::Prohibit, "prohibit"),
        (RouteType::Throw, "throw"),
    ] {
        if kind == refusing {
            return Err(Why::Refused { address, kind: name });
        }
    }
    if kind != RouteType::Unicast {
        return Err(Why::NotUnicast { address });
    }

    let (mut ifindex, mut neighbour, mut mtu, mut source) = (None, address, None, None);
    for attribute in &answer.attributes {
        if let RouteAttribute::Oif(index) = attribute {
            ifindex = Some(*index);
        } else if let RouteAttribute::Gateway(gateway) = attribute {
            neighbour = ip(gateway).unwrap_or(neighbour);
        } else if let RouteAttribute::PrefSource(preferred) = attribute {
            source = ip(preferred);
        } else if let RouteAttribute::Via(RouteVia::Inet6(gateway)) = attribute {
            // An IPv4 route with an IPv6 gateway, RFC 5549.
            neighbour = IpAddr::V6(*gateway);
        } else if let RouteAttribute::Metrics(metrics) = attribute {
            mtu = metrics.iter().find_map(|metric| {
                let RouteMetric::Mtu(mtu) = metric else { return None };
                Some(*mtu)
            });
        }
    }
    let ifindex = ifindex.ok_or(Why::NoRoute { address })?;
    Ok(Route { ifindex, neighbour, mtu, source })
}

fn read_neighbour(answer: &NeighbourMessage) -> Neighbour {
    let state = answer.header.state;
    // In these the kernel sends to the address it has: NUD_VALID in include/net/neighbour.h.
    let valid = matches!(
        state,
        NeighbourState::Permanent
            | NeighbourState::Noarp
            | NeighbourState::Reachable
            | NeighbourState::Probe
            | NeighbourState::Stale
            | NeighbourState::Delay
    );
    let mac = answer.attributes.iter().find_map(|attribute| {
        let NeighbourAttribute::LinkLayerAddress(address) = attribute else { return None };
        address.as_slice().try_into().ok()
    });
    let confirmed = answer.attributes.iter().find_map(|attribute| {
        let NeighbourAttribute::CacheInfo(info) = attribute else { return None };
        Some(Duration::from_secs(u64::from(info.confirmed / USER_HZ)))
    });
    Neighbour {
        mac: mac.filter(|_| valid),
        confirmed: confirmed.unwrap_or_default(),
        failed: state == NeighbourState::Failed,
        permanent: matches!(state, NeighbourState::Permanent | NeighbourState::Noarp),
    }
}

const fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}
