//! What "at once" means: how far apart two losses may come and still stop a service.

use super::outcome::{Survival, Window};
use crate::automaton::{Nanos, Node};
use crate::engine::explore::survive::How;
use crate::engine::explore::window;
use crate::model::Model;
use crate::model::measure::Condition;
use crate::runner::RunError;
use crate::scenario::Scenario;
use rayon::prelude::*;

/// Pairs that are looked at for each service, at most.
const MAX_PAIRS: usize = 6;
/// Plays with other phases, for each order of a pair.
const PLAYS: u64 = 4;

/// The windows of these services of a model, from the rows of a table.
pub fn windows<const W: usize>(
    model: &Model<W>,
    services: &[usize],
    scenario: &Scenario,
    rows: &[Survival],
    seed: u64,
) -> Result<Vec<Window>, RunError> {
    let mut pairs: Vec<(usize, &Survival)> = Vec::new();
    for service in services {
        let name = &scenario.services[*service].name;
        let worst = |row: &Survival| row.worst(name).unwrap_or(Condition::Up);
        let survives_in_sequence = |lost: &[String]| {
            rows.iter().any(|row| {
                row.how == How::InSequence.words()
                    && row.lost == lost
                    && worst(row) <= Condition::Degraded
            })
        };
        let at_once = rows.iter().filter(|row| {
            row.how == How::AtOnce.words()
                && row.lost.len() == 2
                && worst(row) > Condition::Degraded
                && survives_in_sequence(&row.lost)
        });
        pairs.extend(at_once.take(MAX_PAIRS).map(|row| (*service, row)));
    }
    let found: Vec<Option<Window>> = pairs
        .par_iter()
        .map(|(service, row)| window_of(model, *service, scenario, row, rows, seed))
        .collect::<Result<_, RunError>>()?;
    Ok(found.into_iter().flatten().collect())
}

fn window_of<const W: usize>(
    model: &Model<W>,
    service: usize,
    scenario: &Scenario,
    row: &Survival,
    rows: &[Survival],
    seed: u64,
) -> Result<Option<Window>, RunError> {
    let number = |name: &String| scenario.nodes.iter().position(|node| node.name == *name);
    let nodes: Vec<Node> = (row.lost.iter().filter_map(number))
        .map(|index| Node(index as u16))
        .collect();
    let [a, b] = nodes[..] else {
        return Ok(None);
    };
    // After the loss of one node the cluster has come to rest after so long at most.
    let rest = (rows.iter())
        .filter(|other| other.how == How::AtOnce.words() && other.lost.len() == 1)
        .map(|other| other.rests_within_s)
        .fold(1.0, f64::max);
    let mut times = Vec::new();
    for order in [(a, b), (b, a)] {
        for replication in 0..PLAYS {
            let rest = Nanos::from_seconds(2.0 * rest);
            let time = window::longest(model, service, order, rest, (seed, replication))
                .map_err(|error| RunError::Explore(error.to_string()))?;
            times.extend(time.map(Nanos::seconds));
        }
    }
    Ok((!times.is_empty()).then(|| Window {
        service: scenario.services[service].name.clone(),
        lost: row.lost.clone(),
        shortest_s: times.iter().copied().fold(f64::INFINITY, f64::min),
        longest_s: times.iter().copied().fold(0.0, f64::max),
    }))
}
