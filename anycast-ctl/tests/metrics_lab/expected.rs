//! What metrics have to say, by what the command line says as JSON.

use std::collections::BTreeMap;

use anycast_ctl::api::types::{AnnounceStatus, HealthStatus, Status, Traffic};
use xtask::lab::Lab;

use crate::harness::{Series, told};

/// Reasons of packets that come to the edge without anybody's doing.
const RESTLESS: [&str; 2] = ["not_ip", "not_vip"];

/// Families of which every series is expected here.
pub const COMPLETE: [&str; 25] = [
    "anycast_vip_info",
    "anycast_vip_packets_total",
    "anycast_vip_bytes_total",
    "anycast_vip_new_flows_total",
    "anycast_vip_backend_packets_total",
    "anycast_vip_backend_bytes_total",
    "anycast_vip_backend_new_flows_total",
    "anycast_vip_undelivered_packets_total",
    "anycast_vip_detail_packets_total",
    "anycast_backend_packets_total",
    "anycast_backend_bytes_total",
    "anycast_backend_slots",
    "anycast_backend_up",
    "anycast_backend_state",
    "anycast_backend_drained",
    "anycast_backend_verdict",
    "anycast_pool_slots",
    "anycast_pool_transition_slots",
    "anycast_pool_backends",
    "anycast_pool_healthy_backends",
    "anycast_pool_enough",
    "anycast_vip_announced",
    "anycast_vip_announcement",
    "anycast_interface_attached",
    "anycast_map_capacity_entries",
];

#[derive(Default)]
struct Sheet(BTreeMap<Series, f64>);

impl Sheet {
    fn add(&mut self, name: &str, labels: &[(&str, &str)], value: impl TryInto<u32>) {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let value = value.try_into().ok().unwrap();
        assert!(self.0.insert((name.to_owned(), labels), f64::from(value)).is_none(), "{name} twice");
    }

    fn traffic(&mut self, prefix: &str, labels: &[(&str, &str)], traffic: Traffic) {
        self.add(&format!("{prefix}_packets_total"), labels, traffic.packets);
        self.add(&format!("{prefix}_bytes_total"), labels, traffic.bytes);
        self.add(&format!("{prefix}_new_flows_total"), labels, traffic.new_flows);
    }
}

/// All that does not change by itself.
pub fn expected(lab: &Lab) -> BTreeMap<Series, f64> {
    let mut sheet = Sheet::default();
    steering(&mut sheet, &told(lab, &["status"]));
    health(&mut sheet, &told(lab, &["health"]));
    announcements(&mut sheet, &told(lab, &["announce", "list"]));
    sheet.0
}

