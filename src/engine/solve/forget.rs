//! Long spans of a chain that forgets its start long before their end.
//!
//! Let `a` be the state with the largest share in the long run, and `T(v)` the mean
//! times in all other states from a start `v` until `a` is entered. The mean time in a
//! state through a long span is what the long run gives, and a constant, the row of the
//! chain's deviation matrix (the group inverse of Meyer 1975):
//!
//! `time(v, L) = p L + T(v) - T(p) + p (sum T(p) - sum T(v))`
//!
//! with `p` the shares in the long run: from `a` on, a chain that began as `v` and one
//! that began as `p` are alike, and both have to fill the same `L`. Each `T` comes without a subtraction, from the
//! chain that begins anew as `v` where it enters `a`. What is subtracted at the end is of
//! the size of a few repairs beside a span of many, state by state, so that the rarest
//! state keeps its digits as well.
//!
//! How fast the start is forgotten is not guessed. With `h` the longest mean time until
//! `a` and `q` the rate of leaving it, a chain is in `a` after a time `2h` with
//! probability `m >= exp(-2hq) / 2` wherever it was (Markov's inequality), so two starts
//! differ by no more than `(1 - m)^k` after `k` such times (Doeblin 1937). Where that is
//! not far below the smallest share, there is no answer.

use super::stationary::{Components, visits_around};

/// Chains of up to so many states; a row that leads everywhere is worked on.
const STATES: usize = 5000;
/// The part of the smallest share that what is left of the start may have.
const REST: f64 = 1e-15;
/// The sum of all terms, without signs, beside their result.
const CANCELLATION: f64 = 100.0;

/// What has to be known of a chain for long spans of it.
pub struct Forgetting<'c> {
    rates: &'c [Vec<(u32, f64)>],
    steady: &'c [f64],
    /// The state with the largest share.
    often: u32,
    /// Mean times in all others until `often`, from a start in the long run.
    from_steady: Vec<f64>,
    /// A time in which `often` is reached with probability `reached` at least.
    step_s: f64,
    reached: f64,
}

impl<'c> Forgetting<'c> {
    /// Of a chain with these rates and shares in the long run. `None` where it is too
    /// large, or ends in different parts.
    pub fn of(rates: &'c [Vec<(u32, f64)>], steady: &'c [f64]) -> Option<Self> {
        let states = 0..rates.len();
        let often = states.max_by(|a, b| steady[*a].total_cmp(&steady[*b]))? as u32;
        let leaves: f64 = rates[often as usize].iter().map(|(_, rate)| rate).sum();
        let one_part = Components::of(rates).closed.len() == 1;
        if rates.len() > STATES || leaves == 0.0 || !one_part {
            return None;
        }
        let step_s = 2.0 * longest_way(rates, often);
        Some(Forgetting {
            rates,
            steady,
            often,
            from_steady: times_until(rates, often, steady),
            step_s,
            reached: 0.5 * (-step_s * leaves).exp(),
        })
    }

    /// Seconds in each state during `time_s`, and where it is then. `None` where the
    /// start is not forgotten by then.
    pub fn from(&self, start: &[f64], time_s: f64) -> Option<(Vec<f64>, Vec<f64>)> {
        let from_start = times_until(self.rates, self.often, start);
        let sum_start: f64 = from_start.iter().sum();
        let sum_steady: f64 = self.from_steady.iter().sum();
        let longer = sum_steady - sum_start;
        let mut time = vec![0.0; start.len()];
        for state in 0..start.len() {
            let (p, once) = (self.steady[state], from_start[state]);
            time[state] = p * (time_s + longer) + (once - self.from_steady[state]);
            let terms = p * (time_s + sum_steady + sum_start) + once + self.from_steady[state];
            if terms > CANCELLATION * time[state] {
                return None;
            }
        }
        let seen = time.iter().map(|time| time / time_s);
        let smallest = seen
            .chain(self.steady.iter().copied())
            .filter(|share| *share > 0.0)
            .fold(1.0, f64::min);
        (self.log_of_rest(time_s) < (REST * smallest).ln()).then(|| (time, self.steady.to_vec()))
    }

