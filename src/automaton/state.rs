//! The whole state of a model: node sets and counters.
//!
//! Flat vectors, so that cloning a state (splitting), hashing it (solving) and
//! comparing it (exploring) need no help from the automata.

use super::{Node, NodeSet};

/// A node set variable. Public ones are the signals of the scenario language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub u32);

/// One node set variable for each node, e.g. the view that a member has.
#[derive(Clone, Copy, Debug)]
pub struct Sets(pub u32);

impl Sets {
    /// The variable of one node.
    pub fn at(self, node: Node) -> SetId {
        SetId(self.0 + u32::from(node.0))
    }
}

/// A counter variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter(pub u32);

/// A counter whose changes others want to know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Where its value is kept.
    pub counter: Counter,
    /// A set that is always empty; who reads it hears of changes of the counter.
    pub changed: SetId,
}

/// A row of counters, usually one for each node.
#[derive(Clone, Copy, Debug)]
pub struct Counters(pub u32);

impl Counters {
    /// The counter of one node.
    pub fn at(self, node: Node) -> Counter {
        Counter(self.0 + u32::from(node.0))
    }

    /// The counter at a place in the row.
    pub fn nth(self, index: usize) -> Counter {
        Counter(self.0 + index as u32)
    }
}

/// Everything that a model remembers. Which timers run is known to the reader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State<const W: usize> {
    pub(super) sets: Vec<NodeSet<W>>,
    pub(super) counters: Vec<u64>,
}

impl<const W: usize> State<W> {
    /// A state of zeros for a model with so many variables.
    pub fn new(sets: usize, counters: usize) -> Self {
        State {
            sets: vec![NodeSet::EMPTY; sets],
            counters: vec![0; counters],
        }
    }

    /// Back to zeros, keeping the memory.
    pub fn clear(&mut self) {
        self.sets.fill(NodeSet::EMPTY);
        self.counters.fill(0);
    }

    /// Becomes equal to another state of the same model, in the memory that it has.
    pub fn copy_from(&mut self, other: &State<W>) {
        self.sets.clone_from(&other.sets);
        self.counters.clone_from(&other.counters);
    }

    /// Bytes that its variables take.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.sets[..]) + size_of_val(&self.counters[..])
    }

    /// What does not change where nodes change places: how many are in the sets, and the
    /// values of the counters, each in ascending order.
    pub fn without_names(&self) -> (Vec<usize>, Vec<u64>) {
        let mut sizes: Vec<usize> = self.sets.iter().map(|set| set.len()).collect();
        let mut counters = self.counters.clone();
        sizes.sort_unstable();
        counters.sort_unstable();
        (sizes, counters)
    }

    /// The values of all node set variables, in the order of their numbers.
    pub fn sets(&self) -> &[NodeSet<W>] {
        &self.sets
    }

    /// The value of a node set variable.
    #[inline]
    pub fn set(&self, id: SetId) -> NodeSet<W> {
        self.sets[id.0 as usize]
    }

    /// Is the node in the set? Spares a copy of a set of many words.
    #[inline]
    pub fn has(&self, id: SetId, node: Node) -> bool {
        self.sets[id.0 as usize].contains(node)
    }

    /// The number of members of a set.
    #[inline]
    pub fn size(&self, id: SetId) -> usize {
        self.sets[id.0 as usize].len()
    }

    /// The value of a counter.
    #[inline]
    pub fn counter(&self, id: Counter) -> u64 {
        self.counters[id.0 as usize]
    }
}
