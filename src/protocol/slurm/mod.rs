//! Slurm 22.05: one active controller, backups that wait for its silence.
//!
//! Sources: (SD) slurm.conf(5) and the administrator guides of 22.05; (SS) its
//! source (backup.c, heartbeat.c, controller.c, slurm_protocol_api.c); (M) measured
//! by this project's lab on 22.05.8, Debian 12 (`tests/data/measured/slurm.csv`);
//! (T) follows from the source, not measured.
//!
//! **Controllers**: the members in order are the SlurmctldHost lines. The first is
//! the primary, the others stand by. It is not multi-master, and it looks at no
//! floating address (M vip_moved_to_backup).
//!
//! **The heartbeat** in StateSaveLocation is written every min(T/4, 30 s), T =
//! SlurmctldTimeout, by the controller that acts (`state`: where that folder works).
//!
//! **A backup** pings all earlier controllers every T/3 (whole seconds; one that
//! cannot be connected costs TCPTimeout, once, in parallel). Any answer will do, of a
//! standby as well, so time-outs of several ranks do not add up. It takes over at the
//! first failed ping at which the last answer, and the heartbeat, are older than T in
//! whole seconds (SS run_backup). A crash of the process is noticed no faster than a
//! power-off (M kill9). So T=10: 9 to 14 s; T=20: 20 to 26; T=120: 90 to 162. A
//! heartbeat that still moves forbids it: a primary that is cut off and still writes
//! is never replaced, the folder is the arbiter (M isolated_primary). A heartbeat of a
//! later rank is not trusted: a backup that comes back takes control from a later
//! one, after T. One that cannot read the folder goes by the network alone (M
//! state_folder_lost). Before it acts it asks the other backups for control, which
//! costs TCPTimeout if one of them is off (M, third of four: 2.0 s).
//!
//! **An unreadable state folder**: at a take-over 22.05 starts with an EMPTY state:
//! waiting jobs are forgotten, running ones are killed 5.7 s later (M 17.2, 17.4 s);
//! without the database it ends instead ("no TRES", SS). Newer Slurm refuses
//! (`unreadable_state = "refuse"`), and looks at the heartbeat twice (SS). A daemon
//! that starts without the folder ends at once (T); systemd's rules for the process
//! decide what follows. A controller that loses the folder while it acts goes on.
//!
//! **The primary returns**: it asks the acting backups for control and has it 0.05 to
//! 1.3 s after its start (M). A backup that it cannot reach goes on: two controllers,
//! as also after a freeze, after a partition in which both sides took the other for
//! dead, or when the primary starts during those 2 s of a take-over; nothing in 22.05
//! resolves that (T). Sometimes (`give_back`) the backup hangs while
//! it gives back: the primary then needs 29 s, nobody answers meanwhile, and the hung
//! process writes heartbeats on: **the next failure of the primary has no take-over**,
//! until somebody restarts it (M 5 of 49). systemd sees nothing.
//!
//! **Clients** on the members take the first controller, in order, that accepts. A
//! standby makes them sleep T/2 and try again, up to 1.5 T: they hang. With c =
//! TCPTimeout for each dead host before it, tries come at c + k (T/2 + c): 16 s for
//! T=10, 126 or 188 for T=120 (M). A call that gives up is made again at once; after
//! two such calls only the phase of the tries is kept. If nobody accepts, commands
//! fail after MessageTimeout rounds of 1 s + c (M 29 and 149 s). A standby before the
//! one that acts makes clients hang as well (SS).
//!
//! **Compute nodes**: jobs go on without any controller (M). A slurmd that is silent
//! for SlurmdTimeout (pings every third of it: U(2/3,1) of it) is set DOWN, its jobs
//! are requeued. ReturnToService (SD): 0 stays DOWN until `resume`, 1 returns by
//! itself, 2 also after an unexpected reboot, which is DOWN otherwise.
//!
//! **slurmdbd** down: the controller goes on and queues its records.
//!
//! Signals: `NAME.controller` (acting and answering; two are a split brain),
//! `NAME.standby`, `NAME.taking_over` (on the way to control), `NAME.hung` (hung
//! while giving back), `NAME.forgetful` (acting on an empty state), `NAME.responding`
//! (members from which a command is answered, also one that has waited since the
//! trouble began), `NAME.hanging` (members from which it hangs), `NAME.compute`
//! (compute nodes whose slurmd works and that are in service), `NAME.down` (set
//! DOWN), `NAME.jobs_killed` (compute nodes whose jobs a forgetful controller has
//! killed), `NAME.queueing` (controllers without accounting).
//!
//! Operators: `resume` (scontrol update state=resume on what answers), `restart`
//! (the slurmctld that hang, or that act behind an earlier one).
//!
//! NOT modelled: jobs and queues, state lost because it is saved every 5 s (M 1 of
//! 12), `scontrol takeover`, clients outside the members, SlurmctldPrimaryOnProg,
//! the 90 s after which systemd kills a `Type=forking` unit that runs `slurmctld -D`
//! (`start_timeout` and `ready` of the process), the +2 s that each command costs
//! while the primary's host is off, federations.

