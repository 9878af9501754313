//! docs/examples/cdn.md: web servers at two sites.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fs,
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{Process, receiver::Receiver, sites::TRANSIT};

use crate::{
    downloads::{Downloads, requests, write_file},
    page::Page,
    stage::{A, B, Stage, host},
};

const PAGE: Page = Page(include_str!("../../../docs/examples/cdn.md"));
const PREFIXES: [&str; 2] = ["192.0.2.0/24", "2001:db8:1::/48"];
const VIPS: [&str; 4] = ["192.0.2.80", "2001:db8:1::80", "192.0.2.81", "2001:db8:1::81"];
/// The lab does not wait for the timers of the field.
const QUICK: [(&str, &str); 3] = [
    ("idle_timeout = \"1m\"", "idle_timeout = \"4s\""),
    ("hold_up = \"5s\"", "hold_up = \"1s\""),
    ("quiet = \"10s\"", "quiet = \"2s\""),
];

fn vips() -> Vec<IpAddr> {
    VIPS.iter().map(|vip| vip.parse().unwrap()).collect()
}

/// Web servers that take packets out of tunnels, and everything up.
struct Cdn {
    stage: Stage,
    _receivers: Vec<Receiver>,
}

impl Cdn {
    /// Without daemons and routing daemons yet.
    fn new() -> Self {
        let mut stage = Stage::new(PAGE, PREFIXES);
        let shared = stage.host_directory("shared");
        write_file(&shared.join("file"));
        let certified = rcgen::generate_simple_self_signed(["cdn.example.org".to_owned()]).unwrap();
        fs::write(shared.join("cdn.pem"), certified.cert.pem()).unwrap();
        fs::write(shared.join("cdn.key"), certified.signing_key.serialize_pem()).unwrap();
        let mut receivers = Vec::new();
        for server in PAGE.server_names() {
            let own = if server.starts_with('a') { "site a" } else { "site b" };
            let block = PAGE.block(&format!("# On the web servers of {own}"));
            let (tunnels, settings): (Vec<&str>, Vec<&str>) =
                block.lines().partition(|line| line.starts_with("anycast-ctl receive"));
            stage.run(&host(server), PAGE.block("# On every web server"));
            stage.run(&host(server), &settings.join("\n"));
            let senders = stage.in_the_lab(tunnels[0]);
            let senders: Vec<IpAddr> =
                senders.split(" --from ").skip(1).map(|sender| sender.trim().parse().unwrap()).collect();
            assert_eq!(senders.len(), 4);
            let lab = stage.sites.any_edge().unwrap();
            receivers.push(Receiver::start_from(lab, &host(server), &senders).unwrap());
            stage.sites.stop_server(&host(server)).unwrap();
            run_nginx(&mut stage, server);
        }
        Self { stage, _receivers: receivers }
    }

    /// Downloads that last, from all VIPs.
    #[track_caller]
    fn downloads(&self, count: usize) -> Downloads {
        Downloads::start(self.stage.sites.namespace("client").unwrap(), &vips(), count)
    }

    /// Types a block of anycast-ctl on these edge hosts, on all of them at about the same time.
    fn start_on(&self, edges: &[&str], title: &str) -> Vec<Process> {
        let commands = PAGE.block(title).lines().filter(|line| !line.starts_with('#'));
        let words: Vec<Vec<&str>> = commands.map(|line| line.split_whitespace().skip(1).collect()).collect();
        let each = words.iter().flat_map(|words| edges.iter().map(move |edge| (edge, words)));
        each.map(|(edge, words)| self.stage.sites.start_ctl(edge, words).unwrap()).collect()
    }

    /// The same, to the end.
    #[track_caller]
    fn run_on(&self, edges: &[&str], title: &str) {
        succeed(self.start_on(edges, title));
    }

    /// Slots that a site's servers own on the edge hosts of site a.
    fn slots_of(&self, site: &str) -> u32 {
        let statuses = A.iter().map(|edge| self.stage.sites.edge(edge).unwrap().status().unwrap());
        let backends = statuses.flat_map(|status| status.pools).flat_map(|pool| pool.backends);
        backends.filter(|backend| backend.name.starts_with(site)).map(|backend| backend.slots).sum()
    }
}

#[track_caller]
fn succeed(processes: Vec<Process>) {
    for mut process in processes {
        let ended = process.wait().unwrap();
        assert!(ended.success(), "{} {ended}", process.name());
    }
}

/// Starts nginx with the page's server.
fn run_nginx(stage: &mut Stage, server: &str) {
    let (directory, shared) = (stage.host_directory(server), stage.host_directory("shared"));
    let (shown, shared) = (directory.display(), shared.display().to_string());
    let config = PAGE.on_server(server, PAGE.block("/etc/nginx/conf.d/cdn.conf"));
    let config = config.replace("/etc/ssl", &shared).replace("/srv/cdn", &shared);
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {shown}/{name};\n"))
        .concat();
    let whole = format!(
        "daemon off;\nmaster_process off;\nuser root;\npid {shown}/nginx.pid;\nerror_log {shown}/error.log;\n\
         events {{ worker_connections 4096; }}\nhttp {{\naccess_log off;\n{temporary}{config}}}\n"
    );
    let file = directory.join("nginx.conf");
    fs::write(&file, whole).unwrap();
    stage.run_server(server, "nginx", &["-c", file.to_str().unwrap(), "-p", directory.to_str().unwrap()]);
}

