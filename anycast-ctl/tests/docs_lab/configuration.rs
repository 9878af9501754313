//! Blocks of TOML are site files, or parts of one.

use std::process::Command;

use xtask::markdown::pages;

use crate::{Complaints, Kind, kind, marks};

/// What `anycast-ctl validate` has against it.
fn faults(text: &str) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("site.toml"), text).unwrap();
    let mut validate = Command::new(crate::machine::BINARY);
    let output = validate.args(["validate", "site.toml"]).current_dir(directory.path()).output().unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn every_configuration_is_valid() {
    let mut complaints = Complaints::default();
    let (mut count, mut parts) = (0, 0);
    for page in pages().unwrap() {
        for block in page.blocks().iter().filter(|block| kind(block) == Kind::Configuration) {
            let marks = match marks::read(&page, block) {
                Ok(marks) => marks,
                Err(error) => {
                    complaints.add(&page, block.line, error);
                    continue;
                }
            };
            // Example pages are shown whole, and are whole.
            let is_ours = marks.not_run.is_none_or(|why| why.starts_with("run by"));
            let is_whole = block.text.contains("interfaces = ");
            if !is_ours {
                continue;
            }
            count += 1;
            parts += i32::from(!is_whole);
            let text = if is_whole {
                block.text.clone()
            } else {
                format!("interfaces = [\"eth0\"]\n{}", block.text)
            };
            if let Some(faults) = faults(&text) {
                complaints.add(&page, block.line, format!("`anycast-ctl validate` refuses it:\n{faults}"));
            }
        }
    }
    println!("{count} configurations, {parts} of them parts of a site file");
    assert!(count > 5, "{count}");
    complaints.expect_none();
}

#[test]
fn wrong_configurations_are_found() {
    assert!(faults("interfaces = [\"eth0\"]").is_none());
    assert!(faults("interfaces = [\"eth0\"]\n[announce.brid]").is_some());
}
