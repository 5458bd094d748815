//! What one replication has to say about load: charts integrated over time, and
//! backlogs followed as fluids.
//!
//! A service that is down refuses requests, or lets them wait as long as their
//! time-out: then those of the last such span before its return are a backlog. At
//! an overloaded node without any limit the backlog is what comes beyond its
//! capacity. A backlog drains with what capacity there is to spare; until it is
//! gone everybody waits.

use super::chart::{self, Chart, DEMAND_COLUMNS, HOUR, NODE_COLUMNS};
use crate::automaton::{Nanos, NodeSet};
use crate::engine::play::Player;
use crate::engine::record::Recorder;
use crate::model::measure::{Condition, Reading};
use crate::world::load::Load;
use std::collections::HashMap;

/// Charts that are kept; a cluster that has more states than this begins anew.
const MAX_CHARTS: usize = 1024;

/// One stretch of trouble of a service: from when it is not fully up, or a node that serves it
/// is overloaded, until it is up, nothing is overloaded, and the backlog is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trouble {
    /// Requests that failed.
    pub failed: f64,
    /// Requests that were served late.
    pub delayed: f64,
    /// The largest backlog: requests that waited at one time.
    pub queued: f64,
}

/// One demand in one replication.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DemandRecord {
    /// Requests that came.
    pub requests: f64,
    /// Requests that failed.
    pub failed: f64,
    /// Requests that were served late.
    pub delayed: f64,
    /// Seconds that requests waited, all together.
    pub waited_s: f64,
    /// Every stretch of trouble that came to its end.
    pub troubles: Vec<Trouble>,
}

/// One node in one replication.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeRecord {
    /// Utilisation of processors and of memory, integrated over time, in seconds.
    pub busy_s: [f64; NODE_COLUMNS],
    /// Largest utilisation of processors and of memory.
    pub peak: [f64; NODE_COLUMNS],
}

/// The load of one replication.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadRecord {
    /// The demands, in the order of the services.
    pub demands: Vec<DemandRecord>,
    /// The nodes that can bear work, in their order.
    pub nodes: Vec<NodeRecord>,
    /// Time in which a node is above the utilisation limit, in seconds.
    pub above_limit_s: f64,
    /// Time in which a node is overloaded, in seconds.
    pub overload_s: f64,
}

/// What is remembered of a demand between two changes.
#[derive(Clone, Copy, Debug, Default)]
struct Backlog {
    /// Requests that wait.
    requests: f64,
    /// Are they waiting for the service to return? Then nobody has counted them as late.
    for_return: bool,
    /// At which rate they came, in that case.
    arrivals_per_s: f64,
    /// The stretch of trouble at hand: the sums at its beginning, and the largest backlog.
    trouble: Option<Trouble>,
}

/// Watches a player and keeps the record.
pub struct LoadRecorder<const W: usize> {
    from: Nanos,
    charts: Vec<Chart>,
    known: HashMap<Vec<u64>, usize>,
    /// The key of the present chart: where work lands, and how the services are.
    key: Vec<u64>,
    at: usize,
    since: Nanos,
    places: Vec<NodeSet<W>>,
    readings: Vec<Reading>,
    /// The same, as they will be; kept for its memory.
    next: (Vec<NodeSet<W>>, Vec<Reading>),
    sums: Vec<f64>,
    peaks: Vec<f64>,
    backlogs: Vec<Backlog>,
    troubles: Vec<Vec<Trouble>>,
}

impl<const W: usize> LoadRecorder<W> {
    /// A recorder that counts from `warm_up` on.
    pub fn new(load: &Load<W>, warm_up: Nanos) -> Self {
        let columns = chart::columns(load);
        LoadRecorder {
            from: warm_up,
            charts: Vec::new(),
            known: HashMap::new(),
            key: Vec::new(),
            at: 0,
            since: Nanos::ZERO,
            places: Vec::new(),
            readings: Vec::new(),
            next: (Vec::new(), Vec::new()),
            sums: vec![0.0; columns],
            peaks: vec![0.0; columns],
            backlogs: vec![Backlog::default(); load.demands.len()],
            troubles: vec![Vec::new(); load.demands.len()],
        }
    }

    /// Starts a record with the state in which the player begins.
    pub fn begin(&mut self, load: &Load<W>, player: &Player<'_, W>, services: &Recorder) {
        self.since = Nanos::ZERO;
        self.sums.fill(0.0);
        self.peaks.fill(0.0);
        self.backlogs.fill(Backlog::default());
        self.troubles.iter_mut().for_each(Vec::clear);
        load.places(player.state(), &mut self.places);
        read(load, services, &mut self.readings);
        self.find_chart(load);
    }

