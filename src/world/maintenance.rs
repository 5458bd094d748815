//! Planned work on nodes: a round goes from node to node in the order of the plan.
//!
//! A round: the node (or a batch of them, or all) is stopped and after a while
//! started again; then there may be a pause, and then, if the plan has a check, the
//! next node is touched as soon as the check holds. If it does not hold in time the
//! round is abandoned. A round does not begin while its condition does not hold
//! (somebody puts it off) or while another round is under way. Nodes that are not up
//! when their turn comes are left out: nobody can log in.
//!
//! A node that breaks meanwhile is a fault like any other; the round goes on as its
//! check says. The version that a round installs may not work: then it does not work
//! on any node that has it, until the old one is back everywhere, which also ends the
//! round. And the work may hit a node whose turn it is not (human error).
//!
//! Action: `begin` (a round, whatever the calendar and its condition say), for fault
//! scripts, in which no round begins by itself.

use super::planned::{MaintenanceSignals, Trouble};
use crate::automaton::evaluate::Test;
use crate::automaton::{
    Automaton, Blueprint, Command, Counter, Delay, Nanos, Node, NodeCommand, NodeSet,
    ProcessCommand, SetId, Step, StreamId, Timer, TimerClass,
};
use crate::scenario::maintenance::{MaintenanceSpec, Shows, Work};

/// How many rounds came to which end; counters of the model's state.
#[derive(Clone, Copy, Debug)]
pub struct RoundCounters {
    /// Rounds that began.
    pub begun: Counter,
    /// Rounds that came to the end of their list.
    pub completed: Counter,
    /// Rounds that were broken off.
    pub abandoned: Counter,
    /// Times that a round was put off.
    pub postponed: Counter,
}

impl RoundCounters {
    /// Four counters for one maintenance.
    pub fn register<const W: usize>(blueprint: &mut Blueprint<W>) -> Self {
        RoundCounters {
            begun: blueprint.counter(),
            completed: blueprint.counter(),
            abandoned: blueprint.counter(),
            postponed: blueprint.counter(),
        }
    }
}

impl RoundCounters {
    /// Begun, completed, abandoned, postponed.
    pub fn all(&self) -> [Counter; 4] {
        [self.begun, self.completed, self.abandoned, self.postponed]
    }
}

/// Where a round is.
const IDLE: u64 = 0;
const STOPPED: u64 = 1;
const PAUSE: u64 = 2;
const CHECK: u64 = 3;

/// The version of the round does not work.
const BAD: u64 = 1;
/// A fault script has begun the round: chance has no say.
const SCRIPTED: u64 = 2;

/// A new version that may not work.
struct Bad {
    probability: f64,
    shows: Shows,
    processes: Vec<String>,
    rollback: Delay,
    timer: Timer,
}

/// One maintenance.
pub struct Maintenance<const W: usize> {
    name: String,
    order: Vec<Node>,
    batch: usize,
    work: Work,
    processes: Vec<String>,
    /// Those, and all that require them: where each runs, and where it is active.
    affected: Vec<(String, NodeSet<W>, SetId)>,
    check: Option<Test<W>>,
    begins_if: Option<Test<W>>,
    bad: Option<Bad>,
    wrong_node: f64,
    every: Delay,
    first: Delay,
    first_stream: StreamId,
    takes: Delay,
    pause: Delay,
    pause_stream: StreamId,
    gives_up: Delay,
    postponed_for: Delay,
    /// The next round is due.
    due: Timer,
    /// A round that was put off is tried again.
    again: Timer,
    /// The end of the stop, then of the pause.
    job: Timer,
    /// The end of patience.
    limit: Timer,
    phase: Counter,
    /// How many nodes of the order have had their turn.
    place: Counter,
    /// What is known of this round: [`BAD`], [`SCRIPTED`].
    nature: Counter,
    /// Nodes that are stopped now.
    stopped: SetId,
    rounds: RoundCounters,
    own: MaintenanceSignals,
    planned: SetId,
    trouble: Trouble<W>,
}

