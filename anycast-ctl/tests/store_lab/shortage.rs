//! The daemon on a disk that gets full.

use std::{collections::BTreeSet, fs, time::Duration};

use crate::{
    disk::with_size,
    edge::{Edge, site},
};

/// A change whose site takes some room: its VIP has services that hardly compress.
fn large(number: u64) -> String {
    let mut random = number;
    let services = std::iter::repeat_with(|| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("\"udp/{}\"", 1 + (random >> 49))
    });
    let services: BTreeSet<_> = services.take(1_000).collect();
    let services: Vec<_> = services.into_iter().collect();
    site(number).replace("\"tcp/80\"", &services.join(", "))
}

#[test]
fn a_full_disk_refuses_changes_and_nothing_else() {
    Edge::with(|edge| {
        with_size(&edge.state(), "24m");
        edge.start();
        let others = edge.state().join("others");
        assert!(fs::write(&others, vec![1; 24 << 20]).is_err(), "the disk is full");

        let mut daemon = edge.connect();
        let mut number = 0;
        let refused = loop {
            let answer = daemon.put_site("", None, &large(number + 1)).unwrap();
            if answer.code != 200 {
                break answer;
            }
            number += 1;
            assert!(number < 5_000, "the disk never got full");
        };
        assert!(number > 3, "{number}");
        assert_eq!(refused.code, 507, "{refused:?}");
        assert!(refused.body.contains("there is no room to store the change in "), "{refused:?}");

        // Everything else goes on, and once more over a restart.
        for _ in 0..2 {
            edge.settle(number);
            let before = edge.shares();
            let desired = daemon.get("/v1/site").unwrap();
            let answer = edge.ctl(&format!("rollback {}", number / 2 + 1));
            let text = String::from_utf8(answer.stderr).unwrap();
            assert_eq!(answer.status.code(), Some(1), "{text}");
            assert!(text.contains("nothing was changed; free some space there and try again"), "{text}");
            for words in ["status", "history", "export", "history show 2", "pool list", "backend list"] {
                assert!(edge.ctl(words).status.success(), "{words}");
            }
            assert_eq!(edge.shares(), before);
            assert_eq!(daemon.get("/v1/site").unwrap().body, desired.body);
            assert_eq!(desired.revision, number + 1);
            edge.killed_after(Duration::ZERO, |_| ());
            edge.start();
            daemon = edge.connect();
        }

        fs::remove_file(&others).unwrap();
        let answer = daemon.put_site("?wait=10", Some(number + 1), &site(number + 1)).unwrap();
        assert_eq!((answer.code, answer.revision), (200, number + 2), "{answer:?}");
        assert_eq!(edge.whole(), number + 1);
    });
}
