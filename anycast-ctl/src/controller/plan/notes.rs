//! What takes more than a change.

use crate::{
    drain,
    model::{AdminState, Backend, Pool, Site, SiteDiff, diff::Subject},
    spelling::listed,
};

/// What is stored at once and has its effect later, and what the operator may not expect of it.
pub fn of(diff: &SiteDiff, before: &Site, after: &Site) -> Vec<String> {
    let mut notes = of_site(diff);
    for pool in &after.pools {
        let was = before.pool(&pool.name);
        notes.extend(left_to_backups(pool).filter(|_| was.is_none_or(|was| left_to_backups(was).is_none())));
        notes.extend(deserted(after, pool).filter(|_| was.is_none_or(|was| deserted(before, was).is_none())));
        for backend in pool.backends.iter().filter(|backend| drain::wants_removal(backend)) {
            let was = was.and_then(|was| was.backend(&backend.name));
            if was.is_none_or(|was| !drain::wants_removal(was)) {
                notes.push(removal(pool, backend));
            }
        }
    }
    notes
}

/// A pool whose every backend the operator keeps from new flows.
fn deserted(site: &Site, pool: &Pool) -> Option<String> {
    if pool.backends.iter().any(|backend| backend.state == AdminState::Active) {
        return None;
    }
    let vips: Vec<&str> =
        site.vips.iter().filter(|vip| vip.pool == pool.name).map(|vip| vip.name.as_str()).collect();
    (!vips.is_empty()).then(|| {
        let (vips, pool) = (listed(vips.into_iter()), &pool.name);
        format!("nobody takes new flows of VIP {vips} then: what becomes of them is as `on_empty` of pool {pool} says")
    })
}

/// A pool whose every backend that is no backup the operator keeps from new flows.
fn left_to_backups(pool: &Pool) -> Option<String> {
    let has_active = |backups| {
        let mut alike = pool.backends.iter().filter(|backend| backend.backup == backups);
        alike.any(|backend| backend.state == AdminState::Active)
    };
    (!has_active(false) && has_active(true)).then(|| {
        format!("new flows of pool {} go to its backups then, as long as one of them is up", pool.name)
    })
}

fn removal(pool: &Pool, backend: &Backend) -> String {
    let (name, of) = (&backend.name, &pool.name);
    if drain::removes(pool, backend) {
        format!("{name} is removed from pool {of} when no flow of it is left")
    } else {
        let besides = if pool.backends.len() > 1 { " that is no backup" } else { "" };
        format!(
            "{name} is not removed when no flow of it is left: it is the last backend of pool {of}{besides}"
        )
    }
}

fn of_site(diff: &SiteDiff) -> Vec<String> {
    let of_site = diff.differences.iter().filter(|difference| difference.subject == Subject::Site);
    of_site
        .flat_map(|difference| &difference.fields)
        .filter_map(|field| match field.key.as_str() {
            key if key.starts_with("maps.") => Some(format!(
                "{key} has its effect when maps are made: after `anycast-ctl down` and a start, which ends all sessions \
                 that are remembered"
            )),
            key @ "icmp.too_big_per_second" => {
                Some(format!("{key} has its effect when the daemon is started the next time"))
            }
            _ => None,
        })
        .collect()
}
