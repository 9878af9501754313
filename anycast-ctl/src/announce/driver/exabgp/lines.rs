//! Lines of text from a peer that is not trusted to end them.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How much is read at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// Reads lines, none of them longer than a limit. Dropping the future of [`Lines::next`] loses nothing.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// How far the buffer was searched for an end of line.
    searched: usize,
    limit: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Lines of at most `limit` bytes.
    pub fn new(reader: R, limit: usize) -> Self {
        Self { reader, buffer: Vec::new(), searched: 0, limit }
    }

    /// The next line, without its end; `None` when the peer is gone. What is no UTF-8 in it is replaced.
    ///
    /// # Errors
    /// Reading fails, or a line is too long.
    pub async fn next(&mut self) -> io::Result<Option<String>> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let fresh = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', fresh) {
                let rest = self.buffer.split_off(self.searched.saturating_add(at).saturating_add(1));
                let line = std::mem::replace(&mut self.buffer, rest);
                self.searched = 0;
                return Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned()));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > self.limit {
                (self.buffer, self.searched) = (Vec::new(), 0);
                let text = format!("a line of more than {} bytes", self.limit);
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            match self.reader.read(&mut chunk).await? {
                0 => return Ok(None),
                read => self.buffer.extend(chunk.iter().take(read)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_whole_and_without_their_ends() {
        let mut lines = Lines::new(&b"one\r\n\ntw\xffo\nrest"[..], 100);
        for expected in ["one", "", "tw\u{fffd}o"] {
            assert_eq!(lines.next().await.unwrap().as_deref(), Some(expected));
        }
        assert_eq!(lines.next().await.unwrap(), None, "what does not end is no line");
    }

    #[tokio::test]
    async fn a_line_that_does_not_end_is_an_error_and_not_kept() {
        let mut lines = Lines::new(tokio::io::repeat(b'x'), 100_000);
        assert_eq!(lines.next().await.unwrap_err().to_string(), "a line of more than 100000 bytes");
    }
}