/// What a maintenance shares with the others.
pub struct Surroundings<const W: usize> {
    /// Its own signals.
    pub own: MaintenanceSignals,
    /// Its own counters.
    pub rounds: RoundCounters,
    /// Not empty while what happens is planned.
    pub planned: SetId,
    /// How to tell whether a fault is at work.
    pub trouble: Trouble<W>,
    /// The processes that it stops, with those that require them: name, nodes, where active.
    pub affected: Vec<(String, NodeSet<W>, SetId)>,
}

impl<const W: usize> Maintenance<W> {
    /// A maintenance with its conditions (`check` and `begins_if`) looked up.
    pub fn new(
        blueprint: &mut Blueprint<W>,
        spec: &MaintenanceSpec,
        (check, begins_if): (Option<Test<W>>, Option<Test<W>>),
        around: Surroundings<W>,
    ) -> Self {
        let name = format!("maintenance.{}", spec.name);
        let mut timer = |what: &str, class| blueprint.timer(&name, what, class);
        let (due, again) = (
            timer("due", TimerClass::Chance),
            timer("again", TimerClass::Chance),
        );
        let (job, limit) = (
            timer("job", TimerClass::Reaction),
            timer("limit", TimerClass::Reaction),
        );
        let bad = spec.bad.as_ref().map(|bad| Bad {
            probability: bad.probability,
            shows: bad.shows,
            processes: bad.processes.clone(),
            rollback: blueprint.delay(&bad.rollback),
            timer: blueprint.timer(&name, "rollback", TimerClass::Reaction),
        });
        Maintenance {
            order: spec.nodes.iter().map(|&i| Node(i as u16)).collect(),
            batch: spec.batch,
            work: spec.work,
            processes: spec.processes.clone(),
            affected: around.affected,
            check,
            begins_if,
            bad,
            wrong_node: spec.wrong_node,
            every: blueprint.delay(&spec.every),
            first: blueprint.delay(&spec.first),
            first_stream: blueprint.stream(&name, "first"),
            takes: blueprint.delay(&spec.takes),
            pause: blueprint.delay(&spec.pause),
            pause_stream: blueprint.stream(&name, "pause"),
            gives_up: blueprint.delay(&spec.gives_up),
            postponed_for: blueprint.delay(&spec.postponed_for),
            due,
            again,
            job,
            limit,
            phase: blueprint.counter(),
            place: blueprint.counter(),
            nature: blueprint.counter(),
            stopped: blueprint.private_set(&format!("{name}.stopped")),
            rounds: around.rounds,
            own: around.own,
            planned: around.planned,
            trouble: around.trouble,
            name,
        }
    }

    fn add_one(&self, counter: Counter, step: &mut Step<'_, W>) {
        step.set_count(counter, step.count(counter) + 1);
    }

    /// A round is due: it begins, or somebody puts it off.
    fn due(&self, step: &mut Step<'_, W>) {
        if step.count(self.phase) != IDLE {
            return;
        }
        let busy = self.trouble.round_under_way(step);
        let wanted = |test: &Test<W>| test.holds(step.state());
        if busy || !self.begins_if.as_ref().is_none_or(wanted) {
            self.add_one(self.rounds.postponed, step);
            step.arm(self.again, self.postponed_for);
            return;
        }
        let chance = self.bad.as_ref().map_or(0.0, |bad| bad.probability);
        let bad = step.chance(chance);
        self.begin_round(if bad { BAD } else { 0 }, step);
    }

    fn begin_round(&self, nature: u64, step: &mut Step<'_, W>) {
        step.cancel(self.again);
        step.put(self.own.under_way, self.trouble.all);
        self.add_one(self.rounds.begun, step);
        step.set_count(self.nature, nature);
        step.set_count(self.place, 0);
        self.next_batch(step);
    }

    fn end_round(&self, how: Counter, step: &mut Step<'_, W>) {
        step.set_count(self.phase, IDLE);
        step.put(self.own.under_way, NodeSet::EMPTY);
        step.cancel(self.limit);
        step.cancel(self.job);
        self.add_one(how, step);
    }

