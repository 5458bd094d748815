//! A chain within a limited time after its start.
//!
//! Where the start is forgotten long before the end, two times until a state that is
//! often there tell all ([`super::forget`]). Other small chains are followed by
//! doubling: the matrix of one short step comes from the uniformised series, and
//! squaring it doubles the time (no term is negative). Larger ones by uniformisation
//! step by step, where the time is not too many of their shortest stays. A stay of
//! another distribution counts as exponential here.

use super::chain::Chain;
use super::eliminate::Reduction;
use super::forget::Forgetting;
use super::stationary::LongRun;

/// Chains of up to so many lasting states are followed by doubling.
const DOUBLING_STATES: usize = 150;
/// Spans of more than so many of the shortest stays are long.
const LONG_SPAN: f64 = 100.0;
/// Multiplications that step-by-step uniformisation may take.
const MAX_WORK: f64 = 3e9;

/// Where a chain is during a span of time.
#[derive(Clone, Debug)]
pub struct Span {
    /// Mean share of the span in each state.
    pub share: Vec<f64>,
    /// Expected visits of each state per second of the span.
    pub visits_per_s: Vec<f64>,
    /// Probability of each state at its end.
    pub at_end: Vec<f64>,
}

/// Follows a chain, whose long run is known, for `warm_up_s` seconds and then through a
/// span of `length_s` seconds. `None` where that would take too long.
pub fn span(chain: &Chain, run: &LongRun, warm_up_s: f64, length_s: f64) -> Option<Span> {
    let lasting = Lasting::of(chain);
    let steady: Vec<f64> = (lasting.states.iter())
        .map(|state| run.share[*state as usize])
        .collect();
    let mut at = lasting.start.clone();
    // Short spans are as quickly followed step by step.
    let is_long = lasting.largest_rate() * length_s > LONG_SPAN;
    let forgetting = is_long.then(|| Forgetting::of(&lasting.rates, &steady));
    let forgetting = forgetting.flatten();
    let settle = |at: &[f64], time_s: f64| forgetting.as_ref()?.from(at, time_s);
    if warm_up_s > 0.0 {
        at = match settle(&at, warm_up_s) {
            Some((_, settled)) => settled,
            None => lasting.follow(&at, warm_up_s, Wanted::End)?.1,
        };
    }
    let (time, at_end) = match settle(&at, length_s) {
        Some(settled) => settled,
        None => lasting.follow(&at, length_s, Wanted::Time)?,
    };
    let mut span = Span {
        share: vec![0.0; chain.len()],
        visits_per_s: vec![0.0; chain.len() + 1],
        at_end: vec![0.0; chain.len()],
    };
    for (index, state) in lasting.states.iter().enumerate() {
        let state = *state as usize;
        span.share[state] = time[index] / length_s;
        span.visits_per_s[state] = span.share[state] / chain.sojourn_s[state];
        span.at_end[state] = at_end[index];
    }
    if warm_up_s == 0.0 {
        // The beginning itself may pass through states that last no time.
        span.visits_per_s[chain.len()] = 1.0 / length_s;
    }
    lasting.reduction.count_back(&mut span.visits_per_s);
    span.visits_per_s.truncate(chain.len());
    Some(span)
}

/// Where a chain is at the start of one of `count` spans of `length_s` seconds that
/// follow each other after a warm-up, taken at random. `None` where that would take too
/// long.
pub fn starts(
    chain: &Chain,
    run: &LongRun,
    warm_up_s: f64,
    length_s: f64,
    count: u32,
) -> Option<Vec<f64>> {
    let mut at = Chain {
        start: chain.start.clone(),
        ..chain.clone()
    };
    let mut mean = vec![0.0; chain.len()];
    let mut add = |probabilities: &[(u32, f64)], spans: f64| {
        for (state, p) in probabilities {
            mean[*state as usize] += p * spans / f64::from(count);
        }
    };
    if warm_up_s > 0.0 {
        at.start = listed(&span(&at, run, 0.0, warm_up_s)?.at_end);
    }
    for passed in 0..count {
        add(&at.start, 1.0);
        let next = listed(&span(&at, run, 0.0, length_s)?.at_end);
        if next == at.start || passed + 1 == count {
            add(&next, f64::from(count - 1 - passed));
            break;
        }
        at.start = next;
    }
    Some(mean)
}

fn listed(probabilities: &[f64]) -> Vec<(u32, f64)> {
    let all = probabilities.iter().enumerate();
    all.filter(|(_, p)| **p > 0.0)
        .map(|(state, p)| (state as u32, *p))
        .collect()
}

/// The probability of each state of a chain after a time from its start. `None` where
/// that would take too long.
pub fn after(chain: &Chain, time_s: f64) -> Option<Vec<f64>> {
    let lasting = Lasting::of(chain);
    let (_, at_end) = lasting.follow(&lasting.start, time_s, Wanted::End)?;
    let mut probabilities = vec![0.0; chain.len()];
    for (state, p) in lasting.states.iter().zip(at_end) {
        probabilities[*state as usize] = p;
    }
    Some(probabilities)
}

