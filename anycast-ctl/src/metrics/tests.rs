use std::{collections::BTreeSet, fmt};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, prometheus_text, text},
    registry::Registry,
};

use super::{Family, Kind, families, sheet::Sheet};

const PACKETS: Family = Family::counter("anycast_test_packets_total", &["vip", "reason"], "Packets");
const BYTES: Family = Family::counter("anycast_test_bytes_total", &[], "Bytes");
const AGE: Family = Family::gauge("anycast_test_age_seconds", &[], "Age");

/// Five series, where three may be.
#[derive(Debug)]
struct TooMany;

impl Collector for TooMany {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut sheet = Sheet::new(encoder, 3);
        let vips = ["a", "b\"\\\n", "c", "d", "e"];
        sheet.rows(&PACKETS, vips.iter().zip(1_u64..).map(|(vip, packets)| ([*vip, "icmp"], packets)))?;
        sheet.one(&BYTES, u64::MAX)?;
        sheet.one(&AGE, 1.5)?;
        sheet.end()
    }
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(TooMany));
    registry
}

#[test]
fn what_is_too_much_is_left_out_and_counted() {
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry()).unwrap();
    let expected = "\
# HELP anycast_test_packets_total Packets
# TYPE anycast_test_packets_total counter
anycast_test_packets_total{vip=\"a\",reason=\"icmp\"} 1
anycast_test_packets_total{vip=\"b\\\"\\\\\\n\",reason=\"icmp\"} 2
anycast_test_packets_total{vip=\"c\",reason=\"icmp\"} 3
# HELP anycast_test_bytes_total Bytes
# TYPE anycast_test_bytes_total counter
anycast_test_bytes_total 18446744073709551615
# HELP anycast_test_age_seconds Age
# TYPE anycast_test_age_seconds gauge
anycast_test_age_seconds 1.5
# HELP anycast_scrape_left_out_series Series beyond the most that a family may have, which are not in this scrape. Absent for \
families of which all are
# TYPE anycast_scrape_left_out_series gauge
anycast_scrape_left_out_series{family=\"anycast_test_packets_total\"} 2
";
    assert_eq!(text, expected);
}

#[test]
fn units_are_told() {
    let mut open = String::new();
    text::encode(&mut open, &registry()).unwrap();
    assert!(open.contains("# TYPE anycast_test_bytes counter\n# UNIT anycast_test_bytes bytes\n"), "{open}");
    assert!(
        open.contains("# UNIT anycast_test_age_seconds seconds\nanycast_test_age_seconds 1.5\n"),
        "{open}"
    );
    assert!(open.ends_with("# EOF\n"), "{open}");
}

#[test]
fn names_are_as_prometheus_wants_them() {
    let names: Vec<&str> = families().map(|family| family.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a name is used twice");
    for Family { name, kind, labels, help } in families() {
        assert!(name.starts_with("anycast_") || name.starts_with("process_"), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        assert!(!name.contains("_ms") && !name.contains("milli") && !name.contains("_us_"), "{name}");
        assert!(!help.is_empty() && !help.ends_with('.') && !help.contains('\n'), "{name}: {help}");
        assert!(
            labels.iter().all(|label| !matches!(*label, "le" | "quantile" | "job" | "instance")),
            "{name}"
        );
    }
}

#[test]
fn the_page_lists_every_alert() {
    let page = include_str!("../../../docs/metrics.md");
    let alerts = include_str!("../../../dist/prometheus/alerts.yml");
    let listed: Vec<&str> = page
        .lines()
        .skip_while(|line| !line.starts_with("## Alerts"))
        .take_while(|line| !line.starts_with("## Dashboard"))
        .filter(|line| line.starts_with("| "))
        .flat_map(|line| line.split('`').filter(|word| word.starts_with("Anycast")))
        .collect();
    let there: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(listed, there);
}
