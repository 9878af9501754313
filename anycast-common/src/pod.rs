//! Lets aya copy the shared types to and from maps.

use crate::{
    backend::Backend,
    counter::Traffic,
    slot::{SlotLine, Table},
};

macro_rules! pod {
    ($($type:ty),+ $(,)?) => {
        $(
            // SAFETY: `repr(C)`, Copy, and free of padding and of invalid bit patterns: the type derives zerocopy's FromBytes
            // and IntoBytes, which check that.
            unsafe impl aya::Pod for $type {}
        )+
    };
}

pod!(Backend, SlotLine, Table, Traffic);
