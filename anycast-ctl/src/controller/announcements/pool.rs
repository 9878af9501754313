//! What a pool says of the VIPs that it serves.

use super::super::Controller;
use crate::{
    announce::orders::{Candidate, PoolOrder},
    condition::Condition,
    model::{AdminState, Pool},
    utc::Utc,
};

impl Controller {
    /// What decides about the VIPs of a pool.
    pub(in crate::controller) fn pool_order(&self, pool: &Pool) -> PoolOrder {
        let census = self.numbers.pool(&pool.name).and_then(|number| self.census.get(&number));
        let moving = census.map_or(0, |census| census.in_transition());
        let mut order = PoolOrder { min_healthy: pool.min_healthy, moving, ..PoolOrder::default() };
        for backend in &pool.backends {
            if backend.backup {
                order.diverts |= Condition::of(&self.opinions(), pool, backend).is_eligible();
                continue;
            }
            let asks_drain = self.opinions().standing(pool, backend).asks_drain;
            match backend.state {
                AdminState::Disabled => continue,
                AdminState::Draining => {
                    let is_over = backend.drain_until.is_some_and(|until| until <= Utc::now());
                    order.draining += u32::from(!is_over);
                    continue;
                }
                AdminState::Active if asks_drain => {
                    order.draining += 1;
                    continue;
                }
                AdminState::Active => order.active += 1,
            }
            let is_marked = self.marks.contains(&(pool.name.clone(), backend.address));
            if self.is_reached(pool, backend) && !is_marked {
                let is_checked = pool.is_checked(backend);
                order.candidates.push(Candidate { address: backend.address, is_checked });
            }
        }
        order
    }
}
