//! Routing daemons of the lab: BIRD 2 in transit and on every edge host, eBGP with BFD between them.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{
    super::{Family, INTERFACE, Namespace, Process, plan::Addresses, server::last_lines, topology},
    plan::{Edge, Site, SitesPlan, TRANSIT_ASN},
};
use crate::host_tool;

const READY_WITHIN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// Said every 50 ms, and a neighbour is gone when three were missed.
const BFD: &str = "min rx interval 50 ms; min tx interval 50 ms; multiplier 3;";
/// A session comes back within seconds. BGP alone would notice a silent neighbour after the hold time: BFD must.
const SESSION: &str =
    "bfd on; hold time 90; connect delay time 1; connect retry time 1; error wait time 1, 2;";

/// A running BIRD.
#[derive(Debug)]
pub(super) struct Bird {
    process: Process,
    directory: PathBuf,
}

impl Bird {
    /// Starts one in the namespace, its files in that directory, and waits until it answers.
    pub fn start(namespace: &Namespace, directory: &Path, configuration: &str) -> Result<Self> {
        let [file, log] = ["bird.conf", "bird.log"].map(|name| directory.join(name));
        fs::write(&file, format!("log \"{}\" all;\n{configuration}", log.display()))
            .with_context(|| format!("write {}", file.display()))?;
        let mut command = host_tool::command("bird");
        command.arg("-f").arg("-c").arg(&file).arg("-s").arg(socket(directory));
        command.arg("-P").arg(directory.join("bird.pid"));
        let process = Process::spawn(namespace, &format!("BIRD on {}", namespace.name()), command)
            .context("start bird: `cargo xtask setup` installs it")?;
        let mut bird = Self { process, directory: directory.to_owned() };
        let start = Instant::now();
        while !ask(directory, "show status").is_ok_and(|answer| answer.contains("up and running")) {
            bird.process.expect_running().with_context(|| last_lines(&log))?;
            if start.elapsed() > READY_WITHIN {
                bail!("wait for {}: no answer; {}", bird.process.name(), last_lines(&log));
            }
            thread::sleep(POLL);
        }
        Ok(bird)
    }

    /// Ends it, as its operator would.
    pub fn stop(&mut self) -> Result<()> {
        self.process.stop().map(drop)
    }

    /// Tells it something, as its operator would; answers with what it says.
    pub fn ask(&self, words: &str) -> Result<String> {
        ask(&self.directory, words)
    }
}

/// Where a BIRD with its files in that directory listens.
pub(super) fn socket(directory: &Path) -> PathBuf {
    directory.join("bird.ctl")
}

fn ask(directory: &Path, words: &str) -> Result<String> {
    let mut command: Command = host_tool::command("birdc");
    command.arg("-s").arg(socket(directory)).args(words.split_whitespace());
    topology::output(&Namespace::current()?, command)
}

/// The edge's configuration: for each VIP a protocol with its route and one with the route of a graceful shutdown
/// (RFC 8326), for others to enable and disable.
pub(super) fn on_edge(plan: &SitesPlan, site: &Site, edge: &Edge) -> Result<String> {
    let mut text = format!(
        "router id {};\nprotocol device {{ }}\nprotocol bfd {{ interface \"{INTERFACE}\" {{ {BFD} }}; }}\n",
        edge.link.v4
    );
    for family in Family::ALL {
        let (channel, vip) = (channel(family), family.vip_name());
        let route = match plan.vips.of(family) {
            std::net::IpAddr::V4(vip) => format!("{vip}/32"),
            std::net::IpAddr::V6(vip) => format!("{vip}/128"),
        };
        // While both are enabled the route as it is otherwise is preferred: whichever way a level changes, there is no gap.
        write!(
            text,
            "
protocol static anycast_{vip} {{ disabled; {channel}; route {route} blackhole; }}
protocol static anycast_{vip}_shutdown {{
  disabled;
  {channel} {{ preference 100; }};
  route {route} blackhole {{ bgp_community.add((65535, 0)); }};
}}
protocol bgp transit_{channel} {{
  {SESSION}
  local {} as {};
  neighbor {} as {TRANSIT_ASN};
  {channel} {{ import none; export where source = RTS_STATIC; }};
}}
",
            edge.link.of(family),
            site.asn,
            edge.transit.of(family)
        )?;
    }
    Ok(text)
}

/// Transit's: it prefers sites as they are planned, but whatever is about to go, and merges equal ways.
pub(super) fn on_transit(plan: &SitesPlan, own: Addresses) -> Result<String> {
    let mut text = format!("router id {};\nprotocol device {{ }}\n", own.v4);
    writeln!(text, "protocol bfd {{ interface \"*\" {{ {BFD} }}; }}")?;
    for family in Family::ALL {
        let channel = channel(family);
        writeln!(
            text,
            "protocol kernel {{ merge paths on; {channel} {{ import none; export where source = RTS_BGP; }}; }}"
        )?;
    }
    for site in &plan.sites {
        write!(
            text,
            "
filter from_{} {{
  bgp_local_pref = {};
  if (65535, 0) ~ bgp_community then bgp_local_pref = 0;
  accept;
}}
",
            site.name, site.preference
        )?;
        for (edge, family) in site.edges.iter().flat_map(|edge| Family::ALL.map(|family| (edge, family))) {
            let channel = channel(family);
            write!(
                text,
                "protocol bgp {}_{channel} {{
  {SESSION}
  local {} as {TRANSIT_ASN};
  neighbor {} as {};
  {channel} {{ import filter from_{}; export none; }};
}}
",
                edge.name,
                edge.transit.of(family),
                edge.link.of(family),
                site.asn,
                site.name
            )?;
        }
    }
    Ok(text)
}

fn channel(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}
