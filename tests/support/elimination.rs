//! A small Markov chain solved without subtractions (Grassmann, Taksar, Heyman 1985),
//! written apart from the program that it checks.

use std::collections::HashMap;
use std::hash::Hash;

/// The share of time in each state that can be reached; `steps` gives states and rates.
pub fn long_run<S: Clone + Eq + Hash>(
    start: S,
    steps: impl Fn(&S) -> Vec<(S, f64)>,
) -> Vec<(S, f64)> {
    let mut states = vec![start.clone()];
    let mut numbers = HashMap::from([(start, 0)]);
    let mut rows: Vec<Vec<(usize, f64)>> = Vec::new();
    while rows.len() < states.len() {
        let mut row = Vec::new();
        for (to, rate) in steps(&states[rows.len()].clone()) {
            if rate > 0.0 {
                let number = *numbers.entry(to.clone()).or_insert_with(|| {
                    states.push(to);
                    states.len() - 1
                });
                row.push((number, rate));
            }
        }
        rows.push(row);
    }
    let n = states.len();
    let mut rate = vec![vec![0.0; n]; n];
    for (from, row) in rows.iter().enumerate() {
        for &(to, r) in row.iter().filter(|(to, _)| *to != from) {
            rate[from][to] += r;
        }
    }
    for k in (1..n).rev() {
        let out: f64 = rate[k][..k].iter().sum();
        let last = rate[k].clone();
        for (i, row) in rate.iter_mut().enumerate().take(k) {
            row[k] /= out;
            let part = row[k];
            for j in (0..k).filter(|j| *j != i) {
                row[j] += part * last[j];
            }
        }
    }
    let mut weights = vec![1.0];
    for k in 1..n {
        let into = weights.iter().zip(&rate).map(|(w, row)| w * row[k]).sum();
        weights.push(into);
    }
    let total: f64 = weights.iter().sum();
    states
        .into_iter()
        .zip(weights.into_iter().map(|w| w / total))
        .collect()
}
