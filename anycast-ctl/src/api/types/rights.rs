//! What the daemon may do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::privilege::{Need, Rights};

/// User and capabilities of the daemon. It gave up all others when it started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RightsStatus {
    /// User id.
    pub uid: u32,
    /// Name of that user; absent where the host knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Group id.
    pub gid: u32,
    /// Capabilities that it holds.
    pub held: Vec<CapabilityStatus>,
    /// Those that it would have kept, and was not given.
    pub missing: Vec<CapabilityStatus>,
    /// Whether nothing that it starts can get more.
    pub no_new_privs: bool,
}

/// One capability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CapabilityStatus {
    /// Its name, as in capabilities(7).
    pub name: String,
    /// What for.
    pub purpose: String,
}

impl From<&Rights> for RightsStatus {
    fn from(rights: &Rights) -> Self {
        let all = |needs: &[Need]| needs.iter().map(CapabilityStatus::from).collect();
        Self {
            uid: rights.uid.as_raw(),
            user: rights.user.clone(),
            gid: rights.gid.as_raw(),
            held: all(&rights.held),
            missing: all(&rights.missing),
            no_new_privs: rights.no_new_privs,
        }
    }
}

impl From<&Need> for CapabilityStatus {
    fn from(need: &Need) -> Self {
        Self { name: need.name(), purpose: need.purpose.to_owned() }
    }
}

impl RightsStatus {
    /// User and capabilities on one line, for people to read.
    pub fn line(&self) -> String {
        let user = match &self.user {
            Some(user) => format!("{user} (uid {})", self.uid),
            None => format!("uid {}", self.uid),
        };
        let held: Vec<&str> = self.held.iter().map(|held| held.name.as_str()).collect();
        match held.split_last() {
            None => format!("{user}, without any capability"),
            Some((last, [])) => format!("{user}, with {last} alone"),
            Some((last, others)) => format!("{user}, with {} and {last} alone", others.join(", ")),
        }
    }
}
