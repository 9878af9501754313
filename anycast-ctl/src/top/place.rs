//! What can be looked at: lists, and single things opened from them.

use std::net::IpAddr;

/// One list of everything of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tab {
    /// VIPs and their traffic.
    Vips,
    /// Backends of all pools.
    Backends,
    /// Reasons for which packets were not delivered.
    Reasons,
    /// Pools and their transitions.
    Pools,
    /// Announcements.
    Routes,
}

impl Tab {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 5] = [Self::Vips, Self::Backends, Self::Reasons, Self::Pools, Self::Routes];

    /// What it is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Vips => "VIPs",
            Self::Backends => "backends",
            Self::Reasons => "reasons",
            Self::Pools => "pools",
            Self::Routes => "routes",
        }
    }

    /// The one that many further to the right; they are a ring.
    pub fn turned(self, by: usize) -> Self {
        let place = Self::ALL.iter().position(|tab| *tab == self).unwrap_or_default();
        Self::ALL.iter().cycle().nth(place + by).copied().unwrap_or(self)
    }
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A list.
    Tab(Tab),
    /// One VIP, by name: where its packets go.
    Vip(String),
    /// One backend: its VIPs and its checks.
    Backend {
        /// Name of its pool.
        pool: String,
        /// Its address.
        address: IpAddr,
    },
    /// One reason, by number: its VIPs.
    Reason(u32),
    /// One pool, by name: its backends.
    Pool(String),
}

/// Kinds of lists; each is sorted in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// See [`Tab::Vips`].
    Vips,
    /// See [`Tab::Backends`].
    Backends,
    /// See [`Tab::Reasons`].
    Reasons,
    /// See [`Tab::Pools`].
    Pools,
    /// See [`Tab::Routes`].
    Routes,
    /// Backends and reasons of one VIP.
    VipOutcomes,
    /// VIPs of one backend.
    BackendVips,
    /// VIPs of one reason.
    ReasonVips,
    /// Backends of one pool.
    PoolBackends,
}

impl Place {
    /// What is listed there.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Tab(Tab::Vips) => Kind::Vips,
            Self::Tab(Tab::Backends) => Kind::Backends,
            Self::Tab(Tab::Reasons) => Kind::Reasons,
            Self::Tab(Tab::Pools) => Kind::Pools,
            Self::Tab(Tab::Routes) => Kind::Routes,
            Self::Vip(_) => Kind::VipOutcomes,
            Self::Backend { .. } => Kind::BackendVips,
            Self::Reason(_) => Kind::ReasonVips,
            Self::Pool(_) => Kind::PoolBackends,
        }
    }
}
