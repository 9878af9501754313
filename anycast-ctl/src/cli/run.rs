//! `anycast-ctl run`

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, error::ErrorKind};
use nix::unistd::{Gid, Group};
use tokio::signal::unix::{SignalKind, signal};
use tracing::warn;
use tracing_subscriber::EnvFilter;

use super::{Common, block_on};
use crate::{
    allocator,
    api::{
        doors::{Doors, Readers},
        types::XdpMode,
    },
    bpffs::DEFAULT_BPFFS,
    controller::{self, RunOptions},
    dataplane, events, instance,
    log::{self, JOURNAL_SOCKET},
    netlink, period, preflight, privilege,
    web::{self, Address},
};

/// Load, attach and steer; the dataplane goes on when this ends.
///
/// Needs root, or a user of its own with CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, and CAP_NET_RAW for checks of type icmp; it gives up
/// all other rights before it begins. Stays in the foreground and logs to stderr, as a service manager wants
/// it. However it ends, packets are steered on as before, and the next `run` takes over without losing one; `anycast-ctl down`
/// ends steering.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  sudo anycast-ctl run --config /etc/anycast/site.toml
  sudo anycast-ctl run                                          go on with what is stored
  sudo anycast-ctl run --config site.toml --temporary --log debug    a trial: all ends with Ctrl-C
  sudo anycast-ctl run --config site.toml --xdp-mode generic    on a driver without native XDP
  sudo anycast-ctl run --http [::1]:9750                        metrics elsewhere; --no-http: nowhere")]
pub struct Run {
    /// Site file: interfaces, pools and VIPs (TOML). Applied when nothing is stored, and when it says something else than when it
    /// was last applied; without it, what is stored goes on
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Directory of the store; without this, /var/lib/anycast/INSTANCE
    #[arg(long, value_name = "DIRECTORY", env = "ANYCAST_STATE_DIR")]
    state_dir: Option<PathBuf>,

    /// Directory on a bpffs under which program and maps are pinned
    #[arg(long, value_name = "DIRECTORY", env = "ANYCAST_BPFFS", default_value = DEFAULT_BPFFS)]
    bpffs: PathBuf,

    /// Pin and store nothing: all ends with this process
    #[arg(long, conflicts_with_all = ["state_dir", "replace"])]
    temporary: bool,

    /// Load anew beside a dataplane that is pinned and cannot be taken over, and swap without a gap. Ends sessions that only
    /// remembered flows hold; counters begin at zero
    #[arg(long)]
    replace: bool,

    /// How to attach; without this native, and generic with a warning where the driver cannot
    #[arg(long, value_name = "MODE")]
    xdp_mode: Option<XdpMode>,

    /// Take no packets in several buffers (jumbo frames), as on kernels before Linux 5.18
    #[arg(long)]
    no_multi_buffer: bool,

    /// Group whose members may use the socket, by name or number; without this, the group of the daemon
    #[arg(long, value_name = "GROUP", value_parser = group)]
    socket_group: Option<Gid>,

    /// Who may read by a socket of their own, INSTANCE.read.sock, what HTTP shows, too, and change nothing: all, none, or the
    /// members of a group, by name or number
    #[arg(long, value_name = "all|none|GROUP", default_value = "all", value_parser = readers)]
    readers: Readers,

    /// How often the kernel's maps are compared with what should be there, and repaired
    #[arg(long, value_name = "PERIOD", default_value = "30s", value_parser = period::parse)]
    reconcile_every: Duration,

    /// Where metrics and status can be read by HTTP; without this, 127.0.0.1:9750 for the instance `anycast` and nowhere for others
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,

    /// Let other hosts read there: --http names an address that they can reach. There is no password and no encryption
    #[arg(long, requires = "http")]
    http_remote: bool,

    /// A name by which clients call the HTTP server, besides that of this host; others are refused, so that no web site can have a
    /// browser read from here. May be given several times
    #[arg(long, value_name = "NAME")]
    http_name: Vec<String>,

    /// Serve no HTTP
    #[arg(long, conflicts_with_all = ["http", "http_name"])]
    no_http: bool,

    /// Measure the catchment for a minute every so often, at least every 5m; without this only when it is asked for
    #[arg(long, value_name = "PERIOD", value_parser = catchment_period)]
    catchment_every: Option<Duration>,

    /// Bytes of notifications of routes and neighbours that the kernel keeps while the daemon is busy; what is lost
    /// beyond them is made up for by looking everything up again
    #[arg(long, value_name = "BYTES", default_value_t = netlink::DEFAULT_BUFFER_BYTES, hide_short_help = true)]
    netlink_buffer: usize,

