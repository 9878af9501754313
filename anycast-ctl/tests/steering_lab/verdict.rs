//! What may happen to a session, given what happened to its backend.

use std::{fmt, time::Duration};

use xtask::lab::session::{Ending, Record};

use crate::changes::{Event, Fleet, IDLE_TIMEOUT, Kind};

/// A session must end within this of the loss of its backend, as the client's host sees it: how long the client then waits for a
/// core is not the edge's doing.
const AT_ONCE: Duration = Duration::from_secs(1);

/// What came of all sessions.
#[derive(Default)]
pub struct Verdict {
    finished: usize,
    reset: usize,
    /// Reset after the client, which waited for a core, had said nothing for longer than flows are remembered.
    forgotten: usize,
    /// Time from the loss of its backend to a session's end.
    reset_after: Vec<Duration>,
    /// Time from a session's end, as its host saw it, until the client did.
    noticed_after: Vec<Duration>,
    /// Longest silence of each session that finished.
    silences: Vec<Duration>,
    bytes: (u64, u64),
    /// What must not be.
    pub faults: Vec<String>,
}

/// Compares every session with the ledger. Sessions that ended after `asked` did so because the client was told to.
pub fn judge(records: &[Record], fleet: &Fleet<'_>, asked: Duration) -> Verdict {
    let mut verdict = Verdict::default();
    for record in records {
        verdict.bytes.0 += record.sent.bytes;
        verdict.bytes.1 += record.received.bytes;
        verdict.noticed_after.push(record.noticed.saturating_sub(record.ended));
        match judge_one(record, fleet) {
            Ok(None) => {
                verdict.finished += 1;
                verdict.silences.push(record.longest_silence);
            }
            Ok(Some(after)) => {
                verdict.reset += 1;
                verdict.reset_after.push(after);
            }
            Err(_) if is_forgotten(record) => verdict.forgotten += 1,
            Err(fault) => {
                let of = record.backend.as_deref().unwrap_or("no backend yet");
                let when = (record.opened, record.greeted, record.ended.min(asked));
                let events = record.backend.as_ref().map(|name| fleet.events(record.family, name));
                verdict.faults.push(format!(
                    "{:?} session of {of} from port {}, opened, greeted, ended at {when:.3?}: {:?}: {fault}; \
                     silent for {:.3?} at most, {} lines sent, {} received; events: {events:.3?}",
                    record.family,
                    record.port,
                    record.ending,
                    record.longest_silence.max(record.ended.saturating_sub(record.heard)),
                    record.sent.lines,
                    record.received.lines
                ));
            }
        }
    }
    verdict.reset_after.sort();
    verdict.noticed_after.sort();
    verdict.silences.sort();
    verdict
}

/// `None`: it finished, rightly; otherwise the time from its backend's loss to its end.
fn judge_one(record: &Record, fleet: &Fleet<'_>) -> Result<Option<Duration>, String> {
    let Some(backend) = &record.backend else {
        // Somewhere between SYN and greeting; a backend it may have been on was lost.
        let mut losses = fleet.all_events(record.family).filter(|event| event.takes_away());
        return match losses.find(|loss| explains(loss, record)) {
            Some(loss) if record.ending == Ending::Reset => {
                Ok(Some(record.ended.saturating_sub(loss.before)))
            }
            _ => Err("not opened".to_owned()),
        };
    };
    let events = fleet.events(record.family, backend);
    let greeted = record.greeted.unwrap_or(record.opened);
    born_rightly(events, record.opened, greeted)?;
    let loss = events
        .iter()
        .find(|event| event.takes_away() && event.after >= record.opened && event.before <= record.ended);
    match (&record.ending, loss) {
        (Ending::Finished, None) => Ok(None),
        (Ending::Finished, Some(loss)) if record.ended <= loss.after + AT_ONCE => Ok(None),
        (Ending::Finished, Some(_)) => Err("it outlived its backend by more than a second".to_owned()),
        (Ending::Reset, Some(loss)) if explains(loss, record) => {
            Ok(Some(record.ended.saturating_sub(loss.before)))
        }
        (Ending::Reset, Some(loss)) => {
            Err(format!("reset only {:.3?} after its backend was lost", record.ended - loss.after))
        }
        (_, Some(_)) => Err("its backend was lost, and it was not reset".to_owned()),
        (_, None) => Err("broken, though its backend was usable".to_owned()),
    }
}

/// Whether nothing but the handshake passed for as long as it takes to be taken for ended.
fn is_forgotten(record: &Record) -> bool {
    let spoke = record.spoke.unwrap_or(record.ended);
    record.ending == Ending::Reset && spoke.saturating_sub(record.opened) > IDLE_TIMEOUT
}

fn explains(loss: &Event, record: &Record) -> bool {
    loss.after >= record.opened && loss.before <= record.ended && record.ended <= loss.after + AT_ONCE
}

/// A backend that is draining or gone gets no flow that opens after that.
fn born_rightly(events: &[Event], opened: Duration, greeted: Duration) -> Result<(), String> {
    let mut refuses: Vec<Kind> = Vec::new();
    for event in events {
        // What may not have taken effect when the session opened does not count, what may have does.
        match event.kind {
            Kind::Remove | Kind::Drain | Kind::Down if event.after < opened => refuses.push(event.kind),
            Kind::Add if event.before < greeted => refuses.clear(),
            Kind::Undrain if event.before < greeted => refuses.retain(|kind| *kind != Kind::Drain),
            Kind::Up if event.before < greeted => refuses.retain(|kind| *kind != Kind::Down),
            Kind::Remove | Kind::Drain | Kind::Down | Kind::Add | Kind::Undrain | Kind::Up | Kind::Weight => {
            }
        }
    }
    if refuses.is_empty() { Ok(()) } else { Err(format!("opened on a backend after {refuses:?}")) }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |times: &[Duration], share: f64| {
            times.get((times.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or_default()
        };
        writeln!(
            f,
            "{} sessions finished with their data intact, {} ended with their backend, {} were forgotten before they began",
            self.finished, self.reset, self.forgotten
        )?;
        let (sent, received) = self.bytes;
        writeln!(f, "{:.1} MB to and {:.1} MB from the backends", sent as f64 / 1e6, received as f64 / 1e6)?;
        for (what, times) in [
            ("reset after", &self.reset_after),
            ("noticed by the client after", &self.noticed_after),
            ("longest silence", &self.silences),
        ] {
            let (half, most, max) = (at(times, 0.5), at(times, 0.99), at(times, 1.0));
            writeln!(f, "{what}: median {half:.3?}, 99 % {most:.3?}, max {max:.3?}")?;
        }
        write!(f, "{} faults", self.faults.len())?;
        self.faults.iter().take(20).try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}
