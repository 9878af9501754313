//! What the daemon and its maps take.

use anyhow::Context as _;
use serde_json::Value;
use xtask::lab::Lab;

/// Bytes of a process that are its own: what it has mapped of its maps is theirs.
pub fn anonymous(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("find RssAnon")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib << 10)
}

/// Bytes of the maps of the program on the edge's interface, as the kernel counts them.
pub fn maps(lab: &Lab) -> anyhow::Result<u64> {
    let links = json(lab, "ip", &["-json", "link", "show", "dev", "eth0"])?;
    let program = links[0]["xdp"]["prog"]["id"].as_u64().context("find the program")?.to_string();
    let program = json(lab, "bpftool", &["-j", "prog", "show", "id", &program])?;
    let mut bytes = 0;
    for id in program["map_ids"].as_array().context("find its maps")? {
        let map = json(lab, "bpftool", &["-j", "map", "show", "id", &id.to_string()])?;
        bytes += map["bytes_memlock"].as_u64().unwrap_or_default();
    }
    Ok(bytes)
}

fn json(lab: &Lab, program: &str, arguments: &[&str]) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&lab.run("edge", program, arguments)?)?)
}
