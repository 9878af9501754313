//! What a supervisor tells of a program: a line, and what the program wrote.

use super::super::MAX_ANSWER;

/// The longest line.
const MAX_LINE: usize = 32;

/// The longest report.
pub const MAX_BYTES: u64 = (MAX_LINE + MAX_ANSWER) as u64;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With that exit code.
    Exited(i32),
    /// By that signal.
    Killed(i32),
    /// It could not be started, for that reason (errno(3)).
    NotStarted(i32),
}

/// The whole of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    /// How it ended.
    pub end: End,
    /// What it wrote to its output and its error output, [`MAX_ANSWER`] bytes at most.
    pub output: &'a [u8],
}

impl<'a> Report<'a> {
    /// As it is written.
    pub fn bytes(&self) -> Vec<u8> {
        let line = match self.end {
            End::Exited(code) => format!("exited {code}\n"),
            End::Killed(signal) => format!("killed {signal}\n"),
            End::NotStarted(errno) => format!("not-started {errno}\n"),
        };
        [line.as_bytes(), self.output].concat()
    }

    /// Reads one; `None` if that is none.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.iter().take(MAX_LINE).position(|byte| *byte == b'\n')?;
        let (line, output) = bytes.split_at_checked(end)?;
        let (word, number) = str::from_utf8(line).ok()?.split_once(' ')?;
        let number = number.parse().ok()?;
        let end = match word {
            "exited" => End::Exited(number),
            "killed" => End::Killed(number),
            "not-started" => End::NotStarted(number),
            _ => return None,
        };
        Some(Self { end, output: output.get(1..)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for end in [End::Exited(0), End::Exited(255), End::Killed(9), End::NotStarted(i32::MIN)] {
            for output in [&b""[..], b"a\nb", &[0xff; MAX_ANSWER]] {
                let bytes = Report { end, output }.bytes();
                assert!(bytes.len() <= usize::try_from(MAX_BYTES).unwrap());
                assert_eq!(Report::read(&bytes), Some(Report { end, output }));
            }
        }
        for bytes in [&b""[..], b"exited 0", b"exited\n", b"exited x\n", b"gone 1\n", &[b'x'; 100]] {
            assert_eq!(Report::read(bytes), None);
        }
    }
}
