//! What comes from bgpd's socket. Each command is answered by the input's next piece, up to three zero bytes and the byte
//! behind them.

use std::fs;

use anycast_ctl::model::{Announce, FrrSettings};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
};

use crate::peer::{directory, drive, run};

pub fn check(input: &[u8]) {
    let sockets = directory().join("frr");
    fs::create_dir_all(&sockets).unwrap();
    let socket = sockets.join("bgpd.vty");
    let _ = fs::remove_file(&socket);
    let settings = FrrSettings { sockets, vtysh: "/nonexistent/vtysh".into() };
    let announce = Announce { frr: Some(settings), asn: Some(65_001), ..Announce::default() };
    run(async {
        let listener = UnixListener::bind(&socket).unwrap();
        let speaking = async {
            let _ = answer(listener.accept().await.unwrap().0, input).await;
            std::future::pending().await
        };
        tokio::select! {
            () = drive(&announce) => {}
            () = speaking => {}
        }
    });
}

/// One piece for each command, until there are no more, or nobody asks.
async fn answer(mut stream: UnixStream, mut pieces: &[u8]) -> std::io::Result<()> {
    while !pieces.is_empty() {
        while stream.read_u8().await? != 0 {}
        let end = pieces.windows(4).position(|four| four.starts_with(&[0; 3]));
        let piece;
        (piece, pieces) = pieces.split_at(end.map_or(pieces.len(), |end| end + 4));
        stream.write_all(piece).await?;
    }
    Ok(())
}
