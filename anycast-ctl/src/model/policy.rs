//! What operators choose between for pools, VIPs and backends.

use super::choice::choice;

choice! {
    /// What of a packet decides which slot it falls into.
    HashPolicy {
        /// Its flow: addresses, ports and protocol.
        #[default]
        FiveTuple = "5-tuple",
        /// The client's address: all its flows go to one backend.
        SourceAddress,
        /// The client's address and the VIP's: all flows of a client to one VIP go to one backend.
        SourceAndDestination,
    }
}

choice! {
    /// How UDP flows are remembered. UDP has no packet that opens a flow.
    UdpPolicy {
        /// Not at all: each datagram goes to the slot's current owner. For DNS.
        #[default]
        Stateless,
        /// Every flow from its first datagram.
        Pinned,
        /// As TCP: QUIC's Initial packets open a flow (RFC 9000 section 17.2.2, RFC 9369 section 3.2).
        Quic,
    }
}

choice! {
    /// What becomes of the flows of a backend that is down.
    OnDown {
        /// They go to another backend, whose RST tells the client at once.
        #[default]
        Reset,
        /// They stay.
        Keep,
    }
}

choice! {
    /// What happens to packets to a pool with nobody left.
    OnEmpty {
        /// They are dropped and counted.
        #[default]
        Drop,
        /// They go to this host's own stack.
        Pass,
        /// TCP is answered by a RST, UDP by "port unreachable".
        Reset,
    }
}

choice! {
    /// What happens to packets to a VIP address that match no service.
    OnUnknownPort {
        /// They go to this host's own stack.
        #[default]
        Pass,
        /// They are dropped and counted.
        Drop,
    }
}

choice! {
    /// What the operator wants of a backend.
    AdminState {
        /// It takes flows.
        #[default]
        Active,
        /// It takes no new flows; those it has live on.
        Draining,
        /// It takes none, and those it had are over, as if it had been removed.
        Disabled,
    }
}

choice! {
    /// What becomes of a draining backend that has no flows left.
    WhenDrained {
        /// It stays, and gets no flows.
        #[default]
        Keep,
        /// It is removed from its pool, unless it is the last one there.
        Remove,
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use serde::Serialize;

    use super::*;
    use crate::model::{Delivery, label};

    fn check<T: ValueEnum + Serialize>() {
        for choice in T::value_variants() {
            assert_eq!(serde_json::to_value(choice).unwrap(), serde_json::Value::from(label(choice)));
        }
    }

    #[test]
    fn commands_and_files_have_the_same_names() {
        check::<AdminState>();
        check::<Delivery>();
        check::<HashPolicy>();
        check::<OnDown>();
        check::<OnEmpty>();
        check::<OnUnknownPort>();
        check::<UdpPolicy>();
        check::<WhenDrained>();
    }
}
