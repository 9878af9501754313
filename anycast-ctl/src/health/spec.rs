//! What is asked of a backend, with everything decided that a site leaves open.

use std::{net::IpAddr, time::Duration};

use crate::model::{
    Backend, Check, CheckKind, DnsTransport, Payload, Percent, Pool, Protocol, QueryType, Rcode, Site,
    StatusSet, Via, Vip, health,
};

/// VIPs that a check asks when it does not name them.
pub const MAX_VIPS: usize = 16;

/// The check of one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// What is asked.
    pub probe: Probe,
    /// Port that is asked; 0 where there is none.
    pub port: u16,
    /// How the question gets there.
    pub via: Via,
    /// With [`Via::Vip`]: name and address of each VIP that is asked.
    pub vips: Vec<(String, IpAddr)>,
    /// Source addresses that were given.
    pub source: Vec<IpAddr>,
    /// Whether the question fills a packet as large as the way to the backend takes.
    pub full_size: bool,
    /// When it is asked, and what the answers mean.
    pub rhythm: Rhythm,
}

/// When a backend is checked, and how many results make a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Time between the beginnings of two checks.
    pub interval: Duration,
    /// The same while the verdict is in doubt.
    pub fast_interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
    /// Checks in a row that must pass before the backend is up.
    pub rise: u32,
    /// Checks in a row that must fail before it is down.
    pub fall: u32,
    /// By how much of the interval a check may come earlier or later.
    pub jitter: Percent,
    /// How long a backend that went down a second time must pass before it is up.
    pub hold_down: Duration,
    /// The longest such time.
    pub hold_down_max: Duration,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A connection, and an answer if one is expected.
    Tcp {
        /// What is sent once it is there.
        send: Option<Payload>,
        /// What the answer must contain.
        expect: Option<Payload>,
    },
    /// An HTTP/1.1 request.
    Http(Http),
    /// A TLS handshake.
    Tls(Tls),
    /// A DNS question.
    Dns(Dns),
    /// A datagram and its answer.
    Udp {
        /// What is sent.
        send: Payload,
        /// What the answer must contain; `None`: any answer passes.
        expect: Option<Payload>,
    },
    /// An ICMP or ICMPv6 echo.
    Icmp,
    /// The gRPC health protocol.
    Grpc {
        /// The service whose health is asked for; empty: the server's.
        service: String,
        /// TLS, if the connection is.
        tls: Option<Tls>,
    },
    /// A program.
    Exec {
        /// Its path and its arguments; at least the path.
        command: Vec<String>,
        /// What its output must contain.
        expect: Option<Payload>,
    },
}

/// An HTTP request and the answer that passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Method.
    pub method: String,
    /// Target, beginning with `/`.
    pub path: String,
    /// Host header; `None`: the address that is asked.
    pub host: Option<String>,
    /// Status codes that pass.
    pub status: StatusSet,
    /// What the body must contain.
    pub body: Option<String>,
    /// The header that makes an answer 503 ask for a drain.
    pub drain_header: Option<String>,
    /// TLS, if the connection is.
    pub tls: Option<Tls>,
}

/// How TLS is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The name that is asked for; `None`: the address that is asked.
    pub server_name: Option<String>,
    /// Whether the certificate is verified.
    pub verify: bool,
    /// File of the authorities; `None`: the system's.
    pub ca: Option<String>,
    /// Files of the own certificate and its key.
    pub identity: Option<(String, String)>,
}

/// A DNS question and the answer that passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// The name.
    pub query: String,
    /// The type of record.
    pub query_type: QueryType,
    /// How it is asked.
    pub transport: DnsTransport,
    /// The response code that passes.
    pub rcode: Rcode,
    /// What one of the answers must be.
    pub answer: Option<String>,
}

impl Spec {
    /// The check of a backend; `None` when it has none.
    pub fn of(site: &Site, pool: &Pool, backend: &Backend) -> Option<Self> {
        let check = pool.check_of(backend)?;
        let kind = check.kind.filter(|kind| *kind != CheckKind::None)?;
        let served = || site.vips.iter().filter(|vip| vip.pool == pool.name);
        let named: Vec<&Vip> = match &check.vips {
            None => served().take(MAX_VIPS).collect(),
            Some(names) => served().filter(|vip| names.contains(&vip.name)).collect(),
        };
        let port = check.port.or_else(|| first_port(served(), protocol(kind)?));
        Some(Self {
            probe: Probe::of(&check, kind),
            port: port.unwrap_or_default(),
            via: check.via.unwrap_or_default(),
            vips: named.into_iter().map(|vip| (vip.name.clone(), vip.address)).collect(),
            source: check.source.clone().unwrap_or_default(),
            full_size: check.full_size.unwrap_or_default(),
            rhythm: Rhythm::of(&check),
        })
    }
}

