extern crate std;

use std::{collections::HashSet, vec::Vec};

use core::net::IpAddr;

use proptest::prelude::*;

use super::Flow;
use crate::hash::{KEY_WORDS, expand_seed};

const SEED: u64 = 0x0123_4567_89ab_cdef;

fn flow(source: &str, destination: &str, source_port: u16, destination_port: u16, protocol: u8) -> Flow {
    let address = |text: &str| text.parse::<IpAddr>().unwrap().into();
    Flow {
        source: address(source),
        destination: address(destination),
        source_port,
        destination_port,
        protocol,
    }
}

/// A fleet only steers alike while these hold: a change of them breaks sessions on every upgrade.
#[test]
fn golden_hashes() {
    let key = expand_seed(SEED);
    let hashes: Vec<u32> = [
        flow("198.51.100.7", "192.0.2.1", 40_000, 443, 6),
        flow("198.51.100.7", "192.0.2.1", 40_001, 443, 6),
        flow("198.51.100.7", "192.0.2.1", 40_000, 443, 17),
        flow("2001:db8::7", "2001:db8:1::1", 40_000, 443, 6),
        flow("2001:db8::7", "2001:db8:1::1", 40_000, 53, 17),
    ]
    .iter()
    .map(|flow| flow.hash(&key))
    .collect();
    assert_eq!(hashes, GOLDEN);
}

const GOLDEN: [u32; 5] = [4_088_473_632, 634_648_548, 2_866_907_768, 3_699_363_728, 177_405_524];

#[test]
fn seed_expansion_is_splitmix64() {
    // First outputs of the reference implementation for seed 1234567.
    let expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431];
    assert_eq!(expand_seed(1_234_567)[..4], expected);
}

/// Chi-square over 1,024 slots with flows that differ the way a client's do: by port, then by address.
#[test]
fn neighbouring_flows_spread_evenly() {
    let key = expand_seed(SEED);
    for v6 in [false, true] {
        let mut counts = [0u32; 1024];
        for host in 0..64u16 {
            for port in 1024..5120u16 {
                let flow = if v6 {
                    flow(&std::format!("2001:db8::{host:x}"), "2001:db8:1::1", port, 443, 6)
                } else {
                    flow(&std::format!("198.51.100.{host}"), "192.0.2.1", port, 443, 6)
                };
                counts[(flow.hash(&key) >> 22) as usize] += 1;
            }
        }
        let expected = 64.0 * 4096.0 / 1024.0;
        let chi: f64 = counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
        // 1,023 degrees of freedom: mean 1,023, standard deviation 45; six of them either way.
        assert!((750.0..1300.0).contains(&chi), "v6 {v6}: chi-square {chi}");
    }
}

proptest! {
    #[test]
    fn every_part_of_the_flow_and_every_key_word_in_use_counts(
        source in any::<[u8; 16]>(), destination in any::<[u8; 16]>(), ports in any::<(u16, u16)>(),
        protocol in any::<u8>(), bit in 0usize..296, seed in any::<u64>(),
    ) {
        prop_assume!(!crate::address::Address::from_v6(destination).is_v4());
        let make = |source, destination, ports: (u16, u16), protocol| Flow {
            source: crate::address::Address::from_v6(source),
            destination: crate::address::Address::from_v6(destination),
            source_port: ports.0, destination_port: ports.1, protocol,
        };
        let mut bytes: Vec<u8> = source.into_iter().chain(destination).collect();
        bytes.extend(ports.0.to_be_bytes());
        bytes.extend(ports.1.to_be_bytes());
        bytes.push(protocol);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let changed = make(
            bytes[..16].try_into().unwrap(), bytes[16..32].try_into().unwrap(),
            (u16::from_be_bytes([bytes[32], bytes[33]]), u16::from_be_bytes([bytes[34], bytes[35]])), bytes[36],
        );
        prop_assume!(!changed.destination.is_v4());
        let key = expand_seed(seed);
        prop_assert_ne!(make(source, destination, ports, protocol).hash(&key), changed.hash(&key));
    }
}

#[test]
fn another_key_is_another_hash() {
    let flow = flow("2001:db8::7", "2001:db8:1::1", 40_000, 443, 6);
    let key = expand_seed(SEED);
    let hashes: HashSet<u32> = (0..KEY_WORDS)
        .map(|word| {
            let mut other = key;
            other[word] ^= 1;
            flow.hash(&other)
        })
        .chain([flow.hash(&key)])
        .collect();
    assert_eq!(hashes.len(), KEY_WORDS + 1);
}
