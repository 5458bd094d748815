//! Distributions as chains of memoryless stages, for readers that know only rates.
//!
//! What is memoryless already, or a sum or a choice of such, is taken as it is. Other
//! distributions become one with the same first moments: narrower than exponential,
//! a mixture of two Erlang distributions with a common rate (mean and variance; Tijms,
//! *A First Course in Stochastic Models*, 2003, appendix B); wider, two exponential
//! ones of which chance takes one (three moments where such a pair exists, otherwise
//! mean and variance with balanced means). Where a distribution is narrower than
//! the allowed number of stages can be, its mean alone is kept.

use crate::automaton::Distribution;

/// One memoryless stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// How many times per second it ends, in the mean.
    pub rate_per_s: f64,
    /// The stage that follows; without one, all is over.
    pub next: Option<u16>,
}

/// A chain of stages, begun at one of some stages.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseType {
    /// Where it begins, each with its probability; they sum to 1.
    pub initial: Vec<(f64, u16)>,
    /// The stages.
    pub stages: Vec<Stage>,
}

/// Stages that a sum of exponential stages may have in any case.
const MAX_EXACT_STAGES: f64 = 64.0;

impl PhaseType {
    /// One memoryless stage with this mean in seconds.
    pub fn exponential(mean_s: f64) -> PhaseType {
        PhaseType::erlang(1, mean_s)
    }

    /// `stages` equal stages with this mean in seconds altogether.
    pub fn erlang(stages: u16, mean_s: f64) -> PhaseType {
        let rate_per_s = f64::from(stages) / mean_s;
        PhaseType {
            initial: vec![(1.0, 0)],
            stages: chain(stages, rate_per_s),
        }
    }

    /// One of several exponential ones: probability and mean in seconds.
    fn hyperexponential(parts: &[(f64, f64)]) -> PhaseType {
        PhaseType {
            initial: parts
                .iter()
                .enumerate()
                .map(|(i, (p, _))| (*p, i as u16))
                .collect(),
            stages: parts
                .iter()
                .map(|(_, mean_s)| Stage {
                    rate_per_s: 1.0 / mean_s,
                    next: None,
                })
                .collect(),
        }
    }
}

fn chain(stages: u16, rate_per_s: f64) -> Vec<Stage> {
    (1..=stages)
        .map(|next| Stage {
            rate_per_s,
            next: (next < stages).then_some(next),
        })
        .collect()
}

/// The stages that stand for a distribution with a finite mean above zero, at most
/// `max_stages` where it is not a sum of stages by itself; and whether they are the
/// distribution itself.
pub fn fit(distribution: &Distribution, max_stages: usize) -> (PhaseType, bool) {
    match distribution {
        Distribution::Exponential { mean } => (PhaseType::exponential(*mean), true),
        Distribution::Gamma { shape, mean }
            if shape.fract() == 0.0 && *shape <= MAX_EXACT_STAGES =>
        {
            (PhaseType::erlang(*shape as u16, *mean), true)
        }
        Distribution::Weibull { shape, scale } if *shape == 1.0 => {
            (PhaseType::exponential(*scale), true)
        }
        Distribution::Mixture { parts } => match exponential_means(parts) {
            Some(means) => (PhaseType::hyperexponential(&means), true),
            None => (by_moments(&moments(distribution), max_stages), false),
        },
        Distribution::Scaled { factor, base } => {
            let (mut phases, exact) = fit(base, max_stages);
            for stage in &mut phases.stages {
                stage.rate_per_s /= factor;
            }
            (phases, exact)
        }
        other => (by_moments(&moments(other), max_stages), false),
    }
}

/// The same for a fixed time of `shift_s` seconds followed by a distribution.
pub fn fit_shifted(shift_s: f64, distribution: &Distribution, max_stages: usize) -> PhaseType {
    let [a, b, c] = moments(distribution);
    let s = shift_s;
    let shifted = [
        a + s,
        b + 2.0 * s * a + s * s,
        c + 3.0 * s * b + 3.0 * s * s * a + s * s * s,
    ];
    by_moments(&shifted, max_stages)
}

fn moments(distribution: &Distribution) -> [f64; 3] {
    [1, 2, 3].map(|order| distribution.raw_moment(order))
}

fn exponential_means(parts: &[(f64, Distribution)]) -> Option<Vec<(f64, f64)>> {
    parts
        .iter()
        .map(|(weight, part)| match part {
            Distribution::Exponential { mean } => Some((*weight, *mean)),
            _ => None,
        })
        .collect()
}

fn by_moments(moments: &[f64; 3], max_stages: usize) -> PhaseType {
    let [mean, second, third] = *moments;
    let squared_variation = second / (mean * mean) - 1.0;
    if !squared_variation.is_finite() {
        return PhaseType::exponential(mean);
    }
    let max = max_stages.clamp(1, usize::from(u16::MAX)) as u16;
    if squared_variation * f64::from(max) <= 1.0 {
        return PhaseType::erlang(max, mean);
    }
    if squared_variation < 1.0 {
        return mixed_erlang(mean, squared_variation);
    }
    three_moments(mean, second, third).unwrap_or_else(|| balanced_means(mean, squared_variation))
}

