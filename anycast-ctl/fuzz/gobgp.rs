//! What comes from gobgpd: each call is answered by the input's next messages.
//!
//! ```text
//! input    call*
//! call     number of messages % 4, message*, gRPC status % 4
//! message  length in two bytes, bytes
//! ```

use std::fs;

use anycast_ctl::model::{Announce, GobgpSettings};
use hyper::{
    Response,
    body::Bytes,
    http::{HeaderMap, HeaderValue},
};
use tokio::net::{UnixListener, UnixStream};

use crate::peer::{directory, drive, run};

pub fn check(input: &[u8]) {
    let socket = directory().join("gobgp.sock");
    let _ = fs::remove_file(&socket);
    let endpoint = format!("unix://{}", socket.display());
    let announce = Announce { gobgp: Some(GobgpSettings { endpoint }), ..Announce::default() };
    run(async {
        let listener = UnixListener::bind(&socket).unwrap();
        let speaking = async {
            let _ = serve(listener.accept().await.unwrap().0, input).await;
            std::future::pending().await
        };
        tokio::select! {
            () = drive(&announce) => {}
            () = speaking => {}
        }
    });
}

/// Answers calls until the input ends.
async fn serve(stream: UnixStream, mut rest: &[u8]) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(call) = connection.accept().await {
        let (_, mut respond) = call?;
        if rest.is_empty() {
            return Ok(());
        }
        let mut response = Response::new(());
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
        let mut stream = respond.send_response(response, false)?;
        for _ in 0..byte(&mut rest) % 4 {
            let length = usize::from(u16::from_be_bytes([byte(&mut rest), byte(&mut rest)]));
            let message;
            (message, rest) = rest.split_at(length.min(rest.len()));
            let head = [&[0][..], &(message.len() as u32).to_be_bytes()].concat();
            stream.send_data(Bytes::from([&head, message].concat()), false)?;
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from(u16::from(byte(&mut rest) % 4)));
        stream.send_trailers(trailers)?;
    }
    Ok(())
}

/// The next one, or 0.
fn byte(rest: &mut &[u8]) -> u8 {
    let Some((&first, behind)) = rest.split_first() else { return 0 };
    *rest = behind;
    first
}
