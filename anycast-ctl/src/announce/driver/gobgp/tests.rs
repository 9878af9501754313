//! What is no gobgpd. The real one is driven by tests/gobgp_lab.

use std::path::PathBuf;

use hyper::{Response, body::Bytes};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;

/// Connects to a server that does this with each connection.
async fn connect_to<F, D>(mut serve: F) -> DriverError
where
    F: FnMut(TcpStream) -> D + Send + 'static,
    D: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream).await;
        }
    });
    let error = error_of(&endpoint).await;
    server.abort();
    error
}

async fn error_of(endpoint: &str) -> DriverError {
    let settings = GobgpSettings { endpoint: endpoint.to_owned() };
    let announce = Announce { gobgp: Some(settings.clone()), ..Announce::default() };
    let run_dir = PathBuf::from("/nonexistent").into();
    let surroundings = Surroundings { instance: "anycast".to_owned(), run_dir };
    connect(&announce, &settings, &surroundings).await.err().expect("it connected")
}

/// Answers with these bytes to the first ones that come.
async fn answer_with(mut stream: TcpStream, bytes: &[u8]) {
    let mut question = [0; 24];
    let _ = stream.read_exact(&mut question).await;
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
    // Closed with bytes unread, it would be reset before the answer is read.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// Answers a call over HTTP/2 with a status and a body.
async fn answer_call(stream: TcpStream, status: u16, body: Vec<u8>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let response =
            Response::builder().status(status).header("content-type", "application/grpc").body(()).unwrap();
        let mut stream = respond.send_response(response, false).unwrap();
        let _ = stream.send_data(Bytes::from(body.clone()), true);
    }
}

/// A message of gRPC.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn a_socket_that_is_missing_is_named_with_how_to_start_gobgpd() {
    let DriverError::Unreachable(text) = error_of("unix:///nonexistent/gobgp.sock").await else {
        panic!("not unreachable")
    };
    assert_says(&text, &["unix:///nonexistent/gobgp.sock", "No such file", "--api-hosts"]);
}

#[tokio::test]
async fn a_port_at_which_nobody_listens_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let DriverError::Unreachable(text) = error_of(&format!("http://{address}")).await else {
        panic!("not unreachable")
    };
    assert_says(&text, &[&address.to_string(), "refused", "[announce.gobgp]"]);
}

#[tokio::test]
async fn what_speaks_another_protocol_is_no_gobgpd() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"[..],
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        &[0xff; 4096],
    ] {
        let error = connect_to(move |stream| answer_with(stream, bytes)).await;
        let DriverError::Garbled(text) = error else { panic!("{error:?}") };
        assert_says(&text, &["does not speak HTTP/2", "--api-hosts"]);
    }
}

#[tokio::test]
async fn one_that_hangs_up_at_once_is_unreachable() {
    let error = connect_to(|stream| async { drop(stream) }).await;
    let DriverError::Unreachable(text) = error else { panic!("{error:?}") };
    assert_says(&text, &["hung up"]);
}

#[tokio::test]
async fn one_that_says_nothing_is_named_with_what_it_did_not_answer() {
    let error = connect_to(|mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let DriverError::Unreachable(text) = error else { panic!("{error:?}") };
    assert_says(&text, &["did not answer GetBgp within 4 s"]);
}

#[tokio::test]
async fn a_server_of_something_else_over_http2_is_refused() {
    let error = connect_to(|stream| answer_call(stream, 404, Vec::new())).await;
    let DriverError::Refused(text) = error else { panic!("{error:?}") };
    assert_says(&text, &["does not know GetBgp", "GoBGP 3"]);
}

#[tokio::test]
async fn answers_that_are_none_are_garbled() {
    let tag_cut_off = framed(&[0x0a, 0xff, 0xff]);
    let too_long = framed(&vec![0; 300 << 10]);
    let endless = framed(&[0x0a, 0x02, 0x08, 0x80]);
    for body in [tag_cut_off, too_long, endless] {
        let error = connect_to(move |stream| answer_call(stream, 200, body.clone())).await;
        let DriverError::Garbled(text) = error else { panic!("{error:?}") };
        assert_says(&text, &["what is no answer to it"]);
    }
}
