//! One HTTP request over a connection of its own, with bodies of any size.

use std::{
    io::{Error, ErrorKind, Read as _, Result, Write as _},
    net::{IpAddr, SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use xtask::lab::{Lab, server::HTTP_PORT};

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    /// The server that answered, by its own word.
    pub backend: String,
    pub body: Vec<u8>,
}

/// Connects from the client; the socket stays in its namespace.
pub fn connect(lab: &Lab, address: IpAddr, port: u16, within: Duration) -> Result<TcpStream> {
    let mut result = None;
    lab.inside("client", || {
        result = Some(TcpStream::connect_timeout(&SocketAddr::from((address, port)), within));
        Ok(())
    })
    .unwrap();
    let stream = result.unwrap()?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    Ok(stream)
}

pub fn get(lab: &Lab, address: IpAddr, path: &str) -> Result<Answer> {
    exchange(lab, address, &format!("GET {path}"), &[])
}

pub fn put(lab: &Lab, address: IpAddr, path: &str, body: &[u8]) -> Result<Answer> {
    exchange(lab, address, &format!("PUT {path}"), body)
}

/// The server that answers on a new connection.
pub fn who(lab: &Lab, address: IpAddr) -> Result<String> {
    let answer = get(lab, address, "/")?;
    assert_eq!((answer.code, answer.body), (200, format!("{}\n", answer.backend).into_bytes()));
    Ok(answer.backend)
}

fn exchange(lab: &Lab, address: IpAddr, request: &str, body: &[u8]) -> Result<Answer> {
    let mut stream = connect(lab, address, HTTP_PORT, Duration::from_secs(5))?;
    let mut reader = stream.try_clone()?;
    let head = format!(
        "{request} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut bytes = Vec::new();
    thread::scope(|scope| {
        // A server that refuses answers before it has read everything.
        let writer =
            scope.spawn(move || stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)));
        let read = reader.read_to_end(&mut bytes);
        writer.join().unwrap().and(read)
    })?;
    parse(bytes)
}

/// Reads one answer without closing; for connections that are kept. The body must have a length.
pub fn ask_kept(stream: &mut TcpStream) -> Result<Answer> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !bytes.ends_with(b"\n") || bytes.ends_with(b"\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
    parse(bytes)
}

fn parse(mut bytes: Vec<u8>) -> Result<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    Ok(Answer {
        code: code.ok_or_else(|| Error::other(head.clone()))?,
        backend: header("X-Backend:").unwrap_or_default().to_owned(),
        body,
    })
}
