//! What a chain does in the long run.

use super::chain::Chain;
use super::eliminate::{Reduction, dense_visits};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A state is taken out of a sparse chain while that makes at most so many new steps.
const CHEAP: usize = 64;
/// What is left of a chain is solved as a full matrix up to this size; elimination
/// of 1,500 states takes about a second.
const DENSE_STATES: usize = 1500;
/// Sweeps of the iteration at most.
const MAX_SWEEPS: usize = 20_000;
/// The iteration ends where no state is expected to change more than this, relatively.
const PRECISION: f64 = 1e-14;

/// The long run of a chain.
#[derive(Clone, Debug)]
pub struct LongRun {
    /// Share of time in each state.
    pub share: Vec<f64>,
    /// Visits of each state per second.
    pub visits_per_s: Vec<f64>,
    /// How far an iteration may still be off, relatively; 0 where none was needed.
    pub error: f64,
    /// How the equations were solved, in a few words.
    pub method: &'static str,
}

/// The long run from the chain's start. Where the chain ends in one of several parts
/// that it never leaves, each counts with its probability.
pub fn long_run(chain: &Chain) -> LongRun {
    let rows: Vec<Vec<(u32, f64)>> = (0..chain.len()).map(|i| chain.next(i).to_vec()).collect();
    let parts = Components::of(&rows);
    let weights = parts.absorption(&rows, &chain.start);
    let mut run = LongRun {
        share: vec![0.0; chain.len()],
        visits_per_s: vec![0.0; chain.len()],
        error: 0.0,
        method: "state reduction",
    };
    for (part, weight) in parts.closed.iter().zip(weights) {
        if weight > 0.0 {
            stay(part, &rows, &chain.sojourn_s, weight, &mut run);
        }
    }
    run
}

/// The long run within a part that is never left.
fn stay(part: &[u32], rows: &[Vec<(u32, f64)>], sojourn_s: &[f64], weight: f64, run: &mut LongRun) {
    if let [only] = part {
        run.share[*only as usize] += weight;
        return;
    }
    let mut local = vec![0; rows.len()];
    for (index, state) in part.iter().enumerate() {
        local[*state as usize] = index as u32;
    }
    let own_rows = part
        .iter()
        .map(|state| {
            let row = rows[*state as usize].iter();
            row.map(|(to, p)| (local[*to as usize], *p)).collect()
        })
        .collect();
    let solved = visits(own_rows);
    let times: Vec<f64> = part
        .iter()
        .zip(&solved.visits)
        .map(|(state, visits)| visits * sojourn_s[*state as usize])
        .collect();
    let total = exact_order_sum(&times);
    for ((state, visits), time) in part.iter().zip(&solved.visits).zip(times) {
        run.share[*state as usize] += weight * time / total;
        run.visits_per_s[*state as usize] += weight * visits / total;
    }
    if solved.method != run.method {
        run.method = solved.method;
        run.error = run.error.max(solved.error);
    }
}

/// Adds small numbers first, so that they count.
fn exact_order_sum(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.iter().sum()
}

/// Visits of each state relative to each other.
pub struct Visits {
    /// Up to a common factor.
    pub visits: Vec<f64>,
    /// How far they may be off, relatively.
    pub error: f64,
    /// How they were found.
    pub method: &'static str,
}

/// Visits in a chain in which every state can be reached from every other.
pub fn visits(rows: Vec<Vec<(u32, f64)>>) -> Visits {
    reduce(rows, None)
}

/// Visits for each visit of one state, to which every other one must lead. With rates
/// in place of probabilities, and a row of that state that says where to begin, these
/// are the mean times from there until it is entered.
pub fn visits_around(rows: Vec<Vec<(u32, f64)>>, state: u32) -> Visits {
    let mut around = reduce(rows, Some(state));
    let once = around.visits[state as usize];
    around.visits.iter_mut().for_each(|visits| *visits /= once);
    around
}

