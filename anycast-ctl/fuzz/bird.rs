//! What comes from BIRD's control socket. The first byte says whether its protocols are written by this daemon.

use std::fs;

use anycast_ctl::model::{Announce, BirdSettings};
use tokio::net::UnixListener;

use crate::peer::{directory, drive, run, say};

pub fn check(input: &[u8]) {
    let Some((&choice, said)) = input.split_first() else { return };
    let (socket, include) = (directory().join("bird.ctl"), directory().join("bird.include"));
    for left in [&socket, &include] {
        let _ = fs::remove_file(left);
    }
    let shutdown_protocol = Some("leaving_{vip}".to_owned());
    let bird = BirdSettings { socket: socket.clone(), shutdown_protocol, ..BirdSettings::default() };
    let bird = if choice % 2 == 0 {
        bird
    } else {
        BirdSettings { include: Some(include), shutdown_protocol: None, ..bird }
    };
    let announce = Announce { bird: Some(bird), ..Announce::default() };
    run(async {
        let listener = UnixListener::bind(&socket).unwrap();
        let speaking = async { say(listener.accept().await.unwrap().0, said).await };
        tokio::select! {
            () = drive(&announce) => {}
            () = async { speaking.await; std::future::pending().await } => {}
        }
    });
}
