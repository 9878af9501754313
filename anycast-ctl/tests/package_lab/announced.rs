//! Routes by the BIRD or FRR that the host runs, and by a daemon that is nobody but a member of their groups: docs/security.md.

use std::fs;

use xtask::lab::Addresses;

use crate::{
    life::{self, DAEMON, WATCHDOG},
    machine::{Machine, wait_for},
};

/// What the site says of it.
pub const SITE: &str = "\n[announce]\non_stop = \"keep\"\n\n[announce.bird]\nsocket = \"/run/bird/bird.ctl\"\n\
                        protocol = \"anycast_{vip}\"\n";

/// What it says instead for FRR.
const FRR: &str = "\n[announce]\non_stop = \"withdraw\"\n\n[announce.frr]\n";

/// The protocols of the lab's VIPs, with what the site calls them in their names.
const PROTOCOLS: [&str; 2] = ["anycast_www4", "anycast_www6"];

/// A protocol's state, and since when it has that, in BIRD's words, which are none if there is no such protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protocol {
    pub state: String,
    pub since: String,
}

/// Lets the units' user write to the routing daemons' sockets.
pub fn admit(machine: &Machine) {
    for unit in [DAEMON, WATCHDOG] {
        let directory = machine.path(&format!("/etc/systemd/system/{unit}.d"));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("routes.conf"), "[Service]\nSupplementaryGroups=bird frrvty\n").unwrap();
    }
    machine.does(&["systemctl", "daemon-reload"]);
}

/// Has both units run with that site.
fn begin(machine: &Machine, site: &str) {
    fs::write(machine.path(life::SITE), site).unwrap();
    machine.does(&["systemctl", "restart", WATCHDOG, DAEMON]);
}

/// By FRR: its statements come and go with the daemon.
pub fn by_frr(machine: &Machine, site: &str) {
    let daemons = machine.path("/etc/frr/daemons");
    let list = fs::read_to_string(&daemons).unwrap();
    fs::write(&daemons, list.replacen("bgpd=no", "bgpd=yes", 1)).unwrap();
    let configuration = "router bgp 65001\n bgp router-id 10.255.0.1\n no bgp network import-check\nexit\n";
    fs::write(machine.path("/etc/frr/frr.conf"), configuration).unwrap();
    machine.does(&["systemctl", "restart", "frr"]);
    let statements = || {
        let running = machine.does(&["vtysh", "-c", "show running-config"]);
        running
            .lines()
            .filter(|line| line.contains("network") && line.contains("route-map anycast-announced"))
            .count()
    };
    begin(machine, &site.replacen(SITE, FRR, 1));
    wait_for("both statements", || (statements() == 2).then_some(()));
    machine.does(&["systemctl", "stop", DAEMON]);
    assert_eq!(statements(), 0);
    machine.does(&["systemctl", "stop", "frr"]);
}

/// Has BIRD be configured so, beside what any BIRD needs.
fn configure(machine: &Machine, lines: &str) {
    let configuration = format!("router id 10.255.0.1;\nprotocol device {{ }}\n{lines}\n");
    fs::write(machine.path("/etc/bird/bird.conf"), configuration).unwrap();
    machine.does(&["systemctl", "restart", "bird"]);
}

/// By a file of the daemon's, which BIRD's user can read.
pub fn by_a_written_file(machine: &Machine, site: &str) {
    configure(machine, "include \"/run/anycast/bird-vips*.conf\";");
    let site = site.replacen("protocol = \"anycast_{vip}\"", "include = \"/run/anycast/bird-vips.conf\"", 1);
    begin(machine, &site.replacen("\"keep\"", "\"withdraw\"", 1));
    wait_until_announced(machine);
    machine.does(&["systemctl", "stop", DAEMON]);
    assert!(are_withdrawn(machine));
}

/// By protocols of the operator's, which BIRD knows from here on.
///
/// Routes stay while the daemon is replaced, and go where the site wants that, by systemd's hand if the daemon crashed, by the
/// watchdog's if nobody comes after it. In the end they are there.
pub fn by_protocols(machine: &Machine, site: &str, vips: &Addresses) {
    let [v4, v6] = PROTOCOLS;
    let lines = format!(
        "protocol static {v4} {{ disabled; ipv4; route {}/32 blackhole; }}\n\
         protocol static {v6} {{ disabled; ipv6; route {}/128 blackhole; }}",
        vips.v4, vips.v6
    );
    configure(machine, &lines);
    let announced = |keep: &str| {
        begin(machine, &site.replacen("\"keep\"", keep, 1));
        wait_until_announced(machine)
    };
    let routes = announced("\"keep\"");
    kill(machine);
    assert_eq!(wait_until_announced(machine), routes);

    let routes = announced("\"withdraw\"");
    kill(machine);
    let later = wait_until_announced(machine);
    assert!(later.iter().zip(&routes).all(|(later, before)| later.since != before.since), "{later:?}");
    machine.does(&["systemctl", "stop", DAEMON]);
    assert!(are_withdrawn(machine));

    announced("\"keep\"\nlease = \"5s\"");
    machine.does(&["systemctl", "stop", DAEMON]);
    wait_for("the watchdog to withdraw", || are_withdrawn(machine).then_some(()));
    let journal = machine.does(&["journalctl", "--no-pager", "--unit", WATCHDOG]);
    assert!(journal.contains("withdr"), "{journal}");

    announced("\"keep\"");
}

/// Kills the daemon, and waits for the next one.
fn kill(machine: &Machine) {
    let process = machine.property(DAEMON, "MainPID");
    machine.does(&["systemctl", "kill", "--kill-who=main", "--signal=KILL", DAEMON]);
    wait_for("a daemon after the one that was killed", || {
        let next = machine.property(DAEMON, "MainPID");
        let is_active = machine.property(DAEMON, "ActiveState") == "active";
        (next != "0" && next != process && is_active).then_some(())
    });
}

/// What BIRD says of the VIPs' protocols.
pub fn protocols(machine: &Machine) -> [Protocol; 2] {
    let table = machine.does(&["birdc", "show", "protocols"]);
    PROTOCOLS.map(|name| {
        // Name, kind, table, state, since.
        let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let row = rows.find(|row| row.first() == Some(&name));
        row.map_or_else(Protocol::default, |row| Protocol {
            state: row[3].to_owned(),
            since: row[4].to_owned(),
        })
    })
}

/// Waits until both routes are there.
fn wait_until_announced(machine: &Machine) -> [Protocol; 2] {
    wait_for("the routes", || {
        let protocols = protocols(machine);
        protocols.iter().all(|protocol| protocol.state == "up").then_some(protocols)
    })
}

/// Whether neither is.
pub fn are_withdrawn(machine: &Machine) -> bool {
    protocols(machine).iter().all(|protocol| protocol.state == "down")
}
