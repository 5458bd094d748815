//! Life and death of nodes.
//!
//! A node is healthy, or broken and waiting for a repair crew, or under repair;
//! when it is healthy and has power it boots and is then up. The life time of a
//! node goes on while it has no power: what breaks in the hardware does not
//! wait for the mains, and independent causes stay independent.
//!
//! Streams: `failure` and `repair` of each node are separate, so that a node
//! fails at the same instants in every design that has it, as long as nobody
//! else keeps its repair waiting.

use super::WorldSignals;
use super::pace::Pace;
use crate::automaton::{
    Automaton, Blueprint, Command, Counters, Delay, Mark, Node, NodeCommand, NodeSet, SetId, Step,
    StreamId, Timer, TimerClass, Timers,
};
use crate::scenario::{Crew, CrewOrder, NodeSpec};

/// The automaton of all nodes.
pub struct Nodes<const W: usize> {
    all: NodeSet<W>,
    up: SetId,
    frozen: SetId,
    running: SetId,
    /// Nodes with working hardware.
    healthy: SetId,
    /// Nodes that are kept off on purpose.
    held: SetId,
    /// Nodes on which somebody may work now, and as it was last; absent where
    /// somebody always may.
    attended: Option<(SetId, SetId)>,
    /// Healthy nodes with power that have not finished booting.
    booting: SetId,
    /// Nodes that have power; kept by the shared components.
    powered: SetId,
    unplugged: SetId,
    /// Failure while healthy, end of the repair while not: a node never waits for both.
    fate: Timers,
    /// End of the boot; absent where nobody takes any time for it.
    boot: Option<Timers>,
    /// How long each node lives, and the stream for it.
    failure: Vec<(Delay, StreamId)>,
    repair: Vec<(Delay, StreamId)>,
    boot_delay: Vec<Delay>,
    crew_of: Vec<Option<usize>>,
    crews: Vec<CrewQueue>,
    /// How fast lives and repairs go on, where that depends on anything.
    paces: Option<Box<Paces<W>>>,
}

/// How fast things go on for each node.
pub struct Paces<const W: usize> {
    /// Its life.
    pub failure: Vec<Pace<W>>,
    /// Its repair.
    pub repair: Vec<Pace<W>>,
}

/// A crew with its queue of broken nodes.
struct CrewQueue {
    size: u64,
    order: CrewOrder,
    /// Busy members, queue length, then the waiting nodes, the first one first and
    /// zeros behind the last: one meaning has one value, or there would be many states
    /// for one situation.
    row: Counters,
}

const BUSY: usize = 0;
const LENGTH: usize = 1;
const QUEUE: usize = 2;

impl<const W: usize> Nodes<W> {
    /// The nodes of a scenario. `powered` is kept by the shared components.
    pub fn new(
        blueprint: &mut Blueprint<W>,
        signals: &WorldSignals,
        (powered, attended): (SetId, Option<SetId>),
        nodes: &[NodeSpec],
        crews: &[Crew],
    ) -> Self {
        let fate = blueprint.timers_per_node("fate", TimerClass::Chance);
        let instant_boot = nodes.iter().all(|n| n.boot.mean() == 0.0);
        let boot = (!instant_boot).then(|| blueprint.timers_per_node("boot", TimerClass::Reaction));
        let streams = ["failure", "repair"].map(|purpose| blueprint.streams_per_node(purpose));
        let [life_streams, repair_streams] = streams;
        let failure = nodes.iter().map(|n| blueprint.delay(&n.failure));
        let failure = failure.zip(life_streams).collect();
        let repair = nodes.iter().map(|n| blueprint.delay(&n.repair));
        let repair = repair.zip(repair_streams).collect();
        Nodes {
            all: blueprint.all_nodes(),
            up: signals.up,
            frozen: signals.frozen,
            running: signals.running,
            healthy: blueprint.private_set("node.healthy"),
            held: blueprint.private_set("node.held"),
            attended: attended.map(|id| (id, blueprint.private_set("node.seen_attended"))),
            booting: blueprint.private_set("node.booting"),
            powered,
            unplugged: signals.unplugged,
            fate,
            boot,
            failure,
            repair,
            boot_delay: nodes.iter().map(|n| blueprint.delay(&n.boot)).collect(),
            crew_of: nodes.iter().map(|n| n.crew).collect(),
            crews: crews
                .iter()
                .map(|crew| CrewQueue {
                    size: crew.size as u64,
                    order: crew.order,
                    row: blueprint.counters(QUEUE + nodes.len()),
                })
                .collect(),
            paces: None,
        }
    }

    /// Lives and repairs that go on faster or slower than normal.
    pub fn set_paces(&mut self, paces: Paces<W>) {
        self.paces = Some(Box::new(paces));
    }

    /// The set of nodes whose hardware works.
    pub fn healthy(&self) -> SetId {
        self.healthy
    }

    #[inline(always)]
    fn arm_life(&self, step: &mut Step<'_, W>, node: Node) {
        let (delay, stream) = &self.failure[node.index()];
        step.arm_from(self.fate.at(node), delay, *stream);
        if self.paces.is_some() {
            self.follow_pace(step, node);
        }
    }