/// `k - 1` or `k` stages of one rate.
fn mixed_erlang(mean: f64, squared_variation: f64) -> PhaseType {
    let c2 = squared_variation;
    let k = (1.0 / c2).ceil().max(2.0);
    let root = (k * (1.0 + c2) - k * k * c2).max(0.0).sqrt();
    let fewer = ((k * c2 - root) / (1.0 + c2)).clamp(0.0, 1.0);
    let stages = k as u16;
    let mut initial = vec![(1.0 - fewer, 0)];
    if fewer > 0.0 {
        initial.push((fewer, 1));
    }
    PhaseType {
        initial,
        stages: chain(stages, (k - fewer) / mean),
    }
}

/// Two exponential distributions with these three moments, where they exist.
fn three_moments(mean: f64, second: f64, third: f64) -> Option<PhaseType> {
    let (a, b, c) = (mean, second / 2.0, third / 6.0);
    let spread = b - a * a;
    if !c.is_finite() || spread <= 1e-9 * b || a * c <= b * b {
        return None;
    }
    let sum = (c - a * b) / spread;
    let product = (a * c - b * b) / spread;
    let root = (sum * sum - 4.0 * product).max(0.0).sqrt();
    let long = 0.5 * (sum + root);
    let short = product / long;
    let share = (a - short) / (long - short);
    let kept = share * long + (1.0 - share) * short;
    let sound = long > short && (0.0..=1.0).contains(&share) && (kept / a - 1.0).abs() < 1e-9;
    sound.then(|| PhaseType::hyperexponential(&[(share, long), (1.0 - share, short)]))
}

/// Two exponential distributions with this mean and variation, each of which has half
/// of the mean.
fn balanced_means(mean: f64, squared_variation: f64) -> PhaseType {
    let tilt = ((squared_variation - 1.0) / (squared_variation + 1.0)).sqrt();
    let share = 0.5 * (1.0 + tilt);
    // A spread that no number can tell from infinite says nothing.
    if tilt == 0.0 || 1.0 - share < 1e-9 {
        return PhaseType::exponential(mean);
    }
    PhaseType::hyperexponential(&[
        (share, 0.5 * mean / share),
        (1.0 - share, 0.5 * mean / (1.0 - share)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The moments of a chain of stages, by adding one stage before another.
    fn moments_of(phases: &PhaseType) -> [f64; 3] {
        let from = |start: u16| {
            let mut times = Vec::new();
            let mut at = Some(start);
            while let Some(stage) = at {
                let stage = phases.stages[usize::from(stage)];
                times.push(1.0 / stage.rate_per_s);
                at = stage.next;
            }
            // A sum of independent exponentials: E[(X+Y)^k] by the binomial rule.
            times.into_iter().fold([0.0; 3], |[a, b, c], t| {
                let (x, y, z) = (t, 2.0 * t * t, 6.0 * t * t * t);
                [
                    a + x,
                    b + 2.0 * a * x + y,
                    c + 3.0 * b * x + 3.0 * a * y + z,
                ]
            })
        };
        let mut total = [0.0; 3];
        for (p, start) in &phases.initial {
            for (sum, moment) in total.iter_mut().zip(from(*start)) {
                *sum += p * moment;
            }
        }
        total
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs()
    }

    #[test]
    fn stages_that_are_the_distribution_itself() {
        let erlang = Distribution::Gamma {
            shape: 3.0,
            mean: 6.0,
        };
        let (phases, exact) = fit(&erlang, 1);
        assert!(exact);
        assert_eq!(phases.stages.len(), 3);
        assert!(close(moments_of(&phases)[2], erlang.raw_moment(3)));
    }

    #[test]
    fn a_constant_becomes_as_many_stages_as_allowed() {
        let (phases, exact) = fit(&Distribution::Deterministic { value: 5.0 }, 20);
        assert!(!exact);
        assert_eq!(phases.stages.len(), 20);
        assert!(close(moments_of(&phases)[0], 5.0));
    }

    #[test]
    fn life_times_of_servers_keep_three_moments() {
        for distribution in [
            Distribution::weibull_with_mean(0.7, 990.0),
            Distribution::lognormal_with_mean(10.0, 1.0),
        ] {
            let (phases, _) = fit(&distribution, 10);
            let found = moments_of(&phases);
            for (order, moment) in found.iter().enumerate() {
                assert!(
                    close(*moment, distribution.raw_moment(order as u8 + 1)),
                    "{distribution:?}: {found:?}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn mean_and_variance_are_kept(mean in 0.1..1e6f64, shape in 0.3..9.0f64) {
            let distribution = Distribution::Gamma { shape, mean };
            let (phases, _) = fit(&distribution, 32);
            let found = moments_of(&phases);
            prop_assert!(close(found[0], mean), "{found:?}");
            prop_assert!((found[1] / distribution.raw_moment(2) - 1.0).abs() < 1e-6);
            let total: f64 = phases.initial.iter().map(|(p, _)| p).sum();
            prop_assert!((total - 1.0).abs() < 1e-12);
        }

        #[test]
        fn lognormal_times_keep_their_mean_whatever_their_spread(sigma in 0.01..8.0f64) {
            let distribution = Distribution::lognormal_with_mean(7.0, sigma);
            let (phases, _) = fit(&distribution, 16);
            prop_assert!((moments_of(&phases)[0] / 7.0 - 1.0).abs() < 1e-6);
        }
    }
}
