//! From installation to purge.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use nix::{sys::stat::Mode, unistd::mkfifo};
use xtask::lab::{
    INTERFACE, Options, OwnedLab, controller,
    server::{HTTP_PORT, get},
};

use crate::{
    announced,
    machine::{Machine, wait_for},
    package, receive, rights,
};

pub const DAEMON: &str = "anycast.service";
pub const WATCHDOG: &str = "anycast-watchdog.service";
pub const SITE: &str = "/etc/anycast/site.toml";

/// A host with the package, and a client who wants something of its VIP.
struct Edge {
    lab: OwnedLab,
    machine: Machine,
    site: String,
}

#[test]
fn the_package_lives_under_systemd() {
    let packages = tempfile::tempdir().unwrap();
    let first = package(packages.path(), "1.0");
    let second = package(packages.path(), "1.1");
    let inside = |package: &std::path::Path| {
        let name = package.strip_prefix(packages.path()).unwrap();
        format!("/packages/{}", name.display())
    };
    let options = Options { backends: 2, ..Options::default() };
    let lab = OwnedLab::start(&options).unwrap();
    let machine = Machine::boot(&lab, packages.path());
    let mut edge = Edge { site: controller::site(lab.plan()).to_toml(), lab, machine };

    edge.install(&inside(&first));
    receive::starts_at_boot(&edge.machine, || edge.program());
    edge.start();
    rights::are_few(&edge.machine);
    rights::are_kept_apart(&edge.machine);
    edge.take_over_from_root();
    edge.reload();
    edge.replace_one_that_is_stuck();
    edge.announce();
    edge.upgrade(&inside(&second));
    edge.remove();
    edge.purge();
}

impl Edge {
    /// Files are there, and nothing runs: nobody has said what to steer.
    fn install(&self, package: &str) {
        let machine = &self.machine;
        machine.does(&["dpkg", "--install", package]);
        for unit in [DAEMON, WATCHDOG] {
            assert_eq!(machine.property(unit, "ActiveState"), "inactive");
            assert_eq!(machine.property(unit, "UnitFileState"), "disabled");
        }
        assert_eq!(machine.does(&["stat", "--format=%a %U %G", SITE]), "640 root anycast\n");
        assert!(machine.does(&["getent", "passwd", "anycast"]).ends_with(":/usr/sbin/nologin\n"));
        for file in [
            "/usr/share/man/man1/anycast-ctl-backend-drain.1.gz",
            "/usr/share/bash-completion/completions/anycast-ctl",
            "/usr/share/zsh/vendor-completions/_anycast-ctl",
            "/usr/share/fish/vendor_completions.d/anycast-ctl.fish",
            "/usr/share/doc/anycast/copyright",
            "/usr/share/doc/anycast/sbom.cdx.json",
            "/usr/share/doc/anycast/examples/prometheus/alerts.yml",
        ] {
            assert!(machine.path(file).exists(), "{file}");
        }
        // What the package installed is what it says.
        assert_eq!(machine.does(&["dpkg", "--verify", "anycast"]), "");
        // There is no `man` in so small a Debian.
        assert_eq!(machine.does(&["systemd-analyze", "verify", "--man=no", DAEMON, WATCHDOG]), "");

        // The file as it comes starts nothing, and says what to do about it.
        let (is_valid, fault) = machine.run(&["anycast-ctl", "validate", SITE]);
        assert!(!is_valid && fault.contains("interfaces"), "{fault}");
        assert!(!machine.run(&["systemctl", "start", DAEMON]).0);
        machine.does(&["systemctl", "stop", DAEMON]);
        assert_eq!(self.program(), None);
        // Attempts are counted, and too many in a row are refused; where systemd has forgotten the unit by now, them as well.
        let (_, _) = machine.run(&["systemctl", "reset-failed", DAEMON]);
    }