    #[inline(always)]
    fn arm_repair(&self, step: &mut Step<'_, W>, node: Node) {
        let (delay, stream) = &self.repair[node.index()];
        step.arm_from(self.fate.at(node), delay, *stream);
        if self.attended.is_some() || self.paces.is_some() {
            self.follow_pace(step, node);
        }
    }

    /// Lets the life or the repair of a node go on as fast as it now should.
    // Never inlined: most models have neither hours nor paces, and events are hot.
    #[cold]
    #[inline(never)]
    fn follow_pace(&self, step: &mut Step<'_, W>, node: Node) {
        let healthy = step.has(self.healthy, node);
        let away = !healthy && self.attended.is_some_and(|(now, _)| !step.has(now, node));
        let pace = match &self.paces {
            _ if away => 0.0,
            None => 1.0,
            Some(paces) if healthy => paces.failure[node.index()].of(node, step.state()),
            Some(paces) => paces.repair[node.index()].of(node, step.state()),
        };
        step.pace(self.fate.at(node), pace);
    }

    /// Somebody comes to work, or goes home: repairs go on, or stand still.
    fn follow_hours(&self, step: &mut Step<'_, W>) {
        let Some((now, seen)) = self.attended else {
            return;
        };
        let (attended, before) = (step.get(now), step.get(seen));
        step.put_private(seen, attended);
        for node in (attended ^ before) - step.get(self.healthy) {
            self.follow_pace(step, node);
        }
    }

    /// The hardware of a node breaks.
    #[inline(always)]
    fn fail(&self, step: &mut Step<'_, W>, node: Node) {
        step.remove_private(self.healthy, node);
        step.mark(Mark::Fault);
        self.go_down(step, node);
        match self.crew_of[node.index()] {
            None => self.arm_repair(step, node),
            Some(crew) => self.join_queue(step, crew, node),
        }
    }

    #[inline(always)]
    fn go_down(&self, step: &mut Step<'_, W>, node: Node) {
        if let Some(boot) = self.boot {
            step.remove(self.booting, node);
            step.cancel(boot.at(node));
        }
        // What is frozen is up and does not run.
        if step.has(self.running, node) {
            step.remove(self.running, node);
        } else {
            step.remove(self.frozen, node);
        }
        step.remove(self.up, node);
    }

    fn join_queue(&self, step: &mut Step<'_, W>, crew: usize, node: Node) {
        let CrewQueue { size, order, row } = self.crews[crew];
        let busy = step.count(row.nth(BUSY));
        if busy < size {
            step.set_count(row.nth(BUSY), busy + 1);
            self.arm_repair(step, node);
            return;
        }
        step.cancel(self.fate.at(node));
        let length = step.count(row.nth(LENGTH)) as usize;
        let listed_later = |k: &usize| step.count(row.nth(QUEUE + k)) > u64::from(node.0);
        let place = match order {
            CrewOrder::FirstCome => length,
            CrewOrder::Listed => (0..length).find(listed_later).unwrap_or(length),
        };
        for k in (place..length).rev() {
            let moved = step.count(row.nth(QUEUE + k));
            step.set_count(row.nth(QUEUE + k + 1), moved);
        }
        step.set_count(row.nth(QUEUE + place), u64::from(node.0));
        step.set_count(row.nth(LENGTH), length as u64 + 1);
    }

    /// A crew has finished with a node and takes the next one.
    fn next_in_queue(&self, step: &mut Step<'_, W>, crew: usize) {
        let row = self.crews[crew].row;
        if step.count(row.nth(LENGTH)) == 0 {
            let busy = step.count(row.nth(BUSY));
            step.set_count(row.nth(BUSY), busy - 1);
            return;
        }
        let node = Node(step.count(row.nth(QUEUE)) as u16);
        Self::leave_queue(step, row, 0);
        self.arm_repair(step, node);
    }

    /// Those behind `place` move up.
    fn leave_queue(step: &mut Step<'_, W>, row: Counters, place: usize) {
        let last = step.count(row.nth(LENGTH)) as usize - 1;
        for k in place..last {
            let next = step.count(row.nth(QUEUE + k + 1));
            step.set_count(row.nth(QUEUE + k), next);
        }
        step.set_count(row.nth(QUEUE + last), 0);
        step.set_count(row.nth(LENGTH), last as u64);
    }

    #[inline(always)]
    fn repaired(&self, step: &mut Step<'_, W>, node: Node) {
        if let Some(crew) = self.crew_of[node.index()] {
            self.next_in_queue(step, crew);
        }
        step.insert_private(self.healthy, node);
        self.plug_in(step, node);
        self.arm_life(step, node);
        step.mark(Mark::Restore);
        if step.has(self.powered, node) && !step.has(self.held, node) {
            self.switch_on(step, node);
        }
    }

    /// Whoever repairs or starts a machine sees to its power as well.
    #[inline(always)]
    fn plug_in(&self, step: &mut Step<'_, W>, node: Node) {
        if !step.get(self.unplugged).is_empty() {
            step.remove(self.unplugged, node);
        }
    }

