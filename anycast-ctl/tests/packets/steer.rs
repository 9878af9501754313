//! Packets that reach a backend.

use std::{net::IpAddr, process::Command};

use anycast_common::{backend::Backend, reason::Reason};
use etherparse::{EtherType, NetSlice, PacketBuilder, SlicedPacket, TransportSlice, VlanId};

use crate::harness::{BACKENDS, Harness, Outcome, VIPS, backend, program_size, xdp_action};

/// A client of the VIP's family.
pub fn client(vip: &str) -> IpAddr {
    if vip.contains(':') { "2001:db8:ffff::7" } else { "198.51.100.7" }.parse().unwrap()
}

/// What to build.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    pub source: IpAddr,
    pub vip: &'a str,
    pub ports: (u16, u16),
    pub transport: Transport,
    pub hop_limit: u8,
    pub tags: &'a [u16],
    pub payload: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Syn,
    SynAck,
    Ack,
    Rst,
    Udp,
}

impl<'a> Shape<'a> {
    /// An ordinary packet from the usual client.
    pub fn new(vip: &'a str, port: u16, transport: Transport) -> Self {
        let source = client(vip);
        Self { source, vip, ports: (40_000, port), transport, hop_limit: 64, tags: &[], payload: b"payload" }
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let ethernet = PacketBuilder::ethernet2([0x02, 1, 1, 1, 1, 1], [0x02, 2, 2, 2, 2, 2]);
        let id = |tag: u16| VlanId::try_new(tag).unwrap();
        let destination: IpAddr = self.vip.parse().unwrap();
        macro_rules! ip {
            ($step:expr) => {
                match (self.source, destination) {
                    (IpAddr::V4(source), IpAddr::V4(vip)) => {
                        $step.ipv4(source.octets(), vip.octets(), self.hop_limit)
                    }
                    (IpAddr::V6(source), IpAddr::V6(vip)) => {
                        $step.ipv6(source.octets(), vip.octets(), self.hop_limit)
                    }
                    _ => panic!("mixed families"),
                }
            };
        }
        let ip = match self.tags {
            [] => ip!(ethernet),
            [tag] => ip!(ethernet.single_vlan(id(*tag))),
            [outer, inner] => ip!(ethernet.double_vlan(id(*outer), id(*inner))),
            _ => panic!("too many tags"),
        };
        let (source, destination) = self.ports;
        let mut bytes = Vec::new();
        if self.transport == Transport::Udp {
            ip.udp(source, destination).write(&mut bytes, self.payload).unwrap();
            return bytes;
        }
        let tcp = ip.tcp(source, destination, 1000, 512);
        let tcp = match self.transport {
            Transport::Syn => tcp.syn(),
            Transport::SynAck => tcp.syn().ack(7),
            Transport::Ack | Transport::Udp => tcp.ack(7),
            Transport::Rst => tcp.rst(),
        };
        tcp.write(&mut bytes, self.payload).unwrap();
        bytes
    }

    pub fn protocol(&self) -> u8 {
        if self.transport == Transport::Udp { 17 } else { 6 }
    }
}

/// What an independent parser sees in a delivered packet; checks every checksum on the way.
pub struct Headers {
    pub destination_mac: [u8; 6],
    pub source_mac: [u8; 6],
    pub hop_limit: u8,
    pub ip_length: u64,
    pub opens_flow: bool,
}

impl Headers {
    pub fn parse(packet: &[u8]) -> Self {
        let sliced = SlicedPacket::from_ethernet(packet).unwrap();
        let ethernet = sliced.link.as_ref().unwrap().to_header().unwrap().ethernet2().unwrap();
        let net = sliced.net.as_ref().unwrap();
        let (hop_limit, ip_length) = match net {
            NetSlice::Ipv4(ip) => {
                assert_eq!(ip.header().header_checksum(), ip.header().to_header().calc_header_checksum());
                (ip.header().ttl(), u64::from(ip.header().total_len()))
            }
            NetSlice::Ipv6(ip) => (ip.header().hop_limit(), 40 + u64::from(ip.header().payload_length())),
            other => panic!("{other:?}"),
        };
        let opens_flow = match (sliced.transport.as_ref(), net) {
            (Some(TransportSlice::Tcp(tcp)), NetSlice::Ipv4(ip)) => {
                assert_eq!(
                    tcp.checksum(),
                    tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination()).unwrap()
                );
                tcp.syn() && !tcp.ack()
            }
            (Some(TransportSlice::Tcp(tcp)), NetSlice::Ipv6(ip)) => {
                assert_eq!(
                    tcp.checksum(),
                    tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination()).unwrap()
                );
                tcp.syn() && !tcp.ack()
            }
            _ => false,
        };
        Self {
            destination_mac: ethernet.destination,
            source_mac: ethernet.source,
            hop_limit,
            ip_length,
            opens_flow,
        }
    }
}

