//! Keepalived 2.2: a virtual address that moves between nodes by VRRP.
//!
//! Sources: (KS) keepalived source, tag v2.2.7; (KM) keepalived.conf(5) of 2.2.7;
//! (M) measured by this project's lab on keepalived 2.2.7, Debian 12
//! (`tests/data/measured/keepalived.csv`). RFC 3768 (version 2) and RFC 5798
//! (version 3) describe the protocol; where the daemon differs, the daemon counts.
//!
//! **Election.** A holder (MASTER) sends an advertisement every `advert_int` = a
//! from the moment it becomes holder. A backup restarts its timer, 3a + skew, on
//! every advertisement that it accepts: of its own priority or more, or any with
//! `nopreempt` or within `preempt_delay`. The skew is (256 - priority)/256 s in
//! version 2, times a in version 3 (KS VRRP_TIMER_SKEW_CALC). A lower
//! advertisement is discarded and the timer goes on: pre-emption waits for the
//! backup's own full timer (KS vrrp_state_backup; M 3, 5a). An advertisement of
//! priority 0 (a graceful leave) leaves the backups their skew only (M 2). A
//! holder that hears a higher one (or an equal one of a higher address: later in
//! the list of members) steps down at once; one that hears a lower one answers at
//! once, so two holders that meet are one again at the next advertisement of
//! either (KS vrrp_state_master_rx; M 7).
//!
//! **States.** A daemon starts as BACKUP with a full timer, `state MASTER` or
//! not; left-over addresses are removed first (KS vrrp_init_state; M 9, 6).
//! `state MASTER` only clears `nopreempt` and `preempt_delay` (M 5m). Loss of
//! carrier, or a failed check script without weight, makes FAULT: no address, no
//! votes; then BACKUP with a full timer again.
//!
//! **Daemon.** SIGTERM, an orderly shutdown of the node, and SIGKILL of the
//! parent alone are graceful (the child has a death signal) (M 2, 6_parent).
//! SIGKILL of the child alone: silent, respawned after 30..230 ms as BACKUP (M
//! 6_child). SIGKILL of both, which is also how a crash of the process counts:
//! silent, and **the address stays on the node** until the node goes down or
//! the daemon starts again (M 6_both). SIGSTOP, a frozen node and an isolated one
//! keep the address as well (M 6b, 7b); after SIGCONT the queued advertisements
//! are read at once.
//!
//! **Check script**: see `script.rs`.
//!
//! Signals: the `address` itself (nodes that have it *configured*: two members
//! are a split brain), `NAME.master`, `NAME.backup`, `NAME.fault` (what each
//! daemon believes, a frozen one included), `NAME.demoted` (the script counts as
//! failed: lower priority, or FAULT where it has no weight).
//!
//! How time is kept without a clock: a backup that hears an accepted holder runs
//! no timer. When it stops to hear or to accept the holder, the holder's rhythm is
//! played: its next advertisement is due after U(0,a), and the backup's timer ends
//! 2a and its skew later. All backups of one holder share that rhythm as long as
//! any of them depends on it, whether they lose it together or one by one. Own full
//! timers are a wait of 3a, then the skew, so that a change of priority in between
//! shifts them.
//!
//! NOT modelled: the transient second holder of a loaded machine (the skews of
//! neighbouring priorities are 3.9 ms apart; seen in 11 of 118 trials with
//! ordinary scheduling); priority 255 (address owner); address owners by IPv6;
//! a lost single packet; sync groups; unicast peers; gratuitous ARP that a switch
//! ignores; a backup whose path heals during the very skew in which it would take
//! over; a rise of priority within that skew (78 ms at most for -20).

mod election;
mod script;
mod settings;

use super::{Protocol, Resolver, Site};
use crate::automaton::{Automaton, Blueprint, Command, Counters, Delay, KillTarget, Mark, Nanos, Node, NodeSet, ProcessCommand, SetId, Sets, Step, Timer, TimerClass, Timers};
use crate::scenario::error::Result;
use crate::world::WorldSignals;
use crate::world::process::ProcessSignals;
use script::Script;
use settings::Settings;

