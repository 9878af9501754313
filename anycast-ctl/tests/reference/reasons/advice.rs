//! What to do about what is counted, for an operator. A label that is added has to be answered for here.

use anycast_common::{detail::Detail, probe, reason::Reason, receive};

pub fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::NotIp => "Nothing: ARP, LLDP and their like.",
        Reason::NotVip => {
            "Nothing: the host's own traffic. If clients of a VIP are in it, compare `anycast-ctl vip list` \
             with what is announced."
        }
        Reason::Icmp => {
            "Nothing, if the VIP has `echo = false` or the messages are rare. A flood of them reaches this \
             host's stack: limit it in front of the host."
        }
        Reason::UnknownPortPassed => {
            "Scans end up here, and services that the site file forgot: `anycast-ctl vip show VIP`. \
             `on_unknown_port = \"drop\"` keeps them from the host's stack."
        }
        Reason::UnknownPortDropped => {
            "As `unknown_port_passed`: scans, or a service that is missing from the VIP."
        }
        Reason::BadHeader => {
            "Rare ones are noise of the Internet. Many from everybody: a device in front cuts or rewrites \
             packets; look at them with `anycast-ctl watch --packets 1`."
        }
        Reason::Truncated => "As `bad_header`.",
        Reason::BadFragment => "As `bad_header`; many of them are an attack on reassembly.",
        Reason::ExtensionHeader => "Nothing: legitimate packets have fewer than seven extension headers.",
        Reason::NoBackend => {
            "Clients are not served. See [all backends are \
             down](../runbooks.md#all-backends-of-a-pool-are-down)."
        }
        Reason::BackendUnusable => {
            "A few during a change are expected. If they go on: `anycast-ctl status` says why the backend \
             is not usable. See [sessions are reset](../runbooks.md#sessions-are-reset)."
        }
        Reason::TtlExpired => {
            "A packet goes in circles, mostly because an `l2` gateway routes the VIP back here: deliver by \
             `ipip` or `gue`. A few are clients' traceroutes."
        }
        Reason::NoDevice => {
            "The interface towards the backend cannot take redirected frames: `anycast-ctl doctor`."
        }
        Reason::EchoAnswered => "Nothing: pings, answered.",
        Reason::TooBigAnswered => {
            "A few for each client are expected. Many: see [uploads \
             hang](../runbooks.md#uploads-hang-downloads-work)."
        }
        Reason::TooBig => {
            "See [uploads hang](../runbooks.md#uploads-hang-downloads-work). Where errors are limited, \
             raise `[icmp] too_big_per_second`."
        }
        Reason::BadQuote => "Nothing: mostly replies to the VIP's own pings, or forged.",
        Reason::NoHeadroom => {
            "The driver leaves too little room in front of frames: another driver mode, `anycast-ctl run \
             --xdp-mode generic`, or deliver by `l2`."
        }
        Reason::EmptyPassed => {
            "As `no_backend`; this host's own stack serves meanwhile, as `on_empty = \"pass\"` wants."
        }
        Reason::EmptyReset => {
            "As `no_backend`; clients are refused at once, as `on_empty = \"reset\"` wants."
        }
        Reason::EmptyUnreachable => "As `empty_reset`, of UDP.",
    }
}

pub fn detail(detail: Detail) -> &'static str {
    match detail {
        Detail::FragmentFirst | Detail::FragmentFollowed => "Nothing: fragments that arrive as they should.",
        Detail::FragmentStray => {
            "A few are reordered on their way. Many: routers spread fragments of one datagram over several \
             edge hosts; hash by addresses alone there, or have clients send smaller datagrams."
        }
        Detail::FragmentOutOfOrder => "Nothing, unless `fragment_stray` grows too: the network reorders.",
        Detail::FragmentOverlap => {
            "Repetitions are harmless; many are an attack on the backends' reassembly."
        }
        Detail::IcmpError => "Nothing: path MTU discovery and its like, at work.",
        Detail::TooBigMayFragment => {
            "Senders that do not discover the path's MTU never get such packets through: give the way to \
             the backends a larger MTU."
        }
    }
}

pub fn receive(outcome: receive::Outcome) -> &'static str {
    use receive::Outcome;
    match outcome {
        Outcome::NotIp | Outcome::NotTunnel => "Nothing: the host's other traffic.",
        Outcome::Ipip | Outcome::Gue => "Nothing: packets for the VIP.",
        Outcome::UnknownSender => {
            "`anycast-ctl receive status` names the last one. An edge host of yours: add it to `--from`. \
             Somebody else: good that it was dropped."
        }
        Outcome::Fragment => {
            "Raise the MTU on the way, or say the true one by the route's `mtu` on the edge host."
        }
        Outcome::BadOuter | Outcome::BadInner | Outcome::InnerVersion => {
            "Rare ones are forged or damaged. Many: the sender is no edge host of this kind, or a device on \
             the way rewrites tunnels."
        }
        Outcome::GueVariant => {
            "Something else sends to the GUE port, or a sender uses GUE variant 0: another port with \
             `--gue-port`."
        }
        Outcome::Congestion => {
            "A router on the way marks instead of dropping, and the inner packet cannot carry the mark: \
             relieve that link."
        }
        Outcome::NotRemoved => {
            "The kernel refused: look for a driver without room for it, and report it with the kernel's \
             version."
        }
    }
}

pub fn probe(outcome: probe::Outcome) -> &'static str {
    use probe::Outcome;
    match outcome {
        Outcome::L2 | Outcome::Ipip | Outcome::Gue | Outcome::Local => "Nothing: checks on their way.",
        Outcome::NoTarget => {
            "A few while backends come and go. If they go on, somebody else uses these socket marks."
        }
        Outcome::TooBig => {
            "The way to the backend is narrower than this host believes: give the route the true `mtu`."
        }
        Outcome::Failed => "Report it with the kernel's version.",
    }
}
