//! Fencing: a node that may still run something is shot before it is replaced.
//!
//! One shot at a time in each partition (PM concurrent-fencing). The device is asked after
//! `pcmk_delay_base` and a random part of whole seconds below `pcmk_delay_max` less that
//! base (PS `rand() % (max - base)`: two equal draws are likely). **A request that has been
//! sent is carried out even if its sender dies meanwhile**: two nodes that shoot each other
//! are both off, unless one has lost its power before its own delay is over (M 5 double
//! kills in 10 with a maximum of 5 s and an agent of 2 s). The power is gone before the
//! device reports it: Corosync notices meanwhile (M 7.3 to 8.5 s after a failed stop).
//!
//! A device that fails is tried `pcmk_reboot_retries` times in each of
//! `stonith_max_attempts` attempts (M: 20 tries of 2.5 s, then silence); then the node
//! stays unclean until it comes back or somebody confirms that it is down (M 240 s). A
//! device that has its power from its target does not answer when the target has none.

use super::Pacemaker;
use super::settings::NoQuorum;
use crate::automaton::{
    Blueprint, Command, Counters, Delay, Nanos, Node, NodeCommand, NodeSet, SetId, Sets, Step, Timer,
    TimerClass, Timers,
};
use crate::protocol::optional_set::OptionalSet;
use crate::protocol::{Resolver, Site};
use crate::scenario::error::Result;

/// One fence device.
struct Device<const W: usize> {
    targets: NodeSet<W>,
    power_off: Delay,
    report: Delay,
    failure: f64,
    shared_power: bool,
    works: OptionalSet<W>,
    delay_base: Nanos,
    /// Whole seconds of random delay: one of 0, 1, ... less than this many.
    delay_choices: usize,
    tries: u64,
    retry: Delay,
}

/// The devices of a cluster and what they are doing.
pub struct Fencing<const W: usize> {
    devices: Vec<Device<W>>,
    powered: SetId,
    unplugged: SetId,
    /// For each target: the nodes that wait for the report of its shot.
    waiting: Sets,
    /// For each node: targets that it has tried to shoot in vain.
    given_up: Sets,
    /// Of each controller: the target that it is about to shoot, plus one, and the tries so far.
    target: Counters,
    tries: Counters,
    /// Of each controller: until its device is asked (again).
    aim: Timers,
    /// Of each target: until it is off, and until that is reported.
    shot: Timers,
    report: Timers,
}

impl<const W: usize> Device<W> {
    fn read(name: &str, site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let p = site.parameters;
        let path = |what: &str| format!("stonith.{name}.{what}");
        let members = site.members();
        let targets = match p.set(&path("targets"))? {
            Some(_) => site.fixed_nodes(&path("targets"), blueprint)?,
            None => members,
        };
        let (base, max) = (
            p.duration(&path("pcmk_delay_base"))?,
            p.duration(&path("pcmk_delay_max"))?,
        );
        if max > Nanos::ZERO && max < base {
            let message = "the longest delay is shorter than its base";
            return Err(p.error(&path("pcmk_delay_max"), message));
        }
        let failing = p.duration(&path("failing"))?;
        let pause = p.duration(&path("retry"))?;
        Ok(Device {
            targets,
            power_off: blueprint.delay(&p.distribution(&path("power_off"), site.files)?),
            report: blueprint.delay(&p.distribution(&path("report"), site.files)?),
            failure: p.share(&path("failure"))?,
            shared_power: p.flag(&path("shared_power"))?,
            works: OptionalSet::read(site, &path("works"), members)?,
            delay_base: base,
            delay_choices: (max.since(base).0 / Nanos::SECOND.0).clamp(1, 3600) as usize,
            tries: p.integer(&path("pcmk_reboot_retries"), 1, 1000)? as u64,
            retry: Delay::Fixed(Nanos(failing.0 + pause.0)),
        })
    }
}