/// Asserts that the packet reaches the backend the table names, with nothing but addresses and hop count changed.
pub fn assert_delivered(harness: &mut Harness, name: &str, shape: &Shape<'_>, vip: u16) -> u16 {
    let input = shape.bytes();
    let owner = harness.owner(shape.source, shape.vip.parse().unwrap(), shape.ports, shape.protocol());
    let Outcome::Transmitted { vip: counted, backend: counted_backend, packet } = harness.run(name, &input)
    else {
        panic!("{name}: not delivered")
    };
    assert_eq!((counted, counted_backend), (vip, owner), "{name}");
    let headers = Headers::parse(&packet);
    assert_eq!(headers.destination_mac, backend(owner).destination, "{name}");
    assert_eq!(headers.source_mac, backend(owner).source, "{name}");
    assert_eq!(headers.hop_limit, shape.hop_limit - 1, "{name}");
    // The same packet, built from scratch as it ought to leave.
    let mut expected = Shape { hop_limit: shape.hop_limit - 1, ..*shape }.bytes();
    expected[..6].copy_from_slice(&backend(owner).destination);
    expected[6..12].copy_from_slice(&backend(owner).source);
    assert_eq!(packet, expected, "{name}");
    owner
}

#[test]
fn every_service_of_every_family_is_delivered() {
    let mut harness = Harness::new();
    for &(number, vip, ..) in VIPS.iter().take(6) {
        for transport in [Transport::Syn, Transport::SynAck, Transport::Ack, Transport::Rst, Transport::Udp] {
            let port = if transport == Transport::Udp { 53 } else { 80 };
            for hop_limit in [2, 64, 255] {
                let shape = Shape { hop_limit, ..Shape::new(vip, port, transport) };
                assert_delivered(&mut harness, &format!("{shape:?}"), &shape, number);
            }
        }
    }
}

#[test]
fn any_port_services_take_every_port() {
    let mut harness = Harness::new();
    for (number, vip) in [(3, "192.0.2.3"), (4, "2001:db8:0:1::3")] {
        for port in [1, 22, 443, 65_535] {
            for transport in [Transport::Syn, Transport::Udp] {
                assert_delivered(
                    &mut harness,
                    &format!("{vip} {port}"),
                    &Shape::new(vip, port, transport),
                    number,
                );
            }
        }
    }
}

#[test]
fn vlan_tags_stay_on_the_frame() {
    let mut harness = Harness::new();
    for (number, vip) in [(1, "192.0.2.1"), (2, "2001:db8:0:1::1")] {
        for tags in [&[100][..], &[100, 200][..]] {
            for transport in [Transport::Ack, Transport::Udp] {
                let port = if transport == Transport::Udp { 53 } else { 80 };
                let shape = Shape { tags, ..Shape::new(vip, port, transport) };
                assert_delivered(&mut harness, &format!("{shape:?}"), &shape, number);
            }
        }
    }
}

#[test]
fn options_are_walked() {
    let mut harness = Harness::new();
    let mut packet = Shape::new("192.0.2.1", 80, Transport::Ack).bytes();
    // Three no-operations and end-of-list (RFC 791 section 3.1), with lengths and checksum to match.
    packet.splice(34..34, [1, 1, 1, 0]);
    packet[14] = 0x46;
    let length = u16::from_be_bytes([packet[16], packet[17]]) + 4;
    packet[16..18].copy_from_slice(&length.to_be_bytes());
    let header = etherparse::Ipv4HeaderSlice::from_slice(&packet[14..]).unwrap().to_header();
    packet[24..26].copy_from_slice(&header.calc_header_checksum().to_be_bytes());
    let owner = harness.owner(client("192.0.2.1"), "192.0.2.1".parse().unwrap(), (40_000, 80), 6);
    let Outcome::Transmitted { backend, packet, .. } = harness.run("options", &packet) else {
        panic!("not delivered")
    };
    assert_eq!(backend, owner);
    assert_eq!(Headers::parse(&packet).hop_limit, 63);
}

