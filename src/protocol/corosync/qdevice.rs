//! corosync-qdevice on each member, and qnetd somewhere else.
//!
//! * A ring that forms waits for its devices: each member reports the ring to qnetd and
//!   keeps the vote that it had until the answer is there (votequorum.c
//!   `votequorum_sync_init`: flags stay), or, where qnetd does not answer, for
//!   `sync_timeout`. What the members are told of quorum changes only then.
//! * qnetd drops who has not been heard of for 1.5 heartbeats (of 0.8 * `timeout`); a
//!   process that ends on a machine that is there closes its connection at once. Until
//!   then the last report of a dead member stands, and those who were in a ring with it
//!   wait.
//! * A member that hears nothing of qnetd notices at the second heartbeat, 8 to 16 s
//!   with the defaults, and loses its vote; with `lms`, while it is quorate and
//!   `wait_for_all` is on, it keeps it. It connects again when it can.
//! * **ffsplit** (`qnetd-algo-ffsplit.c`): decides for all once the reports agree: more
//!   than half of all members gets the votes, half of them if no other half has more
//!   connected members or, at a tie, the member of the tie-breaker.
//! * **lms** (`qnetd-algo-lms.c`): decides for each member by itself. As long as the
//!   reports of its ring, or of those who still count it to theirs, differ from its own,
//!   it asks again after a quarter of a heartbeat (2 s): so both sides of a split can be
//!   quorate for that long. If all reports agree, it votes; else for the ring with most
//!   connected members, and at a tie for that of the tie-breaker. Who has just connected
//!   does not take the vote from another ring that has it.
//!
//! Not modelled: heuristics, keep_active_partition_tie_breaker, 2nodelms, test; a qnetd
//! process that ends on a machine that goes on (it is noticed like silence here, at once
//! in reality); the longer heartbeats while a ring forms.

use super::votes::Votes;
use crate::automaton::{
    Blueprint, Delay, Node, NodeSet, SetId, Sets, Step, Timer, TimerClass, Timers,
};
use crate::protocol::optional_set::OptionalSet;

/// How qnetd decides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    FiftyFifty,
    LastManStanding,
}

/// The member that a tie goes to.
#[derive(Clone, Copy)]
pub enum Preferred {
    Lowest,
    Highest,
    Member(Node),
}

/// The parameters of a device.
pub struct DeviceSettings {
    pub algorithm: Algorithm,
    pub votes: u64,
    pub tie_breaker: Preferred,
    /// Until a member notices that qnetd is silent, and qnetd that a member is.
    pub lost: Delay,
    pub dropped: Delay,
    pub again: Delay,
    pub sync: Delay,
    pub answer: Delay,
    pub connect: Delay,
    /// Is wait_for_all on by name?
    pub wait_for_all: bool,
}

/// Where qnetd is.
pub struct Server<const W: usize> {
    /// Nodes that may reach it.
    pub reach: OptionalSet<W>,
    /// A node of the scenario, with the set of nodes where it can work.
    pub host: Option<(Node, SetId)>,
    /// The paths of the network.
    pub paths: Sets,
}

impl<const W: usize> Server<W> {
    /// Nodes that reach a working qnetd.
    pub fn value(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let reach = self.reach.value(step);
        match self.host {
            None => reach,
            Some((host, works)) if step.has(works, host) => {
                reach & step.get(self.paths.at(host))
            }
            Some(_) => NodeSet::EMPTY,
        }
    }

    /// The signals that this depends on.
    pub fn signals(&self, found: &mut Vec<SetId>) {
        self.reach.signals(found);
        if let Some((host, works)) = self.host {
            found.extend([works, self.paths.at(host)]);
        }
    }
}

/// The devices of all members and the server.
pub struct Device<const W: usize> {
    settings: DeviceSettings,
    members: NodeSet<W>,
    pub server: Server<W>,
    /// Members that qnetd takes for connected, and those that take themselves for it.
    held: SetId,
    trusting: SetId,
    /// Members whose new ring waits for the device.
    pub waiting: SetId,
    /// Members that have been given or denied votes since they connected; given.
    judged: SetId,
    given: SetId,
    reported: Sets,
    report: Timers,
    lost: Timers,
    dropped: Timers,
    again: Timers,
    connect: Timers,
    sync: Timers,
}