fn steering(sheet: &mut Sheet, status: &Status) {
    for vip in &status.vips {
        let label = ("vip", &*vip.name);
        sheet.add(
            "anycast_vip_info",
            &[label, ("address", &vip.address.to_string()), ("pool", &vip.pool)],
            1,
        );
        sheet.traffic("anycast_vip", &[label], vip.traffic);
        for it in &vip.backends {
            let address = it.address.to_string();
            let labels = [label, ("pool", &*vip.pool), ("backend", &it.name), ("address", &address)];
            sheet.traffic("anycast_vip_backend", &labels, it.traffic);
        }
        for it in &vip.reasons {
            let labels = [label, ("reason", &*it.reason), ("verdict", &it.verdict)];
            sheet.add("anycast_vip_undelivered_packets_total", &labels, it.packets);
        }
        for it in &vip.details {
            sheet.add("anycast_vip_detail_packets_total", &[label, ("detail", &it.detail)], it.packets);
        }
    }
    for it in status.reasons.iter().filter(|it| !RESTLESS.contains(&&*it.reason)) {
        let labels = [("reason", &*it.reason), ("verdict", &it.verdict)];
        sheet.add("anycast_undelivered_packets_total", &labels, it.packets);
    }
    for pool in &status.pools {
        let label = ("pool", &*pool.name);
        sheet.add("anycast_pool_slots", &[label], pool.slots);
        sheet.add("anycast_pool_transition_slots", &[label], pool.transition.slots);
        for state in ["up", "draining", "disabled", "down", "waiting", "unresolved", "removed"] {
            let is = |word: serde_json::Value| word == state;
            let there = pool.backends.iter().filter(|it| is(serde_json::to_value(it.state).unwrap())).count();
            sheet.add("anycast_pool_backends", &[label, ("state", state)], there);
        }
        for it in &pool.backends {
            let (address, state) = (it.address.to_string(), serde_json::to_value(it.state).unwrap());
            let labels = [label, ("backend", &*it.name), ("address", &address)];
            sheet.add("anycast_backend_up", &labels, u32::from(state == "up"));
            let [pool, name, address] = labels;
            sheet.add("anycast_backend_state", &[pool, name, address, ("state", state.as_str().unwrap())], 1);
            sheet.add("anycast_backend_slots", &labels, it.slots);
            sheet.add("anycast_backend_wanted_slots", &labels, it.slots_wanted);
            sheet.add("anycast_backend_weight", &labels, it.weight);
            sheet.traffic("anycast_backend", &labels, it.traffic);
            if let Some(drain) = &it.drain {
                sheet.add("anycast_backend_drained", &labels, u32::from(drain.empty));
                sheet.add("anycast_backend_drain_slots", &labels, drain.slots);
            }
        }
    }
    for it in &status.interfaces {
        sheet.add("anycast_interface_attached", &[("interface", &it.name), ("mode", it.mode.label())], 1);
    }
    let maps = status.maps;
    let maps = [
        ("pins", maps.pins),
        ("embryonic", maps.embryonic),
        ("slots", maps.slots),
        ("traffic_counters", maps.traffic_counters),
        ("vips", maps.vips),
    ];
    for (name, map) in maps {
        sheet.add("anycast_map_capacity_entries", &[("map", name)], map.capacity);
        sheet.add("anycast_map_entries", &[("map", name)], map.used);
        assert!(map.capacity > 0, "{name}");
    }
    sheet.add("anycast_build_info", &[("version", &status.version)], 1);
    sheet.add("anycast_desired_revision", &[], status.desired.revision);
    sheet.add("anycast_applied_revision", &[], status.desired.applied);
    sheet.add("anycast_behind", &[], u32::from(status.desired.behind.is_some()));
    sheet.add("anycast_drift_repaired_total", &[], status.drift.repaired);
}

fn health(sheet: &mut Sheet, health: &HealthStatus) {
    sheet.add("anycast_health_alarm", &[], u32::from(health.alarm));
    sheet.add("anycast_checker_backends", &[], health.checker.backends);
    for pool in &health.pools {
        let label = ("pool", &*pool.name);
        sheet.add("anycast_pool_healthy_backends", &[label], pool.healthy);
        sheet.add("anycast_pool_active_backends", &[label], pool.active);
        sheet.add("anycast_pool_needed_backends", &[label], pool.needed);
        sheet.add("anycast_pool_enough", &[label], u32::from(pool.enough));
        sheet.add("anycast_pool_panic", &[label], u32::from(pool.panic.is_some()));
        for it in &pool.backends {
            let (address, verdict) = (it.address.to_string(), it.verdict.to_string());
            let labels = [label, ("backend", &*it.name), ("address", &address), ("verdict", &verdict)];
            sheet.add("anycast_backend_verdict", &labels, 1);
        }
    }
}

fn announcements(sheet: &mut Sheet, status: &AnnounceStatus) {
    sheet.add("anycast_announce_alarm", &[], u32::from(status.alarm));
    sheet.add("anycast_site_maintenance", &[], u32::from(status.maintenance.is_some()));
    let daemon = status.daemon.as_ref().unwrap();
    sheet.add("anycast_routing_daemon_connected", &[("driver", "kernel")], u32::from(daemon.connected));
    for vip in &status.vips {
        let (label, phase) = (("vip", &*vip.name), serde_json::to_value(vip.phase).unwrap());
        let phase = phase.as_str().unwrap();
        sheet.add("anycast_vip_announced", &[label], u32::from(phase != "withdrawn"));
        sheet.add("anycast_vip_announcement", &[label, ("phase", phase)], 1);
        sheet.add("anycast_vip_announcement_transitions_total", &[label], vip.transitions);
        sheet.add("anycast_vip_announcement_trouble", &[label], u32::from(vip.trouble.is_some()));
    }
}
