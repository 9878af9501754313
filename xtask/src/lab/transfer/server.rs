//! The server: one for each backend, in its namespace.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::mpsc,
    thread,
};

use anyhow::{Context as _, Result, anyhow};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::oneshot,
};

use super::{
    DOWNLOAD, REQUEST_BYTES, UPLOAD,
    bytes::{Digest, PIECE, Pieces},
};
use crate::lab::Lab;

/// Port of the server on both VIPs, TCP and UDP.
pub const TRANSFER_PORT: u16 = 7100;

/// The running server; it stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// Starts it on both VIPs in the namespace of that host.
    pub fn start(lab: &Lab, host: &str) -> Result<Self> {
        let namespace = lab.namespace(host)?.try_clone()?;
        let vips = lab.plan().vips;
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let name = host.to_owned();
        let body = move || {
            let start = || {
                namespace.enter()?;
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(async {
                    for vip in [vips.v4.into(), vips.v6.into()] {
                        serve(vip, &name).await?;
                    }
                    anyhow::Ok(())
                })?;
                Ok(runtime)
            };
            match start() {
                Ok(runtime) => {
                    drop(ready.send(Ok(())));
                    drop(runtime.block_on(stopped));
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        };
        let title = format!("transfers on {host}");
        let thread = thread::Builder::new().name(title.clone()).spawn(body).context("start a thread")?;
        started
            .recv()
            .map_err(|_| anyhow!("it panicked"))
            .flatten()
            .with_context(|| format!("serve {title}"))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it was printed.
            let _ = thread.join();
        }
    }
}

async fn serve(vip: IpAddr, name: &str) -> Result<()> {
    let address = SocketAddr::from((vip, TRANSFER_PORT));
    let listener = TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))?;
    let socket = UdpSocket::bind(address).await.with_context(|| format!("bind {address}"))?;
    let name = name.to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let name = name.clone();
            // How a transfer ends is the client's to tell.
            tokio::spawn(async move { drop(transfer(stream, &name).await) });
        }
    });
    tokio::spawn(async move {
        let mut datagram = vec![0; PIECE];
        loop {
            // An error is one that ICMP brought about an earlier answer.
            let Ok((length, client)) = socket.recv_from(&mut datagram).await else { continue };
            let _ = socket.send_to(datagram.get(..length).unwrap_or_default(), client).await;
        }
    });
    Ok(())
}

async fn transfer(mut stream: TcpStream, name: &str) -> io::Result<()> {
    let mut request = [0; REQUEST_BYTES];
    stream.read_exact(&mut request).await?;
    let [kind, request @ ..] = request;
    let (numbers, _) = request.as_chunks::<8>();
    let &[count, seed] = numbers else { return Err(io::ErrorKind::InvalidData.into()) };
    let (mut left, seed) = (u64::from_be_bytes(count), u64::from_be_bytes(seed));
    let mut digest = Digest::default();
    match kind {
        UPLOAD => {
            let mut piece = vec![0; PIECE];
            while left > 0 {
                piece.truncate(usize::try_from(left).unwrap_or(PIECE));
                stream.read_exact(&mut piece).await?;
                digest.add(&piece);
                left -= piece.len() as u64;
            }
        }
        DOWNLOAD => {
            let mut pieces = Pieces::new(seed);
            while left > 0 {
                let piece = pieces.next(left);
                digest.add(piece);
                stream.write_all(piece).await?;
                left -= piece.len() as u64;
            }
        }
        _ => return Err(io::ErrorKind::InvalidData.into()),
    }
    stream.write_all(&digest.value().to_be_bytes()).await?;
    stream.write_all(name.as_bytes()).await?;
    stream.shutdown().await
}
