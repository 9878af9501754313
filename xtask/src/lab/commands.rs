//! `cargo xtask lab up|down|exec|status`: a lab to play in by hand.

use std::{
    env, iter,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use super::{Lab, Options, State, alive, holder, require_root};
use crate::{compile, host_tool, setup};

/// What to do with labs.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// Start a lab with servers and the controller; it stays until `lab down`
    Up(Up),
    /// End a lab
    Down {
        /// The lab; may be left out when only one is running
        name: Option<String>,
        /// End every lab that was started with `lab up` or kept by the demo
        #[arg(long, conflicts_with = "name")]
        all: bool,
    },
    /// Run a command in one of a lab's namespaces
    Exec {
        /// The lab; may be left out when only one is running
        #[arg(long = "lab", value_name = "NAME")]
        lab: Option<String>,
        /// client, router, edge, backend1, backend2, …
        namespace: String,
        /// The command; anycast-ctl is on its PATH and knows the lab's socket
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<String>,
    },
    /// List the running labs, their hosts and addresses
    Status {
        /// Print the labs' state files as one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Own a lab until SIGTERM; `lab up` runs this
    #[command(hide = true)]
    Hold(Hold),
}

/// What the lab is made of.
#[derive(Debug, Args)]
pub struct Up {
    /// Name of the lab, if more than one shall run
    #[arg(long, default_value = "lab")]
    name: String,
    /// Servers in the pools
    #[arg(long, default_value_t = 4)]
    backends: usize,
    /// Servers that run but are in no pool
    #[arg(long, default_value_t = 1)]
    spares: usize,
    /// Leave the controller out
    #[arg(long)]
    no_controller: bool,
}

/// Arguments of the hidden command.
#[derive(Debug, Args)]
pub struct Hold {
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    backends: usize,
    #[arg(long)]
    spares: usize,
    #[arg(long)]
    binary: Option<PathBuf>,
    #[arg(long)]
    controller: bool,
}

/// Runs one of them.
pub fn run(command: LabCommand) -> Result<()> {
    match command {
        LabCommand::Up(arguments) => up(arguments),
        LabCommand::Down { name: _, all: true } => alive()?.iter().try_for_each(|name| down(name)),
        LabCommand::Down { name, all: false } => down(&chosen(name)?),
        LabCommand::Exec { lab, namespace, command } => exec(&chosen(lab)?, &namespace, &command),
        LabCommand::Status { json } => status(json),
        LabCommand::Hold(arguments) => {
            let Hold { name, backends, spares, binary, controller } = arguments;
            holder::hold(&Options { name, backends, spares, binary, ..Options::default() }, controller)
        }
    }
}

/// Commands to try in a lab, printed after it is up.
pub fn print_hints(lab: &Lab) {
    let vips = lab.plan().vips;
    println!("\nlab {} is up; try:", lab.name());
    for line in [
        format!("client -- curl -s http://{}/", vips.v4),
        format!("client -- curl -s http://[{}]/", vips.v6),
        "edge -- anycast-ctl status".to_owned(),
        "edge -- anycast-ctl backend list".to_owned(),
        "backend1 -- nft list counters".to_owned(),
        "router -- ip route".to_owned(),
    ] {
        println!("  cargo xtask lab exec {line}");
    }
    println!("  cargo xtask lab down {}", lab.name());
}

fn up(arguments: Up) -> Result<()> {
    require_root()?;
    setup::setup(setup::Mode::Install)?;
    let binary = if arguments.no_controller {
        None
    } else {
        Some(compile::build(&compile::Options::default())?.binary)
    };
    let controller = binary.is_some();
    let Up { name, backends, spares, .. } = arguments;
    let options = Options { name: Some(name), backends, spares, binary, ..Options::default() };
    let lease = holder::Lease::start(&options, controller)?;
    let lab = lease.open()?;
    lease.keep()?;
    print_hints(&lab);
    Ok(())
}

fn down(name: &str) -> Result<()> {
    holder::end(name)?;
    println!("lab {name} is gone");
    Ok(())
}

fn exec(name: &str, namespace: &str, words: &[String]) -> Result<()> {
    let lab = Lab::open(name)?;
    let (program, arguments) = words.split_first().context("read the command to run")?;
    // Looked up by hand: exec searches the PATH of this process, not the one it passes on.
    let mut command = match lab.binary() {
        Ok(binary) if binary.ends_with(program) => Command::new(binary),
        _ => host_tool::command(program),
    };
    if let Some(directory) = lab.binary().ok().and_then(Path::parent) {
        let path = env::var_os("PATH").unwrap_or_default();
        let directories = iter::once(directory.to_owned()).chain(env::split_paths(&path));
        let path = env::join_paths(directories).context("extend PATH by the directory of anycast-ctl")?;
        command.env("PATH", path);
    }
    command.args(arguments).env("ANYCAST_SOCKET", lab.socket());
    lab.namespace(namespace)?.enter()?;
    let error = command.exec();
    Err(error).with_context(|| format!("run `{program}` in {namespace}"))
}

fn status(json: bool) -> Result<()> {
    // A lab that is just starting has no state yet, one that is just ending has none any more.
    let labs: Vec<State> = alive()?.iter().filter_map(|name| State::read(name).ok()).collect();
    if json {
        println!("{}", serde_json::to_string_pretty(&labs).context("write the labs as JSON")?);
        return Ok(());
    }
    if labs.is_empty() {
        println!("no lab is running; `cargo xtask lab up` starts one");
    }
    for lab in labs {
        let controller = if lab.controller { "with the controller" } else { "without the controller" };
        println!("lab {}: alive, held by process {}, {controller}", lab.name, lab.pid);
        println!("  {:<10} {:<15} {}", "vips", lab.plan.vips.v4, lab.plan.vips.v6);
        let spares = lab.plan.spares.iter().map(|host| (host, "  (spare: in no pool)"));
        let hosts =
            [&lab.plan.client, &lab.plan.edge].into_iter().chain(&lab.plan.backends).map(|host| (host, ""));
        for (host, note) in hosts.chain(spares) {
            println!("  {:<10} {:<15} {}{note}", host.name, host.addresses.v4, host.addresses.v6);
        }
        println!("  {:<10} {}", "socket", lab.socket.display());
    }
    Ok(())
}

fn chosen(name: Option<String>) -> Result<String> {
    if let Some(name) = name {
        return Ok(name);
    }
    let mut labs = alive()?;
    match (labs.pop(), labs.is_empty()) {
        (None, _) => bail!("find a lab: none is running; `cargo xtask lab up` starts one"),
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            labs.push(last);
            bail!("choose a lab: {} are running; name one", labs.join(", "))
        }
    }
}
