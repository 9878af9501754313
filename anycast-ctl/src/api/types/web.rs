//! The read-only HTTP port.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the daemon serves metrics and what can be read, and whether it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebStatus {
    /// Address and port.
    #[schema(value_type = String)]
    pub address: SocketAddr,
    /// Whether it listens there. While it does not it tries again and again.
    pub listening: bool,
    /// Why it does not listen; absent while it does, and before it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl WebStatus {
    /// Before it listens there.
    pub const fn new(address: SocketAddr) -> Self {
        Self { address, listening: false, error: None }
    }
}
