//! DRBD: a block device mirrored between nodes, of which one is primary.
//!
//! Sources: (DM) drbd.conf-9.0(5) of drbd-utils 9.22.0; (UG) The DRBD User's Guide; (DS)
//! the source of 8.4. Nothing was measured: the lab could not load the kernel module.
//!
//! **Roles** are given from outside (`primary`, usually by Pacemaker). A node can be
//! promoted if its data are UpToDate as far as it knows: **a node that was away and has
//! not met anybody since still takes its old data for current** (DM; only a fencing policy
//! outdates it).
//!
//! **Writes** go to the local disk and to all connected peers. Protocol C is done when
//! all of them have written; once a peer is lost the primary goes on alone, and what it
//! then writes exists once. With A the last writes of a primary that crashes are on no
//! other disk; with B only if the peer loses power in the same moment, which is not shown.
//!
//! **Loss of a peer** is noticed after `timeout` on a busy link, by the pings on an idle
//! one; meanwhile writes freeze (B, C). A peer that says good-bye (`stopped`, or the
//! resource taken down on a node that runs) freezes nothing.
//!
//! **Return**: the side that has changes which the other lacks is the source; the target is
//! Inconsistent until everything has been copied, and cannot be promoted (UG). A crashed
//! primary has its activity log copied. How much: see `amount.rs`.
//!
//! **Split brain**: both sides have changes that the other lacks. It is found when they
//! meet, and by default both stay alone until somebody discards one side; the automatic
//! policies throw one side's writes away (DM after-sb).
//!
//! **Fencing policies**: with `resource-only` a primary that loses a peer has it outdated if
//! it can be reached another way; with `resource-and-stonith` its writes wait until that
//! has happened or the peer is off. **Quorum** (DRBD 9): without it nobody is promoted and
//! writes are suspended.
//!
//! **Disks**: `detach` goes on with a peer's disk, `pass-on` makes the primary useless. A
//! new disk is filled completely.
//!
//! Signals: `NAME.primary`, `NAME.writable` (primaries whose writes are done), `NAME.frozen`
//! (primaries whose writes wait), `NAME.up_to_date` (as far as they know), `NAME.promotable`,
//! `NAME.syncing` (targets), `NAME.outdated`, `NAME.split` (standing alone after a split
//! brain), `NAME.alone` (primaries whose latest writes exist once), `NAME.stale` (primaries
//! that lack acknowledged writes: lost, or lost until a disk returns), `NAME.discarding`
//! (targets whose own acknowledged changes are being thrown away).
//!
//! Operators: `discard` (the changes of these nodes after a split brain; without nodes those
//! of the secondaries), `force` (primary --force: these nodes' data count as current).
//!
//! NOT modelled: two primaries, stacked resources, proxies, checksums, online verification,
//! resync controllers (the rate is constant), on-congestion, ko-count, `quorum` of a number,
//! writes that are in flight when all nodes lose power.

mod amount;
mod link;
mod settings;
mod sync;

use super::optional_set::OptionalSet;
use super::{Protocol, Resolver, Site};
use crate::automaton::{
    Automaton, Blueprint, Command, Counters, Mark, Node, NodeSet, SetId, Sets, Step, Timer,
    TimerClass, Timers,
};
use crate::scenario::error::Result;
use crate::world::WorldSignals;
use settings::{Fencing, Settings};

const ACTIONS: [&str; 2] = ["discard", "force"];
/// DRBD 9 connects a node with so many others at most (UG).
const MAX_MEMBERS: usize = 32;

/// One mirrored device.
pub struct Drbd<const W: usize> {
    name: String,
    order: Vec<Node>,
    /// The place of each node in `order`, by node.
    place: Vec<usize>,
    members: NodeSet<W>,
    /// Members with a disk.
    data: NodeSet<W>,
    settings: Settings<W>,
    alive: OptionalSet<W>,
    promoted: OptionalSet<W>,
    stopped: OptionalSet<W>,
    world: WorldSignals,
    signals: Signals,
    own: Own,
    timers: DrbdTimers,
}

