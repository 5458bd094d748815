//! Processes on nodes, as systemd looks after them.
//!
//! Rules (systemd.service(5), systemd.unit(5), systemd 252):
//! * a unit in `requires` is started first; a unit whose requirement cannot be
//!   started is not started either; `after` orders starts without requiring;
//! * stopping a unit on purpose, and the automatic restart of a unit, stop and
//!   restart the units that require it; a crash alone does not;
//! * `Restart=` decides which ends lead to a new start after `RestartSec`;
//!   more than `StartLimitBurst` starts within `StartLimitIntervalSec` (a window
//!   that begins with its first start) and systemd gives up; a person can start
//!   the unit when the interval is over, because their starts count as well;
//! * `systemctl restart` is a stop and a start, also of the running units that
//!   require it. The process is gone for at least one event, so that everybody
//!   who watches it sees it go and come back;
//! * a program that does not heed SIGTERM (`heeds_stop`) goes on, and `systemctl stop`
//!   waits for it in vain: units like Debian's mariadb.service never send SIGKILL;
//! * a unit that is not ready after `TimeoutStartSec` is killed, which counts as
//!   an abnormal end.
//!
//! For each process five signals: `proc.X` (does its work), `proc.X.present`
//! (is in the process table), `proc.X.active` (what `systemctl is-active`
//! answers, blind to a frozen or useless process), `proc.X.frozen`, and
//! `proc.X.stopped` (its last end was an orderly stop).

use super::WorldSignals;
use super::pace::Pace;
use crate::automaton::evaluate::Set;
use crate::automaton::{
    Automaton, Blueprint, Command, Counters, Delay, Mark, Nanos, Node, NodeCommand, NodeSet,
    ProcessCommand, SetId, Step, Timer, TimerClass, Timers,
};
use crate::scenario::{ProcessSpec, RestartRule};

/// The signals of one process, which protocols may read.
#[derive(Clone, Copy, Debug)]
pub struct ProcessSignals {
    /// Nodes where it does its work.
    pub works: SetId,
    /// Nodes where it exists, working or not.
    pub present: SetId,
    /// Nodes where systemd calls it active.
    pub active: SetId,
    /// Nodes where it stands still.
    pub frozen: SetId,
    /// Nodes where its last end was an orderly stop.
    pub stopped: SetId,
}

