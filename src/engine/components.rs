//! The parts of a cluster that fail, each with a name and a test whether it works.
//!
//! A process counts as failed only while its node is up: what a dead node takes along is
//! the node's failure. Failures inside a protocol (a disk, a resource of a cluster
//! manager) have no place here.

use crate::automaton::{Node, NodeSet, SetId, State};
use crate::model::Model;
use crate::scenario::Scenario;

/// What kind of part it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A node.
    Node,
    /// A process on a node.
    Process,
    /// A power feed, a switch, a room, a common cause.
    Shared,
    /// The network, which splits.
    Network,
}

impl Kind {
    /// The word used in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Node => "node",
            Kind::Process => "process",
            Kind::Shared => "shared",
            Kind::Network => "network",
        }
    }
}

enum Test {
    /// Works while the node is in the set.
    In(SetId, Node),
    /// Works while the node is in the second set, or not in the first one at all.
    InBoth(SetId, SetId, Node),
    /// Works while the set is not empty.
    Filled(SetId),
    /// Works while the set is empty.
    Empty(SetId),
}

struct Component {
    name: String,
    kind: Kind,
    test: Test,
}

/// All parts of one model that can fail.
pub struct Components {
    list: Vec<Component>,
}

impl Components {
    /// Finds the parts of a scenario in its model.
    pub fn new<const W: usize>(model: &Model<W>, scenario: &Scenario) -> Components {
        let blueprint = model.blueprint();
        let up = model.node_up();
        let mut list = Vec::new();
        let mut add = |name: String, kind, test| list.push(Component { name, kind, test });
        for node in blueprint.all_nodes().iter() {
            let name = blueprint.node_name(node).to_owned();
            add(name, Kind::Node, Test::In(up, node));
        }
        for component in &scenario.components {
            if let Some(works) = set_named(model, &format!("{}.works", component.name)) {
                add(component.name.clone(), Kind::Shared, Test::Filled(works));
            }
        }
        for partition in &scenario.partitions {
            if let Some(split) = set_named(model, &format!("{}.split", partition.name)) {
                add(partition.name.clone(), Kind::Network, Test::Empty(split));
            }
        }
        for process in &scenario.processes {
            let Some(works) = blueprint.signal_named(&format!("proc.{}", process.name)) else {
                continue;
            };
            for node in process.nodes.iter().map(|&index| Node(index as u16)) {
                let name = format!("{} on {}", process.name, blueprint.node_name(node));
                add(name, Kind::Process, Test::InBoth(up, works, node));
            }
        }
        Components { list }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The name of one.
    pub fn name(&self, index: usize) -> &str {
        &self.list[index].name
    }

    /// The kind of one.
    pub fn kind(&self, index: usize) -> Kind {
        self.list[index].kind
    }

    /// The number of the node that a process runs on.
    pub fn host(&self, index: usize) -> Option<usize> {
        match self.list[index].test {
            // Nodes come first, in their own order.
            Test::InBoth(_, _, node) => Some(node.index()),
            _ => None,
        }
    }

    /// The number of the one with this name.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|one| one.name == name)
    }

    /// Does this one work?
    pub fn works<const W: usize>(&self, index: usize, state: &State<W>) -> bool {
        match self.list[index].test {
            Test::In(set, node) => state.set(set).contains(node),
            Test::InBoth(up, works, node) => {
                !state.set(up).contains(node) || state.set(works).contains(node)
            }
            Test::Filled(set) => !state.set(set).is_empty(),
            Test::Empty(set) => state.set(set).is_empty(),
        }
    }

    /// The sets that all of this depends on.
    pub fn sets(&self) -> Vec<SetId> {
        let of = |test: &Test| match *test {
            Test::In(set, _) | Test::Filled(set) | Test::Empty(set) => vec![set],
            Test::InBoth(up, works, _) => vec![up, works],
        };
        let mut sets: Vec<SetId> = self.list.iter().flat_map(|one| of(&one.test)).collect();
        sets.sort();
        sets.dedup();
        sets
    }
}

/// Which components work now; kept up to date with little work for each event.
pub struct Watch<'c, const W: usize> {
    components: &'c Components,
    sets: Vec<(SetId, NodeSet<W>)>,
    works: Vec<bool>,
}

impl<'c, const W: usize> Watch<'c, W> {
    /// Watches from this state on.
    pub fn new(components: &'c Components, state: &State<W>) -> Self {
        let value = |id: SetId| (id, state.set(id));
        Watch {
            components,
            sets: components.sets().into_iter().map(value).collect(),
            works: (0..components.len())
                .map(|index| components.works(index, state))
                .collect(),
        }
    }

    /// Looks at the state after an event; true where any component has failed or is back.
    pub fn look(&mut self, state: &State<W>, mut changed: impl FnMut(usize, bool)) -> bool {
        let mut differs = false;
        for (id, seen) in &mut self.sets {
            let value = state.set(*id);
            differs |= value != *seen;
            *seen = value;
        }
        if !differs {
            return false;
        }
        let mut any = false;
        for (index, works) in self.works.iter_mut().enumerate() {
            let now = self.components.works(index, state);
            if now != *works {
                *works = now;
                any = true;
                changed(index, now);
            }
        }
        any
    }

    /// Which components work.
    pub fn works(&self) -> &[bool] {
        &self.works
    }
}

/// A set by its name, private ones too.
fn set_named<const W: usize>(model: &Model<W>, name: &str) -> Option<SetId> {
    let blueprint = model.blueprint();
    let ids = (0..blueprint.set_count()).map(|index| SetId(index as u32));
    ids.into_iter()
        .find(|id| blueprint.set_info(*id).name == name)
}
