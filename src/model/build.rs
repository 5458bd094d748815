//! Makes a model of a scenario: world, processes, protocols, signals, services.

mod pace;
mod upkeep;

use super::demand;
use super::derived::DerivedSignal;
use super::measure::{Blame, Service, Tally};
use super::{MAX_AUTOMATA, MAX_MEASURES, MAX_TALLY, MAX_TIMERS, Model};
use crate::automaton::evaluate::{Count, Groups, LookupError, Set, Share, Test};
use crate::automaton::{Automaton, Blueprint, Interest, Nanos, Node, NodeSet, Owner, SetId, Timer};
use crate::protocol::{self, Protocol, Site};
use crate::scenario::error::{Origin, Result, ScenarioError};
use crate::scenario::parameters::in_expression;
use crate::scenario::{Files, OperatorSpec, Scenario, Target};
use crate::world::WorldSignals;
use crate::world::calendar::Calendars;
use crate::world::component::Components;
use crate::world::coverage::CoverageSignals;
use crate::world::load::Load;
use crate::world::maintenance::RoundCounters;
use crate::world::network::Network;
use crate::world::node::Nodes;
use crate::world::operator::Operator;
use crate::world::overload::Overload;
use crate::world::planned::MaintenanceSignals;
use crate::world::process::{ProcessSignals, Processes};
use crate::world::shock::{Partitions, Shocks};
use crate::world::transition::Place;

/// How many words a [`NodeSet`] needs for this scenario: 1 for up to 64 nodes,
/// 16 for more.
pub fn words(scenario: &Scenario) -> usize {
    if scenario.nodes.len() <= 64 { 1 } else { 16 }
}

/// Builds the model of a scenario. Names that mean nothing are found here.
pub fn model<const W: usize>(scenario: &Scenario, files: &dyn Files) -> Result<Model<W>> {
    let mut builder = Builder::new(scenario);
    builder.world();
    builder.protocols(files)?;
    builder.name_maintenances();
    builder.name_coverages()?;
    builder.name_counters();
    builder.name_derived()?;
    builder.link()?;
    builder.finish()
}

struct Builder<'a, const W: usize> {
    scenario: &'a Scenario,
    blueprint: Blueprint<W>,
    groups: Groups<W>,
    automata: Vec<Box<dyn Automaton<W>>>,
    nodes: Option<Nodes<W>>,
    processes: Option<Processes<W>>,
    process_owner: usize,
    protocols: Vec<(usize, Box<dyn Protocol<W>>)>,
    coverages: Vec<CoverageSignals>,
    maintenances: Vec<MaintenanceSignals>,
    rounds: Vec<(String, RoundCounters)>,
    planned: Option<SetId>,
    healthy: Option<SetId>,
    powered: Option<SetId>,
    places: Vec<Place>,
    net_owner: usize,
    derived: Vec<SetId>,
    /// The signals of levels of load.
    levels: Vec<SetId>,
    load: Option<Load<W>>,
    signals: WorldSignals,
    process_signals: Vec<ProcessSignals>,
}

/// Stands in the list until its owner can be linked.
struct Placeholder;

