//! Messages of GoBGP's interface, as far as they are spoken or read here: names and numbers are those of package `apipb` of
//! GoBGP 3.10. What else a message has is skipped.

use prost::Message;

/// `TableType`
pub const GLOBAL: i32 = 0;
/// `TableType`
pub const ADJ_OUT: i32 = 3;

/// `Family.Afi`: IANA's number of IPv4.
pub const AFI_IP: i32 = 1;
/// `Family.Afi`: IANA's number of IPv6.
pub const AFI_IP6: i32 = 2;
/// `Family.Safi`
pub const SAFI_UNICAST: i32 = 1;

/// `AsSegment.Type`
pub const AS_SEQUENCE: i32 = 2;

/// `PeerState.SessionState`, by number.
pub const SESSION_STATES: [&str; 7] =
    ["Unknown", "Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"];
/// `PeerState.SessionState`
pub const ESTABLISHED: i32 = 6;
/// `PeerState.AdminState`
pub const ADMIN_DOWN: i32 = 1;
/// `PeerState.AdminState`
pub const PREFIX_LIMIT: i32 = 2;

/// Declares messages with their fields' kinds and numbers.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $($kind:ident)+ $number:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Message)]
        pub struct $name {
            $(#[prost($($kind),+, tag = $number)] pub $field: $type,)*
        }
    )*};
}

messages! {
    GetBgpRequest {}
    GetBgpResponse { global: Option<Global> = message optional "1" }
    Global { asn: u32 = uint32 "1" }

    AddPathRequest { table_type: i32 = int32 "1", path: Option<Path> = message optional "3" }
    AddPathResponse {}
    DeletePathRequest {
        table_type: i32 = int32 "1",
        family: Option<Family> = message optional "3",
        path: Option<Path> = message optional "4",
    }
    /// `google.protobuf.Empty`
    Empty {}

    ListPathRequest {
        table_type: i32 = int32 "1",
        name: String = string "2",
        family: Option<Family> = message optional "3",
        prefixes: Vec<LookupPrefix> = message repeated "4",
        enable_filtered: bool = bool "6",
    }
    /// `TableLookupPrefix`; its type is EXACT unless it says otherwise.
    LookupPrefix { prefix: String = string "1" }
    ListPathResponse { destination: Option<Destination> = message optional "1" }
    Destination { prefix: String = string "1", paths: Vec<Path> = message repeated "2" }
    Path {
        nlri: Option<Any> = message optional "1",
        pattrs: Vec<Any> = message repeated "2",
        best: bool = bool "4",
        family: Option<Family> = message optional "9",
        filtered: bool = bool "12",
        is_from_external: bool = bool "14",
        neighbor_ip: String = string "15",
        is_nexthop_invalid: bool = bool "17",
    }
    Family { afi: i32 = int32 "1", safi: i32 = int32 "2" }

    /// Empty: of all peers.
    ListPeerRequest {}
    ListPeerResponse { peer: Option<Peer> = message optional "1" }
    Peer {
        conf: Option<PeerConf> = message optional "2",
        state: Option<PeerState> = message optional "5",
        timers: Option<Timers> = message optional "6",
        afi_safis: Vec<AfiSafi> = message repeated "10",
    }
    PeerConf {
        neighbor_address: String = string "4",
        peer_asn: u32 = uint32 "5",
        neighbor_interface: String = string "11",
    }
    PeerState {
        neighbor_address: String = string "5",
        peer_asn: u32 = uint32 "6",
        session_state: i32 = int32 "13",
        admin_state: i32 = int32 "15",
    }
    Timers { state: Option<TimersState> = message optional "2" }
    TimersState {
        uptime: Option<Timestamp> = message optional "6",
        downtime: Option<Timestamp> = message optional "7",
    }
    AfiSafi { state: Option<AfiSafiState> = message optional "3" }
    AfiSafiState { family: Option<Family> = message optional "1", enabled: bool = bool "2" }

    /// `google.protobuf.Timestamp`
    Timestamp { seconds: i64 = int64 "1" }
    /// `google.protobuf.Any`
    Any { type_url: String = string "1", value: Vec<u8> = bytes "2" }

    IpAddressPrefix { prefix_len: u32 = uint32 "1", prefix: String = string "2" }
    OriginAttribute { origin: u32 = uint32 "1" }
    AsPathAttribute { segments: Vec<AsSegment> = message repeated "1" }
    AsSegment { kind: i32 = int32 "1", numbers: Vec<u32> = uint32 repeated "2" }
    NextHopAttribute { next_hop: String = string "1" }
    MultiExitDiscAttribute { med: u32 = uint32 "1" }
    CommunitiesAttribute { communities: Vec<u32> = uint32 repeated "1" }
    MpReachNlriAttribute {
        family: Option<Family> = message optional "1",
        next_hops: Vec<String> = string repeated "2",
        nlris: Vec<Any> = message repeated "3",
    }
}
