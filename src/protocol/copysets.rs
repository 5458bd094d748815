//! Where the copies of many pieces of data lie, and how many pieces are lost.
//!
//! # Specification
//!
//! Sources: (C) Cidon et al., "Copysets: reducing the frequency of data loss in cloud
//! storage", USENIX ATC 2013; (RS) van Renesse and Schneider 2004, chain replication.
//!
//! Each piece has `copies` copies on different nodes, a *copyset* (C); it is lost, or out of
//! reach, while fewer than `needed` of them are alive. `placement`:
//!
//! * `random`: every one of `pieces` pieces lies on random nodes (C);
//! * `copysets`: the nodes in random order are cut into copysets, several times over, so that
//!   each shares copysets with `scatter_width` others (C: the permutation phase; a rest that
//!   is too small for a copyset is left out, as there);
//! * `chained`: each node with those that follow it in the order of `on`, in a ring (RS);
//! * `groups`: the nodes in the order of `on`, cut into copysets once (mirrored pairs).
//!
//! Random placements depend on `seed` and on nothing else, so that a scenario has one.
//!
//! Signals: `NAME.intact` (all members while no copyset has lost too many). Levels:
//! `NAME.lost` (copysets that have), of at most as many as there are.
//!
//! NOT modelled: copying to other nodes (repair is that of the nodes), pieces that differ.

use super::{Protocol, Resolver, Site};
use crate::automaton::evaluate::Set;
use crate::automaton::{Automaton, Blueprint, Level, Node, NodeSet, SetId, Step, Timer};
use crate::scenario::error::Result;
use crate::scenario::parameters::LocatedSet;
use std::collections::BTreeSet;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Placement {
    Random,
    Copysets,
    Chained,
    Groups,
}

const PLACEMENTS: [(&str, Placement); 4] = [
    ("random", Placement::Random),
    ("copysets", Placement::Copysets),
    ("chained", Placement::Chained),
    ("groups", Placement::Groups),
];

/// Pieces at most: each change of a node looks at every copyset.
const MAX_PIECES: i64 = 100_000;

/// Pieces of data and where their copies lie.
pub struct Copysets<const W: usize> {
    name: String,
    members: NodeSet<W>,
    alive_text: Option<LocatedSet>,
    alive: Set<W>,
    needed: usize,
    sets: Vec<NodeSet<W>>,
    intact: SetId,
    lost: Level,
}

impl<const W: usize> Copysets<W> {
    /// Reads the parameters and places the copies.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let p = site.parameters;
        let name = site.name;
        let copies = p.integer("copies", 1, 1024)? as usize;
        if copies > site.nodes.len() {
            let nodes = site.nodes.len();
            let message = format!("{copies} copies do not fit on {nodes} nodes");
            return Err(p.error("copies", message));
        }
        let needed = p.integer("needed", 1, copies as i64)? as usize;
        let Some(alive_text) = p.set("alive")? else {
            return Err(p
                .error("alive", "nodes that are never alive hold no copy")
                .help("name those that can hold one, e.g. alive = \"node.up\""));
        };
        let mut shuffle = Shuffle(p.integer("seed", 0, i64::MAX)? as u64);
        let sets = match p.word("placement", &PLACEMENTS)? {
            Placement::Random => {
                let pieces = p.integer("pieces", 1, MAX_PIECES)? as usize;
                random(&site.nodes, copies, pieces, &mut shuffle)
            }
            Placement::Copysets => {
                let least = copies.max(2) as i64 - 1;
                let width = p.integer("scatter_width", least, 1024)? as usize;
                let rounds = width.div_ceil(copies.max(2) - 1);
                permuted(&site.nodes, copies, rounds, &mut shuffle)
            }
            Placement::Chained => chained(&site.nodes, copies),
            Placement::Groups => groups(&site.nodes, copies),
        };
        let sets: Vec<NodeSet<W>> = sets.into_iter().collect();
        let members = site.members();
        Ok(Copysets {
            name: name.to_owned(),
            members,
            alive_text: Some(alive_text),
            alive: Set::Fixed(members),
            needed,
            intact: blueprint.signal(&format!("{name}.intact"), members),
            lost: blueprint.level(&format!("{name}.lost"), sets.len() as u64),
            sets,
        })
    }

    fn count(&self, step: &mut Step<'_, W>) {
        let alive = self.alive.value(step.state());
        let is_lost = |set: &&NodeSet<W>| (**set & alive).len() < self.needed;
        let lost = self.sets.iter().filter(is_lost).count() as u64;
        step.put_level(self.lost, lost);
        let intact = if lost == 0 {
            self.members
        } else {
            NodeSet::EMPTY
        };
        step.put(self.intact, intact);
    }
}

/// Distinct copysets: pieces that lie on the same nodes are lost together.
type Sets<const W: usize> = BTreeSet<NodeSet<W>>;

fn random<const W: usize>(
    nodes: &[Node],
    copies: usize,
    pieces: usize,
    shuffle: &mut Shuffle,
) -> Sets<W> {
    let mut order = nodes.to_vec();
    (0..pieces)
        .map(|_| {
            shuffle.first(&mut order, copies);
            order[..copies].iter().copied().collect()
        })
        .collect()
}

fn permuted<const W: usize>(
    nodes: &[Node],
    copies: usize,
    rounds: usize,
    shuffle: &mut Shuffle,
) -> Sets<W> {
    let mut order = nodes.to_vec();
    let mut sets = Sets::new();
    for _ in 0..rounds {
        let all = order.len();
        shuffle.first(&mut order, all);
        sets.extend(groups(&order, copies));
    }
    sets
}

fn chained<const W: usize>(nodes: &[Node], copies: usize) -> Sets<W> {
    let at = |place: usize| nodes[place % nodes.len()];
    (0..nodes.len())
        .map(|first| (first..first + copies).map(at).collect())
        .collect()
}

fn groups<const W: usize>(nodes: &[Node], copies: usize) -> Sets<W> {
    let whole = nodes.chunks_exact(copies);
    whole.map(|group| group.iter().copied().collect()).collect()
}

/// A source of orders: SplitMix64 (Steele, Lea and Flood 2014). This is no chance of the
/// model: a placement is a part of the design, and stays what it is.
struct Shuffle(u64);

impl Shuffle {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Brings so many random elements to the front (Fisher and Yates).
    fn first(&mut self, order: &mut [Node], count: usize) {
        for place in 0..count {
            let rest = (order.len() - place) as u64;
            // The bias is rest / 2^64.
            let other = place + (self.next() % rest) as usize;
            order.swap(place, other);
        }
    }
}

impl<const W: usize> Protocol<W> for Copysets<W> {
    fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        if let Some(text) = &self.alive_text {
            self.alive = resolve(text)?;
        }
        Ok(())
    }

    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}

impl<const W: usize> Automaton<W> for Copysets<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = Vec::new();
        self.alive.signals(&mut reads);
        reads
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.count(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        self.count(step);
    }

    fn fire(&self, _timer: Timer, _step: &mut Step<'_, W>) {}
}