    /// The next nodes that are up have their turn.
    fn next_batch(&self, step: &mut Step<'_, W>) {
        let up = step.get(self.trouble.up);
        let mut place = step.count(self.place) as usize;
        let mut nodes = NodeSet::EMPTY;
        while nodes.is_empty() && place < self.order.len() {
            let end = (place + self.batch).min(self.order.len());
            nodes = self.order[place..end]
                .iter()
                .copied()
                .collect::<NodeSet<W>>()
                & up;
            place = end;
        }
        step.set_count(self.place, place as u64);
        if nodes.is_empty() {
            self.end_round(self.rounds.completed, step);
            return;
        }
        let wrong = self.slip(nodes, step);
        step.put(self.own.wrong, wrong);
        self.stop(nodes | wrong, step);
    }

    /// The work hits a node besides those whose turn it is.
    fn slip(&self, right: NodeSet<W>, step: &mut Step<'_, W>) -> NodeSet<W> {
        let up = step.get(self.trouble.up);
        let others: Vec<Node> = self
            .order
            .iter()
            .copied()
            .filter(|node| up.contains(*node) && !right.contains(*node))
            .collect();
        let scripted = step.count(self.nature) & SCRIPTED != 0;
        if others.is_empty() || scripted || !step.chance(self.wrong_node) {
            return NodeSet::EMPTY;
        }
        NodeSet::single(others[step.choose(&vec![1.0; others.len()])])
    }

    /// An act of maintenance: what follows is planned unless a fault is at work.
    fn act(&self, step: &mut Step<'_, W>) {
        if !self.trouble.at_work(step) {
            step.plan();
            step.put(self.planned, self.trouble.all);
        }
    }

    fn stop(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        step.put(self.own.at_work, step.get(self.own.at_work) | nodes);
        step.put_private(self.stopped, nodes);
        self.act(step);
        step.set_count(self.phase, STOPPED);
        if self.work == Work::Reboot {
            step.order(Command::Nodes(NodeCommand::Hold, nodes));
        } else if self.takes == Delay::Fixed(Nanos::ZERO) {
            self.install(nodes, step);
            self.order(ProcessCommand::Restart, &self.processes, nodes, step);
            self.rest(step);
            return;
        } else {
            self.order(ProcessCommand::Stop, &self.processes, nodes, step);
        }
        step.arm(self.job, self.takes);
    }

    fn order(
        &self,
        command: ProcessCommand,
        processes: &[String],
        nodes: NodeSet<W>,
        step: &mut Step<'_, W>,
    ) {
        for process in processes {
            step.order(Command::Process(command, process.clone(), nodes));
        }
    }

    /// Puts the version of this round on the disks.
    fn install(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        let Some(bad) = self
            .bad
            .as_ref()
            .filter(|_| step.count(self.nature) & BAD != 0)
        else {
            return;
        };
        if step.get(self.own.bad).is_empty() {
            step.arm(bad.timer, bad.rollback);
        }
        step.put(self.own.bad, step.get(self.own.bad) | nodes);
        let command = match bad.shows {
            Shows::Useless => ProcessCommand::Spoil,
            Shows::Crash => ProcessCommand::SpoilStart,
        };
        if self.work == Work::Restart {
            self.order(command, &bad.processes, nodes, step);
        }
    }

    /// What was stopped may run again.
    fn start(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        if self.work == Work::Reboot {
            // A system that does not boot stays off until the old one is back.
            let boots = nodes - step.get(self.own.bad);
            step.order(Command::Nodes(NodeCommand::Release, boots));
            return;
        }
        for (process, _, _) in &self.affected {
            let order = Command::Process(ProcessCommand::Start, process.clone(), nodes);
            step.order(order);
        }
    }

    /// The work on these nodes is over; now the pause.
    fn rest(&self, step: &mut Step<'_, W>) {
        step.put_private(self.stopped, NodeSet::EMPTY);
        step.set_count(self.phase, PAUSE);
        step.arm_from(self.job, &self.pause, self.pause_stream);
    }

