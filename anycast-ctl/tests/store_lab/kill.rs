//! The daemon is killed at random points through 1,000 changes.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    path::Path,
    time::Duration,
};

use crate::{
    edge::{Edge, site},
    http::Connection,
};

const CHANGES: u64 = 1_000;

/// Longest life of a daemon, in milliseconds.
const LONGEST: u64 = 500;

#[test]
fn a_daemon_killed_at_any_moment_comes_back_with_the_previous_or_the_next_revision() {
    Edge::with(|edge| {
        let (mut number, mut kills, mut between) = (0, 0, 0);
        while number < CHANGES {
            edge.start();
            let found = edge.whole();
            assert!([number, number + 1].contains(&found), "{number} were answered, {found} is desired");
            between += u64::from(found == number + 1);
            let life = Duration::from_millis(RandomState::new().build_hasher().finish() % LONGEST);
            number = edge.killed_after(life, |socket| change(socket, found));
            kills += 1;
        }
        eprintln!("{kills} kills, {between} of them between a commit and its answer");
        edge.start();
        assert_eq!(edge.whole(), CHANGES);
        assert!(kills > 10, "{kills} kills");
    });
}

/// Makes changes until there is no daemon any more; the last one that was answered.
fn change(socket: &Path, mut number: u64) -> u64 {
    let Ok(mut daemon) = Connection::open(socket) else { return number };
    while number < CHANGES {
        let Ok(answer) = daemon.put_site("", Some(number + 1), &site(number + 1)) else { return number };
        assert_eq!((answer.code, answer.revision), (200, number + 2), "{}", answer.body);
        number += 1;
    }
    number
}
