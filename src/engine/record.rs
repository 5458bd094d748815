//! What one replication has to say about each service and tally.

use super::load::record::LoadRecord;
use super::play::Player;
use super::tallies::Tallies;
use crate::automaton::Nanos;
use crate::model::measure::{Condition, Reading};

/// Outages are told apart by 0, 1, 2, and 3 or more nodes that were down at their start.
pub const LOST_LEVELS: usize = 4;

/// One service in one replication. Times are nanoseconds within the counted
/// part of the replication.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceRecord {
    /// Time not up (down or read only).
    pub down_ns: u64,
    /// Part of that in which it could be read.
    pub read_only_ns: u64,
    /// Time up in which some requests failed.
    pub degraded_ns: u64,
    /// Share of failed requests integrated over time, in seconds.
    pub failed_s: f64,
    /// Lengths of the outages that began in the counted part. An outage that the
    /// end of the replication cuts short has the length that was seen.
    pub outages_ns: Vec<u64>,
    /// Fault to service restored, for outages that follow a fault and ended
    /// although nothing had come back meanwhile: the failovers. A short gap when
    /// an address moves back to its owner is an outage, but no failover.
    pub failovers_ns: Vec<u64>,
    /// Time not up, by the number of its cause (see `Blame`).
    pub cause_ns: Vec<u64>,
    /// Part of the time not up that was planned (see [`crate::world::planned`]).
    pub planned_ns: u64,
    /// Outages all of which was planned.
    pub planned_outages: u64,
    /// Time not up, by the number of nodes that were down when the outage began; the
    /// last place is for that many and more.
    pub lost_ns: [u64; LOST_LEVELS],
    /// Time not up in each month (a twelfth of a year) of the counted part.
    pub month_ns: Vec<u64>,
    /// When each of `outages_ns` began: the month of the counted part.
    pub outage_months: Vec<u32>,
    /// Was it up when the replication ended?
    pub up_at_end: bool,
    /// When it was first down, from the very start (the warm-up included); none if
    /// it never was.
    pub first_outage_ns: Option<u64>,
}

/// One replication.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicationRecord {
    /// Its number.
    pub replication: u64,
    /// Events that were played.
    pub events: u64,
    /// The services, in the order of the scenario.
    pub services: Vec<ServiceRecord>,
    /// For each tally the time at each value of its count.
    pub tallies: Vec<Vec<u64>>,
    /// For each maintenance: rounds begun, completed, abandoned, postponed.
    pub rounds: Vec<[u64; 4]>,
    /// Requests and the work that they make; where there are demands.
    pub load: Option<LoadRecord>,
}

#[derive(Clone, Copy)]
struct Current {
    reading: Reading,
    /// Is it not up, as planned?
    planned: bool,
    /// Has all of this outage been planned so far?
    all_planned: bool,
    /// When the present reading (and cause) began.
    since: Nanos,
    cause: usize,
    outage_began: Nanos,
    /// Nodes down when the outage began.
    lost: usize,
    /// The fault that the outage follows, if it follows one.
    fault_before: Option<Nanos>,
    restorations_before: u64,
}

/// Watches a player and keeps the record.
pub struct Recorder {
    from: Nanos,
    services: Vec<Current>,
    tallies: Tallies,
    /// Services that are down, one bit each.
    down: u64,
    record: ReplicationRecord,
}

/// Months in a year.
pub const MONTHS: usize = 12;
const MONTH_NS: u64 = (Nanos::SECONDS_PER_YEAR * 1e9) as u64 / MONTHS as u64;

impl Recorder {
    /// A recorder that counts from `warm_up` on.
    pub fn new(warm_up: Nanos) -> Recorder {
        Recorder {
            from: warm_up,
            services: Vec::new(),
            tallies: Tallies::new(warm_up),
            down: 0,
            record: ReplicationRecord::default(),
        }
    }

    /// Starts a record with the state in which the player begins.
    pub fn begin<const W: usize>(&mut self, player: &Player<'_, W>, replication: u64, end: Nanos) {
        let model = player.model();
        let months = (end.since(self.from).0).div_ceil(MONTH_NS).max(1) as usize;
        self.record = ReplicationRecord {
            replication,
            events: 0,
            services: model
                .services()
                .iter()
                .map(|service| ServiceRecord {
                    cause_ns: vec![0; service.blame.causes().len()],
                    month_ns: vec![0; months],
                    first_outage_ns: is_down(service.read(player.state())).then_some(0),
                    ..ServiceRecord::default()
                })
                .collect(),
            tallies: Vec::new(),
            rounds: rounds(player),
            load: None,
        };
        self.services = model
            .services()
            .iter()
            .map(|service| {
                let reading = service.read(player.state());
                let down = is_down(reading);
                Current {
                    reading,
                    planned: false,
                    all_planned: false,
                    since: Nanos::ZERO,
                    cause: if down {
                        service.blame.cause(player.state())
                    } else {
                        0
                    },
                    outage_began: Nanos::ZERO,
                    lost: nodes_lost(player),
                    fault_before: None,
                    restorations_before: 0,
                }
            })
            .collect();
        let is_down =
            |(index, current): (usize, &Current)| u64::from(is_down(current.reading)) << index;
        self.down = self.services.iter().enumerate().map(is_down).sum();
        self.tallies.begin(player);
    }

    /// The counted part begins: rounds of maintenance before it do not count.
    pub fn begin_counting<const W: usize>(&mut self, player: &Player<'_, W>) {
        self.record.rounds = rounds(player);
    }

    /// The services that are down, one bit each.
    #[inline]
    pub fn down(&self) -> u64 {
        self.down
    }

