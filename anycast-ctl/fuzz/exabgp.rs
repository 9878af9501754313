//! What comes to the socket of ExaBGP's relay, after a proper greeting.

use std::{fs, future::pending};

use anycast_ctl::model::{Announce, ExabgpSettings};
use tokio::{net::UnixStream, task::yield_now};

use crate::peer::{directory, drive, run, say};

/// One route is there already that nobody wants, and the relay answers a first time: who does not is waited for.
const GREETING: &[u8] = b"{\"relay\":1,\"routes\":[\"198.51.100.0/24\"]}\n{\"lines\":[]}\n";

pub fn check(input: &[u8]) {
    let socket = directory().join("exabgp.sock");
    let _ = fs::remove_file(&socket);
    let settings = ExabgpSettings { socket: Some(socket.clone()), ..ExabgpSettings::default() };
    let announce = Announce { exabgp: Some(settings), asn: Some(65_001), ..Announce::default() };
    run(async {
        let speaking = async {
            let stream = loop {
                match UnixStream::connect(&socket).await {
                    Ok(stream) => break stream,
                    Err(_) => yield_now().await,
                }
            };
            say(stream, &[GREETING, input].concat()).await;
            pending().await
        };
        tokio::select! {
            () = drive(&announce) => {}
            () = speaking => {}
        }
    });
}
