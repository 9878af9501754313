//! `cargo xtask load`: the controller on a real interface, from arguments instead of a file, until Ctrl-C.

use std::{collections::BTreeSet, fs, net::IpAddr, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum, error::ErrorKind};
use nix::{net::if_::if_nametoindex, unistd::Uid};

use crate::{
    compile,
    lab::{Family, Namespace, Process},
    setup::{self, Mode},
    signals,
    site::{SiteBackend, SiteFile, SiteVip},
};

const POLL: Duration = Duration::from_millis(100);

/// What to steer, and where.
#[derive(Clone, Debug, Args)]
pub struct Load {
    /// Interface the packets to the VIPs come in on
    #[arg(long)]
    interface: String,
    /// Anycast address; may be given again, once or more for IPv4 and for IPv6
    #[arg(long = "vip", value_name = "ADDRESS", required = true)]
    vips: Vec<IpAddr>,
    /// Service of every VIP: tcp/443, udp/53, tcp/any; may be given again
    #[arg(long = "port", value_name = "PROTOCOL/PORT", required = true, value_parser = service)]
    services: Vec<String>,
    /// Backend's own address, on a segment of this host; serves the VIPs of its family; may be given again
    #[arg(long = "backend", value_name = "ADDRESS", required = true)]
    backends: Vec<IpAddr>,
    /// Weights of the backends, in their order; none means equal
    #[arg(long = "weight", value_name = "WEIGHT", value_parser = clap::value_parser!(u32).range(1..))]
    weights: Vec<u32>,
    /// How the program is attached; left out, the controller tries native and falls back to generic
    #[arg(long)]
    xdp_mode: Option<XdpMode>,
}

/// How the program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum XdpMode {
    /// In the driver
    Native,
    /// In the stack, on any interface; slow
    Generic,
}

/// Builds, attaches, waits for Ctrl-C, detaches.
pub fn load(load: &Load) -> Result<()> {
    // Arguments that do not fit together are wrong usage, as clap's own refusals are.
    let site =
        site(load).map_err(|error| clap::Error::raw(ErrorKind::ValueValidation, format!("{error:#}\n")))?;
    ensure!(
        if_nametoindex(load.interface.as_str()).is_ok(),
        "attach to interface {}: there is none of that name; `ip link` lists them",
        load.interface
    );
    ensure!(
        Uid::effective().is_root(),
        "attach to interface {}: XDP needs root; run this as root",
        load.interface
    );
    setup::setup(Mode::Install)?;
    let binary = compile::build(&compile::Options { release: true, ..compile::Options::default() })?.binary;
    signals::catch()?;

    let directory =
        tempfile::Builder::new().prefix("anycast-load-").tempdir().context("create a directory")?;
    let (configuration, socket) = (directory.path().join("site.toml"), directory.path().join("anycast.sock"));
    fs::write(&configuration, site.to_toml())
        .with_context(|| format!("write {}", configuration.display()))?;
    let mut command = Command::new(&binary);
    command.args(["run", "--temporary", "--config"]).arg(&configuration).arg("--socket").arg(&socket);
    match load.xdp_mode {
        None => {}
        Some(XdpMode::Native) => drop(command.args(["--xdp-mode", "native"])),
        Some(XdpMode::Generic) => drop(command.args(["--xdp-mode", "generic"])),
    }
    eprintln!("how it goes: {} --socket {} status", binary.display(), socket.display());
    eprintln!("Ctrl-C detaches");
    let mut controller = Process::spawn(&Namespace::current()?, "the controller", command)?;
    while signals::sleep(POLL).is_ok() {
        if let Some(status) = controller.try_wait()? {
            bail!("the controller ended with {status}; what it said is above");
        }
    }
    let status = controller.stop()?;
    ensure!(status.success(), "detach from {}: the controller ended with {status}", load.interface);
    eprintln!("detached from {}", load.interface);
    Ok(())
}