    /// When the start is over, packets are steered.
    fn start(&self) {
        fs::write(self.machine.path(SITE), &self.site).unwrap();
        self.machine.does(&["systemctl", "enable", "--now", WATCHDOG, DAEMON]);
        assert!(self.program().is_some());
        wait_for("all backends to be up", || {
            (self.machine.property(DAEMON, "StatusText") == "steering: 4 of 4 backends up").then_some(())
        });
        self.serves();
        assert_eq!(self.machine.property(WATCHDOG, "ActiveState"), "active");
    }

    /// An installation that ran as root goes on as the package's user: all is handed over, and no session ends.
    fn take_over_from_root(&self) {
        let machine = &self.machine;
        machine.does(&["systemctl", "stop", DAEMON]);
        let release = machine.property(DAEMON, "ExecStopPost");
        assert!(release.contains("code=exited") && release.contains("status=0"), "{release}");
        machine.does(&["anycast-ctl", "down"]);
        rights::were_those_of_root(machine);
        let (link, packets) = (self.link(), self.packets());
        machine.does(&["systemctl", "restart", DAEMON]);
        rights::are_few(machine);
        assert_eq!(self.link(), link);
        self.serves();
        assert!(self.packets() > packets);
    }

    fn reload(&self) {
        let less: String = self.site.replacen("tcp/80", "tcp/81", 1);
        assert_ne!(less, self.site);
        let revision = || {
            let status = self.machine.does(&["anycast-ctl", "status", "--json"]);
            let status: serde_json::Value = serde_json::from_str(&status).unwrap();
            status["desired"]["revision"].as_u64().unwrap()
        };
        for site in [&less, &self.site] {
            let before = revision();
            fs::write(self.machine.path(SITE), site).unwrap();
            self.machine.does(&["systemctl", "reload", DAEMON]);
            wait_for("the reload", || (revision() == before + 1).then_some(()));
        }
        wait_for("the end of the reload", || {
            (self.machine.property(DAEMON, "ActiveState") == "active").then_some(())
        });
        self.serves();
    }

    /// A daemon that gives no sign of life is replaced, and packets are steered meanwhile.
    fn replace_one_that_is_stuck(&self) {
        let machine = &self.machine;
        let directory = machine.path("/etc/systemd/system/anycast.service.d");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("soon.conf"), "[Service]\nWatchdogSec=2\n").unwrap();
        machine.does(&["systemctl", "daemon-reload"]);
        machine.does(&["systemctl", "restart", DAEMON]);
        let (link, packets) = (self.link(), self.packets());

        // It waits for a file that nobody writes.
        let site = machine.path(SITE);
        fs::remove_file(&site).unwrap();
        mkfifo(&site, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        fs::set_permissions(&site, Permissions::from_mode(0o644)).unwrap();
        machine.does(&["systemctl", "kill", "--kill-who=main", "--signal=HUP", DAEMON]);
        self.serves();
        wait_for("systemd to give up on the daemon", || {
            (machine.property(DAEMON, "NRestarts") != "0").then_some(())
        });
        // The next one waits for the same file.
        self.serves();
        fs::write(&site, &self.site).unwrap();
        wait_for("the next daemon", || (machine.property(DAEMON, "ActiveState") == "active").then_some(()));
        fs::remove_file(&site).unwrap();
        fs::write(&site, &self.site).unwrap();
        let journal = machine.does(&["journalctl", "--no-pager", "--unit", DAEMON]);
        assert!(journal.contains("Watchdog timeout"), "{journal}");
        assert_eq!(self.link(), link);
        assert!(self.packets() > packets);
    }

    /// Routes go with the daemon as the site says, and are there for what follows.
    fn announce(&mut self) {
        self.site.push_str(announced::SITE);
        announced::admit(&self.machine);
        announced::by_frr(&self.machine, &self.site);
        announced::by_a_written_file(&self.machine, &self.site);
        announced::by_protocols(&self.machine, &self.site, &self.lab.plan().vips);
    }