    /// How a service is doing, as it was read last.
    #[inline]
    pub fn reading(&self, service: usize) -> Reading {
        self.services[service].reading
    }

    /// Follows the tallies after an event.
    #[inline(always)]
    pub fn follow<const W: usize>(&mut self, player: &Player<'_, W>, touched: u64) {
        self.tallies.follow(player, touched);
    }

    /// Reads the services that an event has touched.
    #[inline]
    pub fn update<const W: usize>(&mut self, player: &Player<'_, W>, mut touched: u64) {
        while touched != 0 {
            let index = touched.trailing_zeros() as usize;
            touched &= touched - 1;
            self.update_service(player, index);
        }
    }

    fn update_service<const W: usize>(&mut self, player: &Player<'_, W>, index: usize) {
        let service = &player.model().services()[index];
        let reading = service.read(player.state());
        let current = self.services[index];
        let down = is_down(reading);
        let cause = if down {
            service.blame.cause(player.state())
        } else {
            0
        };
        let planned = down && player.model().is_planned(player.state());
        if reading == current.reading && cause == current.cause && planned == current.planned {
            return;
        }
        let now = player.now();
        self.close_segment(index, now);
        let next = &mut self.services[index];
        next.reading = reading;
        next.since = now;
        next.cause = cause;
        next.planned = planned;
        let was_down = is_down(current.reading);
        self.down = self.down & !(1 << index) | u64::from(down) << index;
        if down && !was_down {
            next.outage_began = now;
            next.all_planned = planned;
            next.lost = nodes_lost(player);
            next.fault_before = player.fault_behind();
            next.restorations_before = player.restorations();
            let record = &mut self.record.services[index];
            record.first_outage_ns.get_or_insert(now.0);
        } else if was_down && down {
            next.all_planned &= planned;
        } else if was_down && current.outage_began >= self.from {
            let record = &mut self.record.services[index];
            record.outages_ns.push(now.since(current.outage_began).0);
            record
                .outage_months
                .push(month(current.outage_began.since(self.from)));
            record.planned_outages += u64::from(current.all_planned);
            let nothing_came_back = player.restorations() == current.restorations_before;
            if let Some(fault) = current.fault_before.filter(|_| nothing_came_back) {
                record.failovers_ns.push(now.since(fault).0);
            }
        }
    }

    /// Books the time since the last change of a service.
    fn close_segment(&mut self, index: usize, now: Nanos) {
        let current = self.services[index];
        let begin = current.since.max(self.from);
        let length = now.since(begin).0;
        if length == 0 {
            return;
        }
        let record = &mut self.record.services[index];
        match current.reading.condition {
            Condition::Up => {}
            Condition::Degraded => record.degraded_ns += length,
            Condition::ReadOnly | Condition::Down => {
                record.down_ns += length;
                if current.planned {
                    record.planned_ns += length;
                }
                record.cause_ns[current.cause] += length;
                record.lost_ns[current.lost] += length;
                if current.reading.condition == Condition::ReadOnly {
                    record.read_only_ns += length;
                }
                let offset = begin.since(self.from).0;
                spread_over_months(&mut record.month_ns, offset, length);
            }
        }
        if current.reading.success < 1.0 {
            record.failed_s += (1.0 - current.reading.success) * Nanos(length).seconds();
        }
    }

    /// Ends the record at the horizon and hands it over.
    pub fn finish<const W: usize>(
        &mut self,
        player: &Player<'_, W>,
        end: Nanos,
    ) -> ReplicationRecord {
        for index in 0..self.services.len() {
            self.close_segment(index, end);
            let current = self.services[index];
            let down = is_down(current.reading);
            let record = &mut self.record.services[index];
            record.up_at_end = !down;
            if down && current.outage_began >= self.from && current.outage_began < end {
                record.outages_ns.push(end.since(current.outage_began).0);
                record
                    .outage_months
                    .push(month(current.outage_began.since(self.from)));
                record.planned_outages += u64::from(current.all_planned);
            }
        }
        self.record.tallies = self.tallies.finish(end);
        let before = std::mem::take(&mut self.record.rounds);
        self.record.rounds = rounds(player);
        for (now, before) in self.record.rounds.iter_mut().zip(before) {
            now.iter_mut().zip(before).for_each(|(now, b)| *now -= b);
        }
        self.record.events = player.events();
        std::mem::take(&mut self.record)
    }
}

/// Rounds of each maintenance so far.
fn rounds<const W: usize>(player: &Player<'_, W>) -> Vec<[u64; 4]> {
    let counters = player.model().rounds().iter();
    counters
        .map(|(_, rounds)| rounds.all().map(|counter| player.state().counter(counter)))
        .collect()
}

/// How many nodes are down, as an index of `ServiceRecord::lost_ns`.
fn nodes_lost<const W: usize>(player: &Player<'_, W>) -> usize {
    let model = player.model();
    let up = player.state().set(model.node_up()).len();
    (model.blueprint().nodes() - up).min(LOST_LEVELS - 1)
}

fn is_down(reading: Reading) -> bool {
    matches!(reading.condition, Condition::Down | Condition::ReadOnly)
}

/// The month of the counted part in which this is.
fn month(since: Nanos) -> u32 {
    (since.0 / MONTH_NS) as u32
}

fn spread_over_months(months: &mut [u64], mut offset: u64, mut length: u64) {
    while length > 0 {
        let month = ((offset / MONTH_NS) as usize).min(months.len() - 1);
        let room = if month + 1 == months.len() {
            length
        } else {
            MONTH_NS - offset % MONTH_NS
        };
        let part = length.min(room);
        months[month] += part;
        offset += part;
        length -= part;
    }
}
