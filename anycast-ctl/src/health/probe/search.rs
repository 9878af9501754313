//! Looks for what is expected in an answer that comes in pieces, and keeps no more of it than [`MAX_ANSWER`].

use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{MAX_ANSWER, deadline::Deadline, fault::Fault};
use crate::spelling::quoted;

/// What has come so far.
#[derive(Debug)]
pub struct Search<'a> {
    expected: &'a [u8],
    seen: Vec<u8>,
}

impl<'a> Search<'a> {
    /// Nothing has come.
    pub const fn new(expected: &'a [u8]) -> Self {
        Self { expected, seen: Vec::new() }
    }

    /// Takes the next piece; answers whether what is expected is there.
    pub fn push(&mut self, piece: &[u8]) -> bool {
        // It may have begun in the piece before.
        let from = (self.seen.len() + 1).saturating_sub(self.expected.len());
        let room = MAX_ANSWER - self.seen.len();
        self.seen.extend_from_slice(piece.get(..room).unwrap_or(piece));
        memmem::find(self.seen.get(from..).unwrap_or_default(), self.expected).is_some()
    }

    /// Whether no more is looked at.
    pub const fn is_full(&self) -> bool {
        self.seen.len() >= MAX_ANSWER
    }

    /// Reads until what is expected is there.
    pub async fn read(
        mut self,
        from: &mut (impl AsyncRead + Unpin),
        deadline: &Deadline,
    ) -> Result<(), Fault> {
        let mut buffer = [0; 4 << 10];
        while !self.is_full() {
            let read = deadline.during("no answer", from.read(&mut buffer)).await;
            let length = match read {
                Ok(Ok(0)) => break,
                Ok(Ok(length)) => length,
                Ok(Err(error)) => return Err(Fault::remote("answer", &error)),
                Err(missed) if self.seen.is_empty() => return Err(missed),
                Err(_) => return Err(deadline.missed(&self.mismatch("answer"))),
            };
            if self.push(buffer.get(..length).unwrap_or_default()) {
                return Ok(());
            }
        }
        Err(Fault::failed(self.mismatch("answer")))
    }

    /// What there is instead.
    pub fn mismatch(&self, what: &str) -> String {
        let expected = quoted(&String::from_utf8_lossy(self.expected));
        match self.seen.as_slice() {
            [] => format!("no {what}, expected {expected}"),
            // Only the beginning is repeated.
            seen => {
                let head = seen.get(..256).unwrap_or(seen);
                format!("{what} {}, expected {expected}", quoted(&String::from_utf8_lossy(head)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mismatch_shows_both() {
        let mut search = Search::new(b"PONG");
        assert_eq!(search.mismatch("answer"), "no answer, expected `PONG`");
        assert!(!search.push(b"-ERR\r\n"));
        assert_eq!(search.mismatch("answer"), "answer `-ERR\\r\\n`, expected `PONG`");
    }

    #[test]
    fn nothing_beyond_the_limit_is_kept() {
        let mut search = Search::new(b"end");
        assert!(!search.push(&vec![b'x'; MAX_ANSWER - 1]));
        assert!(!search.is_full());
        assert!(!search.push(b"end"));
        assert!(search.is_full());
        assert!(!search.push(b"end"));
        assert_eq!(search.seen.len(), MAX_ANSWER);
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(
            whole in proptest::collection::vec(0_u8..3, 0..40),
            expected in proptest::collection::vec(0_u8..3, 1..5),
            size in 1_usize..9,
        ) {
            let mut search = Search::new(&expected);
            let found = whole.chunks(size).map(|piece| search.push(piece)).fold(false, |any, found| any | found);
            prop_assert_eq!(found, whole.windows(expected.len()).any(|window| window == expected));
        }
    }
}
