//! Bytes that a seed makes, and a digest that notices any that is lost, doubled, damaged or out of place.

use crate::lab::random::Random;

/// Bytes are made and judged in pieces of this size.
pub const PIECE: usize = 64 << 10;

/// Pieces of random bytes that begin with their number.
pub struct Pieces {
    bytes: Vec<u8>,
    number: u64,
}

impl Pieces {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let bytes =
            std::iter::repeat_with(|| random.word().to_ne_bytes()).take(PIECE / 8).flatten().collect();
        Self { bytes, number: 0 }
    }

    /// The next piece, or as much of it as there is left to send.
    pub fn next(&mut self, left: u64) -> &[u8] {
        self.number += 1;
        for (to, from) in self.bytes.iter_mut().zip(self.number.to_ne_bytes()) {
            *to = from;
        }
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        self.bytes.get(..length).unwrap_or_default()
    }
}

/// Of whole pieces, the last one excepted.
#[derive(Default)]
pub struct Digest(u64);

impl Digest {
    pub fn add(&mut self, piece: &[u8]) {
        let (words, rest) = piece.as_chunks::<8>();
        let word = |word: &[u8; 8]| u64::from_ne_bytes(*word);
        for value in words.iter().map(word).chain(rest.iter().map(|&byte| u64::from(byte))) {
            self.0 = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
    }

    pub fn value(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_streams_apart() {
        let digest = |seed, pieces: u64, swap: bool| {
            let mut made: Vec<Vec<u8>> = Vec::new();
            let mut stream = Pieces::new(seed);
            for _ in 0..pieces {
                made.push(stream.next(u64::MAX).to_vec());
            }
            if swap {
                made.swap(0, 1);
            }
            let mut digest = Digest::default();
            made.iter().for_each(|piece| digest.add(piece));
            digest.value()
        };
        assert_eq!(digest(1, 3, false), digest(1, 3, false));
        for other in [digest(2, 3, false), digest(1, 2, false), digest(1, 3, true)] {
            assert_ne!(digest(1, 3, false), other);
        }
        assert_eq!(Pieces::new(1).next(5).len(), 5);
    }
}
