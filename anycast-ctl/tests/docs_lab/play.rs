//! Every command of every page is typed, in order, on the hosts that the page speaks of.

use std::{
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use xtask::markdown::{
    Block, Page, pages,
    shell::{self, Typed, simple_commands},
};

use crate::{
    Complaints, Kind, kind,
    machine::Ended,
    manner::{goes_on, hurry, is_daemon, is_question, is_whole},
    marks::{self, Marks, State},
    shape::difference,
    stage::Stage,
    words,
};

/// How long a question is repeated until the answer is the one that is shown.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a command that goes on by itself is watched.
const GLANCE: Duration = Duration::from_millis(1500);

/// What became of commands.
#[derive(Clone, Copy, Default)]
struct Tally {
    run: usize,
    shown: usize,
    read: usize,
}

/// A page that is played, and where it has come to.
struct Play<'a> {
    page: &'a Page,
    stage: Option<Stage>,
    host: String,
    /// Whether a command has just ended the daemon.
    is_down: bool,
    tally: Tally,
    complaints: Complaints,
}

/// With `ANYCAST_DOCS_PAGE=quick-start`, only of pages with that in their path, and what commands print is shown.
fn only() -> Option<String> {
    std::env::var("ANYCAST_DOCS_PAGE").ok()
}

#[test]
fn every_command_runs() {
    let mut all = pages().unwrap();
    if let Some(only) = only() {
        all.retain(|page| page.path.contains(&only));
    }
    let pages = Mutex::new(all.iter());
    let played = Mutex::new((Tally::default(), Complaints::default()));
    let work = || {
        while let Some(page) = { pages.lock().unwrap().next() } {
            let begun = Instant::now();
            let Play { tally: Tally { run, shown, read }, complaints, .. } = Play::of(page);
            if run + read > 0 {
                let seconds = begun.elapsed().as_secs_f64();
                println!("{}: {run} commands run, {read} only read, {seconds:.1} s", page.path);
            }
            let (sum, all) = &mut *played.lock().unwrap();
            *sum = Tally { run: sum.run + run, shown: sum.shown + shown, read: sum.read + read };
            all.0.extend(complaints.0);
        }
    };
    // Each page has hosts of its own, which mostly wait.
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    let (Tally { run, shown, read }, complaints) = played.into_inner().unwrap();
    println!(
        "{run} commands run, {shown} of them compared with what is shown of their output; {read} only read"
    );
    complaints.expect_none();
    assert!(only().is_some() || run > 100, "only {run} commands were run");
}

impl<'a> Play<'a> {
    fn of(page: &'a Page) -> Self {
        let (tally, complaints) = (Tally::default(), Complaints::default());
        let mut play = Play { page, stage: None, host: "edge".to_owned(), is_down: false, tally, complaints };
        page.blocks().iter().for_each(|block| play.block(block));
        play
    }

    fn block(&mut self, block: &Block) {
        if kind(block) != Kind::Commands {
            if block.text.starts_with("$ ") {
                self.complaints.add(
                    self.page,
                    block.line,
                    "a block with `$ ` in front of commands is ```console",
                );
            }
            return;
        }
        let marks = match marks::read(self.page, block) {
            Ok(marks) => marks,
            Err(error) => return self.complaints.add(self.page, block.line, error),
        };
        // The page says how steering ends, and goes on with a host that steers.
        if std::mem::take(&mut self.is_down) {
            self.stage = None;
        }
        if let Some(state) = marks.state {
            self.stage = Some(Stage::new(state));
        }
        if let Some(host) = &marks.host {
            self.host.clone_from(host);
        }
        let is_script = block.text.starts_with("#!");
        let typed = shell::commands(&block.text, block.indented, is_whole);
        if typed.is_empty() {
            self.complaints.add(self.page, block.line, "there is no command in this block: comments begin with `#`, commands of a dialogue with `$ `");
        }
        let is_meant = |words: &&String| typed.iter().any(|typed| typed.text.contains(words.as_str()));
        if let Some(words) = marks.fails.iter().find(|words| !is_meant(words)) {
            self.complaints.add(
                self.page,
                block.line,
                format!("`fails: {words}`: no command of the block has these words"),
            );
        }
        for typed in typed {
            let line = block.line + typed.line;
            for words in simple_commands(&typed.text) {
                if let Some(complaint) = words::complaint(&words, true) {
                    self.complaints.add(self.page, line, format!("`{}`: {complaint}", typed.text));
                }
            }
            if is_script || marks.not_run.is_some() || words::elsewhere(&typed.text).is_some() {
                self.tally.read += 1;
            } else {
                self.tally.run += 1;
                if let Err(complaint) = self.run(&typed, &marks) {
                    self.complaints.add(self.page, line, complaint);
                }
            }
        }
    }

