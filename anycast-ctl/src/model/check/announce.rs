//! Rules of `[announce]`, and of what VIPs say about it.

use std::{collections::BTreeSet, ops::RangeInclusive, path::Path, time::Duration};

use ipnet::IpNet;

use super::{Found, Seen, form};
use crate::{
    model::{
        Announce, AnnouncePolicy, BirdSettings, Driver, ExabgpSettings, GobgpSettings, KernelMode,
        KernelSettings, Site, Vip, announce::VIP_PLACE,
    },
    spelling::{listed, quoted},
};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const LEASE: RangeInclusive<Duration> = Duration::from_secs(5)..=HOUR;
const QUIET: RangeInclusive<Duration> = Duration::from_secs(1)..=HOUR;

/// Longest name of a protocol that BIRD reads, and longest path of a Unix socket, in bytes.
const PROTOCOL_BYTES: usize = 63;
const SOCKET_BYTES: usize = 107;

/// Every daemon's table.
const DRIVERS: [&str; 5] = ["bird", "exabgp", "frr", "gobgp", "kernel"];

impl Found {
    pub(super) fn announce(&mut self, site: &Site) {
        self.prefixes(&site.vips);
        let Some(announce) = &site.announce else {
            for (i, vip) in site.vips.iter().enumerate() {
                if vip.announce == AnnouncePolicy::Always {
                    let advice = "add [announce] with the table of the routing daemon, or leave it out";
                    self.add(format!("vip[{i}].announce"), format!("the site announces nothing: {advice}"));
                }
            }
            return;
        };
        let drivers: Vec<Driver<'_>> = announce.drivers().collect();
        match drivers.as_slice() {
            [driver] => self.daemon(announce, *driver, &site.vips),
            [] => {
                let tables: Vec<String> = DRIVERS.iter().map(|name| format!("[announce.{name}]")).collect();
                let tables = listed(tables.iter().map(String::as_str));
                self.add("announce", format!("no routing daemon is named: add one of {tables}"));
            }
            several => {
                let names = listed(several.iter().map(|driver| driver.label()));
                self.add(
                    "announce",
                    format!("{names} are several: a host announces by one, remove the others"),
                );
            }
        }
        self.announce_periods(announce);
        if announce.shutdown.prepend > 10 {
            self.add("announce.shutdown.prepend", "more than 10 times is too often: give 0 to 10");
        }
    }

    fn announce_periods(&mut self, announce: &Announce) {
        let up_to_an_hour = Duration::ZERO..=HOUR;
        if !announce.lease.is_zero() {
            self.period("announce.lease".to_owned(), announce.lease, LEASE);
        }
        self.period("announce.hold_up".to_owned(), announce.hold_up, up_to_an_hour.clone());
        self.period("announce.hold_up_max".to_owned(), announce.hold_up_max, announce.hold_up..=DAY);
        self.period("announce.hold_down".to_owned(), announce.hold_down, up_to_an_hour.clone());
        self.period("announce.min_announced".to_owned(), announce.min_announced, up_to_an_hour.clone());
        self.period("announce.quiet".to_owned(), announce.quiet, QUIET);
        self.period("announce.shutdown.wait".to_owned(), announce.shutdown.wait, up_to_an_hour);
    }

    /// A prefix has one VIP that decides about it.
    fn prefixes(&mut self, vips: &[Vip]) {
        let mut prefixes = Seen::<IpNet>::default();
        let mut addresses = BTreeSet::new();
        for (i, vip) in vips.iter().enumerate() {
            let path = format!("vip[{i}]");
            if let Some(prefix) = vip.prefix {
                let at = format!("{path}.prefix");
                if prefix.trunc() != prefix {
                    self.add(&at, format!("{prefix} has bits behind its length: write {}", prefix.trunc()));
                }
                if !prefix.contains(&vip.address) {
                    self.add(&at, format!("{} is not in {prefix}: give a prefix that it is in", vip.address));
                }
                if prefix.prefix_len() == 0 {
                    self.add(&at, format!("{prefix} is everything: give the prefix that is this VIP's"));
                }
            }
            // Two VIPs of one address are said to be elsewhere.
            if vip.announce == AnnouncePolicy::Never || !addresses.insert(vip.address) {
                continue;
            }
            let prefix = vip.announced_prefix();
            if let Some(first) = prefixes.note(prefix, &path) {
                let advice = "one VIP decides about a prefix, give the others announce = \"never\"";
                self.add(
                    format!("{path}.prefix"),
                    format!("{prefix} is already announced for {first}: {advice}"),
                );
            }
        }
    }

    fn daemon(&mut self, announce: &Announce, driver: Driver<'_>, vips: &[Vip]) {
        match driver {
            Driver::Bird(bird) => self.bird(announce, bird, vips),
            Driver::Exabgp(exabgp) => self.exabgp(announce, exabgp),
            Driver::Frr(frr) => {
                self.whole_path("announce.frr.vtysh", &frr.vtysh);
                self.whole_path("announce.frr.sockets", &frr.sockets);
            }
            Driver::Gobgp(gobgp) => self.gobgp(gobgp),
            Driver::Kernel(kernel) => self.kernel(kernel),
        }
    }