/// What scenarios may name.
struct Signals {
    primary: SetId,
    writable: SetId,
    frozen: SetId,
    up_to_date: SetId,
    promotable: SetId,
    syncing: SetId,
    outdated: SetId,
    split: SetId,
    alone: SetId,
    stale: SetId,
    discarding: SetId,
}

/// What the nodes know, and what is true of their data.
struct Own {
    /// Nodes on which the resource was up last time.
    up: SetId,
    /// Connected peers of each node; peers with which it will have nothing to do.
    linked: Sets,
    refused: Sets,
    /// Peers that lack changes of this node.
    behind: Sets,
    inconsistent: SetId,
    /// Disks that have failed.
    failed: SetId,
    /// Crashed as primary, and has met nobody since.
    hot: SetId,
    /// Has come up and is shaking hands with a peer that answers.
    joining: SetId,
    /// The init script waits for peers.
    waiting: SetId,
    /// Give up their changes after a split brain.
    yielding: SetId,
    /// The last one that was made primary.
    youngest: SetId,
    /// Nodes that have all acknowledged writes.
    newest: SetId,
    /// A primary's handler has not outdated all that it has lost.
    unfenced: SetId,
    /// The source of each target, plus one.
    source: Counters,
    /// How long each pair has been apart, in steps.
    apart: Counters,
}

struct DrbdTimers {
    /// By pair: until a node notices that a peer is silent.
    loss: Timers,
    /// By pair: until two sides meet.
    connect: Timers,
    /// By pair: the next step of their time apart.
    apart: Timers,
    sync: Timers,
    fence_peer: Timers,
    wait: Timers,
    disk: Option<Timers>,
}

impl Signals {
    fn register<const W: usize>(
        name: &str,
        members: NodeSet<W>,
        blueprint: &mut Blueprint<W>,
    ) -> Signals {
        let mut signal = |what: &str| blueprint.signal(&format!("{name}.{what}"), members);
        Signals {
            primary: signal("primary"),
            writable: signal("writable"),
            frozen: signal("frozen"),
            up_to_date: signal("up_to_date"),
            promotable: signal("promotable"),
            syncing: signal("syncing"),
            outdated: signal("outdated"),
            split: signal("split"),
            alone: signal("alone"),
            stale: signal("stale"),
            discarding: signal("discarding"),
        }
    }
}

impl Own {
    fn register<const W: usize>(name: &str, pairs: usize, blueprint: &mut Blueprint<W>) -> Own {
        let mut row = |what: &str| blueprint.private_sets(&format!("{name}.{what}"));
        let (linked, refused, behind) = (row("linked"), row("refused"), row("behind"));
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{what}"));
        Own {
            up: set("up"),
            linked,
            refused,
            behind,
            inconsistent: set("inconsistent"),
            failed: set("failed"),
            hot: set("hot"),
            joining: set("joining"),
            waiting: set("waiting"),
            yielding: set("yielding"),
            youngest: set("youngest"),
            newest: set("newest"),
            unfenced: set("unfenced"),
            source: blueprint.counters(blueprint.nodes()),
            apart: blueprint.counters(pairs),
        }
    }
}

