//! Merging of states that nothing can tell apart.
//!
//! Ordinary lumpability (Kemeny and Snell 1960): if all states of each block look alike
//! and go to each other block at the same rate, the blocks are a chain by themselves,
//! with exactly the same figures. The coarsest such partition is found by splitting:
//! blocks begin as all states that look alike, and a block whose states go to some
//! other block at different rates is split, until none is (Paige and Tarjan 1987; for
//! rates Valmari and Franceschinis 2010). Their rule to leave out the largest part of
//! a split block rests on exact differences of rates. Here every part is looked at
//! again, so that rates of rare events are compared by themselves.

use super::chain::Chain;
use std::collections::{HashMap, VecDeque};

/// Rates are equal if neighbours in their order differ by no more than this part: room
/// for the rounding of sums in another order, and far below what any figure shows.
const SAME_RATE: f64 = 1e-13;
/// Steps that may be looked at, as a multiple of the steps of the chain. A list whose
/// states turn out to differ only after more than that is left as it is.
const PATIENCE: usize = 40;

/// The chain with equal states merged; the chain itself where all of them differ. The
/// first state of each block stands for it, in the order of the list.
pub fn merged(chain: Chain) -> Chain {
    let mut partition = Partition::by_looks(&chain);
    if partition.blocks() < chain.len() && partition.refine(&chain) {
        return partition.quotient(&chain);
    }
    chain
}

/// How a state is left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// At once.
    Instant,
    /// After an exponential time: only the rates to others matter.
    Lasting,
    /// After a time-out: the rates to all must be the same, and so is then the time.
    Clock,
    /// Never.
    Forever,
}

fn kind(chain: &Chain, state: usize) -> Kind {
    match () {
        () if chain.next(state).is_empty() => Kind::Forever,
        () if chain.sojourn_s[state] == 0.0 => Kind::Instant,
        () if chain.clocks[state] => Kind::Clock,
        () => Kind::Lasting,
    }
}

/// What can be seen of a state.
fn looks(chain: &Chain, state: usize) -> Vec<u64> {
    let beyond = chain.beyond == Some(state as u32);
    let mut seen = vec![kind(chain, state) as u64, u64::from(beyond)];
    for service in 0..chain.services {
        let look = chain.look(state, service);
        seen.extend([
            look.condition as u64,
            look.success.to_bits(),
            u64::from(look.cause),
        ]);
    }
    seen.extend((0..chain.tallies).map(|tally| u64::from(chain.level(state, tally))));
    seen
}

/// All states in blocks.
struct Partition {
    block_of: Vec<u32>,
    /// The states, block by block.
    order: Vec<u32>,
    /// Where each state is in `order`.
    place: Vec<usize>,
    /// Where each block begins and ends in `order`.
    range: Vec<(usize, usize)>,
    /// Blocks that others have not been compared by since they became what they are.
    waiting: VecDeque<u32>,
    is_waiting: Vec<bool>,
}

impl Partition {
    /// States that look alike.
    fn by_looks(chain: &Chain) -> Partition {
        let mut numbers: HashMap<Vec<u64>, u32> = HashMap::new();
        let block_of: Vec<u32> = (0..chain.len())
            .map(|state| {
                let next = numbers.len() as u32;
                *numbers.entry(looks(chain, state)).or_insert(next)
            })
            .collect();
        let mut order: Vec<u32> = (0..chain.len() as u32).collect();
        order.sort_by_key(|state| block_of[*state as usize]);
        let mut place = vec![0; chain.len()];
        let mut range = vec![(0, 0); numbers.len()];
        for (at, state) in order.iter().enumerate() {
            place[*state as usize] = at;
            let (begin, end) = &mut range[block_of[*state as usize] as usize];
            if *end == 0 {
                *begin = at;
            }
            *end = at + 1;
        }
        Partition {
            block_of,
            order,
            place,
            waiting: (0..range.len() as u32).collect(),
            is_waiting: vec![true; range.len()],
            range,
        }
    }

    fn blocks(&self) -> usize {
        self.range.len()
    }

