use super::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn via(source: Option<&str>, mtu: u32) -> Resolution {
    Resolution::Resolved(NextHop {
        ifindex: 7,
        interface: "eth0".into(),
        neighbour: ip("10.0.0.254"),
        mac: MAC,
        source_mac: [2, 0, 0, 0, 0, 1],
        mtu,
        source: source.map(ip),
    })
}

fn own(address: &str) -> Resolution {
    Resolution::Unresolved(Why::Local { address: ip(address) })
}

#[test]
fn outer_headers_are_of_the_backends_family_and_take_their_room() {
    let settings = TunnelSettings { ttl: 9, gue_port: 6666, ..TunnelSettings::default() };
    let (v4, v6) = ("10.1.0.11", "2001:db8:1::11");
    let (from_v4, from_v6) = (via(Some("10.0.0.1"), 1500), via(Some("2001:db8::1"), 1500));
    let tunnel = |destination: &str, port: Option<u16>| match ip(destination) {
        IpAddr::V4(destination) => Tunnel::v4("10.0.0.1".parse().unwrap(), destination, 9, port),
        IpAddr::V6(destination) => Tunnel::v6("2001:db8::1".parse().unwrap(), destination, 9, port),
    };
    for (delivery, address, resolution, kernel, mtu, expected) in [
        (Delivery::L2, v4, &from_v4, KernelDelivery::L2, 1500, None),
        (Delivery::Ipip, v4, &from_v4, KernelDelivery::IpipV4, 1480, Some(tunnel(v4, None))),
        (Delivery::Ipip, v6, &from_v6, KernelDelivery::IpipV6, 1460, Some(tunnel(v6, None))),
        (Delivery::Gue, v4, &from_v4, KernelDelivery::GueV4, 1472, Some(tunnel(v4, Some(6666)))),
        (Delivery::Gue, v6, &from_v6, KernelDelivery::GueV6, 1452, Some(tunnel(v6, Some(6666)))),
    ] {
        let way = Way::find(delivery, ip(address), Some(resolution), &settings).unwrap();
        assert_eq!((way.mtu, &way.tunnel), (Some(mtu), &expected), "{delivery} {address}");
        let entry = way.kernel_backend();
        assert_eq!((entry.delivery, entry.mtu, entry.ifindex), (kernel.code(), mtu, 7));
        assert_eq!((usize::from(entry.overhead), entry.destination), (kernel.overhead(), MAC));
        assert!(entry.is_usable());
    }
}

#[test]
fn a_source_that_was_given_goes_before_the_kernels() {
    let settings = TunnelSettings { sources: vec![ip("192.0.2.10")], ..TunnelSettings::default() };
    let resolution = via(None, 1500);
    let way = Way::find(Delivery::Ipip, ip("10.1.0.11"), Some(&resolution), &settings).unwrap();
    assert_eq!(&way.tunnel.unwrap().outer[12..16], [192, 0, 2, 10]);
    for (address, source) in [("2001:db8::11", None), ("2001:db8::11", Some("fe80::1"))] {
        let resolution = via(source, 1500);
        let error = Way::find(Delivery::Gue, ip(address), Some(&resolution), &settings).unwrap_err();
        assert_eq!(
            error.to_string(),
            "this host has no IPv6 address to tunnel to 2001:db8::11 from: give one under [tunnel] source"
        );
    }
}

#[test]
fn this_host_is_a_backend_only_where_that_was_said() {
    let settings = TunnelSettings::default();
    let (here, there) = (own("10.0.0.1"), via(Some("10.0.0.1"), 1500));
    let local = |resolution| Way::find(Delivery::Local, ip("10.0.0.1"), Some(resolution), &settings);
    let way = local(&here).unwrap();
    assert_eq!((way.next_hop, way.mtu, &way.tunnel), (None, None, &None));
    let entry = way.kernel_backend();
    assert_eq!((entry.delivery, entry.mtu), (KernelDelivery::Local.code(), u16::MAX));
    assert_eq!(
        local(&there).unwrap_err().to_string(),
        "10.0.0.1 is no address of this host, as delivery = \"local\" wants: add it here"
    );
    for delivery in [Delivery::L2, Delivery::Ipip, Delivery::Gue] {
        let error = Way::find(delivery, ip("10.0.0.1"), Some(&here), &settings).unwrap_err();
        assert_eq!(error.to_string(), "10.0.0.1 is an address of this host itself");
    }
}

#[test]
fn tags_are_for_tunnels() {
    let resolution = via(Some("10.0.0.1"), 1500);
    let tag = |delivery, vlan| {
        let settings = TunnelSettings { vlan, ..TunnelSettings::default() };
        let way = Way::find(delivery, ip("10.1.0.11"), Some(&resolution), &settings).unwrap();
        let entry = way.kernel_backend();
        (entry.link_tag, entry.vlan)
    };
    assert_eq!(tag(Delivery::Ipip, VlanTags::Strip), (LinkTag::Strip.code(), 0));
    assert_eq!(tag(Delivery::Ipip, VlanTags::Keep), (LinkTag::Keep.code(), 0));
    assert_eq!(tag(Delivery::Gue, VlanTags::Set(100)), (LinkTag::Set.code(), 100));
    assert_eq!(tag(Delivery::L2, VlanTags::Set(100)), (0, 0));
}

#[test]
fn large_and_tiny_paths_have_bounds() {
    let settings = TunnelSettings::default();
    let mtu = |mtu| {
        let resolution = via(Some("10.0.0.1"), mtu);
        Way::find(Delivery::Ipip, ip("10.1.0.11"), Some(&resolution), &settings)
            .map(|way| way.mtu)
            .map_err(|error| error.to_string())
    };
    assert_eq!(mtu(65_536), Ok(Some(65_515)));
    assert_eq!(mtu(21), Ok(Some(1)));
    assert_eq!(
        mtu(20),
        Err("the path by eth0 takes packets of 20 bytes: no room for outer headers".to_owned())
    );
}
