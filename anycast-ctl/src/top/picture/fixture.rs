//! Sites of any size for tests, with counters that follow from one number.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Picture, Sample};

/// Each VIP has a pool of its own with so many backends. VIP n counted n times so many packets, of a hundred bytes each,
/// every tenth of which opened a flow; vip-1 dropped as many as it delivered. In a pool of several the second backend drains.
pub fn sample(vips: usize, backends: usize, packets: u64) -> Sample {
    let health = json!({
        "summary": "all is well", "alarm": false, "checker": {"backends": 1, "under_way": 0, "late_ms": 0},
        "pools": (1..=vips).map(|n| checks(n, backends)).collect::<Vec<_>>(),
    });
    let announcements = json!({
        "summary": "announced", "alarm": false, "daemon": {
            "driver": "bird", "connected": true, "since_seconds": 60, "attempts": 0, "peers": [],
            "lease_seconds": 0, "watched": false,
        }, "vips": (1..=vips).map(route).collect::<Vec<_>>(),
    });
    Sample {
        status: serde_json::from_value(status(vips, backends, packets)).unwrap(),
        health: serde_json::from_value(health).unwrap(),
        announcements: serde_json::from_value(announcements).unwrap(),
    }
}

/// A picture with rates: so many packets came in a second.
pub fn picture(vips: usize, backends: usize, packets: u64) -> Picture {
    let first = Picture::next(None, sample(vips, backends, 1_000), Duration::from_secs(10));
    Picture::next(Some(&first), sample(vips, backends, 1_000 + packets), Duration::from_secs(11))
}

fn status(vips: usize, backends: usize, packets: u64) -> Value {
    json!({
        "version": "0.1.0", "pid": 7, "uptime_seconds": 100, "multi_buffer": true,
        "desired": {"revision": 1, "applied": 1, "settled": true},
        "interfaces": [{"name": "eth0", "index": 2, "mode": "native", "present": true}],
        "vips": (1..=vips).map(|n| vip(n, backends, packets)).collect::<Vec<_>>(),
        "pools": (1..=vips).map(|n| pool(n, backends, packets)).collect::<Vec<_>>(),
        "maps": {
            "pins": {"used": 10, "capacity": 1000},
            "embryonic": {"used": 0, "capacity": 1000},
            "slots": {"used": 500, "capacity": 1000},
        },
        "reasons": [reason(1, "not_vip", "pass", packets), reason(2, "no_service", "drop", packets)],
    })
}

fn vip(number: usize, backends: usize, packets: u64) -> Value {
    let reasons = if number == 1 { vec![reason(2, "no_service", "drop", packets)] } else { Vec::new() };
    let part = |at: usize| {
        json!({
            "name": format!("backend-{at}"), "address": address(number, at),
            "traffic": traffic(number, packets / backends as u64),
        })
    };
    json!({
        "name": format!("vip-{number}"), "address": format!("192.0.{}.{}", number / 250, number % 250),
        "services": ["tcp/80"], "pool": format!("pool-{number}"), "on_unknown_port": "pass", "echo": true,
        "traffic": traffic(number, packets), "reasons": reasons, "details": [],
        "backends": (1..=backends).map(part).collect::<Vec<_>>(),
    })
}

fn pool(number: usize, backends: usize, packets: u64) -> Value {
    let is_draining = |at: usize| at == 2;
    let backend = |at: usize| {
        json!({
            "name": format!("backend-{at}"), "address": address(number, at), "weight": 1, "delivery": "l2",
            "state": if is_draining(at) { "draining" } else { "up" }, "next_hop": null,
            "slots": if is_draining(at) { 0 } else { 600 }, "slots_wanted": 600, "pins": 5,
            "drain": is_draining(at).then(|| json!({"remaining_seconds": 60, "flows": 3, "slots": 100})),
            "traffic": traffic(number, packets / backends as u64),
        })
    };
    let owners = json!([{"name": "backend-2", "address": address(number, 2), "slots": 100}]);
    let transition = if backends > 1 {
        json!({"slots": 100, "since_seconds": 12, "base_owners": owners})
    } else {
        json!({"slots": 0, "base_owners": []})
    };
    json!({
        "name": format!("pool-{number}"), "slots": 1200, "delivery": "l2", "udp": "stateless",
        "on_down": "reset", "on_empty": "drop", "idle_timeout_seconds": 300, "transition": transition,
        "backends": (1..=backends).map(backend).collect::<Vec<_>>(),
    })
}

fn checks(number: usize, backends: usize) -> Value {
    let backend = |at: usize| {
        json!({
            "name": format!("backend-{at}"), "address": address(number, at), "check": "http /health",
            "verdict": "up", "held_seconds": 90, "in_service": true, "passed": 3, "failed": 0, "asks_drain": false,
            "share_per_mille": 1000, "strip": "▁x▂▃", "results": [
                {"ago_ms": 300, "finding": "passed", "latency_us": 420, "detail": "200 OK"},
            ],
        })
    };
    json!({
        "name": format!("pool-{number}"), "healthy": backends, "active": backends, "needed": 1, "enough": true,
        "backends": (1..=backends).map(backend).collect::<Vec<_>>(),
    })
}

fn route(number: usize) -> Value {
    json!({
        "name": format!("vip-{number}"), "address": "192.0.2.1", "prefix": "192.0.2.1/32",
        "phase": if number == 2 { "shutting-down" } else { "announced" }, "since_seconds": 70,
        "why": "enough backends are healthy", "policy": "auto", "healthy": 1, "active": 1, "needed": 1,
    })
}

fn address(number: usize, at: usize) -> String {
    format!("10.{}.{}.{at}", number / 250, number % 250)
}

fn traffic(number: usize, packets: u64) -> Value {
    let packets = packets * number as u64;
    json!({"packets": packets, "bytes": packets * 100, "new_flows": packets / 10})
}

fn reason(code: u32, reason: &str, verdict: &str, packets: u64) -> Value {
    json!({"code": code, "reason": reason, "verdict": verdict, "packets": packets})
}
