//! What a model is made of: its variables, timers, random streams and
//! distributions, each with a name.

use super::{
    Counter, Counters, Delay, Distribution, DistributionId, Level, Nanos, Node, NodeSet, SetId,
    Sets, State,
};
use std::collections::BTreeMap;

/// A named timer: a slot on the agenda that at most one delay occupies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer(pub u32);

/// A row of timers, usually one for each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    base: u32,
    len: u32,
}

impl Timers {
    /// The timer of one node.
    #[inline]
    pub fn at(self, node: Node) -> Timer {
        self.nth(node.index())
    }

    /// The timer at a place in the row.
    #[inline]
    pub fn nth(self, index: usize) -> Timer {
        debug_assert!((index as u32) < self.len);
        Timer(self.base + index as u32)
    }

    /// The place of a timer in this row, if it is one of the row.
    #[inline]
    pub fn position(self, timer: Timer) -> Option<usize> {
        let offset = timer.0.wrapping_sub(self.base);
        (offset < self.len).then_some(offset as usize)
    }

    /// The node of a timer of this row, if it is one of the row.
    #[inline]
    pub fn node(self, timer: Timer) -> Option<Node> {
        self.position(timer).map(|i| Node(i as u16))
    }
}

/// A stream of random numbers: (component, purpose) under a seed and a
/// replication. The first bit tells a timer's own stream from an extra one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId(u32);

impl StreamId {
    const EXTRA: u32 = 1 << 31;

    /// The stream that comes with a timer.
    #[inline]
    pub fn of_timer(timer: Timer) -> StreamId {
        StreamId(timer.0)
    }

    fn extra(index: u32) -> StreamId {
        StreamId(index | Self::EXTRA)
    }

    /// `Ok` with the timer's number, or `Err` with the number of an extra stream.
    #[inline]
    pub fn place(self) -> Result<usize, usize> {
        if self.0 & Self::EXTRA == 0 {
            Ok(self.0 as usize)
        } else {
            Err((self.0 & !Self::EXTRA) as usize)
        }
    }
}

/// Who starts a timer: the world's chance, which a fault script replaces, or
/// the machinery itself, which runs under a script as it does by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerClass {
    /// Spontaneous: failures, repairs, shocks, operators who notice.
    Chance,
    /// A reaction of the software: time-outs, restarts, transfers.
    Reaction,
}

/// The automaton that a timer belongs to, by its place in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(pub u32);

/// Name and nature of a node set variable.
#[derive(Clone, Debug)]
pub struct SetInfo<const W: usize> {
    /// E.g. `galera.primary`.
    pub name: String,
    /// The nodes that can ever be members: the universe of `all` and `majority`.
    pub domain: NodeSet<W>,
    /// May scenario expressions name it, and do timelines show it?
    pub public: bool,
    /// The automaton that registered it, and writes it unless another one says that
    /// it does ([`Automaton::writes`](super::Automaton::writes)).
    pub owner: Owner,
}

/// Name and nature of a timer.
#[derive(Clone, Debug)]
pub struct TimerInfo {
    /// E.g. `galera.suspect`.
    pub name: String,
    /// The automaton that gets it.
    pub owner: Owner,
    /// Spontaneous or reaction.
    pub class: TimerClass,
}

/// The name of a random stream; its hash seeds the generator.
#[derive(Clone, Debug)]
pub struct StreamInfo {
    /// A node, a component or an automaton.
    pub component: String,
    /// What the draw is for.
    pub purpose: String,
}

/// Collects what the automata need while a model is built.
#[derive(Clone, Debug)]
pub struct Blueprint<const W: usize> {
    node_names: Vec<String>,
    sets: Vec<SetInfo<W>>,
    by_name: BTreeMap<String, SetId>,
    levels: BTreeMap<String, (Level, u64)>,
    counters: u32,
    timers: Vec<TimerInfo>,
    timer_streams: Vec<StreamInfo>,
    extra_streams: Vec<StreamInfo>,
    distributions: Vec<Distribution>,
    owner: Owner,
}

