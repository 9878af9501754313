//! What is said of an event: whether somebody should look, whom it is about, and in words.

use crate::{
    api::types::{
        BackendState, CapacityEvent, DaemonEvent, DaemonStep, DrainEvent, DropEvent, Event, RequestEvent,
        RevisionStatus, Severity, TableEvent,
    },
    period,
    store::Author,
};

/// Whom an event is about, as far as it names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Name of the VIP.
    pub vip: Option<&'a str>,
    /// Name of the pool.
    pub pool: Option<&'a str>,
    /// Name of the backend.
    pub backend: Option<&'a str>,
}

impl Event {
    /// Whom it is about.
    pub fn subject(&self) -> Subject<'_> {
        let vip = |vip| Subject { vip, ..Subject::default() };
        let pool = |pool, backend| Subject { vip: None, pool, backend };
        match self {
            Self::Mark { pool: name, backend, .. } | Self::Backend { pool: name, backend, .. } => {
                pool(Some(name), Some(backend))
            }
            Self::Table(TableEvent { pool: name, .. }) | Self::Settled { pool: name, .. } => {
                pool(Some(name), None)
            }
            Self::Drain(DrainEvent { pool: name, backend, .. }) => pool(Some(name), Some(backend)),
            Self::Health(health) => pool(health.pool.as_deref(), health.backend.as_deref()),
            Self::Announce(announce) => vip(announce.vip.as_deref()),
            Self::Drops(drops) => vip(drops.vip.as_deref()),
            Self::Hello(_)
            | Self::Daemon(_)
            | Self::Request(_)
            | Self::Revision(_)
            | Self::Behind(_)
            | Self::CaughtUp { .. }
            | Self::Interface { .. }
            | Self::Drift { .. }
            | Self::Capacity(_)
            | Self::Log(_)
            | Self::Gap { .. }
            | Self::Dropped { .. } => Subject::default(),
        }
    }

    /// Whose doing it is, where somebody changed something.
    pub const fn author(&self) -> Option<&Author> {
        if let Self::Request(RequestEvent { author, .. }) | Self::Revision(RevisionStatus { author, .. }) =
            self
        {
            Some(author)
        } else {
            None
        }
    }

    /// Whether somebody should look.
    pub fn severity(&self) -> Severity {
        let bad = |bad: bool| if bad { Severity::Warning } else { Severity::Info };
        match self {
            Self::Hello(progress) => bad(progress.behind.is_some()),
            Self::Daemon(daemon) => bad(daemon.what == DaemonStep::Down),
            Self::Behind(_) => Severity::Error,
            Self::Backend { before, after, .. } => bad(match after {
                BackendState::Down => true,
                BackendState::Unresolved => before.is_some(),
                BackendState::Up
                | BackendState::Draining
                | BackendState::Waiting
                | BackendState::Disabled
                | BackendState::Removed => false,
            }),
            Self::Health(health) => bad(health.bad),
            Self::Announce(announce) => bad(announce.bad),
            Self::Drift { .. } | Self::Gap { .. } | Self::Dropped { .. } => Severity::Warning,
            Self::Drops(drops) => bad(drops.bad),
            Self::Capacity(capacity) => bad(capacity.above_percent > 0),
            Self::Request(_)
            | Self::Revision(_)
            | Self::Mark { .. }
            | Self::CaughtUp { .. }
            | Self::Table(_)
            | Self::Settled { .. }
            | Self::Drain(_)
            | Self::Interface { .. }
            | Self::Log(_) => Severity::Info,
        }
    }

    /// All of it on one line.
    pub fn words(&self) -> String {
        match self {
            Self::Hello(progress) => {
                let state = match &progress.behind {
                    Some(behind) => format!(
                        "the dataplane has {} since {}: {}",
                        progress.applied, behind.since, behind.error
                    ),
                    None => "the dataplane has it".to_owned(),
                };
                format!("revision {} is desired, {state}", progress.revision)
            }
            Self::Daemon(daemon) => of_daemon(daemon),
            Self::Request(request) => {
                let outcome = if (200..300).contains(&request.status) { "done" } else { "refused" };
                let (who, method, path, status) =
                    (&request.who, &request.method, &request.path, request.status);
                format!("{who} asked for {method} {path}: {outcome} ({status})")
            }
            Self::Revision(revision) => {
                format!("revision {} by {}: {}", revision.revision, revision.who, revision.what)
            }
            Self::Mark { pool, backend, up, who } => {
                format!("backend {pool}/{backend} is marked {} by {who}", if *up { "up" } else { "down" })
            }
            Self::Behind(behind) => format!("{}; trying again every second", behind.error),
            Self::CaughtUp { revision } => {
                format!("the dataplane has what is desired again, revision {revision}")
            }
            Self::Table(table) => of_table(table),
            Self::Settled { pool, seconds } => {
                let period = period::text(std::time::Duration::from_secs(*seconds));
                format!(
                    "the transition of pool {pool} is over after {period}: no flow of before is waited for"
                )
            }
            Self::Backend { pool, backend, address, before, after } => {
                let was = before.map(|before| format!(", was {}", before.label())).unwrap_or_default();
                format!("backend {pool}/{backend} ({address}) is {}{was}", after.label())
            }
            Self::Health(health) => health.text.clone(),
            Self::Drain(drain) => of_drain(drain),
            Self::Announce(announce) => announce.text.clone(),
            Self::Interface { name, attached: true } => format!("the program is attached to {name}"),
            Self::Interface { name, attached: false } => format!("the program is detached from {name}"),
            Self::Drift { drifted } => {
                format!("somebody changed the maps: {}; repairing it", drifted.join("; "))
            }
            Self::Drops(drops) => of_drops(drops),
            Self::Capacity(capacity) => of_capacity(capacity),
            Self::Log(log) => {
                let who = log.who.as_ref().map(|who| format!(", as {who} wants it")).unwrap_or_default();
                let until = log.until.map(|until| format!(" until {until}")).unwrap_or_default();
                format!("logging by `{}`{until}{who}", log.filter)
            }
            Self::Gap { missed } => format!("{missed} earlier events are no longer kept"),
            Self::Dropped { missed } => format!("{missed} events were missed, as they were read too slowly"),
        }
    }
}

