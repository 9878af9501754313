//! Counters that a packet moves.

use anycast_common::detail::Detail;

use super::{Steps, reason};
use crate::api::types::{CounterMove, ExplainedBackend, ExplainedVip};

impl Steps<'_> {
    /// One outcome, and details beside it.
    pub fn counters(
        &self,
        vip: Option<&ExplainedVip>,
        backend: Option<&ExplainedBackend>,
    ) -> Vec<CounterMove> {
        let vip = vip.map(|vip| vip.name.clone());
        let one = |counter: &str| CounterMove {
            counter: counter.to_owned(),
            vip: vip.clone(),
            backend: None,
            by: 1,
        };
        let mut moves = Vec::new();
        match reason(self.walk) {
            Some(reason) => moves.push(one(reason.label())),
            None => {
                let backend = backend.map(|backend| backend.name.clone());
                let (bytes, new_flows) = (self.walk.packet_bytes.into(), self.walk.opens_flow.into());
                for (counter, by) in [("packets", 1), ("bytes", bytes), ("new_flows", new_flows)] {
                    if by > 0 {
                        moves.push(CounterMove { backend: backend.clone(), by, ..one(counter) });
                    }
                }
            }
        }
        let details = Detail::ALL.iter().filter(|detail| self.walk.details >> detail.code() & 1 != 0);
        moves.extend(details.map(|detail| one(detail.label())));
        moves
    }
}
