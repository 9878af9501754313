//! A flow: the 5-tuple.

use crate::{
    address::Address,
    hash::{HashKey, mix64, pair},
};

/// Source, destination, source port, destination port, protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Source address.
    pub source: Address,
    /// Destination address: the VIP.
    pub destination: Address,
    /// Source port, host order.
    pub source_port: u16,
    /// Destination port, host order.
    pub destination_port: u16,
    /// IANA protocol number.
    pub protocol: u8,
}

impl Flow {
    /// The flow hash: 32 bits that nobody without the key can predict or aim.
    #[inline(always)]
    pub fn hash(&self, key: &impl HashKey) -> u32 {
        (self.wide_hash(key) >> 32) as u32
    }

    /// The flow hash with 32 bits more below it, which say nothing of the flow's slot.
    ///
    /// NH of UMAC (Black et al., CRYPTO 1999, section 5; RFC 4418 section 5.2.1): the 5-tuple in 64-bit words, each split
    /// into halves that are added to key halves and multiplied, the products summed. Two flows chosen without the
    /// key collide with probability 2^-32. A finalizer then spreads the sum over all bits. The products do not
    /// depend on each other, so that a CPU computes them side by side.
    #[inline(always)]
    pub fn wide_hash(&self, key: &impl HashKey) -> u64 {
        let ports = u64::from(self.source_port) << 16 | u64::from(self.destination_port);
        let mut sum = pair(ports | u64::from(self.protocol) << 32, key.word(0));
        let [source_high, source_low] = self.source.words();
        let [destination_high, destination_low] = self.destination.words();
        if self.destination.is_v4() {
            sum = sum.wrapping_add(pair(source_low >> 32 | destination_low & !0xffff_ffff, key.word(1)));
        } else {
            sum = sum.wrapping_add(pair(source_high, key.word(1)));
            sum = sum.wrapping_add(pair(source_low, key.word(2)));
            sum = sum.wrapping_add(pair(destination_high, key.word(3)));
            sum = sum.wrapping_add(pair(destination_low, key.word(4)));
        }
        mix64(sum ^ key.word(5))
    }

    /// What is hashed in place of a flow where all flows of a source go to one backend, or else all flows between two addresses.
    #[inline(always)]
    pub fn narrowed(&self, to_source: bool) -> Self {
        // Without a branch: the verifier would walk all that follows once more.
        let mask = u64::from(to_source).wrapping_neg();
        let destination = self.destination.select(&self.source, mask);
        Self { source: self.source, destination, source_port: 0, destination_port: 0, protocol: 0 }
    }
}

#[cfg(test)]
mod tests;
