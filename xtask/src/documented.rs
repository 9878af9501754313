//! Every `cargo xtask …` of the documentation is one that there is.

use clap::{Parser as _, error::ErrorKind};
use xtask::markdown::{pages, shell::simple_commands};

use super::Arguments;

#[test]
fn every_task_of_the_documentation_is_understood() {
    let mut complaints = Vec::new();
    let mut count = 0;
    for page in pages().unwrap() {
        let blocks = page.blocks();
        let lines = blocks.iter().flat_map(|block| {
            let numbers = block.line..;
            numbers.zip(block.text.lines().map(str::to_owned))
        });
        for (line, text) in page.spans().into_iter().chain(lines) {
            for words in simple_commands(text.trim_start_matches("$ ")) {
                let Some(words) = words.strip_prefix(["cargo".to_owned(), "xtask".to_owned()].as_slice())
                else {
                    continue;
                };
                count += 1;
                let Err(error) = Arguments::try_parse_from(
                    std::iter::once("cargo xtask").chain(words.iter().map(String::as_str)),
                ) else {
                    continue;
                };
                // In prose, words may be missing.
                let fine = [ErrorKind::DisplayHelp, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand];
                let is_named = words.iter().any(|word| word.contains('…'));
                if !fine.contains(&error.kind()) && !is_named {
                    let error = error.render().to_string();
                    complaints.push(format!("{}:{line}: {}: {error}", page.path, words.join(" ")));
                }
            }
        }
    }
    println!("{count} times `cargo xtask …`");
    assert!(count > 20, "{count}");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
