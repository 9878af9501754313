//! The way by which bgpd is told things: its socket, or vtysh where that is out of reach.

use std::{io, time::Duration};

use super::{socket::Socket, vtysh::Vtysh};
use crate::{announce::driver::DriverError, model::FrrSettings};

/// How long one command may take, or one run of vtysh.
pub const PATIENCE: Duration = Duration::from_secs(4);

/// How much is read of one answer.
pub const LIMIT_BYTES: usize = 16 << 20;

/// A way.
pub enum Terminal {
    /// bgpd's own socket.
    Socket(Socket),
    /// vtysh.
    Vtysh(Vtysh),
}

/// An order that was not followed; those after it were not given.
#[derive(Debug)]
pub struct Fault {
    /// Which of them.
    pub index: usize,
    /// What bgpd says.
    pub text: String,
}

impl Terminal {
    /// Finds one that works.
    ///
    /// # Errors
    /// Neither does.
    pub async fn open(settings: &FrrSettings) -> Result<Self, DriverError> {
        let closed = match Socket::open(&settings.sockets).await {
            Ok(mut socket) => {
                socket.enable().await?;
                return Ok(Self::Socket(socket));
            }
            Err(error) => error,
        };
        let vtysh = Vtysh::new(settings);
        match vtysh.ask(&["show version".to_owned()]).await {
            Ok(_) => Ok(Self::Vtysh(vtysh)),
            Err(error) => Err(out_of_reach(settings, &closed, &error)),
        }
    }

    /// What it shows, one after the other.
    ///
    /// # Errors
    /// It does not.
    pub async fn ask(&mut self, questions: &[String]) -> Result<String, DriverError> {
        match self {
            Self::Socket(socket) => socket.ask(questions).await,
            Self::Vtysh(vtysh) => vtysh.ask(questions).await,
        }
    }

    /// Gives orders, up to the first that is not followed.
    ///
    /// # Errors
    /// There is nobody to give them to.
    pub async fn run(&mut self, orders: &[String]) -> Result<Result<(), Fault>, DriverError> {
        match self {
            Self::Socket(socket) => socket.run(orders).await,
            Self::Vtysh(vtysh) => vtysh.run(orders).await,
        }
    }
}

fn out_of_reach(settings: &FrrSettings, closed: &io::Error, vtysh: &DriverError) -> DriverError {
    let path = settings.sockets.join("bgpd.vty");
    let text = |remedy: &str| {
        format!("connecting to FRR's bgpd at {}: {closed}: {remedy}; nor by vtysh: {vtysh}", path.display())
    };
    if closed.kind() == io::ErrorKind::PermissionDenied {
        DriverError::Refused(text("let this daemon run as root, or as a user of the group frrvty"))
    } else if closed.kind() == io::ErrorKind::NotFound {
        DriverError::Unreachable(text(
            "have FRR run bgpd (`bgpd=yes` in /etc/frr/daemons), or say in [announce.frr] where its sockets are",
        ))
    } else {
        DriverError::Unreachable(text("start FRR's bgpd"))
    }
}
