//! Trouble that comes from outside: shocks that hit several nodes at one
//! instant, and networks that split for a while.
//!
//! Both only give orders; what an order does to a node or a cable is the
//! business of the nodes and the network, as it is in a fault script.

use crate::automaton::{
    Automaton, Blueprint, Command, Delay, Node, NodeCommand, NodeSet, SetId, Step, StreamId, Timer,
    TimerClass,
};
use crate::scenario::{Hits, PartitionSpec, Shock, Split};

/// The automaton of all shocks.
pub struct Shocks<const W: usize> {
    shocks: Vec<(Timer, Delay, Vec<Node>, Hits)>,
}

impl<const W: usize> Shocks<W> {
    /// The shocks of a scenario.
    pub fn new(blueprint: &mut Blueprint<W>, shocks: &[Shock]) -> Self {
        let shocks = shocks
            .iter()
            .map(|shock| {
                (
                    blueprint.timer(&shock.name, "shock", TimerClass::Chance),
                    blueprint.delay(&shock.every),
                    shock.nodes.iter().map(|&i| Node(i as u16)).collect(),
                    shock.hits.clone(),
                )
            })
            .collect();
        Shocks { shocks }
    }

    fn victims(&self, nodes: &[Node], hits: &Hits, step: &mut Step<'_, W>) -> NodeSet<W> {
        match hits {
            Hits::Each(probability) => nodes
                .iter()
                .copied()
                .filter(|_| step.chance(*probability))
                .collect(),
            Hits::Sizes(sizes) => {
                let weights: Vec<f64> = sizes.iter().map(|(_, weight)| *weight).collect();
                let size = sizes[step.choose(&weights)].0;
                let mut left = nodes.to_vec();
                let mut victims = NodeSet::EMPTY;
                while victims.len() < size && !left.is_empty() {
                    let even = vec![1.0; left.len()];
                    victims.insert(left.remove(step.choose(&even)));
                }
                victims
            }
        }
    }
}

impl<const W: usize> Automaton<W> for Shocks<W> {
    fn name(&self) -> &str {
        "shock"
    }

    fn reads(&self) -> Vec<SetId> {
        Vec::new()
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        for (timer, every, ..) in &self.shocks {
            step.arm(*timer, *every);
        }
    }

    fn react(&self, _step: &mut Step<'_, W>) {}

    fn fire(&self, fired: Timer, step: &mut Step<'_, W>) {
        for (timer, every, nodes, hits) in &self.shocks {
            if *timer == fired {
                step.arm(fired, *every);
                let victims = self.victims(nodes, hits, step);
                step.order(Command::Nodes(NodeCommand::Crash, victims));
            }
        }
    }
}

/// The automaton of spontaneous partitions: one at a time of each kind.
pub struct Partitions<const W: usize> {
    all: NodeSet<W>,
    partitions: Vec<Weather<W>>,
}

struct Weather<const W: usize> {
    /// The next partition, or its end.
    timer: Timer,
    every: Delay,
    lasts: Delay,
    lasts_stream: StreamId,
    /// Not empty while the network is split.
    split_now: SetId,
    split: Split,
    groups: Vec<NodeSet<W>>,
}

impl<const W: usize> Partitions<W> {
    /// The spontaneous partitions of a scenario.
    pub fn new(blueprint: &mut Blueprint<W>, partitions: &[PartitionSpec]) -> Self {
        let all = blueprint.all_nodes();
        let half: NodeSet<W> = all.iter().take(all.len().div_ceil(2)).collect();
        let partitions = partitions
            .iter()
            .map(|spec| Weather {
                timer: blueprint.timer(&spec.name, "partition", TimerClass::Chance),
                every: blueprint.delay(&spec.every),
                lasts: blueprint.delay(&spec.lasts),
                lasts_stream: blueprint.stream(&spec.name, "lasts"),
                split_now: blueprint.private_set(&format!("{}.split", spec.name)),
                split: spec.split.clone(),
                groups: match &spec.split {
                    Split::OneNode => Vec::new(),
                    Split::Halves => vec![half, all - half],
                    Split::Groups(groups) => groups
                        .iter()
                        .map(|group| group.iter().map(|&i| Node(i as u16)).collect())
                        .collect(),
                },
            })
            .collect();
        Partitions { all, partitions }
    }

    fn begin_split(&self, weather: &Weather<W>, step: &mut Step<'_, W>) {
        step.put(weather.split_now, self.all);
        step.arm_from(weather.timer, weather.lasts, weather.lasts_stream);
        let groups = match weather.split {
            Split::OneNode => {
                let nodes: Vec<Node> = self.all.iter().collect();
                let even = vec![1.0; nodes.len()];
                let lonely = NodeSet::single(nodes[step.choose(&even)]);
                vec![self.all - lonely, lonely]
            }
            _ => weather.groups.clone(),
        };
        let clients = groups.first().copied().unwrap_or(self.all);
        step.order(Command::Partition { groups, clients });
    }
}

impl<const W: usize> Automaton<W> for Partitions<W> {
    fn name(&self) -> &str {
        "partition"
    }

    fn reads(&self) -> Vec<SetId> {
        Vec::new()
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        for weather in &self.partitions {
            step.arm(weather.timer, weather.every);
        }
    }

    fn react(&self, _step: &mut Step<'_, W>) {}

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        for weather in self.partitions.iter().filter(|w| w.timer == timer) {
            if step.get(weather.split_now).is_empty() {
                self.begin_split(weather, step);
            } else {
                step.put(weather.split_now, NodeSet::EMPTY);
                step.arm(weather.timer, weather.every);
                step.order(Command::Heal(NodeSet::EMPTY));
            }
        }
    }
}
