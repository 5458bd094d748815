//! How long components were down while a service was, and while it was not; and what the
//! service waited for.

use super::components::{Components, Watch};
use super::critical_path::Trail;
use super::play::{PlayError, Player};
use super::story::Replication;
use crate::automaton::{Nanos, Timer};
use crate::model::measure::Condition;
use std::collections::BTreeMap;

/// Times of one replication, in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    /// All of it.
    pub all_ns: u64,
    /// The service was not up.
    pub down_ns: u64,
    /// Each component did not work.
    pub failed_ns: Vec<u64>,
    /// Both.
    pub both_ns: Vec<u64>,
    /// Time in which the service was not up, by the components that did not work then, in
    /// the order in which they had failed.
    pub down_with_ns: BTreeMap<Vec<u16>, u64>,
    /// The same time by the timer that it waited for; none: not over with the replication.
    pub waited_ns: BTreeMap<Option<Timer>, u64>,
}

/// Plays one replication by chance and adds up who was down together.
pub fn times<const W: usize>(
    player: &mut Player<'_, W>,
    components: &Components,
    service: usize,
    replication: &Replication,
) -> Result<Times, PlayError> {
    let model = player.model();
    player.begin(replication.seed, replication.number)?;
    let count = components.len();
    let mut times = Times {
        all_ns: replication.end.since(replication.warm_up).0,
        down_ns: 0,
        failed_ns: vec![0; count],
        both_ns: vec![0; count],
        down_with_ns: BTreeMap::new(),
        waited_ns: BTreeMap::new(),
    };
    let mut watch = Watch::new(components, player.state());
    let numbered = watch.works().iter().enumerate();
    let failed = numbered.filter(|(_, works)| !**works);
    let mut order: Vec<u16> = failed.map(|(index, _)| index as u16).collect();
    let is_down = |player: &Player<'_, W>| {
        model.services()[service].read(player.state()).condition > Condition::Degraded
    };
    let mut down = is_down(player);
    let mut since = Nanos::ZERO;
    let mut trail = Trail::default();
    trail.begin(player);
    loop {
        let more = match down {
            true => trail.advance(player, replication.end),
            false => player.advance(replication.end).is_some(),
        };
        let now = if more { player.now() } else { replication.end };
        let length = now.since(since.max(replication.warm_up).min(now)).0;
        if length > 0 {
            times.add(length, down, watch.works(), &order);
        }
        since = now;
        if !more {
            if down {
                times.wait(None, trail.began().max(replication.warm_up), now);
            }
            break;
        }
        watch.look(player.state(), |index, works| match works {
            true => order.retain(|failed| *failed != index as u16),
            false => order.push(index as u16),
        });
        match (down, is_down(player)) {
            (false, true) => trail.begin(player),
            (true, false) => {
                for wait in trail.waits(model) {
                    let from = wait.from.max(replication.warm_up);
                    times.wait(Some(wait.timer), from, wait.to);
                }
            }
            _ => {}
        }
        down = is_down(player);
    }
    player.failure()?;
    Ok(times)
}

impl Times {
    fn wait(&mut self, timer: Option<Timer>, from: Nanos, to: Nanos) {
        if from < to {
            *self.waited_ns.entry(timer).or_default() += to.since(from).0;
        }
    }

    fn add(&mut self, length: u64, down: bool, works: &[bool], order: &[u16]) {
        if down {
            self.down_ns += length;
            *self.down_with_ns.entry(order.to_vec()).or_default() += length;
        }
        for (index, works) in works.iter().enumerate() {
            if !works {
                self.failed_ns[index] += length;
                self.both_ns[index] += if down { length } else { 0 };
            }
        }
    }
}
