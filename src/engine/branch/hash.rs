//! A quick hash of situations: words are mixed in one after the other.
//!
//! A situation is some hundred words, and a search asks for the number of each of
//! them. Nobody who could choose them wants collisions, so nothing is keyed; equal
//! hashes are told apart by comparison.

use std::hash::{BuildHasherDefault, Hasher};

/// For a `HashMap` with situations as keys.
pub type BuildWordHasher = BuildHasherDefault<WordHasher>;

/// Mixes words.
#[derive(Clone, Copy, Debug, Default)]
pub struct WordHasher(u64);

/// 2^64 over the golden ratio: odd, and its bits follow no pattern.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            let mut eight = [0; 8];
            eight.copy_from_slice(word);
            self.write_u64(u64::from_le_bytes(eight));
        }
        for byte in words.remainder() {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        // A product is best in its high bits; a table wants the low ones as well.
        self.0 ^ self.0 >> 29
    }
}
