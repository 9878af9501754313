//! `type = "dns"`

use std::net::SocketAddr;

use anycast_ctl::{
    health::spec::{Dns, Probe},
    model::{DnsTransport, QueryType, Rcode},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    harness::{LONG, SHORT, ask, fails, passes, run, says_nothing},
    server,
};

fn query() -> Dns {
    Dns {
        query: "www.example".into(),
        query_type: QueryType::A,
        transport: DnsTransport::Udp,
        rcode: Rcode::NoError,
        answer: None,
    }
}

fn wanting(address: &str) -> Probe {
    Probe::Dns(Dns { answer: Some(address.into()), ..query() })
}

/// The answer to a question: it with the response bit, and addresses that point back to its name.
fn answer(question: &[u8], rcode: u8, addresses: &[[u8; 4]]) -> Vec<u8> {
    let mut answer = question.to_vec();
    answer[2] |= 0x80;
    answer[3] = 0x80 | rcode;
    answer[7] = addresses.len().try_into().unwrap();
    for address in addresses {
        answer.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04");
        answer.extend_from_slice(address);
    }
    answer
}

fn good(question: &[u8]) -> Vec<u8> {
    answer(question, 0, &[[192, 0, 2, 7], [192, 0, 2, 8]])
}

/// The same over connections.
async fn by_tcp(answers: impl Fn(&[u8]) -> Vec<u8> + Copy + 'static) -> SocketAddr {
    server::serve(move |mut stream| async move {
        let length = stream.read_u16().await.unwrap();
        let mut question = vec![0; length.into()];
        stream.read_exact(&mut question).await.unwrap();
        let answer = answers(&question);
        stream.write_u16(answer.len().try_into().unwrap()).await.unwrap();
        let _ = stream.write_all(&answer).await;
    })
    .await
}

#[test]
fn answers_are_compared() {
    run(async {
        let server = server::datagrams(|question| vec![good(question)]).await;
        passes(&ask(&Probe::Dns(query()), server, LONG).await, "answers 192.0.2.7, 192.0.2.8");
        passes(&ask(&wanting("192.0.2.8"), server, LONG).await, "answers 192.0.2.7, 192.0.2.8");
        let outcome = ask(&wanting("192.0.2.1"), server, LONG).await;
        fails(&outcome, "answers 192.0.2.7, 192.0.2.8, expected 192.0.2.1");
        let empty = server::datagrams(|question| vec![answer(question, 0, &[])]).await;
        passes(&ask(&Probe::Dns(query()), empty, LONG).await, "rcode NOERROR");
        fails(&ask(&wanting("192.0.2.1"), empty, LONG).await, "no answers, expected 192.0.2.1");
    });
}

#[test]
fn response_codes_are_compared() {
    run(async {
        let failing = server::datagrams(|question| vec![answer(question, 2, &[])]).await;
        fails(&ask(&Probe::Dns(query()), failing, LONG).await, "rcode SERVFAIL, expected NOERROR");
        let refused = Probe::Dns(Dns { rcode: Rcode::Refused, ..query() });
        fails(&ask(&refused, failing, LONG).await, "rcode SERVFAIL, expected REFUSED");
        let strange = server::datagrams(|question| vec![answer(question, 9, &[])]).await;
        fails(&ask(&refused, strange, LONG).await, "rcode 9, expected REFUSED");
        // Who understood nothing repeats nothing.
        let bare =
            server::datagrams(|question| vec![[&question[..2], b"\x80\x05\0\0\0\0\0\0\0\0"].concat()]).await;
        passes(&ask(&refused, bare, LONG).await, "rcode REFUSED");
    });
}

#[test]
fn only_the_answer_counts() {
    run(async {
        let noisy = server::datagrams(|question| {
            let mut other_id = answer(question, 2, &[]);
            other_id[0] ^= 1;
            let mut other_name = answer(question, 2, &[]);
            other_name[13] = b'x';
            let mut other_type = answer(question, 2, &[]);
            other_type[28 - 2] = 28;
            vec![
                other_id,
                other_name,
                other_type,
                question.to_vec(),
                Vec::new(),
                vec![0xff; 700],
                good(question),
            ]
        })
        .await;
        passes(&ask(&wanting("192.0.2.7"), noisy, LONG).await, "answers 192.0.2.7, 192.0.2.8");
    });
}

