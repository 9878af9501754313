//! Routes that GoBGP has been given and does not tell.

use anycast_ctl::{announce::driver::Level, model::Shutdown};

use crate::harness::{Lab, V4, V6, both, wanted};

/// A policy that meets the VIP of IPv4, and what it does.
fn policy(direction: &str, action: &str) -> String {
    format!(
        r#"
[[defined-sets.prefix-sets]]
prefix-set-name = "vips"
[[defined-sets.prefix-sets.prefix-list]]
ip-prefix = "{}"

[[policy-definitions]]
name = "meets-vips"
[[policy-definitions.statements]]
[policy-definitions.statements.conditions.match-prefix-set]
prefix-set = "vips"
[policy-definitions.statements.actions]
{action}

[global.apply-policy.config]
{direction}-policy-list = ["meets-vips"]
default-{direction}-policy = "accept-route"
"#,
        V4.1
    )
}

#[test]
fn an_export_policy_that_rejects_shows() {
    let lab = Lab::with(&policy("export", r#"route-disposition = "reject-route""#));
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::Announced));
    lab.await_route(V6.1, true);
    let seen = gobgp.look(&both(Level::Announced));
    let route = &seen.routes[V4.0];
    assert_eq!((route.level, route.exported_to.as_deref()), (Level::Announced, Some(&[][..])));
    let trouble = route.trouble.clone().unwrap();
    assert!(trouble.contains("export policies keep it from `10.9.0.2`"), "{trouble}");
    assert_eq!(seen.routes[V6.0].trouble, None);
    assert!(!lab.router.has(V4.1));
}

#[test]
fn an_import_policy_that_rejects_fails_the_route_and_no_other() {
    let lab = Lab::with(&policy("import", r#"route-disposition = "reject-route""#));
    let mut gobgp = lab.connect(Shutdown::default());
    let failures = gobgp.try_bring(&both(Level::Announced)).unwrap();
    assert_eq!(failures.keys().collect::<Vec<_>>(), [V4.0]);
    assert!(failures[V4.0].contains("import policy"), "{failures:?}");
    lab.await_route(V6.1, true);
    // Nor is it forgotten.
    assert_eq!(gobgp.try_bring(&both(Level::Announced)).unwrap(), failures);
    gobgp.bring(&both(Level::Withdrawn));
}

#[test]
fn an_import_policy_that_adds_to_a_route_is_no_trouble() {
    let adds = "[policy-definitions.statements.actions.bgp-actions.set-community]\noptions = \"add\"\n\
                [policy-definitions.statements.actions.bgp-actions.set-community.set-community-method]\n\
                communities-list = [\"65001:7\"]";
    let lab = Lab::with(&policy("import", &format!("route-disposition = \"accept-route\"\n{adds}")));
    let mut gobgp = lab.connect(Shutdown::default());
    for level in [Level::Announced, Level::ShuttingDown] {
        gobgp.bring(&both(level));
        lab.wait("the router has it", || lab.router.route(V4.1).contains("(65001,7)"));
        let route = &gobgp.look(&both(level)).routes[V4.0];
        assert_eq!((route.level, route.trouble.as_deref()), (level, None));
    }
}

#[test]
fn a_session_that_is_disabled_shows() {
    let lab = Lab::new();
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::Announced));
    for peer in ["10.9.0.2", "fd09::2"] {
        lab.gobgp(&format!("neighbor {peer} disable"));
    }
    lab.await_route(V4.1, false);
    let seen = gobgp.look(&both(Level::Announced));
    let peer = &seen.peers[0];
    assert!(!peer.established && peer.error.as_deref().unwrap().contains("disabled"), "{peer:?}");
    let trouble = seen.routes[V4.0].trouble.clone().unwrap();
    assert!(trouble.contains("no session that is established"), "{trouble}");
    assert_eq!(seen.routes[V4.0].exported_to, Some(Vec::new()));
}

/// Has the router tell the VIP of IPv4 itself.
fn tell_the_vip(lab: &Lab) {
    let told = "protocol static { ipv4; route 192.0.2.1/32 blackhole; }\n";
    lab.router.also(told, "export none;", "export where source = RTS_STATIC;");
    lab.wait("gobgpd heard the neighbour's path", || lab.gobgp("global rib").contains(V4.1));
}

#[test]
fn a_path_of_a_neighbour_to_the_same_prefix_is_not_taken_for_this_daemons() {
    let lab = Lab::new();
    tell_the_vip(&lab);
    let vip = |level| wanted(&[(V4.0, V4.1, level)]);
    let mut gobgp = lab.connect(Shutdown::default());
    assert!(gobgp.look(&vip(Level::Announced)).routes.is_empty());
    gobgp.bring(&vip(Level::Announced));
    assert_eq!(gobgp.look(&vip(Level::Announced)).routes[V4.0].trouble, None);
    gobgp.bring(&vip(Level::Withdrawn));
    assert!(gobgp.look(&vip(Level::Withdrawn)).routes.is_empty());
    assert!(lab.gobgp("global rib").contains(V4.1));
}

#[test]
fn a_path_of_a_neighbour_that_gobgp_prefers_shows() {
    let lab = Lab::with(
        r#"
[[defined-sets.neighbor-sets]]
neighbor-set-name = "router"
neighbor-info-list = ["10.9.0.2"]

[[policy-definitions]]
name = "prefer-router"
[[policy-definitions.statements]]
[policy-definitions.statements.conditions.match-neighbor-set]
neighbor-set = "router"
[policy-definitions.statements.actions]
route-disposition = "accept-route"
[policy-definitions.statements.actions.bgp-actions]
set-local-pref = 200

[global.apply-policy.config]
import-policy-list = ["prefer-router"]
default-import-policy = "accept-route"
"#,
    );
    tell_the_vip(&lab);
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::Announced));
    let route = &gobgp.look(&both(Level::Announced)).routes[V4.0];
    let trouble = route.trouble.clone().unwrap();
    assert!(trouble.contains("prefers the path that `10.9.0.2`"), "{trouble}");
    assert_eq!((route.level, route.exported_to.as_deref()), (Level::Announced, Some(&[][..])));
}
