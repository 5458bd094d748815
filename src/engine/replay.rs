//! The reader `replay`: a fault script decides, and every change is written down.
//!
//! Spontaneous failures, repairs and operators stand still; time-outs, restarts
//! and transfers run as they would. Phases (of heartbeats, of check intervals)
//! are drawn afresh in each replication.

use super::changes::Writer;
pub use super::changes::{Change, What};
use super::play::{PlayError, Player};
use crate::automaton::{
    Command, KillTarget, Nanos, Node, NodeCommand, NodeSet, ProcessCommand, SetId, Timer,
    TimerClass,
};
use crate::model::Model;
use crate::scenario::error::{Origin, Result as ScenarioResult, ScenarioError};
use crate::scenario::faults::{Action, FaultScript, Names, Verb, When};
use crate::scenario::nearest::suggestion;
use crate::scenario::{Group, Scenario};

pub use crate::scenario::CLIENTS;

/// A fault script with its names looked up.
pub struct Plan<const W: usize> {
    until: Nanos,
    faults: Vec<PlannedFault<W>>,
}

struct PlannedFault<const W: usize> {
    when: PlannedTime<W>,
    deed: Deed<W>,
    text: String,
}

enum Deed<const W: usize> {
    Order(Command<W>),
    Happen(Timer),
}

enum PlannedTime<const W: usize> {
    At {
        low: Nanos,
        high: Nanos,
    },
    After {
        signal: SetId,
        is: NodeSet<W>,
        plus: Nanos,
    },
}

impl<const W: usize> Plan<W> {
    /// Looks up the names of a script in a model and the scenario that it was built from.
    pub fn new(
        script: &FaultScript,
        model: &Model<W>,
        scenario: &Scenario,
    ) -> ScenarioResult<Plan<W>> {
        let lookup = Lookup { model, scenario };
        let faults = script
            .faults
            .iter()
            .map(|fault| {
                Ok(PlannedFault {
                    when: lookup.time(&fault.when)?,
                    deed: lookup.deed(&fault.action, &fault.origin)?,
                    text: describe(&fault.action),
                })
            })
            .collect::<ScenarioResult<Vec<_>>>()?;
        Ok(Plan {
            until: script.until,
            faults,
        })
    }

    /// The end of the timeline.
    pub fn until(&self) -> Nanos {
        self.until
    }

    /// A fault in words.
    pub fn fault_text(&self, index: usize) -> &str {
        &self.faults[index].text
    }
}

struct Lookup<'a, const W: usize> {
    model: &'a Model<W>,
    scenario: &'a Scenario,
}

