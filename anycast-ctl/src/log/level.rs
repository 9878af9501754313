//! What is logged, changed while the daemon runs, and back by itself.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tracing::Level;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::{api::types::LogStatus, moment::Moment, spelling::quoted};

/// A filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is no filter of the log ({why}): write a level as debug, or a filter as info,anycast_ctl::neighbour=debug",
    quoted(filter)
)]
pub struct FilterError {
    /// What was given.
    filter: String,
    /// What is wrong with it.
    why: String,
}

/// What is logged by this process.
#[derive(Debug)]
pub struct Control {
    handle: reload::Handle<EnvFilter, Registry>,
    usual: String,
    format: &'static str,
    lost: Arc<AtomicU64>,
    state: Mutex<State>,
}

/// What was asked for last.
#[derive(Debug)]
struct State {
    filter: String,
    until: Option<Moment>,
    who: Option<String>,
    /// How often it was changed.
    changes: u64,
}

impl Control {
    pub(super) fn new(
        handle: reload::Handle<EnvFilter, Registry>,
        usual: String,
        format: &'static str,
        lost: Arc<AtomicU64>,
    ) -> Self {
        let state = State { filter: usual.clone(), until: None, who: None, changes: 0 };
        Self { handle, usual, format, lost, state: Mutex::new(state) }
    }

    /// What is logged.
    pub fn status(&self) -> LogStatus {
        self.status_of(&self.state())
    }

    /// Logs by another filter, for that long or until the process ends. Answers with the number of the change, by which it is
    /// taken back.
    ///
    /// # Errors
    /// It is no filter.
    pub fn set(
        &self,
        filter: &str,
        period: Option<Duration>,
        who: String,
    ) -> Result<(LogStatus, u64), FilterError> {
        let parsed = parse(filter)?;
        let mut state = self.state();
        self.reload(parsed);
        let until = period.map(|period| Moment::now().after(period));
        let changes = state.changes + 1;
        *state = State { filter: filter.to_owned(), until, who: Some(who), changes };
        Ok((self.status_of(&state), changes))
    }

    /// Logs as usual again; `change`: only if that change was the last. `None`: nothing was changed.
    pub fn reset(&self, change: Option<u64>) -> Option<LogStatus> {
        let mut state = self.state();
        let is_meant = change.is_none_or(|change| change == state.changes);
        if !is_meant || state.who.is_none() {
            return None;
        }
        self.reload(EnvFilter::new(&self.usual));
        let changes = state.changes + 1;
        *state = State { filter: self.usual.clone(), until: None, who: None, changes };
        Some(self.status_of(&state))
    }

    fn status_of(&self, state: &State) -> LogStatus {
        LogStatus {
            filter: state.filter.clone(),
            usual: self.usual.clone(),
            until: state.until,
            who: state.who.clone(),
            format: self.format.to_owned(),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    fn reload(&self, filter: EnvFilter) {
        // It fails when nothing logs any more: the process is about to end then.
        let _ = self.handle.reload(filter);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is replaced as a whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a filter. A word alone has to be a level: a mistyped one would be taken for the name of a module, and silence all others.
///
/// # Errors
/// It is none.
pub fn parse(filter: &str) -> Result<EnvFilter, FilterError> {
    let wrong = |why: String| FilterError { filter: filter.to_owned(), why };
    let is_odd = |part: &&str| {
        let part = part.trim();
        !part.contains(['=', '[', ':']) && part.parse::<Level>().is_err() && !part.eq_ignore_ascii_case("off")
    };
    if let Some(part) = filter.split(',').find(is_odd) {
        return Err(wrong(format!("{} is no level", quoted(part))));
    }
    EnvFilter::try_new(filter).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> (Control, reload::Layer<EnvFilter, Registry>) {
        let (layer, handle) = reload::Layer::new(EnvFilter::new("info"));
        (Control::new(handle, "info".to_owned(), "text", Arc::default()), layer)
    }

    #[test]
    fn a_filter_is_changed_and_the_usual_one_comes_back() {
        let (control, _layer) = control();
        assert_eq!(control.reset(None), None);
        let (status, first) = control.set("debug", Some(Duration::from_secs(60)), "root".to_owned()).unwrap();
        assert_eq!((status.filter.as_str(), status.usual.as_str()), ("debug", "info"));
        assert!(status.until.is_some_and(|until| until > Moment::now()));
        let (status, second) = control.set("warn,anycast_ctl::api=trace", None, "root".to_owned()).unwrap();
        assert_eq!((status.until, status.who.as_deref()), (None, Some("root")));
        // The time of the first change is over, and it is not the last.
        assert_eq!(control.reset(Some(first)), None);
        assert_eq!(control.status(), status);
        let back = control.reset(Some(second)).unwrap();
        assert_eq!((back.filter.as_str(), back.who), ("info", None));
    }

    #[test]
    fn what_is_no_filter_is_refused_and_changes_nothing() {
        let (control, _layer) = control();
        for filter in ["", "inf", "info,deebug", "anycast_ctl=loud", "[", "info,,debug"] {
            let error = control.set(filter, None, String::new()).unwrap_err().to_string();
            assert!(error.contains("is no filter of the log"), "{error}");
        }
        assert_eq!(control.status().filter, "info");
        for filter in ["off", "TRACE", "info,anycast_ctl::neighbour=debug", "anycast_ctl::api"] {
            assert!(parse(filter).is_ok(), "{filter}");
        }
    }
}