/// Takes states out, but not `keep`, as long as that is cheap, and solves the rest.
fn reduce(rows: Vec<Vec<(u32, f64)>>, keep: Option<u32>) -> Visits {
    let count = rows.len();
    let mut reduction = Reduction::new(rows);
    remove_cheap(&mut reduction, keep);
    let others = reduction.alive().filter(|state| Some(*state) != keep);
    let left: Vec<u32> = keep.into_iter().chain(others).collect();
    let mut local = vec![u32::MAX; count];
    for (index, state) in left.iter().enumerate() {
        local[*state as usize] = index as u32;
    }
    let (core, error, method) = if left.len() <= DENSE_STATES {
        let n = left.len();
        let mut matrix = vec![0.0; n * n];
        for (i, state) in left.iter().enumerate() {
            for (to, p) in reduction.row(*state) {
                matrix[i * n + local[*to as usize] as usize] = *p;
            }
        }
        (dense_visits(&mut matrix, n), 0.0, "state reduction")
    } else {
        let rows: Vec<Vec<(u32, f64)>> = left
            .iter()
            .map(|state| {
                let row = reduction.row(*state).iter();
                row.map(|(to, p)| (local[*to as usize], *p)).collect()
            })
            .collect();
        let (core, error) = sweep(&rows);
        (core, error, "state reduction and Gauss-Seidel sweeps")
    };
    let mut visits = vec![0.0; count];
    for (state, value) in left.iter().zip(core) {
        visits[*state as usize] = value;
    }
    reduction.count_back(&mut visits);
    Visits {
        visits,
        error,
        method,
    }
}

/// Takes out the states that cost little, the cheapest first.
fn remove_cheap(reduction: &mut Reduction, keep: Option<u32>) {
    let states = reduction.alive().filter(|state| Some(*state) != keep);
    let states: Vec<u32> = states.collect();
    let mut heap: BinaryHeap<Reverse<(usize, u32)>> = states
        .into_iter()
        .map(|state| Reverse((reduction.cost(state), state)))
        .collect();
    while let Some(Reverse((noted, state))) = heap.pop() {
        if reduction.left() <= 1 || noted > CHEAP {
            return;
        }
        let cost = reduction.cost(state);
        if cost > noted {
            heap.push(Reverse((cost, state)));
        } else {
            reduction.remove(state);
        }
    }
}

/// Gauss-Seidel sweeps, forth and back, with the visits of the first state held at 1.
/// Every term is positive, so small visits converge as well as large ones.
fn sweep(rows: &[Vec<(u32, f64)>]) -> (Vec<f64>, f64) {
    let count = rows.len();
    let mut calls: Vec<Vec<(u32, f64)>> = vec![Vec::new(); count];
    let mut leaves = vec![0.0; count];
    for (from, row) in rows.iter().enumerate() {
        for (to, p) in row {
            calls[*to as usize].push((from as u32, *p));
            leaves[from] += p;
        }
    }
    let mut visits = vec![0.0; count];
    visits[0] = 1.0;
    let mut before = f64::INFINITY;
    let mut ratio_before = 0.0;
    let mut expected = f64::INFINITY;
    for number in 0..MAX_SWEEPS {
        let mut change: f64 = 0.0;
        let mut step = |state: usize, visits: &mut Vec<f64>| {
            let comes: f64 = calls[state]
                .iter()
                .map(|(from, p)| visits[*from as usize] * p)
                .sum();
            let new = comes / leaves[state];
            let old = visits[state];
            let moved = if new > 0.0 {
                (new - old).abs() / new
            } else {
                0.0
            };
            change = change.max(moved);
            visits[state] = new;
        };
        if number % 2 == 0 {
            (1..count).for_each(|state| step(state, &mut visits));
        } else {
            (1..count).rev().for_each(|state| step(state, &mut visits));
        }
        // Each pair of sweeps shrinks the change by about the same factor, which tells
        // the rest. The slower of the two counts.
        let ratio = (change / before).min(0.999_999);
        let factor = ratio.max(ratio_before);
        ratio_before = ratio;
        expected = change * factor / (1.0 - factor);
        if change == 0.0 || (number > 3 && expected < PRECISION) {
            return (visits, expected.max(0.0));
        }
        before = change;
    }
    (visits, expected)
}

