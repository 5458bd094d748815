//! Simulated time.

use std::fmt;
use std::ops::{Add, Sub};

/// A point or a length of simulated time in nanoseconds (0 to 584 years).
/// Integers, so that two timers never tie or part by rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// No time at all.
    pub const ZERO: Nanos = Nanos(0);
    /// Later than every horizon (see `scenario`): "never".
    pub const NEVER: Nanos = Nanos(u64::MAX / 2);
    /// One second.
    pub const SECOND: Nanos = Nanos(1_000_000_000);
    /// Seconds in a year of 8766 hours, the year of all results.
    pub const SECONDS_PER_YEAR: f64 = 31_557_600.0;

    /// Rounds to the nearest nanosecond; negative and undefined become zero, and
    /// what is beyond [`Nanos::NEVER`] becomes never.
    #[inline]
    pub fn from_seconds(seconds: f64) -> Nanos {
        // The cast itself turns no number into zero and stops at `i64::MAX`, which
        // is `NEVER`. Baseline x86-64 converts to a signed number in one instruction.
        Nanos(((seconds * 1e9 + 0.5) as i64).max(0) as u64)
    }

    /// The time in seconds.
    #[inline]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The time in years of 8766 hours.
    pub fn years(self) -> f64 {
        self.seconds() / Self::SECONDS_PER_YEAR
    }

    /// The difference, or zero where `other` is later.
    #[inline]
    pub fn since(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(other.0))
    }

    /// This time `factor` times over.
    pub fn times(self, factor: u64) -> Nanos {
        Nanos(self.0.saturating_mul(factor).min(Self::NEVER.0))
    }
}

impl Add for Nanos {
    type Output = Nanos;
    /// Sums stop at [`Nanos::NEVER`].
    #[inline]
    fn add(self, other: Nanos) -> Nanos {
        Nanos((self.0 + other.0).min(Self::NEVER.0))
    }
}

impl Sub for Nanos {
    type Output = Nanos;
    #[inline]
    fn sub(self, other: Nanos) -> Nanos {
        self.since(other)
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A quotient is rounded once: 30 s, and not 30.000000000000004 s.
        write!(f, "{}s", self.0 as f64 / 1e9)
    }
}
