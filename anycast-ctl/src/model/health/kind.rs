//! What operators choose between for health checks. The names in commands are those in site files.

use crate::model::choice::choice;

choice! {
    /// What a check asks.
    CheckKind {
        /// A connection, and an answer if one is expected.
        #[default]
        Tcp,
        /// An HTTP/1.1 request.
        Http,
        /// The same over TLS.
        Https,
        /// A TLS handshake.
        Tls,
        /// A DNS question.
        Dns,
        /// A datagram and its answer.
        Udp,
        /// An ICMP or ICMPv6 echo.
        Icmp,
        /// The gRPC health protocol, `grpc.health.v1.Health/Check`.
        Grpc,
        /// A program of the operator's.
        Exec,
        /// Nothing: the backend counts as up while its next hop answers.
        None,
    }
}

impl CheckKind {
    /// Whether it speaks TLS, if `tls` is what the key says.
    pub const fn speaks_tls(self, tls: bool) -> bool {
        matches!(self, Self::Https | Self::Tls) || matches!(self, Self::Grpc) && tls
    }
}

choice! {
    /// How a check gets to its backend.
    Via {
        /// To the backend's own address.
        #[default]
        Direct,
        /// To the VIP's address, in the backend's delivery mode, as clients' packets.
        Vip,
    }
}

choice! {
    /// What becomes of a backend that no check has judged.
    Unchecked {
        /// It gets no flows.
        #[default]
        Wait,
        /// It is steered to as if it were up.
        Steer,
    }
}

choice! {
    /// How the share of a backend that came up grows.
    RampCurve {
        /// Evenly.
        #[default]
        Linear,
        /// Quickly at first.
        Aggressive,
    }
}

choice! {
    /// A type of DNS record (RFC 1035 section 3.2.2, RFC 3596, RFC 2782, RFC 9460).
    QueryType {
        /// An IPv4 address.
        #[default]
        A = "A",
        /// An IPv6 address.
        Aaaa = "AAAA",
        /// A name that this one stands for.
        Cname = "CNAME",
        /// A mail server.
        Mx = "MX",
        /// A name server.
        Ns = "NS",
        /// A name for an address.
        Ptr = "PTR",
        /// The zone itself.
        Soa = "SOA",
        /// A server of a service.
        Srv = "SRV",
        /// A text.
        Txt = "TXT",
    }
}

choice! {
    /// How a DNS question is asked.
    DnsTransport {
        /// As a datagram.
        #[default]
        Udp,
        /// Over a connection (RFC 7766).
        Tcp,
        /// Both ways: both must pass.
        Both,
    }
}

choice! {
    /// A DNS response code (RFC 1035 section 4.1.1).
    Rcode {
        /// No error.
        #[default]
        NoError = "NOERROR",
        /// The question was not understood.
        FormErr = "FORMERR",
        /// The server failed.
        ServFail = "SERVFAIL",
        /// There is no such name.
        NxDomain = "NXDOMAIN",
        /// The kind of question is not known.
        NotImp = "NOTIMP",
        /// The server will not answer.
        Refused = "REFUSED",
    }
}