/// The strongly connected parts of a chain.
pub struct Components {
    /// The parts that are never left, each a sorted list of states.
    pub closed: Vec<Vec<u32>>,
    /// The closed part of each state, if it is in one.
    closed_of: Vec<Option<u32>>,
}

impl Components {
    /// Finds the parts (Tarjan 1972, without recursion).
    pub fn of(rows: &[Vec<(u32, f64)>]) -> Components {
        let part_of = strong_components(rows);
        let parts = part_of.iter().max().map_or(0, |last| *last as usize + 1);
        let mut closed = vec![true; parts];
        for (from, row) in rows.iter().enumerate() {
            for (to, _) in row {
                if part_of[*to as usize] != part_of[from] {
                    closed[part_of[from] as usize] = false;
                }
            }
        }
        let mut lists: Vec<Vec<u32>> = Vec::new();
        let mut place = vec![None; parts];
        let mut closed_of = vec![None; rows.len()];
        for (state, part) in part_of.iter().enumerate() {
            let part = *part as usize;
            if !closed[part] {
                continue;
            }
            let index = *place[part].get_or_insert_with(|| {
                lists.push(Vec::new());
                lists.len() as u32 - 1
            });
            lists[index as usize].push(state as u32);
            closed_of[state] = Some(index);
        }
        Components {
            closed: lists,
            closed_of,
        }
    }

    /// The probability to end in each closed part.
    pub fn absorption(&self, rows: &[Vec<(u32, f64)>], start: &[(u32, f64)]) -> Vec<f64> {
        if self.closed.len() == 1 {
            return vec![1.0];
        }
        // The states on the way, one state for each closed part, and the beginning.
        let count = rows.len();
        let end = |part: u32| (count + part as usize) as u32;
        let target = |state: u32| self.closed_of[state as usize].map_or(state, end);
        let beginning = count + self.closed.len();
        let mut reduced: Vec<Vec<(u32, f64)>> = vec![Vec::new(); beginning + 1];
        let merged = |steps: &[(u32, f64)]| {
            let mut row: Vec<(u32, f64)> = Vec::new();
            for (to, p) in steps {
                let to = target(*to);
                match row.iter_mut().find(|(known, _)| *known == to) {
                    Some((_, sum)) => *sum += p,
                    None => row.push((to, *p)),
                }
            }
            row
        };
        for (state, row) in rows.iter().enumerate() {
            if self.closed_of[state].is_none() {
                reduced[state] = merged(row);
            }
        }
        reduced[beginning] = merged(start);
        let mut reduction = Reduction::new(reduced);
        for state in 0..count as u32 {
            if self.closed_of[state as usize].is_none() {
                reduction.remove(state);
            }
        }
        let mut weights = vec![0.0; self.closed.len()];
        for (to, p) in reduction.row(beginning as u32) {
            weights[*to as usize - count] += p;
        }
        weights
    }
}

/// The states from which a way leads back to themselves.
pub fn states_on_cycles(rows: &[Vec<(u32, f64)>]) -> Vec<u32> {
    let part_of = strong_components(rows);
    let mut sizes = vec![0; rows.len()];
    for part in &part_of {
        sizes[*part as usize] += 1;
    }
    (0..rows.len() as u32)
        .filter(|state| sizes[part_of[*state as usize] as usize] > 1)
        .collect()
}