#[test]
fn garbage_fails_in_time() {
    run(async {
        let silent = server::datagrams(|_| Vec::new()).await;
        fails(&ask(&Probe::Dns(query()), silent, SHORT).await, "no answer within 300ms");
        fails(&ask(&Probe::Dns(query()), server::nobody().await, LONG).await, "port unreachable");
        for garbage in [
            |_: &[u8]| vec![0xff; 600],
            // The name of the answer points to itself.
            |question: &[u8]| {
                let mut looping = answer(question, 0, &[[192, 0, 2, 7]]);
                looping[question.len() + 1] = u8::try_from(question.len()).unwrap();
                looping
            },
            // More answers than there are.
            |question: &[u8]| {
                let mut short = answer(question, 0, &[]);
                (short[6], short[7]) = (0xff, 0xff);
                short
            },
            |question: &[u8]| {
                let mut other_id = good(question);
                other_id[1] ^= 0x80;
                other_id
            },
        ] {
            let server = server::datagrams(move |question| vec![garbage(question)]).await;
            let outcome = ask(&Probe::Dns(query()), server, SHORT).await;
            fails(&outcome, "datagrams, but no answer to the question within 300ms");
        }
        let flood = server::datagrams(|_| vec![b"junk".to_vec(); 100_000]).await;
        let outcome = ask(&Probe::Dns(query()), flood, SHORT).await;
        assert!(
            [
                "1000 datagrams, none of them an answer to the question",
                "datagrams, but no answer to the question within 300ms"
            ]
            .contains(&outcome.detail.as_str()),
            "{outcome:?}"
        );
    });
}

#[test]
fn a_truncated_answer_is_told() {
    run(async {
        let truncated = server::datagrams(|question| {
            let mut answer = answer(question, 0, &[]);
            answer[2] |= 2;
            vec![answer]
        })
        .await;
        passes(&ask(&Probe::Dns(query()), truncated, LONG).await, "rcode NOERROR (truncated)");
        let outcome = ask(&wanting("192.0.2.7"), truncated, LONG).await;
        fails(&outcome, "no answers (truncated), expected 192.0.2.7");
    });
}

#[test]
fn connections_are_asked_as_well() {
    run(async {
        let tcp = |answer: Option<&str>| {
            Probe::Dns(Dns { transport: DnsTransport::Tcp, answer: answer.map(Into::into), ..query() })
        };
        let server = by_tcp(good).await;
        passes(&ask(&tcp(Some("192.0.2.7")), server, LONG).await, "answers 192.0.2.7, 192.0.2.8");
        fails(&ask(&tcp(None), server::nobody().await, LONG).await, "connect: connection refused");
        fails(&ask(&tcp(None), server::hanging().await, SHORT).await, "no answer within 300ms");
        fails(&ask(&tcp(None), server::resetting().await, LONG).await, "answer: connection reset by peer");
        fails(&ask(&tcp(None), server::answering(b"\0\x20").await, LONG).await, "answer: connection closed");
        let garbage = by_tcp(|_| vec![0xff; 65_535]).await;
        fails(&ask(&tcp(None), garbage, LONG).await, "the answer is not one to the question");
    });
}

#[test]
fn both_ways_must_pass() {
    run(async {
        let both = Probe::Dns(Dns { transport: DnsTransport::Both, ..query() });
        let udp_only = server::datagrams(|question| vec![good(question)]).await;
        fails(&ask(&both, udp_only, LONG).await, "tcp: connect: connection refused");
        let tcp_only = by_tcp(good).await;
        fails(&ask(&both, tcp_only, LONG).await, "udp: port unreachable");
    });
}

#[test]
fn a_name_that_is_none_says_nothing() {
    run(async {
        let bad = Probe::Dns(Dns { query: "a..b".into(), ..query() });
        says_nothing(&ask(&bad, server::nobody().await, LONG).await, "the query a..b is no name of the DNS");
    });
}
