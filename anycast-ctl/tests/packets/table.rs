//! Rows of packet, state and outcome, and the run through the program that holds them to it.

use anycast_common::{
    backend::{Delivery, LinkTag},
    detail::Detail,
    hash::expand_seed,
    reason::{Reason, Verdict},
};
use etherparse::{IpDscp, IpEcn, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, UdpHeader};

use crate::{
    counters::Delta,
    decode::decode,
    difference::{difference, listing},
    harness::{Harness, Observed, SEED, xdp_action},
    packet::{C_TAG, Packet, link},
    site::{OUTER_HOP_LIMIT, State, backend, outer_v4, outer_v6, vip_number},
};

/// What becomes of a packet.
#[derive(Clone, Debug)]
pub enum Expect {
    /// It reaches the owner of its flow's slot.
    Delivered,
    /// It reaches that backend.
    To(u16),
    /// It reaches that backend, behind the first fragment of that packet's flow.
    Follows(u16, Box<Packet>),
    /// It is passed or dropped as it is, as the reason says.
    Refused(Reason),
    /// It is answered with this packet.
    Answered(Reason, Box<Packet>),
}

/// One packet of a table.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub state: State,
    pub packet: Packet,
    pub expect: Expect,
    pub details: Vec<Detail>,
}

/// A row.
pub fn row(name: impl Into<String>, state: State, packet: Packet, expect: Expect) -> Row {
    Row { name: name.into(), state, packet, expect, details: Vec::new() }
}

impl Row {
    /// With details counted.
    pub fn details(self, details: &[Detail]) -> Self {
        Self { details: details.to_vec(), ..self }
    }
}

/// Runs the rows in their order, and fails with every row that is wrong.
pub fn check(harness: &mut Harness, rows: &[Row]) {
    let failures: Vec<String> = rows.iter().filter_map(|row| check_row(harness, row).err()).collect();
    assert!(failures.is_empty(), "{} of {} rows\n{}", failures.len(), rows.len(), failures.join("\n"));
}

fn check_row(harness: &mut Harness, row: &Row) -> Result<(), String> {
    harness.set(&row.state);
    let input = row.packet.bytes();
    let observed = harness.observe(&input);
    compare(harness, row, &input, &observed)
}

/// Runs one row, whatever details it has.
pub fn check_but_details(harness: &mut Harness, row: &Row) -> Result<(), String> {
    harness.set(&row.state);
    let input = row.packet.bytes();
    let mut observed = harness.observe(&input);
    observed.delta.details.clear();
    compare(harness, row, &input, &observed)
}

/// Runs a packet that some backend is to get, whatever details it has, and says which one did.
pub fn reach(harness: &mut Harness, name: &str, packet: &Packet) -> u16 {
    let input = packet.bytes();
    let mut observed = harness.observe(&input);
    observed.delta.details.clear();
    let Some((&(_, index), _)) = observed.delta.traffic.first_key_value() else {
        panic!("{name}: not delivered, {:?}", observed.delta)
    };
    let row = row(name, *harness.state(), packet.clone(), Expect::To(index));
    if let Err(text) = compare(harness, &row, &input, &observed) {
        panic!("{text}");
    }
    index
}

fn compare(harness: &Harness, row: &Row, input: &[u8], observed: &Observed) -> Result<(), String> {
    let (verdict, output, mut delta) = expected(harness, row, input);
    let vip = vip_number(&row.packet.destination.to_string());
    for detail in &row.details {
        *delta.details.entry((vip, detail.label())).or_default() += 1;
    }
    let mut text = String::new();
    if observed.verdict != verdict {
        text += &format!("  verdict: expected {verdict}, got {}\n", observed.verdict);
    }
    if observed.delta != delta {
        text += &format!("  counters: expected {delta:?}\n                 got {:?}\n", observed.delta);
    }
    if observed.output != output {
        text += &format!("  frame: {}", difference(&output, &observed.output));
    }
    let changed = observed.output != input;
    let wrong = if changed { decode(&observed.output).wrong } else { Vec::new() };
    if !wrong.is_empty() {
        text += &format!("  checksums: {wrong:?}\n{}", listing(&observed.output));
    }
    if text.is_empty() { Ok(()) } else { Err(format!("row \"{}\"\n{text}", row.name)) }
}