impl ProcessSignals {
    /// Registers the signals of the process `name`.
    pub fn register<const W: usize>(
        blueprint: &mut Blueprint<W>,
        name: &str,
        nodes: NodeSet<W>,
    ) -> Self {
        let mut signal = |suffix: &str| blueprint.signal(&format!("proc.{name}{suffix}"), nodes);
        ProcessSignals {
            works: signal(""),
            present: signal(".present"),
            active: signal(".active"),
            frozen: signal(".frozen"),
            stopped: signal(".stopped"),
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// On purpose.
    Stopped,
    /// By a signal or a time-out.
    Abnormal,
    /// By itself, with an exit status other than 0.
    Failure,
}

/// Nodes with a version of a process that does not work; only scenarios in which
/// such versions are rolled out pay for it.
#[derive(Clone, Copy)]
struct Spoilt {
    /// It runs and does nothing useful.
    useless: SetId,
    /// It ends as soon as it has started.
    crashes: SetId,
}

struct Process<const W: usize> {
    name: String,
    nodes: NodeSet<W>,
    signals: ProcessSignals,
    /// Being started: the start delay runs, or it waits to be ready.
    starting: SetId,
    /// The start delay has run out; only readiness is missing.
    launched: SetId,
    /// Being stopped.
    stopping: SetId,
    /// Waits for the restart delay.
    resting: SetId,
    /// Waits for what it requires.
    queued: SetId,
    /// To be started again once it has stopped.
    again: SetId,
    spoilt: Option<Spoilt>,
    requires: Vec<usize>,
    after: Vec<usize>,
    required_by: Vec<usize>,
    /// The end of a start, a stop or a rest.
    job: Timers,
    timeout: Option<(Timers, Nanos)>,
    crash: Option<(Timers, Delay)>,
    /// How fast it comes to a crash of its own, where that depends on anything.
    failure_pace: Option<Pace<W>>,
    window: Timers,
    starts: Counters,
    start: Delay,
    stop: Delay,
    restart: RestartRule,
    restart_delay: Nanos,
    burst: u64,
    interval: Nanos,
    enabled: bool,
    ready: Option<Set<W>>,
    heeds_stop: Option<Set<W>>,
}

/// The automaton of all processes.
pub struct Processes<const W: usize> {
    up: SetId,
    running: SetId,
    seen_up: SetId,
    processes: Vec<Process<W>>,
}

impl<const W: usize> Processes<W> {
    /// The processes of a scenario; `signals` are theirs, in the same order.
    pub fn new(
        blueprint: &mut Blueprint<W>,
        world: &WorldSignals,
        specs: &[ProcessSpec],
        signals: &[ProcessSignals],
    ) -> Self {
        let find = |name: &String| specs.iter().position(|p| p.name == *name);
        let processes = specs
            .iter()
            .zip(signals)
            .map(|(spec, signals)| {
                let name = &spec.name;
                let mut set = |what: &str| blueprint.private_set(&format!("proc.{name}.{what}"));
                let (starting, launched) = (set("starting"), set("launched"));
                let (stopping, resting) = (set("stopping"), set("resting"));
                let (queued, again) = (set("queued"), set("again"));
                let purpose = |what: &str| format!("{name}.{what}");
                let crash = spec.failure.mean().is_finite().then(|| {
                    let timers = blueprint.timers_per_node(&purpose("crash"), TimerClass::Chance);
                    (timers, blueprint.delay(&spec.failure))
                });
                Process {
                    name: name.clone(),
                    nodes: spec.nodes.iter().map(|&i| Node(i as u16)).collect(),
                    signals: *signals,
                    starting,
                    launched,
                    stopping,
                    resting,
                    queued,
                    again,
                    spoilt: None,
                    requires: spec.requires.iter().filter_map(find).collect(),
                    after: spec.after.iter().filter_map(find).collect(),
                    required_by: (0..specs.len())
                        .filter(|&other| specs[other].requires.contains(name))
                        .collect(),
                    job: blueprint.timers_per_node(&purpose("job"), TimerClass::Reaction),
                    timeout: spec.start_timeout.map(|limit| {
                        let timers = blueprint
                            .timers_per_node(&purpose("start_timeout"), TimerClass::Reaction);
                        (timers, limit)
                    }),
                    crash,
                    window: blueprint
                        .timers_per_node(&purpose("start_limit"), TimerClass::Reaction),
                    starts: blueprint.counters(blueprint.nodes()),
                    start: blueprint.delay(&spec.start),
                    stop: blueprint.delay(&spec.stop),
                    restart: spec.restart,
                    restart_delay: spec.restart_delay,
                    burst: u64::from(spec.start_limit_burst),
                    interval: spec.start_limit_interval,
                    enabled: spec.enabled,
                    failure_pace: None,
                    ready: None,
                    heeds_stop: None,
                }
            })
            .collect();
        Processes {
            up: world.up,
            running: world.running,
            seen_up: blueprint.private_set("proc.seen_up"),
            processes,
        }
    }

    /// Tells a process on which nodes it obeys an orderly stop.
    pub fn set_heeds_stop(&mut self, index: usize, heeds: Set<W>) {
        self.processes[index].heeds_stop = Some(heeds);
    }

    /// Tells a process how fast it comes to its crashes.
    pub fn set_failure_pace(&mut self, index: usize, pace: Pace<W>) {
        self.processes[index].failure_pace = Some(pace);
    }

    /// Versions of a process may be installed that do not work.
    pub fn may_be_spoilt(&mut self, index: usize, blueprint: &mut Blueprint<W>) {
        let p = &mut self.processes[index];
        let mut set = |what: &str| blueprint.private_set(&format!("proc.{}.{what}", p.name));
        p.spoilt.get_or_insert(Spoilt {
            useless: set("useless"),
            crashes: set("crashes"),
        });
    }

    /// Tells a process on which nodes it may call itself ready.
    pub fn set_ready(&mut self, index: usize, ready: Set<W>) {
        self.processes[index].ready = Some(ready);
    }

    /// Lets crashes come as fast as they now should.
    fn follow_pace(&self, p: &Process<W>, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        if let (Some(pace), Some((timers, _))) = (&p.failure_pace, p.crash) {
            for node in nodes {
                step.pace(timers.at(node), pace.of(node, step.state()));
            }
        }
    }

    /// A unit is to be started: what it requires first.
    fn request_start(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let mut jobs = Vec::new();
        self.enqueue(index, node, &mut jobs, step);
        self.work_off(&jobs, node, step);
    }

    /// Queues a unit and all that it requires. Each is queued before any starts:
    /// who starts at once would else find the others missing, and units that
    /// several others require are visited once.
    fn enqueue(&self, index: usize, node: Node, jobs: &mut Vec<usize>, step: &mut Step<'_, W>) {
        let p = &self.processes[index];
        let busy = [p.signals.present, p.starting, p.stopping, p.queued];
        if !p.nodes.contains(node) || busy.iter().any(|id| step.has(*id, node)) {
            return;
        }
        step.insert(p.queued, node);
        step.remove(p.resting, node);
        step.cancel(p.job.at(node));
        for &required in &p.requires {
            self.enqueue(required, node, jobs, step);
        }
        jobs.push(index);
    }

    fn work_off(&self, jobs: &[usize], node: Node, step: &mut Step<'_, W>) {
        for &index in jobs {
            self.start_if_possible(index, node, step);
        }
    }

    /// Starts a queued unit if nothing that it waits for is still on its way.
    fn start_if_possible(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let p = &self.processes[index];
        if !step.has(p.queued, node) {
            return;
        }
        let on_its_way = |other: &Process<W>, step: &Step<'_, W>| {
            [other.starting, other.queued, other.stopping]
                .iter()
                .any(|id| step.has(*id, node))
        };
        let mut failed = false;
        for &required in &p.requires {
            let other = &self.processes[required];
            if step.has(other.signals.active, node) || !other.nodes.contains(node) {
                continue;
            }
            if on_its_way(other, step) {
                return;
            }
            failed = true;
        }
        if failed {
            step.remove(p.queued, node);
            self.tell_waiting(index, node, step);
            return;
        }
        if p.after
            .iter()
            .any(|&other| on_its_way(&self.processes[other], step))
        {
            return;
        }
        step.remove(p.queued, node);
        self.launch(index, node, step);
    }

    fn launch(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let p = &self.processes[index];
        if p.burst > 0 && !p.interval.eq(&Nanos::ZERO) {
            let starts = step.count(p.starts.at(node));
            if !step.is_armed(p.window.at(node)) {
                step.arm(p.window.at(node), Delay::Fixed(p.interval));
                step.set_count(p.starts.at(node), 1);
            } else if starts >= p.burst {
                self.tell_waiting(index, node, step);
                return;
            } else {
                step.set_count(p.starts.at(node), starts + 1);
            }
        }
        step.insert(p.starting, node);
        step.insert(p.signals.present, node);
        step.remove(p.signals.stopped, node);
        if let Some((timers, limit)) = p.timeout {
            step.arm(timers.at(node), Delay::Fixed(limit));
        }
        if p.start == Delay::Fixed(Nanos::ZERO) {
            self.launched(index, node, step);
        } else {
            step.arm(p.job.at(node), p.start);
        }
    }

    /// The program runs; without a readiness rule it is active at once.
    fn launched(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let p = &self.processes[index];
        if p.spoilt.is_some_and(|bad| step.has(bad.crashes, node)) {
            self.end(index, node, End::Failure, step);
            return;
        }
        step.insert(p.launched, node);
        if let Some((timers, delay)) = p.crash {
            step.arm(timers.at(node), delay);
            self.follow_pace(p, NodeSet::single(node), step);
        }
        self.update_works(p, step);
        step.mark(Mark::Restore);
        if p.ready.is_none() {
            self.become_active(index, node, step);
        }
    }

    fn become_active(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let p = &self.processes[index];
        step.remove(p.starting, node);
        step.insert(p.signals.active, node);
        if let Some((timers, _)) = p.timeout {
            step.cancel(timers.at(node));
        }
        self.tell_waiting(index, node, step);
    }

    /// A unit has finished its start, one way or the other: others may wait for that.
    fn tell_waiting(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        for (other, p) in self.processes.iter().enumerate() {
            if p.requires.contains(&index) || p.after.contains(&index) {
                self.start_if_possible(other, node, step);
            }
        }
    }

    /// An orderly stop, of the units that require this one first.
    fn request_stop(&self, index: usize, node: Node, again: bool, step: &mut Step<'_, W>) {
        let p = &self.processes[index];
        for &dependent in &p.required_by {
            let other = &self.processes[dependent];
            let alive = [other.signals.present, other.queued, other.resting];
            if alive.iter().any(|id| step.has(*id, node)) {
                self.request_stop(dependent, node, again, step);
            }
        }
        step.assign(p.again, node, again);
        step.remove(p.resting, node);
        step.remove(p.queued, node);
        if !step.has(p.signals.present, node) {
            step.cancel(p.job.at(node));
            self.stopped(index, node, step);
            return;
        }
        let deaf = p
            .heeds_stop
            .as_ref()
            .is_some_and(|heeds| !heeds.value(step.state()).contains(node));
        if step.has(p.stopping, node) || deaf {
            return;
        }
        step.remove(p.starting, node);
        step.remove(p.signals.active, node);
        step.insert(p.signals.stopped, node);
        step.insert(p.stopping, node);
        step.mark(Mark::Fault);
        self.update_works(p, step);
        if p.stop == Delay::Fixed(Nanos::ZERO) {
            self.stopped(index, node, step);
        } else {
            step.arm(p.job.at(node), p.stop);
        }
    }

    fn stopped(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        self.end(index, node, End::Stopped, step);
        let p = &self.processes[index];
        if step.has(p.again, node) {
            step.remove(p.again, node);
            step.insert(p.resting, node);
            step.arm(p.job.at(node), Delay::Fixed(Nanos::ZERO));
        }
    }

    /// The process is gone; the restart rule decides what follows.
    fn end(&self, index: usize, node: Node, how: End, step: &mut Step<'_, W>) {
        let p = &self.processes[index];
        self.clear(p, NodeSet::single(node), step);
        let again = match (how, p.restart) {
            (End::Stopped, _) | (_, RestartRule::No) => false,
            (End::Abnormal, _) => true,
            (End::Failure, rule) => rule != RestartRule::OnAbnormal,
        };
        if how != End::Stopped {
            step.mark(Mark::Fault);
        }
        if again {
            step.insert(p.resting, node);
            step.arm(p.job.at(node), Delay::Fixed(p.restart_delay));
        }
        self.tell_waiting(index, node, step);
    }

    /// Forgets everything about a process on these nodes.
    fn clear(&self, p: &Process<W>, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        for id in [
            p.signals.present,
            p.signals.active,
            p.signals.frozen,
            p.starting,
            p.launched,
            p.stopping,
            p.resting,
            p.queued,
        ] {
            step.put(id, step.get(id) - nodes);
        }
        for node in nodes {
            step.cancel(p.job.at(node));
            if let Some((timers, _)) = p.timeout {
                step.cancel(timers.at(node));
            }
            if let Some((timers, _)) = p.crash {
                step.cancel(timers.at(node));
            }
        }
        self.update_works(p, step);
    }

    fn update_works(&self, p: &Process<W>, step: &mut Step<'_, W>) {
        let able = step.get(p.launched) & step.get(p.signals.present) & step.get(self.running);
        let mut works = able - step.get(p.signals.frozen) - step.get(p.stopping);
        if let Some(bad) = p.spoilt {
            works -= step.get(bad.useless);
        }
        step.put(p.signals.works, works);
    }

    /// The restart delay is over. systemd restarts the unit and, with it, the
    /// running units that require it.
    fn rested(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let p = &self.processes[index];
        step.remove(p.resting, node);
        for &dependent in &p.required_by {
            if step.has(self.processes[dependent].signals.present, node) {
                self.request_stop(dependent, node, true, step);
            }
        }
        self.request_start(index, node, step);
    }

    fn fire_job(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let p = &self.processes[index];
        if step.has(p.stopping, node) {
            self.stopped(index, node, step);
        } else if step.has(p.resting, node) {
            self.rested(index, node, step);
        } else if step.has(p.starting, node) {
            self.launched(index, node, step);
        }
    }

    fn ordered(
        &self,
        order: ProcessCommand,
        index: usize,
        nodes: NodeSet<W>,
        step: &mut Step<'_, W>,
    ) {
        let p = &self.processes[index];
        if let Some(bad) = p.spoilt {
            install(order, bad, nodes & p.nodes, step);
        }
        for node in nodes & step.get(self.up) & p.nodes {
            let present = step.has(p.signals.present, node);
            match order {
                ProcessCommand::Kill(crate::automaton::KillTarget::Child) => {}
                ProcessCommand::Kill(_) if present => self.end(index, node, End::Abnormal, step),
                ProcessCommand::Exit if present => {
                    step.insert(p.signals.stopped, node);
                    self.end(index, node, End::Failure, step);
                }
                ProcessCommand::Stop => self.request_stop(index, node, false, step),
                ProcessCommand::Restart => self.request_stop(index, node, true, step),
                // The job waits until the unit has stopped.
                ProcessCommand::Start if step.has(p.stopping, node) => {
                    step.insert(p.again, node);
                }
                ProcessCommand::Start => self.request_start(index, node, step),
                ProcessCommand::Freeze if present => {
                    step.insert(p.signals.frozen, node);
                    step.mark(Mark::Fault);
                }
                ProcessCommand::Thaw if step.has(p.signals.frozen, node) => {
                    step.remove(p.signals.frozen, node);
                    step.mark(Mark::Restore);
                }
                _ => {}
            }
        }
        self.update_works(p, step);
    }
}

/// Another version lies on the disks of these nodes, whether they are up or not.
fn install<const W: usize>(
    order: ProcessCommand,
    bad: Spoilt,
    nodes: NodeSet<W>,
    step: &mut Step<'_, W>,
) {
    let (useless, crashes) = (step.get(bad.useless), step.get(bad.crashes));
    match order {
        ProcessCommand::Spoil => step.put_private(bad.useless, useless | nodes),
        ProcessCommand::SpoilStart => step.put_private(bad.crashes, crashes | nodes),
        ProcessCommand::Mend => {
            step.put_private(bad.useless, useless - nodes);
            step.put_private(bad.crashes, crashes - nodes);
        }
        _ => {}
    }
}

impl<const W: usize> Automaton<W> for Processes<W> {
    fn name(&self) -> &str {
        "proc"
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![self.up, self.running];
        for p in &self.processes {
            if let Some(ready) = &p.ready {
                ready.signals(&mut reads);
            }
            if let Some(pace) = &p.failure_pace {
                pace.signals(&mut reads);
            }
        }
        reads
    }