/// What is to be told of a time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The seconds in each state, and where the chain is at the end.
    Time,
    /// The end alone.
    End,
}

/// The states in which time passes, with rates between them.
struct Lasting {
    states: Vec<u32>,
    /// For each: the rates per second to others.
    rates: Vec<Vec<(u32, f64)>>,
    start: Vec<f64>,
    /// Knows the states that were taken out; the beginning is the last one.
    reduction: Reduction,
}

impl Lasting {
    /// Takes out the states that last no time.
    fn of(chain: &Chain) -> Lasting {
        let count = chain.len();
        let mut rows: Vec<Vec<(u32, f64)>> = (0..count).map(|i| chain.next(i).to_vec()).collect();
        rows.push(chain.start.clone());
        let mut reduction = Reduction::new(rows);
        for state in (0..count).filter(|i| chain.sojourn_s[*i] == 0.0) {
            reduction.remove(state as u32);
        }
        let states: Vec<u32> = (0..count as u32)
            .filter(|i| chain.sojourn_s[*i as usize] > 0.0)
            .collect();
        let mut local = vec![0; count];
        for (index, state) in states.iter().enumerate() {
            local[*state as usize] = index as u32;
        }
        let rates = states
            .iter()
            .map(|state| {
                let sojourn_s = chain.sojourn_s[*state as usize];
                let row = reduction.row(*state).iter();
                row.map(|(to, p)| (local[*to as usize], p / sojourn_s))
                    .collect()
            })
            .collect();
        let mut start = vec![0.0; states.len()];
        for (to, p) in reduction.row(count as u32) {
            start[local[*to as usize] as usize] += p;
        }
        Lasting {
            states,
            rates,
            start,
            reduction,
        }
    }

    fn largest_rate(&self) -> f64 {
        let leaving = |row: &Vec<(u32, f64)>| row.iter().map(|(_, rate)| rate).sum::<f64>();
        self.rates.iter().map(leaving).fold(0.0, f64::max)
    }

    /// Seconds in each state during `time_s` (none where only the end is wanted), and
    /// where it is then.
    fn follow(&self, from: &[f64], time_s: f64, wanted: Wanted) -> Option<(Vec<f64>, Vec<f64>)> {
        let largest = self.largest_rate();
        if largest == 0.0 {
            return Some((from.iter().map(|p| p * time_s).collect(), from.to_vec()));
        }
        if self.states.len() <= DOUBLING_STATES {
            return Some(self.double(from, time_s, largest, wanted));
        }
        let steps = largest * time_s;
        let entries: usize = self.rates.iter().map(Vec::len).sum();
        (steps * (entries + self.states.len()) as f64 <= MAX_WORK)
            .then(|| self.uniformise(from, time_s, largest))
    }

    /// One step of the uniformised chain, from row vector to row vector.
    fn step(&self, from: &[f64], largest: f64) -> Vec<f64> {
        let mut to = vec![0.0; from.len()];
        for (state, row) in self.rates.iter().enumerate() {
            let mut leaves = 0.0;
            for (next, rate) in row {
                to[*next as usize] += from[state] * rate / largest;
                leaves += rate;
            }
            to[state] += from[state] * (1.0 - leaves / largest).max(0.0);
        }
        to
    }

    /// The series in pieces of 100 expected steps each, so that no weight underflows.
    fn uniformise(&self, from: &[f64], time_s: f64, largest: f64) -> (Vec<f64>, Vec<f64>) {
        let pieces = (largest * time_s / 100.0).ceil().max(1.0);
        let piece_s = time_s / pieces;
        let mut at = from.to_vec();
        let mut time = vec![0.0; from.len()];
        for _ in 0..pieces as u64 {
            let (now, later) = self.piece(&at, largest * piece_s, largest);
            for (sum, value) in time.iter_mut().zip(now) {
                *sum += value;
            }
            at = later;
        }
        (time, at)
    }

    /// Seconds in each state during a piece of `expected` steps, and where it is then.
    fn piece(&self, from: &[f64], expected: f64, largest: f64) -> (Vec<f64>, Vec<f64>) {
        let mut time = vec![0.0; from.len()];
        let mut at = vec![0.0; from.len()];
        let mut vector = from.to_vec();
        for (weight, later) in poisson_weights(expected) {
            for ((time, at), p) in time.iter_mut().zip(&mut at).zip(&vector) {
                *time += later / largest * p;
                *at += weight * p;
            }
            vector = self.step(&vector, largest);
        }
        (time, at)
    }

