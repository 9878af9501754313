//! Site files: what is read is written so that it reads the same again, and what is refused is located.

use anycast_ctl::{
    config::{self, ConfigError},
    model::Site,
};

use crate::text::is_one_line;

pub fn check(input: &[u8]) {
    // The first byte is a line's end in files; anything else asks for a setting as commands take it.
    let Ok(text) = str::from_utf8(input) else { return };
    match config::parse(text, "site.toml") {
        Ok(site) => kept(&site),
        Err(ConfigError::Invalid { faults, .. }) => {
            assert!(!faults.is_empty(), "a file is refused for nothing");
            let lines = text.split('\n').count();
            for fault in &faults {
                is_one_line(&fault.to_string());
                assert!((1..=lines).contains(&fault.line), "line {} of {lines}", fault.line);
                let line = text.split('\n').nth(fault.line - 1).unwrap();
                let columns = line.chars().count() + 1;
                assert!(
                    (1..=columns).contains(&fault.column),
                    "column {} of {columns}: {line:?}",
                    fault.column
                );
            }
        }
        Err(error) => panic!("a text is refused as a file: {error}"),
    }
    for line in text.lines() {
        if let Err(error) = config::pairs::check(line) {
            is_one_line(&error);
        }
    }
}

/// A site that keeps its rules is written as a file that says the same.
pub fn kept(site: &Site) {
    assert_eq!(site.problems().len(), 0, "{:?}", site.problems());
    let written = config::to_toml(site);
    match config::parse(&written, "written.toml") {
        Ok(again) => assert_eq!(again, *site, "{written}"),
        Err(error) => panic!("{error}\n{written}"),
    }
}
