//! How much has changed while a peer was away, without a clock.
//!
//! The time since the loss of a peer is known in steps: each is a quarter longer than the
//! one before. The amount is what is written in the middle of a step, so it is right
//! within an eighth, and the device's size at most.

use crate::automaton::Nanos;

/// The first step ends after this many seconds.
const FIRST_S: f64 = 10.0;
const GROWTH: f64 = 1.25;

/// The steps of one device.
#[derive(Clone, Debug)]
pub struct Ladder {
    /// Seconds since the loss at which each step ends; the last has no end.
    ends_s: Vec<f64>,
    changes: f64,
    size: f64,
    rate: f64,
}

impl Ladder {
    /// For a device of `size` bytes of which `changes` bytes per second become out of
    /// date, and which is copied at `rate` bytes per second.
    pub fn new(size: f64, changes: f64, rate: f64) -> Ladder {
        let full_s = size / changes;
        let mut ends_s = Vec::new();
        let mut end_s = FIRST_S;
        while end_s < full_s && ends_s.len() < 200 {
            ends_s.push(end_s);
            end_s *= GROWTH;
        }
        Ladder {
            ends_s,
            changes,
            size,
            rate,
        }
    }

    /// The step in which everything has changed.
    pub fn last(&self) -> u64 {
        self.ends_s.len() as u64
    }

    /// How long a step is; none for the last one.
    pub fn length(&self, step: u64) -> Option<Nanos> {
        let index = usize::try_from(step).ok()?;
        let end_s = self.ends_s.get(index)?;
        let begin_s = if index == 0 { 0.0 } else { self.ends_s[index - 1] };
        Some(Nanos::from_seconds(end_s - begin_s))
    }

    /// The time that it takes to copy what has changed by a step.
    pub fn resync(&self, step: u64) -> Nanos {
        let index = step as usize;
        let end_s = |i: usize| self.ends_s.get(i).copied();
        let bytes = match end_s(index) {
            None => self.size,
            Some(end_s_now) => {
                let begin_s = if index == 0 { 0.0 } else { self.ends_s[index - 1] };
                (self.changes * (begin_s + end_s_now) / 2.0).min(self.size)
            }
        };
        Nanos::from_seconds(bytes / self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_amount_follows_the_time_within_an_eighth() {
        let ladder = Ladder::new(1e11, 1e6, 1e8);
        let (mut at_s, mut step) = (0.0, 0);
        while let Some(length) = ladder.length(step) {
            let copied = ladder.resync(step).seconds() * 1e8;
            let (low, high) = (at_s * 1e6, (at_s + length.seconds()) * 1e6);
            assert!(copied >= low && copied <= high);
            assert!(step == 0 || (high / low - 1.25).abs() < 1e-6);
            at_s += length.seconds();
            step += 1;
        }
        assert!((ladder.resync(ladder.last()).seconds() - 1000.0).abs() < 1e-9);
    }
}
