//! Where gobgpd listens.

use std::{fmt, io, path::PathBuf};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

use super::super::DriverError;
use crate::spelling::quoted;

/// Bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// As the site's settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `http://HOST:PORT`: the host and the port.
    Tcp(String),
    /// `unix:///PATH`
    Unix(PathBuf),
}

impl Endpoint {
    /// # Errors
    /// It is none of the two forms.
    pub fn new(text: &str) -> Result<Self, DriverError> {
        if let Some(path) = text.strip_prefix("unix://") {
            return Ok(Self::Unix(path.into()));
        }
        text.strip_prefix("http://").map(|rest| Self::Tcp(rest.trim_end_matches('/').to_owned())).ok_or_else(
            || {
                let rule = "write it as http://127.0.0.1:50051 or unix:///run/gobgp.sock";
                DriverError::Refused(format!("connect to gobgpd: {} is no endpoint: {rule}", quoted(text)))
            },
        )
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// Nobody listens there, or this process may not connect.
    pub async fn dial(&self) -> Result<Box<dyn Stream>, DriverError> {
        let dialled: io::Result<Box<dyn Stream>> = match self {
            Self::Tcp(address) => dial_tcp(address).await,
            Self::Unix(path) => UnixStream::connect(path).await.map(|it| Box::new(it) as _),
        };
        dialled.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &io::Error) -> DriverError {
        let failed = format!("connect to gobgpd at {self}: {error}");
        if error.kind() == io::ErrorKind::PermissionDenied {
            let advice = "let this daemon's user write to the socket and enter its directory";
            return DriverError::Refused(format!("{failed}: {advice}"));
        }
        let hosts = match self {
            Self::Tcp(address) => address.clone(),
            Self::Unix(_) => self.to_string(),
        };
        DriverError::Unreachable(format!(
            "{failed}: start gobgpd with --api-hosts {hosts}, or correct the endpoint in [announce.gobgp]"
        ))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

async fn dial_tcp(address: &str) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(address).await?;
    // A withdrawal must not wait for an acknowledgement of what was sent before it.
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}
