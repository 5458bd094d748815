//! Random numbers of one replication, and delays that go on from an age.

use crate::automaton::logarithm::ln;
use crate::automaton::{Delay, Distribution, DistributionId, Nanos};
use crate::engine::streams::split_mix;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Tells the numbers of this reader from those of others with the same seed.
const PURPOSE: u64 = 0x7261_7265;

/// One generator for a whole replication: its trajectories are played one after the
/// other, in an order that does not depend on threads.
pub(super) struct Chance {
    generator: Xoshiro256PlusPlus,
    distributions: Vec<Distribution>,
    /// Which of them can be continued from an age.
    continuable: Vec<bool>,
}

/// A delay as seen from its age.
#[derive(Clone, Copy)]
pub(super) struct Law<'d> {
    shift_s: f64,
    distribution: &'d Distribution,
}

impl Law<'_> {
    /// See [`Distribution::cumulative_hazard`].
    #[inline]
    pub fn hazard(self, age_s: f64) -> f64 {
        self.distribution.cumulative_hazard(age_s - self.shift_s)
    }

    /// See [`Distribution::age_at_hazard`].
    #[inline]
    pub fn age_at(self, hazard: f64) -> f64 {
        self.shift_s + self.distribution.age_at_hazard(hazard)
    }
}

impl Chance {
    pub fn new(distributions: &[Distribution]) -> Chance {
        Chance {
            generator: Xoshiro256PlusPlus::seed_from_u64(0),
            continuable: distributions.iter().map(|d| d.has_hazard()).collect(),
            distributions: distributions.to_vec(),
        }
    }

    pub fn seed(&mut self, seed: u64, replication: u64) {
        let root = split_mix(split_mix(seed ^ PURPOSE) ^ replication);
        self.generator = Xoshiro256PlusPlus::seed_from_u64(root);
    }

    /// 0 <= u < 1.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        let bits = (self.generator.next_u64() >> 11) as i64;
        bits as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Exponential with mean 1.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        -ln(1.0 - self.uniform())
    }

    /// Draws a delay.
    #[inline]
    pub fn delay(&mut self, delay: Delay) -> Nanos {
        let (fixed, id) = match delay {
            Delay::Fixed(time) => return time,
            Delay::Uniform { low, high } => {
                let u = self.uniform();
                return Nanos(low.0 + ((high.0 - low.0) as f64 * u) as u64);
            }
            Delay::Drawn(id) => (Nanos::ZERO, id),
            Delay::FixedThenDrawn(fixed, id) => (fixed, id),
        };
        let u = self.uniform();
        fixed + Nanos::from_seconds(self.distributions[id.0 as usize].quantile(u))
    }

    /// The index of one of `weights`, with a probability in proportion to it.
    pub fn choose(&mut self, weights: &[f64]) -> usize {
        let total: f64 = weights.iter().sum();
        let mut left = self.uniform() * total;
        for (index, weight) in weights.iter().enumerate() {
            if left < *weight {
                return index;
            }
            left -= weight;
        }
        let last = weights.iter().rposition(|weight| *weight > 0.0);
        last.unwrap_or(0)
    }

    /// Can a delay be drawn anew from any age?
    #[inline]
    pub fn is_continuable(&self, delay: Delay) -> bool {
        drawn(delay).is_some_and(|(_, id)| self.continuable[id.0 as usize])
    }

    /// The law of a delay that is [continuable](Self::is_continuable).
    ///
    /// # Panics
    /// Where it is not.
    #[inline]
    pub fn law(&self, delay: Delay) -> Law<'_> {
        let (shift, id) = drawn(delay).expect("a delay that is drawn");
        Law {
            shift_s: shift.seconds(),
            distribution: &self.distributions[id.0 as usize],
        }
    }
}

#[inline]
fn drawn(delay: Delay) -> Option<(Nanos, DistributionId)> {
    match delay {
        Delay::Drawn(id) => Some((Nanos::ZERO, id)),
        Delay::FixedThenDrawn(fixed, id) => Some((fixed, id)),
        Delay::Fixed(_) | Delay::Uniform { .. } => None,
    }
}
