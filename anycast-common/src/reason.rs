//! Why a packet was not delivered.

use crate::numbered::{numbered, verdicts};

/// Columns of the reason counters: room for codes to come.
pub const MAX_REASONS: usize = 32;

verdicts! {
    /// What becomes of a packet that is not delivered.
    Verdict {
        /// It goes on to this host's stack, unchanged.
        Pass = "pass";
        /// It ends here.
        Drop = "drop";
        /// It ends here, and its sender gets an answer from here.
        Answer = "answer";
    }
}

numbered! {
    /// Why a packet was not delivered. Codes are numbered once and never reused; labels are the ones of
    /// `status`, metrics and the documentation.
    Reason {
        /// No complete IPv4 or IPv6 header in the frame.
        NotIp = 1, "not_ip", Pass;
        /// The destination is no VIP.
        NotVip = 2, "not_vip", Pass;
        /// ICMP or ICMPv6 to a VIP address that is neither an echo request to answer nor an error.
        Icmp = 3, "icmp", Pass;
        /// No service of the VIP matches, and the VIP passes such packets.
        UnknownPortPassed = 4, "unknown_port_passed", Pass;
        /// No service of the VIP matches, and the VIP drops such packets.
        UnknownPortDropped = 5, "unknown_port_dropped", Drop;
        /// The IP header is malformed, or its lengths contradict each other or the frame.
        BadHeader = 6, "bad_header", Drop;
        /// The packet ends before its TCP, UDP or ICMP header does.
        Truncated = 7, "truncated", Drop;
        /// A fragment that fits no packet: it is empty, ends off an 8-byte step, or reaches beyond 65,535 bytes.
        BadFragment = 8, "bad_fragment", Drop;
        /// More IPv6 extension headers than the program walks, or one that is cut short.
        ExtensionHeader = 9, "extension_header", Drop;
        /// The pool has no usable backend.
        NoBackend = 10, "no_backend", Drop;
        /// The backend that owns the flow is down, removed, or its next hop is unknown.
        BackendUnusable = 11, "backend_unusable", Drop;
        /// TTL or hop limit ran out: forwarding would leave a routing loop running.
        TtlExpired = 12, "ttl_expired", Drop;
        /// The backend is reached by an interface frames cannot be redirected to.
        NoDevice = 13, "no_device", Drop;
        /// An echo request, answered in the VIP's name.
        EchoAnswered = 14, "echo_answered", Answer;
        /// The packet does not fit the way to its backend, and its sender was told what does.
        TooBigAnswered = 15, "too_big_answered", Answer;
        /// The packet does not fit the way to its backend, and its sender may not be told, or not that often.
        TooBig = 16, "too_big", Drop;
        /// An ICMP error about nothing the VIP can have sent, or that quotes too little to tell.
        BadQuote = 17, "bad_quote", Pass;
        /// The frame has no room in front for outer headers.
        NoHeadroom = 18, "no_headroom", Drop;
        /// The pool has no usable backend, and passes such packets.
        EmptyPassed = 19, "empty_passed", Pass;
        /// The pool has no usable backend, and the TCP connection was reset.
        EmptyReset = 20, "empty_reset", Answer;
        /// The pool has no usable backend, and the sender of the UDP datagram was told so.
        EmptyUnreachable = 21, "empty_unreachable", Answer;
    }
}

const _: () = assert!(Reason::ALL.len() < MAX_REASONS);

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn codes_are_dense_and_in_order() {
        for (position, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(reason.code() as usize, position + 1, "{}", reason.label());
        }
    }

    #[test]
    fn labels_are_unique() {
        for (position, reason) in Reason::ALL.iter().enumerate() {
            assert!(Reason::ALL[..position].iter().all(|other| other.label() != reason.label()));
        }
    }
}
