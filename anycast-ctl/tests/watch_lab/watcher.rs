//! `anycast-ctl watch` in the background.

use std::{process::Stdio, thread, time::Instant};

use anycast_ctl::api::types::Told;
use xtask::lab::Process;

use crate::edge::{Edge, POLL, SOON};

pub struct Watcher {
    pub process: Process,
    name: String,
}

impl Watcher {
    /// Starts one, whose lines go to a file of that name.
    pub fn start(edge: &Edge, name: &str, words: &str) -> Self {
        let words: Vec<&str> = ["watch"].into_iter().chain(words.split_whitespace()).collect();
        let mut command = edge.host.command("anycast", &words);
        command.stdin(Stdio::null()).stdout(edge.create(name)).stderr(edge.create(&format!("{name}.err")));
        Self { process: edge.host.lab.spawn("edge", command).unwrap(), name: name.to_owned() }
    }

    pub fn text(&self, edge: &Edge) -> String {
        edge.read(&self.name)
    }

    /// What it said beside the events.
    pub fn notes(&self, edge: &Edge) -> String {
        edge.read(&format!("{}.err", self.name))
    }

    pub fn told(&self, edge: &Edge) -> Vec<Told> {
        let text = self.text(edge);
        // The last line may be on its way.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }

    /// The first event that is meant, once it is told.
    #[track_caller]
    pub fn wait_for(&self, edge: &Edge, what: &str, is_meant: impl Fn(&Told) -> bool) -> Told {
        let start = Instant::now();
        loop {
            let told = self.told(edge);
            if let Some(found) = told.iter().find(|told| is_meant(told)) {
                return found.clone();
            }
            let words: Vec<&str> = told.iter().map(|told| told.words.as_str()).collect();
            assert!(start.elapsed() < SOON, "waited in vain for this: {what}; told were {words:#?}");
            thread::sleep(POLL);
        }
    }
}