impl<const W: usize> Fencing<W> {
    pub fn read(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let name = site.name;
        let devices = site
            .parameters
            .names("stonith")
            .iter()
            .map(|device| Device::read(device, site, blueprint))
            .collect::<Result<Vec<_>>>()?;
        let nodes = blueprint.nodes();
        let waiting = blueprint.private_sets(&format!("{name}.waits_for_shot"));
        let given_up = blueprint.private_sets(&format!("{name}.given_up"));
        let (target, tries) = (blueprint.counters(nodes), blueprint.counters(nodes));
        let mut timers =
            |what: &str| blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Reaction);
        Ok(Fencing {
            devices,
            powered: site.signals.powered,
            unplugged: site.signals.unplugged,
            waiting,
            given_up,
            target,
            tries,
            aim: timers("aim"),
            shot: timers("shot"),
            report: timers("report"),
        })
    }

    pub fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        self.devices.iter_mut().try_for_each(|device| device.works.link(resolve))
    }

    pub fn has_no_device(&self) -> bool {
        self.devices.is_empty()
    }

    /// Nodes that are being shot.
    pub fn targets(&self, members: NodeSet<W>, step: &Step<'_, W>) -> NodeSet<W> {
        let underway = |node: &Node| {
            step.is_armed(self.shot.at(*node)) || step.is_armed(self.report.at(*node))
        };
        members.iter().filter(underway).collect()
    }

    /// A node that shoots no more; what it has sent is carried out.
    pub fn forget(&self, node: Node, step: &mut Step<'_, W>) {
        step.cancel(self.aim.at(node));
        step.set_count(self.target.at(node), 0);
        step.set_count(self.tries.at(node), 0);
        step.put_private(self.given_up.at(node), NodeSet::EMPTY);
    }

    fn device(&self, target: Node) -> Option<&Device<W>> {
        self.devices.iter().find(|device| device.targets.contains(target))
    }
}

impl<const W: usize> Pacemaker<W> {
    /// A controller goes about the next node that has to be shot.
    pub(super) fn fence(&self, controller: Node, step: &mut Step<'_, W>) {
        if !self.settings.stonith {
            return;
        }
        let partition = self.partition(controller, step);
        let quorate = self.is_quorate(controller, step);
        let unclean = step.get(self.own.unclean.at(controller));
        let given_up = step.get(self.fencing.given_up.at(controller)) & unclean;
        step.put_private(self.fencing.given_up.at(controller), given_up);
        let suicide = !quorate && self.settings.no_quorum == NoQuorum::Suicide;
        let targets = match (quorate, suicide) {
            (true, _) => unclean - given_up,
            (_, true) => partition - given_up,
            _ => return,
        };
        let waits = |target: &Node| step.has(self.fencing.waiting.at(*target), controller);
        if step.is_armed(self.fencing.aim.at(controller)) || self.members.iter().any(|t| waits(&t)) {
            return;
        }
        let others_first = targets.without(controller).first();
        let Some(target) = others_first.or(targets.first()) else {
            return;
        };
        self.aim(controller, target, step);
    }

    fn aim(&self, controller: Node, target: Node, step: &mut Step<'_, W>) {
        let fencing = &self.fencing;
        let Some(device) = fencing.device(target) else {
            let given_up = step.get(fencing.given_up.at(controller)).with(target);
            return step.put_private(fencing.given_up.at(controller), given_up);
        };
        step.set_count(fencing.target.at(controller), u64::from(target.0) + 1);
        step.set_count(fencing.tries.at(controller), 0);
        let choices = vec![1.0; device.delay_choices];
        let extra = if choices.len() > 1 { step.choose(&choices) } else { 0 };
        let delay = Nanos(device.delay_base.0 + extra as u64 * Nanos::SECOND.0);
        step.arm(fencing.aim.at(controller), Delay::Fixed(delay));
    }

