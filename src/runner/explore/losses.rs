//! The losses that are tried, and what they have in common over orders and services.

use super::outcome::{Possible, Survival};
use crate::automaton::{Node, NodeSet};
use crate::engine::explore::Seen;
use crate::engine::explore::survive::{How, Loss, Outcomes};
use crate::model::measure::Condition;

/// Sets of lost nodes at most, for each way of losing them.
pub const MAX_SETS: usize = 6_000;
/// Orders of lost nodes at most, for each way that has an order.
pub const MAX_ORDERS: usize = 2_000;

/// Something that can be worked on by itself.
#[derive(Clone, Debug)]
pub enum Task<const W: usize> {
    /// A set that is lost at one instant.
    Together(How, NodeSet<W>),
    /// All orders of up to so many nodes that begin with this one.
    InOrder(How, Node, usize),
}

/// How many sets of 1 to `most` of `nodes` there are.
pub fn sets(nodes: usize, most: usize) -> usize {
    counts(nodes, most, |k| k)
}

/// How many ordered selections of 1 to `most` of `nodes` there are.
pub fn orders(nodes: usize, most: usize) -> usize {
    counts(nodes, most, |_| 1)
}

fn counts(nodes: usize, most: usize, divisor: impl Fn(usize) -> usize) -> usize {
    let mut sum: usize = 0;
    let mut ways: usize = 1;
    for k in 1..=most.min(nodes) {
        ways = ways.saturating_mul(nodes - k + 1) / divisor(k);
        sum = sum.saturating_add(ways);
    }
    sum
}

/// All sets of 1 to `most` of the first `nodes` nodes, the small ones first.
pub fn all_sets<const W: usize>(nodes: usize, most: usize) -> Vec<NodeSet<W>> {
    let mut last: Vec<(NodeSet<W>, usize)> = vec![(NodeSet::EMPTY, 0)];
    let mut all = Vec::new();
    for _ in 0..most.min(nodes) {
        last = last
            .iter()
            .flat_map(|(set, from)| (*from..nodes).map(|n| (set.with(Node(n as u16)), n + 1)))
            .collect();
        all.extend(last.iter().map(|(set, _)| *set));
    }
    all
}

/// What one group of services has come to, loss by loss.
pub struct Found {
    /// The numbers of the services.
    pub services: Vec<usize>,
    /// How, and the losses of each task.
    pub losses: Vec<(How, Vec<Loss>)>,
}

/// Puts groups, orders and sets together: one row for each set and way.
pub fn rows<const W: usize>(
    found: &[Found],
    sets: &[NodeSet<W>],
    names: &dyn Fn(Node) -> String,
    service_names: &[String],
) -> Vec<Survival> {
    let mut rows = Vec::new();
    for set in sets {
        for how in How::ALL {
            if let Some(row) = row(found, *set, how, names, service_names) {
                rows.push(row);
            }
        }
    }
    rows
}

fn row<const W: usize>(
    found: &[Found],
    set: NodeSet<W>,
    how: How,
    names: &dyn Fn(Node) -> String,
    service_names: &[String],
) -> Option<Survival> {
    let mut row = Survival {
        lost: set.iter().map(names).collect(),
        how: how.words(),
        services: Vec::new(),
        alternatives: Vec::new(),
        stays_after_repair: Vec::new(),
        rests_within_s: 0.0,
        exhaustive: true,
    };
    let mut numbers = Vec::new();
    for group in found {
        let is_set = |loss: &&Loss| loss.order.iter().copied().collect::<NodeSet<W>>() == set;
        let losses: Vec<&Loss> = group
            .losses
            .iter()
            .filter(|(known, _)| *known == how)
            .flat_map(|(_, losses)| losses)
            .filter(is_set)
            .collect();
        if losses.is_empty() {
            return None;
        }
        for loss in &losses {
            row.rests_within_s = row.rests_within_s.max(loss.after.seconds());
            row.exhaustive &= loss.every;
        }
        for (place, service) in group.services.iter().enumerate() {
            let name = service_names[*service].clone();
            let ends = ends(&losses, place, names);
            numbers.push((*service, worst(&ends), name.clone()));
            if ends.len() > 1 || ends[0].states.len() > 1 {
                row.alternatives.push((name.clone(), ends));
            }
            let repaired = worst_of(losses.iter().map(|loss| &loss.repaired), place);
            if repaired > Condition::Up {
                row.stays_after_repair.push((name, repaired));
            }
        }
    }
    numbers.sort_by_key(|(service, ..)| *service);
    row.services = numbers.into_iter().map(|(_, c, name)| (name, c)).collect();
    let place = |name: &String| service_names.iter().position(|n| n == name);
    row.alternatives.sort_by_key(|(name, _)| place(name));
    row.stays_after_repair.sort_by_key(|(name, _)| place(name));
    Some(row)
}

/// The different ends of one service over all orders, the best first.
fn ends(losses: &[&Loss], place: usize, names: &dyn Fn(Node) -> String) -> Vec<Possible> {
    let mut ends: Vec<(Seen, f64, Vec<usize>)> = Vec::new();
    for (index, loss) in losses.iter().enumerate() {
        for (seen, probability) in &loss.left {
            let share = probability / losses.len() as f64;
            match ends.iter_mut().find(|(known, ..)| *known == seen[place]) {
                Some((_, sum, orders)) => {
                    *sum += share;
                    if !orders.contains(&index) {
                        orders.push(index);
                    }
                }
                None => ends.push((seen[place], share, vec![index])),
            }
        }
    }
    ends.sort_by_key(|(seen, ..)| *seen);
    ends.into_iter()
        .map(|(seen, probability, orders)| Possible {
            states: seen.all().collect(),
            probability,
            orders: if orders.len() == losses.len() {
                Vec::new()
            } else {
                orders
                    .iter()
                    .map(|o| losses[*o].order.iter().map(|n| names(*n)).collect())
                    .collect()
            },
        })
        .collect()
}

fn worst(ends: &[Possible]) -> Condition {
    let all = ends.iter().flat_map(|end| &end.states);
    all.max().copied().unwrap_or(Condition::Up)
}

/// The worst that a service is seen to be in any of these.
pub fn worst_of<'o>(outcomes: impl Iterator<Item = &'o Outcomes>, place: usize) -> Condition {
    outcomes
        .flatten()
        .map(|(seen, _)| seen[place].worst())
        .max()
        .unwrap_or(Condition::Up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_and_orders_are_counted() {
        assert_eq!(sets(4, 3), 4 + 6 + 4);
        assert_eq!(orders(4, 3), 4 + 12 + 24);
        assert_eq!(all_sets::<1>(4, 3).len(), 14);
        assert_eq!(sets(1000, 3), 1000 + 499_500 + 166_167_000);
        assert_eq!(sets(2, 3), 3);
    }
}
