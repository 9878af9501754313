//! What one side of a session has sent, got and still expects. No input or output here.

use std::fmt::Write as _;

/// A side of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// Lines and bytes one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Numbered lines.
    pub lines: u64,
    /// Their bytes, echoes not counted.
    pub bytes: u64,
}

/// One side's books.
#[derive(Debug)]
pub struct Talk {
    key: u64,
    side: Side,
    pub sent: Amount,
    pub received: Amount,
    echoed: u64,
}

impl Talk {
    /// A session of that key, before its first numbered line.
    pub fn new(key: u64, side: Side) -> Self {
        Self { key, side, sent: Amount::default(), received: Amount::default(), echoed: 0 }
    }

    /// The next line to send.
    pub fn data(&mut self) -> String {
        let number = self.sent.lines;
        let mut line = format!("data {number} ");
        let mut word = mix(self.key ^ number);
        for _ in 0..=word % 12 {
            word = mix(word);
            let _ = write!(line, "{word:016x}");
        }
        let sum = checksum(self.key, self.side, &line);
        let _ = writeln!(line, " {sum:016x}");
        self.sent.lines += 1;
        self.sent.bytes += line.len() as u64;
        line
    }

    /// Checks a line the other side sent; answers with the echo to send, if it asks for one.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn take(&mut self, line: &str) -> Result<Option<String>, String> {
        let mut words = line.split(' ');
        let kind = words.next().unwrap_or_default();
        let number: u64 = parse(words.next(), line)?;
        match kind {
            "data" => {
                if number != self.received.lines {
                    return Err(format!("line {number} came after {} lines", self.received.lines));
                }
                let (covered, sum) = line.rsplit_once(' ').ok_or_else(|| malformed(line))?;
                let expected = format!("{:016x}", checksum(self.key, self.side.other(), covered));
                if sum != expected {
                    return Err(format!("line {number} has checksum {sum} and not {expected}"));
                }
                self.received.lines += 1;
                self.received.bytes += line.len() as u64 + 1;
                Ok(Some(format!("echo {number} {sum}\n")))
            }
            "echo" => {
                if number != self.echoed || number >= self.sent.lines {
                    return Err(format!("echo {number} came after {} echoes", self.echoed));
                }
                self.echoed += 1;
                Ok(None)
            }
            _ => Err(malformed(line)),
        }
    }

    /// Whether the other side has confirmed all that was sent.
    pub fn is_confirmed(&self) -> bool {
        self.echoed == self.sent.lines
    }

    /// What this side says at the end.
    pub fn totals(&self, word: &str) -> String {
        format!("{word} {} {}\n", self.sent.lines, self.received.lines)
    }

    /// Checks the other side's totals: it sent what was received here, and received what was sent here.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn compare(&self, line: &str) -> Result<(), String> {
        let mut words = line.split(' ').skip(1);
        let sent: u64 = parse(words.next(), line)?;
        let received: u64 = parse(words.next(), line)?;
        if (sent, received) == (self.received.lines, self.sent.lines) {
            Ok(())
        } else {
            let (got, gave) = (self.received.lines, self.sent.lines);
            Err(format!("the other side sent {sent} and got {received} lines, but {got} came of {gave} sent"))
        }
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

fn parse(word: Option<&str>, line: &str) -> Result<u64, String> {
    word.and_then(|word| word.parse().ok()).ok_or_else(|| malformed(line))
}

fn malformed(line: &str) -> String {
    format!("not a line of this protocol: {:?}", line.chars().take(80).collect::<String>())
}

/// FNV-1a, keyed: a line of another session or of the other direction does not fit.
fn checksum(key: u64, side: Side, text: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ mix(key ^ side as u64);
    text.bytes().fold(start, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn mix(word: u64) -> u64 {
    super::super::random::Random::new(word).number()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Talk, Talk) {
        (Talk::new(5, Side::Client), Talk::new(5, Side::Server))
    }

    fn text(line: &str) -> &str {
        line.trim_end_matches('\n')
    }

    #[test]
    fn a_session_ends_with_equal_books() {
        let (mut client, mut server) = pair();
        for _ in 0..3 {
            let echo = server.take(text(&client.data())).unwrap().unwrap();
            assert!(!client.is_confirmed());
            assert_eq!(client.take(text(&echo)), Ok(None));
        }
        client.take(text(&server.data())).unwrap();
        assert!(client.is_confirmed() && !server.is_confirmed());
        assert_eq!(server.compare(text(&client.totals("bye"))), Ok(()));
        assert_eq!(client.sent, server.received);
        assert_eq!(client.received, server.sent);
        server.data();
        assert!(client.compare(text(&server.totals("bye"))).is_err());
    }

    #[test]
    fn gaps_repeats_changes_and_strangers_are_noticed() {
        let (mut client, mut server) = pair();
        let (first, second) = (client.data(), client.data());
        assert!(server.take(text(&second)).unwrap_err().contains("came after 0 lines"));
        assert!(server.take(text(&first).replacen("data 0 ", "data 0 0", 1).as_str()).is_err());
        assert!(server.take(text(&Talk::new(6, Side::Client).data())).unwrap_err().contains("checksum"));
        assert!(server.take(text(&server_line())).unwrap_err().contains("checksum"));
        assert!(server.take("bye 0").is_err());
        server.take(text(&first)).unwrap();
        assert!(server.take(text(&first)).is_err());
        assert!(client.take("echo 1 0").is_err());
    }

    fn server_line() -> String {
        Talk::new(5, Side::Server).data()
    }
}
