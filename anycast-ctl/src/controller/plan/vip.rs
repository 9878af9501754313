//! What a change would do to a VIP.

use crate::{
    api::types::VipPlan,
    model::{
        Site, Vip,
        diff::{Difference, Subject},
    },
};

/// What a change would do to the VIP that a difference is about, if it is about one.
pub fn plan(before: &Site, after: &Site, difference: &Difference) -> Option<VipPlan> {
    let Subject::Vip { vip: name } = &difference.subject else { return None };
    let breaks = match (before.vip(name), after.vip(name)) {
        (Some(was), Some(is)) => broken(was, is),
        (Some(was), None) => Some(format!("all to {}: it is no longer steered", was.address)),
        (None, _) => None,
    };
    Some(VipPlan { vip: name.clone(), change: difference.change, breaks })
}

/// Which sessions to a VIP break when it becomes otherwise.
fn broken(was: &Vip, is: &Vip) -> Option<String> {
    if was.address != is.address {
        return Some(format!("all to {}: it is no longer steered", was.address));
    }
    if was.pool != is.pool {
        return Some(format!("all to {}: they go to the backends of pool {}", was.address, is.pool));
    }
    let gone: Vec<String> =
        was.services.iter().filter(|it| !is.services.contains(it)).map(ToString::to_string).collect();
    (!gone.is_empty()).then(|| format!("those to {} of {}", was.address, gone.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Backend, Pool, SiteDiff};

    fn site(change: impl FnOnce(&mut Vip)) -> Site {
        let mut vip = Vip::new(
            "www",
            [192, 0, 2, 1].into(),
            vec!["tcp/80".parse().unwrap(), "tcp/443".parse().unwrap()],
            "web",
        );
        change(&mut vip);
        let pool = |name: &str| Pool::new(name, vec![Backend::new("a", [10, 0, 0, 1].into())]);
        Site { pools: vec![pool("web"), pool("next")], vips: vec![vip], ..Site::default() }
    }

    #[test]
    fn sessions_break_by_address_pool_and_service_and_by_nothing_else() {
        let before = site(|_| ());
        let breaks = |after: &Site| {
            let diff = SiteDiff::between(&before, after);
            diff.differences.iter().find_map(|it| plan(&before, after, it)).and_then(|plan| plan.breaks)
        };
        assert_eq!(breaks(&site(|vip| vip.echo = false)), None);
        assert_eq!(breaks(&site(|vip| vip.services.push("udp/443".parse().unwrap()))), None);
        for (after, says) in [
            (site(|vip| vip.address = [192, 0, 2, 2].into()), "all to 192.0.2.1: it is no longer steered"),
            (site(|vip| vip.pool = "next".into()), "all to 192.0.2.1: they go to the backends of pool next"),
            (site(|vip| vip.services.truncate(1)), "those to 192.0.2.1 of tcp/443"),
            (Site { vips: Vec::new(), ..before.clone() }, "all to 192.0.2.1: it is no longer steered"),
        ] {
            assert_eq!(breaks(&after).as_deref(), Some(says));
        }
    }
}
