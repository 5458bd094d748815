//! Corosync: who is in the cluster (totem over knet), and is that enough (votequorum,
//! with or without a quorum device).
//!
//! # Specification
//!
//! Sources: corosync.conf(5), votequorum(5), corosync-qdevice(8); the source of corosync
//! 3.1.7 (`exec/totemsrp.c`, `exec/votequorum.c`), of kronosnet 1.25 and of
//! corosync-qdevice 3.0.3; this project's measurements of 3.1.7 on Debian 12
//! (`tests/data/measured`). The numbers stand in `models/corosync.toml`. The node ids
//! follow the order in which the scenario lists its nodes.
//!
//! **Rings** (`totem`). Each member has a ring: the members that it delivers messages
//! with. A crash, a kill, a freeze and a cut are the same to the others: the token is
//! lost, `T = U(token - hold, token) + consensus`, and all survivors have their new ring
//! together. With the defaults that is 6.0 to 6.6 s with two nodes and 8.7 to 9.5 s with
//! four. A member that is stopped says good-bye, which takes 0.2 to 0.4 s.
//!
//! **Links** (`links`). Who comes back, after a start or a cut, is in the joint ring when
//! all links are up and the rings have heard of each other; no time-out is waited for.
//!
//! **Quorum** (`votes`). quorum = floor(expected votes / 2) + 1, and the expected votes
//! never fall by themselves. two_node needs one vote only and waits for all at the first
//! start; wait_for_all, last_man_standing and auto_tie_breaker as in votequorum(5). allow_downscale is not there.
//!
//! **Quorum device** (`qdevice`). ffsplit and lms, with the time in which a ring waits
//! for the answer, and what happens when there is none.
//!
//! **A person**: `expected_votes` (`corosync-quorumtool -e N` with the votes that are
//! present as N: its ring is quorate) and `cancel_wait_for_all` (by cmap). Both act on
//! the rings of the nodes that are named; where none is, on the largest ring.
//!
//! # Signals
//!
//! `member` (corosync runs and has a ring), `quorate` (its ring has been told that it has
//! quorum; in a partition with two_node that are all), `complete` (its ring has every
//! member), `alone` (its ring has no other), `forming` (the ring stands still: its token
//! is lost or it gathers, and no message is delivered), `left` (has said good-bye). Other
//! protocols read the ring of each node ([`Membership`]).
//!
//! # Not modelled
//!
//! More than one link between two nodes; `kronosnet` transports but UDP, and `udpu`;
//! encryption; flow control and retransmission; a member that is lost within the few
//! milliseconds of commit and recovery costs a consensus time-out here, a token time-out
//! more in reality; cuts in one direction only; changes of the configuration at run time;
//! what else `votes` and `qdevice` name.

mod links;
mod qdevice;
mod settings;
mod totem;
mod votes;

use super::membership::Membership;
use super::{Protocol, Resolver, Site};
use crate::automaton::{
    Automaton, Blueprint, Command, Node, NodeSet, SetId, Sets, Step, Timer, TimerClass, Timers,
};
use crate::scenario::error::Result;
use crate::world::WorldSignals;
use crate::world::process::ProcessSignals;
use links::Links;
use qdevice::{Device, Scene};
use settings::{MAX_MEMBERS, Timing};
use totem::{Around, Fired, Totem};
use votes::Votes;

const EXPECTED_VOTES: &str = "expected_votes";
const CANCEL_WAIT_FOR_ALL: &str = "cancel_wait_for_all";

/// A Corosync cluster.
pub struct Corosync<const W: usize> {
    name: String,
    members: NodeSet<W>,
    world: WorldSignals,
    process: ProcessSignals,
    timing: Timing,
    links: Links,
    totem: Totem,
    votes: Votes<W>,
    device: Option<Device<W>>,
    /// A process comes up.
    start: Timers,
    /// Processes that have come up since they started.
    started: SetId,
    seen: Seen,
    signals: Signals,
}

