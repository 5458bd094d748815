//! How much of a time a service is down: the distribution, not the mean alone.
//!
//! With `C(x, t)` the probability of more than `x` seconds down within `t`, the
//! transform of `C` in both is found state by state (Rubino and Sericola 2014, chapter 6,
//! for Markov chains; Limnios and Oprisan 2001 for semi-Markov ones). In a state with the
//! transform `g` of the time in it, let `z = s + u` where the service is down and `z = s`
//! where it is not. Then
//!
//! `D_i = (1 - g_i(z_i)) (1/s - 1/z_i) + g_i(z_i) sum_j p_ij D_j`,
//!
//! and `D / u` is the transform of `C`. For each `s` and `u` these equations are solved by
//! state reduction, in which `1 - g` takes the place of a subtraction, so that a year with
//! downtime may be as rare as it likes. A program of the operations is made once.

use super::chain::Chain;
use crate::estimate::laplace::{Complex, invert, invert_complex};

/// States and operations of one solution at most. A point of the curve takes 1225
/// solutions, and a quantile about ten points: half a second.
const STATES: usize = 500;
const OPERATIONS: usize = 10_000;
/// A stay that is a time-out is as many equal stages as this: a curve with jumps would
/// be lost in the inversion.
const STAGES: f64 = 16.0;
/// What a quantile may be off, as a part of it or of its probability.
const PRECISION: f64 = 1e-5;

/// The time that a service is down within a span.
pub struct DownTime {
    states: Vec<Stay>,
    program: Program,
    span_s: f64,
    /// The probability of any downtime.
    pub any: f64,
}

/// A state, as far as time goes.
struct Stay {
    mean_s: f64,
    is_clock: bool,
    is_down: bool,
}

impl DownTime {
    /// Of a service within `span_s` seconds, from a distribution over the states.
    /// `None` where the chain is too large for it.
    pub fn of(chain: &Chain, service: usize, start: &[f64], span_s: f64) -> Option<DownTime> {
        let states = (0..chain.len()).map(|state| Stay {
            mean_s: chain.sojourn_s[state],
            is_clock: chain.clocks[state],
            is_down: chain.look(state, service).is_down(),
        });
        let mut down_time = DownTime {
            states: states.collect(),
            program: Program::of(chain, start)?,
            span_s,
            any: 0.0,
        };
        down_time.any = invert(span_s, |s| down_time.ever_down(s)).clamp(0.0, 1.0);
        Some(down_time)
    }

    /// The probability of more downtime than this.
    pub fn more_than(&self, down_s: f64) -> f64 {
        if down_s >= self.span_s {
            return 0.0;
        }
        let at_span = |u: Complex| invert_complex(self.span_s, |s| self.transform(s, u)) / u;
        invert(down_s, at_span).clamp(0.0, self.any)
    }

    /// The downtime that is exceeded with a probability.
    pub fn exceeded_with(&self, probability: f64) -> f64 {
        if self.any <= probability {
            return 0.0;
        }
        // From well below the shortest stay in trouble to the whole span.
        let down = self.states.iter().filter(|state| state.is_down);
        let shortest = down
            .map(|state| state.mean_s)
            .filter(|mean_s| *mean_s > 0.0);
        let shortest = shortest.fold(self.span_s, f64::min);
        let above = |log_s: f64| (self.more_than(log_s.exp()).max(1e-300) / probability).ln();
        zero(above, (1e-4 * shortest).ln(), self.span_s.ln()).exp()
    }

    fn transform(&self, s: Complex, u: Complex) -> Complex {
        self.program.run(|state| {
            let stay = &self.states[state];
            if !stay.is_down {
                return stay.end(s);
            }
            let z = s + u;
            let end = stay.end(z);
            End {
                brings: end.leaves * u / (s * z),
                ..end
            }
        })
    }

    /// The same for the probability of having been down at all.
    fn ever_down(&self, s: Complex) -> Complex {
        self.program.run(|state| {
            let stay = &self.states[state];
            // A state of no length is no downtime.
            if stay.is_down && stay.mean_s > 0.0 {
                return End {
                    goes_on: Complex::default(),
                    leaves: Complex::real(1.0),
                    brings: Complex::real(1.0) / s,
                };
            }
            stay.end(s)
        })
    }
}

/// What becomes of a state, in transforms.
#[derive(Clone, Copy, Default)]
struct End {
    /// `g`: goes on to other states.
    goes_on: Complex,
    /// `1 - g`.
    leaves: Complex,
    /// What that brings.
    brings: Complex,
}