    /// The device is asked.
    fn pull(&self, controller: Node, step: &mut Step<'_, W>) {
        let fencing = &self.fencing;
        let Some(number) = step.count(fencing.target.at(controller)).checked_sub(1) else {
            return;
        };
        let target = Node(number as u16);
        let suicide = self.settings.no_quorum == NoQuorum::Suicide;
        let wanted = step.has(self.own.unclean.at(controller), target)
            || (suicide && !self.is_quorate(controller, step));
        let Some(device) = fencing.device(target).filter(|_| wanted) else {
            return step.set_count(fencing.target.at(controller), 0);
        };
        let powered = step.get(fencing.powered) - step.get(fencing.unplugged);
        let answers = device.works.value(step).contains(target)
            && (!device.shared_power || powered.contains(target));
        if answers && !step.chance(device.failure) {
            step.set_count(fencing.target.at(controller), 0);
            let waiting = fencing.waiting.at(target);
            let partition = self.partition(controller, step).with(controller);
            step.put_private(waiting, step.get(waiting) | partition);
            let underway = [fencing.shot, fencing.report].map(|timers| step.is_armed(timers.at(target)));
            if underway == [false, false] {
                step.arm(fencing.shot.at(target), device.power_off);
            }
            return;
        }
        let tries = step.count(fencing.tries.at(controller)) + 1;
        if tries < self.settings.attempts * device.tries {
            step.set_count(fencing.tries.at(controller), tries);
            step.arm(fencing.aim.at(controller), device.retry);
        } else {
            let given_up = step.get(fencing.given_up.at(controller)).with(target);
            step.put_private(fencing.given_up.at(controller), given_up);
            step.set_count(fencing.target.at(controller), 0);
        }
    }

    /// A timer of a device has run out.
    pub(super) fn fence_timer(&self, timer: Timer, step: &mut Step<'_, W>) -> bool {
        let fencing = &self.fencing;
        if let Some(node) = fencing.aim.node(timer) {
            self.pull(node, step);
        } else if let Some(target) = fencing.shot.node(timer) {
            self.is_off(target, step);
        } else if let Some(target) = fencing.report.node(timer) {
            self.is_reported(target, step);
        } else {
            return false;
        }
        true
    }

    fn is_off(&self, target: Node, step: &mut Step<'_, W>) {
        step.insert(self.signals.off, target);
        step.order(Command::Nodes(NodeCommand::SwitchOff, NodeSet::single(target)));
        if let Some(device) = self.fencing.device(target) {
            step.arm(self.fencing.report.at(target), device.report);
        }
    }

    fn is_reported(&self, target: Node, step: &mut Step<'_, W>) {
        let waiting = step.get(self.fencing.waiting.at(target));
        step.put_private(self.fencing.waiting.at(target), NodeSet::EMPTY);
        // Every fencer of the partition hears of the result, also when the controller that
        // asked for it was the target.
        let mut left = waiting.without(target);
        while let Some(node) = left.first() {
            left = (left - self.partition(node, step)).without(node);
            self.is_fenced(node, target, step);
        }
        if self.settings.reboot {
            self.power_on(NodeSet::single(target), step);
        }
    }

    /// The partition of a node knows that one is down.
    fn is_fenced(&self, node: Node, target: Node, step: &mut Step<'_, W>) {
        let partition = self.partition(node, step);
        for other in partition {
            let unclean = step.get(self.own.unclean.at(other)).without(target);
            self.regard(other, unclean, step);
        }
        if partition.is_empty() {
            return;
        }
        for index in 0..self.resources.len() {
            self.is_not_there(index, target, step);
        }
        if partition.contains(target) {
            step.insert_private(self.own.shot, target);
        }
        self.call(node, self.settings.fenced, step);
    }

    /// Somebody says that these nodes are down.
    pub(super) fn confirm(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        for controller in self.controllers(step) {
            for target in nodes & step.get(self.own.unclean.at(controller)) {
                self.is_fenced(controller, target, step);
            }
        }
    }

    /// Nodes that were shot are switched on.
    pub(super) fn power_on(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        if nodes.is_empty() {
            return;
        }
        step.put(self.signals.off, step.get(self.signals.off) - nodes);
        step.order(Command::Nodes(NodeCommand::Release, nodes));
    }
}
