//! `explain` in the lab: what it says of a packet, and where the real one went. Needs root.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod captured;
#[path = "../lab/harness.rs"]
#[allow(dead_code, reason = "shared with the other labs")]
mod harness;
#[path = "../survival_lab/host.rs"]
#[allow(dead_code, reason = "of the survival of the dataplane")]
mod host;
#[path = "../lab/http.rs"]
#[allow(dead_code, reason = "shared with the other labs")]
mod http;
mod nobody;
mod pinned;
mod sessions;
mod time;
mod tunnel;

use std::net::{IpAddr, SocketAddr, TcpStream};

use anycast_ctl::api::types::Explanation;
use socket2::{Domain, Socket, Type};
use xtask::lab::{Lab, server::HTTP_PORT};

/// What is said of a packet, by these words behind `explain`.
#[track_caller]
fn explain(lab: &Lab, words: &[&str]) -> Explanation {
    let words = [&["explain", "--json"], words].concat();
    serde_json::from_str(&lab.ctl(&words).unwrap()).unwrap()
}

/// The same of one from the client's address to the web port of a VIP.
#[track_caller]
fn explain_flow(lab: &Lab, from: SocketAddr, vip: IpAddr, words: &[&str]) -> Explanation {
    let (from, to) = (from.to_string(), SocketAddr::new(vip, HTTP_PORT).to_string());
    explain(lab, &[&["--from", &from, "--to", &to], words].concat())
}

/// Name of the backend that an explanation ends at.
#[track_caller]
fn backend(explanation: &Explanation) -> &str {
    &explanation.backend.as_ref().unwrap_or_else(|| panic!("{}", explanation.text)).name
}

/// Connects from that port of the client to the web port of a VIP.
fn connect_from(lab: &Lab, from: SocketAddr, vip: IpAddr) -> TcpStream {
    let to = SocketAddr::new(vip, HTTP_PORT);
    lab.inside("client", || {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.bind(&from.into())?;
        socket.connect(&to.into())?;
        Ok(socket.into())
    })
    .unwrap()
}
