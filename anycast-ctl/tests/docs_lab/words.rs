//! The words of commands, read by the parsers that will read them.

use clap::error::ErrorKind;
use xtask::{
    host_tool,
    markdown::{Page, pages, shell::simple_commands},
};

use crate::{Complaints, Kind, kind};

/// Programs that the lab has not, and what they would need.
const ELSEWHERE: &[(&str, &str)] = &[
    ("apt", "installs packages"),
    ("apt-get", "installs packages"),
    ("birdc", "needs BIRD"),
    ("cargo", "builds"),
    ("docker", "needs containers"),
    ("dpkg", "installs packages"),
    ("exabgpcli", "needs ExaBGP"),
    ("git", "needs a repository's host"),
    ("gobgp", "needs GoBGP"),
    ("gobgpd", "needs GoBGP"),
    ("journalctl", "needs systemd"),
    ("rustup", "builds"),
    ("scp", "needs another host"),
    ("ssh", "needs another host"),
    ("systemctl", "needs systemd"),
    ("systemd-analyze", "needs systemd"),
    ("systemd-sysusers", "needs systemd"),
    ("systemd-tmpfiles", "needs systemd"),
    ("vtysh", "needs FRR"),
];

/// Why a command cannot be run in the lab.
pub fn elsewhere(text: &str) -> Option<&'static str> {
    let programs = simple_commands(text);
    let found = programs.iter().find_map(|words| ELSEWHERE.iter().find(|(name, _)| *name == words[0]));
    found.map(|(_, why)| *why)
}

/// Whether this is the name of a program, or what a shell takes for one.
pub fn is_program(word: &str) -> bool {
    let known = ["anycast-ctl", "source", "cd", "export"].contains(&word);
    known || ELSEWHERE.iter().any(|(name, _)| *name == word) || host_tool::find(word).is_some()
}

/// What the command line has against a command; `whole` is false where words may be missing.
pub fn complaint(words: &[String], whole: bool) -> Option<String> {
    let program = words.first()?.rsplit('/').next()?;
    if program != "anycast-ctl" {
        return None;
    }
    // Named by its output, or by a choice of words, in prose.
    if !whole && words.iter().any(|word| word.contains(['…', '|', '[', '<'])) {
        return None;
    }
    let error = anycast_ctl::cli::check(&words[1..]).err()?;
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let is_short = matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            | ErrorKind::TooFewValues
            | ErrorKind::WrongNumberOfValues
    );
    // Prose has words like NAME in the place of values.
    let is_named = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue)
        && words.iter().any(|word| word.chars().any(char::is_uppercase));
    let fine = is_help || !whole && (is_short || is_named);
    (!fine).then(|| error.render().to_string().lines().next().unwrap_or_default().to_owned())
}

/// Every `anycast-ctl …` within a line of text and in files of other programs: systemd's units, ExaBGP's configuration.
fn mentioned(page: &Page) -> Vec<(usize, Vec<String>)> {
    let spans = page.spans().into_iter().filter(|(_, text)| text.starts_with("anycast-ctl "));
    let blocks = page.blocks();
    let files = blocks.iter().filter(|block| kind(block) == Kind::Reading && !block.language.is_empty());
    let lines = files.filter(|block| block.language != "text").flat_map(|block| {
        let lines = block.text.lines().enumerate();
        let called = lines
            .filter_map(|(index, line)| Some((block.line + index, line.split_once("bin/anycast-ctl ")?.1)));
        called.map(|(line, words)| (line, format!("anycast-ctl {}", words.trim_end_matches(';'))))
    });
    let texts = spans.chain(lines);
    texts
        .flat_map(|(line, text)| simple_commands(&text).into_iter().map(move |words| (line, words)))
        .collect()
}

#[test]
fn every_mention_is_understood() {
    let mut complaints = Complaints::default();
    let mut count = 0;
    for page in pages().unwrap() {
        for (line, words) in mentioned(&page) {
            count += 1;
            if let Some(complaint) = complaint(&words, false) {
                complaints.add(&page, line, format!("`{}`: {complaint}", words.join(" ")));
            }
        }
    }
    println!("{count} mentions of `anycast-ctl …` in text");
    assert!(count > 50, "{count}");
    complaints.expect_none();
}

#[test]
fn wrong_words_are_found() {
    let complaint = |text: &str, whole| complaint(&simple_commands(text)[0], whole);
    assert!(complaint("anycast-ctl backend drain web web-1", true).is_none());
    assert!(complaint("anycast-ctl backend drian web web-1", false).is_some());
    assert!(complaint("anycast-ctl status --fast", false).is_some());
    assert!(complaint("anycast-ctl backend add", true).is_some());
    assert!(complaint("anycast-ctl backend add", false).is_none());
    assert!(elsewhere("systemctl stop anycast && cp a b").is_some() && elsewhere("curl x").is_none());
}
