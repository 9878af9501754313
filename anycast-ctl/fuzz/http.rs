//! Answers to an HTTP check, and to a question for the load.

use anycast_ctl::{
    health::{
        probe::{Context, Finding, fetch_agent, fetch_load},
        spec::{Http, Probe},
    },
    model::Payload,
};

use crate::{
    peer::run,
    probe::{TIMEOUT, ask, listen, say},
    text::is_one_line,
};

/// What the body is to hold.
const EXPECTED: &str = "ready";

pub fn check(input: &[u8]) {
    let Some((&choice, said)) = input.split_first() else { return };
    run(async {
        match choice % 4 {
            0 => {
                let http = Http {
                    method: "GET".to_owned(),
                    path: "/healthz".to_owned(),
                    host: None,
                    status: "200-299".parse().unwrap(),
                    body: Some(EXPECTED.to_owned()),
                    drain_header: Some("x-drain".to_owned()),
                    tls: None,
                };
                ask(&Probe::Http(http), said).await;
            }
            1 => {
                let expect = Some(EXPECTED.parse::<Payload>().unwrap());
                let outcome = ask(&Probe::Tcp { send: None, expect }, said).await;
                let holds = said.windows(EXPECTED.len()).any(|part| part == EXPECTED.as_bytes());
                assert_eq!(outcome.finding == Finding::Passed, holds, "{}", outcome.detail);
            }
            2 => {
                let load = fetched(said, async |target, context| {
                    fetch_load(target, "/load", TIMEOUT, context).await
                });
                if let Ok(load) = load.await {
                    assert!(load.is_finite() && load >= 0.0, "a load of {load}");
                }
            }
            _ => {
                let line = fetched(said, async |target, context| fetch_agent(target, TIMEOUT, context).await);
                if let Ok(line) = line.await {
                    assert!(!line.contains(['\r', '\n']) && line.len() <= 3 * 1_024, "{line:?}");
                }
            }
        }
    });
}

async fn fetched<T>(
    said: &[u8],
    fetch: impl AsyncFnOnce(&anycast_ctl::health::probe::Target, &Context) -> Result<T, String>,
) -> Result<T, String> {
    let (listener, target) = listen().await;
    let context = Context::supervised_by("/nonexistent");
    let fetched = tokio::select! {
        fetched = fetch(&target, &context) => fetched,
        () = say(&listener, said) => panic!("the listener ended"),
    };
    if let Err(error) = &fetched {
        is_one_line(error);
    }
    fetched
}