impl<const W: usize> Blueprint<W> {
    /// A blueprint over these nodes.
    pub fn new(node_names: Vec<String>) -> Self {
        Blueprint {
            node_names,
            sets: Vec::new(),
            by_name: BTreeMap::new(),
            levels: BTreeMap::new(),
            counters: 0,
            timers: Vec::new(),
            timer_streams: Vec::new(),
            extra_streams: Vec::new(),
            distributions: Vec::new(),
            owner: Owner(0),
        }
    }

    /// What is registered from now on belongs to this automaton.
    pub fn set_owner(&mut self, owner: Owner) {
        self.owner = owner;
    }

    /// The number of nodes.
    pub fn nodes(&self) -> usize {
        self.node_names.len()
    }

    /// The name of a node.
    pub fn node_name(&self, node: Node) -> &str {
        &self.node_names[node.index()]
    }

    /// The node of this name.
    pub fn node_named(&self, name: &str) -> Option<Node> {
        let index = self.node_names.iter().position(|n| n == name)?;
        Some(Node(index as u16))
    }

    /// Every node.
    pub fn all_nodes(&self) -> NodeSet<W> {
        NodeSet::first_n(self.nodes())
    }

    /// A signal: a node set that scenario expressions may name.
    ///
    /// # Panics
    /// If the name is taken; the scenario check prevents that.
    pub fn signal(&mut self, name: &str, domain: NodeSet<W>) -> SetId {
        let id = self.add_set(name, domain, true);
        let before = self.by_name.insert(name.to_owned(), id);
        assert!(before.is_none(), "two signals are named {name}");
        id
    }

    /// Narrows the nodes that can be members of a signal.
    pub fn set_domain(&mut self, id: SetId, domain: NodeSet<W>) {
        self.sets[id.0 as usize].domain = domain;
    }

    /// A node set that only its owner needs.
    pub fn private_set(&mut self, name: &str) -> SetId {
        let all = self.all_nodes();
        self.add_set(name, all, false)
    }

    /// One private node set for each node.
    pub fn private_sets(&mut self, name: &str) -> Sets {
        let base = self.sets.len() as u32;
        for _ in 0..self.nodes() {
            self.private_set(name);
        }
        Sets(base)
    }

    fn add_set(&mut self, name: &str, domain: NodeSet<W>, public: bool) -> SetId {
        let id = SetId(self.sets.len() as u32);
        self.sets.push(SetInfo {
            name: name.to_owned(),
            domain,
            public,
            owner: self.owner,
        });
        id
    }

    /// A counter.
    pub fn counter(&mut self) -> Counter {
        self.counters += 1;
        Counter(self.counters - 1)
    }

    /// A row of counters.
    pub fn counters(&mut self, len: usize) -> Counters {
        let base = self.counters;
        self.counters += len as u32;
        Counters(base)
    }

    /// A counter that scenario expressions may name, as in `level(queue.waiting)`,
    /// with the largest value that it can have. Write it with
    /// [`super::Step::put_level`].
    ///
    /// # Panics
    /// If the name is taken; an automaton names its levels by its own name.
    pub fn level(&mut self, name: &str, limit: u64) -> Level {
        let level = Level {
            counter: self.counter(),
            changed: self.add_set(name, NodeSet::EMPTY, false),
        };
        let before = self.levels.insert(name.to_owned(), (level, limit));
        assert!(before.is_none(), "two levels are named {name}");
        level
    }

    /// The level of this name.
    pub fn level_named(&self, name: &str) -> Option<Level> {
        self.levels.get(name).map(|(level, _)| *level)
    }

    /// The largest value that a level can have.
    pub fn level_limit(&self, level: Level) -> u64 {
        let found = self.levels.values().find(|(known, _)| *known == level);
        found.map_or(0, |(_, limit)| *limit)
    }