/// One virtual router on several nodes.
pub struct Keepalived<const W: usize> {
    name: String,
    process_name: String,
    members: NodeSet<W>,
    settings: Settings,
    script: Option<Script<W>>,
    world: WorldSignals,
    process: ProcessSignals,
    /// Nodes that have the address configured.
    address: SetId,
    master: SetId,
    backup: SetId,
    fault: SetId,
    /// Daemons that have not reached their first state yet.
    starting: SetId,
    /// Of these, the ones that have removed left-over addresses.
    flushed: SetId,
    /// Backups that hear a holder whose advertisements they accept.
    held: SetId,
    /// Backups whose holder's next advertisement is not due yet.
    mourning: SetId,
    /// Nodes whose timer ran out while they were frozen.
    overdue: SetId,
    /// Backups whose `preempt_delay` is over.
    impatient: SetId,
    /// The holder that a backup heard last, plus one; 0 for none. A holder keeps
    /// the one after whose silence it took over: that fixes their phases.
    heard: Counters,
    /// The priority with which the running skew was reckoned.
    skewed_by: Counters,
    /// By holder: its next advertisement is due.
    beat: Timers,
    /// By holder: until two that can hear each other have done so.
    meet: Timers,
    /// By backup: own full timer, without the skew.
    wait: Timers,
    skew: Timers,
    /// From becoming holder to having the address.
    take: Timers,
    boot: Timers,
    /// From the loss of carrier to FAULT.
    link: Timers,
    patience: Timers,
    seen: Seen,
}

/// What the world looked like last time.
#[derive(Clone, Copy)]
struct Seen {
    works: SetId,
    up: SetId,
    present: SetId,
    carrier: SetId,
    pass: SetId,
    hang: SetId,
    reach: Sets,
}

impl Seen {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> Seen {
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.seen_{what}"));
        Seen {
            works: set("works"),
            up: set("up"),
            present: set("present"),
            carrier: set("carrier"),
            pass: set("pass"),
            hang: set("hang"),
            reach: blueprint.private_sets(&format!("{name}.seen_reach")),
        }
    }
}

