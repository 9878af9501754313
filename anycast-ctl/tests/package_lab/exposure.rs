//! How much of the host the units leave open, by systemd's own measure, as docs/packages.md records it.

use std::process::Command;

use crate::source;

#[test]
fn the_units_are_no_more_exposed_than_the_docs_say() {
    let page = source().read("docs/packages.md").unwrap();
    for unit in ["anycast.service", "anycast-watchdog.service"] {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{unit}` |"))).unwrap();
        let recorded: f64 = row.split('|').nth(2).unwrap().trim().parse().unwrap();
        let output = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager"])
            .arg(source().path("dist").join(unit))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let level = text.lines().find(|line| line.contains("Overall exposure level")).unwrap();
        let words: Vec<&str> = level.split(':').nth(1).unwrap().split_whitespace().collect();
        let measured: f64 = words[0].parse().unwrap();
        assert!(measured <= recorded, "{unit}: {measured}, and docs/packages.md says {recorded}\n{text}");
    }
}
