//! Answers to a DNS check, over a connection: datagrams say the same, but have no end. The input's first byte chooses what is asked; the identification is put right.

use anycast_ctl::{
    health::{
        probe::{Context, Finding, probe},
        spec::{Dns, Probe},
    },
    model::{DnsTransport, QueryType, Rcode},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{
    peer::run,
    probe::{TIMEOUT, judge, listen},
};

/// What is asked for, and what is expected.
const QUESTIONS: [(QueryType, Option<&str>); 8] = [
    (QueryType::A, Some("192.0.2.1")),
    (QueryType::Aaaa, Some("2001:db8::1")),
    (QueryType::Txt, Some("hello world")),
    (QueryType::Mx, Some("10 mail.example.com")),
    (QueryType::Soa, None),
    (QueryType::Ns, Some("ns.example.com")),
    (QueryType::Cname, None),
    (QueryType::Srv, None),
];

pub fn check(input: &[u8]) {
    let Some((&choice, answer)) = input.split_first() else { return };
    let (query_type, expected) = QUESTIONS[usize::from(choice) % QUESTIONS.len()];
    let question = Probe::Dns(Dns {
        query: "www.example.com".to_owned(),
        query_type,
        transport: DnsTransport::Tcp,
        rcode: Rcode::NoError,
        answer: expected.map(str::to_owned),
    });
    run(async {
        let (listener, target) = listen().await;
        let context = Context::supervised_by("/nonexistent");
        let outcome = tokio::select! {
            outcome = probe(&question, false, &target, TIMEOUT, &context) => outcome,
            () = serve(&listener, answer) => panic!("the listener ended"),
        };
        judge(&outcome);
        // Nothing is taken for what is expected that does not hold it.
        let holds = expected != Some("192.0.2.1") || input.windows(4).any(|four| four == [192, 0, 2, 1]);
        assert!(outcome.finding != Finding::Passed || holds, "{}", outcome.detail);
    });
}

/// Answers whoever comes.
async fn serve(listener: &TcpListener, answer: &[u8]) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = answer_one(stream, answer).await;
    }
}

/// Over a connection, on which messages have their length before them, and which has an end.
async fn answer_one(mut stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    let _length = stream.read_u16().await?;
    let id = [stream.read_u8().await?, stream.read_u8().await?];
    let mut message = [&[0; 2], answer].concat();
    message[..2].copy_from_slice(&((answer.len() as u16).to_be_bytes()));
    for (place, byte) in message.iter_mut().skip(2).zip(id) {
        *place = byte;
    }
    stream.write_all(&message).await?;
    stream.shutdown().await?;
    let mut heard = [0; 1_024];
    while stream.read(&mut heard).await? > 0 {}
    Ok(())
}