impl<const W: usize> Keepalived<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let members = site.members();
        let settings = Settings::read(site, blueprint)?;
        let script = Script::read(site, blueprint, members)?;
        let process = site.process("process")?;
        let name = site.name;
        let address = blueprint.signal(&settings::address_name(site, blueprint)?, members);
        let mut signal = |what: &str| blueprint.signal(&format!("{name}.{what}"), members);
        let (master, backup, fault) = (signal("master"), signal("backup"), signal("fault"));
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{what}"));
        let (starting, flushed) = (set("starting"), set("flushed"));
        let (held, mourning) = (set("held"), set("mourning"));
        let (overdue, impatient) = (set("overdue"), set("impatient"));
        let seen = Seen::register(name, blueprint);
        let mut timers =
            |what: &str| blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Reaction);
        Ok(Keepalived {
            name: name.to_owned(),
            process_name: site.parameters.text("process")?.to_owned(),
            members,
            settings,
            script,
            world: site.signals,
            process,
            address,
            master,
            backup,
            fault,
            starting,
            flushed,
            held,
            mourning,
            overdue,
            impatient,
            beat: timers("silence"),
            meet: timers("meet"),
            wait: timers("wait"),
            skew: timers("skew"),
            take: timers("take"),
            boot: timers("start"),
            link: timers("link"),
            patience: timers("preempt_delay"),
            heard: blueprint.counters(blueprint.nodes()),
            skewed_by: blueprint.counters(blueprint.nodes()),
            seen,
        })
    }

    /// Daemons that hear and speak.
    #[inline]
    fn live(&self, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.process.works) & self.members
    }

    /// Nodes with a daemon, frozen or not, as far as this automaton knows.
    fn known(&self, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.master)
            | step.get(self.backup)
            | step.get(self.fault)
            | step.get(self.starting)
    }

    /// The state of a cluster that has been running for a long time.
    fn lay_out(&self, step: &mut Step<'_, W>) {
        let live = self.live(step);
        if let Some(script) = &self.script {
            let failed = live - script.passing(step);
            step.put(script.failing, failed);
        }
        let mut able = live & step.get(self.world.carrier);
        if let Some(script) = &self.script
            && script.weightless
        {
            able -= step.get(script.failing);
        }
        let best = able.iter().max_by_key(|node| self.rank(*node, step));
        let holder = best.map_or(NodeSet::EMPTY, NodeSet::single);
        step.put(self.address, holder);
        step.put(self.master, holder);
        step.put(self.backup, able - holder);
        step.put(self.held, able - holder);
        step.put(self.fault, live - able);
        for backup in able - holder {
            step.set_count(
                self.heard.at(backup),
                best.map_or(0, |node| u64::from(node.0) + 1),
            );
        }
        self.remember(step);
    }

    /// Has anything changed that this automaton reads? Most calls end here.
    fn anything_new(&self, step: &Step<'_, W>) -> bool {
        let same = |now: NodeSet<W>, seen: SetId| now & self.members == step.get(seen);
        let same_checks = self.script.as_ref().is_none_or(|script| {
            same(script.passing(step), self.seen.pass) && same(script.hanging(step), self.seen.hang)
        });
        let world = same_checks
            && same(step.get(self.process.works), self.seen.works)
            && same(step.get(self.process.present), self.seen.present)
            && same(step.get(self.world.up), self.seen.up)
            && same(step.get(self.world.carrier), self.seen.carrier);
        let paths = |node: Node| {
            same(
                step.get(self.world.reach.at(node)),
                self.seen.reach.at(node),
            )
        };
        !(world && self.members.iter().all(paths))
    }

    fn remember(&self, step: &mut Step<'_, W>) {
        let world = [
            (self.process.works, self.seen.works),
            (self.process.present, self.seen.present),
            (self.world.up, self.seen.up),
            (self.world.carrier, self.seen.carrier),
        ];
        for (now, seen) in world {
            step.put(seen, step.get(now) & self.members);
        }
        for node in self.members {
            step.put(
                self.seen.reach.at(node),
                step.get(self.world.reach.at(node)) & self.members,
            );
        }
        if let Some(script) = &self.script {
            step.put(self.seen.pass, script.passing(step) & self.members);
            step.put(self.seen.hang, script.hanging(step) & self.members);
        }
    }

    /// Daemons that have ended, started or woken up since the last look.
    fn follow_daemons(&self, step: &mut Step<'_, W>) {
        let (works, seen) = (self.live(step), step.get(self.seen.works));
        let up = step.get(self.world.up);
        let known = self.known(step);
        for node in known - works {
            // systemd sends SIGCONT after SIGTERM, so a frozen daemon leaves as well.
            let heeds = seen.contains(node) || step.has(self.world.running, node);
            if heeds && step.has(self.process.stopped, node) {
                self.leave(node, step);
                self.forget(node, false, step);
            } else if !step.has(self.process.present, node) {
                // Killed: nobody is told, and nobody takes the address away.
                self.forget(node, up.contains(node), step);
            }
        }
        step.put(self.address, step.get(self.address) & up);
        for node in works - seen {
            if known.contains(node) {
                self.thaw(node, step);
            } else {
                step.insert(self.starting, node);
                step.arm(self.boot.at(node), self.settings.start_flush);
            }
        }
    }

    /// A frozen daemon goes on: what was due meanwhile is done now.
    fn thaw(&self, node: Node, step: &mut Step<'_, W>) {
        if step.has(self.overdue, node) {
            step.remove(self.overdue, node);
            let late = if step.has(self.starting, node) {
                self.boot
            } else {
                self.skew
            };
            step.arm(late.at(node), Delay::Fixed(Nanos::ZERO));
        }
        if step.has(self.master, node) {
            self.meet_after(node, self.settings.thaw, step);
        }
    }

    /// FAULT follows the loss of carrier, BACKUP its return.
    fn follow_links(&self, step: &mut Step<'_, W>) {
        let carrier = step.get(self.world.carrier);
        for node in self.live(step) & (self.known(step) - step.get(self.starting)) {
            let link = self.link.at(node);
            if carrier.contains(node) {
                step.cancel(link);
                if step.has(self.fault, node) && !self.script_forbids(node, step) {
                    step.remove(self.fault, node);
                    step.insert(self.backup, node);
                }
            } else if !step.has(self.fault, node) && !step.is_armed(link) {
                step.arm(link, self.settings.carrier_loss);
            }
        }
    }

    fn enter_fault(&self, node: Node, step: &mut Step<'_, W>) {
        self.leave(node, step);
        self.drop_roles(node, step);
        step.remove(self.address, node);
        step.insert(self.fault, node);
    }

    /// A new daemon (or child) gets ready: first it removes a left-over address.
    fn booted(&self, node: Node, step: &mut Step<'_, W>) {
        if !step.has(self.process.works, node) {
            step.insert(self.overdue, node);
            return;
        }
        step.remove(self.address, node);
        if !step.has(self.flushed, node) {
            step.insert(self.flushed, node);
            step.arm(self.boot.at(node), self.settings.start_settle);
            return;
        }
        step.remove(self.starting, node);
        step.remove(self.flushed, node);
        self.first_check(node, step);
        let able = step.has(self.world.carrier, node) && !self.script_forbids(node, step);
        step.insert(if able { self.backup } else { self.fault }, node);
    }

    /// Forgets a daemon that has ended. Its address may stay behind.
    fn forget(&self, node: Node, keep_address: bool, step: &mut Step<'_, W>) {
        self.drop_roles(node, step);
        for id in [self.fault, self.starting, self.flushed] {
            step.remove(id, node);
        }
        step.cancel(self.boot.at(node));
        step.cancel(self.link.at(node));
        if !keep_address {
            step.remove(self.address, node);
        }
        if let Some(script) = &self.script {
            script.forget(node, step);
        }
    }

    /// SIGKILL of one of the two processes, which the process table does not know.
    fn killed(&self, target: KillTarget, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        for node in nodes & self.known(step) & step.get(self.seen.works) {
            let present = step.has(self.process.present, node);
            match target {
                KillTarget::Parent if !present => {
                    self.leave(node, step);
                    self.forget(node, false, step);
                }
                KillTarget::Child if step.has(self.process.works, node) => {
                    self.forget(node, true, step);
                    step.insert(self.starting, node);
                    step.insert(self.flushed, node);
                    step.arm(self.boot.at(node), self.settings.respawn);
                    step.mark(Mark::Fault);
                }
                _ => {}
            }
        }
    }

    fn ran_out(&self, timer: Timer, step: &mut Step<'_, W>) {
        if let Some(holder) = self.beat.node(timer) {
            self.beats(holder, step);
        } else if let Some(node) = self.skew.node(timer) {
            self.skew_is_over(node, step);
        } else if let Some(node) = self.take.node(timer) {
            step.insert(self.address, node);
        } else if let Some(node) = self.wait.node(timer) {
            self.arm_skew(node, step);
        } else if let Some(node) = self.meet.node(timer) {
            self.met(node, step);
        } else if let Some(node) = self.boot.node(timer) {
            self.booted(node, step);
        } else if let Some(node) = self.link.node(timer) {
            if step.has(self.process.works, node) {
                self.enter_fault(node, step);
            }
        } else if let Some(node) = self.patience.node(timer) {
            step.insert(self.impatient, node);
        } else if let Some(script) = &self.script
            && let Some(node) = script.check.node(timer)
        {
            self.checked(script, node, step);
        }
    }
}

impl<const W: usize> Protocol<W> for Keepalived<W> {
    fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        match &mut self.script {
            Some(script) => script.link(resolve),
            None => Ok(()),
        }
    }

    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}

impl<const W: usize> Automaton<W> for Keepalived<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![
            self.process.works,
            self.process.present,
            self.world.up,
            self.world.carrier,
        ];
        reads.extend(self.members.iter().map(|node| self.world.reach.at(node)));
        if let Some(script) = &self.script {
            script.signals(&mut reads);
        }
        reads
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    // What the script sees may itself still be finding its initial state.
    fn begin_again(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        if self.anything_new(step) {
            self.follow_daemons(step);
            self.follow_links(step);
            self.watch_checks(step);
            self.remember(step);
            self.settle(step);
        }
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        self.ran_out(timer, step);
        self.settle(step);
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        if let Command::Process(ProcessCommand::Kill(target), name, nodes) = command
            && *name == self.process_name
            && *target != KillTarget::All
        {
            self.killed(*target, *nodes, step);
            self.settle(step);
        }
    }
}
