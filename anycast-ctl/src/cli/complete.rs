//! Names of VIPs, pools and backends, and addresses of hosts, for the shell's completion, asked of the daemon. Whatever goes wrong completes to nothing.

use std::{
    collections::BTreeMap,
    env,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use super::block_on;
use crate::{
    api::{client::Client, socket},
    model::{Service, Site, Vip},
};

/// How long a person waits for a completion.
const PATIENCE: Duration = Duration::from_millis(300);

/// Names of VIPs.
pub fn vips() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let vips = site().map(|site| site.vips).unwrap_or_default();
        vips.into_iter().map(|vip| candidate(&vip.name, vip.address.to_string())).collect()
    })
}

/// Names of pools.
pub fn pools() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let pools = site().map(|site| site.pools).unwrap_or_default();
        let about = |backends: usize| format!("{backends} backends");
        pools.iter().map(|pool| candidate(&pool.name, about(pool.backends.len()))).collect()
    })
}

/// Names of backends: of the pool that stands before them, or of all.
pub fn backends() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let words = words();
        let pools = site().map(|site| site.pools).unwrap_or_default();
        let named = pools.iter().find(|pool| words.contains(&pool.name));
        let pools = named.map_or_else(|| pools.iter().collect(), |pool| vec![pool]);
        let backends = pools.into_iter().flat_map(|pool| &pool.backends);
        backends.map(|backend| candidate(&backend.name, backend.address.to_string())).collect()
    })
}

/// Backends with their pools: `POOL/NAME`.
pub fn backends_of_pools() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut all = Vec::new();
        for pool in site().map(|site| site.pools).unwrap_or_default() {
            for backend in &pool.backends {
                let name = format!("{}/{}", pool.name, backend.name);
                all.push(candidate(&name, backend.address.to_string()));
            }
        }
        all
    })
}

/// Services of VIPs, as packets are sent to them.
pub fn services() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let vips = site().map(|site| site.vips).unwrap_or_default();
        let of_vip = |vip: Vip| {
            let services = vip.services.into_iter().filter(|service| service.port != 0);
            let to = move |service: Service| {
                let to = SocketAddr::new(vip.address, service.port);
                candidate(&format!("{to}/{}", service.protocol), vip.name.clone())
            };
            services.map(to).collect::<Vec<_>>()
        };
        vips.into_iter().flat_map(of_vip).collect()
    })
}

/// Addresses of backends.
pub fn hosts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut hosts: BTreeMap<IpAddr, Vec<String>> = BTreeMap::new();
        for pool in site().map(|site| site.pools).unwrap_or_default() {
            for backend in pool.backends {
                hosts.entry(backend.address).or_default().push(format!("{}/{}", pool.name, backend.name));
            }
        }
        hosts.iter().map(|(address, names)| candidate(&address.to_string(), names.join(", "))).collect()
    })
}

fn candidate(name: &str, about: String) -> CompletionCandidate {
    CompletionCandidate::new(name).help(Some(about.into()))
}

/// What has been typed.
fn words() -> Vec<String> {
    env::args().skip_while(|word| word != "--").skip(1).collect()
}

fn site() -> Option<Site> {
    let client = Client::new(&socket());
    block_on(async { tokio::time::timeout(PATIENCE, client.site()).await.ok()?.ok() }).ok()?
}

/// The socket that the typed command would ask.
fn socket() -> PathBuf {
    let words = words();
    let after = words.iter().position(|word| word == "--socket").and_then(|place| words.get(place + 1));
    let typed =
        after.map(String::as_str).or_else(|| words.iter().find_map(|word| word.strip_prefix("--socket=")));
    let default =
        || env::var_os("ANYCAST_SOCKET").map_or_else(|| PathBuf::from(socket::DEFAULT_PATH), PathBuf::from);
    typed.map_or_else(default, PathBuf::from)
}