    fn double(
        &self,
        from: &[f64],
        time_s: f64,
        largest: f64,
        wanted: Wanted,
    ) -> (Vec<f64>, Vec<f64>) {
        let n = from.len();
        let doublings = (largest * time_s).log2().ceil().max(0.0) as u32;
        let short_s = time_s / f64::from(doublings).exp2();
        let mut step = vec![0.0; n * n];
        let mut time = vec![0.0; n * n];
        for state in 0..n {
            let mut unit = vec![0.0; n];
            unit[state] = 1.0;
            let (t, a) = self.piece(&unit, largest * short_s, largest);
            time[state * n..(state + 1) * n].copy_from_slice(&t);
            step[state * n..(state + 1) * n].copy_from_slice(&a);
        }
        if wanted == Wanted::End {
            time.clear();
        }
        let mut passed_s = short_s;
        for _ in 0..doublings {
            passed_s *= 2.0;
            // Rounding would double with each squaring; each row's sum is known.
            if wanted == Wanted::Time {
                let more = multiply(&step, &time, n);
                for (sum, value) in time.iter_mut().zip(more) {
                    *sum += value;
                }
                time.chunks_mut(n).for_each(|row| scale_to(row, passed_s));
            }
            step = multiply(&step, &step, n);
            step.chunks_mut(n).for_each(|row| scale_to(row, 1.0));
        }
        let time = match wanted {
            Wanted::Time => through(from, &time),
            Wanted::End => time,
        };
        (time, through(from, &step))
    }
}

fn scale_to(row: &mut [f64], wanted: f64) {
    let sum: f64 = row.iter().sum();
    row.iter_mut().for_each(|value| *value *= wanted / sum);
}

fn multiply(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let mut product = vec![0.0; a.len()];
    for (row, out) in a.chunks(n).zip(product.chunks_mut(n)) {
        for (value, b_row) in row.iter().zip(b.chunks(n)) {
            if *value != 0.0 {
                for (sum, b) in out.iter_mut().zip(b_row) {
                    *sum += value * b;
                }
            }
        }
    }
    product
}

fn through(vector: &[f64], matrix: &[f64]) -> Vec<f64> {
    multiply(vector, matrix, vector.len())
}

/// For each number of steps its Poisson probability and the probability of more steps.
fn poisson_weights(expected: f64) -> Vec<(f64, f64)> {
    let last = (expected + 10.0 * expected.sqrt() + 30.0) as usize;
    let mut weights = Vec::with_capacity(last + 1);
    let mut weight = (-expected).exp();
    for k in 0..=last {
        weights.push((weight, 0.0));
        weight *= expected / (k + 1) as f64;
    }
    // From behind, so that small tails are sums of small numbers.
    let mut tail = 0.0;
    for (weight, later) in weights.iter_mut().rev() {
        *later = tail;
        tail += *weight;
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::solve::stationary::long_run;

    fn unit(mttf: f64, mttr: f64) -> Chain {
        let mut chain = Chain {
            start: vec![(0, 1.0)],
            ..Chain::default()
        };
        chain.push_row(mttf, [(1, 1.0)]);
        chain.push_row(mttr, [(0, 1.0)]);
        chain
    }

    #[test]
    fn the_first_day_of_a_server() {
        // Case I01 of the reference: hours, up at the beginning, 24 h.
        let chain = unit(990.0, 10.0);
        let span = span(&chain, &long_run(&chain), 0.0, 24.0).expect("small");
        assert!((span.at_end[0] - 0.990_885_451_733_163).abs() < 1e-14);
        assert!((span.share[0] - 0.993_759_751_160_070).abs() < 1e-14);
    }

    #[test]
    fn a_long_span_with_fast_steps_keeps_its_digits() {
        let chain = unit(3e6, 3.0);
        let span = span(&chain, &long_run(&chain), 1e4, 3e8).expect("small");
        assert!((span.share[1] * 1_000_001.0 - 1.0).abs() < 1e-12);
        assert!((span.at_end[1] * 1_000_001.0 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn forgetting_and_doubling_agree_in_rare_states_too() {
        // Birth and death: each step down is rare, and the start is the last rung.
        let rare = 1e-3;
        for start in [0, 3] {
            let mut chain = Chain {
                start: vec![(start, 1.0)],
                ..Chain::default()
            };
            chain.push_row(1.0 / rare, [(1, 1.0)]);
            chain.push_row(1.0, [(2, rare), (0, 1.0 - rare)]);
            chain.push_row(1.0, [(3, rare), (1, 1.0 - rare)]);
            chain.push_row(1.0, [(2, 1.0)]);
            let found = span(&chain, &long_run(&chain), 0.0, 9000.0).expect("small");
            let lasting = Lasting::of(&chain);
            let largest = lasting.largest_rate();
            let (time, end) = lasting.double(&lasting.start, 9000.0, largest, Wanted::Time);
            for state in 0..4 {
                let (a, b) = (found.share[state] * 9000.0, time[state]);
                assert!((a / b - 1.0).abs() < 1e-10, "{state}: {a:e} {b:e}");
                assert!((found.at_end[state] / end[state] - 1.0).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn doubling_and_steps_agree() {
        let lasting = Lasting::of(&unit(30.0, 2.0));
        let (a, b) = lasting.double(&[1.0, 0.0], 77.0, 0.5, Wanted::Time);
        let (c, d) = lasting.uniformise(&[1.0, 0.0], 77.0, 0.5);
        for (x, y) in a.iter().chain(&b).zip(c.iter().chain(&d)) {
            assert!((x - y).abs() < 1e-11 * y.abs(), "{x} {y}");
        }
    }
}
