//! A lab that steers, checks and announces, and what it serves as metrics.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::de::DeserializeOwned;
use xtask::{
    host_tool,
    lab::{Family, Lab, Options, OwnedLab, controller, server},
};

pub const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");

/// Where the daemon serves its metrics.
pub const ADDRESS: &str = "127.0.0.1:9750";

/// Longer than any of the steps waited for takes, on a slow machine too.
pub const SOON: Duration = Duration::from_secs(60);

/// One series: its name, and its labels.
pub type Series = (String, BTreeMap<String, String>);

const CHECK: &str = r#"check = { type = "http", path = "/", interval = "1s", timeout = "1s" }"#;

const ANNOUNCE: &str = r#"
[announce]
hold_up = "0s"
[announce.kernel]
mode = "route"
interface = "lo"
protocol = 77
"#;

/// A lab of so many backends, all of them up and checked, its VIPs announced as routes of the kernel.
pub fn steering(backends: usize) -> OwnedLab {
    let options = Options { backends, binary: Some(BINARY.into()), ..Options::default() };
    let mut lab = OwnedLab::start(&options).unwrap();
    let mut site = controller::site(lab.plan()).to_toml();
    for family in Family::ALL {
        let name = format!("name = \"{}\"\n", family.pool_name());
        site = site.replacen(&name, &format!("{name}{CHECK}\n"), 1);
    }
    lab.start_controller_on(&(site + ANNOUNCE), &["--xdp-mode", "native"]).unwrap();
    wait_for("every backend is up, and the port listens", || {
        lab.status().unwrap().all_up()
            && lab.inside("edge", || Ok(TcpStream::connect(ADDRESS).is_ok())).unwrap()
    });
    lab
}

/// Fetches a page from each VIP so often.
pub fn traffic(lab: &Lab, times: usize) {
    for _ in 0..times {
        for family in Family::ALL {
            let vip = (lab.plan().vips.of(family), server::HTTP_PORT).into();
            server::get(lab.client().unwrap(), vip, "/").unwrap();
        }
    }
}

/// What a command says as JSON.
pub fn told<T: DeserializeOwned>(lab: &Lab, words: &[&str]) -> T {
    serde_json::from_str(&lab.ctl(&[words, &["--json"]].concat()).unwrap()).unwrap()
}

/// An answer to a request on the edge: its head, in lower case, and its body.
pub fn get(lab: &Lab, address: &str, path: &str, headers: &str) -> (String, String) {
    let address: SocketAddr = address.parse().unwrap();
    let mut stream = lab.inside("edge", || Ok(TcpStream::connect(address)?)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

/// The metrics, in Prometheus' own text format.
pub fn metrics(lab: &Lab) -> String {
    let (head, body) = get(lab, ADDRESS, "/metrics", "");
    assert!(head.starts_with("http/1.1 200") || head.starts_with("http/1.0 200"), "{head}\n{body}");
    body
}

/// The series of a text, by name and labels.
pub fn series(text: &str) -> BTreeMap<Series, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let pairs = labels.strip_suffix('}').unwrap().split("\",").filter(|pair| !pair.is_empty());
            let labels = pairs.map(|pair| {
                let (label, value) = pair.split_once("=\"").unwrap();
                (label.to_owned(), value.trim_end_matches('"').to_owned())
            });
            ((name.to_owned(), labels.collect()), value.parse().unwrap())
        })
        .collect()
}

/// Runs promtool to its end: whether it was content, and all it said.
pub fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let mut command: Command = host_tool::command("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().expect("promtool of Debian's prometheus: `cargo xtask setup` installs it");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Waits until it holds, and panics when it does not.
#[track_caller]
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "waited in vain for this: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}
