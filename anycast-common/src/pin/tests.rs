use proptest::prelude::*;

use super::*;

proptest! {
    /// Key and record together are the flow, whatever its hash.
    #[test]
    fn a_flow_comes_back_from_its_record(
        source in any::<[u8; 16]>(),
        destination in any::<[u8; 16]>(),
        ports in any::<(u16, u16)>(),
        protocol in prop_oneof![Just(TCP), Just(UDP)],
        hash in any::<u64>(),
    ) {
        let flow = Flow {
            source: Address::from_v6(source),
            destination: Address::from_v6(destination),
            source_port: ports.0,
            destination_port: ports.1,
            protocol,
        };
        let record = Record::new(&flow, Pin::new(1, 2, 3));
        prop_assert_eq!(record.flow(FlowKey::new(&flow, hash)), flow);
    }
}
