//! One VIP of a hundred goes.

use std::{
    fmt::Write as _,
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::announce::driver::Level::{Announced, Withdrawn};

use crate::harness::{Console, Lab, Way, bring, wanted, with_more};

const VIPS: u8 = 100;
const TIMES: usize = 20;

#[tokio::test]
async fn one_of_a_hundred_goes_and_the_others_stay() {
    for (way, name) in [(Way::Protocols, "protocols"), (Way::Include, "include")] {
        let lab = Lab::with(way, |config| match way {
            Way::Protocols => with_more(config, &protocols()),
            Way::Include => config.to_owned(),
        });
        let mut driver = lab.connect().await;
        let names: Vec<(String, String)> =
            (0..VIPS).map(|n| (format!("vip{n}"), format!("203.0.113.{n}/32"))).collect();
        let mut routes = wanted(
            &names.iter().map(|(vip, prefix)| (vip.as_str(), prefix.as_str(), Announced)).collect::<Vec<_>>(),
        );
        let start = Instant::now();
        bring(&mut driver, &routes).await;
        let all = start.elapsed();
        let (mut times, mut calls) = (Vec::new(), Vec::new());
        for (vip, prefix) in names.iter().step_by(5).take(TIMES) {
            lab.gains(prefix, "");
            // As engines do, now and then.
            driver.look(&routes).await.unwrap();
            routes.get_mut(vip).unwrap().level = Withdrawn;
            let (socket, command) = (lab.router.socket.clone(), format!("show route {prefix}"));
            let mut console = Console::open(&socket);
            let start = Instant::now();
            let watch = thread::spawn(move || {
                while console.ask(&command).contains("1007-") {
                    thread::sleep(Duration::from_micros(200));
                }
                start.elapsed()
            });
            bring(&mut driver, &routes).await;
            calls.push(start.elapsed());
            times.push(watch.join().unwrap());
        }
        let first = times[0];
        times.sort();
        calls.sort();
        let start = Instant::now();
        let seen = driver.look(&routes).await.unwrap();
        let look = start.elapsed();
        assert_eq!(seen.routes.len(), usize::from(VIPS) - TIMES);
        assert!(seen.routes.values().all(|route| route.trouble.is_none()), "{seen:?}");
        assert_eq!(lab.router.ask("show route").matches("203.0.113.").count(), usize::from(VIPS) - TIMES);
        println!(
            "{name}: all announced in {all:?}; one withdrawn, until the router lost it: median {:?}, worst {:?}, the first {first:?}; until bring \
             returned: median {:?}; a look: {look:?}",
            times[TIMES / 2],
            times[TIMES - 1],
            calls[TIMES / 2]
        );
    }
}

fn protocols() -> String {
    let mut text = String::new();
    for n in 0..VIPS {
        for (name, channel) in [("anycast", ""), ("leaving", " { import filter leaving; }")] {
            writeln!(
                text,
                "protocol static {name}_vip{n} {{ disabled; ipv4{channel}; route 203.0.113.{n}/32 blackhole; }}"
            )
            .unwrap();
        }
    }
    text
}
