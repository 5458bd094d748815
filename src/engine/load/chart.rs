//! One state through the hours of a day.
//!
//! Hours have whole numbers: hour 0 is the first of a replication, which begins at midnight.

use super::flow::{self, Flow};
use crate::automaton::{Nanos, NodeSet};
use crate::model::measure::{Condition, Reading};
use crate::world::load::{Load, Resource};

/// Length of an hour.
pub const HOUR: Nanos = Nanos(3_600_000_000_000);

/// Columns of a demand: requests, failed, delayed, seconds waited; all per second.
pub const DEMAND_COLUMNS: usize = 4;
/// Columns of a node: utilisation of processors and memory.
pub const NODE_COLUMNS: usize = 2;

/// How one demand fares in each hour.
#[derive(Clone, Debug)]
pub struct DemandChart {
    /// Its service: condition and share of requests that succeed.
    pub reading: Reading,
    /// For each hour of the day.
    pub flows: Vec<Flow>,
}

impl DemandChart {
    /// Does somebody take requests at all?
    pub fn is_open(&self) -> bool {
        matches!(self.reading.condition, Condition::Up | Condition::Degraded)
    }
}

/// Everything about one state.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The demands.
    pub demands: Vec<DemandChart>,
    /// Nothing builds up or waits at any hour: rates times time are all there is.
    pub is_steady: bool,
    columns: usize,
    /// Row by row: what each hour adds per second.
    rates: Vec<f64>,
    /// Row by row: what the hours before this one add, per second of an hour; one row more
    /// than there are hours.
    before: Vec<f64>,
}

impl Chart {
    /// The chart of a state in which work lands in these places.
    pub fn new<const W: usize>(
        load: &Load<W>,
        places: &[NodeSet<W>],
        readings: &[Reading],
    ) -> Chart {
        let burden = load.burden(places);
        let mean_s = flow::mean_service_s(load, places);
        let day = &load.settings.day;
        let demands: Vec<DemandChart> = load
            .served_on(places)
            .zip(readings)
            .map(|((demand, on), reading)| DemandChart {
                reading: *reading,
                flows: day
                    .iter()
                    .map(|factor| flow::flow(load, demand, on, &burden, &mean_s, *factor))
                    .collect(),
            })
            .collect();
        let is_steady = demands.iter().zip(&load.demands).all(|(chart, demand)| {
            let waits_for_service = !chart.is_open() && demand.timeout.is_some();
            let grows = chart.is_open() && chart.flows.iter().any(|f| f.growth_per_s > 0.0);
            !waits_for_service && !grows
        });
        let mut chart = Chart {
            columns: columns(load),
            demands,
            is_steady,
            rates: Vec::new(),
            before: Vec::new(),
        };
        for (hour, factor) in day.iter().enumerate() {
            for demand in &chart.demands {
                chart.rates.extend(steady_rates(demand, hour));
            }
            let (mut above, mut overload) = (false, false);
            for node in load.bearers() {
                for resource in [Resource::Cpu, Resource::Memory] {
                    let utilisation = burden.utilisation(node.index(), resource, *factor);
                    // What is exactly at the limit is not above it, whatever the last digit says.
                    above |= utilisation > load.settings.limit * (1.0 + 1e-12);
                    overload |= utilisation > 1.0 + 1e-12;
                    chart.rates.push(utilisation);
                }
            }
            chart.rates.extend([f64::from(above), f64::from(overload)]);
        }
        chart.before = vec![0.0; chart.columns];
        for place in 0..chart.rates.len() {
            chart.before.push(chart.before[place] + chart.rates[place]);
        }
        chart
    }

    /// Hours of the day: 24, or 1 where all are alike.
    fn hours(&self) -> u64 {
        (self.rates.len() / self.columns) as u64
    }

    /// The row of an hour.
    pub fn row(&self, hour: u64) -> &[f64] {
        let at = (hour % self.hours()) as usize * self.columns;
        &self.rates[at..at + self.columns]
    }

    /// The hour of the day, as a number of a flow.
    pub fn hour_of_day(&self, hour: u64) -> usize {
        (hour % self.hours()) as usize
    }

    /// Adds what the time from `from` to `to` brings, to every column.
    pub fn integrate(&self, from: Nanos, to: Nanos, sums: &mut [f64]) {
        let (first, last) = (from.0 / HOUR.0, to.0 / HOUR.0);
        if first == last || self.hours() == 1 {
            add(sums, self.row(first), (to - from).seconds());
            return;
        }
        add(
            sums,
            self.row(first),
            Nanos((first + 1) * HOUR.0 - from.0).seconds(),
        );
        add(sums, self.row(last), Nanos(to.0 - last * HOUR.0).seconds());
        let whole = last - first - 1;
        let before = |hour: u64| {
            let at = hour as usize * self.columns;
            &self.before[at..at + self.columns]
        };
        let hour_s = HOUR.seconds();
        add(
            sums,
            before(self.hours()),
            (whole / self.hours()) as f64 * hour_s,
        );
        let begin = (first + 1) % self.hours();
        let end = begin + whole % self.hours();
        add(sums, before(begin), -hour_s);
        if end <= self.hours() {
            add(sums, before(end), hour_s);
        } else {
            add(sums, before(self.hours()), hour_s);
            add(sums, before(end - self.hours()), hour_s);
        }
    }

    /// Raises `peaks` to the largest value that each column has between `from` and `to`.
    pub fn raise(&self, from: Nanos, to: Nanos, peaks: &mut [f64]) {
        let (first, last) = (from.0 / HOUR.0, to.0 / HOUR.0);
        for hour in first..=last.min(first + self.hours() - 1) {
            for (peak, value) in peaks.iter_mut().zip(self.row(hour)) {
                *peak = peak.max(*value);
            }
        }
    }
}

/// The number of columns of a load's charts.
pub fn columns<const W: usize>(load: &Load<W>) -> usize {
    load.demands.len() * DEMAND_COLUMNS + load.bearers().len() * NODE_COLUMNS + 2
}

/// What a demand adds per second while nothing builds up.
fn steady_rates(demand: &DemandChart, hour: usize) -> [f64; DEMAND_COLUMNS] {
    let flow = &demand.flows[hour];
    let arrivals = flow.arrivals_per_s;
    if !demand.is_open() {
        return [arrivals, arrivals, 0.0, 0.0];
    }
    let taken = arrivals * demand.reading.success;
    let served = taken * (1.0 - flow.lost);
    [
        arrivals,
        arrivals - served,
        taken * flow.late,
        served * flow.wait_s,
    ]
}

fn add(sums: &mut [f64], row: &[f64], seconds: f64) {
    for (sum, rate) in sums.iter_mut().zip(row) {
        *sum += rate * seconds;
    }
}
