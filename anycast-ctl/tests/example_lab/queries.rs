//! DNS queries over UDP, each from a port of its own, so that they take all ways there are.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{net::UdpSocket, time::timeout};
use xtask::lab::Namespace;

use crate::stream::{Outcome, PATIENCE, Stream};

/// 200 a second.
const PAUSE: Duration = Duration::from_millis(5);
/// `www.example.org`, and its only record.
const NAME: &[u8] = b"\x03www\x07example\x03org\x00";
const ANSWER: [u8; 4] = [198, 51, 100, 80];

/// From a host to these addresses in turn; the servers are known by these names (NSID).
pub fn start(namespace: &Namespace, vips: [IpAddr; 2], servers: &[&str]) -> Stream {
    let servers: Arc<[String]> = servers.iter().map(|name| (*name).to_owned()).collect();
    Stream::start(namespace, PAUSE, move |number| {
        let servers = servers.clone();
        async move { ask(vips[number % 2], number, &servers).await }
    })
}

async fn ask(vip: IpAddr, number: usize, servers: &[String]) -> Outcome {
    let id = u16::try_from(number % 65_536).unwrap().to_be_bytes();
    // One question; one additional record: OPT of 1,232 bytes with an empty NSID option (RFC 6891, RFC 5001).
    let header = [id[0], id[1], 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    let opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 3, 0, 0];
    let query = [&header[..], NAME, &[0, 1, 0, 1], &opt].concat();
    let any = match vip {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::from((any, 0))).await.unwrap();
    let mut answer = vec![0; 2048];
    let exchange = async {
        socket.connect(SocketAddr::from((vip, 53))).await?;
        socket.send(&query).await?;
        socket.recv(&mut answer).await
    };
    let length = match timeout(PATIENCE, exchange).await {
        Ok(Ok(length)) => length,
        Ok(Err(error)) => return Outcome::Lost(error.to_string()),
        Err(_) => return Outcome::Lost("no answer".to_owned()),
    };
    answer.truncate(length);
    let has = |bytes: &[u8]| answer.windows(bytes.len()).any(|window| window == bytes);
    let server = servers.iter().find(|name| has(name.as_bytes()));
    // An answer, without an error, of one record.
    let is_right = length > 12 && answer[..2] == id && answer[2] & 0x80 != 0 && answer[3] & 0x0f == 0;
    match server {
        Some(server) if is_right && answer[7] == 1 && has(&ANSWER) => Outcome::Answered(server.clone()),
        Some(_) | None => Outcome::Wrong(format!("{answer:02x?}")),
    }
}