mod backup;
mod clients;
mod compute;
mod control;
mod settings;

use super::optional_set::OptionalSet;
use super::{Protocol, Resolver, Site};
use crate::automaton::{Automaton, Blueprint, Command, Counters, Mark, Node, NodeSet, SetId, Sets, Step, Timer, TimerClass, Timers};
use crate::scenario::error::Result;
use crate::world::WorldSignals;
use crate::world::process::ProcessSignals;
use settings::Settings;

const ACTIONS: [&str; 2] = ["resume", "restart"];

/// The controllers of one cluster and its compute nodes.
pub struct Slurm<const W: usize> {
    name: String,
    process_name: String,
    /// The members by rank, and all before each.
    order: Vec<Node>,
    before: Vec<NodeSet<W>>,
    /// The rank of each member, by node.
    rank: Vec<usize>,
    members: NodeSet<W>,
    compute_nodes: NodeSet<W>,
    settings: Settings,
    state: OptionalSet<W>,
    accounting: OptionalSet<W>,
    world: WorldSignals,
    process: ProcessSignals,
    slurmd: Option<ProcessSignals>,
    slurmdbd: Option<ProcessSignals>,
    signals: Signals,
    own: Own,
    timers: SlurmTimers,
    /// Give-backs of each process.
    gave_back: Counters,
    /// Nanoseconds since the last answer, at the last or next ping, and what that ping costs.
    silent: Counters,
    ping_cost: Counters,
    stage: Counters,
    /// How long a client's call has lasted at its last try; calls that gave up.
    waited: Counters,
    calls: Counters,
    seen: Vec<(SetId, SetId)>,
    seen_reach: Sets,
    seen_state: SetId,
    seen_accounting: SetId,
}

/// What scenarios may name.
struct Signals {
    controller: SetId,
    standby: SetId,
    taking_over: SetId,
    hung: SetId,
    forgetful: SetId,
    responding: SetId,
    hanging: SetId,
    compute: SetId,
    down: SetId,
    jobs_killed: SetId,
    queueing: SetId,
}

/// What the daemons know, frozen ones too.
struct Own {
    acting: SetId,
    waits: SetId,
    /// Backups that have not pinged yet.
    fresh: SetId,
    /// No ping is played: the network is silent, and something else forbids a take-over.
    resigned: SetId,
    /// The heartbeat has been still for longer than the time-out; nearly so.
    stale: SetId,
    nearly_stale: SetId,
    /// Has seen the heartbeat stand still once.
    doubts: SetId,
    /// Something was due while the process stood still.
    overdue: SetId,
    /// Compute nodes that have lost power or kernel since slurmd last registered.
    rebooted: SetId,
    /// DOWN for another reason than silence.
    barred: SetId,
}

struct SlurmTimers {
    control: Timers,
    ping: Timers,
    verdict: Timers,
    heartbeat: Timers,
    purge: Timers,
    retry: Timers,
    down: Timers,
}

impl Signals {
    fn register<const W: usize>(
        name: &str,
        members: NodeSet<W>,
        compute: NodeSet<W>,
        blueprint: &mut Blueprint<W>,
    ) -> Signals {
        let mut signal = |what: &str, domain| blueprint.signal(&format!("{name}.{what}"), domain);
        Signals {
            controller: signal("controller", members),
            standby: signal("standby", members),
            taking_over: signal("taking_over", members),
            hung: signal("hung", members),
            forgetful: signal("forgetful", members),
            responding: signal("responding", members),
            hanging: signal("hanging", members),
            compute: signal("compute", compute),
            down: signal("down", compute),
            jobs_killed: signal("jobs_killed", compute),
            queueing: signal("queueing", members),
        }
    }
}

impl Own {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> Own {
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{what}"));
        Own {
            acting: set("acting"),
            waits: set("waits"),
            fresh: set("fresh"),
            resigned: set("resigned"),
            stale: set("stale"),
            nearly_stale: set("nearly_stale"),
            doubts: set("doubts"),
            overdue: set("overdue"),
            rebooted: set("rebooted"),
            barred: set("barred"),
        }
    }
}