#[test]
fn a_site_is_deployed_and_no_download_breaks_with_bird() {
    let mut cdn = Cdn::new();
    cdn.stage.run_bird(&A);
    cdn.stage.run_bird(&B);
    A.iter().chain(&B).for_each(|edge| cdn.stage.run_daemon(edge, &QUICK));
    let stage = &cdn.stage;
    stage.wait_for_routes(&A);
    stage.until("all servers on all edge hosts", |it| {
        let all: Vec<&str> = A.iter().chain(&B).copied().collect();
        PAGE.server_names().iter().all(|server| it.serves(&all, server) == Some(true))
    });
    let heads = stage.run("client", PAGE.block("# Anywhere"));
    let servers: Vec<&str> = heads.lines().filter_map(|line| line.strip_prefix("X-Server: ")).collect();
    assert!(servers.len() == 6 && servers.iter().all(|server| server.starts_with("a-")), "{heads}");
    // One prefix for two VIPs: the second one has no route of its own.
    assert_eq!(stage.routes("192.0.2.81/32"), [].into());

    let requests = requests(stage.sites.namespace("client").unwrap(), &vips());
    let old = cdn.downloads(60);
    let begun = Instant::now();
    let mut holds = cdn.start_on(&A, "# On a1 and a2, at about the same time");
    stage.until("site b's servers take what is new", |_| cdn.slots_of("a-") == 0 && cdn.slots_of("b-") > 0);
    let turned = Instant::now();
    let new = cdn.downloads(40);
    thread::sleep(Duration::from_secs(8));
    assert!(old.all_run() && new.all_run());
    holds.iter_mut().for_each(|hold| hold.expect_running().unwrap());
    old.finish("a-");
    succeed(holds);
    stage.wait_for_routes(&A);
    cdn.run_on(&A, "# On a1 and a2, when the command has returned on both");
    stage.wait_for_routes(&B);
    let moved = Instant::now();
    let later = cdn.downloads(40);
    thread::sleep(Duration::from_secs(1));
    assert!(new.all_run() && later.all_run());

    // And back: what was opened at the other site is still with its servers when the routes lead here again.
    cdn.run_on(&A, "# Afterwards, on a1 and a2");
    let back = Instant::now();
    stage.wait_for_routes(&A);
    let over = Instant::now();
    stage.until("site a's servers take what is new", |_| cdn.slots_of("b-") == 0 && cdn.slots_of("a-") > 0);
    let home = Instant::now();
    thread::sleep(Duration::from_secs(8));
    assert!(new.all_run() && later.all_run());
    new.finish("b-");
    later.finish("b-");

    let asked = requests.finish();
    cdn.stage.kill_server("a-web1");
    cdn.stage.kill_server("a-web2");
    cdn.stage.wait_for_routes(&B);

    let phases = [
        ("until new connections are site b's", begun, turned, None),
        ("until the route has moved", turned, moved, Some("b")),
        ("until it is taken back", moved, back, Some("b")),
        ("until the route is back", back, over, Some("b")),
        ("until new connections are site a's again", over, home, None),
    ];
    for (what, from, to, by) in phases {
        let tally = asked.between(from, to);
        println!("{what}: {tally}");
        assert!(tally.all_by(&by.map_or(vec!["a", "b"], |by| vec![by])), "{what}: {tally}");
    }
    let tally = asked.between(home, Instant::now());
    println!("afterwards: {tally}");
    assert!(tally.all_by(&["a"]), "{tally}");
}

#[test]
fn the_prefixes_are_announced_and_leave_in_order_with_frr() {
    let mut cdn = Cdn::new();
    cdn.stage.run_frr("a1");
    cdn.stage.run_daemon("a1", &QUICK);
    let stage = &cdn.stage;
    stage.wait_for_routes(&["a1"]);
    let _requests = requests(stage.sites.namespace("client").unwrap(), &vips());
    let told = |what: &str| PREFIXES.iter().all(|prefix| stage.received(prefix).contains(what));
    assert!(told("BGP.as_path: 65001\n"), "{}", stage.received(PREFIXES[0]));
    stage.until("BFD", |it| {
        let sessions = it.sites.birdc(TRANSIT, "show bfd sessions").unwrap();
        let up = |peer: &str| sessions.lines().any(|line| line.contains(peer) && line.contains("Up"));
        ["192.0.2.130", "2001:db8:0:a1::2"].iter().all(|peer| up(peer))
    });
    let shown =
        stage.run("a1", &format!("vtysh --vty_socket {} -c 'show bfd peers brief'", stage.frr_sockets("a1")));
    assert_eq!(shown.matches(" up").count(), 2, "{shown}");

    // BGP's own hold time is 180 s.
    stage.sites.cut("a1").unwrap();
    stage.wait_for_routes(&[]);
    stage.sites.mend("a1").unwrap();
    stage.wait_for_routes(&["a1"]);

    let drains = cdn.start_on(&["a1"], "# On a1 and a2, when the command has returned on both");
    // Each leaves when its own traffic has ended: perhaps not at the same time.
    let leaving = RefCell::new(BTreeSet::new());
    stage.until("graceful shutdown", |stage| {
        for prefix in PREFIXES {
            let received = stage.received(prefix);
            let told = ["BGP.community: (65535,0)", "BGP.as_path: 65001 65001 65001 65001\n"];
            if told.iter().all(|what| received.contains(what)) {
                leaving.borrow_mut().insert(prefix);
            }
        }
        leaving.borrow().len() == PREFIXES.len()
    });
    stage.wait_for_routes(&[]);
    succeed(drains);
}