/// The world at the last reaction.
struct Seen {
    present: SetId,
    works: SetId,
    stopped: SetId,
    reach: Sets,
    qnetd: SetId,
}

struct Signals {
    member: SetId,
    quorate: SetId,
    complete: SetId,
    alone: SetId,
    forming: SetId,
    left: SetId,
}

impl Signals {
    fn register<const W: usize>(
        name: &str,
        blueprint: &mut Blueprint<W>,
        members: NodeSet<W>,
    ) -> Self {
        let mut signal = |what: &str| blueprint.signal(&format!("{name}.{what}"), members);
        Signals {
            member: signal("member"),
            quorate: signal("quorate"),
            complete: signal("complete"),
            alone: signal("alone"),
            forming: signal("forming"),
            left: signal("left"),
        }
    }
}

impl Seen {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> Self {
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.seen_{what}"));
        Seen {
            present: set("present"),
            works: set("works"),
            stopped: set("stopped"),
            qnetd: set("qnetd"),
            reach: blueprint.private_sets(&format!("{name}.seen_reach")),
        }
    }
}

impl<const W: usize> Corosync<W> {
    /// Sets up an instance and its signals.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let (name, p) = (site.name, site.parameters);
        let process = site.process("process")?;
        let members = site.members::<W>();
        if let Some(node) = (members - blueprint.set_info(process.works).domain).first() {
            let node = blueprint.node_name(node);
            let message = format!("`{name}` has the member `{node}`, where its process is not");
            return Err(p.error("process", message));
        }
        let order: Vec<Node> = site.nodes.clone();
        if order.len() > MAX_MEMBERS {
            let message = format!("`{name}` has {} members", order.len());
            return Err(p
                .error("process", message)
                .help(format!("at most {MAX_MEMBERS}; say which with on = [...]")));
        }
        let timing = Timing::read(site, blueprint, order.len())?;
        let device = settings::device(site, blueprint, &order)?;
        let rules = settings::rules(site, blueprint, &order, device.as_ref())?;
        let server = settings::server(site, blueprint, members)?;
        Ok(Corosync {
            name: name.to_owned(),
            members,
            world: site.signals,
            process,
            timing,
            links: Links::new(name, &order, blueprint),
            totem: Totem::new(name, blueprint),
            votes: Votes::new(name, rules, &order, blueprint),
            device: device.map(|device| Device::new(name, device, members, server, blueprint)),
            start: blueprint.timers_per_node(&format!("{name}.start"), TimerClass::Reaction),
            started: blueprint.private_set(&format!("{name}.started")),
            seen: Seen::register(name, blueprint),
            signals: Signals::register(name, blueprint, members),
        })
    }

    fn around(&self, step: &Step<'_, W>) -> Around<'_, W> {
        Around {
            links: &self.links,
            votes: &self.votes,
            timing: &self.timing,
            reach: self.world.reach,
            left: self.left(step),
        }
    }

    /// Members whose last end was a good-bye.
    fn left(&self, step: &Step<'_, W>) -> NodeSet<W> {
        (step.get(self.process.stopped) - step.get(self.process.present)) & self.members
    }

    fn scene(&self, step: &Step<'_, W>) -> Scene<W> {
        Scene {
            answering: step.get(self.totem.answering),
            present: step.get(self.process.present),
            up: step.get(self.world.up),
        }
    }

    /// Has the world changed since the last reaction? Remembers it as it is now.
    fn anything_new(&self, step: &mut Step<'_, W>) -> bool {
        let seen = &self.seen;
        let p = &self.process;
        let mut news = false;
        let mut compare = |id: SetId, now: NodeSet<W>, step: &mut Step<'_, W>| {
            news |= step.get(id) != now;
            step.put_private(id, now);
        };
        for (id, source) in [
            (seen.present, p.present),
            (seen.works, p.works),
            (seen.stopped, p.stopped),
        ] {
            compare(id, step.get(source) & self.members, step);
        }
        for node in self.members {
            let reach = step.get(self.world.reach.at(node)) & self.members;
            compare(seen.reach.at(node), reach, step);
        }
        if let Some(device) = &self.device {
            compare(seen.qnetd, device.server.value(step), step);
        }
        news
    }

    /// Everything has been running for long: one ring for each side of the network.
    fn lay_out(&self, step: &mut Step<'_, W>) {
        for node in self.members {
            self.forget(node, step);
        }
        self.anything_new(step);
        let running = step.get(self.process.works) & self.members;
        step.put_private(self.started, running);
        step.put_private(self.totem.answering, running);
        for node in running {
            let peers = step.get(self.world.reach.at(node)) & running;
            self.links.begin(node, peers, step);
            self.votes.start(node, step);
        }
        let around = self.around(step);
        self.totem.regroup(&around, step);
        let totem = &self.totem;
        if let Some(device) = &self.device {
            let rings = |node: Node, step: &Step<'_, W>| totem.group_of(node, step);
            device.begin(running, rings, &self.votes, step);
        }
        let mut rest = running;
        while let Some(first) = rest.first() {
            let ring = totem.group_of(first, step);
            rest -= ring;
            self.votes.form(ring, step);
        }
        self.totem.regroup(&around, step);
        self.publish(step);
    }

    /// A process is gone, with all that it knew.
    fn forget(&self, node: Node, step: &mut Step<'_, W>) {
        self.totem.drop_out(node, step);
        self.links.forget(node, step);
        self.votes.forget(node, step);
        step.remove_private(self.started, node);
        step.cancel(self.start.at(node));
    }

    /// Takes in what the world has done to the processes.
    fn follow_processes(&self, step: &mut Step<'_, W>) {
        let present = step.get(self.process.present) & self.members;
        let works = step.get(self.process.works) & self.members;
        for node in step.get(self.started) - present {
            self.forget(node, step);
        }
        for node in self.members - present {
            step.cancel(self.start.at(node));
        }
        for node in (works - step.get(self.started)).iter() {
            if !step.is_armed(self.start.at(node)) {
                step.arm(self.start.at(node), self.timing.start);
            }
        }
        let answering = step.get(self.started) & works;
        for node in step.get(self.totem.answering) - answering {
            self.totem.drop_out(node, step);
        }
        step.put_private(self.totem.answering, answering);
        self.watch_links(NodeSet::EMPTY, step);
    }

    fn watch_links(&self, fresh: NodeSet<W>, step: &mut Step<'_, W>) {
        let answering = step.get(self.totem.answering);
        self.links
            .watch(answering, self.world.reach, fresh, &self.timing, step);
    }

    /// A process has come up: a ring of its own, and the first pings.
    fn comes_up(&self, node: Node, step: &mut Step<'_, W>) {
        step.insert_private(self.started, node);
        let answering = step.get(self.totem.answering);
        step.put_private(self.totem.answering, answering.with(node));
        self.votes.start(node, step);
        self.watch_links(NodeSet::single(node), step);
        if let Some(device) = &self.device {
            device.comes_up(node, step);
        }
    }

    /// A ring has formed.
    fn ring_formed(&self, leader: Node, step: &mut Step<'_, W>) {
        let ring = self.totem.formed(leader, step);
        if let Some(device) = &self.device {
            device.ring_formed(ring, step);
        }
        self.votes.form(ring, step);
    }

    /// Everything that follows from a change.
    fn follow_up(&self, step: &mut Step<'_, W>) {
        let around = self.around(step);
        self.totem.regroup(&around, step);
        self.totem.tend(&around, step);
        if let Some(device) = &self.device {
            device.follow(self.scene(step), step);
        }
        self.publish(step);
    }

    fn publish(&self, step: &mut Step<'_, W>) {
        let s = &self.signals;
        let answering = step.get(self.totem.answering);
        let (mut complete, mut alone) = (NodeSet::EMPTY, NodeSet::EMPTY);
        let mut told = NodeSet::EMPTY;
        let waiting = self
            .device
            .as_ref()
            .map_or(NodeSet::EMPTY, |device| step.get(device.waiting));
        let before = step.get(s.quorate) & step.get(self.started);
        for node in step.get(self.started) {
            let ring = self.votes.ring(node, step);
            // A ring that waits for its device has not been told yet.
            let source = if ring.intersects(waiting) {
                before.contains(node)
            } else {
                step.has(self.votes.quorate, node)
            };
            if source {
                told.insert(node);
            }
            if answering.contains(node) && ring == self.members {
                complete.insert(node);
            }
            if answering.contains(node) && ring.len() == 1 {
                alone.insert(node);
            }
        }
        step.put(s.member, answering);
        step.put(s.quorate, told);
        step.put(s.complete, complete);
        step.put(s.alone, alone);
        step.put(s.forming, self.totem.standing_still(step));
        step.put(s.left, self.left(step));
    }

    /// The nodes that a person acts on: one of each ring of those that are named, or of
    /// the ring with most members.
    fn chosen(&self, nodes: NodeSet<W>, step: &Step<'_, W>) -> NodeSet<W> {
        let answering = step.get(self.totem.answering);
        let mut chosen = NodeSet::EMPTY;
        if nodes.is_empty() {
            let size = |node: &Node| self.votes.ring(*node, step).len();
            let most = answering.iter().map(|node| size(&node)).max();
            let first = answering.iter().find(|node| Some(size(node)) == most);
            return first.map_or(chosen, NodeSet::single);
        }
        for node in nodes & answering {
            if !self.votes.ring(node, step).intersects(chosen) {
                chosen.insert(node);
            }
        }
        chosen
    }
}