fn site(load: &Load) -> Result<SiteFile> {
    unique("--vip", &load.vips)?;
    unique("--backend", &load.backends)?;
    ensure!(
        load.weights.is_empty() || load.weights.len() == load.backends.len(),
        "weigh {} backends with {} weights: give each --backend one --weight, in the same order, or none at all",
        load.backends.len(),
        load.weights.len()
    );
    if let Some(both) = load.backends.iter().find(|backend| load.vips.contains(backend)) {
        bail!("steer {both} to itself: a backend has an address of its own, beside the VIP on its loopback");
    }
    for backend in &load.backends {
        let family = Family::of(*backend);
        ensure!(
            load.vips.iter().any(|vip| Family::of(*vip) == family),
            "use backend {backend}: there is no --vip of its address family"
        );
    }
    let weight = |index: usize| load.weights.get(index).copied().unwrap_or(1);
    let backends_of = |family: Family| -> Vec<SiteBackend> {
        let numbered = load.backends.iter().enumerate();
        numbered
            .filter(|(_, address)| Family::of(**address) == family)
            .map(|(index, address)| SiteBackend {
                name: format!("backend{}", index + 1),
                address: *address,
                weight: weight(index),
                delivery: None,
            })
            .collect()
    };
    let mut vips = Vec::new();
    for address in &load.vips {
        let backends = backends_of(Family::of(*address));
        ensure!(!backends.is_empty(), "serve {address}: there is no --backend of its address family");
        vips.push(SiteVip { address: *address, services: load.services.clone(), delivery: None, backends });
    }
    Ok(SiteFile { interface: load.interface.clone(), seed: None, vips })
}

fn unique(option: &str, addresses: &[IpAddr]) -> Result<()> {
    let mut seen = BTreeSet::new();
    match addresses.iter().find(|address| !seen.insert(**address)) {
        None => Ok(()),
        Some(twice) => bail!("read {option} {twice}: it is given twice"),
    }
}

/// A service as the controller writes it.
fn service(text: &str) -> Result<String, String> {
    let wrong = || "write tcp/443, udp/53 or tcp/any".to_owned();
    let (protocol, port) = text.split_once('/').ok_or_else(wrong)?;
    let port_is_good = port == "any" || port.parse::<u16>().is_ok_and(|port| port != 0);
    if matches!(protocol, "tcp" | "udp") && port_is_good { Ok(text.to_owned()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(vips: &[&str], backends: &[&str], weights: &[u32]) -> Load {
        let parse = |addresses: &[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
        Load {
            interface: "eth0".to_owned(),
            vips: parse(vips),
            services: vec!["tcp/443".to_owned()],
            backends: parse(backends),
            weights: weights.to_vec(),
            xdp_mode: None,
        }
    }

    #[test]
    fn backends_serve_the_vips_of_their_family() {
        let load =
            arguments(&["192.0.2.1", "2001:db8::1"], &["10.0.0.11", "fd00::11", "10.0.0.12"], &[1, 2, 3]);
        let site = site(&load).unwrap();
        let named = |vip: usize| {
            site.vips[vip].backends.iter().map(|b| (b.name.as_str(), b.weight)).collect::<Vec<_>>()
        };
        assert_eq!(named(0), [("backend1", 1), ("backend3", 3)]);
        assert_eq!(named(1), [("backend2", 2)]);
    }

    #[test]
    fn nonsense_is_refused_with_what_to_do() {
        for (vips, backends, weights, words) in [
            (&["192.0.2.1"][..], &["fd00::11"][..], &[][..], "no --vip of its address family"),
            (&["192.0.2.1", "2001:db8::1"], &["10.0.0.11"], &[], "no --backend of its address family"),
            (&["192.0.2.1"], &["10.0.0.11", "10.0.0.11"], &[], "given twice"),
            (&["192.0.2.1", "192.0.2.1"], &["10.0.0.11"], &[], "given twice"),
            (&["192.0.2.1"], &["10.0.0.11"], &[1, 2], "one --weight"),
            (&["192.0.2.1"], &["192.0.2.1"], &[], "to itself"),
        ] {
            let error = site(&arguments(vips, backends, weights)).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn services_are_written_as_the_controller_reads_them() {
        for good in ["tcp/443", "udp/53", "tcp/any"] {
            assert_eq!(service(good).unwrap(), good);
        }
        for bad in ["443", "tcp/0", "tcp/65536", "sctp/5", "tcp/", "/80", "TCP/80"] {
            assert!(service(bad).is_err(), "{bad}");
        }
    }
}