/// What is known of the members at a change.
#[derive(Clone, Copy)]
pub struct Scene<const W: usize> {
    /// Run and answer.
    pub answering: NodeSet<W>,
    /// Have a process, though it may stand still.
    pub present: NodeSet<W>,
    /// Have a running kernel, which closes the connections of a process that ends.
    pub up: NodeSet<W>,
}

impl<const W: usize> Device<W> {
    /// Registers the state of the devices.
    pub fn new(
        name: &str,
        settings: DeviceSettings,
        members: NodeSet<W>,
        server: Server<W>,
        blueprint: &mut Blueprint<W>,
    ) -> Self {
        let mut each = |what: &str| {
            blueprint.timers_per_node(&format!("{name}.qdevice_{what}"), TimerClass::Reaction)
        };
        let (report, lost, dropped) = (each("report"), each("lost"), each("dropped"));
        let (again, connect, sync) = (each("again"), each("connect"), each("sync"));
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.qdevice_{what}"));
        Device {
            settings,
            members,
            server,
            held: set("held"),
            trusting: set("trusting"),
            waiting: set("waiting"),
            judged: set("judged"),
            given: set("given"),
            reported: blueprint.private_sets(&format!("{name}.qdevice_reported")),
            report,
            lost,
            dropped,
            again,
            connect,
            sync,
        }
    }

