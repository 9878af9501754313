//! A datagram and its answer.

use std::io;

use super::{MAX_ANSWER, Target, deadline::Deadline, fault::Fault, search::Search, socket};
use crate::model::Payload;

/// Answers that are looked at: a flood of wrong ones costs no more time than this.
pub const MAX_DATAGRAMS: usize = 1_000;

pub async fn ask(
    send: &Payload,
    expect: Option<&Payload>,
    target: &Target,
    deadline: &Deadline,
) -> Result<String, Fault> {
    let socket = socket::datagrams(target)?;
    let sent = deadline.during("send: no room", socket.send(&send.bytes)).await?;
    sent.map_err(|error| fault("send", &error))?;
    let mut wrong: Option<Search<'_>> = None;
    let mut datagram = Vec::new();
    for _ in 0..MAX_DATAGRAMS {
        datagram.clear();
        datagram.reserve(MAX_ANSWER);
        let received = match (deadline.during("no answer", socket.recv_buf(&mut datagram)).await, &wrong) {
            (Ok(received), _) => received,
            (Err(missed), None) => return Err(missed),
            (Err(_), Some(wrong)) => return Err(deadline.missed(&wrong.mismatch("answer"))),
        };
        received.map_err(|error| fault("answer", &error))?;
        let Some(expect) = expect else { return Ok("answered".to_owned()) };
        let mut search = Search::new(&expect.bytes);
        if search.push(&datagram) {
            return Ok("answer as expected".to_owned());
        }
        wrong.get_or_insert(search);
    }
    let mismatch = wrong.map(|wrong| wrong.mismatch("answer")).unwrap_or_default();
    Err(Fault::failed(format!("{MAX_DATAGRAMS} answers: {mismatch}")))
}

/// A closed port is told by ICMP, which the kernel hands on as a refused connection.
pub fn fault(step: &str, error: &io::Error) -> Fault {
    if error.raw_os_error() == Some(libc::ECONNREFUSED) {
        return Fault::failed("port unreachable");
    }
    Fault::remote(step, error)
}