    /// What to log: error, warn, info, debug, trace, or a filter such as `info,anycast_ctl::neighbour=debug`
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "info", value_parser = filter)]
    log: String,

    /// How to log: auto is the journal, with fields, where stderr leads there, and else text
    #[arg(long, value_name = "FORMAT", env = "ANYCAST_LOG_FORMAT", default_value = "auto")]
    log_format: log::Format,

    /// Where journald listens
    #[arg(long, value_name = "PATH", default_value = JOURNAL_SOCKET, hide_short_help = true)]
    journal_socket: PathBuf,

    /// How many of the last events are kept for `watch --since`
    #[arg(long, value_name = "N", default_value_t = events::DEFAULT_KEEP, value_parser = keep)]
    keep_events: usize,
}

impl Run {
    pub fn execute(self, common: &Common) -> anyhow::Result<()> {
        let http = self.http(&common.instance);
        let warnings = preflight::check().context("check rights and kernel")?;
        // What takes more rights than steering does: a group that is given the socket, a bpffs that no directory holds.
        let socket = common.socket();
        let doors = Doors::open(&socket, self.socket_group, self.readers)?;
        if self.temporary {
            dataplane::prepare_to_lend().context("mount a bpffs for a dataplane without pins")?;
        }
        // Before the first thread.
        allocator::share();
        let needs = privilege::of_daemon(http.as_ref().map(|http| http.socket.port()));
        let rights = privilege::confine(&needs).context("drop privileges")?;
        let _log = log::start(&log::Options {
            filter: self.log,
            format: self.log_format,
            journal: self.journal_socket,
        })?;
        netlink::set_buffer(self.netlink_buffer);
        for warning in warnings {
            warn!("{warning}");
        }
        let options = RunOptions {
            instance: common.instance.clone(),
            socket,
            config: self.config,
            state_dir: self.state_dir.unwrap_or_else(|| instance::state_dir(&common.instance)),
            bpffs: self.bpffs,
            temporary: self.temporary,
            replace: self.replace,
            xdp_mode: self.xdp_mode,
            multi_buffer: !self.no_multi_buffer,
            reconcile_every: self.reconcile_every,
            http,
            keep_events: self.keep_events,
            catchment_every: self.catchment_every,
        };
        block_on(controller::run(options, doors, rights))?
    }

    /// Where to serve HTTP. What must not be is wrong usage.
    fn http(&self, instance: &str) -> Option<Address> {
        let usual = (instance == instance::DEFAULT).then_some(web::DEFAULT_ADDRESS);
        let address = self.http.or(usual).filter(|_| !self.no_http)?;
        let checked = Address::new(address, self.http_remote, &self.http_name);
        Some(
            checked.unwrap_or_else(|error| {
                super::Cli::command().error(ErrorKind::ValueValidation, error).exit()
            }),
        )
    }
}

/// Refuses a filter that cannot be read, as wrong usage.
pub fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// A period that is longer than a measurement.
fn catchment_period(text: &str) -> Result<Duration, String> {
    let every = period::parse(text).map_err(|error| error.to_string())?;
    if every < Duration::from_secs(300) { Err("give 5m or more".to_owned()) } else { Ok(every) }
}

/// The group of that name or number.
fn group(text: &str) -> Result<Gid, String> {
    if let Ok(number) = text.parse() {
        return Ok(Gid::from_raw(number));
    }
    let found = Group::from_name(text).map_err(|errno| format!("look up the group: {errno}"))?;
    found
        .map(|group| group.gid)
        .ok_or_else(|| format!("there is no such group: make it with `groupadd {text}`"))
}

/// Who may read.
fn readers(text: &str) -> Result<Readers, String> {
    match text {
        "all" => Ok(Readers::All),
        "none" => Ok(Readers::Nobody),
        name => group(name).map(Readers::Group),
    }
}

/// A number of events to keep.
fn keep(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number <= events::MAX_KEEP);
    number.ok_or_else(|| format!("give a number from 0 to {}", events::MAX_KEEP))
}

/// Lines on stderr, as text; the journal's own where it leads there.
pub fn start_log(filter: &str) -> anyhow::Result<log::Guard> {
    log::start(&log::Options {
        filter: filter.to_owned(),
        format: log::Format::Auto,
        journal: JOURNAL_SOCKET.into(),
    })
}

/// Waits for SIGTERM or SIGINT.
pub async fn until_told() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("watch for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("watch for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}
