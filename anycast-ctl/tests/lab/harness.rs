//! Labs with the daemon under test, and what the kernel says of the edge.

use std::{
    fs,
    io::Read as _,
    net::IpAddr,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::{BackendStatus, Status, XdpMode};
use serde_json::Value;
use xtask::{
    lab::{
        Family, Lab, Options, OwnedLab, Process, controller,
        server::{self, Arrived},
    },
    site::SiteFile,
};

pub const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");
/// Longer than any of the steps waited for takes, on a slow machine too.
pub const SOON: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// A lab without the daemon.
pub fn idle(backends: usize, spares: usize) -> OwnedLab {
    OwnedLab::start(&Options { backends, spares, binary: Some(BINARY.into()), ..Options::default() }).unwrap()
}

/// A lab that steers: natively, every backend up.
pub fn steering(backends: usize, spares: usize) -> OwnedLab {
    let mut lab = idle(backends, spares);
    lab.start_controller(&["--xdp-mode", "native"]).unwrap();
    lab
}

/// The site a lab's daemon runs on.
pub fn site(lab: &Lab) -> String {
    controller::site(lab.plan()).to_toml()
}

/// The same, changed.
pub fn site_with(lab: &Lab, change: impl FnOnce(&mut SiteFile)) -> String {
    let mut site = controller::site(lab.plan());
    change(&mut site);
    site.to_toml()
}

/// Writes a site file into the lab's directory.
pub fn site_file(lab: &Lab, name: &str, text: &str) -> String {
    let path: PathBuf = lab.directory().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Everything the daemon says.
pub fn status(lab: &Lab) -> Status {
    serde_json::from_str(&lab.ctl(&["status", "--json"]).unwrap()).unwrap()
}

/// One backend; its name is unique in the pool, removed ones included.
pub fn backend(lab: &Lab, pool: &str, name: &str) -> BackendStatus {
    let pool = status(lab).pools.into_iter().find(|it| it.name == pool).unwrap();
    pool.backends.into_iter().find(|it| it.name == name).unwrap()
}

/// Packets not delivered for that reason, all VIPs together.
pub fn refused(lab: &Lab, reason: &str) -> u64 {
    status(lab).reasons.iter().find(|it| it.reason == reason).unwrap().packets
}

/// Waits until it holds, and panics when it does not.
#[track_caller]
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "waited in vain for this: {what}");
        thread::sleep(POLL);
    }
}

/// Makes the edge hold a VIP, and waits until its stack takes packets to it: to an IPv6 address the kernel has a worker lay the
/// route, which comes to it when nobody configures interfaces, or takes down those of an earlier lab.
#[track_caller]
pub fn hold(lab: &Lab, vip: IpAddr) {
    let address = vip.to_string();
    // Without it the address could not even be bound until then, on loopback too.
    let nodad: &[&str] = if vip.is_ipv6() { &["nodad"] } else { &[] };
    lab.run("edge", "ip", &[&["address", "add", &address, "dev", "lo"], nodad].concat()).unwrap();
    wait_for("packets to the VIP stay on the edge", || {
        lab.run("edge", "ip", &["route", "get", &address]).is_ok_and(|route| route.starts_with("local "))
    });
}

/// What the edge counted for one backend, and what came in at that backend's host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub edge: Arrived,
    pub host: Arrived,
}

/// Both sides' counters for every server, family by family.
pub fn counted(lab: &Lab) -> Vec<(String, Family, Counted)> {
    let status = status(lab);
    let mut all = Vec::new();
    for host in lab.plan().servers() {
        for family in Family::ALL {
            let vip = status.vips.iter().find(|vip| vip.name == family.vip_name()).unwrap();
            let traffic = vip.backends.iter().find(|it| it.name == host.name).map(|it| it.traffic);
            let traffic = traffic.unwrap_or_default();
            let edge = Arrived { packets: traffic.packets, bytes: traffic.bytes, syns: traffic.new_flows };
            let host_counted = server::arrived(lab.namespace(&host.name).unwrap(), family).unwrap();
            all.push((host.name.clone(), family, Counted { edge, host: host_counted }));
        }
    }
    all
}

/// Waits until the last packets have arrived everywhere, and panics when both sides never agree.
#[track_caller]
pub fn assert_counters_agree(lab: &Lab) -> Vec<(String, Family, Counted)> {
    let start = Instant::now();
    loop {
        let all = counted(lab);
        if all.iter().all(|(_, _, counted)| counted.edge == counted.host) {
            return all;
        }
        assert!(start.elapsed() < SOON, "edge and hosts counted differently: {all:#?}");
        thread::sleep(POLL);
    }
}

/// XDP programs in a namespace: interface and mode.
pub fn programs(lab: &Lab, namespace: &str) -> Vec<(String, XdpMode)> {
    let links: Vec<Value> =
        serde_json::from_str(&lab.run(namespace, "ip", &["-json", "link", "show"]).unwrap()).unwrap();
    let attached = links.iter().filter(|link| link["xdp"].is_object());
    attached
        .map(|link| {
            // XDP_ATTACHED_DRV and XDP_ATTACHED_SKB in linux/if_link.h.
            let mode = match link["xdp"]["mode"].as_u64() {
                Some(1) => XdpMode::Native,
                Some(2) => XdpMode::Generic,
                other => panic!("XDP mode {other:?} in {link}"),
            };
            (link["ifname"].as_str().unwrap().to_owned(), mode)
        })
        .collect()
}

/// The MAC address of an interface.
pub fn mac(lab: &Lab, namespace: &str, interface: &str) -> String {
    let links: Vec<Value> = serde_json::from_str(
        &lab.run(namespace, "ip", &["-json", "link", "show", "dev", interface]).unwrap(),
    )
    .unwrap();
    links[0]["address"].as_str().unwrap().to_owned()
}

/// `anycast-ctl run` on the edge, beside whatever the lab itself runs there.
pub fn daemon(lab: &Lab, arguments: &[&str]) -> Process {
    let mut command = Command::new(BINARY);
    command.args(["run", "--temporary"]).args(arguments);
    spawn(lab, command)
}

/// Starts a command on the edge, its complaints kept for [`ended`].
pub fn spawn(lab: &Lab, mut command: Command) -> Process {
    command.env_remove("RUST_LOG").env_remove("ANYCAST_SOCKET").stdin(Stdio::null());
    lab.spawn("edge", {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    })
    .unwrap()
}

/// Waits for the end: the exit code, and what was said on stderr.
#[track_caller]
pub fn ended(mut process: Process) -> (Option<i32>, String) {
    let mut code = None;
    wait_for(&format!("{} ends", process.name()), || {
        code = process.try_wait().unwrap();
        code.is_some()
    });
    let mut stderr = String::new();
    process.child().stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    (code.unwrap().code(), stderr)
}

/// What `anycast-ctl run` says when it must refuse: exit code 1, and nothing left on the edge.
#[track_caller]
pub fn refusal(lab: &Lab, arguments: &[&str]) -> String {
    let before = programs(lab, "edge");
    let (code, stderr) = ended(daemon(lab, arguments));
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(programs(lab, "edge"), before, "something stayed attached");
    stderr
}