    /// Splits blocks until none has to be; `false` if that takes too long or nothing
    /// remains merged.
    fn refine(&mut self, chain: &Chain) -> bool {
        let callers = Callers::of(chain);
        let mut budget = PATIENCE * (chain.steps.len() + chain.len());
        let mut rate_into = vec![0.0; chain.len()];
        let mut touched: Vec<u32> = Vec::new();
        while let Some(splitter) = self.waiting.pop_front() {
            self.is_waiting[splitter as usize] = false;
            let (begin, end) = self.range[splitter as usize];
            for to in &self.order[begin..end] {
                let calls = callers.of_state(*to);
                if calls.len() > budget {
                    return false;
                }
                budget -= calls.len();
                for (from, rate) in calls {
                    // Inside a block time goes on as if nothing had happened.
                    let inside = self.block_of[*from as usize] == splitter;
                    if inside && kind(chain, *from as usize) == Kind::Lasting {
                        continue;
                    }
                    if rate_into[*from as usize] == 0.0 {
                        touched.push(*from);
                    }
                    rate_into[*from as usize] += rate;
                }
            }
            self.compare(&mut touched, &rate_into);
            for state in touched.drain(..) {
                rate_into[state as usize] = 0.0;
            }
            if self.blocks() == chain.len() {
                return false;
            }
        }
        true
    }

    /// Splits the blocks of the touched states by their rates; all others have rate 0.
    fn compare(&mut self, touched: &mut [u32], rate_into: &[f64]) {
        let block_of = &self.block_of;
        let rate = |state: &u32| rate_into[*state as usize];
        touched.sort_unstable_by(|a, b| {
            let blocks = block_of[*a as usize].cmp(&block_of[*b as usize]);
            blocks.then(rate(a).total_cmp(&rate(b))).then(a.cmp(b))
        });
        let mut at = 0;
        while at < touched.len() {
            let block = self.block_of[touched[at] as usize];
            let of_block = touched[at..]
                .iter()
                .take_while(|state| self.block_of[**state as usize] == block)
                .count();
            self.split(block, &touched[at..at + of_block], rate);
            at += of_block;
        }
    }

    /// Splits one block: some of its states have rates, here in ascending order.
    fn split(&mut self, block: u32, with_rate: &[u32], rate: impl Fn(&u32) -> f64) {
        let (begin, end) = self.range[block as usize];
        let all = with_rate.len() == end - begin;
        let same = |a: &u32, b: &u32| rate(b) - rate(a) <= SAME_RATE * rate(a);
        // Where no state is without a rate, the first part keeps the number.
        let parts = with_rate.chunk_by(same).skip(usize::from(all));
        let mut any = false;
        for part in parts {
            any = true;
            let new = self.separate(block, part);
            self.is_waiting.push(true);
            self.waiting.push_back(new);
        }
        if any && !std::mem::replace(&mut self.is_waiting[block as usize], true) {
            self.waiting.push_back(block);
        }
    }

    /// Makes a block of some states of another one.
    fn separate(&mut self, block: u32, part: &[u32]) -> u32 {
        let new = self.range.len() as u32;
        let whole_end = self.range[block as usize].1;
        let mut end = whole_end;
        for state in part {
            end -= 1;
            let (from, last) = (self.place[*state as usize], self.order[end]);
            self.order.swap(from, end);
            self.place[last as usize] = from;
            self.place[*state as usize] = end;
            self.block_of[*state as usize] = new;
        }
        self.range[block as usize].1 = end;
        self.range.push((end, whole_end));
        new
    }