impl<const W: usize> Automaton<W> for Corosync<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let p = &self.process;
        let mut reads = vec![p.works, p.present, p.stopped, self.world.up];
        reads.extend(self.members.iter().map(|node| self.world.reach.at(node)));
        if let Some(device) = &self.device {
            device.server.signals(&mut reads);
        }
        reads
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    // What qnetd needs may itself still be finding its initial state.
    fn begin_again(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    fn begun(&self, step: &mut Step<'_, W>) {
        self.follow_processes(step);
        self.follow_up(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        if self.anything_new(step) {
            self.follow_processes(step);
            self.follow_up(step);
        }
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        let around = self.around(step);
        if let Some(node) = self.start.node(timer) {
            self.comes_up(node, step);
        } else if let Some(node) = self.votes.window_of(timer) {
            self.votes.window_is_over(node, step);
        } else if self.links.fire(timer, step) {
            self.watch_links(NodeSet::EMPTY, step);
        } else if self
            .device
            .as_ref()
            .is_some_and(|device| device.fire(timer, &self.votes, step))
        {
            // All that follows is said below.
        } else if let Fired::Agreed(leader) = self.totem.fire(timer, &around, step) {
            self.ring_formed(leader, step);
        }
        self.follow_up(step);
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        let Some((action, nodes)) = command.action_for(&self.name) else {
            return;
        };
        for node in self.chosen(nodes, step) {
            match action {
                EXPECTED_VOTES => self.votes.expect_present(node, step),
                CANCEL_WAIT_FOR_ALL => self.votes.cancel_wait_for_all(node, step),
                _ => return,
            }
        }
        self.publish(step);
    }

    fn actions(&self) -> &[&'static str] {
        &[EXPECTED_VOTES, CANCEL_WAIT_FOR_ALL]
    }
}

impl<const W: usize> Protocol<W> for Corosync<W> {
    fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        match &mut self.device {
            Some(device) => device.server.reach.link(resolve),
            None => Ok(()),
        }
    }

    fn membership(&self) -> Option<Membership> {
        Some(Membership {
            views: self.votes.view,
            quorate: self.signals.quorate,
            left: self.signals.left,
        })
    }

    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}
