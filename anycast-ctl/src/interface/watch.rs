//! Tells when an interface that packets should come in by goes away: the kernel detaches the program without a word.

use futures_util::StreamExt as _;
use rtnetlink::{
    MulticastGroup, new_multicast_connection, packet_core::NetlinkPayload, packet_route::RouteNetlinkMessage,
};

use super::{Interface, InterfaceError};

/// Whether there is an interface of that index in the calling thread's network namespace.
pub fn exists(index: u32) -> bool {
    // nix 0.31 takes the null pointer of a failure for success, and answers with an empty name.
    nix::net::if_::if_indextoname(index).is_ok_and(|name| !name.is_empty())
}

/// Logs an error for each of the interfaces that goes away, until the runtime ends.
///
/// # Errors
/// `Open` when there is no socket for notifications.
///
/// # Panics
/// Outside a tokio runtime.
pub fn log_departures(interfaces: &[Interface]) -> Result<(), InterfaceError> {
    let mut interfaces = interfaces.to_vec();
    let (connection, _, mut messages) = new_multicast_connection(&[MulticastGroup::Link])?;
    tokio::spawn(connection);
    tokio::spawn(async move {
        while let Some((message, _)) = messages.next().await {
            if !is_departure(&message.payload) {
                continue;
            }
            interfaces.retain(|interface| {
                let there = exists(interface.index);
                if !there {
                    tracing::error!(
                        interface = interface.name,
                        "the interface is gone, and the XDP program with it: packets that come in by one of that name \
                         are not steered until the daemon is restarted"
                    );
                }
                there
            });
        }
    });
    Ok(())
}

fn is_departure(payload: &NetlinkPayload<RouteNetlinkMessage>) -> bool {
    matches!(payload, NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(_)))
}
