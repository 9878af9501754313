//! What is there already, of this daemon's or of others'.

use anycast_ctl::{announce::driver::Level, model::Shutdown};

use crate::harness::{Lab, V4, V6, both, wanted};

#[test]
fn what_an_earlier_daemon_left_is_withdrawn_by_the_next() {
    let lab = Lab::new();
    lab.connect(Shutdown::default()).bring(&both(Level::Announced));
    lab.await_route(V4.1, true);
    lab.await_route(V6.1, true);
    let mut next = lab.connect(Shutdown::default());
    next.bring(&wanted(&[(V4.0, V4.1, Level::Announced), (V6.0, V6.1, Level::Withdrawn)]));
    lab.await_route(V6.1, false);
    assert!(lab.router.has(V4.1));
    assert_eq!(lab.router.withdrawals("site4"), 0);
}

#[test]
fn a_second_process_can_withdraw_everything_and_the_first_puts_it_right_after_a_look() {
    let lab = Lab::new();
    let mut first = lab.connect(Shutdown::default());
    first.bring(&both(Level::Announced));
    lab.await_route(V4.1, true);
    lab.connect(Shutdown::default()).bring(&both(Level::Withdrawn));
    lab.await_route(V4.1, false);
    lab.await_route(V6.1, false);
    assert!(first.look(&both(Level::Announced)).routes.is_empty());
    first.bring(&both(Level::Announced));
    lab.await_route(V4.1, true);
    lab.await_route(V6.1, true);
}

#[test]
fn a_vip_that_is_no_more_is_withdrawn_and_one_that_moved_as_well() {
    let lab = Lab::new();
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::Announced));
    gobgp.bring(&wanted(&[(V4.0, "192.0.2.2/32", Level::Announced)]));
    lab.await_route("192.0.2.2/32", true);
    lab.await_route(V4.1, false);
    lab.await_route(V6.1, false);
}

#[test]
fn routes_at_other_prefixes_are_left_alone() {
    let lab = Lab::new();
    lab.gobgp("global rib add 198.51.100.0/24 -a ipv4");
    lab.gobgp("global rib add 192.0.2.0/24 -a ipv4");
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::Announced));
    gobgp.bring(&both(Level::Withdrawn));
    lab.await_route(V4.1, false);
    assert!(lab.router.has("198.51.100.0/24") && lab.router.has("192.0.2.0/24"));
}

#[test]
fn a_route_that_somebody_else_put_in_the_place_shows_and_is_replaced() {
    let lab = Lab::new();
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::Announced));
    lab.gobgp(&format!("global rib add {} nexthop 10.9.0.77 med 9 -a ipv4", V4.1));
    let route = &gobgp.look(&both(Level::Announced)).routes[V4.0];
    let trouble = route.trouble.clone().unwrap();
    assert!(trouble.contains("other attributes") && trouble.contains(V4.1), "{trouble}");
    gobgp.bring(&both(Level::Announced));
    assert_eq!(gobgp.look(&both(Level::Announced)).routes[V4.0].trouble, None);
    lab.wait("the router has this daemon's", || {
        let route = lab.router.route(V4.1);
        route.contains("next_hop: 10.9.0.1") && !route.contains("med")
    });
}
