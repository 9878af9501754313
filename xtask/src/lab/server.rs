//! A backend's real web server (nginx) and the counters of what reached its host.
//!
//! `/` answers with the backend's name; what is PUT below `/files/` can be read back, and lies in the lab's directory
//! below the backend's name.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{
    counters::Counters,
    namespace::Namespace,
    plan::{Addresses, Family, Host},
    process::Process,
    topology::output,
};
use crate::host_tool;

/// Port of the web server on the VIPs and on the host's own addresses.
pub const HTTP_PORT: u16 = 80;
/// Port of nginx's own counters, on 127.0.0.1 only.
const STATUS_PORT: u16 = 8080;
const STATUS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, STATUS_PORT));
const READY_WITHIN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// What one backend's host counted of one VIP, before its own stack did anything with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// Packets to the VIP.
    pub packets: u64,
    /// Their bytes, from the IP header on.
    pub bytes: u64,
    /// Those with SYN and without ACK.
    pub syns: u64,
}

/// Starts nginx and the counters on a backend, and waits until nginx answers.
pub(super) fn start(host: &Host, vips: Addresses, namespace: &Namespace, lab: &Path) -> Result<Process> {
    add_counters(namespace, vips)?;
    launch(host, vips, namespace, lab)
}

/// Starts nginx alone, on a backend that counts already.
pub(super) fn launch(host: &Host, vips: Addresses, namespace: &Namespace, lab: &Path) -> Result<Process> {
    let directory = lab.join(&host.name);
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    let configuration = directory.join("nginx.conf");
    fs::write(&configuration, nginx_configuration(host, vips, &directory))
        .with_context(|| format!("write {}", configuration.display()))?;
    let log = directory.join("error.log");
    let mut nginx = host_tool::command("nginx");
    nginx.arg("-e").arg(&log).arg("-p").arg(&directory).arg("-c").arg(&configuration);
    let mut process = Process::spawn(namespace, &format!("nginx on {}", host.name), nginx)
        .context("start nginx: `cargo xtask setup` installs it")?;
    let start = Instant::now();
    while connect(namespace, STATUS).is_err() {
        process.expect_running().with_context(|| format!("start nginx; {}", last_lines(&log)))?;
        if start.elapsed() > READY_WITHIN {
            bail!("wait for {}: no answer within {READY_WITHIN:?}; {}", process.name(), last_lines(&log));
        }
        thread::sleep(POLL);
    }
    Ok(process)
}

/// Connections nginx accepted on a backend since it started, the one that asks included.
pub fn accepted(namespace: &Namespace) -> Result<u64> {
    let page = get(namespace, STATUS, "/")?;
    accepts(&page).with_context(|| format!("read nginx's counters on {}", namespace.name()))
}

/// What the backend's host counted of each VIP.
pub fn arrived(namespace: &Namespace, family: Family) -> Result<Arrived> {
    let counters = Counters::read(namespace, "lab")?;
    let [all, syn] = counter_names(family);
    let all = counters.get(all)?;
    Ok(Arrived { packets: all.packets, bytes: all.bytes, syns: counters.get(syn)?.packets })
}

/// Asks a web server over a new connection from inside the namespace; answers with headers and body.
pub fn get(namespace: &Namespace, server: SocketAddr, path: &str) -> Result<String> {
    let mut stream = connect(namespace, server)?;
    // The socket stays in the namespace it was made in, whichever thread uses it.
    write!(stream, "GET {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
        .with_context(|| format!("write a request to {server}"))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(|| format!("read the answer of {server}"))?;
    Ok(answer)
}

fn connect(namespace: &Namespace, server: SocketAddr) -> Result<TcpStream> {
    let stream = namespace.inside(|| {
        TcpStream::connect_timeout(&server, Duration::from_secs(2))
            .with_context(|| format!("connect to {server} from {}", namespace.name()))
    })?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).context("limit the time to read")?;
    Ok(stream)
}

fn nginx_configuration(host: &Host, vips: Addresses, directory: &Path) -> String {
    let own = host.addresses;
    let listen: String = [vips.v4.into(), vips.v6.into(), own.v4.into(), own.v6.into()]
        .map(|address: IpAddr| {
            format!("    listen {} backlog=4096;\n", SocketAddr::from((address, HTTP_PORT)))
        })
        .concat();
    let (name, directory) = (&host.name, directory.display());
    format!(
        "daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  default_type text/plain;
  client_max_body_size 0;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
{listen}    add_header X-Backend {name};
    location / {{ return 200 \"{name}\\n\"; }}
    location /files/ {{
      root {directory};
      dav_methods PUT;
      create_full_put_path on;
    }}
  }}
  server {{
    listen 127.0.0.1:{STATUS_PORT};
    location / {{ stub_status; }}
  }}
}}
"
    )
}

/// Counted in prerouting, before routing or a socket can refuse anything.
fn add_counters(namespace: &Namespace, vips: Addresses) -> Result<()> {
    let mut rules = String::from("table inet lab {\n");
    let mut chain = String::new();
    for family in Family::ALL {
        let [all, syn] = counter_names(family);
        rules.push_str(&format!("  counter {all} {{ }}\n  counter {syn} {{ }}\n"));
        let word = match family {
            Family::V4 => "ip",
            Family::V6 => "ip6",
        };
        let vip = vips.of(family);
        chain.push_str(&format!("    {word} daddr {vip} iif != lo counter name {all}\n"));
        chain.push_str(&format!(
            "    {word} daddr {vip} iif != lo tcp flags & (syn|ack) == syn counter name {syn}\n"
        ));
    }
    rules.push_str(&format!(
        "  chain arrived {{\n    type filter hook prerouting priority raw;\n{chain}  }}\n}}\n"
    ));
    let mut nft = host_tool::command("nft");
    nft.arg(rules);
    output(namespace, nft).context("count arriving packets: `cargo xtask setup` installs nftables")?;
    Ok(())
}

fn counter_names(family: Family) -> [&'static str; 2] {
    match family {
        Family::V4 => ["v4_packets", "v4_syns"],
        Family::V6 => ["v6_packets", "v6_syns"],
    }
}

/// The first number of the line after `server accepts handled requests` (ngx_http_stub_status_module).
fn accepts(page: &str) -> Option<u64> {
    let mut lines = page.lines().skip_while(|line| !line.starts_with("server accepts"));
    lines.nth(1)?.split_whitespace().next()?.parse().ok()
}

/// The end of a log file, for an error message.
pub(super) fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    match lines.len() {
        0 => format!("{} is empty", log.display()),
        count => format!(
            "its log ends with:\n{}",
            lines.iter().skip(count.saturating_sub(20)).copied().collect::<Vec<_>>().join("\n")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_status_page_is_read() {
        let page = "HTTP/1.1 200 OK\r\n\r\nActive connections: 1 \nserver accepts handled requests\n 31 31 30 \nReading: 0\n";
        assert_eq!(accepts(page), Some(31));
        assert_eq!(accepts("404"), None);
    }
}
