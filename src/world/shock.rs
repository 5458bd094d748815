//! Trouble that comes from outside: shocks that hit several nodes at one
//! instant, and networks that split for a while.
//!
//! Shocks only give orders; what an order does to a node is the business of the
//! nodes, as it is in a fault script. Partitions keep their own sides, which the
//! network combines with everything else that is cut.

use crate::automaton::{
    Automaton, Blueprint, Command, Delay, Mark, Node, NodeCommand, NodeSet, SetId, Sets, Step,
    StreamId, Timer, TimerClass,
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

    fn commands(&self) -> Vec<&str> {
        vec!["node"]
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

/// The automaton of spontaneous partitions: one at a time of each kind. It keeps
/// the sides on which nodes and users are; the network adds what people and
/// scripts cut, so that the end of one trouble does not undo another.
pub struct Partitions<const W: usize> {
    all: NodeSet<W>,
    sides: Sets,
    clients: SetId,
    partitions: Vec<Weather<W>>,
}

struct Weather<const W: usize> {
    /// The next partition, or its end.
    timer: Timer,
    every: Delay,
    lasts: Delay,
    lasts_stream: StreamId,
    /// Not empty while the network is split; the lonely node, if there is one.
    split_now: SetId,
    split: Split,
    groups: Vec<NodeSet<W>>,
}

impl<const W: usize> Partitions<W> {
    /// The spontaneous partitions of a scenario; what they do to the network goes
    /// to `sides` and `clients`.
    pub fn new(
        blueprint: &mut Blueprint<W>,
        sides: Sets,
        clients: SetId,
        partitions: &[PartitionSpec],
    ) -> Self {
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
        Partitions {
            all,
            sides,
            clients,
            partitions,
        }
    }

    fn begin_split(&self, weather: &Weather<W>, step: &mut Step<'_, W>) {
        step.arm_from(weather.timer, &weather.lasts, weather.lasts_stream);
        let mark = match weather.split {
            Split::OneNode => {
                let nodes: Vec<Node> = self.all.iter().collect();
                let even = vec![1.0; nodes.len()];
                NodeSet::single(nodes[step.choose(&even)])
            }
            _ => self.all,
        };
        step.put(weather.split_now, mark);
        step.mark(Mark::Fault);
    }

    /// Who is on whose side, with all splits of this moment.
    fn update(&self, step: &mut Step<'_, W>) {
        let mut clients = self.all;
        let mut sides = vec![self.all; self.all.len()];
        for weather in &self.partitions {
            let mark = step.get(weather.split_now);
            let groups = match weather.split {
                _ if mark.is_empty() => continue,
                Split::OneNode => vec![self.all - mark, mark],
                _ => weather.groups.clone(),
            };
            let named = groups.iter().fold(NodeSet::EMPTY, |all, g| all | *g);
            for node in self.all {
                let side = groups.iter().find(|group| group.contains(node));
                sides[node.index()] &= side.copied().unwrap_or(self.all - named);
            }
            clients &= groups.first().copied().unwrap_or(self.all);
        }
        for node in self.all {
            step.put(self.sides.at(node), sides[node.index()]);
        }
        step.put(self.clients, clients);
    }
}

impl<const W: usize> Automaton<W> for Partitions<W> {
    fn name(&self) -> &str {
        "partition"
    }

    fn reads(&self) -> Vec<SetId> {
        Vec::new()
    }

    fn writes(&self) -> Vec<SetId> {
        let sides = self.all.iter().map(|node| self.sides.at(node));
        sides.chain([self.clients]).collect()
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
                step.mark(Mark::Restore);
            }
        }
        self.update(step);
    }
}
