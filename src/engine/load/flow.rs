//! Requests of one service in one state at one level of demand.

use crate::automaton::NodeSet;
use crate::estimate::queueing::{Station, Waiting};
use crate::scenario::load::Discipline;
use crate::world::load::{Burden, Load, PlacedDemand, Resource};

/// What happens to requests that come now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    /// Requests per second.
    pub arrivals_per_s: f64,
    /// Share that fails in the queue: no place, or no patience left.
    pub lost: f64,
    /// Share that is served after a wait longer than the scenario calls slow.
    pub late: f64,
    /// Mean wait of those that are served, at the nodes that are not overloaded, in seconds.
    pub wait_s: f64,
    /// Requests per second by which the backlog grows, at nodes that are overloaded.
    pub growth_per_s: f64,
    /// Is a node without limits overloaded, or exactly as busy as it can be?
    pub is_endless: bool,
    /// Requests per second that could be served.
    pub capacity_per_s: f64,
}

impl Flow {
    /// Mean wait in seconds; infinite where the queue has no equilibrium.
    pub fn wait(&self) -> f64 {
        if self.is_endless {
            f64::INFINITY
        } else {
            self.wait_s
        }
    }
}

/// Mean service time in seconds that a request of this demand keeps one core busy.
fn service_s<const W: usize>(load: &Load<W>, demand: &PlacedDemand<W>) -> f64 {
    if demand.rate_per_s > 0.0 {
        demand.work.cpu * f64::from(load.settings.cores) / demand.rate_per_s
    } else {
        0.0
    }
}

/// Mean service time of the requests that come to each node, in seconds; 0 where none comes.
pub fn mean_service_s<const W: usize>(load: &Load<W>, places: &[NodeSet<W>]) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); load.nodes()];
    for (demand, on) in load.served_on(places) {
        let service = service_s(load, demand);
        if service > 0.0 {
            let rate = demand.rate_per_s / on.len().max(1) as f64;
            for node in on {
                let (requests, work) = &mut sums[node.index()];
                *requests += rate;
                *work += rate * service;
            }
        }
    }
    sums.iter()
        .map(|(requests, work)| {
            if *requests > 0.0 {
                work / requests
            } else {
                0.0
            }
        })
        .collect()
}

/// What happens to the requests of a demand that is served on these nodes, at `factor` times
/// the mean demand. `mean_s` is [`mean_service_s`] of the same state.
pub fn flow<const W: usize>(
    load: &Load<W>,
    demand: &PlacedDemand<W>,
    on: NodeSet<W>,
    burden: &Burden,
    mean_s: &[f64],
    factor: f64,
) -> Flow {
    let arrivals_per_s = demand.rate_per_s * factor;
    let nodes = on.len() as f64;
    let mut flow = Flow {
        arrivals_per_s,
        ..Flow::default()
    };
    let (mut waited, mut served) = (0.0, 0.0);
    for node in on {
        let node = node.index();
        let cpu = burden.utilisation(node, Resource::Cpu, factor);
        let here = arrivals_per_s / nodes;
        let capacity = capacity_per_s(burden, node, demand.rate_per_s / nodes);
        flow.capacity_per_s += capacity;
        let waiting = waiting(load, demand, cpu, mean_s[node]);
        if waiting.mean_s.is_finite() {
            flow.lost += waiting.lost / nodes;
            flow.late += waiting.late / nodes;
            waited += (1.0 - waiting.lost) * waiting.mean_s;
            served += 1.0 - waiting.lost;
        } else {
            flow.is_endless = true;
            flow.late += 1.0 / nodes;
            // Exactly as busy as it can be is not overloaded, whatever the last digit says.
            if here > capacity * (1.0 + 1e-9) {
                flow.growth_per_s += here - capacity;
            }
        }
    }
    if served > 0.0 {
        flow.wait_s = waited / served;
    }
    flow
}

/// Requests per second of a demand that a node could serve if all its demands grew alike, of
/// which `rate_per_s` come at the mean demand.
fn capacity_per_s(burden: &Burden, node: usize, rate_per_s: f64) -> f64 {
    let work = burden.demand[node].cpu;
    if work > 0.0 {
        rate_per_s * (1.0 - burden.base[node].cpu).max(0.0) / work
    } else {
        f64::INFINITY
    }
}

/// The queue at a node with this utilisation and mean service time.
fn waiting<const W: usize>(
    load: &Load<W>,
    demand: &PlacedDemand<W>,
    utilisation: f64,
    mean_s: f64,
) -> Waiting {
    let nobody_waits = Waiting {
        lost: 0.0,
        late: 0.0,
        mean_s: 0.0,
    };
    if mean_s <= 0.0 {
        return nobody_waits;
    }
    // Processor sharing stretches the mean delay in proportion to the size of the request.
    let stretch = match load.settings.discipline {
        Discipline::FirstComeFirstServed => 1.0,
        Discipline::ProcessorSharing => service_s(load, demand) / mean_s,
    };
    if stretch <= 0.0 {
        return nobody_waits;
    }
    let cores = load.settings.cores;
    let station = Station {
        servers: cores,
        offered: utilisation * f64::from(cores),
        service_s: mean_s * stretch,
    };
    let slow = load.settings.slow.seconds();
    match (
        demand.timeout.map(|timeout| timeout.seconds()),
        demand.places,
    ) {
        (None, None) => station.without_limit(slow),
        (Some(timeout), None) => station.with_patience(timeout, slow.min(timeout)),
        (None, Some(places)) => station.with_places(places, slow),
        (Some(timeout), Some(places)) => {
            let all = station.with_places(places, slow.min(timeout));
            let impatient = station.with_places(places, timeout).late;
            Waiting {
                lost: all.lost + impatient,
                late: (all.late - impatient).max(0.0),
                mean_s: all.mean_s.min(timeout),
            }
        }
    }
}
