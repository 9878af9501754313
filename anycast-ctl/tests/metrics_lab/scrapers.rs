//! Scrapers that are many, or stuck.

use std::{
    io::Write as _,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::Status;

use crate::harness::{ADDRESS, get, series, steering, told};

#[test]
fn those_who_scrape_at_once_share_one_reading() {
    let lab = steering(2);
    let reads = |text: &str| -> f64 {
        let all = series(text);
        let mut found =
            all.iter().filter(|((name, _), _)| name == "anycast_counters_read_duration_seconds_count");
        *found.next().unwrap().1
    };
    let before = reads(&get(&lab, ADDRESS, "/metrics", "").1);
    let scraped: Vec<String> = thread::scope(|scope| {
        let scrapers: Vec<_> = (0..8)
            .map(|_| {
                let lab = &lab;
                scope.spawn(move || get(lab, ADDRESS, "/metrics", "").1)
            })
            .collect();
        scrapers.into_iter().map(|scraper| scraper.join().unwrap()).collect()
    });
    assert!(scraped.iter().all(|text| text.contains("anycast_build_info")));
    let after = reads(&get(&lab, ADDRESS, "/metrics", "").1);
    // Each at most once, and the last one again.
    assert!((1.0..=9.0).contains(&(after - before)), "{before} {after}");
}

#[test]
fn stuck_scrapers_hold_nobody_up_but_each_other() {
    let lab = steering(2);
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {ADDRESS}\r\n\r\n").repeat(2_000);
    let stuck: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = lab.inside("edge", || Ok(TcpStream::connect(ADDRESS)?)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    let begun = Instant::now();
    let mut refused = String::new();
    while !refused.contains(" 503 ") {
        assert!(begun.elapsed() < Duration::from_secs(20), "a ninth scraper is still answered: {refused}");
        refused = get(&lab, ADDRESS, "/metrics", "").0;
        thread::sleep(Duration::from_millis(50));
    }
    // The others of the port, and those who have the socket, are as well off as before.
    for _ in 0..20 {
        assert!(get(&lab, ADDRESS, "/v1/vips", "").0.contains(" 200 "));
        assert_eq!(told::<Status>(&lab, &["status"]).vips.len(), 2);
    }
    drop(stuck);
    let begun = Instant::now();
    while !get(&lab, ADDRESS, "/metrics", "").0.contains(" 200 ") {
        assert!(begun.elapsed() < Duration::from_secs(20), "places of those who went are not free again");
        thread::sleep(Duration::from_millis(50));
    }
}