    /// The dataplane stays: its attachment is the same one, counters go on, and so do routes.
    fn upgrade(&self, package: &str) {
        let machine = &self.machine;
        self.serves();
        let (link, packets) = (self.link(), self.packets());
        let (process, routes) = (machine.property(DAEMON, "MainPID"), announced::protocols(machine));
        machine.does(&["dpkg", "--install", package]);
        assert_eq!(machine.does(&["dpkg-query", "--show", "--showformat=${Version}", "anycast"]), "1.1");
        assert_ne!(machine.property(DAEMON, "MainPID"), process);
        for unit in [DAEMON, WATCHDOG] {
            assert_eq!(machine.property(unit, "ActiveState"), "active");
            assert_eq!(machine.property(unit, "UnitFileState"), "enabled");
        }
        assert_eq!(self.link(), link);
        assert!(self.packets() >= packets);
        self.serves();
        assert!(self.packets() > packets);
        assert_eq!(announced::protocols(machine), routes);
    }

    /// Nothing is steered by a package that is not there; what was configured and stored stays.
    fn remove(&self) {
        let machine = &self.machine;
        machine.does(&["dpkg", "--remove", "anycast"]);
        assert!(announced::are_withdrawn(machine));
        assert_eq!(self.program(), None);
        assert_eq!(fs::read_dir(machine.path("/sys/fs/bpf/anycast/edge")).unwrap().count(), 0);
        for unit in [DAEMON, WATCHDOG] {
            assert_eq!(machine.property(unit, "ActiveState"), "inactive");
            assert_eq!(machine.property(unit, "LoadState"), "not-found");
        }
        let wanted = machine.path("/etc/systemd/system/multi-user.target.wants/anycast.service");
        assert!(wanted.symlink_metadata().is_err());
        assert_eq!(fs::read_to_string(machine.path(SITE)).unwrap(), self.site);
        assert!(machine.path("/var/lib/anycast/anycast").exists());
    }

    fn purge(&self) {
        let machine = &self.machine;
        machine.does(&["dpkg", "--purge", "anycast"]);
        for path in ["/etc/anycast", "/var/lib/anycast", "/run/anycast"] {
            assert!(!machine.path(path).exists(), "{path}");
        }
        assert!(!machine.run(&["dpkg-query", "--show", "anycast"]).0);
    }

    /// A client gets a page of the VIP.
    fn serves(&self) {
        let vip = (self.lab.plan().vips.v4, HTTP_PORT).into();
        let page = get(self.lab.client().unwrap(), vip, "/").unwrap();
        assert!(page.contains("X-Backend: backend"), "{page}");
    }

    /// The program's attachment, as the kernel numbers it.
    fn link(&self) -> u64 {
        let pin = self.machine.path(&format!("/sys/fs/bpf/anycast/edge/anycast/links/{INTERFACE}"));
        let link = self
            .lab
            .run("edge", "bpftool", &["-j", "link", "show", "pinned", pin.to_str().unwrap()])
            .unwrap();
        let link: serde_json::Value = serde_json::from_str(&link).unwrap();
        link["id"].as_u64().expect("the id of a link")
    }

    /// The program on the edge's interface.
    fn program(&self) -> Option<u64> {
        let link = self.lab.run("edge", "ip", &["-json", "link", "show", "dev", INTERFACE]).unwrap();
        let link: serde_json::Value = serde_json::from_str(&link).unwrap();
        link[0]["xdp"]["prog"]["id"].as_u64()
    }

    /// Packets delivered, over all VIPs.
    fn packets(&self) -> u64 {
        let status = self.machine.does(&["anycast-ctl", "status", "--json"]);
        let status: controller::Status = serde_json::from_str(&status).unwrap();
        status.vips.iter().flat_map(|vip| &vip.backends).map(|backend| backend.traffic.packets).sum()
    }
}