    /// The logarithm of a bound for what the start still means after a time: for the
    /// probability of any state then, and for the mean time beyond in it, as a part of
    /// the time before.
    fn log_of_rest(&self, time_s: f64) -> f64 {
        let steps = (time_s / self.step_s).floor();
        let beyond = self.step_s / self.reached / time_s;
        steps * (-self.reached).ln_1p() + beyond.max(1.0).ln()
    }
}

/// Mean seconds in every other state from a start until one state is entered.
fn times_until(rates: &[Vec<(u32, f64)>], state: u32, start: &[f64]) -> Vec<f64> {
    let mut rows = rates.to_vec();
    rows[state as usize] = others(start, state);
    if rows[state as usize].is_empty() {
        return vec![0.0; rates.len()];
    }
    let mut times = visits_around(rows, state).visits;
    times[state as usize] = 0.0;
    times
}

fn others(start: &[f64], state: u32) -> Vec<(u32, f64)> {
    let all = start.iter().copied().enumerate();
    all.map(|(to, p)| (to as u32, p))
        .filter(|(to, p)| *p > 0.0 && *to != state)
        .collect()
}

/// The longest mean time until one state, from any other.
///
/// The chain that begins anew anywhere where it enters that state is played backwards:
/// with `y` its times, it steps from `i` to `j` at the rate `y_j r_ji / y_i`. The mean
/// time from `i` is then the time in `i`, begun as `y`, over `y_i`.
fn longest_way(rates: &[Vec<(u32, f64)>], state: u32) -> f64 {
    let anywhere = vec![1.0 / rates.len() as f64; rates.len()];
    let times = times_until(rates, state, &anywhere);
    let mut backwards: Vec<Vec<(u32, f64)>> = vec![Vec::new(); rates.len()];
    for (from, row) in rates.iter().enumerate() {
        for (to, rate) in row {
            if from as u32 != state && *to != state {
                let rate = times[from] * rate / times[*to as usize];
                backwards[*to as usize].push((from as u32, rate));
            }
        }
    }
    for (to, p) in others(&anywhere, state) {
        backwards[to as usize].push((state, p / times[to as usize]));
    }
    backwards[state as usize] = others(&times, state);
    let ways = visits_around(backwards, state).visits;
    let longest = ways.iter().zip(&times).enumerate();
    longest
        .filter(|(from, _)| *from as u32 != state)
        .map(|(_, (sum, time))| sum / time)
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_way_down_a_ladder_is_the_sum_of_its_rungs() {
        // Down at rate 2, 3 and 5; up nowhere, except from the bottom.
        let rates = vec![
            vec![(3, 1.0)],
            vec![(0, 2.0)],
            vec![(1, 3.0)],
            vec![(2, 5.0)],
        ];
        let exact = 1.0 / 2.0 + 1.0 / 3.0 + 1.0 / 5.0;
        assert!((longest_way(&rates, 0) / exact - 1.0).abs() < 1e-14);
    }

    #[test]
    fn a_unit_forgets_with_the_sum_of_its_rates() {
        let (fails, mends) = (1e-3, 0.1);
        let rates = vec![vec![(1, fails)], vec![(0, mends)]];
        let down = fails / (fails + mends);
        let steady = [1.0 - down, down];
        let forgetting = Forgetting::of(&rates, &steady).expect("one part");
        assert!(forgetting.from(&[1.0, 0.0], 500.0).is_none(), "too early");
        for (begins_up, sign) in [(1.0, -1.0), (0.0, 1.0)] {
            let start = [begins_up, 1.0 - begins_up];
            let (time, end) = forgetting.from(&start, 20_000.0).expect("late");
            let share = if sign < 0.0 { down } else { 1.0 - down };
            let exact = down * 20_000.0 + sign * share / (fails + mends);
            assert!((time[1] / exact - 1.0).abs() < 1e-14, "{time:?} {exact}");
            assert_eq!(end, steady);
        }
    }
}
