//! `[announce]`.

use std::path::PathBuf;

use toml::de::DeValue;

use super::{
    super::value::{choice, fine_period, string, truth, within},
    Table,
};
use crate::model::{
    Announce, BirdSettings, ExabgpSettings, FrrSettings, GobgpSettings, KernelSettings, Shutdown,
};

pub const ANNOUNCE: &[&str] = &[
    "all_down",
    "asn",
    "bird",
    "exabgp",
    "frr",
    "gobgp",
    "hold_down",
    "hold_up",
    "hold_up_max",
    "kernel",
    "lease",
    "min_announced",
    "on_stop",
    "quiet",
    "shutdown",
];
pub const SHUTDOWN: &[&str] = &["community", "med", "prepend", "wait"];
pub const BIRD: &[&str] = &["include", "protocol", "shutdown_protocol", "socket"];
pub const EXABGP: &[&str] = &["pipes", "socket"];
pub const FRR: &[&str] = &["sockets", "vtysh"];
pub const GOBGP: &[&str] = &["endpoint"];
pub const KERNEL: &[&str] = &["interface", "metric", "mode", "protocol", "shutdown_metric", "table"];

pub fn announce(mut table: Table<'_, '_>) -> Option<Announce> {
    table.only(ANNOUNCE);
    let default = Announce::default();
    let on_stop = table.optional("on_stop", choice);
    let all_down = table.optional("all_down", choice);
    let lease = table.optional("lease", fine_period);
    let hold_up = table.optional("hold_up", fine_period);
    let hold_up_max = table.optional("hold_up_max", fine_period);
    let hold_down = table.optional("hold_down", fine_period);
    let min_announced = table.optional("min_announced", fine_period);
    let quiet = table.optional("quiet", fine_period);
    let asn = table.optional("asn", within(1, u32::MAX));
    let shutdown = table.table("shutdown", shutdown);
    let bird = table.table("bird", bird);
    let exabgp = table.table("exabgp", exabgp);
    let frr = table.table("frr", frr);
    let gobgp = table.table("gobgp", gobgp);
    let kernel = table.table("kernel", kernel);
    Some(Announce {
        on_stop: on_stop?.unwrap_or_default(),
        all_down: all_down?.unwrap_or_default(),
        lease: lease?.unwrap_or(default.lease),
        hold_up: hold_up?.unwrap_or(default.hold_up),
        hold_up_max: hold_up_max?.unwrap_or(default.hold_up_max),
        hold_down: hold_down?.unwrap_or(default.hold_down),
        min_announced: min_announced?.unwrap_or(default.min_announced),
        quiet: quiet?.unwrap_or(default.quiet),
        asn: asn?,
        shutdown: shutdown?.unwrap_or_default(),
        bird: bird?,
        exabgp: exabgp?,
        frr: frr?,
        gobgp: gobgp?,
        kernel: kernel?,
    })
}

fn shutdown(mut table: Table<'_, '_>) -> Option<Shutdown> {
    table.only(SHUTDOWN);
    let default = Shutdown::default();
    let community = table.optional("community", truth);
    let med = table.optional("med", within(0, u32::MAX));
    let prepend = table.optional("prepend", within(0, 10));
    let wait = table.optional("wait", fine_period);
    Some(Shutdown {
        community: community?.unwrap_or(default.community),
        med: med?,
        prepend: prepend?.unwrap_or(default.prepend),
        wait: wait?.unwrap_or(default.wait),
    })
}

fn bird(mut table: Table<'_, '_>) -> Option<BirdSettings> {
    table.only(BIRD);
    let default = BirdSettings::default();
    let socket = table.optional("socket", path);
    let protocol = table.optional("protocol", string);
    let shutdown_protocol = table.optional("shutdown_protocol", string);
    let include = table.optional("include", path);
    Some(BirdSettings {
        socket: socket?.unwrap_or(default.socket),
        protocol: protocol?.unwrap_or(default.protocol),
        shutdown_protocol: shutdown_protocol?,
        include: include?,
    })
}

fn exabgp(mut table: Table<'_, '_>) -> Option<ExabgpSettings> {
    table.only(EXABGP);
    let socket = table.optional("socket", path);
    let pipes = table.optional("pipes", path);
    Some(ExabgpSettings { socket: socket?, pipes: pipes? })
}

fn frr(mut table: Table<'_, '_>) -> Option<FrrSettings> {
    table.only(FRR);
    let default = FrrSettings::default();
    let vtysh = table.optional("vtysh", path);
    let sockets = table.optional("sockets", path);
    Some(FrrSettings { vtysh: vtysh?.unwrap_or(default.vtysh), sockets: sockets?.unwrap_or(default.sockets) })
}

fn gobgp(mut table: Table<'_, '_>) -> Option<GobgpSettings> {
    table.only(GOBGP);
    let endpoint = table.optional("endpoint", string);
    Some(GobgpSettings { endpoint: endpoint?.unwrap_or(GobgpSettings::default().endpoint) })
}

fn kernel(mut table: Table<'_, '_>) -> Option<KernelSettings> {
    table.only(KERNEL);
    let default = KernelSettings::default();
    let mode = table.optional("mode", choice);
    let interface = table.optional("interface", string);
    let number = table.optional("table", within(1, u32::MAX));
    let protocol = table.optional("protocol", within(5, u8::MAX.into()));
    let metric = table.optional("metric", within(0, u32::MAX));
    let shutdown_metric = table.optional("shutdown_metric", within(0, u32::MAX));
    Some(KernelSettings {
        mode: mode?.unwrap_or_default(),
        interface: interface?.unwrap_or(default.interface),
        table: number?.unwrap_or(default.table),
        protocol: protocol?.unwrap_or(default.protocol),
        metric: metric?.unwrap_or(default.metric),
        shutdown_metric: shutdown_metric?,
    })
}

fn path(value: &DeValue<'_>) -> Result<PathBuf, String> {
    string(value).map(PathBuf::from)
}