    fn job_done(&self, step: &mut Step<'_, W>) {
        match step.count(self.phase) {
            STOPPED => {
                let nodes = step.get(self.stopped);
                self.install(nodes, step);
                self.act(step);
                self.start(nodes, step);
                self.rest(step);
            }
            PAUSE if (step.count(self.place) as usize) < self.order.len() => {
                step.set_count(self.phase, CHECK);
                if self.check.is_some() {
                    step.arm(self.limit, self.gives_up);
                }
                self.look(step);
            }
            PAUSE => self.end_round(self.rounds.completed, step),
            _ => {}
        }
    }

    /// Goes on if the check holds.
    fn look(&self, step: &mut Step<'_, W>) {
        let holds = |test: &Test<W>| test.holds(step.state());
        if step.count(self.phase) == CHECK && self.check.as_ref().is_none_or(holds) {
            step.cancel(self.limit);
            self.next_batch(step);
        }
    }

    /// Takes the nodes off the list that are back at work, or broken.
    fn follow(&self, step: &mut Step<'_, W>) {
        let at_work = step.get(self.own.at_work);
        if at_work.is_empty() {
            return;
        }
        let mut back = step.get(self.trouble.up) - step.get(self.stopped);
        for (_, nodes, active) in &self.affected {
            back -= *nodes - step.get(*active);
        }
        let broken = at_work - step.get(self.trouble.healthy);
        step.put(self.own.at_work, at_work - back - broken);
    }

    /// The old version is back everywhere, and the round is over.
    fn roll_back(&self, step: &mut Step<'_, W>) {
        let nodes = step.get(self.own.bad);
        let stopped = step.get(self.stopped);
        step.put(self.own.bad, NodeSet::EMPTY);
        if self.work == Work::Reboot {
            step.order(Command::Nodes(NodeCommand::Release, nodes | stopped));
        } else if let Some(bad) = &self.bad {
            self.order(ProcessCommand::Mend, &bad.processes, nodes, step);
            self.order(
                ProcessCommand::Restart,
                &bad.processes,
                nodes - stopped,
                step,
            );
            self.start(stopped, step);
        }
        step.put_private(self.stopped, NodeSet::EMPTY);
        step.mark(crate::automaton::Mark::Restore);
        if step.count(self.phase) != IDLE {
            self.end_round(self.rounds.abandoned, step);
        }
    }
}

impl<const W: usize> Automaton<W> for Maintenance<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = self.trouble.reads();
        reads.extend(self.affected.iter().map(|(_, _, active)| *active));
        if let Some(check) = &self.check {
            check.signals(&mut reads);
        }
        reads
    }

    fn writes(&self) -> Vec<SetId> {
        let own = &self.own;
        vec![own.at_work, own.bad, own.wrong, own.under_way, self.planned]
    }

    fn commands(&self) -> Vec<&str> {
        vec!["node", "proc"]
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        step.arm_from(self.due, &self.first, self.first_stream);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        self.follow(step);
        self.look(step);
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        if timer == self.job {
            self.job_done(step);
        } else if timer == self.due {
            step.arm(self.due, self.every);
            self.due(step);
        } else if timer == self.again {
            self.due(step);
        } else if timer == self.limit {
            self.end_round(self.rounds.abandoned, step);
        } else {
            self.roll_back(step);
        }
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        let Command::Operator {
            protocol, action, ..
        } = command
        else {
            return;
        };
        let idle = step.count(self.phase) == IDLE;
        match action.as_str() {
            _ if *protocol != self.name || !idle => {}
            "begin" => self.begin_round(SCRIPTED, step),
            "begin_bad" if self.bad.is_some() => self.begin_round(SCRIPTED | BAD, step),
            _ => {}
        }
    }

    fn actions(&self) -> &[&'static str] {
        match self.bad {
            None => &["begin"],
            Some(_) => &["begin", "begin_bad"],
        }
    }
}
