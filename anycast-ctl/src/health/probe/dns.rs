//! A DNS question and its answer (RFC 1035), as datagrams and over a connection (RFC 7766).

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use self::{message::Message, name::Name};
use super::{
    Finding, Target,
    deadline::Deadline,
    fault::Fault,
    random, socket,
    udp::{self, MAX_DATAGRAMS},
};
use crate::{health::spec::Dns, model::DnsTransport};

mod judge;
mod message;
mod name;
mod reader;
mod record;

/// More than any server sends without being asked for it (RFC 1035 section 4.2.1), with room for those that do.
const MAX_DATAGRAM: usize = 4 << 10;

/// A question that is asked.
struct Question {
    id: u16,
    name: Name,
    kind: u16,
    bytes: Vec<u8>,
}

pub async fn ask(dns: &Dns, target: &Target, deadline: &Deadline) -> Result<String, Fault> {
    match dns.transport {
        DnsTransport::Udp => by_udp(dns, target, deadline).await,
        DnsTransport::Tcp => by_tcp(dns, target, deadline).await,
        DnsTransport::Both => {
            let (udp, tcp) = tokio::join!(by_udp(dns, target, deadline), by_tcp(dns, target, deadline));
            both(udp, tcp)
        }
    }
}

/// Both must pass; what the backend did wrong counts before what this host could not do.
fn both(udp: Result<String, Fault>, tcp: Result<String, Fault>) -> Result<String, Fault> {
    let named = |name: &str, fault: Fault| Fault { detail: format!("{name}: {}", fault.detail), ..fault };
    match (udp, tcp) {
        (Ok(detail), Ok(_)) => Ok(detail),
        (Err(udp), Err(tcp)) if udp.finding == Finding::Inconclusive && tcp.finding == Finding::Failed => {
            Err(named("tcp", tcp))
        }
        (Err(udp), Ok(_) | Err(_)) => Err(named("udp", udp)),
        (Ok(_), Err(tcp)) => Err(named("tcp", tcp)),
    }
}

async fn by_udp(dns: &Dns, target: &Target, deadline: &Deadline) -> Result<String, Fault> {
    let question = Question::of(dns)?;
    let socket = socket::datagrams(target)?;
    let sent = deadline.during("send: no room", socket.send(&question.bytes)).await?;
    sent.map_err(|error| udp::fault("send", &error))?;
    let mut datagram = [0; MAX_DATAGRAM];
    let mut strange = 0;
    while strange < MAX_DATAGRAMS {
        let received = deadline.during(missing(strange), socket.recv(&mut datagram)).await?;
        let length = received.map_err(|error| udp::fault("answer", &error))?;
        // What answers another question may be late, or forged: the true answer may still come.
        match question.answer(datagram.get(..length).unwrap_or_default()) {
            Some(message) => return judge::judge(dns, &message),
            None => strange += 1,
        }
    }
    Err(Fault::failed(format!("{MAX_DATAGRAMS} datagrams, none of them an answer to the question")))
}

const fn missing(strange: usize) -> &'static str {
    if strange == 0 { "no answer" } else { "datagrams, but no answer to the question" }
}

async fn by_tcp(dns: &Dns, target: &Target, deadline: &Deadline) -> Result<String, Fault> {
    let question = Question::of(dns)?;
    let mut stream = socket::connect(target, deadline).await?;
    let answer = deadline.during("no answer", exchange(&mut stream, &question.bytes)).await?;
    let answer = answer.map_err(|error| Fault::remote("answer", &error))?;
    match question.answer(&answer) {
        Some(message) => judge::judge(dns, &message),
        None => Err(Fault::failed("the answer is not one to the question")),
    }
}

/// Messages over connections have their length before them (RFC 1035 section 4.2.2).
async fn exchange(stream: &mut TcpStream, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let length = u16::try_from(question.len()).map_err(std::io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let length = stream.read_u16().await?;
    let mut answer = Vec::new();
    stream.take(length.into()).read_to_end(&mut answer).await?;
    if answer.len() < length.into() { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
}

impl Question {
    fn of(dns: &Dns) -> Result<Self, Fault> {
        let name = Name::parse(&dns.query)
            .ok_or_else(|| Fault::own(format!("the query {} is no name of the DNS", dns.query)))?;
        let [high, low, ..] = random().to_ne_bytes();
        let id = u16::from_be_bytes([high, low]);
        let kind = record::number(dns.query_type);
        Ok(Self { id, bytes: message::question(id, &name, kind), name, kind })
    }

    /// The message, if it answers this question.
    fn answer(&self, bytes: &[u8]) -> Option<Message> {
        let message = Message::read(bytes)?;
        let is_ours = match &message.question {
            Some((name, kind, class)) => {
                *name == self.name && *kind == self.kind && *class == message::CLASS_INTERNET
            }
            // A server that understood nothing has nothing to repeat.
            None => message.rcode != 0,
        };
        (message.is_response && message.id == self.id && is_ours).then_some(message)
    }
}