impl<const W: usize> Lookup<'_, W> {
    fn group(&self, name: &str) -> Option<&Group> {
        self.scenario.groups.iter().find(|g| g.name == name)
    }

    /// One node, where a group would not do.
    fn node(&self, name: &str, origin: &Origin) -> ScenarioResult<Node> {
        let blueprint = self.model.blueprint();
        if let Some(node) = blueprint.node_named(name) {
            return Ok(node);
        }
        if let Some(group) = self.group(name) {
            let message = format!("`{name}` stands for {} nodes", group.members.len());
            return Err(ScenarioError::at(
                origin,
                message,
                "one node is needed here",
            ));
        }
        Err(self.unknown(name, origin))
    }

    fn unknown(&self, name: &str, origin: &Origin) -> Box<ScenarioError> {
        let nodes = self.scenario.nodes.iter().map(|node| &node.name);
        let known = nodes.chain(self.scenario.groups.iter().map(|group| &group.name));
        let message = format!("there is no node or group `{name}`");
        ScenarioError::at(origin, message, "unknown").maybe_help(suggestion(name, known))
    }

    /// A node, or all nodes of a group.
    fn one_or_more(&self, name: &str, origin: &Origin) -> ScenarioResult<NodeSet<W>> {
        if let Some(node) = self.model.blueprint().node_named(name) {
            return Ok(NodeSet::single(node));
        }
        let group = self.group(name).ok_or_else(|| self.unknown(name, origin))?;
        Ok(group.members.iter().map(|&i| Node(i as u16)).collect())
    }

    fn nodes(&self, names: &Names) -> ScenarioResult<NodeSet<W>> {
        names
            .iter()
            .try_fold(NodeSet::EMPTY, |all, (name, origin)| {
                Ok(all | self.one_or_more(name, origin)?)
            })
    }

    /// A node, or `None` for the place of the clients.
    fn end(&self, (name, origin): &(String, Origin)) -> ScenarioResult<Option<Node>> {
        if name == CLIENTS {
            Ok(None)
        } else {
            self.node(name, origin).map(Some)
        }
    }

    fn time(&self, when: &When) -> ScenarioResult<PlannedTime<W>> {
        Ok(match when {
            When::At { low, high } => PlannedTime::At {
                low: *low,
                high: *high,
            },
            When::After {
                signal,
                is,
                plus,
                origin,
            } => {
                let blueprint = self.model.blueprint();
                let id = blueprint.signal_named(signal).ok_or_else(|| {
                    let known = blueprint.signals().map(|(name, _)| name.to_owned());
                    ScenarioError::at(
                        origin,
                        format!("there is no signal `{signal}`"),
                        "unknown signal",
                    )
                    .maybe_help(suggestion(signal, known))
                })?;
                PlannedTime::After {
                    signal: id,
                    is: self.nodes(is)?,
                    plus: *plus,
                }
            }
        })
    }

    fn deed(&self, action: &Action, origin: &Origin) -> ScenarioResult<Deed<W>> {
        Ok(match action {
            Action::Happen(event) => Deed::Happen(self.event(event)?),
            other => Deed::Order(self.command(other, origin)?),
        })
    }

    /// Something that comes by chance.
    fn event(&self, (name, at): &(String, Origin)) -> ScenarioResult<Timer> {
        let blueprint = self.model.blueprint();
        let timers = (0..blueprint.timer_count()).map(|i| Timer(i as u32));
        let by_chance: Vec<Timer> = timers
            .filter(|timer| blueprint.timer_info(*timer).class == TimerClass::Chance)
            .collect();
        let of = |timer: &&Timer| blueprint.timer_info(**timer).name == *name;
        by_chance.iter().find(of).copied().ok_or_else(|| {
            let known = by_chance
                .iter()
                .map(|timer| &blueprint.timer_info(*timer).name);
            let message = format!("nothing called `{name}` comes by chance here");
            ScenarioError::at(at, message, "unknown event").maybe_help(suggestion(name, known))
        })
    }

    fn command(&self, action: &Action, origin: &Origin) -> ScenarioResult<Command<W>> {
        Ok(match action {
            // No order: see `deed`.
            Action::Happen(_) => {
                return Err(ScenarioError::at(origin, "nobody can order chance", "here"));
            }
            Action::Do {
                verb,
                nodes,
                process: None,
            } => Command::Nodes(node_command(*verb, origin)?, self.nodes(nodes)?),
            Action::Do {
                verb,
                nodes,
                process: Some((process, at)),
            } => {
                let nodes = self.nodes(nodes)?;
                self.has_process(process, at, nodes)?;
                Command::Process(process_command(*verb), process.clone(), nodes)
            }
            Action::CutNodes { nodes, carrier } => Command::CutNodes {
                nodes: self.nodes(nodes)?,
                carrier: *carrier,
            },
            Action::CutLink(a, b) => Command::CutLink(self.end(a)?, self.end(b)?),
            Action::HealLink(a, b) => Command::HealLink(self.end(a)?, self.end(b)?),
            Action::Heal(nodes) => Command::Heal(self.nodes(nodes)?),
            Action::Partition(groups) => self.partition(groups)?,
            Action::Maintain { name, bad } => self.maintain(name, *bad)?,
            Action::Operator {
                protocol,
                action,
                nodes,
            } => self.operator(protocol, action, nodes)?,
        })
    }

    /// Is there such a process, and on at least one of these nodes?
    fn has_process(&self, name: &str, at: &Origin, nodes: NodeSet<W>) -> ScenarioResult<()> {
        let of_scenario = self.scenario.processes.iter().map(|spec| {
            let nodes = spec.nodes.iter().map(|&i| Node(i as u16)).collect();
            (spec.name.clone(), nodes)
        });
        let of_automata = self
            .model
            .automata()
            .flat_map(|automaton| automaton.processes());
        let known: Vec<(String, NodeSet<W>)> = of_scenario.chain(of_automata).collect();
        let Some((_, places)) = known.iter().find(|(process, _)| process == name) else {
            let message = format!("there is no process `{name}`");
            return Err(ScenarioError::at(at, message, "unknown process")
                .maybe_help(suggestion(name, known.iter().map(|(process, _)| process))));
        };
        if places.intersects(nodes) {
            return Ok(());
        }
        let message = format!("the process `{name}` runs on none of these nodes");
        let place = |node: Node| self.model.blueprint().node_name(node);
        let names: Vec<_> = places.iter().map(place).collect();
        Err(ScenarioError::at(at, message, "not there")
            .help(format!("it runs on {}", names.join(", "))))
    }

    fn partition(&self, groups: &[Names]) -> ScenarioResult<Command<W>> {
        let mut sets = Vec::new();
        let mut clients = None;
        for group in groups {
            let mut set = NodeSet::EMPTY;
            for (name, origin) in group {
                if name == CLIENTS {
                    continue;
                }
                let nodes = self.one_or_more(name, origin)?;
                if set.intersects(nodes)
                    || sets
                        .iter()
                        .any(|other: &NodeSet<W>| other.intersects(nodes))
                {
                    return Err(ScenarioError::at(
                        origin,
                        format!("`{name}` is in this partition twice"),
                        "here again",
                    ));
                }
                set |= nodes;
            }
            if group.iter().any(|(name, _)| name == CLIENTS) {
                clients = Some(set);
            }
            sets.push(set);
        }
        // Where the script does not say, the users still reach every node.
        let clients = clients.unwrap_or(self.model.blueprint().all_nodes());
        Ok(Command::Partition {
            groups: sets,
            clients,
        })
    }

    fn maintain(&self, (name, at): &(String, Origin), bad: bool) -> ScenarioResult<Command<W>> {
        let specs = &self.scenario.maintenances;
        let Some(spec) = specs.iter().find(|spec| spec.name == *name) else {
            let message = format!("there is no maintenance `{name}`");
            let known = specs.iter().map(|spec| &spec.name);
            return Err(ScenarioError::at(at, message, "unknown").maybe_help(
                suggestion(name, known)
                    .or_else(|| Some(format!("add [maintenance.{name}] to the scenario"))),
            ));
        };
        if bad && spec.bad.is_none() {
            let message = format!("the versions of `{name}` always work");
            return Err(ScenarioError::at(at, message, "cannot be bad")
                .help("say in the scenario what a bad one does: bad = { probability = 0, rollback = \"30min\" }"));
        }
        Ok(Command::Operator {
            protocol: format!("maintenance.{name}"),
            action: if bad { "begin_bad" } else { "begin" }.to_owned(),
            nodes: NodeSet::EMPTY,
        })
    }

    fn operator(
        &self,
        protocol: &Option<(String, Origin)>,
        (action, at): &(String, Origin),
        nodes: &Names,
    ) -> ScenarioResult<Command<W>> {
        let able = |automaton: &&dyn crate::automaton::Automaton<W>| {
            automaton.actions().contains(&action.as_str())
                && protocol
                    .as_ref()
                    .is_none_or(|(name, _)| automaton.name() == name)
        };
        if !self.model.automata().any(|automaton| able(&automaton)) {
            let known = self
                .model
                .automata()
                .flat_map(|a| a.actions().iter().copied());
            return Err(ScenarioError::at(
                at,
                format!("nothing here understands `{action}`"),
                "unknown action",
            )
            .maybe_help(suggestion(action, known)));
        }
        Ok(Command::Operator {
            protocol: protocol
                .as_ref()
                .map(|(name, _)| name.clone())
                .unwrap_or_default(),
            action: action.clone(),
            nodes: self.nodes(nodes)?,
        })
    }
}