impl<const W: usize> Drbd<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let (p, name, members) = (site.parameters, site.name, site.members());
        if members.len() > MAX_MEMBERS {
            let message = format!("DRBD connects at most {MAX_MEMBERS} nodes");
            return Err(p.error("protocol", message));
        }
        if p.set("primary")?.is_none() {
            return Err(p
                .error("primary", format!("nobody makes a node of `{name}` primary"))
                .help("name the nodes that are promoted, e.g. primary = \"crm.DRBD.promoted\""));
        }
        let settings = Settings::read(site, blueprint)?;
        let mut place = vec![usize::MAX; blueprint.nodes()];
        for (index, node) in site.nodes.iter().enumerate() {
            place[node.index()] = index;
        }
        let pairs = site.nodes.len() * site.nodes.len();
        let mut row =
            |what: &str| blueprint.timer_row(name, what, pairs, TimerClass::Reaction);
        let (loss, connect, apart) = (row("loss"), row("connect"), row("apart"));
        let mut timers =
            |what: &str| blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Reaction);
        let (sync, fence_peer, wait) = (timers("sync"), timers("fence_peer"), timers("wait"));
        let disk = settings.disk.is_some().then(|| {
            blueprint.timers_per_node(&format!("{name}.disk"), TimerClass::Chance)
        });
        Ok(Drbd {
            name: name.to_owned(),
            order: site.nodes.clone(),
            place,
            members,
            data: members - settings.diskless,
            settings,
            alive: OptionalSet::read(site, "alive", members)?,
            promoted: OptionalSet::read(site, "primary", NodeSet::EMPTY)?,
            stopped: OptionalSet::read(site, "stopped", NodeSet::EMPTY)?,
            world: site.signals,
            signals: Signals::register(name, members, blueprint),
            own: Own::register(name, pairs, blueprint),
            timers: DrbdTimers {
                loss,
                connect,
                apart,
                sync,
                fence_peer,
                wait,
                disk,
            },
        })
    }

    /// The place of a pair in a row of all pairs.
    fn pair(&self, of: Node, with: Node) -> usize {
        self.place[of.index()] * self.order.len() + self.place[with.index()]
    }

    /// The pair at a place in the row.
    fn ends(&self, pair: usize) -> (Node, Node) {
        let count = self.order.len();
        (self.order[pair / count], self.order[pair % count])
    }

    /// Nodes on which the resource is up.
    fn up(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.alive.value(step) & step.get(self.world.up) & self.members
    }

    /// Nodes with a disk that works.
    fn disks(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.data - step.get(self.own.failed)
    }

    /// Nodes that take their data for current.
    fn up_to_date(&self, step: &Step<'_, W>) -> NodeSet<W> {
        (self.up(step) & self.disks(step))
            - step.get(self.own.inconsistent)
            - step.get(self.signals.outdated)
    }

    /// Does a node see as many as the quorum wants?
    fn has_quorum(&self, node: Node, step: &Step<'_, W>) -> bool {
        let seen = step.get(self.own.linked.at(node)).with(node).len();
        self.settings.quorum.holds(seen, self.order.len())
    }

    /// Does a primary wait before it goes on writing?
    fn is_frozen(&self, node: Node, step: &Step<'_, W>) -> bool {
        let silent = |peer: Node| {
            peer != node && step.is_armed(self.timers.loss.nth(self.pair(node, peer)))
        };
        let waits = self.settings.protocol != settings::Protocol::A
            && self.data.iter().any(silent);
        let fencing = self.settings.fencing == Fencing::ResourceAndStonith
            && (step.is_armed(self.timers.fence_peer.at(node)) || step.has(self.own.unfenced, node));
        waits || fencing
    }

    /// Can a primary read and write anything at all?
    fn has_data(&self, node: Node, step: &Step<'_, W>) -> bool {
        let current = self.up_to_date(step);
        let remote = step.get(self.own.linked.at(node)).intersects(current);
        current.contains(node) || (remote && (self.settings.detach || self.disks(step).contains(node)))
    }

    /// The state of a device that has been running for a long time.
    fn lay_out(&self, step: &mut Step<'_, W>) {
        let up = self.up(step);
        step.put_private(self.own.up, up);
        for node in self.members {
            let reached = step.get(self.world.reach.at(node)) & up;
            let linked = if up.contains(node) { reached.without(node) } else { NodeSet::EMPTY };
            step.put_private(self.own.linked.at(node), linked);
        }
        step.put_private(self.own.newest, up & self.data);
        self.publish(step);
    }

    /// Writes the signals that follow from what the nodes know.
    fn publish(&self, step: &mut Step<'_, W>) {
        let up = self.up(step);
        let primary = self.promoted.value(step) & up;
        step.put(self.signals.primary, primary);
        let (mut frozen, mut writable, mut alone) = (NodeSet::EMPTY, NodeSet::EMPTY, NodeSet::EMPTY);
        for node in primary {
            if self.is_frozen(node, step) {
                frozen.insert(node);
            } else if self.has_quorum(node, step) && self.has_data(node, step) {
                writable.insert(node);
            }
            let copies = step.get(self.own.linked.at(node)).with(node) & self.up_to_date(step);
            if copies.len() == 1 && self.data.len() > 1 {
                alone.insert(node);
            }
        }
        step.put(self.signals.frozen, frozen);
        step.put(self.signals.writable, writable);
        step.put(self.signals.alone, alone);
        let current = self.up_to_date(step);
        step.put(self.signals.up_to_date, current);
        let able = |node: &Node| self.has_quorum(*node, step);
        let promotable: NodeSet<W> = current.iter().filter(able).collect();
        let busy = step.get(self.own.waiting) | step.get(self.own.joining);
        step.put(self.signals.promotable, promotable - busy);
        let stale = writable - self.fresh_from(step);
        step.put(self.signals.stale, stale);
        let split = |node: &Node| !step.get(self.own.refused.at(*node)).is_empty();
        step.put(self.signals.split, self.members.iter().filter(split).collect());
    }

    /// Nodes whose data, or whose peers' data, contain all acknowledged writes.
    fn fresh_from(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let newest = step.get(self.own.newest);
        if newest.is_empty() {
            return self.members;
        }
        let meets = |node: &Node| step.get(self.own.linked.at(*node)).with(*node).intersects(newest);
        self.members.iter().filter(meets).collect()
    }

    /// Brings links, resynchronisations and the spreading of writes up to date.
    fn settle(&self, step: &mut Step<'_, W>) {
        self.follow_links(step);
        self.follow_roles(step);
        self.follow_syncs(step);
        self.publish(step);
        self.write(step);
        self.publish(step);
    }

    /// Roles are given from outside.
    fn follow_roles(&self, step: &mut Step<'_, W>) {
        let before = step.get(self.signals.primary);
        let now = self.promoted.value(step) & self.up(step);
        if let Some(node) = (now - before).first() {
            step.put_private(self.own.youngest, NodeSet::single(node));
        }
    }
}

