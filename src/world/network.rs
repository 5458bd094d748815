//! Who can exchange packets with whom.
//!
//! The network knows paths, not whether the machines at their ends run: that is
//! `node.running`. So nothing here happens when a node fails, and a model pays
//! for the network only when a cable or a switch is touched.

use super::WorldSignals;
use crate::automaton::{
    Automaton, Blueprint, Command, Mark, Node, NodeSet, SetId, Sets, Step, Timer,
};

/// The automaton of switches, cables and partitions.
pub struct Network<const W: usize> {
    all: NodeSet<W>,
    reach: Sets,
    carrier: SetId,
    clients: SetId,
    /// Nodes behind a working switch; kept by the shared components.
    connected: SetId,
    /// The sides of spontaneous partitions, for each node and for the clients; kept
    /// by those.
    weather: (Sets, SetId),
    /// Nodes whose cable is pulled.
    unplugged: SetId,
    /// Nodes whose packets are dropped on the way, with the link still up.
    filtered: SetId,
    /// The nodes on the same side of a partition, for each node.
    side: Sets,
    /// The nodes to which the direct path is cut, for each node.
    blocked: Sets,
    /// Nodes cut off from the clients by a partition or a cut path.
    client_side: SetId,
    client_blocked: SetId,
}

impl<const W: usize> Network<W> {
    /// The network of a scenario. `connected` is kept by the shared components,
    /// `weather` by the spontaneous partitions.
    pub fn new(
        blueprint: &mut Blueprint<W>,
        signals: &WorldSignals,
        connected: SetId,
        weather: (Sets, SetId),
    ) -> Self {
        Network {
            all: blueprint.all_nodes(),
            reach: signals.reach,
            carrier: signals.carrier,
            clients: signals.clients,
            connected,
            weather,
            unplugged: blueprint.private_set("net.unplugged"),
            filtered: blueprint.private_set("net.filtered"),
            side: blueprint.private_sets("net.side"),
            blocked: blueprint.private_sets("net.blocked"),
            client_side: blueprint.private_set("net.client_side"),
            client_blocked: blueprint.private_set("net.client_blocked"),
        }
    }

    fn update(&self, step: &mut Step<'_, W>) {
        let carrier = step.get(self.connected) - step.get(self.unplugged);
        let open = carrier - step.get(self.filtered);
        step.put(self.carrier, carrier);
        for node in self.all {
            let mut reach = NodeSet::single(node);
            if open.contains(node) {
                let side = step.get(self.side.at(node)) & step.get(self.weather.0.at(node));
                reach |= (side & open) - step.get(self.blocked.at(node));
            }
            step.put(self.reach.at(node), reach);
        }
        let clients = step.get(self.client_side) & step.get(self.weather.1) & open;
        step.put(self.clients, clients - step.get(self.client_blocked));
    }

    fn partition(&self, groups: &[NodeSet<W>], clients: NodeSet<W>, step: &mut Step<'_, W>) {
        let named = groups
            .iter()
            .fold(NodeSet::EMPTY, |all, group| all | *group);
        for node in self.all {
            let side = groups
                .iter()
                .find(|group| group.contains(node))
                .copied()
                .unwrap_or(self.all - named);
            step.put(self.side.at(node), side);
        }
        step.put(self.client_side, clients);
        step.mark(Mark::Fault);
    }

    fn set_link(&self, a: Option<Node>, b: Option<Node>, cut: bool, step: &mut Step<'_, W>) {
        match (a, b) {
            (Some(a), Some(b)) => {
                step.assign(self.blocked.at(a), b, cut);
                step.assign(self.blocked.at(b), a, cut);
            }
            (Some(node), None) | (None, Some(node)) => {
                step.assign(self.client_blocked, node, cut);
            }
            (None, None) => {}
        }
        step.mark(if cut { Mark::Fault } else { Mark::Restore });
    }

    /// Undoes every cut, or the cuts that isolate these nodes.
    fn heal(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        let healed = if nodes.is_empty() { self.all } else { nodes };
        for id in [self.unplugged, self.filtered, self.client_blocked] {
            step.put(id, step.get(id) - healed);
        }
        for node in self.all {
            let id = self.blocked.at(node);
            let blocked = step.get(id);
            let left = if healed.contains(node) {
                NodeSet::EMPTY
            } else {
                blocked - healed
            };
            step.put(id, left);
        }
        if nodes.is_empty() {
            for node in self.all {
                step.put(self.side.at(node), self.all);
            }
            step.put(self.client_side, self.all);
        }
        step.mark(Mark::Restore);
    }
}

impl<const W: usize> Automaton<W> for Network<W> {
    fn name(&self) -> &str {
        "net"
    }

    fn reads(&self) -> Vec<SetId> {
        let sides = self.all.iter().map(|node| self.weather.0.at(node));
        sides.chain([self.connected, self.weather.1]).collect()
    }

    fn writes(&self) -> Vec<SetId> {
        let reach = self.all.iter().map(|node| self.reach.at(node));
        reach.chain([self.carrier, self.clients]).collect()
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        for node in self.all {
            step.put(self.side.at(node), self.all);
            step.put(self.weather.0.at(node), self.all);
        }
        step.put(self.client_side, self.all);
        step.put(self.weather.1, self.all);
        step.put(self.connected, self.all);
        self.update(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        self.update(step);
    }

    fn fire(&self, _timer: Timer, _step: &mut Step<'_, W>) {}

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        match command {
            Command::CutNodes { nodes, carrier } => {
                let id = if *carrier {
                    self.filtered
                } else {
                    self.unplugged
                };
                step.put(id, step.get(id) | *nodes);
                step.mark(Mark::Fault);
            }
            Command::CutLink(a, b) => self.set_link(*a, *b, true, step),
            Command::HealLink(a, b) => self.set_link(*a, *b, false, step),
            Command::Partition { groups, clients } => self.partition(groups, *clients, step),
            Command::Heal(nodes) => self.heal(*nodes, step),
            _ => return,
        }
        self.update(step);
    }
}