    fn run(&mut self, typed: &Typed, marks: &Marks) -> Result<(), String> {
        let stage = self.stage.get_or_insert_with(|| Stage::new(State::Running));
        if !stage.has(&self.host) {
            return Err(format!("`on {}`: the lab has no such host", self.host));
        }
        let text = hurry(&typed.text);
        if is_daemon(&text) {
            return stage
                .run_daemon(&text)
                .map_err(|output| format!("`{text}` does not steer:{}", end_of(&output)));
        }
        let began = Instant::now();
        let ended =
            if goes_on(&text) { glance(stage, &self.host, &text) } else { stage.on(&self.host).run(&text) };
        let Ended { status, output } = ended;
        if only().is_some() {
            println!("{} on {}, after {:?}\n$ {text}\n{output}", self.page.path, self.host, began.elapsed());
        }
        let Some(status) = status else { return Err(format!("`{text}` does not end:{}", end_of(&output))) };
        let fails = marks.fails.iter().any(|words| text.contains(words.as_str()));
        if status.success() == fails {
            let wanted = if fails { "an error" } else { "success" };
            return Err(format!("`{text}` ended with {status} instead of {wanted}:{}", end_of(&output)));
        }
        self.is_down |= text.starts_with("anycast-ctl down");
        let Some(shown) = &typed.output else { return Ok(()) };
        self.tally.shown += 1;
        let (mut output, begun) = (output, Instant::now());
        while let Some(found) = difference(shown, &output) {
            // What is asked for may take a moment: a reader looks again.
            if !is_question(&text) || begun.elapsed() > PATIENCE {
                return Err(format!("`{text}` prints something else:\n      {found}"));
            }
            thread::sleep(Duration::from_millis(100));
            output = stage.on(&self.host).run(&text).output;
        }
        Ok(())
    }
}

/// The last lines of an output.
fn end_of(output: &str) -> String {
    let lines: Vec<&str> = output.trim_end().lines().collect();
    lines[lines.len().saturating_sub(6)..].iter().map(|line| format!("\n      {line}")).collect()
}

/// Looks at such a command for a moment, and ends it as a reader would.
fn glance(stage: &Stage, host: &str, text: &str) -> Ended {
    use std::os::unix::process::ExitStatusExt as _;

    let mut running = stage.on(host).start(text);
    let begun = Instant::now();
    while begun.elapsed() < GLANCE && running.ended().is_none() {
        thread::sleep(Duration::from_millis(20));
    }
    let early = running.ended();
    let status = early.unwrap_or_else(|| running.interrupt());
    // Ctrl-C may be how it is meant to end; what others make of it at the end of a pipe is theirs.
    let is_others = simple_commands(text).last().is_some_and(|words| words[0] != "anycast-ctl");
    let is_interrupted = status.signal() == Some(libc::SIGINT) || status.code() == Some(128 + libc::SIGINT);
    let by_hand = early.is_none() && (is_interrupted || is_others);
    let status = if by_hand { std::process::ExitStatus::from_raw(0) } else { status };
    Ended { status: Some(status), output: running.output() }
}
