//! `cargo xtask bench`: anycast-ctl's benchmarks.

use anyhow::{Context as _, Result, bail};
use nix::unistd::Uid;

use crate::{
    compile::{cargo, programs},
    setup::{self, Mode},
};

/// The benchmark that runs the XDP program in the kernel, packet by packet.
const DATAPLANE: &str = "dataplane";
/// The benchmark that sends live frames through a lab.
pub const LIVE: &str = "live";
/// The benchmark that times a change in a lab.
const CHANGE: &str = "change";
/// The benchmark of a large site in a lab.
const SCALE: &str = "scale";
/// The benchmark of health checks in a lab.
const HEALTH: &str = "health";
/// Those that print JSON; they load XDP programs.
const IN_KERNEL: [&str; 4] = [DATAPLANE, LIVE, CHANGE, SCALE];

/// Runs the named benchmarks, or all but those that need a lab; `arguments` go to them as they are.
pub fn bench(names: &[String], json: bool, arguments: &[String]) -> Result<()> {
    let all = programs("anycast-ctl", "benches")?;
    if let Some(unknown) = names.iter().find(|name| !all.contains(name)) {
        bail!("run benchmark {unknown}: there are {}", all.join(", "));
    }
    let mut chosen: Vec<&String> = if names.is_empty() {
        all.iter().filter(|name| ![LIVE, CHANGE, SCALE, HEALTH].contains(&name.as_str())).collect()
    } else {
        names.iter().collect()
    };
    if json {
        chosen.retain(|name| IN_KERNEL.contains(&name.as_str()));
        if chosen.is_empty() {
            bail!(
                "print JSON: only benchmarks {} do, and none is among the chosen ones",
                IN_KERNEL.join(", ")
            );
        }
    }
    if let Some(name) = chosen.iter().find(|name| IN_KERNEL.contains(&name.as_str()))
        && !Uid::effective().is_root()
    {
        bail!("run benchmark {name}: it loads XDP programs, which needs root; run this as root");
    }
    setup::setup(Mode::Install)?;
    for name in chosen {
        let mut command = cargo();
        command.args(["bench", "--package", "anycast-ctl", "--bench", name, "--"]);
        if json {
            command.arg("--json");
        }
        let status = command.args(arguments).status().context("start cargo bench")?;
        if !status.success() {
            bail!("benchmark {name} ended with {status}");
        }
    }
    Ok(())
}
