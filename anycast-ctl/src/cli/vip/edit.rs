//! Changes of VIPs.

use std::{net::IpAddr, str::FromStr};

use clap::{ArgGroup, Args};
use ipnet::IpNet;

use crate::{
    api::{
        call::Call,
        client::Client,
        types::{Committed, VipStatus},
    },
    cli::{Common, change::Change, complete},
    model::{self, AnnouncePolicy, MinHealthy, OnUnknownPort, Service, edit::VipPatch},
};

#[derive(Debug, Args)]
pub struct Add {
    /// Name of the VIP
    name: String,
    /// The anycast address
    address: IpAddr,
    /// The pool that serves it
    #[arg(long, add = complete::pools())]
    pool: String,
    /// What is served on it, as tcp/443, udp/53 or tcp/any; may be given again
    #[arg(long = "service", value_name = "SERVICE", required = true)]
    services: Vec<Service>,
    /// What happens to packets that no service names
    #[arg(long, value_name = "WHAT", default_value = "pass")]
    on_unknown_port: OnUnknownPort,
    /// Whether pings are answered here
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    echo: bool,
    /// When it is announced, if the site has `[announce]`
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    announce: AnnouncePolicy,
    /// The prefix that is announced for it; without this, its address alone
    #[arg(long)]
    prefix: Option<IpNet>,
    /// With fewer healthy backends it is not announced: a number, or a share as 50%; without this, as its pool has it
    #[arg(long, value_name = "LEAST")]
    min_healthy: Option<MinHealthy>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true)
    .args(["address", "pool", "services", "on_unknown_port", "echo", "announce", "prefix", "min_healthy"]))]
pub struct Set {
    /// Name of the VIP
    #[arg(add = complete::vips())]
    name: String,
    /// Another anycast address
    #[arg(long)]
    address: Option<IpAddr>,
    /// Another pool
    #[arg(long, add = complete::pools())]
    pool: Option<String>,
    /// All that is served on it, as tcp/443, udp/53 or tcp/any; may be given again
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<Service>,
    /// What happens to packets that no service names
    #[arg(long, value_name = "WHAT")]
    on_unknown_port: Option<OnUnknownPort>,
    /// Whether pings are answered here
    #[arg(long, value_name = "BOOL")]
    echo: Option<bool>,
    /// When it is announced
    #[arg(long, value_name = "WHEN")]
    announce: Option<AnnouncePolicy>,
    /// The prefix that is announced for it; `none`: its address alone
    #[arg(long, value_parser = or_none::<IpNet>)]
    prefix: Option<Given<IpNet>>,
    /// With fewer healthy backends it is not announced: a number, or a share as 50%; `none`: as its pool has it
    #[arg(long, value_name = "LEAST", value_parser = or_none::<MinHealthy>)]
    min_healthy: Option<Given<MinHealthy>>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub struct Remove {
    /// Name of the VIP
    #[arg(add = complete::vips())]
    name: String,
    #[command(flatten)]
    change: Change,
}

impl Add {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self {
            name,
            address,
            pool,
            services,
            on_unknown_port,
            echo,
            announce,
            prefix,
            min_healthy,
            change,
        } = self;
        let vip = model::Vip {
            name,
            address,
            services,
            pool,
            on_unknown_port,
            echo,
            announce,
            prefix,
            min_healthy,
        };
        let verb = format!("add VIP {}", vip.name);
        change
            .carry_out(common, client, &verb, &Call::add_vip(&vip), |vip| format!("added {}", described(vip)))
    }
}

impl Set {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self {
            name,
            address,
            pool,
            services,
            on_unknown_port,
            echo,
            announce,
            prefix,
            min_healthy,
            change,
        } = self;
        let services = (!services.is_empty()).then_some(services);
        let patch = VipPatch {
            address,
            services,
            pool,
            on_unknown_port,
            echo,
            announce,
            prefix: prefix.map(|Given(prefix)| prefix),
            min_healthy: min_healthy.map(|Given(least)| least),
        };
        let verb = format!("set VIP {name}");
        change.carry_out(common, client, &verb, &Call::set_vip(&name, &patch), described)
    }
}

impl Remove {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { name, change } = self;
        let verb = format!("remove VIP {name}");
        change.carry_out(common, client, &verb, &Call::remove_vip(&name), |_: &Committed| {
            format!("removed VIP {name}\n")
        })
    }
}

fn described(vip: &VipStatus) -> String {
    let services: Vec<String> = vip.services.iter().map(ToString::to_string).collect();
    format!("VIP {} ({}): {} by pool {}\n", vip.name, vip.address, services.join(", "), vip.pool)
}

/// A value, or the word that takes it away.
#[derive(Clone, Debug)]
struct Given<T>(Option<T>);

fn or_none<T: FromStr>(text: &str) -> Result<Given<T>, T::Err> {
    if text == "none" { Ok(Given(None)) } else { text.parse().map(|value| Given(Some(value))) }
}