impl<const W: usize> Protocol<W> for Drbd<W> {
    fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        self.alive.link(resolve)?;
        self.promoted.link(resolve)?;
        self.stopped.link(resolve)
    }

    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}

impl<const W: usize> Automaton<W> for Drbd<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![self.world.up, self.world.running];
        reads.extend(self.members.iter().map(|node| self.world.reach.at(node)));
        self.alive.signals(&mut reads);
        self.promoted.signals(&mut reads);
        self.stopped.signals(&mut reads);
        reads
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    // Who is up and who is primary may themselves still be finding their state.
    fn begin_again(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    fn begun(&self, step: &mut Step<'_, W>) {
        if let (Some(timers), Some((failure, _))) = (self.timers.disk, &self.settings.disk) {
            for node in self.data {
                step.arm(timers.at(node), *failure);
            }
        }
        self.settle(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        self.settle(step);
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        let t = &self.timers;
        if let Some(pair) = t.loss.position(timer) {
            let (node, peer) = self.ends(pair);
            self.lost(node, peer, step);
        } else if let Some(pair) = t.connect.position(timer) {
            let (a, b) = self.ends(pair);
            self.meet(a, b, step);
        } else if let Some(pair) = t.apart.position(timer) {
            self.drift(pair, step);
        } else if let Some(node) = t.sync.node(timer) {
            self.synced(node, step);
        } else if let Some(node) = t.fence_peer.node(timer) {
            self.peers_outdated(node, step);
        } else if let Some(node) = t.wait.node(timer) {
            step.remove_private(self.own.waiting, node);
        } else if let Some(node) = t.disk.and_then(|timers| timers.node(timer)) {
            self.disk_event(node, step);
        }
        self.settle(step);
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        let Some((action, nodes)) = command.action_for(&self.name) else {
            return;
        };
        match action {
            "discard" => self.discard(nodes, step),
            "force" => self.force(nodes & self.up(step) & self.disks(step), step),
            _ => return,
        }
        step.mark(Mark::Restore);
        self.settle(step);
    }

    fn actions(&self) -> &[&'static str] {
        &ACTIONS
    }
}
