//! `[announce]`.

use std::path::Path;

use super::{Fact, optional, unless};
use crate::{
    model::{Announce, BirdSettings, ExabgpSettings, FrrSettings, GobgpSettings, KernelSettings, Shutdown},
    period,
};

/// What differs from what everybody has, and which daemon is driven.
pub fn facts(announce: Option<&Announce>) -> Vec<Fact> {
    let Some(announce) = announce else { return Vec::new() };
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
        shutdown: Shutdown { community, med, prepend, wait },
        bird,
        exabgp,
        frr,
        gobgp,
        kernel,
    } = announce;
    let default = Announce::default();
    let drivers: Vec<&str> = announce.drivers().map(|driver| driver.label()).collect();
    let period = |key, value, default| unless(key, &period::text(value), &period::text(default));
    let mut facts = vec![
        optional("announce", Some(drivers.join(" "))),
        unless("announce.on_stop", on_stop, &default.on_stop),
        unless("announce.all_down", all_down, &default.all_down),
        period("announce.lease", *lease, default.lease),
        period("announce.hold_up", *hold_up, default.hold_up),
        period("announce.hold_up_max", *hold_up_max, default.hold_up_max),
        period("announce.hold_down", *hold_down, default.hold_down),
        period("announce.min_announced", *min_announced, default.min_announced),
        period("announce.quiet", *quiet, default.quiet),
        optional("announce.asn", asn.as_ref()),
        unless("announce.shutdown.community", community, &default.shutdown.community),
        optional("announce.shutdown.med", med.as_ref()),
        unless("announce.shutdown.prepend", prepend, &default.shutdown.prepend),
        period("announce.shutdown.wait", *wait, default.shutdown.wait),
    ];
    if let Some(BirdSettings { socket, protocol, shutdown_protocol, include }) = bird {
        facts.extend([
            path("announce.bird.socket", socket),
            optional("announce.bird.protocol", Some(protocol)),
            optional("announce.bird.shutdown_protocol", shutdown_protocol.as_ref()),
            optional("announce.bird.include", include.as_ref().map(|path| path.display())),
        ]);
    }
    if let Some(ExabgpSettings { socket, pipes }) = exabgp {
        facts.extend([
            optional("announce.exabgp.socket", socket.as_ref().map(|path| path.display())),
            optional("announce.exabgp.pipes", pipes.as_ref().map(|path| path.display())),
        ]);
    }
    if let Some(FrrSettings { vtysh, sockets }) = frr {
        facts.extend([path("announce.frr.vtysh", vtysh), path("announce.frr.sockets", sockets)]);
    }
    if let Some(GobgpSettings { endpoint }) = gobgp {
        facts.push(optional("announce.gobgp.endpoint", Some(endpoint)));
    }
    if let Some(KernelSettings { mode, interface, table, protocol, metric, shutdown_metric }) = kernel {
        facts.extend([
            optional("announce.kernel.mode", Some(mode)),
            optional("announce.kernel.interface", Some(interface)),
            optional("announce.kernel.table", Some(table)),
            optional("announce.kernel.protocol", Some(protocol)),
            optional("announce.kernel.metric", Some(metric)),
            optional("announce.kernel.shutdown_metric", shutdown_metric.as_ref()),
        ]);
    }
    facts
}

fn path(key: &'static str, path: &Path) -> Fact {
    optional(key, Some(path.display()))
}