    /// Something has changed that may matter. The services have been read before.
    pub fn update(&mut self, load: &Load<W>, player: &Player<'_, W>, services: &Recorder) {
        let (mut places, mut readings) = std::mem::take(&mut self.next);
        load.places(player.state(), &mut places);
        read(load, services, &mut readings);
        if places != self.places || readings != self.readings {
            self.pass(load, player.now());
            std::mem::swap(&mut self.places, &mut places);
            std::mem::swap(&mut self.readings, &mut readings);
            self.find_chart(load);
        }
        self.next = (places, readings);
    }

    /// Ends the record at the horizon and hands it over.
    pub fn finish(&mut self, load: &Load<W>, end: Nanos) -> LoadRecord {
        self.pass(load, end);
        let count = load.demands.len();
        for demand in 0..count {
            self.close_trouble(demand);
        }
        let (demands, nodes) = self.sums.split_at(count * DEMAND_COLUMNS);
        let peaks = &self.peaks[count * DEMAND_COLUMNS..];
        let last = nodes.len() - 2;
        LoadRecord {
            demands: demands
                .chunks_exact(DEMAND_COLUMNS)
                .zip(&self.troubles)
                .map(|(sums, troubles)| DemandRecord {
                    requests: sums[0],
                    failed: sums[1],
                    delayed: sums[2],
                    waited_s: sums[3],
                    troubles: troubles.clone(),
                })
                .collect(),
            nodes: nodes[..last]
                .chunks_exact(NODE_COLUMNS)
                .zip(peaks.chunks_exact(NODE_COLUMNS))
                .map(|(busy, peak)| NodeRecord {
                    busy_s: [busy[0], busy[1]],
                    peak: [peak[0], peak[1]],
                })
                .collect(),
            above_limit_s: nodes[last],
            overload_s: nodes[last + 1],
        }
    }

    /// The chart of the present state, made if it is new.
    fn find_chart(&mut self, load: &Load<W>) {
        let key = &mut self.key;
        key.clear();
        key.extend(self.places.iter().flat_map(|set| set.words()));
        for reading in &self.readings {
            key.extend([reading.condition as u64, reading.success.to_bits()]);
        }
        if let Some(at) = self.known.get(key) {
            self.at = *at;
            return;
        }
        if self.charts.len() >= MAX_CHARTS {
            self.charts.clear();
            self.known.clear();
        }
        self.at = self.charts.len();
        self.charts
            .push(Chart::new(load, &self.places, &self.readings));
        self.known.insert(self.key.clone(), self.at);
    }

    /// Books the time since the last change.
    fn pass(&mut self, load: &Load<W>, now: Nanos) {
        let begin = self.since.max(self.from);
        self.since = now;
        if now <= begin {
            return;
        }
        let chart = &self.charts[self.at];
        chart.raise(begin, now, &mut self.peaks);
        if chart.is_steady && self.backlogs.iter().all(|b| b.requests == 0.0) {
            for demand in 0..load.demands.len() {
                if self.charts[self.at].demands[demand].reading.condition == Condition::Up {
                    self.close_trouble(demand);
                } else {
                    self.open_trouble(demand);
                }
            }
            self.charts[self.at].integrate(begin, now, &mut self.sums);
            return;
        }
        let mut at = begin;
        while at < now {
            let hour = at.0 / HOUR.0;
            let end = match load.settings.day.len() {
                1 => now,
                _ => Nanos((hour + 1) * HOUR.0).min(now),
            };
            self.pass_hour(load, hour, (end - at).seconds());
            at = end;
        }
    }

    /// Books a part of one hour, with the backlogs.
    fn pass_hour(&mut self, load: &Load<W>, hour: u64, seconds: f64) {
        let first = load.demands.len() * DEMAND_COLUMNS;
        let row = self.charts[self.at].row(hour);
        for (sum, rate) in self.sums[first..].iter_mut().zip(&row[first..]) {
            *sum += rate * seconds;
        }
        for (demand, placed) in load.demands.iter().enumerate() {
            let timeout = placed.timeout.map(|timeout| timeout.seconds());
            self.pass_demand(demand, hour, seconds, timeout);
        }
    }

