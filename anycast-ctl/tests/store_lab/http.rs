//! One connection to the daemon, kept for many requests.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// What the daemon answered.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    /// The revision in its ETag; 0 without one.
    pub revision: u64,
    pub body: String,
}

pub struct Connection(BufReader<UnixStream>);

impl Connection {
    pub fn open(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self(BufReader::new(stream)))
    }

    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.ask("GET", path, "accept: application/toml\r\n", "")
    }

    /// Replaces the site, for a revision if one is given.
    pub fn put_site(&mut self, query: &str, expected: Option<u64>, site: &str) -> io::Result<Answer> {
        let expected = expected.map(|revision| format!("if-match: \"{revision}\"\r\n")).unwrap_or_default();
        self.ask(
            "PUT",
            &format!("/v1/site{query}"),
            &format!("content-type: application/toml\r\n{expected}"),
            site,
        )
    }

    pub fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<Answer> {
        let length = body.len();
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: a\r\n{headers}content-length: {length}\r\n\r\n{body}");
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        let mut next = |connection: &mut BufReader<UnixStream>| {
            line.clear();
            match connection.read_line(&mut line)? {
                0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                _ => Ok(line.trim_end().to_owned()),
            }
        };
        let status = next(&mut self.0)?;
        let code = status.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap();
        let (mut length, mut revision) = (0, 0);
        loop {
            let header = next(&mut self.0)?;
            let Some((name, value)) = header.split_once(": ") else { break };
            match name {
                "content-length" => length = value.parse().unwrap(),
                "etag" => revision = value.trim_matches('"').parse().unwrap(),
                _ => (),
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Answer { code, revision, body: String::from_utf8(body).unwrap() })
    }
}