    /// All that reach qnetd have long been connected, in these rings, and have its votes
    /// if they get them.
    pub fn begin(
        &self,
        answering: NodeSet<W>,
        rings: impl Fn(Node, &Step<'_, W>) -> NodeSet<W>,
        votes: &Votes<W>,
        step: &mut Step<'_, W>,
    ) {
        let connected = self.server.value(step) & answering;
        for id in [self.held, self.trusting, self.judged] {
            step.put_private(id, connected);
        }
        step.put_private(self.waiting, NodeSet::EMPTY);
        for node in self.members {
            let ring = if connected.contains(node) {
                rings(node, step)
            } else {
                NodeSet::EMPTY
            };
            step.put_private(self.reported.at(node), ring);
            for timers in [self.report, self.lost, self.dropped, self.again, self.connect, self.sync] {
                step.cancel(timers.at(node));
            }
        }
        let given: NodeSet<W> = connected
            .iter()
            .filter(|node| self.verdict(*node, step) == Some(true))
            .collect();
        step.put_private(self.given, given);
        for node in self.members {
            step.assign(votes.cast, node, given.contains(node));
        }
    }

    fn note(&self, id: SetId, node: Node, member: bool, step: &mut Step<'_, W>) {
        let now = step.get(id);
        let next = if member { now.with(node) } else { now.without(node) };
        step.put_private(id, next);
    }

    /// Starts and stops the clocks after a change of who runs and who reaches qnetd.
    pub fn follow(&self, scene: Scene<W>, step: &mut Step<'_, W>) {
        let reach = self.server.value(step);
        for node in self.members {
            let there = scene.answering.contains(node);
            let reaches = there && reach.contains(node);
            let (held, trusts) = (step.has(self.held, node), step.has(self.trusting, node));
            if !scene.present.contains(node) {
                self.process_is_gone(node, held && scene.up.contains(node) && reach.contains(node), step);
            }
            if held && !reaches && step.has(self.held, node) {
                self.start(self.dropped.at(node), self.settings.dropped, step);
            }
            if there && trusts && !reaches && !step.has(self.waiting, node) {
                self.start(self.lost.at(node), self.settings.lost, step);
            }
            if !reaches {
                step.cancel(self.connect.at(node));
            } else if held && trusts {
                step.cancel(self.dropped.at(node));
                step.cancel(self.lost.at(node));
            } else {
                self.start(self.connect.at(node), self.settings.connect, step);
            }
        }
    }

    fn start(&self, timer: Timer, delay: Delay, step: &mut Step<'_, W>) {
        if !step.is_armed(timer) {
            step.arm(timer, delay);
        }
    }

    fn process_is_gone(&self, node: Node, closes: bool, step: &mut Step<'_, W>) {
        self.note(self.trusting, node, false, step);
        self.note(self.waiting, node, false, step);
        for timers in [self.report, self.lost, self.again, self.connect, self.sync] {
            step.cancel(timers.at(node));
        }
        if closes {
            self.drop_session(node, step);
        }
    }

    /// qnetd no longer knows a member.
    fn drop_session(&self, node: Node, step: &mut Step<'_, W>) {
        for id in [self.held, self.judged, self.given] {
            self.note(id, node, false, step);
        }
        step.put_private(self.reported.at(node), NodeSet::EMPTY);
        step.cancel(self.dropped.at(node));
        step.cancel(self.again.at(node));
    }

    /// A process has started: it connects at once.
    pub fn comes_up(&self, node: Node, step: &mut Step<'_, W>) {
        if self.server.value(step).contains(node) {
            self.drop_session(node, step);
            step.arm(self.connect.at(node), self.settings.answer);
        }
    }

    /// A ring has formed.
    pub fn ring_formed(&self, ring: NodeSet<W>, step: &mut Step<'_, W>) {
        let reach = self.server.value(step);
        for node in ring & step.get(self.trusting) {
            self.note(self.waiting, node, true, step);
            step.arm(self.sync.at(node), self.settings.sync);
            step.cancel(self.lost.at(node));
            if reach.contains(node) {
                step.arm(self.report.at(node), self.settings.answer);
            }
        }
    }

    /// A timer has run out; false if it was none of the device.
    pub fn fire(&self, timer: Timer, votes: &Votes<W>, step: &mut Step<'_, W>) -> bool {
        if let Some(node) = self.connect.node(timer) {
            self.drop_session(node, step);
            self.note(self.held, node, true, step);
            self.note(self.trusting, node, true, step);
            step.arm(self.report.at(node), self.settings.answer);
        } else if let Some(node) = self.report.node(timer) {
            if self.server.value(step).contains(node) && step.has(self.held, node) {
                step.put_private(self.reported.at(node), votes.ring(node, step));
                self.decide(node, votes, step);
            }
        } else if let Some(node) = self.again.node(timer) {
            self.decide(node, votes, step);
        } else if let Some(node) = self.dropped.node(timer) {
            self.drop_session(node, step);
            if let (Algorithm::FiftyFifty, Some(any)) =
                (self.settings.algorithm, step.get(self.held).first())
            {
                self.decide(any, votes, step);
            }
        } else if let Some(node) = self.lost.node(timer) {
            self.note(self.trusting, node, false, step);
            let keeps = self.settings.algorithm == Algorithm::LastManStanding
                && self.settings.wait_for_all
                && step.has(votes.quorate, node);
            self.tell(node, keeps && step.has(votes.cast, node), votes, step);
        } else if let Some(node) = self.sync.node(timer) {
            self.note(self.trusting, node, false, step);
            self.tell(node, false, votes, step);
        } else {
            return false;
        }
        true
    }

    /// qnetd decides after news of a member: for it, or for all.
    fn decide(&self, node: Node, votes: &Votes<W>, step: &mut Step<'_, W>) {
        let asked = match self.settings.algorithm {
            Algorithm::FiftyFifty => step.get(self.held),
            Algorithm::LastManStanding => NodeSet::single(node),
        };
        // No is said before yes, so that never two sides have the vote of ffsplit.
        let mut verdicts: Vec<(Node, Option<bool>)> =
            asked.iter().map(|n| (n, self.verdict(n, step))).collect();
        verdicts.sort_by_key(|(_, verdict)| *verdict);
        for (node, verdict) in verdicts {
            match verdict {
                None if self.settings.algorithm == Algorithm::LastManStanding => {
                    step.arm(self.again.at(node), self.settings.again);
                }
                None => {}
                Some(yes) => self.give(node, yes, votes, step),
            }
        }
    }

    fn give(&self, node: Node, yes: bool, votes: &Votes<W>, step: &mut Step<'_, W>) {
        step.cancel(self.again.at(node));
        let newcomer = !step.has(self.judged, node);
        // A newcomer's first no is not kept.
        if yes || !newcomer || self.settings.algorithm == Algorithm::FiftyFifty {
            self.note(self.judged, node, true, step);
            self.note(self.given, node, yes, step);
        }
        let hears = self.server.value(step).contains(node) && step.has(self.trusting, node);
        if hears && step.get(self.reported.at(node)) == votes.ring(node, step) {
            self.tell(node, yes, votes, step);
        }
    }

    /// A member gets an answer, or gives up waiting for one.
    fn tell(&self, node: Node, yes: bool, votes: &Votes<W>, step: &mut Step<'_, W>) {
        self.note(self.waiting, node, false, step);
        step.cancel(self.sync.at(node));
        if step.has(votes.cast, node) != yes {
            step.assign(votes.cast, node, yes);
            votes.announce(node, step);
        }
    }

    /// Does a connected member get the votes? `None`: not yet known.
    fn verdict(&self, node: Node, step: &Step<'_, W>) -> Option<bool> {
        let held = step.get(self.held);
        match self.settings.algorithm {
            Algorithm::FiftyFifty => self
                .reports_agree(held, step)
                .then(|| self.best_half(held, step).contains(node)),
            Algorithm::LastManStanding => self.last_man_standing(node, held, step),
        }
    }

    fn report_of(&self, node: Node, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.reported.at(node))
    }

