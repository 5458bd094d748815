//! What weighted trajectories have to say about services and tallies.

use crate::automaton::{Nanos, State};
use crate::engine::record::LOST_LEVELS;
use crate::model::Model;
use crate::model::measure::{Condition, Reading};

/// One service in one replication: sums over its trajectories, each with its weight.
/// The mean of each over many replications is what plain simulation would find.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceTotals {
    /// Seconds not up.
    pub down_s: f64,
    /// Part of that in which it could be read.
    pub read_only_s: f64,
    /// Part of that which was planned.
    pub planned_s: f64,
    /// Seconds of failed requests, where they come evenly.
    pub failed_s: f64,
    /// Outages that began in the counted part.
    pub outages: f64,
    /// Those all of which was planned.
    pub planned_outages: f64,
    /// Seconds not up by cause.
    pub cause_s: Vec<f64>,
    /// Seconds not up by the nodes that were down when the outage began.
    pub lost_s: [f64; LOST_LEVELS],
    /// Was there an outage at all, from the very start?
    pub first_outage: f64,
    /// Seconds from the first outage to the end.
    pub since_first_s: f64,
    /// Was it down at the end?
    pub down_at_end: f64,
}

/// One replication.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Its number.
    pub replication: u64,
    /// Events of all trajectories.
    pub events: u64,
    /// Trajectories, the first one included.
    pub trajectories: u64,
    /// The services, in the order of the scenario.
    pub services: Vec<ServiceTotals>,
    /// For each tally the seconds at each value of its count.
    pub tallies: Vec<Vec<f64>>,
}

#[derive(Clone, Copy)]
struct Current {
    reading: Reading,
    planned: bool,
    all_planned: bool,
    /// Did the outage at hand begin in the counted part?
    counted: bool,
    /// Has there been an outage since the very start?
    seen: bool,
    since: Nanos,
    cause: usize,
    lost: usize,
}

/// Where one trajectory stands.
#[derive(Clone, Default)]
pub(super) struct Watch {
    services: Vec<Current>,
    tallies: Vec<(usize, Nanos)>,
    /// Services that are not up, one bit each.
    pub down: u64,
}

impl Watch {
    pub fn copy_from(&mut self, other: &Watch) {
        self.services.clone_from(&other.services);
        self.tallies.clone_from(&other.tallies);
        self.down = other.down;
    }

    /// What is summed from now on begins now.
    pub fn restart(&mut self, now: Nanos) {
        for current in &mut self.services {
            current.since = now;
        }
        for (_, since) in &mut self.tallies {
            *since = now;
        }
    }
}

/// Sums up what all trajectories of a replication do.
pub(super) struct Ledger {
    from: Nanos,
    end: Nanos,
    pub totals: Totals,
}

impl Ledger {
    pub fn new(from: Nanos, end: Nanos) -> Ledger {
        Ledger {
            from,
            end,
            totals: Totals::default(),
        }
    }

    /// Opens the book for a replication that begins in this state.
    pub fn begin<const W: usize>(
        &mut self,
        model: &Model<W>,
        state: &State<W>,
        replication: u64,
    ) -> Watch {
        self.totals = Totals {
            replication,
            services: (model.services().iter())
                .map(|service| ServiceTotals {
                    cause_s: vec![0.0; service.blame.causes().len()],
                    ..ServiceTotals::default()
                })
                .collect(),
            tallies: (model.tallies().iter())
                .map(|tally| vec![0.0; tally.limit as usize + 1])
                .collect(),
            ..Totals::default()
        };
        let mut watch = Watch {
            services: vec![UP; model.services().len()],
            tallies: (model.tallies().iter())
                .map(|tally| (tally.of.value(state) as usize, Nanos::ZERO))
                .collect(),
            down: 0,
        };
        for index in 0..model.services().len() {
            self.update_service(&mut watch, model, state, Nanos::ZERO, index, 1.0);
        }
        watch
    }