impl<const W: usize> Automaton<W> for Placeholder {
    fn name(&self) -> &str {
        "placeholder"
    }
    fn reads(&self) -> Vec<SetId> {
        Vec::new()
    }
    fn begin(&self, _: &mut crate::automaton::Step<'_, W>) {}
    fn react(&self, _: &mut crate::automaton::Step<'_, W>) {}
    fn fire(&self, _: crate::automaton::Timer, _: &mut crate::automaton::Step<'_, W>) {}
}

fn node_set<const W: usize>(indices: &[usize]) -> NodeSet<W> {
    indices.iter().map(|&i| Node(i as u16)).collect()
}

impl<'a, const W: usize> Builder<'a, W> {
    fn new(scenario: &'a Scenario) -> Self {
        let names = scenario.nodes.iter().map(|n| n.name.clone()).collect();
        let mut blueprint = Blueprint::new(names);
        let all = blueprint.all_nodes();
        let signals = WorldSignals {
            up: blueprint.signal("node.up", all),
            frozen: blueprint.signal("node.frozen", all),
            running: blueprint.signal("node.running", all),
            carrier: blueprint.signal("net.carrier", all),
            clients: blueprint.signal("net.clients", all),
            reach: blueprint.private_sets("net.reach"),
            powered: blueprint.private_set("node.powered"),
            unplugged: blueprint.private_set("node.unplugged"),
        };
        let groups = scenario
            .groups
            .iter()
            .map(|group| (group.name.clone(), node_set(&group.members)))
            .collect();
        Builder {
            scenario,
            blueprint,
            groups: Groups {
                groups,
                votes: scenario.nodes.iter().map(|n| n.votes).collect(),
            },
            automata: Vec::new(),
            nodes: None,
            processes: None,
            process_owner: 0,
            protocols: Vec::new(),
            coverages: Vec::new(),
            maintenances: Vec::new(),
            rounds: Vec::new(),
            planned: None,
            healthy: None,
            powered: None,
            places: Vec::new(),
            net_owner: 0,
            derived: Vec::new(),
            levels: Vec::new(),
            load: None,
            signals,
            process_signals: Vec::new(),
        }
    }

    fn claim_owner(&mut self) -> usize {
        let owner = self.automata.len();
        self.blueprint.set_owner(Owner(owner as u32));
        owner
    }

    fn add(&mut self, automaton: impl Automaton<W> + 'static) {
        self.automata.push(Box::new(automaton));
    }

    fn world(&mut self) {
        let scenario = self.scenario;
        let powered = self.signals.powered;
        let connected = self.blueprint.private_set("net.connected");
        let calendars = upkeep::calendars(scenario);
        let attended = (!calendars.is_empty()).then(|| self.blueprint.private_set("node.attended"));
        self.claim_owner();
        let nodes = Nodes::new(
            &mut self.blueprint,
            &self.signals,
            (powered, attended),
            &scenario.nodes,
            &scenario.crews,
        );
        self.healthy = Some(nodes.healthy());
        self.powered = Some(powered);
        self.nodes = Some(nodes);
        self.add(Placeholder);
        if let Some(attended) = attended {
            self.claim_owner();
            let calendars = Calendars::new(&mut self.blueprint, attended, &calendars);
            self.add(calendars);
        }
        self.claim_owner();
        let weather = (
            self.blueprint.private_sets("net.weather"),
            self.blueprint.private_set("net.weather_clients"),
        );
        let network = Network::new(&mut self.blueprint, &self.signals, connected, weather);
        self.add(network);
        if !scenario.components.is_empty() {
            self.claim_owner();
            let components = Components::new(
                &mut self.blueprint,
                powered,
                connected,
                &scenario.components,
            );
            self.add(components);
        }
        if !scenario.shocks.is_empty() {
            self.claim_owner();
            let shocks = Shocks::new(&mut self.blueprint, &scenario.shocks);
            self.add(shocks);
        }
        if !scenario.partitions.is_empty() {
            self.claim_owner();
            let (sides, clients) = weather;
            let partitions =
                Partitions::new(&mut self.blueprint, sides, clients, &scenario.partitions);
            self.add(partitions);
        }
        if !scenario.processes.is_empty() {
            self.process_signals = scenario
                .processes
                .iter()
                .map(|p| ProcessSignals::register(&mut self.blueprint, &p.name, node_set(&p.nodes)))
                .collect();
            self.process_owner = self.claim_owner();
            self.processes = Some(Processes::new(
                &mut self.blueprint,
                &self.signals,
                &scenario.processes,
                &self.process_signals,
            ));
            self.add(Placeholder);
        }
    }

    fn protocols(&mut self, files: &dyn Files) -> Result<()> {
        let mut memberships = Vec::new();
        for spec in &self.scenario.protocols {
            let owner = self.claim_owner();
            let site = Site {
                name: &spec.name,
                nodes: spec.nodes.iter().map(|&i| Node(i as u16)).collect(),
                parameters: &spec.parameters,
                signals: self.signals,
                processes: self
                    .scenario
                    .processes
                    .iter()
                    .zip(&self.process_signals)
                    .map(|(spec, signals)| (spec.name.as_str(), *signals))
                    .collect(),
                memberships: memberships.clone(),
                groups: &self.scenario.groups,
                files,
            };
            let built = protocol::build(&spec.kind, &site, &mut self.blueprint)?;
            memberships.extend(built.membership().map(|m| (spec.name.as_str(), m)));
            self.protocols.push((owner, built));
            self.add(Placeholder);
        }
        Ok(())
    }

    fn check_new_name(&self, name: &str, origin: &Origin) -> Result<()> {
        let taken = self.blueprint.signal_named(name).is_some()
            || self.blueprint.node_named(name).is_some()
            || self.groups.groups.iter().any(|(group, _)| group == name);
        if !taken {
            return Ok(());
        }
        let message = format!("`{name}` already is the name of a signal, a node or a group");
        Err(ScenarioError::at(origin, message, "here"))
    }

    /// Gives the scenario's own signals their numbers, so that expressions can name them.
    fn name_derived(&mut self) -> Result<()> {
        let all = self.blueprint.all_nodes();
        for spec in &self.scenario.signals {
            self.check_new_name(&spec.name, &spec.origin)?;
            let id = self.blueprint.signal(&spec.name, all);
            self.derived.push(id);
        }
        for level in &self.scenario.load.levels {
            let name = format!("load.{}", level.name);
            self.levels.push(self.blueprint.signal(&name, all));
        }
        Ok(())
    }

    fn compile_set(
        &self,
        expression: &crate::scenario::expression::SetExpression,
        origin: &Origin,
    ) -> Result<Set<W>> {
        Set::compile(expression, &self.blueprint, &self.groups).map_err(|e| place(e, origin))
    }

    /// Looks up the names in all set expressions, now that every signal exists.
    fn link(&mut self) -> Result<()> {
        // Signals may be made of coverages and coverages of signals.
        self.narrow_coverages()?;
        for (index, id) in self.derived.clone().into_iter().enumerate() {
            let spec = &self.scenario.signals[index];
            let set = self.compile_set(&spec.expression, &spec.origin)?;
            let mut reads = Vec::new();
            set.signals(&mut reads);
            if reads
                .iter()
                .any(|read| *read >= id && self.derived.contains(read))
            {
                return Err(ScenarioError::at(
                    &spec.origin,
                    format!(
                        "`{}` is defined by itself or by a signal that comes later",
                        spec.name
                    ),
                    "here",
                )
                .help("write signals in the order in which they use each other"));
            }
            self.blueprint.set_domain(id, set.domain(&self.blueprint));
            self.claim_owner();
            self.add(DerivedSignal::new(spec.name.clone(), id, set));
        }
        self.narrow_coverages()?;
        self.link_paces()?;
        if let Some(mut processes) = self.processes.take() {
            for (index, spec) in self.scenario.processes.iter().enumerate() {
                if let Some(ready) = &spec.ready {
                    processes.set_ready(index, self.compile_set(&ready.expression, &ready.origin)?);
                }
                if !spec.failure_pace.is_empty() {
                    processes.set_failure_pace(index, self.pace(&spec.failure_pace)?);
                }
                if self.may_be_spoilt(&spec.name) {
                    processes.may_be_spoilt(index, &mut self.blueprint);
                }
                if let Some(heeds) = &spec.heeds_stop {
                    let set = self.compile_set(&heeds.expression, &heeds.origin)?;
                    processes.set_heeds_stop(index, set);
                }
            }
            self.automata[self.process_owner] = Box::new(processes);
        }
        for (owner, mut protocol) in std::mem::take(&mut self.protocols) {
            protocol.link(&|located| self.compile_set(&located.expression, &located.origin))?;
            self.automata[owner] = protocol.into_automaton();
        }
        self.link_coverages()?;
        self.link_transitions()?;
        self.link_maintenances()?;
        self.link_load()?;
        self.link_human_errors();
        for spec in &self.scenario.operators {
            self.check_operator(spec)?;
            self.claim_owner();
            let when = Test::compile(&spec.when, &self.blueprint, &self.groups)
                .map_err(|e| place(e, &spec.when_origin))?;
            let Some(task) = self.task(spec) else {
                continue;
            };
            let operator = Operator::new(&mut self.blueprint, spec, when, task);
            self.add(operator);
        }
        Ok(())
    }

    /// Looks up where work lands, and lets the levels of load follow it.
    fn link_load(&mut self) -> Result<()> {
        self.load = demand::load(
            self.scenario,
            &self.blueprint,
            &self.groups,
            self.signals.running,
            &self.levels,
        )?;
        if let Some(load) = self.load.clone().filter(|_| !self.levels.is_empty()) {
            self.claim_owner();
            let levels = &self.scenario.load.levels;
            let utilisations = levels.iter().map(|level| level.utilisation);
            let levels = self.levels.iter().copied().zip(utilisations).collect();
            let overload = Overload::new(&mut self.blueprint, load, levels);
            self.add(overload);
        }
        Ok(())
    }

    fn check_operator(&self, spec: &OperatorSpec) -> Result<()> {
        let names = || {
            let protocols = self.scenario.protocols.iter().map(|p| p.name.as_str());
            protocols.chain(self.scenario.coverages.iter().map(|c| c.name.as_str()))
        };
        let Target::Protocol(protocol) = &spec.target else {
            return Ok(());
        };
        let Some(target) = self.automata.iter().find(|a| a.name() == protocol) else {
            return Err(ScenarioError::at(
                &spec.action_origin,
                format!(
                    "operator `{}` acts on `{}`, which is no protocol here",
                    spec.name, protocol
                ),
                "this action has no target",
            )
            .maybe_help(crate::scenario::nearest::suggestion(protocol, names())));
        };
        if target.actions().contains(&spec.action.as_str()) {
            return Ok(());
        }
        Err(ScenarioError::at(
            &spec.action_origin,
            format!("nobody can `{}` a `{}`", spec.action, protocol),
            "unknown action",
        )
        .maybe_help(crate::scenario::nearest::suggestion(
            &spec.action,
            target.actions().iter().copied(),
        )))
    }

    fn services(&self) -> Result<Vec<Service<W>>> {
        let compile = |test: &crate::scenario::expression::Condition, origin: &Origin| {
            Test::compile(test, &self.blueprint, &self.groups).map_err(|e| place(e, origin))
        };
        self.scenario
            .services
            .iter()
            .map(|spec| {
                let up = compile(&spec.up, &spec.up_origin)?;
                let read_only = spec
                    .read_only
                    .as_ref()
                    .map(|(test, origin)| compile(test, origin))
                    .transpose()?;
                let success = spec
                    .success
                    .as_ref()
                    .map(|(share, origin)| {
                        Share::compile(share, &self.blueprint, &self.groups)
                            .map_err(|e| place(e, origin))
                    })
                    .transpose()?;
                Ok(Service {
                    name: spec.name.clone(),
                    blame: Blame::new(&up, &self.blueprint, self.signals.up),
                    up,
                    read_only,
                    success,
                })
            })
            .collect()
    }

    fn tallies(&self) -> Result<Vec<Tally<W>>> {
        self.scenario
            .tallies
            .iter()
            .map(|spec| {
                let of = Count::compile(&spec.of, &self.blueprint, &self.groups)
                    .map_err(|e| place(e, &spec.origin))?;
                let mut signals = Vec::new();
                of.signals(&mut signals);
                if signals.is_empty() {
                    return Err(ScenarioError::at(
                        &spec.origin,
                        "a tally counts what changes; this never does",
                        "nothing to count",
                    )
                    .help("count the members of a signal, e.g. count(node.up), or name a level"));
                }
                let limit = of.limit(&self.blueprint);
                if limit > MAX_TALLY {
                    return Err(ScenarioError::at(
                        &spec.origin,
                        format!("this count has {limit} possible values"),
                        format!("at most {MAX_TALLY} can be told apart"),
                    ));
                }
                Ok(Tally {
                    name: spec.name.clone(),
                    of,
                    limit,
                })
            })
            .collect()
    }

    fn finish(mut self) -> Result<Model<W>> {
        let services = self.services()?;
        let tallies = self.tallies()?;
        let load = self.load.take();
        let measures = services.len() + tallies.len() + usize::from(load.is_some());
        self.check_limits(measures)?;
        let mut interest = vec![Interest::default(); self.blueprint.set_count()];
        for (index, automaton) in self.automata.iter().enumerate() {
            for id in automaton.reads() {
                interest[id.0 as usize].automata |= 1 << index;
            }
        }
        let mut watch = |signals: Vec<SetId>, bit: usize| {
            for id in signals {
                interest[id.0 as usize].measures |= 1 << bit;
            }
        };
        for (bit, service) in services.iter().enumerate() {
            let mut signals = Vec::new();
            service.signals(&mut signals);
            watch(signals, bit);
        }
        for (bit, tally) in tallies.iter().enumerate() {
            let mut signals = Vec::new();
            tally.of.signals(&mut signals);
            watch(signals, services.len() + bit);
        }
        if let Some(load) = &load {
            let mut signals = Vec::new();
            load.signals(&mut signals);
            for demand in &load.demands {
                services[demand.service].signals(&mut signals);
            }
            watch(signals, measures - 1);
        }
        for (bit, service) in services.iter().enumerate() {
            for id in self.planned.iter().chain([&service.blame.alive()]) {
                interest[id.0 as usize].blames |= 1 << bit;
            }
        }
        let automata = self
            .automata
            .into_iter()
            .map(|automaton| {
                let stream = self.blueprint.stream(automaton.name(), "choice");
                (automaton, stream)
            })
            .collect();
        let slowest = self
            .scenario
            .nodes
            .iter()
            .map(|n| n.repair.mean())
            .chain(self.scenario.components.iter().map(|c| c.repair.mean()))
            .chain(self.scenario.partitions.iter().map(|p| p.lasts.mean()))
            .chain(upkeep::times(self.scenario))
            .chain(
                self.scenario
                    .operators
                    .iter()
                    .map(|o| o.notices.mean() + o.acts.mean()),
            )
            .filter(|mean| mean.is_finite())
            .fold(0.0, f64::max);
        let owners = (0..self.blueprint.timer_count())
            .map(|i| self.blueprint.timer_info(Timer(i as u32)).owner.0)
            .collect();
        Ok(Model {
            owners,
            blueprint: self.blueprint,
            automata,
            interest,
            services,
            tallies,
            load,
            node_up: self.signals.up,
            planned: self.planned,
            rounds: self.rounds,
            slowest_repair: Nanos::from_seconds(slowest),
        })
    }

    fn check_limits(&self, measures: usize) -> Result<()> {
        let origin = self
            .scenario
            .services
            .first()
            .map(|s| s.up_origin.clone())
            .or_else(|| {
                self.scenario
                    .protocols
                    .first()
                    .map(|p| p.parameters.origin().clone())
            })
            .or_else(|| self.scenario.signals.first().map(|s| s.origin.clone()))
            .or_else(|| self.scenario.tallies.first().map(|t| t.origin.clone()));
        let limits = [
            (
                measures,
                MAX_MEASURES,
                "services and tallies (demands count as one)",
            ),
            (
                self.automata.len(),
                MAX_AUTOMATA,
                "protocols, coverages, signals, maintenances, operators and human errors",
            ),
            (self.blueprint.timer_count(), MAX_TIMERS, "timers"),
        ];
        for (count, limit, what) in limits {
            if count > limit
                && let Some(origin) = &origin
            {
                return Err(ScenarioError::at(
                    origin,
                    format!("the scenario needs {count} {what}; at most {limit} are possible"),
                    "too many",
                ));
            }
        }
        Ok(())
    }
}

fn place(error: LookupError, origin: &Origin) -> Box<ScenarioError> {
    in_expression(origin, &error.span, error.message, error.help)
}
