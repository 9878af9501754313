//! What a running lab tells other processes: `/run/anycast-lab/NAME/state.json`.

use std::{collections::BTreeMap, fs, os::fd::RawFd, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::{directory, namespace::Namespace, plan::Plan, topology::Namespaces};

/// The state file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Name of the lab.
    pub name: String,
    /// The process that holds the namespaces.
    pub pid: u32,
    /// Namespace name to the holder's descriptor: enter it by `/proc/PID/fd/NUMBER`.
    pub namespaces: BTreeMap<String, RawFd>,
    /// Hosts and addresses.
    #[serde(flatten)]
    pub plan: Plan,
    /// The controller's socket.
    pub socket: PathBuf,
    /// The anycast-ctl executable, when the lab was given one.
    pub binary: Option<PathBuf>,
    /// Whether the lab was started with a controller.
    pub controller: bool,
}

impl State {
    /// Writes the file; a reader sees all of it or none.
    pub fn write(&self) -> Result<()> {
        let directory = directory::path_of(&self.name);
        let text = serde_json::to_string_pretty(self).context("write the lab's state as JSON")?;
        let (draft, path) = (directory.join("state.json.draft"), directory.join("state.json"));
        fs::write(&draft, text).with_context(|| format!("write {}", draft.display()))?;
        fs::rename(&draft, &path).with_context(|| format!("write {}", path.display()))
    }

    /// Reads the state of a lab whose owner lives.
    pub fn read(name: &str) -> Result<Self> {
        directory::check_name(name)?;
        if !directory::is_alive(name) {
            bail!(
                "find lab {name}: none of that name is running; `cargo xtask lab status` lists those that are"
            );
        }
        let path = directory::path_of(name).join("state.json");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("read {}: the lab may still be starting", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("understand {}", path.display()))
    }

    /// Opens the holder's namespaces.
    pub fn open_namespaces(&self) -> Result<Namespaces> {
        let open = |(name, number): (&String, &RawFd)| {
            let path = PathBuf::from(format!("/proc/{}/fd/{number}", self.pid));
            Ok((name.clone(), Namespace::open(name, &path)?))
        };
        self.namespaces.iter().map(open).collect()
    }
}
