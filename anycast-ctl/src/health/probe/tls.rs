//! TLS: a handshake that proves who the server is, every time anew.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rustls::{
    ClientConfig, SignatureScheme,
    client::ResolvesClientCert,
    pki_types::{IpAddr as TlsAddress, ServerName},
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Context, Target, deadline::Deadline, fault::Fault, socket};
use crate::health::spec::Tls;

mod configs;
mod unverified;
mod words;

pub use configs::{Alpn, Configs};
pub use words::words;

/// A handshake and nothing else.
pub async fn ask(
    tls: &Tls,
    target: &Target,
    deadline: &Deadline,
    context: &Context,
) -> Result<String, Fault> {
    let stream = socket::connect(target, deadline).await?;
    let mut config = ClientConfig::clone(&*context.tls.get(tls, Alpn::None)?);
    let asked =
        Arc::new(Asked { inner: config.client_auth_cert_resolver.clone(), was: AtomicBool::new(false) });
    config.client_auth_cert_resolver = asked.clone();
    let mut stream = shake(Arc::new(config), tls, stream, target, deadline).await?;
    if asked.was.load(Ordering::Relaxed) {
        refused(&mut stream, deadline).await?;
    }
    let version = stream.get_ref().1.protocol_version();
    Ok(version.and_then(|version| version.as_str()).unwrap_or("TLS").replace("TLSv1_", "TLS 1."))
}

/// Speaks TLS on a connection.
pub async fn connect(
    tls: &Tls,
    alpn: Alpn,
    stream: TcpStream,
    target: &Target,
    deadline: &Deadline,
    context: &Context,
) -> Result<TlsStream<TcpStream>, Fault> {
    shake(context.tls.get(tls, alpn)?, tls, stream, target, deadline).await
}

async fn shake(
    config: Arc<ClientConfig>,
    tls: &Tls,
    stream: TcpStream,
    target: &Target,
    deadline: &Deadline,
) -> Result<TlsStream<TcpStream>, Fault> {
    // The last flight of the handshake must not make the request wait for its acknowledgement.
    stream.set_nodelay(true).map_err(|error| Fault::local("set up the socket", &error))?;
    let name = server_name(tls, target)?;
    let shaken = deadline.during("TLS: no answer", TlsConnector::from(config).connect(name, stream)).await?;
    shaken.map_err(|error| Fault::remote("TLS", &error))
}

fn server_name(tls: &Tls, target: &Target) -> Result<ServerName<'static>, Fault> {
    match &tls.server_name {
        None => Ok(ServerName::IpAddress(TlsAddress::from(target.address))),
        Some(name) => ServerName::try_from(name.clone())
            .map_err(|_| Fault::own(format!("server name {name}: neither a host's name nor an address"))),
    }
}

/// In TLS 1.3 the server judges the client's certificate when the client is done with the handshake already
/// (RFC 8446 section 2): whether it refuses shows in what it sends next. One that says nothing is content.
async fn refused(stream: &mut TlsStream<TcpStream>, deadline: &Deadline) -> Result<(), Fault> {
    let farewell = async {
        stream.shutdown().await?;
        stream.read(&mut [0]).await
    };
    let answer = deadline.during("", farewell).await;
    let Ok(Err(error)) = answer else { return Ok(()) };
    let refused = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    if refused { Err(Fault::remote("TLS", &error)) } else { Ok(()) }
}

/// Remembers whether the server wanted a certificate.
#[derive(Debug)]
struct Asked {
    inner: Arc<dyn ResolvesClientCert>,
    was: AtomicBool,
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was.store(true, Ordering::Relaxed);
        self.inner.resolve(hints, schemes)
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }
}
