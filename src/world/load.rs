//! Where the work of requests lands, and how busy that makes each node.
//!
//! A demand has a set in which its requests are served: they are shared evenly
//! among the members (one holder of an address bears all, a balanced pool a part
//! each). Besides that every member of another set may bear work in full: a write
//! that is replicated costs on every copy. Work that nodes have without any
//! request is the base load. Work counts in whole nodes, and grows in proportion
//! to the demand; the base load does not.
//!
//! Requests that fail later make work all the same, as long as somebody is there
//! to whom they come.

use crate::automaton::evaluate::Set;
use crate::automaton::{Blueprint, Nanos, NodeSet, SetId, State};
use crate::scenario::load::{LoadSettings, Work};

/// The work of one service.
#[derive(Clone, Debug)]
pub struct PlacedDemand<const W: usize> {
    /// Number of the service.
    pub service: usize,
    /// Requests per second, the mean of a day.
    pub rate_per_s: f64,
    /// Work of all requests together.
    pub work: Work,
    /// Where requests are served.
    pub on: Set<W>,
    /// Work that each member bears in full.
    pub each: Option<(Set<W>, Work)>,
    /// How long a request waits, if there is a limit.
    pub timeout: Option<Nanos>,
    /// How many requests can wait at a node, if there is a limit.
    pub places: Option<u32>,
}

/// All work in a scenario.
#[derive(Clone, Debug)]
pub struct Load<const W: usize> {
    /// The demands, in the order of the services.
    pub demands: Vec<PlacedDemand<W>>,
    /// Work without requests: each member bears it.
    pub base: Vec<(Set<W>, Work)>,
    /// What all demands have in common.
    pub settings: LoadSettings,
    nodes: usize,
    bearers: NodeSet<W>,
}

/// A resource of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Processors.
    Cpu,
    /// Memory.
    Memory,
}

/// What every node bears, in one state.
#[derive(Clone, Debug, PartialEq)]
pub struct Burden {
    /// Work that does not depend on the demand, by node.
    pub base: Vec<Work>,
    /// Work at the demand of the scenario, by node.
    pub demand: Vec<Work>,
}

impl<const W: usize> Load<W> {
    /// The work of a scenario whose sets are looked up.
    pub fn new(
        demands: Vec<PlacedDemand<W>>,
        base: Vec<(Set<W>, Work)>,
        settings: LoadSettings,
        blueprint: &Blueprint<W>,
    ) -> Self {
        let mut load = Load {
            demands,
            base,
            settings,
            nodes: blueprint.nodes(),
            bearers: NodeSet::EMPTY,
        };
        load.bearers = load
            .sets()
            .map(|set| set.domain(blueprint))
            .fold(NodeSet::EMPTY, |all, domain| all | domain);
        load
    }

    /// Every set that says where work lands.
    fn sets(&self) -> impl Iterator<Item = &Set<W>> {
        self.demands
            .iter()
            .flat_map(|demand| {
                std::iter::once(&demand.on).chain(demand.each.as_ref().map(|(set, _)| set))
            })
            .chain(self.base.iter().map(|(set, _)| set))
    }

    /// The number of all nodes.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// The nodes that can ever bear work.
    pub fn bearers(&self) -> NodeSet<W> {
        self.bearers
    }

    /// Adds the signals on which it depends where work lands.
    pub fn signals(&self, found: &mut Vec<SetId>) {
        self.sets().for_each(|set| set.signals(found));
    }

    /// Where work lands in a state: the values of all sets, always in the same order.
    #[inline]
    pub fn places(&self, state: &State<W>, into: &mut Vec<NodeSet<W>>) {
        into.clear();
        into.extend(self.sets().map(|set| set.value(state)));
    }

    /// What every node bears where work lands in these [`Load::places`].
    pub fn burden(&self, places: &[NodeSet<W>]) -> Burden {
        let mut burden = Burden {
            base: vec![Work::default(); self.nodes],
            demand: vec![Work::default(); self.nodes],
        };
        let mut places = places.iter().copied();
        let mut next = || places.next().unwrap_or(NodeSet::EMPTY);
        for demand in &self.demands {
            let on = next();
            let part = 1.0 / on.len().max(1) as f64;
            add(&mut burden.demand, on, demand.work, part);
            if let Some((_, work)) = &demand.each {
                add(&mut burden.demand, next(), *work, 1.0);
            }
        }
        for (_, work) in &self.base {
            add(&mut burden.base, next(), *work, 1.0);
        }
        burden
    }

    /// Where the requests of each demand are served, out of [`Load::places`].
    pub fn served_on<'a>(
        &'a self,
        places: &'a [NodeSet<W>],
    ) -> impl Iterator<Item = (&'a PlacedDemand<W>, NodeSet<W>)> {
        let mut at = 0;
        self.demands.iter().map(move |demand| {
            let on = places.get(at).copied().unwrap_or(NodeSet::EMPTY);
            at += 1 + usize::from(demand.each.is_some());
            (demand, on)
        })
    }
}

fn add<const W: usize>(to: &mut [Work], nodes: NodeSet<W>, work: Work, part: f64) {
    for node in nodes {
        let node = &mut to[node.index()];
        node.cpu += work.cpu * part;
        node.memory += work.memory * part;
    }
}

impl Work {
    /// The work of one resource.
    pub fn of(&self, resource: Resource) -> f64 {
        match resource {
            Resource::Cpu => self.cpu,
            Resource::Memory => self.memory,
        }
    }
}