    /// The chain of the blocks.
    fn quotient(&self, chain: &Chain) -> Chain {
        let mut number = vec![u32::MAX; self.blocks()];
        let mut first = Vec::with_capacity(self.blocks());
        for (state, block) in self.block_of.iter().enumerate() {
            if number[*block as usize] == u32::MAX {
                number[*block as usize] = first.len() as u32;
                first.push(state);
            }
        }
        let merged = |state: u32| number[self.block_of[state as usize] as usize];
        let mut quotient = Chain {
            start: sum_by(&chain.start, merged),
            services: chain.services,
            tallies: chain.tallies,
            beyond: chain.beyond.map(merged),
            approximations: chain.approximations.clone(),
            ..Chain::default()
        };
        for (block, state) in first.into_iter().enumerate() {
            let services = state * chain.services..(state + 1) * chain.services;
            quotient.looks.extend_from_slice(&chain.looks[services]);
            let tallies = state * chain.tallies..(state + 1) * chain.tallies;
            quotient.levels.extend_from_slice(&chain.levels[tallies]);
            let (sojourn_s, next) = without_stay(
                block as u32,
                chain.sojourn_s[state],
                sum_by(chain.next(state), merged),
            );
            quotient.push_row(sojourn_s, next);
            quotient.clocks[block] = chain.clocks[state];
        }
        quotient
    }
}

/// Steps by the block that they lead to.
fn sum_by(steps: &[(u32, f64)], merged: impl Fn(u32) -> u32) -> Vec<(u32, f64)> {
    let mut sums: Vec<(u32, f64)> = Vec::new();
    for (to, p) in steps {
        let to = merged(*to);
        match sums.iter_mut().find(|(known, _)| *known == to) {
            Some((_, sum)) => *sum += p,
            None => sums.push((to, *p)),
        }
    }
    sums
}

/// A row without the step of a block to itself: the block is stayed in for as much longer.
fn without_stay(block: u32, sojourn_s: f64, mut next: Vec<(u32, f64)>) -> (f64, Vec<(u32, f64)>) {
    let Some(stays) = next.iter().position(|(to, _)| *to == block) else {
        return (sojourn_s, next);
    };
    next.remove(stays);
    if next.is_empty() {
        return (f64::INFINITY, next);
    }
    let leaves: f64 = next.iter().map(|(_, p)| p).sum();
    next.iter_mut().for_each(|(_, p)| *p /= leaves);
    (sojourn_s / leaves, next)
}

/// Who steps to each state: per second, or with which probability where no time passes.
struct Callers {
    begin: Vec<usize>,
    calls: Vec<(u32, f64)>,
}

impl Callers {
    fn of(chain: &Chain) -> Callers {
        let mut begin = vec![0; chain.len() + 1];
        for (to, _) in &chain.steps {
            begin[*to as usize + 1] += 1;
        }
        for state in 0..chain.len() {
            begin[state + 1] += begin[state];
        }
        let mut free = begin.clone();
        let mut calls = vec![(0, 0.0); chain.steps.len()];
        for from in 0..chain.len() {
            let time_s = match kind(chain, from) {
                Kind::Lasting | Kind::Clock => chain.sojourn_s[from],
                Kind::Instant | Kind::Forever => 1.0,
            };
            for (to, p) in chain.next(from) {
                calls[free[*to as usize]] = (from as u32, p / time_s);
                free[*to as usize] += 1;
            }
        }
        Callers { begin, calls }
    }

