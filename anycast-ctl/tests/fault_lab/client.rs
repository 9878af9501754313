//! A client of the daemon that asks for one thing after the other, and looks whether all is as it was told.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use xtask::lab::random::Random;

use crate::{
    host::SOON,
    http::{Answer, Connection},
    ledger::{Ledger, Outcome},
    mirror::Mirror,
    operation::{Body, Change, Operation},
};

const JSON: &str = "content-type: application/json\r\n";
const TOML: &str = "content-type: application/toml\r\n";
const PAUSE: Duration = Duration::from_millis(5);

/// What all clients share.
pub struct Round {
    pub socket: PathBuf,
    pub ledger: Ledger,
    pub operations: usize,
    /// How often the whole site was replaced. Who does it has the field for itself.
    pub sites: RwLock<u64>,
    /// Captures that began.
    pub captures: AtomicU64,
}

pub struct Client {
    number: usize,
    round: Arc<Round>,
    random: Random,
    connection: Option<Connection>,
}

impl Client {
    pub fn new(number: usize, round: Arc<Round>, seed: u64) -> Self {
        let random = Random::new(seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self { number, round, random, connection: None }
    }

    /// Until there were as many requests as there are to be; answers with what it believes its pool to be.
    pub fn run(mut self) -> Mirror {
        let round = Arc::clone(&self.round);
        let mut known: Option<(u64, Mirror)> = None;
        while round.ledger.requests() < round.operations {
            if self.number == 3 && self.random.below(60) == 0 {
                let mut sites = round.sites.write().unwrap();
                self.replace_site();
                *sites += 1;
                continue;
            }
            let sites = round.sites.read().unwrap();
            // What was answered is compared with what is there, now and then.
            let is_to_look = self.random.below(40) == 0;
            let (at, mirror) = match known.take() {
                Some((at, mirror)) if at == *sites => (at, mirror),
                _ => (*sites, self.look()),
            };
            if is_to_look {
                assert_eq!(self.look(), mirror, "client {}", self.number);
            }
            let operation = Operation::draw(&mut self.random, self.number, &mirror);
            known = self.carry_out(&operation).map(|change| {
                let mut mirror = mirror;
                mirror.apply(change);
                (at, mirror)
            });
            if self.random.below(150) == 0 && capture(&self.round.socket).is_ok_and(|began| began) {
                self.round.captures.fetch_add(1, Ordering::Relaxed);
            }
        }
        let sites = round.sites.read().unwrap();
        match known {
            Some((at, mirror)) if at == *sites => mirror,
            _ => self.look(),
        }
    }

    /// What has changed; `None` when nobody knows.
    fn carry_out<'a>(&mut self, operation: &'a Operation) -> Option<&'a Change> {
        let (answer, outcome) = self.ask(operation);
        let code = answer.as_ref().map_or(0, |answer| answer.code);
        self.round.ledger.note(operation.what.as_deref(), code, &outcome);
        match outcome {
            Outcome::Made(_) if operation.reveals => None,
            Outcome::Made(_) => Some(&operation.change),
            // It knows what there is: it asks for nothing that would be wrong.
            Outcome::Refused(code) => {
                if operation.what.is_some() || operation.method == "PUT" {
                    println!("client {}: {} {}: {answer:?}", self.number, operation.method, operation.path);
                }
                assert!(code >= 500 || code == 409 && operation.what.is_none(), "{operation:?}: {answer:?}");
                Some(&Change::Nothing)
            }
            Outcome::Lost => None,
        }
    }

    fn ask(&mut self, operation: &Operation) -> (Option<Answer>, Outcome) {
        let (headers, body) = match &operation.body {
            None => ("", String::new()),
            Some(Body::Json(body)) => (JSON, body.to_string()),
            Some(Body::Toml(body)) => (TOML, body.clone()),
        };
        let asked = self.connected().ask(operation.method, &operation.path, headers, &body);
        let Ok(answer) = asked else {
            self.connection = None;
            return (None, Outcome::Lost);
        };
        let outcome = match answer.code {
            200..300 => Outcome::Made(answer.revision),
            500.. if answer.body.contains("whether the change was stored is not known") => Outcome::Lost,
            code => Outcome::Refused(code),
        };
        (Some(answer), outcome)
    }

    /// Replaces all of the site: by another file, or by an earlier revision.
    fn replace_site(&mut self) {
        let text = self.read("/v1/site", "accept: application/toml\r\n");
        let operation = if self.random.below(2) == 0 {
            let name = format!("file-{}", self.random.below(1_000_000));
            let mut lines: Vec<&str> = text.body.lines().filter(|line| !line.starts_with("node =")).collect();
            let node = format!("node = \"{name}\"");
            lines.insert(0, &node);
            Operation {
                method: "PUT",
                path: format!("/v1/site?name={name}"),
                body: Some(Body::Toml(lines.join("\n"))),
                what: Some(format!("apply {name}")),
                change: Change::Everything,
                reveals: true,
            }
        } else {
            let revision = text.revision.saturating_sub(1 + self.random.below(30) as u64).max(1);
            Operation {
                method: "POST",
                path: "/v1/rollback".to_owned(),
                body: Some(Body::Json(serde_json::json!({ "revision": revision }))),
                what: Some(format!("rollback {revision}")),
                change: Change::Everything,
                reveals: true,
            }
        };
        let (answer, outcome) = self.ask(&operation);
        let code = answer.as_ref().map_or(0, |answer| answer.code);
        // Going back to what is there anyway makes no revision.
        let unchanged = answer.is_some_and(|answer| answer.body.contains("\"changed\":false"));
        let what = operation.what.as_deref().filter(|_| !unchanged);
        self.round.ledger.note(what, code, &outcome);
    }

    /// How its pool is.
    fn look(&mut self) -> Mirror {
        let number = self.number;
        let begun = Instant::now();
        let site = loop {
            // What is shown is as new as what is stored, also where nobody knew whether it was.
            let stored: Value = serde_json::from_str(&self.read("/v1/revisions?limit=1", "").body).unwrap();
            let site = self.read("/v1/site", "");
            if site.revision >= stored[0]["revision"].as_u64().unwrap() {
                break site.body;
            }
            assert!(begun.elapsed() < SOON, "revision {} is shown, {stored} is stored", site.revision);
            thread::sleep(PAUSE);
        };
        let site: Value = serde_json::from_str(&site).unwrap();
        let backends = self.read(&format!("/v1/pools/churn-{number}/backends"), "").body;
        let backends: Vec<Value> = serde_json::from_str(&backends).unwrap();
        let marked = backends.iter().filter(|backend| backend["detail"] == "marked down");
        Mirror::of(
            &site,
            &marked.map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
            number,
        )
    }

    /// Reads something, whatever it takes.
    fn read(&mut self, path: &str, headers: &str) -> Answer {
        let begun = Instant::now();
        loop {
            match self.connected().ask("GET", path, headers, "") {
                Ok(answer) if answer.code == 200 => return answer,
                Ok(answer) => assert!(answer.code >= 500, "{path}: {answer:?}"),
                Err(_) => self.connection = None,
            }
            assert!(begun.elapsed() < SOON, "{path} is never answered");
            thread::sleep(PAUSE);
        }
    }

    fn connected(&mut self) -> &mut Connection {
        if self.connection.is_none() {
            self.connection = Some(self.connect());
        }
        self.connection.as_mut().unwrap()
    }

    /// As soon as there is a daemon.
    fn connect(&self) -> Connection {
        let begun = Instant::now();
        loop {
            let connected: io::Result<Connection> = Connection::open(&self.round.socket);
            match connected {
                Ok(connection) => return connection,
                Err(error) => assert!(begun.elapsed() < SOON, "no daemon: {error}"),
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Begins a capture, and goes away once it has begun: whether it had.
pub fn capture(socket: &Path) -> io::Result<bool> {
    let body = r#"{"expression":"tcp","per_second":50}"#;
    let length = body.len();
    let request =
        format!("POST /v1/captures HTTP/1.1\r\nhost: a\r\n{JSON}content-length: {length}\r\n\r\n{body}");
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(request.as_bytes())?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(status.ends_with(b"200"))
}
