//! How long a timer waits, in a form that a chain of situations can hold.

use crate::automaton::{Delay, Distribution, Nanos, TimerClass};
use crate::estimate::phase_type::{self, PhaseType};
use std::collections::BTreeMap;

/// A distribution as a chain of memoryless stages.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The stages.
    pub phases: PhaseType,
    /// Is it the distribution itself, and not another one with the same moments?
    pub exact: bool,
    /// What it stands for, for people.
    pub of: String,
    /// Its mean in seconds.
    pub mean_s: f64,
}

/// What is made of a delay.
#[derive(Clone, Debug)]
pub enum Treatment {
    /// It never runs out.
    Never,
    /// One of these exact times, each as likely; and their mean.
    Clock(Vec<Nanos>, Nanos),
    /// Stages, by the number of the fit; before them a fixed time.
    Stages(Nanos, u32),
}

/// How delays are treated: what is short becomes a clock, what is long stages.
///
/// A chain has no memory of the age of a stage, and a clock costs situations. So
/// only reactions of the software that are short beside everything that comes by
/// chance are clocks; and exponential delays are always stages, because that is
/// exact.
#[derive(Clone, Debug)]
pub struct Waiting {
    distributions: Vec<Distribution>,
    /// Longer than this is long.
    short: Nanos,
    /// Points that stand for a distribution that became a clock.
    points: usize,
    /// Stages at most for a distribution that is narrower than exponential.
    max_stages: usize,
    /// Everything but what comes by chance is a clock: for the untimed search.
    untimed: bool,
    fits: Vec<Fit>,
    known: BTreeMap<(DelayKey, bool), Treatment>,
}

/// A delay as a key of a map.
type DelayKey = (u8, u64, u64);

fn key(delay: Delay) -> DelayKey {
    match delay {
        Delay::Fixed(time) => (0, time.0, 0),
        Delay::Uniform { low, high } => (1, low.0, high.0),
        Delay::Drawn(id) => (2, u64::from(id.0), 0),
        Delay::FixedThenDrawn(time, id) => (3, time.0, u64::from(id.0)),
    }
}

