//! Which remembered flows are asked for.

use clap::Args;
use ipnet::IpNet;

use crate::{api::call::Query, cli::complete};

/// Whatever is said must hold.
#[derive(Debug, Args)]
pub struct Wanted {
    /// Only flows of VIPs that this pool serves
    #[arg(long, value_name = "POOL", add = complete::pools())]
    pool: Option<String>,

    /// Only flows to this VIP
    #[arg(long, value_name = "VIP", add = complete::vips())]
    vip: Option<String>,

    /// Only flows that go to this backend
    #[arg(long, value_name = "POOL/NAME", add = complete::backends_of_pools())]
    backend: Option<String>,

    /// Only flows of this client or network
    #[arg(long, value_name = "PREFIX", value_parser = prefix)]
    from: Option<IpNet>,

    /// Only flows of which no more than their opening packet was seen
    #[arg(long, conflicts_with = "pinned")]
    embryonic: bool,

    /// Only flows that went on after it
    #[arg(long)]
    pinned: bool,
}

impl Wanted {
    pub fn query(&self) -> Query {
        let Self { pool, vip, backend, from, embryonic, pinned } = self;
        let state = embryonic.then_some("embryonic").or(pinned.then_some("pinned"));
        Query::default()
            .with_some("pool", pool.as_ref())
            .with_some("vip", vip.as_ref())
            .with_some("backend", backend.as_ref())
            .with_some("from", from.as_ref())
            .with_some("state", state)
    }
}

/// An address, or a prefix.
fn prefix(text: &str) -> Result<IpNet, String> {
    let address = || text.parse().map(|address: std::net::IpAddr| IpNet::from(address));
    let parsed = text.parse().or_else(|_| address());
    parsed.map_err(|_| "give an address or a prefix, as 198.51.100.0/24 or 2001:db8::/48".to_owned())
}
