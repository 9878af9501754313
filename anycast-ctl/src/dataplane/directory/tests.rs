use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

fn entry(number: u16, address: IpAddr, services: &[&str]) -> DirectoryEntry {
    DirectoryEntry {
        address,
        number,
        pool: number,
        ordinal: u32::from(number) * 16,
        drop_unknown_port: number.is_multiple_of(2),
        answer_echo: true,
        hash: HashPolicy::FiveTuple,
        udp: UdpPolicy::Stateless,
        on_empty: [OnEmpty::Drop, OnEmpty::Pass, OnEmpty::Reset][usize::from(number) % 3],
        idle_timeout_ticks: 300,
        services: services.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

/// As many VIPs and services as a host may hold, in the dense address blocks operators use.
fn full_site() -> Vec<DirectoryEntry> {
    (1..=MAX_VIPS as u16)
        .map(|number| {
            let low = u32::from(number);
            let address = if number.is_multiple_of(2) {
                IpAddr::from(Ipv4Addr::from_bits(0xc000_0200 + low))
            } else {
                Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(low)).into()
            };
            entry(number, address, &["tcp/80", "tcp/443", "udp/443", "udp/any"])
        })
        .collect()
}

#[test]
fn a_full_site_is_found_and_nothing_else() {
    let site = full_site();
    let directory = build(&site).unwrap();
    for wanted in &site {
        let vip = directory.vip(&wanted.address.into()).unwrap();
        assert_eq!((vip.number, vip.pool, vip.ordinal), (wanted.number, wanted.pool, wanted.ordinal));
        assert_eq!(vip.flags & Vip::DROP_UNKNOWN_PORT != 0, wanted.drop_unknown_port);
        assert!(directory.has_service(vip.number, 6, 443) && directory.has_service(vip.number, 17, 443));
        assert!(directory.has_service(vip.number, 17, 9), "any UDP port");
        assert!(!directory.has_service(vip.number, 6, 9) && !directory.has_service(vip.number, 132, 443));
    }
    for other in 0..100_000u32 {
        let address = Ipv4Addr::from_bits(0x0a00_0000 + other);
        assert!(directory.vip(&IpAddr::from(address).into()).is_none(), "{address}");
    }
    assert!(directory.vip(&Address::default()).is_none());
}

#[test]
fn an_empty_directory_holds_nothing() {
    let directory = build(&[]).unwrap();
    assert!(directory.vip(&Address::default()).is_none());
    assert!(!directory.has_service(1, 6, 80));
    assert!(directory.services.iter().all(|&key| key == 0));
}

#[test]
fn too_many_vips_or_services_are_refused() {
    let mut site = full_site();
    site.push(entry(2000, Ipv4Addr::new(203, 0, 113, 1).into(), &["tcp/80"]));
    assert_eq!(build(&site), Err(DirectoryError::TooMany { vips: 1025, services: 4097 }));
}