    fn of_state(&self, state: u32) -> &[(u32, f64)] {
        &self.calls[self.begin[state as usize]..self.begin[state as usize + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::solve::chain::Look;
    use crate::engine::solve::stationary;
    use crate::model::measure::Condition;
    use proptest::prelude::*;

    /// Machines with these rates of failure and repair; down where fewer than `needed`
    /// are up. A state is the set of machines that are up, all of them first.
    fn machines(rates: &[(f64, f64)], needed: u32) -> Chain {
        let all = (1u32 << rates.len()) - 1;
        let mut chain = Chain {
            services: 1,
            start: vec![(0, 1.0)],
            ..Chain::default()
        };
        for state in 0..=all {
            let up = all - state;
            let leaves = |bit: usize| match up >> bit & 1 {
                1 => rates[bit].0,
                _ => rates[bit].1,
            };
            let total: f64 = (0..rates.len()).map(leaves).sum();
            let next: Vec<(u32, f64)> = (0..rates.len())
                .map(|bit| (state ^ 1 << bit, leaves(bit) / total))
                .collect();
            chain.push_row(1.0 / total, next);
            let condition = match up.count_ones() >= needed {
                true => Condition::Up,
                false => Condition::Down,
            };
            chain.looks.push(Look {
                condition,
                success: 1.0,
                cause: 0,
            });
        }
        chain
    }

    fn down(chain: &Chain) -> (f64, f64) {
        let run = stationary::long_run(chain);
        let is_down = |state: usize| chain.look(state, 0).is_down();
        let states = (0..chain.len()).filter(|state| is_down(*state));
        let time = states.map(|state| run.share[state]).sum();
        let up = (0..chain.len()).filter(|state| !is_down(*state));
        let falls = up.map(|state| {
            let falls = chain.next(state).iter();
            let falls = falls.filter(|(to, _)| is_down(*to as usize));
            run.visits_per_s[state] * falls.map(|(_, p)| p).sum::<f64>()
        });
        (time, falls.sum())
    }

    fn same(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * b.abs()
    }

    #[test]
    fn equal_machines_are_counted_and_not_named() {
        let chain = machines(&[(1.0 / 990.0, 0.1); 10], 8);
        assert_eq!(chain.len(), 1024);
        let small = merged(chain.clone());
        assert_eq!(small.len(), 11);
        let (time, outages) = down(&small);
        let (whole_time, whole_outages) = down(&chain);
        assert!(same(time, whole_time), "{time:e} {whole_time:e}");
        assert!(same(outages, whole_outages));
    }

    #[test]
    fn a_machine_that_differs_a_little_stays_apart() {
        let mut rates = [(1.0 / 990.0, 0.1); 4];
        assert_eq!(merged(machines(&rates, 1)).len(), 5);
        rates[2].0 *= 1.0 + 1e-9;
        assert_eq!(merged(machines(&rates, 1)).len(), 8);
        let differ = [(1.0, 2.0), (1.5, 2.5), (1.7, 2.2)];
        assert_eq!(merged(machines(&differ, 2)).len(), 8);
    }

    #[test]
    fn a_rare_rate_is_not_lost_behind_a_common_one() {
        // Both leave with rate 1 for all that can be added up, and one of them falls
        // three times as often.
        let look = |condition| Look {
            condition,
            success: 1.0,
            cause: 0,
        };
        let mut chain = Chain {
            services: 1,
            start: vec![(0, 0.5), (1, 0.5)],
            ..Chain::default()
        };
        for (home, falls) in [(1, 1e-20), (0, 3e-20)] {
            chain.push_row(1.0, [(home, 0.5), (2, 0.5), (3, falls)]);
            chain.looks.push(look(Condition::Up));
        }
        chain.push_row(1.0, [(0, 0.5), (1, 0.5)]);
        chain.looks.push(look(Condition::Degraded));
        chain.push_row(1.0, [(0, 1.0)]);
        chain.looks.push(look(Condition::Down));
        assert_eq!(merged(chain).len(), 4);
    }

    #[test]
    fn states_that_go_round_among_themselves_are_one_that_stays() {
        let mut chain = Chain {
            start: vec![(0, 1.0)],
            ..Chain::default()
        };
        chain.push_row(3.0, [(1, 1.0)]);
        chain.push_row(5.0, [(0, 1.0)]);
        let one = merged(chain);
        assert_eq!((one.len(), one.next(0).len()), (1, 0));
        assert_eq!(one.sojourn_s[0], f64::INFINITY);
    }

    proptest! {
        #[test]
        fn merging_changes_no_figure(
            kinds in proptest::collection::vec(0..3usize, 6),
            rates in proptest::collection::vec((1e-4..1e-2f64, 0.05..0.5f64), 3),
            needed in 1..7u32,
        ) {
            let machine: Vec<(f64, f64)> = kinds.iter().map(|kind| rates[*kind]).collect();
            let chain = machines(&machine, needed);
            let small = merged(chain.clone());
            let counts = (0..3).map(|kind| 1 + kinds.iter().filter(|k| **k == kind).count());
            prop_assert!(small.len() <= counts.product());
            let ((a, b), (c, d)) = (down(&small), down(&chain));
            prop_assert!(same(a, c), "{a:e} {c:e}");
            prop_assert!(same(b, d), "{b:e} {d:e}");
        }
    }
}
