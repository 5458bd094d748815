//! Planned or not: whose work a service's downtime is.
//!
//! The rule: **what happens is planned from an act of maintenance on, as long as no
//! unplanned fault is at work.** An act of maintenance stops a node or a process on
//! purpose, or lets it run again. It makes nothing planned while a fault is at work,
//! and the first fault after it ends what was planned, until the next act. So the
//! way back after the work (an address that goes home, a quorum that has to be
//! formed again) is planned as well, and an outage that a fault had a hand in is
//! not: without the fault the plan would have held, or the plan was at fault.
//!
//! An unplanned fault is at work while a node is broken, stands still, is without
//! power or out of the users' reach, while a process that should run is not active
//! on a node that runs and that nobody works on, while a version that does not work
//! is installed, and while somebody works on the wrong node.

use crate::automaton::Blueprint;
use crate::automaton::{Automaton, NodeSet, SetId, Step, Timer};
use crate::scenario::maintenance::MaintenanceSpec;

/// The public signals of one maintenance.
#[derive(Clone, Copy, Debug)]
pub struct MaintenanceSignals {
    /// `maintenance.NAME`: nodes that are worked on and not yet back.
    pub at_work: SetId,
    /// `maintenance.NAME.bad`: nodes with a version that does not work.
    pub bad: SetId,
    /// Of those at work, the ones whose turn it is not.
    pub wrong: SetId,
    /// Not empty while a round is under way.
    pub under_way: SetId,
}

impl MaintenanceSignals {
    /// Registers the signals of a maintenance.
    pub fn register<const W: usize>(blueprint: &mut Blueprint<W>, spec: &MaintenanceSpec) -> Self {
        let all = blueprint.all_nodes();
        let name = format!("maintenance.{}", spec.name);
        MaintenanceSignals {
            at_work: blueprint.signal(&name, all),
            bad: blueprint.signal(&format!("{name}.bad"), all),
            wrong: blueprint.private_set(&format!("{name}.wrong")),
            under_way: blueprint.private_set(&format!("{name}.under_way")),
        }
    }
}

/// What has to be looked at to know whether an unplanned fault is at work.
#[derive(Clone, Debug)]
pub struct Trouble<const W: usize> {
    /// All nodes.
    pub all: NodeSet<W>,
    /// Nodes whose hardware works.
    pub healthy: SetId,
    /// Nodes that have power.
    pub powered: SetId,
    /// Nodes that stand still.
    pub frozen: SetId,
    /// Nodes that users can reach.
    pub clients: SetId,
    /// Nodes whose kernel runs.
    pub up: SetId,
    /// Processes that are started at boot: where they belong, where they are active.
    pub processes: Vec<(NodeSet<W>, SetId)>,
    /// The signals of every maintenance.
    pub maintenances: Vec<MaintenanceSignals>,
}

impl<const W: usize> Trouble<W> {
    /// Nodes that somebody works on.
    pub fn touched(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.maintenances
            .iter()
            .fold(NodeSet::EMPTY, |all, m| all | step.get(m.at_work))
    }

    /// Is a round of any maintenance under way?
    pub fn round_under_way(&self, step: &Step<'_, W>) -> bool {
        let mut rounds = self.maintenances.iter();
        rounds.any(|m| !step.get(m.under_way).is_empty())
    }

    /// Is an unplanned fault at work?
    pub fn at_work(&self, step: &Step<'_, W>) -> bool {
        let sound = step.get(self.healthy) & step.get(self.powered) & step.get(self.clients);
        if sound != self.all || !step.get(self.frozen).is_empty() {
            return true;
        }
        let slips = |m: &MaintenanceSignals| {
            !step.get(m.bad).is_empty() || step.get(m.wrong).intersects(step.get(m.at_work))
        };
        if self.maintenances.iter().any(slips) {
            return true;
        }
        let untouched = self.all - self.touched(step);
        let missing = |(nodes, active): &(NodeSet<W>, SetId)| {
            !(*nodes & (untouched - step.get(*active))).is_empty()
        };
        !(untouched - step.get(self.up)).is_empty() || self.processes.iter().any(missing)
    }

    /// The sets on which the answers depend.
    pub fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![
            self.healthy,
            self.powered,
            self.frozen,
            self.clients,
            self.up,
        ];
        reads.extend(self.processes.iter().map(|(_, active)| *active));
        for m in &self.maintenances {
            reads.extend([m.at_work, m.bad, m.wrong, m.under_way]);
        }
        reads
    }
}

/// Ends what was planned when a fault comes between.
pub struct Watch<const W: usize> {
    trouble: Trouble<W>,
    planned: SetId,
}

impl<const W: usize> Watch<W> {
    /// A watch over the set `planned`, which acts of maintenance fill.
    pub fn new(trouble: Trouble<W>, planned: SetId) -> Self {
        Watch { trouble, planned }
    }
}

impl<const W: usize> Automaton<W> for Watch<W> {
    fn name(&self) -> &str {
        "maintenance"
    }

    fn reads(&self) -> Vec<SetId> {
        self.trouble.reads()
    }

    fn writes(&self) -> Vec<SetId> {
        vec![self.planned]
    }

    fn begin(&self, _step: &mut Step<'_, W>) {}

    fn react(&self, step: &mut Step<'_, W>) {
        if !step.get(self.planned).is_empty() && self.trouble.at_work(step) {
            step.put(self.planned, NodeSet::EMPTY);
        }
    }

    fn fire(&self, _timer: Timer, _step: &mut Step<'_, W>) {}
}
