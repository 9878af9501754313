//! Servers by their address, whatever pools they are in.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{BackendState, BackendStatus, PoolStatus};

/// One server: every backend with its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostStatus {
    /// Its address.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// What it is in the pools, in the order of the pools. Removed backends are still listed.
    pub backends: Vec<PoolBackendStatus>,
}

/// A backend and its pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolBackendStatus {
    /// Name of the pool.
    pub pool: String,
    /// The backend as its pool lists it.
    #[serde(flatten)]
    pub backend: BackendStatus,
}

impl HostStatus {
    /// The servers of these pools, by address. Those all of whose backends were removed are not among them.
    pub fn of(pools: &[PoolStatus]) -> Vec<Self> {
        let mut hosts = Self::all(pools);
        hosts.retain(|host| host.backends.iter().any(|it| it.backend.state != BackendState::Removed));
        hosts
    }

    /// One server, with nothing in it if no pool knows it.
    pub fn find(pools: &[PoolStatus], address: IpAddr) -> Self {
        let found = Self::all(pools).into_iter().find(|host| host.address == address);
        found.unwrap_or(Self { address, backends: Vec::new() })
    }

    fn all(pools: &[PoolStatus]) -> Vec<Self> {
        let mut hosts: BTreeMap<IpAddr, Vec<PoolBackendStatus>> = BTreeMap::new();
        for pool in pools {
            for backend in &pool.backends {
                let entry = PoolBackendStatus { pool: pool.name.clone(), backend: backend.clone() };
                hosts.entry(backend.address).or_default().push(entry);
            }
        }
        hosts.into_iter().map(|(address, backends)| Self { address, backends }).collect()
    }
}