fn of_daemon(DaemonEvent { what, version, pid, revision }: &DaemonEvent) -> String {
    match what {
        DaemonStep::Started => format!("ready: version {version} (pid {pid}) steers by revision {revision}"),
        DaemonStep::TookOver => {
            format!("ready: version {version} (pid {pid}) took over, and steers by revision {revision}")
        }
        DaemonStep::Down => "the dataplane is down: nothing is steered".to_owned(),
        DaemonStep::Stopping => "stopping".to_owned(),
    }
}

fn of_table(TableEvent { pool, slots, moved, in_transition, took_us, why, .. }: &TableEvent) -> String {
    let took = *took_us as f64 / 1_000.0;
    if *slots == 0 {
        return format!("pool {pool} has no slots any more: {why}; took {took:.1} ms");
    }
    let share = 100.0 * f64::from(*moved) / f64::from(*slots);
    format!(
        "{moved} of {slots} slots of pool {pool} have another owner ({share:.1}%), {in_transition} are in transition: \
         {why}; took {took:.1} ms"
    )
}

fn of_drain(DrainEvent { what, pool, backend, address, until, why, .. }: &DrainEvent) -> String {
    let until = until.map(|until| format!(", until {until} at the latest")).unwrap_or_default();
    format!("the drain of backend {pool}/{backend} ({address}) {what}{until}: {why}")
}

fn of_drops(DropEvent { vip, reason, description, packets, seconds, bad: _ }: &DropEvent) -> String {
    let to = vip.as_ref().map_or_else(|| "to no VIP".to_owned(), |vip| format!("to VIP {vip}"));
    let packets = if *packets == 1 { "1 packet".to_owned() } else { format!("{packets} packets") };
    let were = if packets.ends_with('s') { "were" } else { "was" };
    format!("{packets} {to} {were} dropped within {seconds} s: {reason}: {description}")
}

fn of_capacity(CapacityEvent { map, used, capacity, above_percent }: &CapacityEvent) -> String {
    let percent = 100 * used / (*capacity).max(1);
    let advice = match above_percent {
        0 => "it has room again".to_owned(),
        mark => {
            format!("above {mark}%: give `{map}` under [maps] more, which counts from the next `down` on")
        }
    };
    format!("{used} of {capacity} entries of {map} are used ({percent}%): {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the documentation is the list of kinds, row by row.
    #[test]
    fn the_documentation_has_every_kind() {
        let page = include_str!("../../../docs/events.md");
        let rows = page.lines().skip_while(|line| *line != "| kind | told when |").skip(2);
        let kinds: Vec<&str> = rows
            .take_while(|line| line.starts_with('|'))
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        assert_eq!(kinds, Event::KINDS, "docs/events.md, section \"Every event\"");
    }

    #[test]
    fn drops_are_said_with_their_number_and_reason() {
        let mut drops = DropEvent {
            vip: Some("www".to_owned()),
            reason: "no_backend".to_owned(),
            description: "The pool has no usable backend".to_owned(),
            packets: 1,
            seconds: 1,
            bad: true,
        };
        let words = |drops: &DropEvent| Event::Drops(drops.clone()).words();
        let reason = "no_backend: The pool has no usable backend";
        assert_eq!(words(&drops), format!("1 packet to VIP www was dropped within 1 s: {reason}"));
        (drops.packets, drops.seconds, drops.vip) = (1_200, 10, None);
        assert_eq!(words(&drops), format!("1200 packets to no VIP were dropped within 10 s: {reason}"));
        assert_eq!(Event::Drops(drops).severity(), Severity::Warning);
    }
}
