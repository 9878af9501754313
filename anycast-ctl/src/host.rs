//! What this machine's network is like beside its interfaces: addresses, the ways to clients, settings. Asked of the kernel
//! once, judged elsewhere.

use std::net::IpAddr;

use tokio::time::timeout;

use crate::{
    interface::{Interface, InterfaceError},
    netlink::PATIENCE,
};

mod address;
pub mod judge;
mod route;
mod sysctl;

pub use self::{
    address::Held,
    route::Way,
    sysctl::{dotted, greater, own, value},
};

/// Addresses and default routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Addresses of all interfaces.
    pub addresses: Vec<Held>,
    /// The default routes, IPv4's and IPv6's.
    pub ways: Vec<Way>,
}

/// Why the kernel does not say.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// No socket to ask by.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// It refused.
    #[error("listing addresses and routes over netlink: {0}")]
    Refused(#[from] rtnetlink::Error),
}

impl Network {
    /// Asks the kernel about the calling thread's network namespace, whose interfaces these are.
    ///
    /// # Errors
    /// See [`NetworkError`].
    pub async fn gather(interfaces: &[Interface]) -> Result<Self, NetworkError> {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(InterfaceError::from)?;
        let connection = tokio::spawn(connection);
        let answers = async {
            let addresses = address::list(&handle, interfaces).await?;
            Ok(Self { addresses, ways: route::defaults(&handle, interfaces).await? })
        };
        let answers = timeout(PATIENCE, answers).await;
        connection.abort();
        answers.unwrap_or_else(|_| Err(InterfaceError::Unanswered.into()))
    }

    /// Where an address is held, if it is.
    pub fn held(&self, address: IpAddr) -> Option<&Held> {
        self.addresses.iter().find(|held| held.address == address)
    }
}
