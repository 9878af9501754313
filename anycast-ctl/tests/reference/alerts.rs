//! Every alert leads to a section of docs/runbooks.md.

use std::fs;

use crate::{docs, page::anchor};

#[test]
fn every_alert_leads_to_a_runbook() {
    let alerts = fs::read_to_string(docs().join("../dist/prometheus/alerts.yml")).unwrap();
    let page = fs::read_to_string(docs().join("runbooks.md")).unwrap();
    let sections: Vec<String> =
        page.lines().filter_map(|line| line.strip_prefix("## ")).map(anchor).collect();
    let mut alerts = alerts.split("- alert: ").skip(1).peekable();
    assert!(alerts.peek().is_some());
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        let runbook = alert.lines().find(|line| line.trim().starts_with("runbook:")).unwrap_or_default();
        let (_, led) = runbook
            .split_once("docs/runbooks.md#")
            .unwrap_or_else(|| panic!("{name} does not lead to docs/runbooks.md#…: {runbook}"));
        let led = led.split(['\'', ' ', ';', ',']).next().unwrap_or_default();
        assert!(
            sections.iter().any(|section| section == led),
            "{name}: docs/runbooks.md has no section #{led}"
        );
    }
}