    /// Boots a healthy node that has power.
    #[inline(always)]
    fn switch_on(&self, step: &mut Step<'_, W>, node: Node) {
        match self.boot {
            None => self.come_up(step, node),
            Some(boot) => {
                step.insert(self.booting, node);
                step.arm(boot.at(node), self.boot_delay[node.index()]);
            }
        }
    }

    fn switch_on_if_idle(&self, step: &mut Step<'_, W>, node: Node) {
        let off = !step.has(self.up, node) && !step.has(self.booting, node);
        if off && step.has(self.healthy, node) && step.has(self.powered, node) {
            step.mark(Mark::Restore);
            self.switch_on(step, node);
        }
    }

    #[inline(always)]
    fn come_up(&self, step: &mut Step<'_, W>, node: Node) {
        step.insert(self.up, node);
        step.insert(self.running, node);
    }

    /// Takes a node out of a queue or off the bench, as an operator's start does.
    fn forget_repair(&self, step: &mut Step<'_, W>, node: Node) {
        let Some(crew) = self.crew_of[node.index()] else {
            return;
        };
        if step.is_armed(self.fate.at(node)) {
            self.next_in_queue(step, crew);
            return;
        }
        let row = self.crews[crew].row;
        let length = step.count(row.nth(LENGTH)) as usize;
        let waits = |k: &usize| step.count(row.nth(QUEUE + k)) == u64::from(node.0);
        if let Some(place) = (0..length).find(waits) {
            Self::leave_queue(step, row, place);
        }
    }

    fn ordered(&self, order: NodeCommand, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        for node in nodes {
            match order {
                NodeCommand::PowerOff | NodeCommand::Crash | NodeCommand::Stop => {
                    if order == NodeCommand::PowerOff {
                        step.insert(self.unplugged, node);
                    }
                    if step.has(self.healthy, node) {
                        self.fail(step, node);
                    }
                }
                NodeCommand::Hold | NodeCommand::SwitchOff => {
                    step.insert(self.held, node);
                    if step.has(self.up, node) || step.has(self.booting, node) {
                        step.mark(Mark::Fault);
                        self.go_down(step, node);
                    }
                }
                NodeCommand::Release => {
                    step.remove(self.held, node);
                    self.switch_on_if_idle(step, node);
                }
                NodeCommand::Start => {
                    step.remove(self.held, node);
                    self.plug_in(step, node);
                    if !step.has(self.healthy, node) {
                        self.forget_repair(step, node);
                        step.insert(self.healthy, node);
                        self.arm_life(step, node);
                        step.mark(Mark::Restore);
                    }
                    self.switch_on_if_idle(step, node);
                }
                NodeCommand::Freeze if step.has(self.up, node) => {
                    step.insert(self.frozen, node);
                    step.remove(self.running, node);
                    step.mark(Mark::Fault);
                }
                NodeCommand::Thaw if step.has(self.frozen, node) => {
                    step.remove(self.frozen, node);
                    step.insert(self.running, node);
                    step.mark(Mark::Restore);
                }
                NodeCommand::Freeze | NodeCommand::Thaw => {}
            }
        }
    }
}

impl<const W: usize> Automaton<W> for Nodes<W> {
    fn name(&self) -> &str {
        "node"
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![self.powered];
        reads.extend(self.attended.map(|(now, _)| now));
        if let Some(paces) = &self.paces {
            for pace in paces.failure.iter().chain(&paces.repair) {
                pace.signals(&mut reads);
            }
        }
        reads
    }

    fn writes(&self) -> Vec<SetId> {
        vec![self.up, self.frozen, self.running, self.unplugged]
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        for id in [self.healthy, self.powered, self.up, self.running] {
            step.put(id, self.all);
        }
        if let Some((now, seen)) = self.attended {
            // The calendar lays itself out after the nodes.
            step.put(now, self.all);
            step.put_private(seen, self.all);
        }
        for node in self.all {
            self.arm_life(step, node);
        }
    }

    fn react(&self, step: &mut Step<'_, W>) {
        self.follow_hours(step);
        if self.paces.is_some() {
            for node in self.all {
                self.follow_pace(step, node);
            }
        }
        let powered = step.get(self.powered);
        let dark = (step.get(self.up) | step.get(self.booting)) - powered;
        for node in dark {
            step.mark(Mark::Fault);
            self.go_down(step, node);
        }
        let on = step.get(self.up) | step.get(self.booting) | step.get(self.held);
        let idle = powered & (step.get(self.healthy) - on);
        for node in idle {
            step.mark(Mark::Restore);
            self.switch_on(step, node);
        }
    }

    #[inline]
    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        if let Some(node) = self.fate.node(timer) {
            if step.has(self.healthy, node) {
                self.fail(step, node);
            } else {
                self.repaired(step, node);
            }
        } else if let Some(node) = self.boot.and_then(|boot| boot.node(timer)) {
            step.remove(self.booting, node);
            self.come_up(step, node);
        }
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        if let Command::Nodes(order, nodes) = command {
            self.ordered(*order, *nodes, step);
        }
    }
}