    fn pass_demand(&mut self, demand: usize, hour: u64, seconds: f64, timeout_s: Option<f64>) {
        let chart = &self.charts[self.at];
        let fare = &chart.demands[demand];
        let flow = fare.flows[chart.hour_of_day(hour)];
        let steady = demand * DEMAND_COLUMNS;
        let rates = [0, 1, 2, 3].map(|column| chart.row(hour)[steady + column]);
        let (is_open, reading) = (fare.is_open(), fare.reading);
        let overloaded = is_open && flow.growth_per_s > 0.0;
        if reading.condition != Condition::Up || overloaded {
            self.open_trouble(demand);
        } else if self.backlogs[demand].requests == 0.0 {
            self.close_trouble(demand);
        }
        if !is_open {
            self.wait_for_return(demand, flow.arrivals_per_s, seconds, timeout_s);
            return;
        }
        let backlog = &mut self.backlogs[demand];
        let sums = &mut self.sums[steady..steady + DEMAND_COLUMNS];
        if std::mem::take(&mut backlog.for_return) && backlog.requests > 0.0 {
            // They came evenly, so the mean of them has waited half as long as the first.
            sums[2] += backlog.requests;
            sums[3] += backlog.requests * backlog.requests / (2.0 * backlog.arrivals_per_s);
        }
        let taken = flow.arrivals_per_s * reading.success;
        let mut rest = seconds;
        if overloaded {
            let growth = flow.growth_per_s * reading.success;
            sums[0] += flow.arrivals_per_s * seconds;
            sums[1] += (flow.arrivals_per_s - taken) * seconds;
            sums[2] += taken * flow.late * seconds;
            let grown = backlog.requests + growth * seconds;
            sums[3] += (backlog.requests + grown) / 2.0 * seconds;
            backlog.requests = grown;
            rest = 0.0;
        } else if backlog.requests > 0.0 {
            let spare = (flow.capacity_per_s - taken).max(0.0);
            let drained_s = if spare > 0.0 {
                backlog.requests / spare
            } else {
                f64::INFINITY
            };
            let busy = seconds.min(drained_s);
            let left = if drained_s <= seconds {
                0.0
            } else {
                backlog.requests - spare * busy
            };
            sums[0] += flow.arrivals_per_s * busy;
            sums[1] += (flow.arrivals_per_s - taken) * busy;
            sums[2] += taken * busy;
            sums[3] += (backlog.requests + left) / 2.0 * busy;
            backlog.requests = left;
            rest = seconds - busy;
            if left == 0.0 && reading.condition == Condition::Up {
                self.close_trouble(demand);
            }
        }
        let sums = &mut self.sums[steady..steady + DEMAND_COLUMNS];
        for (sum, rate) in sums.iter_mut().zip(rates) {
            *sum += rate * rest;
        }
        let backlog = &mut self.backlogs[demand];
        if let Some(trouble) = &mut backlog.trouble {
            trouble.queued = trouble.queued.max(backlog.requests);
        }
    }

    /// The service is down: requests fail at once, or when they have waited too long.
    fn wait_for_return(
        &mut self,
        demand: usize,
        arrivals_per_s: f64,
        seconds: f64,
        timeout_s: Option<f64>,
    ) {
        let backlog = &mut self.backlogs[demand];
        let sums = &mut self.sums[demand * DEMAND_COLUMNS..][..DEMAND_COLUMNS];
        let arrived = arrivals_per_s * seconds;
        let before = backlog.requests;
        let most = timeout_s.map_or(0.0, |timeout| arrivals_per_s * timeout);
        // What was there already does not vanish because fewer come now; it times out as more
        // come.
        let waiting = (before + arrived).min(most.max(before - arrived).max(0.0));
        sums[0] += arrived;
        sums[1] += before + arrived - waiting;
        backlog.requests = if timeout_s.is_some() { waiting } else { 0.0 };
        if timeout_s.is_none() {
            sums[1] += waiting;
        }
        backlog.for_return = true;
        backlog.arrivals_per_s = arrivals_per_s;
        if let Some(trouble) = &mut backlog.trouble {
            trouble.queued = trouble.queued.max(backlog.requests);
        }
    }

    fn open_trouble(&mut self, demand: usize) {
        let sums = &self.sums[demand * DEMAND_COLUMNS..];
        self.backlogs[demand].trouble.get_or_insert(Trouble {
            failed: sums[1],
            delayed: sums[2],
            queued: 0.0,
        });
    }

    fn close_trouble(&mut self, demand: usize) {
        let sums = &self.sums[demand * DEMAND_COLUMNS..];
        if let Some(begin) = self.backlogs[demand].trouble.take() {
            self.troubles[demand].push(Trouble {
                failed: sums[1] - begin.failed,
                delayed: sums[2] - begin.delayed,
                queued: begin.queued,
            });
        }
    }
}

fn read<const W: usize>(load: &Load<W>, services: &Recorder, into: &mut Vec<Reading>) {
    into.clear();
    let demands = load.demands.iter();
    into.extend(demands.map(|demand| services.reading(demand.service)));
}
