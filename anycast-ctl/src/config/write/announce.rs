//! `[announce]`.

use std::{path::Path, time::Duration};

use super::{Text, string};
use crate::{
    model::{Announce, BirdSettings, ExabgpSettings, FrrSettings, GobgpSettings, KernelSettings, Shutdown},
    period,
};

pub fn write(text: &mut Text, announce: Option<&Announce>) {
    let Some(announce) = announce else { return };
    let Announce {
        on_stop,
        all_down,
        lease,
        hold_up,
        hold_up_max,
        hold_down,
        min_announced,
        quiet,
        asn,
        shutdown,
        bird,
        exabgp,
        frr,
        gobgp,
        kernel,
    } = announce;
    let default = Announce::default();
    text.heading("[announce]");
    text.choice("on_stop", on_stop);
    text.choice("all_down", all_down);
    text.given("lease", other(*lease, default.lease));
    text.given("hold_up", other(*hold_up, default.hold_up));
    text.given("hold_up_max", other(*hold_up_max, default.hold_up_max));
    text.given("hold_down", other(*hold_down, default.hold_down));
    text.given("min_announced", other(*min_announced, default.min_announced));
    text.given("quiet", other(*quiet, default.quiet));
    text.given("asn", *asn);
    text.indent = "    ";
    write_shutdown(text, shutdown);
    if let Some(BirdSettings { socket, protocol, shutdown_protocol, include }) = bird {
        let default = BirdSettings::default();
        text.heading("[announce.bird]");
        text.given("socket", (*socket != default.socket).then(|| path(socket)));
        text.given("protocol", (*protocol != default.protocol).then(|| string(protocol)));
        text.given("shutdown_protocol", shutdown_protocol.as_deref().map(string));
        text.given("include", include.as_deref().map(path));
    }
    if let Some(ExabgpSettings { socket, pipes }) = exabgp {
        text.heading("[announce.exabgp]");
        text.given("socket", socket.as_deref().map(path));
        text.given("pipes", pipes.as_deref().map(path));
    }
    if let Some(FrrSettings { vtysh, sockets }) = frr {
        let default = FrrSettings::default();
        text.heading("[announce.frr]");
        text.given("vtysh", (*vtysh != default.vtysh).then(|| path(vtysh)));
        text.given("sockets", (*sockets != default.sockets).then(|| path(sockets)));
    }
    if let Some(GobgpSettings { endpoint }) = gobgp {
        text.heading("[announce.gobgp]");
        text.given("endpoint", (*endpoint != GobgpSettings::default().endpoint).then(|| string(endpoint)));
    }
    if let Some(KernelSettings { mode, interface, table, protocol, metric, shutdown_metric }) = kernel {
        let default = KernelSettings::default();
        text.heading("[announce.kernel]");
        text.choice("mode", mode);
        text.given("interface", (*interface != default.interface).then(|| string(interface)));
        text.unless("table", table, &default.table);
        text.unless("protocol", protocol, &default.protocol);
        text.unless("metric", metric, &default.metric);
        text.given("shutdown_metric", *shutdown_metric);
    }
    text.indent = "";
}

fn write_shutdown(text: &mut Text, shutdown: &Shutdown) {
    let default = Shutdown::default();
    if *shutdown == default {
        return;
    }
    let Shutdown { community, med, prepend, wait } = shutdown;
    text.heading("[announce.shutdown]");
    text.unless("community", community, &default.community);
    text.given("med", *med);
    text.unless("prepend", prepend, &default.prepend);
    text.given("wait", other(*wait, default.wait));
}

fn other(value: Duration, default: Duration) -> Option<String> {
    (value != default).then(|| string(&period::text(value)))
}

fn path(path: &Path) -> String {
    string(&path.display().to_string())
}