    /// Reads the measures that an event has touched.
    #[inline]
    pub fn update<const W: usize>(
        &mut self,
        watch: &mut Watch,
        (model, state): (&Model<W>, &State<W>),
        now: Nanos,
        touched: u64,
        weight: f64,
    ) {
        let services = watch.services.len();
        let mut left = touched;
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            match index.checked_sub(services) {
                None => self.update_service(watch, model, state, now, index, weight),
                Some(tally) if tally < watch.tallies.len() => {
                    let level = model.tallies()[tally].of.value(state) as usize;
                    if level != watch.tallies[tally].0 {
                        self.close_tally(watch, tally, now, weight);
                        watch.tallies[tally] = (level, now);
                    }
                }
                // The load is not followed here.
                Some(_) => {}
            }
        }
    }

    fn update_service<const W: usize>(
        &mut self,
        watch: &mut Watch,
        model: &Model<W>,
        state: &State<W>,
        now: Nanos,
        index: usize,
        weight: f64,
    ) {
        let service = &model.services()[index];
        let reading = service.read(state);
        let down = is_down(reading);
        let cause = if down { service.blame.cause(state) } else { 0 };
        let planned = down && model.is_planned(state);
        let current = watch.services[index];
        if (reading, cause, planned) == (current.reading, current.cause, current.planned) {
            return;
        }
        self.close_service(watch, index, now, weight);
        let totals = &mut self.totals.services[index];
        let next = &mut watch.services[index];
        (next.reading, next.cause, next.planned) = (reading, cause, planned);
        next.since = now;
        let was_down = is_down(current.reading);
        if down && !was_down {
            watch.down |= 1 << index;
            next.all_planned = planned;
            next.lost = nodes_lost(model, state);
            next.counted = now >= self.from;
            if next.counted {
                totals.outages += weight;
            }
            if !next.seen {
                next.seen = true;
                totals.first_outage += weight;
                totals.since_first_s += weight * self.end.since(now).seconds();
            }
        } else if down {
            next.all_planned &= planned;
        } else if was_down {
            watch.down &= !(1 << index);
            if current.counted && current.all_planned {
                totals.planned_outages += weight;
            }
        }
    }

    fn close_service(&mut self, watch: &Watch, index: usize, now: Nanos, weight: f64) {
        let current = watch.services[index];
        if current.reading.condition == Condition::Up || weight == 0.0 {
            return;
        }
        let seconds = weight * now.since(current.since.max(self.from)).seconds();
        let totals = &mut self.totals.services[index];
        totals.failed_s += (1.0 - current.reading.success) * seconds;
        if !is_down(current.reading) {
            return;
        }
        totals.down_s += seconds;
        totals.cause_s[current.cause] += seconds;
        totals.lost_s[current.lost] += seconds;
        if current.planned {
            totals.planned_s += seconds;
        }
        if current.reading.condition == Condition::ReadOnly {
            totals.read_only_s += seconds;
        }
    }

    fn close_tally(&mut self, watch: &Watch, tally: usize, now: Nanos, weight: f64) {
        let (level, since) = watch.tallies[tally];
        self.totals.tallies[tally][level] += weight * now.since(since.max(self.from)).seconds();
    }

    /// Books everything up to now: the trajectory ends, or changes its weight.
    pub fn close(&mut self, watch: &Watch, now: Nanos, weight: f64) {
        for index in 0..watch.services.len() {
            self.close_service(watch, index, now, weight);
        }
        for tally in 0..watch.tallies.len() {
            self.close_tally(watch, tally, now, weight);
        }
    }

    /// The trajectory has come to the horizon.
    pub fn finish(&mut self, watch: &Watch, weight: f64) {
        self.close(watch, self.end, weight);
        for (totals, current) in self.totals.services.iter_mut().zip(&watch.services) {
            if is_down(current.reading) {
                totals.down_at_end += weight;
                if current.counted && current.all_planned {
                    totals.planned_outages += weight;
                }
            }
        }
    }
}

/// A service before it has been read.
const UP: Current = Current {
    reading: Reading {
        condition: Condition::Up,
        success: 1.0,
    },
    planned: false,
    all_planned: false,
    counted: false,
    seen: false,
    since: Nanos::ZERO,
    cause: 0,
    lost: 0,
};

fn is_down(reading: Reading) -> bool {
    reading.condition >= Condition::ReadOnly
}

fn nodes_lost<const W: usize>(model: &Model<W>, state: &State<W>) -> usize {
    let up = state.set(model.node_up()).len();
    (model.blueprint().nodes() - up).min(LOST_LEVELS - 1)
}
