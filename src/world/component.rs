//! What several nodes share: power feeds, switches, rooms, common causes.
//!
//! A component fails and is repaired by itself; while it is down its nodes have
//! no power, no network, or neither. A battery bridges the first minutes of a
//! power outage, unless it fails on demand. Redundant components (two feeds, two
//! switches) stand in for each other: a node is without only while all those that
//! supply it are down.

use crate::automaton::{
    Automaton, Blueprint, Delay, Mark, NodeSet, SetId, Step, StreamId, Timer, TimerClass,
};
use crate::scenario::{Battery, Component, ComponentKind};

/// The automaton of all shared components.
pub struct Components<const W: usize> {
    all: NodeSet<W>,
    powered: SetId,
    connected: SetId,
    parts: Vec<Part<W>>,
}

struct Part<const W: usize> {
    nodes: NodeSet<W>,
    kind: ComponentKind,
    /// Not empty while the component works.
    works: SetId,
    /// Not empty while its nodes get what it gives (a battery may still last).
    gives: SetId,
    /// Failure while it works, repair while not.
    fate: Timer,
    failure: Delay,
    repair: Delay,
    repair_stream: StreamId,
    battery: Option<(Battery, Timer)>,
    /// The first of the components that stand in for this one; itself if none does.
    leader: usize,
}

impl<const W: usize> Components<W> {
    /// The shared components of a scenario.
    pub fn new(
        blueprint: &mut Blueprint<W>,
        powered: SetId,
        connected: SetId,
        components: &[Component],
    ) -> Self {
        let stands_in = |a: &Component, b: &Component| {
            a.kind == b.kind && a.redundancy.is_some() && a.redundancy == b.redundancy
        };
        let parts = components
            .iter()
            .enumerate()
            .map(|(index, component)| {
                let name = &component.name;
                Part {
                    nodes: component
                        .nodes
                        .iter()
                        .map(|&i| crate::automaton::Node(i as u16))
                        .collect(),
                    kind: component.kind,
                    leader: components
                        .iter()
                        .position(|other| stands_in(other, component))
                        .unwrap_or(index),
                    works: blueprint.private_set(&format!("{name}.works")),
                    gives: blueprint.private_set(&format!("{name}.gives")),
                    fate: blueprint.timer(name, "failure", TimerClass::Chance),
                    failure: blueprint.delay(&component.failure),
                    repair: blueprint.delay(&component.repair),
                    repair_stream: blueprint.stream(name, "repair"),
                    battery: component.battery.map(|battery| {
                        (
                            battery,
                            blueprint.timer(name, "battery", TimerClass::Reaction),
                        )
                    }),
                }
            })
            .collect();
        Components {
            all: blueprint.all_nodes(),
            powered,
            connected,
            parts,
        }
    }

    fn update(&self, step: &mut Step<'_, W>) {
        let (mut powered, mut connected) = (self.all, self.all);
        for (index, part) in self.parts.iter().enumerate() {
            if part.leader != index {
                continue;
            }
            let mut without = NodeSet::EMPTY;
            let mut supplied = NodeSet::EMPTY;
            for other in self.parts.iter().filter(|other| other.leader == index) {
                without |= other.nodes;
                supplied |= step.get(other.gives);
            }
            without -= supplied;
            match part.kind {
                ComponentKind::Power => powered -= without,
                ComponentKind::Switch => connected -= without,
                ComponentKind::Site => {
                    powered -= without;
                    connected -= without;
                }
            }
        }
        step.put(self.powered, powered);
        step.put(self.connected, connected);
    }

    fn turn(&self, part: &Part<W>, step: &mut Step<'_, W>) {
        if step.get(part.works).is_empty() {
            step.put(part.works, part.nodes);
            step.put(part.gives, part.nodes);
            if let Some((_, timer)) = part.battery {
                step.cancel(timer);
            }
            step.arm(part.fate, part.failure);
            step.mark(Mark::Restore);
            return;
        }
        step.put(part.works, NodeSet::EMPTY);
        step.arm_from(part.fate, &part.repair, part.repair_stream);
        match part.battery {
            Some((battery, timer)) if !step.chance(battery.fail_on_demand) => {
                step.arm(timer, Delay::Fixed(battery.autonomy));
            }
            _ => self.take_away(part, step),
        }
    }

    fn take_away(&self, part: &Part<W>, step: &mut Step<'_, W>) {
        step.put(part.gives, NodeSet::EMPTY);
        step.mark(Mark::Fault);
    }
}

impl<const W: usize> Automaton<W> for Components<W> {
    fn name(&self) -> &str {
        "component"
    }

    fn reads(&self) -> Vec<SetId> {
        Vec::new()
    }

    fn writes(&self) -> Vec<SetId> {
        vec![self.powered, self.connected]
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        for part in &self.parts {
            step.put(part.works, part.nodes);
            step.put(part.gives, part.nodes);
            step.arm(part.fate, part.failure);
        }
        self.update(step);
    }

    fn react(&self, _step: &mut Step<'_, W>) {}

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        for part in &self.parts {
            if part.fate == timer {
                self.turn(part, step);
            } else if part.battery.is_some_and(|(_, battery)| battery == timer) {
                self.take_away(part, step);
            }
        }
        self.update(step);
    }
}
