//! The runtime document: what the daemon must remember beside the desired state, written down in one transaction with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde::{Deserialize, Serialize};

use crate::{
    announce::orders::{ByHand, Maintenance},
    model::Seed,
    numbers::{Carried, Numbers},
    spelling::one_line,
};

/// What is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Runtime {
    /// Which maps the numbers are about; `None` when there are none.
    pub identity: Option<u64>,
    /// The seed that was drawn for a site that names none.
    pub seed: Option<Seed>,
    /// Numbers for names.
    pub numbers: Numbers,
    /// What was counted for names whose counters others have by now.
    pub carried: Carried,
    /// Backends that were marked down, by pool and address.
    pub marked_down: BTreeSet<(String, IpAddr)>,
    /// Whether the operator took the program off the interfaces.
    pub detached: bool,
    /// While the whole site is in maintenance.
    pub maintenance: Option<Maintenance>,
    /// What the operator wants of the announcements of single VIPs, by name.
    pub by_hand: BTreeMap<String, ByHand>,
}

/// A document that this version does not understand.
#[derive(Debug, thiserror::Error)]
#[error("the store's runtime document cannot be read ({}): run the version of anycast-ctl that wrote it", one_line(&.0.to_string()))]
pub struct RuntimeError(#[from] serde_json::Error);

impl Runtime {
    /// Reads a document; `None` is that of an empty store.
    ///
    /// # Errors
    /// It is no such document.
    pub fn read(document: Option<&[u8]>) -> Result<Self, RuntimeError> {
        document.map_or_else(|| Ok(Self::default()), |document| Ok(serde_json::from_slice(document)?))
    }

    /// The document.
    ///
    /// # Errors
    /// None that is known: every part can be written.
    pub fn to_document(&self) -> Result<Vec<u8>, RuntimeError> {
        Ok(serde_json::to_vec(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{announce::orders::Hand, utc::Utc};

    #[test]
    fn what_is_written_is_read() {
        let runtime = Runtime {
            identity: Some(u64::MAX),
            seed: Some(Seed::new(7)),
            marked_down: [("web".to_owned(), IpAddr::from([10, 0, 0, 1]))].into(),
            detached: true,
            maintenance: Some(Maintenance {
                since: Utc::from_unix(7),
                until: None,
                holds: true,
                by: "root".to_owned(),
            }),
            by_hand: [("www".to_owned(), ByHand { what: Hand::Now, until: None, by: "root".to_owned() })]
                .into(),
            ..Runtime::default()
        };
        let document = runtime.to_document().unwrap();
        assert_eq!(Runtime::read(Some(&document)).unwrap(), runtime);
        assert_eq!(Runtime::read(None).unwrap(), Runtime::default());
        assert_eq!(Runtime::read(Some(b"{}")).unwrap(), Runtime::default());
        let error = Runtime::read(Some(b"[")).unwrap_err().to_string();
        assert!(error.contains("run the version of anycast-ctl that wrote it"), "{error}");
    }
}
