//! Announcements as the operator writes them: `[announce]`, and in it the one table of the routing daemon that is driven.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{choice::choice, shape};
use crate::period;

mod daemon;

pub use daemon::{
    BirdSettings, ExabgpSettings, FrrSettings, GobgpSettings, KernelMode, KernelSettings, VIP_PLACE,
};

/// How routes to VIPs are announced, and by which routing daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Announce {
    /// What becomes of announced routes when the daemon ends: they stay for the time of the lease, or are withdrawn first.
    pub on_stop: OnStop,
    /// What becomes of the announced routes when the last VIP that could be served no longer can.
    pub all_down: AllDown,
    /// When nobody has renewed the lease for that long, whoever watches it withdraws all routes. 5s to 1h; 0s: there is none.
    #[serde(with = "period::as_fine_text")]
    #[schema(value_type = String, example = "30s")]
    #[schemars(with = "shape::FinePeriod")]
    pub lease: Duration,
    /// How long a VIP must be well before it is announced. 0s to 1h. Doubles with each withdrawal for want of health.
    #[serde(with = "period::as_fine_text")]
    #[schema(value_type = String, example = "5s")]
    #[schemars(with = "shape::FinePeriod")]
    pub hold_up: Duration,
    /// The longest that doubles to. Up to 1d.
    #[serde(with = "period::as_fine_text")]
    #[schema(value_type = String, example = "10m")]
    #[schemars(with = "shape::FinePeriod")]
    pub hold_up_max: Duration,
    /// How long a VIP must be unwell before it is withdrawn. 0s to 1h.
    #[serde(with = "period::as_fine_text")]
    #[schema(value_type = String, example = "0s")]
    #[schemars(with = "shape::FinePeriod")]
    pub hold_down: Duration,
    /// How long it stays announced at least, once it is, however unwell. 0s to 1h.
    #[serde(with = "period::as_fine_text")]
    #[schema(value_type = String, example = "0s")]
    #[schemars(with = "shape::FinePeriod")]
    pub min_announced: Duration,
    /// A site drain is over for a VIP when its own backends got no packet for that long. 1s to 1h.
    #[serde(with = "period::as_fine_text")]
    #[schema(value_type = String, example = "30s")]
    #[schemars(with = "shape::FinePeriod")]
    pub quiet: Duration,
    /// The number of this host's autonomous system, where a daemon cannot be asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = u32::MAX))]
    pub asn: Option<u32>,
    /// How routers are told that a route is about to go.
    pub shutdown: Shutdown,
    /// BIRD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bird: Option<BirdSettings>,
    /// ExaBGP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exabgp: Option<ExabgpSettings>,
    /// FRR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frr: Option<FrrSettings>,
    /// GoBGP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gobgp: Option<GobgpSettings>,
    /// The kernel's tables, from which any routing daemon takes the routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<KernelSettings>,
}

/// What a route gets that is about to go, so that routers choose other ways before it does (RFC 8326).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Shutdown {
    /// Whether it gets the community GRACEFUL_SHUTDOWN, 65535:0.
    pub community: bool,
    /// The metric (MULTI_EXIT_DISC) that it gets; left out: the one it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = u32::MAX))]
    pub med: Option<u32>,
    /// How often the own number is put in front of its path. 0 to 10.
    #[schemars(range(max = 10))]
    pub prepend: u8,
    /// How long it stays like that at most, if packets keep coming. 0s to 1h; 0s: it is withdrawn at once.
    #[serde(with = "period::as_fine_text")]
    #[schema(value_type = String, example = "10s")]
    #[schemars(with = "shape::FinePeriod")]
    pub wait: Duration,
}

/// The one routing daemon that is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver<'a> {
    /// BIRD 2.
    Bird(&'a BirdSettings),
    /// ExaBGP 4.
    Exabgp(&'a ExabgpSettings),
    /// FRR.
    Frr(&'a FrrSettings),
    /// GoBGP 3.
    Gobgp(&'a GobgpSettings),
    /// None: the kernel.
    Kernel(&'a KernelSettings),
}

impl Announce {
    /// Every table of a daemon that is there; a valid site has one.
    pub fn drivers(&self) -> impl Iterator<Item = Driver<'_>> {
        let Self { bird, exabgp, frr, gobgp, kernel, .. } = self;
        [
            bird.as_ref().map(Driver::Bird),
            exabgp.as_ref().map(Driver::Exabgp),
            frr.as_ref().map(Driver::Frr),
            gobgp.as_ref().map(Driver::Gobgp),
            kernel.as_ref().map(Driver::Kernel),
        ]
        .into_iter()
        .flatten()
    }
}

impl Announce {
    /// Whether routers can be told that a route is about to go: otherwise it goes at once.
    pub fn tells_of_shutdown(&self) -> bool {
        let Shutdown { community, med, prepend, wait } = &self.shutdown;
        let has_means = *community || med.is_some() || *prepend > 0;
        let knows_how = self.drivers().all(|driver| match driver {
            Driver::Bird(BirdSettings { include: None, shutdown_protocol, .. }) => {
                shutdown_protocol.is_some()
            }
            Driver::Bird(_) | Driver::Exabgp(_) | Driver::Frr(_) | Driver::Gobgp(_) => has_means,
            Driver::Kernel(kernel) => kernel.shutdown_metric.is_some(),
        });
        knows_how && !wait.is_zero()
    }
}

impl Driver<'_> {
    /// The name of its table.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Bird(_) => "bird",
            Self::Exabgp(_) => "exabgp",
            Self::Frr(_) => "frr",
            Self::Gobgp(_) => "gobgp",
            Self::Kernel(_) => "kernel",
        }
    }
}

impl Default for Announce {
    fn default() -> Self {
        Self {
            on_stop: OnStop::default(),
            all_down: AllDown::default(),
            lease: Duration::from_secs(30),
            hold_up: Duration::from_secs(5),
            hold_up_max: Duration::from_secs(600),
            hold_down: Duration::ZERO,
            min_announced: Duration::ZERO,
            quiet: Duration::from_secs(30),
            asn: None,
            shutdown: Shutdown::default(),
            bird: None,
            exabgp: None,
            frr: None,
            gobgp: None,
            kernel: None,
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { community: true, med: None, prepend: 0, wait: Duration::from_secs(10) }
    }
}

choice! {
    /// What becomes of announced routes when the daemon ends.
    OnStop {
        /// They stay for the time of the lease: the next daemon takes them over.
        #[default]
        Keep,
        /// They are withdrawn, and routers are given time to follow.
        Withdraw,
    }
}

choice! {
    /// What becomes of announced routes when nothing on this host can be served any more.
    AllDown {
        /// They are withdrawn.
        #[default]
        Withdraw,
        /// Those that were the last stay: perhaps it is the checks that fail, everywhere.
        Keep,
    }
}

choice! {
    /// When a VIP is announced.
    AnnouncePolicy {
        /// While it can be served.
        #[default]
        Auto,
        /// As long as packets to it are steered at all, whatever checks say.
        Always,
        /// Not by this host's daemon.
        Never,
    }
}
