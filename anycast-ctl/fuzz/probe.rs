//! Checks of a backend that answers with the input.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anycast_ctl::health::{
    probe::{Context, Finding, Outcome, Target, probe},
    spec::Probe,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::text::is_one_line;

/// Far more than anything takes that answers at once.
pub const TIMEOUT: Duration = Duration::from_millis(200);

/// This host, at that port.
pub fn target(address: SocketAddr) -> Target {
    Target::new(address, "web-1")
}

/// A socket that checks can come to.
pub async fn listen() -> (TcpListener, Target) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let target = target(listener.local_addr().unwrap());
    (listener, target)
}

/// Says that to whoever comes, then nothing more, and waits until it is gone.
pub async fn say(listener: &TcpListener, said: &[u8]) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let _ = stream.write_all(said).await;
        let _ = stream.shutdown().await;
        let mut heard = [0; 1_024];
        while stream.read(&mut heard).await.is_ok_and(|bytes| bytes > 0) {}
    }
}

/// Asks once over TCP, and looks at the answer.
pub async fn ask(question: &Probe, said: &[u8]) -> Outcome {
    let (listener, target) = listen().await;
    let context = Context::supervised_by("/nonexistent");
    let outcome = tokio::select! {
        outcome = probe(question, false, &target, TIMEOUT, &context) => outcome,
        () = say(&listener, said) => panic!("the listener ended"),
    };
    judge(&outcome);
    outcome
}

/// What comes of a check is said in a line, and a backend that answers is judged.
pub fn judge(outcome: &Outcome) {
    is_one_line(&outcome.detail);
    assert_ne!(outcome.finding, Finding::Inconclusive, "{}", outcome.detail);
}
