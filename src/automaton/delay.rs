//! How long a timer runs.

use super::Nanos;

/// A distribution registered in the [`Blueprint`](super::Blueprint).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DistributionId(pub u32);

/// The delay of a timer. The automaton names it; the reader samples it, takes
/// it as a rate, or tries every order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delay {
    /// Exactly this long.
    Fixed(Nanos),
    /// Uniform between the two, e.g. the unknown phase of a heartbeat.
    Uniform { low: Nanos, high: Nanos },
    /// Drawn from a registered distribution.
    Drawn(DistributionId),
    /// A fixed part followed by a drawn one.
    FixedThenDrawn(Nanos, DistributionId),
}

impl Delay {
    /// Uniform between zero and `high`: the phase of something periodic.
    pub fn phase(high: Nanos) -> Delay {
        Delay::Uniform {
            low: Nanos::ZERO,
            high,
        }
    }
}