impl Burden {
    /// The utilisation of a node at `factor` times the demand: 1 is a node that is busy all
    /// the time, or whose memory is full.
    pub fn utilisation(&self, node: usize, resource: Resource, factor: f64) -> f64 {
        self.base[node].of(resource) + factor * self.demand[node].of(resource)
    }

    /// The largest utilisation of any node and resource at `factor` times the demand.
    pub fn worst(&self, factor: f64) -> f64 {
        self.each_node()
            .map(|(node, resource)| self.utilisation(node, resource, factor))
            .fold(0.0, f64::max)
    }

    /// How many times the demand fits below a utilisation limit, and the node and resource
    /// that are the first to reach it; none where no demand reaches any node.
    pub fn room(&self, limit: f64) -> Option<(f64, usize, Resource)> {
        self.each_node()
            .filter(|(node, resource)| self.demand[*node].of(*resource) > 0.0)
            .map(|(node, resource)| {
                let left = (limit - self.base[node].of(resource)).max(0.0);
                (left / self.demand[node].of(resource), node, resource)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0))
    }

    fn each_node(&self) -> impl Iterator<Item = (usize, Resource)> {
        let nodes = 0..self.base.len();
        nodes.flat_map(|node| [(node, Resource::Cpu), (node, Resource::Memory)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::automaton::Node;
    use crate::scenario::load::{Discipline, Documented};
    use proptest::prelude::*;

    fn work(cpu: f64, memory: f64) -> Work {
        Work { cpu, memory }
    }

    fn settings() -> LoadSettings {
        LoadSettings {
            scale: 1.0,
            limit: 0.8,
            slow: Nanos::from_seconds(1.0),
            cores: 1,
            discipline: Discipline::FirstComeFirstServed,
            day: vec![1.0],
            base: Vec::new(),
            levels: Vec::new(),
            documented: Documented::default(),
        }
    }

    fn fixed(nodes: &[u16]) -> Set<1> {
        Set::Fixed(nodes.iter().map(|n| Node(*n)).collect())
    }

    fn load(nodes: usize, on: &[u16], each: &[u16]) -> (Load<1>, Burden) {
        let names = (0..nodes).map(|n| format!("n{n}")).collect();
        let blueprint = Blueprint::new(names);
        let demand = PlacedDemand {
            service: 0,
            rate_per_s: 10.0,
            work: work(1.0, 1.6),
            on: fixed(on),
            each: Some((fixed(each), work(0.1, 0.0))),
            timeout: None,
            places: None,
        };
        let base = vec![(fixed(each), work(0.0, 0.05))];
        let load = Load::new(vec![demand], base, settings(), &blueprint);
        let mut places = Vec::new();
        load.places(&blueprint.blank_state(), &mut places);
        let burden = load.burden(&places);
        (load, burden)
    }

    #[test]
    fn a_holder_bears_all_and_a_pool_a_part_each() {
        let (_, holder) = load(4, &[1], &[0, 1, 2, 3]);
        assert_eq!(holder.utilisation(1, Resource::Cpu, 1.0), 1.1);
        assert_eq!(holder.utilisation(0, Resource::Cpu, 1.0), 0.1);
        let (load, pool) = load(4, &[0, 1, 2, 3], &[0, 1]);
        assert!((pool.utilisation(3, Resource::Memory, 2.0) - 0.8).abs() < 1e-12);
        assert!((pool.utilisation(0, Resource::Memory, 2.0) - 0.85).abs() < 1e-12);
        assert_eq!(load.bearers().len(), 4);
    }

    #[test]
    fn the_first_node_and_resource_to_be_full_bound_the_demand() {
        let (_, burden) = load(4, &[0, 1, 2, 3], &[0]);
        // Node 0 has 0.05 of memory in use, and 0.4 with every demand.
        let (factor, node, resource) = burden.room(0.8).expect("demand");
        assert!((factor - 0.75 / 0.4).abs() < 1e-12);
        assert_eq!((node, resource), (0, Resource::Memory));
        assert!((burden.worst(factor) - 0.8).abs() < 1e-12);
        assert_eq!(load(2, &[], &[]).1.room(0.8), None);
    }

    proptest! {
        #[test]
        fn no_work_is_lost_or_made(on in 1usize..30, each in 0usize..30) {
            let on: Vec<u16> = (0..on as u16).collect();
            let each: Vec<u16> = (0..each as u16).collect();
            let (_, burden) = load(30, &on, &each);
            let cpu: f64 = burden.demand.iter().map(|w| w.cpu).sum();
            let memory: f64 = burden.demand.iter().chain(&burden.base).map(|w| w.memory).sum();
            prop_assert!((cpu - 1.0 - 0.1 * each.len() as f64).abs() < 1e-9);
            prop_assert!((memory - 1.6 - 0.05 * each.len() as f64).abs() < 1e-9);
        }

        #[test]
        fn another_balanced_node_relieves_the_others(on in 1u16..29) {
            let fewer: Vec<u16> = (0..on).collect();
            let more: Vec<u16> = (0..=on).collect();
            let (_, a) = load(30, &fewer, &[]);
            let (_, b) = load(30, &more, &[]);
            for node in 0..usize::from(on) {
                prop_assert!(b.utilisation(node, Resource::Cpu, 1.0) < a.utilisation(node, Resource::Cpu, 1.0));
            }
            prop_assert!(b.room(0.8).unwrap().0 > a.room(0.8).unwrap().0);
        }
    }
}