/// The number of the strong component of each state.
fn strong_components(rows: &[Vec<(u32, f64)>]) -> Vec<u32> {
    const UNSEEN: u32 = u32::MAX;
    let count = rows.len();
    let (mut index, mut low) = (vec![UNSEEN; count], vec![0; count]);
    let mut part = vec![UNSEEN; count];
    let (mut stack, mut parts, mut next) = (Vec::new(), 0, 0);
    let mut path: Vec<(usize, usize)> = Vec::new();
    for root in 0..count {
        if index[root] != UNSEEN {
            continue;
        }
        path.push((root, 0));
        while let Some((state, edge)) = path.pop() {
            if edge == 0 {
                index[state] = next;
                low[state] = next;
                next += 1;
                stack.push(state);
            } else {
                let (child, _) = rows[state][edge - 1];
                low[state] = low[state].min(low[child as usize]);
            }
            let unseen = (edge..rows[state].len()).find(|e| {
                let to = rows[state][*e].0 as usize;
                if index[to] != UNSEEN && part[to] == UNSEEN {
                    low[state] = low[state].min(index[to]);
                }
                index[to] == UNSEEN
            });
            if let Some(e) = unseen {
                path.push((state, e + 1));
                path.push((rows[state][e].0 as usize, 0));
            } else if low[state] == index[state] {
                while let Some(member) = stack.pop() {
                    part[member] = parts;
                    if member == state {
                        break;
                    }
                }
                parts += 1;
            }
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::solve::Chain;

    fn chain(rows: &[(f64, &[(u32, f64)])], start: &[(u32, f64)]) -> Chain {
        let mut chain = Chain {
            start: start.to_vec(),
            ..Chain::default()
        };
        for (sojourn_s, next) in rows {
            chain.push_row(*sojourn_s, next.iter().copied());
        }
        chain
    }

    #[test]
    fn a_repairable_unit_is_down_for_its_share() {
        let run = long_run(&chain(
            &[(990.0, &[(1, 1.0)]), (10.0, &[(0, 1.0)])],
            &[(0, 1.0)],
        ));
        assert!((run.share[1] - 0.01).abs() < 1e-16);
        assert!((run.visits_per_s[1] - 1e-3).abs() < 1e-16);
    }

    #[test]
    fn what_is_never_left_counts_with_the_probability_to_end_there() {
        let forever = f64::INFINITY;
        let run = long_run(&chain(
            &[
                (1.0, &[(1, 0.25), (2, 0.75)]),
                (forever, &[]),
                (1.0, &[(3, 1.0)]),
                (3.0, &[(2, 1.0)]),
            ],
            &[(0, 1.0)],
        ));
        let exact = [0.0, 0.25, 0.75 * 0.25, 0.75 * 0.75];
        for (found, exact) in run.share.iter().zip(exact) {
            assert!((found - exact).abs() < 1e-15, "{:?}", run.share);
        }
    }

    #[test]
    fn sweeps_keep_the_digits_of_rare_states() {
        // 13 independent machines, each down 1% of the time: 8,192 states.
        let n = 13;
        let rows: Vec<Vec<(u32, f64)>> = (0..1u32 << n)
            .map(|state| {
                let rate = |bit: u32| if state >> bit & 1 == 0 { 0.01 } else { 0.99 };
                let total: f64 = (0..n).map(rate).sum();
                (0..n)
                    .map(|bit| (state ^ 1 << bit, rate(bit) / total))
                    .collect()
            })
            .collect();
        let (visits, _) = sweep(&rows);
        let time = |state: u32| {
            let rate = |bit: u32| if state >> bit & 1 == 0 { 0.01 } else { 0.99 };
            visits[state as usize] / (0..n).map(rate).sum::<f64>()
        };
        let all_down = time((1 << n) - 1) / time(0);
        let exact = (0.01f64 / 0.99).powi(n as i32);
        let off = all_down / exact - 1.0;
        assert!(off.abs() < 1e-11, "{off:e}");
    }
}
