//! Captures under way: whose they are, and their end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::types::{CaptureStatus, NewCapture};
use crate::utc::Utc;

/// All of them. A handle: its copies are one list.
#[derive(Clone, Debug, Default)]
pub struct Captures(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    last: u64,
    running: BTreeMap<u64, (CaptureStatus, Arc<Notify>)>,
}

/// A place in the list, until this is dropped.
#[derive(Debug)]
pub struct Listed {
    /// What the list says.
    pub status: CaptureStatus,
    /// Told when somebody wants it to end.
    pub ends: Arc<Notify>,
    list: Captures,
}

impl Captures {
    /// Adds one that begins.
    pub fn add(&self, by: String, wanted: NewCapture) -> Listed {
        let mut list = self.list();
        list.last += 1;
        let status = CaptureStatus { id: list.last, by, since: Utc::now(), wanted };
        let ends = Arc::new(Notify::new());
        list.running.insert(status.id, (status.clone(), Arc::clone(&ends)));
        Listed { status, ends, list: self.clone() }
    }

    /// Those under way.
    pub fn all(&self) -> Vec<CaptureStatus> {
        self.list().running.values().map(|(status, _)| status.clone()).collect()
    }

    /// Has one end; `None` if there is none of that number.
    pub fn end(&self, id: u64) -> Option<CaptureStatus> {
        let list = self.list();
        let (status, ends) = list.running.get(&id)?;
        // Kept for one that is not waiting for it at the moment.
        ends.notify_one();
        Some(status.clone())
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.list.list().running.remove(&self.status.id);
    }
}
