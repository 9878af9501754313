//! Whether the program is on its interfaces.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What `attach`, `detach` and `down` come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HookStatus {
    /// How it is.
    pub state: HookState,
    /// Whether it was not like that before.
    pub changed: bool,
}

/// How the program as a whole stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HookState {
    /// On the interfaces.
    Attached,
    /// Off the interfaces; maps and tables are kept.
    Detached,
    /// Gone, with its maps. What is desired is still stored.
    Down,
}