    fn writes(&self) -> Vec<SetId> {
        let signals = |p: &Process<W>| {
            let s = p.signals;
            [s.works, s.present, s.active, s.frozen, s.stopped]
        };
        self.processes.iter().flat_map(signals).collect()
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        let up = step.get(self.up);
        step.put(self.seen_up, up);
        for p in self.processes.iter().filter(|p| p.enabled) {
            let nodes = p.nodes & up;
            for id in [p.signals.present, p.signals.active, p.launched] {
                step.put(id, nodes);
            }
            for node in nodes {
                if let Some((timers, delay)) = p.crash {
                    step.arm(timers.at(node), delay);
                }
            }
            self.follow_pace(p, nodes, step);
            self.update_works(p, step);
        }
    }

    fn react(&self, step: &mut Step<'_, W>) {
        let (up, seen) = (step.get(self.up), step.get(self.seen_up));
        if up != seen {
            step.put(self.seen_up, up);
            let (lost, found) = (seen - up, up - seen);
            for p in &self.processes {
                self.clear(p, lost & p.nodes, step);
                for node in lost & p.nodes {
                    step.cancel(p.window.at(node));
                    step.set_count(p.starts.at(node), 0);
                }
            }
            for node in found {
                // One transaction: `after` also waits for units that are listed later.
                let mut jobs = Vec::with_capacity(self.processes.len());
                for index in 0..self.processes.len() {
                    if self.processes[index].enabled {
                        self.enqueue(index, node, &mut jobs, step);
                    }
                }
                self.work_off(&jobs, node, step);
            }
        }
        for (index, p) in self.processes.iter().enumerate() {
            self.update_works(p, step);
            self.follow_pace(p, step.get(p.launched), step);
            if let Some(ready) = &p.ready {
                let waiting = step.get(p.starting) & step.get(p.launched);
                for node in waiting & ready.value(step.state()) {
                    self.become_active(index, node, step);
                }
            }
        }
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        for (index, p) in self.processes.iter().enumerate() {
            if let Some(node) = p.job.node(timer) {
                return self.fire_job(index, node, step);
            }
            if let Some(node) = p.window.node(timer) {
                return step.set_count(p.starts.at(node), 0);
            }
            let crashed = p.crash.and_then(|(timers, _)| timers.node(timer));
            let too_late = p.timeout.and_then(|(timers, _)| timers.node(timer));
            if let Some(node) = crashed.or(too_late) {
                return self.end(index, node, End::Abnormal, step);
            }
        }
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        match command {
            Command::Process(order, name, nodes) => {
                for (index, p) in self.processes.iter().enumerate() {
                    if p.name == *name {
                        self.ordered(*order, index, *nodes, step);
                    }
                }
            }
            // An orderly shutdown of the machine stops every unit on it first; the
            // nodes themselves have heard the order before and are already down.
            Command::Nodes(NodeCommand::Stop | NodeCommand::Hold, nodes) => {
                for p in &self.processes {
                    let running = *nodes & step.get(p.signals.present);
                    step.put(p.signals.stopped, step.get(p.signals.stopped) | running);
                }
            }
            _ => {}
        }
    }
}
