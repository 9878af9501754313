//! How long a slot table takes to fill. The budget: 1,000 backends at 65,537 slots in 3 ms.

use std::{hint::black_box, net::Ipv4Addr};

use anycast_ctl::{
    maglev::{Member, table},
    model::DEFAULT_SLOTS,
};
use criterion::{BenchmarkId, Criterion};

/// The weight of the n-th backend.
type Weight = fn(u32) -> u32;

const WEIGHTS: [(&str, Weight); 3] = [
    ("equal", |_| 1),
    // Four generations of hardware.
    ("skewed", |n| 1 << (n % 4)),
    // One backend with half of all slots: as many rounds as it has slots.
    ("dominated", |n| if n == 0 { 1000 } else { 1 }),
];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("maglev");
    for backends in [10, 100, 1_000] {
        for (name, weight) in WEIGHTS {
            let members: Vec<Member> = (0..backends)
                .map(|n| Member::new(Ipv4Addr::from_bits(0x0a00_0001 + n).into(), weight(n)))
                .collect();
            group.bench_with_input(BenchmarkId::new(name, backends), &members, |bencher, members| {
                bencher.iter(|| table(black_box(members), DEFAULT_SLOTS, 7));
            });
        }
    }
    group.finish();
    criterion.final_summary();
}