/// Where a decreasing function is zero between two places; false position, and the half
/// where that is slow (Dowell and Jarratt 1971, the Illinois rule).
fn zero(function: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let (mut at_low, mut at_high) = (function(low), function(high));
    if at_low <= 0.0 {
        return low;
    }
    let mut last_was_low = None;
    while high - low > PRECISION {
        let part = (at_low / (at_low - at_high)).clamp(0.01, 0.99);
        let middle = low + part * (high - low);
        let value = function(middle);
        if value.abs() < PRECISION {
            return middle;
        }
        let is_low = value > 0.0;
        let again = last_was_low == Some(is_low);
        match is_low {
            true => (low, at_low) = (middle, value),
            false => (high, at_high) = (middle, value),
        }
        match (again, is_low) {
            (true, true) => at_high *= 0.5,
            (true, false) => at_low *= 0.5,
            (false, _) => {}
        }
        last_was_low = Some(is_low);
    }
    0.5 * (low + high)
}

impl Stay {
    /// `g(z)` and `1 - g(z)`, neither by subtraction.
    fn end(&self, z: Complex) -> End {
        let one = Complex::real(1.0);
        let (goes_on, leaves) = match (self.mean_s, self.is_clock) {
            (0.0, _) => (one, Complex::default()),
            (f64::INFINITY, _) => (Complex::default(), one),
            (mean_s, false) => {
                let x = z.scaled(mean_s);
                (one / (one + x), x / (one + x))
            }
            (mean_s, true) => {
                // q^16 - 1 = (q - 1) (q + 1) (q^2 + 1) (q^4 + 1) (q^8 + 1).
                let x = z.scaled(mean_s / STAGES);
                let mut power = one + x;
                let mut difference = x;
                for _ in 0..STAGES.log2() as u32 {
                    difference = difference * (power + one);
                    power = power * power;
                }
                (one / power, difference / power)
            }
        };
        End {
            goes_on,
            leaves,
            brings: Complex::default(),
        }
    }
}

/// The steps of a state reduction, for any values on the same places.
struct Program {
    /// What stands on each place at first: a state and a probability.
    places: Vec<(u32, f64)>,
    /// The states in the order in which they are taken out.
    pivots: Vec<Pivot>,
    /// Where the start's own steps are.
    states: usize,
}

/// What is done when a state is taken out.
struct Pivot {
    state: u32,
    /// Its steps.
    row: Vec<u32>,
    /// Who steps to it: state, place of the step, and the places that its own steps are
    /// added to; `NOWHERE` is a step of a state to itself, which is never kept.
    callers: Vec<(u32, u32, Vec<u32>)>,
}

const NOWHERE: u32 = u32::MAX;

impl Program {
    fn of(chain: &Chain, start: &[f64]) -> Option<Program> {
        let count = chain.len();
        if count > STATES {
            return None;
        }
        let mut places = Vec::new();
        // For each state and the start: to whom, and on which place.
        let mut rows: Vec<Vec<(u32, u32)>> = Vec::with_capacity(count + 1);
        let mut row_of = |from: usize, steps: &mut dyn Iterator<Item = (u32, f64)>| {
            let row = steps.map(|(to, p)| {
                places.push((from as u32, p));
                (to, places.len() as u32 - 1)
            });
            row.collect::<Vec<_>>()
        };
        for state in 0..count {
            rows.push(row_of(state, &mut chain.next(state).iter().copied()));
        }
        let begins = start.iter().enumerate().filter(|(_, p)| **p > 0.0);
        let begins = begins.map(|(state, p)| (state as u32, *p));
        rows.push(row_of(count, &mut { begins }));
        let mut pivots = Vec::with_capacity(count);
        let mut operations = 0;
        let mut left: Vec<u32> = (0..count as u32).collect();
        while !left.is_empty() {
            let cost = |state: &u32| {
                let calls = rows
                    .iter()
                    .filter(|row| row.iter().any(|(to, _)| to == state));
                (calls.count() * rows[*state as usize].len(), *state)
            };
            let (at, _) = left
                .iter()
                .enumerate()
                .min_by_key(|(_, state)| cost(state))?;
            let state = left.swap_remove(at);
            let pivot = Pivot::of(state, &mut rows, &mut places);
            operations += pivot.callers.len() * (pivot.row.len() + 2);
            if operations > OPERATIONS {
                return None;
            }
            pivots.push(pivot);
        }
        Some(Program {
            places,
            pivots,
            states: count,
        })
    }

    /// Solves, from the start, for what leaves each state for ever and what that brings.
    fn run(&self, state: impl Fn(usize) -> End) -> Complex {
        let mut ends: Vec<End> = (0..self.states).map(state).collect();
        ends.push(End {
            goes_on: Complex::real(1.0),
            ..End::default()
        });
        let values = self.places.iter();
        let values = values.map(|(from, p)| ends[*from as usize].goes_on.scaled(*p));
        let mut values: Vec<Complex> = values.collect();
        for pivot in &self.pivots {
            let here = ends[pivot.state as usize];
            let mut leaves = here.leaves;
            for place in &pivot.row {
                leaves += values[*place as usize];
            }
            for (caller, place, targets) in &pivot.callers {
                let share = values[*place as usize] / leaves;
                for (target, place) in targets.iter().zip(&pivot.row) {
                    if *target != NOWHERE {
                        let more = share * values[*place as usize];
                        values[*target as usize] += more;
                    }
                }
                let end = &mut ends[*caller as usize];
                end.leaves += share * here.leaves;
                end.brings += share * here.brings;
            }
        }
        ends[self.states].brings
    }
}

