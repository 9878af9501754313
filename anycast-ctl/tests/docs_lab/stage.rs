//! The hosts of the documentation: an edge host, three servers, and the router, which is the client as well.
//!
//! ```text
//!            10.0.0.0/24, 2001:db8::/64
//! client ──────┬────────┬───────┬───────┬───────
//! .1           │ .10    │ .11   │ .12   │ .13
//!             edge     web-1   web-2   web-3        each has its address on eth0
//! ```

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use xtask::lab::{Namespace, xdp::Link};

use crate::{
    machine::{Ended, Machine, Running},
    marks::State,
};

/// What the daemon steers; the lab does not wait for the timers of the field.
const SITE: &str = include_str!("site.toml");
const SERVERS: [&str; 3] = ["web-1", "web-2", "web-3"];
const HOSTS: [(&str, u8); 5] = [("client", 1), ("edge", 10), ("web-1", 11), ("web-2", 12), ("web-3", 13)];
const SOON: Duration = Duration::from_secs(30);

/// What `apt-get install nginx` makes of a server, with a page for checks.
const WEB_SERVER: &str = "mkdir -p /var/www/html
hostname > /var/www/html/index.html
cat > /etc/nginx/nginx.conf <<'END'
daemon off;
master_process off;
error_log /var/log/nginx.log;
pid /run/nginx.pid;
events {}
http {
    access_log off;
    server {
        listen 80;
        listen [::]:80;
        root /var/www/html;
        location = /health { return 200; }
    }
}
END";

/// What every server of the documentation does for `l2`.
const HOLD_THE_VIP: &str = "ip address add 192.0.2.1/32 dev lo
ip address add 2001:db8:1::1/128 dev lo nodad preferred_lft 0
sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2";

/// Seven revisions, after which everything is as it was.
const HISTORY: &str = "for weight in 2 1 2 1 2 1; do anycast-ctl backend weight web web-3 $weight; done";

/// Clients that never rest.
const TRAFFIC: &str = "while :; do
    curl -s -o /dev/null --max-time 1 http://192.0.2.1/ http://[2001:db8:1::1]/ || true
    sleep 0.03
done";

/// The hosts, and what runs on them.
pub struct Stage {
    // Dropped in this order.
    running: Vec<Running>,
    daemon: Option<Running>,
    machines: BTreeMap<&'static str, Machine>,
    _ports: Vec<Link>,
    _switch: Namespace,
    _output: TempDir,
}

impl Stage {
    pub fn new(state: State) -> Self {
        let output = tempfile::tempdir().unwrap();
        let switch = Machine::new(Namespace::create("switch").unwrap(), output.path().to_owned());
        let mut batch = "ip link add segment type bridge stp_state 0 forward_delay 0 mcast_snooping 0\nip link set segment up\n".to_owned();
        let mut machines = BTreeMap::new();
        for (name, number) in HOSTS {
            let namespace = Namespace::create(name).unwrap();
            batch.push_str(&cable(name, number, &namespace));
            machines.insert(name, (namespace, number));
        }
        switch.must(&batch);
        let switch = switch.leave();
        let ports = HOSTS.map(|(name, _)| Link::attach_pass(&switch, name).unwrap()).into();
        let machines = machines.into_iter().map(|(name, (namespace, number))| {
            let machine = Machine::new(namespace, output.path().to_owned());
            machine.must(&addresses(number));
            (name, machine)
        });
        let mut stage = Self {
            running: Vec::new(),
            daemon: None,
            machines: machines.collect(),
            _ports: ports,
            _switch: switch,
            _output: output,
        };
        stage.set_up(state);
        stage
    }

    fn set_up(&mut self, state: State) {
        self.on("edge").must(&format!("cat > site.toml <<'END'\n{SITE}\nEND\ncp site.toml /etc/anycast/"));
        self.on("edge").must(
            "ip link add eth1 type veth peer name eth1-peer; ip link set eth1 up; ip link set eth1-peer up",
        );
        for server in SERVERS {
            self.on(server).must(WEB_SERVER);
            self.running.push(self.on(server).start("nginx"));
        }
        for server in SERVERS {
            self.until("a server answers", |it| it.on(server).run("curl -sf http://127.0.0.1/").is_good());
        }
        if state == State::Running {
            SERVERS.iter().for_each(|server| drop(self.on(server).must(HOLD_THE_VIP)));
            self.on("client")
                .must("ip route add 192.0.2.1 via 10.0.0.10\nip route add 2001:db8:1::1 via 2001:db8::10");
            let output = self.run_daemon("anycast-ctl run --config /etc/anycast/site.toml");
            assert!(output.is_ok(), "{output:?}");
            self.on("edge").must(HISTORY);
            self.running.push(self.on("client").start(TRAFFIC));
        }
    }

    /// Starts a daemon on the edge host, in the place of one that runs; waits until all it steers to is well.
    pub fn run_daemon(&mut self, text: &str) -> Result<(), String> {
        if let Some(mut before) = self.daemon.take() {
            before.interrupt();
        }
        let mut daemon = self.on("edge").start(text);
        let begun = Instant::now();
        let is_well = "anycast-ctl status --json | jq -e 'all(.pools[].backends[]; .state == \"up\")'";
        while !self.on("edge").run(is_well).is_good() {
            if daemon.ended().is_some() || begun.elapsed() > SOON {
                let status = self.on("edge").run("anycast-ctl status; anycast-ctl health");
                return Err(format!("{}\n{}", daemon.output(), status.output));
            }
            thread::sleep(Duration::from_millis(50));
        }
        self.daemon = Some(daemon);
        Ok(())
    }

    /// The host of that name.
    pub fn on(&self, host: &str) -> &Machine {
        self.machines.get(host).unwrap_or_else(|| panic!("the lab has no host {host}, but {HOSTS:?}"))
    }

    pub fn has(&self, host: &str) -> bool {
        self.machines.contains_key(host)
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < SOON, "wait until {what}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Ended {
    pub fn is_good(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// From the switch to a host. The last hop into an XDP program: whole checksums, and a frame for each packet.
fn cable(name: &str, number: u8, namespace: &Namespace) -> String {
    // An XDP device needs as many receive queues as its peer has transmit queues.
    let queues = "numtxqueues 2 numrxqueues 2";
    format!(
        "ip link add name {name} {queues} type veth peer name eth0 address 02:00:00:00:00:{number:02x} {queues} netns {}
ip link set {name} master segment up
ethtool -K {name} tx off tso off gro off > /dev/null\n",
        namespace.path().display()
    )
}

fn addresses(number: u8) -> String {
    let settings = "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
                    net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0\n";
    let own = format!(
        "ip link set lo up\nip link set eth0 up\nip address add 10.0.0.{number}/24 dev eth0\n\
         ip address add 2001:db8::{number}/64 dev eth0 nodad\n"
    );
    let rest = if number == 1 {
        "ip address add 198.51.100.7/32 dev lo\nsysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"
    } else {
        "ip route add default via 10.0.0.1\nip route add default via 2001:db8::1"
    };
    format!("{settings}{own}{rest}")
}
