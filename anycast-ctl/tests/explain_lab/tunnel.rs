//! Outer headers, shown as they would leave.

use std::net::SocketAddr;

use xtask::lab::Family;

use crate::{
    backend, explain_flow,
    harness::{idle, site_with, wait_for},
};

#[test]
fn outer_headers_are_shown() {
    for (mode, family, names) in [
        ("ipip", Family::V4, &["ethernet", "outer ipv4", "ipv4", "tcp"][..]),
        ("gue", Family::V6, &["ethernet", "outer ipv6", "outer udp", "ipv6", "tcp"]),
    ] {
        let mut lab = idle(2, 0);
        let tunnelled = site_with(&lab, |site| {
            for vip in &mut site.vips {
                vip.delivery = Some(mode.to_owned());
            }
        });
        lab.start_controller_on(&tunnelled, &[]).unwrap();
        wait_for("both backends are up", || lab.status().unwrap().all_up());
        let vip = lab.plan().vips.of(family);
        let from = SocketAddr::new(lab.plan().client.addresses.of(family), 20_000);
        let told = explain_flow(&lab, from, vip, &[]);
        let after = told.after.as_ref().unwrap();
        assert_eq!(after.layers.iter().map(|layer| layer.layer.as_str()).collect::<Vec<_>>(), names);
        assert!(!told.text.contains("wrong"), "{}", told.text);
        let number = if family == Family::V4 { "4" } else { "6" };
        assert_eq!(told.delivery.as_ref().unwrap().mode, format!("{mode}{number}"));
        let outer = after.layers[1].fields.iter().find(|field| field.field == "destination").unwrap();
        let host = lab.plan().servers().find(|host| host.name == backend(&told)).unwrap();
        assert_eq!(outer.value, host.addresses.of(family).to_string());
        assert!(told.changes.iter().any(|it| it.field.is_none() && it.layer.starts_with("outer")));
        assert_eq!(after.hex.len(), 2 * after.length);
    }
}