/// Verdict, frame and counters without details.
fn expected(harness: &Harness, row: &Row, input: &[u8]) -> (u32, Vec<u8>, Delta) {
    let vip = vip_number(&row.packet.destination.to_string());
    let refused = |reason: Reason| Delta { reasons: [((vip, reason.label()), 1)].into(), ..Delta::default() };
    let deliver = |index: u16, flow: &Packet| {
        let hash = flow.flow().hash(&expand_seed(SEED));
        let traffic = (1, row.packet.ip_length() as u64, u64::from(row.packet.opens_flow()));
        let delta = Delta { traffic: [((vip, index), traffic)].into(), ..Delta::default() };
        if row.state.delivery_of(index) == Delivery::Local {
            return (xdp_action::XDP_PASS, input.to_owned(), delta);
        }
        (harness.delivery_verdict, delivered(&row.packet, &row.state, index, hash), delta)
    };
    match &row.expect {
        Expect::Delivered => deliver(harness.owner_of(&row.packet.flow()), &row.packet),
        Expect::To(index) => deliver(*index, &row.packet),
        Expect::Follows(index, first) => deliver(*index, first),
        Expect::Refused(reason) => {
            let verdict = match reason.verdict() {
                Verdict::Pass => xdp_action::XDP_PASS,
                Verdict::Drop => xdp_action::XDP_DROP,
                Verdict::Answer => panic!("{reason:?} is no refusal"),
            };
            (verdict, input.to_owned(), refused(*reason))
        }
        Expect::Answered(reason, answer) => (xdp_action::XDP_TX, answer.bytes(), refused(*reason)),
    }
}

/// The frame that a packet leaves in, built from its parts.
pub fn delivered(packet: &Packet, state: &State, index: u16, hash: u32) -> Vec<u8> {
    let macs = [backend(index).destination, backend(index).source];
    let inner = Packet { hop_limit: packet.hop_limit - 1, macs, ..packet.clone() };
    let delivery = state.delivery_of(index);
    if delivery == Delivery::L2 {
        return inner.bytes();
    }
    // The inner packet as it is on its own, edits included.
    let inner = Packet { tags: Vec::new(), ..inner }.bytes()[14..].to_vec();
    let ip_length = packet.ip_length();
    let tags = match state.link_tag {
        LinkTag::Strip => Vec::new(),
        LinkTag::Keep => packet.tags.clone(),
        LinkTag::Set => vec![(C_TAG, state.vlan)],
    };
    let has_udp = matches!(delivery, Delivery::GueV4 | Delivery::GueV6);
    let protocol = match (has_udp, packet.destination.is_ipv4()) {
        (true, _) => 17,
        (false, true) => 4,
        (false, false) => 41,
    };
    let udp = UdpHeader {
        source_port: 49152 + (hash & 0x3fff) as u16,
        destination_port: 6080,
        length: (8 + ip_length) as u16,
        checksum: 0,
    };
    let udp: &[u8] = if has_udp { &udp.to_bytes() } else { &[] };
    let length = udp.len() + ip_length;
    let (ether_type, outer) = if matches!(delivery, Delivery::IpipV4 | Delivery::GueV4) {
        let [source, destination] = outer_v4(index).map(|address| address.octets());
        let mut header =
            Ipv4Header::new(length as u16, OUTER_HOP_LIMIT, IpNumber(protocol), source, destination).unwrap();
        header.dscp = IpDscp::try_new(packet.class >> 2).unwrap();
        header.ecn = IpEcn::try_new(packet.class & 3).unwrap();
        header.dont_fragment = true;
        header.header_checksum = header.calc_header_checksum();
        (0x0800, header.to_bytes().to_vec())
    } else {
        let [source, destination] = outer_v6(index).map(|address| address.octets());
        let header = Ipv6Header {
            traffic_class: packet.class,
            flow_label: Ipv6FlowLabel::try_new(hash & 0xf_ffff).unwrap(),
            payload_length: length as u16,
            next_header: IpNumber(protocol),
            hop_limit: OUTER_HOP_LIMIT,
            source,
            destination,
        };
        (0x86dd, header.to_bytes().to_vec())
    };
    [&link(macs, &tags, ether_type), &outer, udp, &inner].concat()
}
