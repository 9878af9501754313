//! Faults one by one.

use crate::{host::Host, plan::Plan};

#[test]
fn nothing_happens_without_faults() {
    let mut host = Host::new(2, Plan::new(1));
    let begun = std::time::Instant::now();
    host.start();
    println!("started in {:?}", begun.elapsed());
    for number in 0..200 {
        let begun = std::time::Instant::now();
        let weight = 1 + number % 7;
        let answer = host
            .connect()
            .ask("PUT", "/v1/pools/churn-1/backends/b1/weight", "content-type: application/json\r\n", &format!("{{\"weight\":{weight}}}"))
            .unwrap();
        if number % 20 == 0 {
            println!("{} {} {:?}", answer.code, answer.revision, begun.elapsed());
        }
    }
    println!("{}\n{}", host.plan, host.said());
}