impl Waiting {
    /// For a chain in continuous time. `short` is the longest reaction that becomes
    /// a clock; `points` stand for each uniform phase; `max_stages` bounds the
    /// number of stages that stand for one delay.
    pub fn timed(
        distributions: &[Distribution],
        short: Nanos,
        points: usize,
        max_stages: usize,
    ) -> Waiting {
        Waiting {
            distributions: distributions.to_vec(),
            short,
            points,
            max_stages,
            untimed: false,
            fits: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    /// For a search that asks only for the order of events: reactions are clocks of
    /// `points` points, and what comes by chance waits for whoever searches.
    pub fn untimed(distributions: &[Distribution], points: usize) -> Waiting {
        Waiting {
            untimed: true,
            ..Waiting::timed(distributions, Nanos::NEVER, points, 1)
        }
    }

    /// A fit by its number.
    pub fn fit(&self, number: u32) -> &Fit {
        &self.fits[number as usize]
    }

    /// All fits that have been needed so far.
    pub fn fits(&self) -> &[Fit] {
        &self.fits
    }

    /// The mean of a delay in seconds; infinite where it never runs out.
    pub fn mean_s(&self, delay: Delay) -> f64 {
        let drawn = |id: crate::automaton::DistributionId| self.distributions[id.0 as usize].mean();
        match delay {
            Delay::Fixed(time) if time >= Nanos::NEVER => f64::INFINITY,
            Delay::Fixed(time) => time.seconds(),
            Delay::Uniform { low, high } => 0.5 * (low.seconds() + high.seconds()),
            Delay::Drawn(id) => drawn(id),
            Delay::FixedThenDrawn(time, id) => time.seconds() + drawn(id),
        }
    }

    /// The time that a delay does not exceed with probability `u`, 0 <= u < 1.
    pub fn quantile(&self, delay: Delay, u: f64) -> Nanos {
        let drawn = |id: crate::automaton::DistributionId| {
            Nanos::from_seconds(self.distributions[id.0 as usize].quantile(u))
        };
        match delay {
            Delay::Fixed(time) => time,
            Delay::Uniform { low, high } => Nanos(low.0 + ((high.0 - low.0) as f64 * u) as u64),
            Delay::Drawn(id) => drawn(id),
            Delay::FixedThenDrawn(time, id) => time + drawn(id),
        }
    }

    /// What is made of a delay of a timer of this class.
    pub fn treat(&mut self, delay: Delay, class: TimerClass) -> Treatment {
        let reaction = class == TimerClass::Reaction;
        let key = (key(delay), reaction);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let treatment = self.decide(delay, reaction);
        self.known.insert(key, treatment.clone());
        treatment
    }

    fn decide(&mut self, delay: Delay, reaction: bool) -> Treatment {
        let mean_s = self.mean_s(delay);
        if !mean_s.is_finite() {
            return Treatment::Never;
        }
        if mean_s == 0.0 {
            return clock(vec![Nanos::ZERO]);
        }
        if self.untimed && !reaction {
            return self.stage_of(Distribution::Exponential { mean: mean_s });
        }
        let short = reaction && mean_s <= self.short.seconds();
        match delay {
            Delay::Drawn(id) if !self.untimed => {
                let distribution = self.distributions[id.0 as usize].clone();
                let memoryless = matches!(distribution, Distribution::Exponential { .. });
                if short && !memoryless {
                    return clock(points_of(&distribution, self.points));
                }
                self.stage_of(distribution)
            }
            Delay::FixedThenDrawn(time, id) if !self.untimed && short => {
                let distribution = self.distributions[id.0 as usize].clone();
                match self.stage_of(distribution) {
                    Treatment::Stages(_, fit) => Treatment::Stages(time, fit),
                    other => other,
                }
            }
            _ if short || self.untimed => clock(self.points(delay)),
            Delay::Fixed(time) => self.stage_of(Distribution::Deterministic {
                value: time.seconds(),
            }),
            Delay::Uniform { low, high } => self.stage_of(Distribution::Uniform {
                low: low.seconds(),
                high: high.seconds(),
            }),
            Delay::Drawn(id) => self.stage_of(self.distributions[id.0 as usize].clone()),
            Delay::FixedThenDrawn(time, id) => {
                let distribution = self.distributions[id.0 as usize].clone();
                self.shifted_stage_of(time.seconds(), &distribution)
            }
        }
    }

    fn points(&self, delay: Delay) -> Vec<Nanos> {
        let of = |id: crate::automaton::DistributionId| {
            points_of(&self.distributions[id.0 as usize], self.points)
        };
        match delay {
            Delay::Fixed(time) => vec![time],
            Delay::Uniform { low, high } => points_of(
                &Distribution::Uniform {
                    low: low.seconds(),
                    high: high.seconds(),
                },
                self.points,
            ),
            Delay::Drawn(id) => of(id),
            Delay::FixedThenDrawn(time, id) => of(id).into_iter().map(|t| t + time).collect(),
        }
    }

    fn stage_of(&mut self, distribution: Distribution) -> Treatment {
        let (phases, exact) = phase_type::fit(&distribution, self.max_stages);
        self.add(Fit {
            phases,
            exact,
            mean_s: distribution.mean(),
            of: distribution.describe(),
        })
    }

    fn shifted_stage_of(&mut self, shift_s: f64, distribution: &Distribution) -> Treatment {
        let phases = phase_type::fit_shifted(shift_s, distribution, self.max_stages);
        self.add(Fit {
            phases,
            exact: false,
            mean_s: shift_s + distribution.mean(),
            of: format!("{shift_s} s and then {}", distribution.describe()),
        })
    }

    /// Equal fits share a number, so that equal situations are equal values.
    fn add(&mut self, fit: Fit) -> Treatment {
        let same = |other: &Fit| other.phases == fit.phases && other.exact == fit.exact;
        let number = match self.fits.iter().position(same) {
            Some(number) => number,
            None => {
                self.fits.push(fit);
                self.fits.len() - 1
            }
        };
        Treatment::Stages(Nanos::ZERO, number as u32)
    }
}

fn clock(points: Vec<Nanos>) -> Treatment {
    let total: f64 = points.iter().map(|point| point.seconds()).sum();
    let mean = Nanos::from_seconds(total / points.len() as f64);
    Treatment::Clock(points, mean)
}

/// Times that stand for a distribution: its quantiles in the middle of equal shares.
fn points_of(distribution: &Distribution, points: usize) -> Vec<Nanos> {
    match distribution {
        Distribution::Deterministic { value } => return vec![Nanos::from_seconds(*value)],
        Distribution::Uniform { low, high } if low == high => {
            return vec![Nanos::from_seconds(*low)];
        }
        _ => {}
    }
    (0..points)
        .map(|i| (i as f64 + 0.5) / points as f64)
        .map(|u| Nanos::from_seconds(distribution.quantile(u)))
        .collect()
}
