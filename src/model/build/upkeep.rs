//! Coverages and maintenance: what people do about machines, and what goes wrong
//! when machines stand in for each other.

use super::{Builder, Set, Test, node_set, place};
use crate::automaton::{NodeSet, ProcessCommand, SetId};
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::hours::Hours;
use crate::scenario::maintenance::{LocatedCondition, MaintenanceSpec, Work};
use crate::scenario::{OperatorSpec, Scenario, Target};
use crate::world::coverage::{Coverage, CoverageSignals};
use crate::world::human_error::HumanError;
use crate::world::maintenance::{Maintenance, RoundCounters, Surroundings};
use crate::world::operator::Task;
use crate::world::planned::{MaintenanceSignals, Trouble, Watch};

/// Mean times until something is put right, in seconds.
pub(super) fn times(scenario: &Scenario) -> impl Iterator<Item = f64> {
    let coverages = scenario.coverages.iter().map(|c| c.intervenes.mean());
    let maintenances = scenario.maintenances.iter();
    let rollbacks = maintenances.clone().filter_map(|m| m.bad.as_ref());
    coverages
        .chain(rollbacks.map(|bad| bad.rollback.mean()))
        .chain(maintenances.map(|m| m.takes.mean()))
}

/// Working hours, each with the nodes that keep them, as indices.
pub(super) fn calendars(scenario: &Scenario) -> Vec<(Hours, Vec<usize>)> {
    let mut found: Vec<(Hours, Vec<usize>)> = Vec::new();
    for (index, node) in scenario.nodes.iter().enumerate() {
        let Some(hours) = &node.repair_hours else {
            continue;
        };
        match found.iter_mut().find(|(known, _)| known == hours) {
            Some((_, nodes)) => nodes.push(index),
            None => found.push((hours.clone(), vec![index])),
        }
    }
    found
}

