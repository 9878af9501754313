//! What is counted beside a packet's outcome: how it came to it.

use crate::numbered::numbered;

/// Columns of the detail counters: room for codes to come.
pub const MAX_DETAILS: usize = 16;

numbered! {
    /// Something worth counting about a packet to a VIP, whatever becomes of it. Codes are numbered once and never
    /// reused; labels are the ones of `status`, metrics and the documentation.
    Detail {
        /// First fragments: where they went is remembered.
        FragmentFirst = 0, "fragment_first";
        /// Later fragments that followed their first one.
        FragmentFollowed = 1, "fragment_followed";
        /// Later fragments without a first one that is remembered: steered by addresses and protocol alone.
        FragmentStray = 2, "fragment_stray";
        /// Fragments that left a gap behind the ones before them.
        FragmentOutOfOrder = 3, "fragment_out_of_order";
        /// Fragments with bytes that came before: a repetition, or an attack on reassembly.
        FragmentOverlap = 4, "fragment_overlap";
        /// ICMP errors, steered with the flow they are about.
        IcmpError = 5, "icmp_error";
        /// IPv4 packets too big for the way to their backend whose sender did not ask to be told.
        TooBigMayFragment = 6, "too_big_may_fragment";
    }
}

const _: () = assert!(Detail::ALL.len() <= MAX_DETAILS);

#[cfg(test)]
mod tests {
    use super::Detail;

    #[test]
    fn codes_are_dense_and_in_order() {
        for (position, detail) in Detail::ALL.iter().enumerate() {
            assert_eq!(detail.code() as usize, position, "{}", detail.label());
        }
    }
}