    fn reports_agree(&self, held: NodeSet<W>, step: &Step<'_, W>) -> bool {
        held.iter().all(|node| {
            let ring = self.report_of(node, step);
            (ring & held)
                .iter()
                .all(|mate| self.report_of(mate, step) == ring)
        })
    }

    /// The ring that gets the vote of ffsplit; none: empty.
    fn best_half(&self, held: NodeSet<W>, step: &Step<'_, W>) -> NodeSet<W> {
        let all = self.members.len();
        let preferred = match self.settings.tie_breaker {
            Preferred::Lowest => self.members.first(),
            Preferred::Highest => self.members.iter().last(),
            Preferred::Member(node) => Some(node),
        };
        let rank = |ring: NodeSet<W>| {
            let tie = preferred.is_some_and(|node| ring.contains(node));
            (2 * ring.len() > all, (ring & held).len(), tie)
        };
        held.iter()
            .map(|node| self.report_of(node, step))
            .filter(|ring| 2 * ring.len() >= all)
            .max_by_key(|ring| rank(*ring))
            .unwrap_or_default()
    }

    fn last_man_standing(
        &self,
        node: Node,
        held: NodeSet<W>,
        step: &Step<'_, W>,
    ) -> Option<bool> {
        let ring = self.report_of(node, step);
        let differs = |other: Node| {
            let theirs = self.report_of(other, step);
            (ring.contains(other) || theirs.contains(node)) && theirs != ring
        };
        if ring.is_empty() || held.without(node).iter().any(differs) {
            return None;
        }
        let known = |n: &Node| !self.report_of(*n, step).is_empty();
        let others = held.iter().filter(known);
        let elsewhere: NodeSet<W> = others
            .filter(|other| self.report_of(*other, step) != ring)
            .collect();
        if elsewhere.is_empty() {
            return Some(true);
        }
        if !step.has(self.judged, node) && elsewhere.intersects(step.get(self.given)) {
            return Some(false);
        }
        let size = |of: Node| (self.report_of(of, step) & held).len();
        let largest = elsewhere.iter().map(size).max().unwrap_or(0);
        if size(node) != largest {
            return Some(size(node) > largest);
        }
        let first = match self.settings.tie_breaker {
            Preferred::Lowest => held.iter().find(known),
            Preferred::Highest => held.iter().filter(known).last(),
            Preferred::Member(node) => Some(node),
        };
        Some(first.is_some_and(|n| ring.contains(n)))
    }
}