    fn bird(&mut self, announce: &Announce, bird: &BirdSettings, vips: &[Vip]) {
        let BirdSettings { socket, protocol, shutdown_protocol, include } = bird;
        self.socket("announce.bird.socket", socket);
        for (key, pattern) in
            [("protocol", Some(protocol)), ("shutdown_protocol", shutdown_protocol.as_ref())]
        {
            let Some(pattern) = pattern else { continue };
            let rest = pattern.replacen(VIP_PLACE, "", 1);
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let problem = if rest.len() == pattern.len() {
                format!("{} has no {VIP_PLACE}: each VIP has a protocol of its own", quoted(pattern))
            } else if !rest.bytes().all(is_name) || pattern.starts_with(|char: char| char.is_ascii_digit()) {
                format!(
                    "{} is no name of a protocol: use letters, digits, _ and {VIP_PLACE}",
                    quoted(pattern)
                )
            } else {
                continue;
            };
            self.add(format!("announce.bird.{key}"), problem);
        }
        if shutdown_protocol.as_ref() == Some(protocol) {
            let advice =
                "give the protocol a name of its own that has the route as it is while it is about to go";
            self.add("announce.bird.shutdown_protocol", format!("it is the same as protocol: {advice}"));
        }
        let mut names = Seen::default();
        for (i, vip) in vips.iter().enumerate().filter(|(_, vip)| vip.announce != AnnouncePolicy::Never) {
            let name = BirdSettings::protocol_of(protocol, &vip.name);
            if name.len() > PROTOCOL_BYTES {
                self.add("announce.bird.protocol", format!("{} is too long a name for BIRD", quoted(&name)));
            }
            if let Some(first) = names.note(name, &format!("vip[{i}]")) {
                let rule = "BIRD's names have letters, digits and _ only: rename one";
                self.add(format!("vip[{i}].name"), format!("{first} has the same protocol in BIRD: {rule}"));
            }
        }
        if let Some(include) = include {
            self.whole_path("announce.bird.include", include);
            if shutdown_protocol.is_some() || *protocol != BirdSettings::default().protocol {
                let advice = "remove protocol and shutdown_protocol: the file has them";
                self.add(
                    "announce.bird.include",
                    format!("with a generated file there are no others: {advice}"),
                );
            }
            if announce.shutdown.prepend > 0 && announce.asn.is_none() {
                self.add(
                    "announce.asn",
                    "prepending needs the number of this host's autonomous system: add it",
                );
            }
        }
    }

    fn exabgp(&mut self, announce: &Announce, exabgp: &ExabgpSettings) {
        let ExabgpSettings { socket, pipes } = exabgp;
        if let Some(socket) = socket {
            self.socket("announce.exabgp.socket", socket);
        }
        if let Some(pipes) = pipes {
            self.whole_path("announce.exabgp.pipes", pipes);
            if socket.is_some() {
                self.add("announce.exabgp.socket", "pipes need no relay: remove socket, or pipes");
            }
        }
        if announce.shutdown.prepend > 0 && announce.asn.is_none() {
            self.add("announce.asn", "prepending needs the number of this host's autonomous system: add it");
        }
    }

    fn gobgp(&mut self, GobgpSettings { endpoint }: &GobgpSettings) {
        let is_path = |path: &str| path.starts_with('/') && path.len() <= SOCKET_BYTES;
        let is_host = |host: &str| host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let known = endpoint.strip_prefix("unix://").is_some_and(is_path)
            || endpoint.strip_prefix("http://").is_some_and(is_host);
        if !known {
            let rule = "write it as http://127.0.0.1:50051 or unix:///run/gobgp.sock";
            self.add("announce.gobgp.endpoint", format!("{} is no endpoint: {rule}", quoted(endpoint)));
        }
    }

    fn kernel(&mut self, kernel: &KernelSettings) {
        let KernelSettings { mode, interface, table, protocol, metric, shutdown_metric } = kernel;
        if !form::is_interface(interface) {
            let message = format!("{} is no interface name", quoted(interface));
            self.add("announce.kernel.interface", message);
        }
        if *table == 0 {
            self.add("announce.kernel.table", "0 is no table: 254 is the main one");
        }
        if *protocol < 5 {
            self.add(
                "announce.kernel.protocol",
                "up to 4 are the kernel's and the administrator's: give 5 to 255",
            );
        }
        if shutdown_metric.as_ref() == Some(metric) {
            self.add("announce.kernel.shutdown_metric", "it is the same as metric: give another one");
        }
        if *mode == KernelMode::Address && shutdown_metric.is_some() {
            let advice = "remove shutdown_metric, or take mode = \"route\"";
            self.add("announce.kernel.shutdown_metric", format!("an address has no metric: {advice}"));
        }
    }

    fn socket(&mut self, at: &str, path: &Path) {
        self.whole_path(at, path);
        if path.as_os_str().len() > SOCKET_BYTES {
            self.add(at, format!("longer than {SOCKET_BYTES} bytes, which is what the kernel takes"));
        }
    }

    fn whole_path(&mut self, at: &str, path: &Path) {
        if !path.is_absolute() {
            let given = quoted(&path.display().to_string());
            self.add(at, format!("{given} depends on where the daemon was started: give the whole path"));
        }
    }
}