impl SlurmTimers {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> SlurmTimers {
        let mut timers =
            |what: &str| blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Reaction);
        SlurmTimers {
            control: timers("control"),
            ping: timers("ping"),
            verdict: timers("verdict"),
            heartbeat: timers("heartbeat"),
            purge: timers("purge"),
            retry: timers("retry"),
            down: timers("slurmd_timeout"),
        }
    }
}

/// The process that the parameter names, if it names one.
fn optional_process(site: &Site<'_>, path: &str) -> Result<Option<ProcessSignals>> {
    if site.parameters.text(path)?.trim().is_empty() {
        return Ok(None);
    }
    site.process(path).map(Some)
}

/// The world's sets that matter here, each beside what it was last time.
fn watched<const W: usize>(
    name: &str,
    sources: &[SetId],
    blueprint: &mut Blueprint<W>,
) -> Vec<(SetId, SetId)> {
    sources
        .iter()
        .enumerate()
        .map(|(index, source)| {
            let seen = blueprint.private_set(&format!("{name}.seen_{index}"));
            (*source, seen)
        })
        .collect()
}

impl<const W: usize> Slurm<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let p = site.parameters;
        let (name, members) = (site.name, site.members());
        let compute_nodes = match p.set("compute")? {
            Some(_) => site.fixed_nodes("compute", blueprint)?,
            None => members,
        };
        let settings = Settings::read(site, blueprint)?;
        let process = site.process("process")?;
        let slurmd = optional_process(site, "slurmd")?;
        let slurmdbd = optional_process(site, "slurmdbd")?;
        let mut sources = vec![process.works, process.present, process.frozen];
        sources.extend([site.signals.running, site.signals.up]);
        sources.extend(slurmd.iter().chain(&slurmdbd).map(|p| p.works));
        let mut rank = vec![usize::MAX; blueprint.nodes()];
        for (index, node) in site.nodes.iter().enumerate() {
            rank[node.index()] = index;
        }
        let before = (0..site.nodes.len())
            .map(|rank| site.nodes[..rank].iter().copied().collect())
            .collect();
        let n = blueprint.nodes();
        Ok(Slurm {
            name: name.to_owned(),
            process_name: p.text("process")?.to_owned(),
            order: site.nodes.clone(),
            before,
            rank,
            members,
            compute_nodes,
            settings,
            state: OptionalSet::read(site, "state", members)?,
            accounting: OptionalSet::read(site, "accounting", members)?,
            world: site.signals,
            process,
            slurmd,
            slurmdbd,
            signals: Signals::register(name, members, compute_nodes, blueprint),
            own: Own::register(name, blueprint),
            timers: SlurmTimers::register(name, blueprint),
            gave_back: blueprint.counters(n),
            silent: blueprint.counters(n),
            ping_cost: blueprint.counters(n),
            stage: blueprint.counters(n),
            waited: blueprint.counters(n),
            calls: blueprint.counters(n),
            seen: watched(name, &sources, blueprint),
            seen_reach: blueprint.private_sets(&format!("{name}.seen_reach")),
            seen_state: blueprint.private_set(&format!("{name}.seen_state")),
            seen_accounting: blueprint.private_set(&format!("{name}.seen_accounting")),
        })
    }

    /// Daemons that run and are not frozen.
    #[inline]
    fn live(&self, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.process.works) & self.members
    }

    /// Nodes with a daemon, frozen or not, as far as this automaton knows.
    fn known(&self, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.own.acting)
            | step.get(self.own.waits)
            | step.get(self.signals.taking_over)
            | step.get(self.signals.hung)
    }

    fn rank(&self, node: Node) -> usize {
        self.rank[node.index()]
    }

    /// Nodes that packets from `from` get to and that run.
    fn reached(&self, from: Node, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.world.reach.at(from)) & step.get(self.world.running)
    }

    /// Controllers with a database beside them.
    fn accounted(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let there = self.accounting.value(step);
        match &self.slurmdbd {
            Some(slurmdbd) => there & step.get(slurmdbd.works),
            None => there,
        }
    }

    /// The state of a cluster that has been running for a long time.
    fn lay_out(&self, step: &mut Step<'_, W>) {
        let live = self.live(step);
        let first = self.order.iter().find(|node| live.contains(**node));
        let acting = first.map_or(NodeSet::EMPTY, |node| NodeSet::single(*node));
        step.put(self.own.acting, acting);
        step.put(self.own.waits, live - acting);
        let served = match first {
            Some(_) => step.get(self.world.running) & self.members,
            None => NodeSet::EMPTY,
        };
        step.put(self.signals.responding, served);
        self.show(step);
        let alive = self.slurmd_works(step);
        step.put(self.signals.compute, alive);
        self.remember(step);
    }

    /// Writes the signals that follow from what the daemons know.
    fn show(&self, step: &mut Step<'_, W>) {
        let live = self.live(step);
        let acting = step.get(self.own.acting) & live;
        step.put(self.signals.controller, acting);
        step.put(self.signals.standby, step.get(self.own.waits) & live);
        step.put(self.signals.queueing, acting - self.accounted(step));
        let forgetful = step.get(self.signals.forgetful) & step.get(self.own.acting);
        step.put(self.signals.forgetful, forgetful);
        if forgetful.is_empty() {
            step.put(self.signals.jobs_killed, NodeSet::EMPTY);
        }
    }

    /// Has anything changed that this automaton reads? Most calls end here.
    fn anything_new(&self, step: &Step<'_, W>) -> bool {
        self.seen
            .iter()
            .any(|(source, seen)| step.get(*source) != step.get(*seen))
            || self.state.value(step) != step.get(self.seen_state)
            || self.accounting.value(step) != step.get(self.seen_accounting)
            || self.members.iter().any(|node| {
                step.get(self.world.reach.at(node)) != step.get(self.seen_reach.at(node))
            })
    }

    fn remember(&self, step: &mut Step<'_, W>) {
        for (source, seen) in &self.seen {
            step.put_private(*seen, step.get(*source));
        }
        for node in self.members {
            step.put_private(
                self.seen_reach.at(node),
                step.get(self.world.reach.at(node)),
            );
        }
        step.put_private(self.seen_state, self.state.value(step));
        step.put_private(self.seen_accounting, self.accounting.value(step));
    }

    /// Brings everybody's view up to date.
    fn settle(&self, step: &mut Step<'_, W>) {
        self.show(step);
        for node in step.get(self.own.waits) {
            self.watch(node, step);
        }
        for node in self.members {
            self.serve(node, step);
        }
        self.follow_compute(step);
    }

    fn ran_out(&self, timer: Timer, step: &mut Step<'_, W>) {
        let t = &self.timers;
        if let Some(node) = t.ping.node(timer) {
            self.pinged(node, step);
        } else if let Some(node) = t.verdict.node(timer) {
            self.judge(node, step);
        } else if let Some(node) = t.heartbeat.node(timer) {
            self.heartbeat_ages(node, step);
        } else if let Some(node) = t.control.node(timer) {
            self.advance(node, step);
        } else if let Some(node) = t.retry.node(timer) {
            self.retried(node, step);
        } else if let Some(node) = t.purge.node(timer) {
            if step.has(self.signals.forgetful, node) {
                step.put(self.signals.jobs_killed, step.get(self.signals.compute));
            }
        } else if let Some(node) = t.down.node(timer) {
            self.set_down(node, step);
        }
    }
}