impl<const W: usize> Builder<'_, W> {
    /// Gives the coverages' signals their numbers.
    pub(super) fn name_coverages(&mut self) -> Result<()> {
        for spec in &self.scenario.coverages {
            self.check_new_name(&spec.name, &spec.origin)?;
            let signals = CoverageSignals::register(&mut self.blueprint, &spec.name);
            self.coverages.push(signals);
        }
        Ok(())
    }

    /// Nobody can serve who is not in the set that is covered.
    pub(super) fn narrow_coverages(&mut self) -> Result<()> {
        for (spec, signals) in self.scenario.coverages.iter().zip(self.coverages.clone()) {
            let of = self.compile_set(&spec.of.expression, &spec.of.origin)?;
            let domain = of.domain(&self.blueprint);
            self.blueprint.set_domain(signals.serving, domain);
        }
        Ok(())
    }

    pub(super) fn link_coverages(&mut self) -> Result<()> {
        for (spec, signals) in self.scenario.coverages.iter().zip(self.coverages.clone()) {
            let of = self.compile_set(&spec.of.expression, &spec.of.origin)?;
            let healthy = match &spec.healthy {
                Some(located) => self.compile_set(&located.expression, &located.origin)?,
                None => Set::Signal(self.signals.running),
            };
            let mut reads = Vec::new();
            of.signals(&mut reads);
            if reads.is_empty() || reads.contains(&signals.serving) {
                return Err(ScenarioError::at(
                    &spec.of.origin,
                    format!("`{}` must be the members of a signal", spec.name),
                    "nobody takes over here",
                )
                .help("name who serves where every take-over works, e.g. of = \"vip\""));
            }
            self.claim_owner();
            let sets = (of, healthy);
            let planned = self.maintenances.iter().map(|m| m.at_work).collect();
            let coverage = Coverage::new(&mut self.blueprint, spec, sets, signals, planned);
            self.add(coverage);
        }
        Ok(())
    }

    /// Gives the signals of all maintenances their numbers.
    pub(super) fn name_maintenances(&mut self) {
        for spec in &self.scenario.maintenances {
            let signals = MaintenanceSignals::register(&mut self.blueprint, spec);
            self.maintenances.push(signals);
            let rounds = RoundCounters::register(&mut self.blueprint);
            self.rounds.push((spec.name.clone(), rounds));
        }
        if !self.maintenances.is_empty() {
            self.planned = Some(self.blueprint.private_set("maintenance.planned"));
        }
    }

    /// Can a version of this process be rolled out that does not work?
    pub(super) fn may_be_spoilt(&self, process: &str) -> bool {
        let mut versions = self
            .scenario
            .maintenances
            .iter()
            .filter_map(|m| m.bad.as_ref());
        versions.any(|bad| bad.processes.iter().any(|name| name == process))
    }

    pub(super) fn link_maintenances(&mut self) -> Result<()> {
        let (Some(planned), Some(trouble)) = (self.planned, self.trouble()) else {
            return Ok(());
        };
        self.claim_owner();
        self.add(Watch::new(trouble.clone(), planned));
        for (index, spec) in self.scenario.maintenances.iter().enumerate() {
            let check = self.compile_test(spec.check.as_ref())?;
            let begins_if = self.compile_test(spec.begins_if.as_ref())?;
            let around = Surroundings {
                own: self.maintenances[index],
                rounds: self.rounds[index].1,
                planned,
                trouble: trouble.clone(),
                affected: self.affected(spec),
            };
            self.claim_owner();
            let tests = (check, begins_if);
            let maintenance = Maintenance::new(&mut self.blueprint, spec, tests, around);
            self.add(maintenance);
        }
        Ok(())
    }

    pub(super) fn link_human_errors(&mut self) {
        let Some(healthy) = self.healthy else {
            return;
        };
        for spec in &self.scenario.human_errors {
            self.claim_owner();
            let sets = (healthy, self.signals.up);
            let error = HumanError::new(&mut self.blueprint, spec, sets);
            self.add(error);
        }
    }

    /// What an operator does; the reader of scenarios has made sure that a process
    /// which is to be started exists.
    pub(super) fn task(&self, spec: &OperatorSpec) -> Option<Task<W>> {
        let name = match &spec.target {
            Target::Protocol(name) => {
                return Some(Task::Protocol(name.clone(), spec.action.clone()));
            }
            Target::Process(name) => name,
        };
        let mut processes = self.scenario.processes.iter().zip(&self.process_signals);
        let (process, signals) = processes.find(|(process, _)| process.name == *name)?;
        Some(Task::Process {
            name: name.clone(),
            command: match spec.action.as_str() {
                "start" => ProcessCommand::Start,
                _ => ProcessCommand::Restart,
            },
            nodes: node_set(&process.nodes),
            works: signals.works,
            running: self.signals.running,
        })
    }

    fn compile_test(&self, located: Option<&LocatedCondition>) -> Result<Option<Test<W>>> {
        let compile = |located: &LocatedCondition| {
            Test::compile(&located.expression, &self.blueprint, &self.groups)
                .map_err(|e| place(e, &located.origin))
        };
        located.map(compile).transpose()
    }

    fn trouble(&self) -> Option<Trouble<W>> {
        let specs = self.scenario.processes.iter().zip(&self.process_signals);
        Some(Trouble {
            all: self.blueprint.all_nodes(),
            healthy: self.healthy?,
            powered: self.powered?,
            frozen: self.signals.frozen,
            clients: self.signals.clients,
            up: self.signals.up,
            processes: specs
                .filter(|(spec, _)| spec.enabled)
                .map(|(spec, signals)| (node_set(&spec.nodes), signals.active))
                .collect(),
            maintenances: self.maintenances.clone(),
        })
    }

    /// The processes that a maintenance stops: those that it names and all that
    /// require one of them; for a reboot, all that start at boot.
    fn affected(&self, spec: &MaintenanceSpec) -> Vec<(String, NodeSet<W>, SetId)> {
        let processes = &self.scenario.processes;
        let mut hit: Vec<bool> = processes
            .iter()
            .map(|p| match spec.work {
                Work::Reboot => p.enabled,
                Work::Restart => spec.processes.contains(&p.name),
            })
            .collect();
        loop {
            let requires = |p: &crate::scenario::ProcessSpec| {
                p.requires.iter().any(|name| {
                    let place = processes.iter().position(|other| other.name == *name);
                    place.is_some_and(|place| hit[place])
                })
            };
            let next = (0..processes.len()).find(|&i| !hit[i] && requires(&processes[i]));
            match next {
                Some(index) => hit[index] = true,
                None => break,
            }
        }
        let specs = processes.iter().zip(&self.process_signals).zip(hit);
        specs
            .filter(|(_, hit)| *hit)
            .map(|((p, signals), _)| (p.name.clone(), node_set(&p.nodes), signals.active))
            .collect()
    }
}
