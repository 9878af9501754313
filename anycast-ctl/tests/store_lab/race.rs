//! Many writers for one revision.

use std::{sync::Barrier, thread};

use serde_json::Value;

use crate::edge::{Edge, site};

const WRITERS: u64 = 16;
const ROUNDS: u64 = 20;

#[test]
fn of_many_writers_for_a_revision_one_wins_and_the_others_learn_who() {
    Edge::with(|edge| {
        edge.start();
        for number in 1..=ROUNDS {
            let together = Barrier::new(WRITERS as usize);
            let write = || {
                let mut daemon = edge.connect();
                together.wait();
                daemon.put_site("?name=race.toml", Some(number), &site(number)).unwrap()
            };
            let answers: Vec<_> = thread::scope(|scope| {
                let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(write)).collect();
                writers.into_iter().map(|writer| writer.join().unwrap()).collect()
            });
            assert_eq!(answers.iter().filter(|answer| answer.code == 200).count(), 1, "{answers:?}");
            for lost in answers.iter().filter(|answer| answer.code != 200) {
                assert_eq!(lost.code, 412, "{lost:?}");
                let said: Value = serde_json::from_str(&lost.body).unwrap();
                let current = &said["current"];
                assert_eq!(
                    (&current["revision"], &current["what"]),
                    (&(number + 1).into(), &"apply race.toml".into())
                );
                let text = said["error"].as_str().unwrap();
                assert!(
                    text.starts_with(&format!(
                        "the change was made for revision {number}, and the newest is"
                    ))
                );
            }
            assert_eq!(edge.whole(), number);
        }
        let late = edge.ctl("backend weight web web-1 7 --revision 3");
        assert_eq!(late.status.code(), Some(1));
        let text = String::from_utf8(late.stderr).unwrap();
        assert!(
            text.contains(&format!("made for revision 3, and the newest is revision {}", ROUNDS + 1)),
            "{text}"
        );
    });
}
