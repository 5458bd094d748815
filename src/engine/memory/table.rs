//! A table from 64-bit keys to numbers: open addressing, because a look at it is on the
//! path of every event.

use std::hash::{Hash, Hasher};

/// The number of no entry.
const EMPTY: u32 = u32::MAX;
/// Twice the golden ratio's fraction: spreads keys that count up (Knuth 6.4).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Entries are never taken out.
pub struct Table {
    entries: Vec<(u64, u32)>,
    /// How far a spread key is shifted to give a place.
    shift: u32,
    count: usize,
}

impl Table {
    /// An empty table.
    pub fn new() -> Table {
        let bits = 6;
        Table {
            entries: vec![(0, EMPTY); 1 << bits],
            shift: 64 - bits,
            count: 0,
        }
    }

    /// The first number under this key that is the one looked for.
    #[inline]
    pub fn find(&self, key: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.entries.len() - 1;
        let mut place = (key.wrapping_mul(SPREAD) >> self.shift) as usize;
        loop {
            let (known, number) = self.entries[place & mask];
            if number == EMPTY {
                return None;
            }
            if known == key && is_it(number) {
                return Some(number);
            }
            place += 1;
        }
    }

    /// Adds a number; those under the same key stay.
    pub fn insert(&mut self, key: u64, number: u32) {
        if 2 * self.count >= self.entries.len() {
            self.grow();
        }
        self.count += 1;
        let mask = self.entries.len() - 1;
        let mut place = (key.wrapping_mul(SPREAD) >> self.shift) as usize & mask;
        while self.entries[place].1 != EMPTY {
            place = (place + 1) & mask;
        }
        self.entries[place] = (key, number);
    }

    fn grow(&mut self) {
        let larger = vec![(0, EMPTY); 2 * self.entries.len()];
        let entries = std::mem::replace(&mut self.entries, larger);
        self.shift -= 1;
        self.count = 0;
        for (key, number) in entries {
            if number != EMPTY {
                self.insert(key, number);
            }
        }
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.entries.len() * size_of::<(u64, u32)>()
    }
}

/// A quick hash of a state, for tables in memory only: a word at a time, each rotated in
/// and multiplied.
pub fn hash_of(value: &impl Hash) -> u64 {
    let mut words = Words(0);
    value.hash(&mut words);
    words.0
}

struct Words(u64);

impl Hasher for Words {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(SPREAD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inserted_is_found() {
        let mut table = Table::new();
        for number in 0..10_000 {
            table.insert((u64::from(number) * 3) << 24, number);
        }
        for number in 0..10_000 {
            assert_eq!(
                table.find((u64::from(number) * 3) << 24, |_| true),
                Some(number)
            );
        }
        assert_eq!(table.find(1, |_| true), None);
    }

    #[test]
    fn numbers_under_one_key_are_told_apart() {
        let mut table = Table::new();
        table.insert(7, 1);
        table.insert(7, 2);
        assert_eq!(table.find(7, |number| number == 2), Some(2));
        assert_eq!(table.find(7, |number| number == 3), None);
    }

    #[test]
    fn hashes_differ_by_place() {
        assert_ne!(hash_of(&[1u64, 2]), hash_of(&[2u64, 1]));
        assert_ne!(hash_of(&[0u64, 0]), hash_of(&[0u64, 0, 0]));
    }
}
