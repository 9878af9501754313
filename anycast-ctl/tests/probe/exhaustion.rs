//! A host that is out of descriptors: that says nothing about any backend.

use std::{
    env,
    fs::File,
    iter,
    net::{SocketAddr, TcpListener},
    process::Command,
};

use anycast_ctl::health::spec::Probe;
use nix::sys::resource::{Resource, setrlimit};

use crate::{
    harness::{LONG, alone, ask, payload, says_nothing},
    http,
};

/// Makes this a process that runs out of descriptors.
const EXHAUSTED: &str = "ANYCAST_TEST_EXHAUSTED";

#[test]
fn without_descriptors_nothing_is_said() {
    if let Some(address) = env::var_os(EXHAUSTED) {
        return exhausted(address.to_str().unwrap().parse().unwrap());
    }
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut again = Command::new(env::current_exe().unwrap());
    again.args(["--exact", "exhaustion::without_descriptors_nothing_is_said", "--nocapture"]);
    let address = listener.local_addr().unwrap().to_string();
    assert!(again.env(EXHAUSTED, address).status().unwrap().success());
}

fn exhausted(address: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let http = Probe::Http(http::get());
        let tcp = Probe::Tcp { send: None, expect: None };
        let udp = Probe::Udp { send: payload("ping"), expect: None };
        let exec = Probe::Exec { command: vec!["/bin/true".into()], expect: None };
        setrlimit(Resource::RLIMIT_NOFILE, 64, 64).unwrap();
        let _all: Vec<File> = iter::from_fn(|| File::open("/dev/null").ok()).collect();
        for probe in [tcp, udp, http] {
            says_nothing(&ask(&probe, address, LONG).await, "open a socket: too many open files");
        }
        says_nothing(&ask(&exec, address, LONG).await, "start the supervisor: too many open files");
    });
}