#[test]
fn padded_and_large_frames_are_counted_by_their_ip_length() {
    let mut harness = Harness::new();
    let mut padded = Shape { payload: b"", ..Shape::new("192.0.2.1", 80, Transport::Ack) }.bytes();
    padded.resize(60, 0);
    assert!(matches!(harness.run("padded", &padded), Outcome::Transmitted { .. }));
    // Larger than one page: the kernel hands it over in several buffers.
    let payload = vec![0x5a; 8900];
    let shape = Shape { payload: &payload, ..Shape::new("2001:db8:0:1::1", 80, Transport::Ack) };
    assert_delivered(&mut harness, "jumbo", &shape, 2);
}

#[test]
fn a_flow_always_reaches_the_same_backend() {
    let mut harness = Harness::new();
    for vip in ["192.0.2.1", "2001:db8:0:1::1"] {
        let packets = [Transport::Syn, Transport::Ack, Transport::Rst]
            .map(|transport| Shape::new(vip, 80, transport).bytes());
        let mut reached = std::collections::BTreeSet::new();
        for round in 0..5_000 {
            let Outcome::Transmitted { backend, .. } =
                harness.run("same flow", &packets[round % packets.len()])
            else {
                panic!("not delivered")
            };
            reached.insert(backend);
        }
        assert_eq!(reached.len(), 1, "{vip}: {reached:?}");
    }
}

#[test]
fn different_flows_reach_every_backend() {
    let mut harness = Harness::new();
    for (number, vip) in [(1, "192.0.2.1"), (2, "2001:db8:0:1::1")] {
        let mut reached = [0u32; BACKENDS as usize];
        for port in 1024..1424 {
            let shape = Shape { ports: (port, 80), ..Shape::new(vip, 80, Transport::Syn) };
            reached[usize::from(assert_delivered(&mut harness, "spread", &shape, number))] += 1;
        }
        assert!(reached.iter().all(|&count| count > 50), "{vip}: {reached:?}");
    }
}

/// A backend behind another interface of the host: the frame is redirected, with that interface's address as source.
#[test]
fn backends_behind_another_interface_are_redirected_to() {
    std::thread::spawn(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        let made = Command::new("ip").args("link add d0 type veth peer name d1".split(' ')).status().unwrap();
        assert!(made.success());
        let ifindex = nix::net::if_::if_nametoindex("d0").unwrap();
        let mut harness = Harness::new();
        harness.delivery_verdict = xdp_action::XDP_REDIRECT;
        for index in 0..BACKENDS {
            harness.dataplane.set_backend(index, Backend { ifindex, ..backend(index) });
        }
        harness.dataplane.add_device(ifindex).unwrap();
        for (number, vip) in [(1, "192.0.2.1"), (2, "2001:db8:0:1::1")] {
            assert_delivered(&mut harness, "redirect", &Shape::new(vip, 80, Transport::Syn), number);
        }
        harness.dataplane.remove_device(ifindex).unwrap();
        let refused =
            harness.run("redirect to a removed device", &Shape::new("192.0.2.1", 80, Transport::Syn).bytes());
        assert_eq!(refused, Outcome::Dropped { vip: 1, reason: Reason::NoDevice });
    })
    .join()
    .unwrap();
}

#[test]
fn the_program_stays_small() {
    let mut harness = Harness::new();
    let (instructions, jitted_bytes) = program_size(&mut harness.dataplane);
    println!("verified instructions {instructions}, JIT bytes {jitted_bytes}");
    assert!(instructions < 60_000, "{instructions}");
}

#[test]
fn builder_and_program_agree_on_tags() {
    let packet = Shape { tags: &[100, 200], ..Shape::new("192.0.2.1", 80, Transport::Ack) }.bytes();
    assert_eq!(packet[12..14], EtherType::PROVIDER_BRIDGING.0.to_be_bytes());
    assert_eq!(packet[16..18], EtherType::VLAN_TAGGED_FRAME.0.to_be_bytes());
}
