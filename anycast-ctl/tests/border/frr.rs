//! FRR: zebra and bgpd, in a directory of their own.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{Namespace, Process};

use super::daemon;

pub struct Frr {
    bgpd: Option<Process>,
    _bfdd: Option<Process>,
    _zebra: Process,
    pub sockets: PathBuf,
    namespace: Namespace,
}

impl Frr {
    /// Starts both; bgpd with that configuration.
    pub fn start(namespace: &Namespace, directory: &Path, config: &str) -> Self {
        let mut frr = Self::zebra_alone(namespace, directory);
        frr.restart(config);
        frr
    }

    /// Starts them and bfdd, and has vtysh give each its part of that `frr.conf`, as the service does.
    pub fn start_whole(namespace: &Namespace, directory: &Path, config: &str) -> Self {
        let mut frr = Self::start(namespace, directory, "");
        fs::write(frr.sockets.join("bfdd.conf"), "").unwrap();
        frr._bfdd = Some(start(&frr.namespace, &frr.sockets, "bfdd"));
        fs::write(frr.sockets.join("frr.conf"), config).unwrap();
        let mut vtysh = Command::new("vtysh");
        vtysh.arg("--vty_socket").arg(&frr.sockets).arg("--config_dir").arg(&frr.sockets).arg("-b");
        let output = vtysh.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("Unknown command"), "{said}");
        frr
    }

    fn zebra_alone(namespace: &Namespace, directory: &Path) -> Self {
        let sockets = directory.join("frr");
        fs::create_dir(&sockets).unwrap();
        let frr = nix::unistd::User::from_name("frr").unwrap().expect("the package frr");
        chown(&sockets, Some(frr.uid.as_raw()), Some(frr.gid.as_raw())).unwrap();
        // Whoever runs the daemons gets in.
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(sockets.join("zebra.conf"), "").unwrap();
        let namespace = namespace.try_clone().unwrap();
        let zebra = start(&namespace, &sockets, "zebra");
        Self { bgpd: None, _bfdd: None, _zebra: zebra, sockets, namespace }
    }

    /// Ends bgpd, and starts it anew from that configuration.
    pub fn restart(&mut self, config: &str) {
        self.stop();
        fs::write(self.sockets.join("bgpd.conf"), config).unwrap();
        self.bgpd = Some(start(&self.namespace, &self.sockets, "bgpd"));
    }

    /// Ends bgpd, without a word to its neighbours.
    pub fn stop(&mut self) {
        if let Some(bgpd) = self.bgpd.take() {
            let pid = fs::read_to_string(self.sockets.join("bgpd.pid")).unwrap();
            Command::new("kill").args(["-9", pid.trim()]).status().unwrap();
            drop(bgpd);
            let start = Instant::now();
            while Path::new("/proc").join(pid.trim()).join("exe").exists() {
                assert!(start.elapsed() < Duration::from_secs(10), "bgpd does not end");
                thread::sleep(Duration::from_millis(5));
            }
            fs::remove_file(self.sockets.join("bgpd.vty")).unwrap();
        }
    }

    /// Types commands, as an operator would.
    pub fn vtysh(&self, commands: &[&str]) -> String {
        let mut vtysh = Command::new("vtysh");
        vtysh.arg("--vty_socket").arg(&self.sockets).args(["-d", "bgpd"]);
        for command in commands {
            vtysh.args(["-c", command]);
        }
        let output = vtysh.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{commands:?}: {text}");
        text
    }
}

fn start(namespace: &Namespace, sockets: &Path, name: &str) -> Process {
    let path = |end: &str| sockets.join(format!("{name}.{end}")).display().to_string();
    let zserv = sockets.join("zserv.api").display().to_string();
    let program = format!("/usr/lib/frr/{name}");
    let (config, pid, log) = (path("conf"), path("pid"), format!("file:{}", path("log")));
    let directory = sockets.display().to_string();
    let mut words =
        vec![program.as_str(), "-f", &config, "-i", &pid, "--vty_socket", &directory, "-z", &zserv];
    words.extend(["-P", "0", "--log", &log]);
    let control = sockets.join("bfdd.sock").display().to_string();
    if name == "bfdd" {
        words.extend(["--bfdctl", &control]);
    }
    let mut process = daemon(namespace, &words);
    let start = Instant::now();
    while !sockets.join(format!("{name}.vty")).exists() || fs::read_to_string(&pid).is_err() {
        process.expect_running().unwrap();
        assert!(start.elapsed() < Duration::from_secs(10), "{name} does not start");
        thread::sleep(Duration::from_millis(10));
    }
    process
}