impl Pivot {
    /// Takes a state out of the rows; new steps get new places, where nothing stands yet.
    fn of(state: u32, rows: &mut [Vec<(u32, u32)>], places: &mut Vec<(u32, f64)>) -> Pivot {
        let own = std::mem::take(&mut rows[state as usize]);
        let mut callers = Vec::new();
        for (caller, row) in rows.iter_mut().enumerate() {
            let Some(at) = row.iter().position(|(to, _)| *to == state) else {
                continue;
            };
            let (_, place) = row.swap_remove(at);
            let mut targets = Vec::with_capacity(own.len());
            for (to, _) in &own {
                let known = row.iter().find(|(known, _)| known == to);
                targets.push(match known {
                    _ if *to as usize == caller => NOWHERE,
                    Some((_, target)) => *target,
                    None => {
                        let target = places.len() as u32;
                        places.push((caller as u32, 0.0));
                        row.push((*to, target));
                        target
                    }
                });
            }
            callers.push((caller as u32, place, targets));
        }
        Pivot {
            state,
            row: own.into_iter().map(|(_, place)| place).collect(),
            callers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::solve::chain::Look;
    use crate::model::measure::Condition;

    fn unit(fails: f64, mends: f64) -> Chain {
        let mut chain = Chain {
            services: 1,
            start: vec![(0, 1.0)],
            ..Chain::default()
        };
        chain.push_row(1.0 / fails, [(1, 1.0)]);
        chain.push_row(1.0 / mends, [(0, 1.0)]);
        for condition in [Condition::Up, Condition::Down] {
            chain.looks.push(Look {
                condition,
                success: 1.0,
                cause: 0,
            });
        }
        chain
    }

    /// Barlow and Hunter (1961): up to `x` down in `t` if the repairs of the failures in
    /// `t - x` of working time take no longer than `x`.
    fn barlow_hunter(fails: f64, mends: f64, t: f64, x: f64) -> f64 {
        let (a, b) = (fails * (t - x), mends * x);
        let mut failures = (-a).exp();
        let mut shorter = 1.0; // n repairs take no longer than x
        let mut repairs = (-b).exp();
        let mut sum = 0.0;
        for n in 1..400 {
            sum += failures * shorter;
            failures *= a / f64::from(n);
            shorter -= repairs;
            repairs *= b / f64::from(n);
        }
        sum
    }

    #[test]
    fn a_unit_follows_the_known_series() {
        let (fails, mends, year) = (1.0 / 990.0, 0.1, 8766.0);
        let down = DownTime::of(&unit(fails, mends), 0, &[1.0, 0.0], year).expect("small");
        assert!((down.any - 1.0 + (-fails * year).exp()).abs() < 1e-7);
        for x in [1.0, 20.0, 60.0, 90.0, 200.0, 400.0] {
            let exact = 1.0 - barlow_hunter(fails, mends, year, x);
            assert!((down.more_than(x) - exact).abs() < 1e-6, "{x}");
        }
        for p in [0.5, 0.1, 0.01] {
            let x = down.exceeded_with(p);
            let exact = 1.0 - barlow_hunter(fails, mends, year, x);
            assert!((exact / p - 1.0).abs() < 1e-4, "{p}: {x} {exact}");
        }
    }

    #[test]
    fn rare_years_keep_their_digits() {
        // One failure in 1e9 years: a year is down for more than x if it fails, and its
        // only repair takes longer; what lies beyond the end of the year is cut off.
        let (fails, mends, year) = (1.0 / 8.766e12, 0.1, 8766.0);
        let down = DownTime::of(&unit(fails, mends), 0, &[1.0, 0.0], year).expect("small");
        assert!(
            (down.any / (fails * year) - 1.0).abs() < 1e-6,
            "{}",
            down.any
        );
        let x = 10.0;
        let exact = fails * (year - x) * (-mends * x).exp();
        assert!((down.more_than(x) / exact - 1.0).abs() < 1e-6);
        assert_eq!(down.exceeded_with(0.01), 0.0);
    }

    #[test]
    fn a_time_out_is_less_spread_than_a_repair() {
        let mut chain = unit(1.0, 1.0);
        let wide = DownTime::of(&chain, 0, &[1.0, 0.0], 100.0).expect("small");
        chain.clocks[1] = true;
        let narrow = DownTime::of(&chain, 0, &[1.0, 0.0], 100.0).expect("small");
        let spread = |d: &DownTime| d.exceeded_with(0.05) - d.exceeded_with(0.95);
        // Renewal theory: the variance per second is m a^2 (c2_up + c2_down), with
        // m cycles per second and a half of the cycle on each side.
        let ratio = (1.0f64 + 1.0 / 16.0).sqrt() / 2f64.sqrt();
        assert!((spread(&narrow) / spread(&wide) / ratio - 1.0).abs() < 0.02);
    }
}
