//! Lets aya copy the shared types to and from maps.

use crate::{
    bench::Workload,
    counter::Traffic,
    pin::{FlowKey, Record},
    probe::Probe,
    receive::{Config, SenderKey},
    tap::TapCounts,
    walk::Walk,
};

// SAFETY: `repr(C)`, Copy, and free of padding and of invalid bit patterns: the type derives zerocopy's FromBytes and
// IntoBytes, which check that.
unsafe impl aya::Pod for Traffic {}

// SAFETY: as above.
unsafe impl aya::Pod for Workload {}

// SAFETY: as above.
unsafe impl aya::Pod for FlowKey {}

// SAFETY: as above.
unsafe impl aya::Pod for Record {}

// SAFETY: as above.
unsafe impl aya::Pod for Config {}

// SAFETY: as above.
unsafe impl aya::Pod for SenderKey {}

// SAFETY: as above.
unsafe impl aya::Pod for Probe {}

// SAFETY: as above.
unsafe impl aya::Pod for Walk {}

// SAFETY: as above.
unsafe impl aya::Pod for TapCounts {}