impl<const W: usize> Protocol<W> for Slurm<W> {
    fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        self.state.link(resolve)?;
        self.accounting.link(resolve)
    }

    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}

impl<const W: usize> Automaton<W> for Slurm<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads: Vec<SetId> = self.seen.iter().map(|(source, _)| *source).collect();
        reads.extend(self.members.iter().map(|node| self.world.reach.at(node)));
        self.state.signals(&mut reads);
        self.accounting.signals(&mut reads);
        reads
    }

    fn commands(&self) -> Vec<&str> {
        vec!["proc"]
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    // What the folder lies on may itself still be finding its initial state.
    fn begin_again(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    fn begun(&self, step: &mut Step<'_, W>) {
        self.settle(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        if self.anything_new(step) {
            self.follow_daemons(step);
            self.remember(step);
            self.settle(step);
        }
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        self.ran_out(timer, step);
        self.settle(step);
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        let Some((action, nodes)) = command.action_for(&self.name) else {
            return;
        };
        let all = nodes.is_empty();
        match action {
            "resume" => self.resume(if all { self.compute_nodes } else { nodes }, step),
            "restart" => self.restart(if all { self.members } else { nodes }, step),
            _ => return,
        }
        step.mark(Mark::Restore);
        self.settle(step);
    }

    fn actions(&self) -> &[&'static str] {
        &ACTIONS
    }
}