impl Spec {
    /// Whether an answer may ask for a drain.
    pub fn can_ask_for_drain(&self) -> bool {
        matches!(&self.probe, Probe::Http(http) if http.drain_header.is_some())
    }
}

/// The first port that VIPs serve with a protocol.
pub fn first_port<'a>(vips: impl Iterator<Item = &'a Vip>, protocol: Protocol) -> Option<u16> {
    let services = vips.flat_map(|vip| &vip.services);
    services.filter(|service| service.protocol == protocol && service.port != 0).map(|it| it.port).min()
}

/// The transport protocol that a kind of check needs a port of.
pub const fn protocol(kind: CheckKind) -> Option<Protocol> {
    match kind {
        CheckKind::Tcp | CheckKind::Http | CheckKind::Https | CheckKind::Tls | CheckKind::Grpc => {
            Some(Protocol::Tcp)
        }
        CheckKind::Dns | CheckKind::Udp => Some(Protocol::Udp),
        CheckKind::Icmp | CheckKind::Exec | CheckKind::None => None,
    }
}

impl Rhythm {
    /// What a check says, and the defaults.
    pub fn of(check: &Check) -> Self {
        let interval = check.interval.unwrap_or(health::DEFAULT_INTERVAL);
        Self {
            interval,
            fast_interval: check.fast_interval.unwrap_or(health::DEFAULT_FAST_INTERVAL).min(interval),
            timeout: check.timeout.unwrap_or(health::DEFAULT_TIMEOUT),
            rise: check.rise.unwrap_or(health::DEFAULT_RISE),
            fall: check.fall.unwrap_or(health::DEFAULT_FALL),
            jitter: check.jitter.unwrap_or(health::DEFAULT_JITTER),
            hold_down: check.hold_down.unwrap_or(health::DEFAULT_HOLD_DOWN),
            hold_down_max: check.hold_down_max.unwrap_or(health::DEFAULT_HOLD_DOWN_MAX),
        }
    }
}

impl Probe {
    fn of(check: &Check, kind: CheckKind) -> Self {
        let tls = kind.speaks_tls(check.tls.unwrap_or_default()).then(|| Tls::of(check));
        match kind {
            CheckKind::Tcp | CheckKind::None => {
                Self::Tcp { send: check.send.clone(), expect: check.expect.clone() }
            }
            CheckKind::Http | CheckKind::Https => Self::Http(Http {
                method: check.method.clone().unwrap_or_else(|| "GET".to_owned()),
                path: check.path.clone().unwrap_or_else(|| "/".to_owned()),
                host: check.host.clone(),
                status: check.status.clone().unwrap_or_default(),
                body: check.body.clone(),
                drain_header: check.drain_header.clone(),
                tls,
            }),
            CheckKind::Tls => Self::Tls(Tls::of(check)),
            CheckKind::Dns => Self::Dns(Dns {
                query: check.query.clone().unwrap_or_default(),
                query_type: check.query_type.unwrap_or_default(),
                transport: check.transport.unwrap_or_default(),
                rcode: check.rcode.unwrap_or_default(),
                answer: check.answer.clone(),
            }),
            CheckKind::Udp => {
                Self::Udp { send: check.send.clone().unwrap_or_default(), expect: check.expect.clone() }
            }
            CheckKind::Icmp => Self::Icmp,
            CheckKind::Grpc => Self::Grpc { service: check.service.clone().unwrap_or_default(), tls },
            CheckKind::Exec => Self::Exec {
                command: check.command.clone().unwrap_or_default(),
                expect: check.expect.clone(),
            },
        }
    }
}

impl Tls {
    fn of(check: &Check) -> Self {
        Self {
            server_name: check.server_name.clone().or_else(|| check.host.clone()),
            verify: check.verify.unwrap_or(true),
            ca: check.ca.clone(),
            identity: check.certificate.clone().zip(check.key.clone()),
        }
    }
}