    /// The names of all levels.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.levels.keys().map(String::as_str)
    }

    /// A named timer with its own random stream.
    pub fn timer(&mut self, component: &str, purpose: &str, class: TimerClass) -> Timer {
        let timer = Timer(self.timers.len() as u32);
        self.timers.push(TimerInfo {
            name: format!("{component}.{purpose}"),
            owner: self.owner,
            class,
        });
        self.timer_streams.push(StreamInfo {
            component: component.to_owned(),
            purpose: purpose.to_owned(),
        });
        timer
    }

    /// One timer for each node. The stream's component is the node, so that a
    /// node meets the same fate in designs of different size.
    pub fn timers_per_node(&mut self, purpose: &str, class: TimerClass) -> Timers {
        let base = self.timers.len() as u32;
        for index in 0..self.nodes() {
            let name = self.node_names[index].clone();
            self.timer(&name, purpose, class);
        }
        Timers {
            base,
            len: self.nodes() as u32,
        }
    }

    /// A row of timers that belong to one component.
    pub fn timer_row(
        &mut self,
        component: &str,
        purpose: &str,
        len: usize,
        class: TimerClass,
    ) -> Timers {
        let base = self.timers.len() as u32;
        for index in 0..len {
            self.timer(component, &format!("{purpose}.{index}"), class);
        }
        Timers {
            base,
            len: len as u32,
        }
    }

    /// A random stream besides those that come with the timers.
    pub fn stream(&mut self, component: &str, purpose: &str) -> StreamId {
        self.extra_streams.push(StreamInfo {
            component: component.to_owned(),
            purpose: purpose.to_owned(),
        });
        StreamId::extra(self.extra_streams.len() as u32 - 1)
    }

    /// One such stream for each node.
    pub fn streams_per_node(&mut self, purpose: &str) -> Vec<StreamId> {
        (0..self.nodes())
            .map(|index| {
                let name = self.node_names[index].clone();
                self.stream(&name, purpose)
            })
            .collect()
    }

    /// Registers a distribution and returns the delay that draws from it;
    /// constants need no draw.
    pub fn delay(&mut self, distribution: &Distribution) -> Delay {
        match distribution {
            Distribution::Deterministic { value } => Delay::Fixed(Nanos::from_seconds(*value)),
            Distribution::Uniform { low, high } => Delay::Uniform {
                low: Nanos::from_seconds(*low),
                high: Nanos::from_seconds(*high),
            },
            other => Delay::Drawn(self.distribution(other.clone())),
        }
    }

    /// Registers a distribution.
    pub fn distribution(&mut self, distribution: Distribution) -> DistributionId {
        self.distributions.push(distribution);
        DistributionId(self.distributions.len() as u32 - 1)
    }

    /// The signal of this name.
    pub fn signal_named(&self, name: &str) -> Option<SetId> {
        self.by_name.get(name).copied()
    }

    /// All signals, by name.
    pub fn signals(&self) -> impl Iterator<Item = (&str, SetId)> {
        self.by_name.iter().map(|(name, id)| (name.as_str(), *id))
    }

    /// What is known of a set.
    pub fn set_info(&self, id: SetId) -> &SetInfo<W> {
        &self.sets[id.0 as usize]
    }

    /// What is known of a timer.
    pub fn timer_info(&self, timer: Timer) -> &TimerInfo {
        &self.timers[timer.0 as usize]
    }

    /// The number of timers.
    pub fn timer_count(&self) -> usize {
        self.timers.len()
    }

    /// The number of node set variables.
    pub fn set_count(&self) -> usize {
        self.sets.len()
    }

    /// The registered distributions, by their id.
    pub fn distributions(&self) -> &[Distribution] {
        &self.distributions
    }

    /// The streams that come with the timers, by timer.
    pub fn timer_streams(&self) -> &[StreamInfo] {
        &self.timer_streams
    }

    /// The other streams.
    pub fn extra_streams(&self) -> &[StreamInfo] {
        &self.extra_streams
    }

    /// A state of zeros for this model.
    pub fn blank_state(&self) -> State<W> {
        State::new(self.sets.len(), self.counters as usize)
    }
}