fn node_command(verb: Verb, origin: &Origin) -> ScenarioResult<NodeCommand> {
    Ok(match verb {
        Verb::PowerOff => NodeCommand::PowerOff,
        Verb::Crash => NodeCommand::Crash,
        Verb::Stop => NodeCommand::Stop,
        Verb::Start => NodeCommand::Start,
        Verb::Freeze => NodeCommand::Freeze,
        Verb::Thaw => NodeCommand::Thaw,
        // Refused by the reader of scripts.
        Verb::Kill(_) | Verb::Restart => {
            return Err(ScenarioError::at(origin, "this needs a `process`", "here"));
        }
    })
}

fn process_command(verb: Verb) -> ProcessCommand {
    match verb {
        Verb::Kill(target) => ProcessCommand::Kill(target),
        Verb::Stop => ProcessCommand::Stop,
        Verb::Start => ProcessCommand::Start,
        Verb::Restart => ProcessCommand::Restart,
        Verb::Freeze => ProcessCommand::Freeze,
        Verb::Thaw => ProcessCommand::Thaw,
        // Refused by the reader of scripts.
        Verb::PowerOff | Verb::Crash => ProcessCommand::Kill(KillTarget::All),
    }
}

fn describe(action: &Action) -> String {
    let list = |names: &Names| {
        names
            .iter()
            .map(|(n, _)| n.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match action {
        Action::Do {
            verb,
            nodes,
            process,
        } => {
            let word = match verb {
                Verb::PowerOff => "power off",
                Verb::Crash => "crash",
                Verb::Kill(KillTarget::All) => "kill",
                Verb::Kill(KillTarget::Parent) => "kill the parent of",
                Verb::Kill(KillTarget::Child) => "kill the child of",
                Verb::Stop => "stop",
                Verb::Start => "start",
                Verb::Restart => "restart",
                Verb::Freeze => "freeze",
                Verb::Thaw => "thaw",
            };
            match process {
                Some((process, _)) => format!("{word} {process} on {}", list(nodes)),
                None => format!("{word} {}", list(nodes)),
            }
        }
        Action::CutNodes {
            nodes,
            carrier: false,
        } => format!("pull the cable of {}", list(nodes)),
        Action::CutNodes {
            nodes,
            carrier: true,
        } => format!("drop all packets of {}", list(nodes)),
        Action::CutLink((a, _), (b, _)) => format!("cut the path between {a} and {b}"),
        Action::HealLink((a, _), (b, _)) => format!("heal the path between {a} and {b}"),
        Action::Partition(groups) => {
            let groups: Vec<_> = groups.iter().map(list).collect();
            format!("partition {}", groups.join(" | "))
        }
        Action::Heal(nodes) if nodes.is_empty() => "heal the network".to_owned(),
        Action::Heal(nodes) => format!("heal the network of {}", list(nodes)),
        Action::Happen(event) => format!("{} happens", event.0),
        Action::Maintain { name, bad: false } => format!("begin {}", name.0),
        Action::Maintain { name, bad: true } => {
            format!("begin {} with a version that does not work", name.0)
        }
        Action::Operator { action, nodes, .. } if nodes.is_empty() => {
            format!("operator: {}", action.0)
        }
        Action::Operator { action, nodes, .. } => {
            format!("operator: {} on {}", action.0, list(nodes))
        }
    }
}

/// Plays a script once and returns every change from the first instant on.
pub fn replay<const W: usize>(
    model: &Model<W>,
    plan: &Plan<W>,
    seed: u64,
    replication: u64,
    max_events: u64,
) -> Result<Vec<Change<W>>, PlayError> {
    let mut run = Run {
        player: Player::new(model, false, max_events),
        plan,
        times: Vec::new(),
        writer: Writer::default(),
        pending_from: 0,
    };
    run.player.begin(seed, replication)?;
    run.draw_times();
    run.writer.write(&run.player);
    run.play()?;
    Ok(run.writer.changes)
}

struct Run<'m, const W: usize> {
    player: Player<'m, W>,
    plan: &'m Plan<W>,
    /// When each fault happens, as far as that is known yet.
    times: Vec<Option<Nanos>>,
    writer: Writer<W>,
    /// The first fault that has not happened yet; `after` looks from here.
    pending_from: usize,
}

impl<const W: usize> Run<'_, W> {
    fn draw_times(&mut self) {
        let mut draws = PhaseDraws::new(&mut self.player);
        self.times = self
            .plan
            .faults
            .iter()
            .map(|fault| match fault.when {
                PlannedTime::At { low, high } => Some(draws.between(low, high)),
                PlannedTime::After { .. } => None,
            })
            .collect();
    }

    fn play(&mut self) -> Result<(), PlayError> {
        let mut done = vec![false; self.times.len()];
        loop {
            self.watch_signals(&done);
            let next = (0..done.len())
                .filter(|&i| !done[i])
                .filter_map(|i| self.times[i].map(|time| (time, i)))
                .min()
                .filter(|(time, _)| *time < self.plan.until);
            let end = next.map_or(self.plan.until, |(time, _)| time);
            let played = self.player.advance(end).is_some();
            self.player.failure()?;
            if played {
                self.writer.write(&self.player);
                continue;
            }
            let Some((time, index)) = next else {
                return Ok(());
            };
            done[index] = true;
            self.pending_from = self.pending_from.max(index + 1);
            match &self.plan.faults[index].deed {
                Deed::Order(command) => self.player.obey(time, command)?,
                Deed::Happen(timer) => self.player.happen(time, *timer)?,
            }
            self.writer.fault(&self.player, index);
        }
    }

    /// Fixes the time of the first pending `after` whose signal has the members asked for.
    fn watch_signals(&mut self, done: &[bool]) {
        for (index, fault) in self.plan.faults.iter().enumerate() {
            let PlannedTime::After { signal, is, plus } = fault.when else {
                continue;
            };
            let earlier_done = done[..index].iter().all(|d| *d);
            if self.times[index].is_none() && earlier_done && self.player.state().set(signal) == is
            {
                self.times[index] = Some(self.player.now() + plus);
            }
        }
    }
}

/// Draws for the script itself, from the stream of the first timer: replay does
/// not use it for anything else, because no spontaneous timer runs.
struct PhaseDraws<'a, 'm, const W: usize> {
    player: &'a mut Player<'m, W>,
}

impl<'a, 'm, const W: usize> PhaseDraws<'a, 'm, W> {
    fn new(player: &'a mut Player<'m, W>) -> Self {
        PhaseDraws { player }
    }

    fn between(&mut self, low: Nanos, high: Nanos) -> Nanos {
        if low == high {
            return low;
        }
        let stream = crate::automaton::StreamId::of_timer(crate::automaton::Timer(0));
        let delay = crate::automaton::Delay::Uniform { low, high };
        self.player.streams().delay(delay, stream)
    }
}
