//! votequorum: what each member makes of its ring.
//!
//! The functions follow `exec/votequorum.c` step by step, message by message, because
//! much of what it does hangs on the order: a quorum never falls by itself, who is not
//! quorate believes the expected votes of somebody who is, and wait_for_all comes back
//! with every loss of quorum. `tests/corosync_vqsim.rs` plays the same scripts to the
//! original. Where wait_for_all, last_man_standing or auto_tie_breaker is on and a member has
//! lost its quorum, what becomes of it in its next ring depends in the original on the order in
//! which the members speak: they speak of what they were before. Here they speak in the order
//! of their ids.
//!
//! Not modelled: allow_downscale and expected_votes_tracking (off by default, and
//! allow_downscale is marked as dangerous), changes of the configuration at run time,
//! master_wins (no device of corosync 3 asks for it).

use crate::automaton::{
    Blueprint, Counter, Counters, Delay, Node, NodeSet, SetId, Sets, Step, Timer, TimerClass,
    Timers,
};

/// Whom a tie goes to.
pub enum TieBreaker {
    Lowest,
    Highest,
    List(Vec<Node>),
}

/// The configuration, which is the same on all members.
pub struct Rules {
    /// By the index of the node.
    pub votes: Vec<u64>,
    pub expected: u64,
    pub device_votes: u64,
    pub two_node: bool,
    pub wait_for_all: bool,
    pub last_man_standing: bool,
    pub window: Delay,
    pub tie_breaker: Option<TieBreaker>,
}

/// The state of votequorum on every member.
pub struct Votes<const W: usize> {
    rules: Rules,
    places: Vec<usize>,
    members: usize,
    /// The ring of each member, and the one before (for ties).
    pub view: Sets,
    before: Sets,
    /// Members that count themselves quorate.
    pub quorate: SetId,
    /// Those that wait for all.
    waiting: SetId,
    /// Those to which the device gives its votes.
    pub cast: SetId,
    /// The expected votes that each member (row) knows of each other.
    expected: Counters,
    quorum: Counters,
    /// The lowest and the highest member when there last was a quorum, plus one.
    lowest: Counters,
    highest: Counters,
    window: Timers,
}

/// May a quorum fall?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fall {
    Never,
    Allowed,
}

/// What a member says of itself when a ring forms or its device changes its mind.
#[derive(Clone, Copy)]
struct NodeInfo {
    quorate: bool,
    waiting: bool,
    expected: u64,
}

impl<const W: usize> Votes<W> {
    /// Registers the state of these members.
    pub fn new(name: &str, rules: Rules, members: &[Node], blueprint: &mut Blueprint<W>) -> Self {
        let nodes = blueprint.nodes();
        let mut places = vec![0; nodes];
        for (place, node) in members.iter().enumerate() {
            places[node.index()] = place;
        }
        let window = format!("{name}.last_man_standing");
        Votes {
            rules,
            places,
            members: members.len(),
            view: blueprint.private_sets(&format!("{name}.view")),
            before: blueprint.private_sets(&format!("{name}.view_before")),
            quorate: blueprint.private_set(&format!("{name}.has_quorum")),
            waiting: blueprint.private_set(&format!("{name}.waits_for_all")),
            cast: blueprint.private_set(&format!("{name}.device_votes")),
            expected: blueprint.counters(members.len() * members.len()),
            quorum: blueprint.counters(nodes),
            lowest: blueprint.counters(nodes),
            highest: blueprint.counters(nodes),
            window: blueprint.timers_per_node(&window, TimerClass::Reaction),
        }
    }

    /// The ring of a member; empty where the process does not run.
    pub fn ring(&self, node: Node, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.view.at(node))
    }

    /// The member whose timer this is, if it is one of these.
    pub fn window_of(&self, timer: Timer) -> Option<Node> {
        self.window.node(timer)
    }

    fn expected(&self, node: Node, of: Node) -> Counter {
        let row = self.places[node.index()] * self.members;
        self.expected.nth(row + self.places[of.index()])
    }

    /// The process is gone, and all that it knew.
    pub fn forget(&self, node: Node, step: &mut Step<'_, W>) {
        for id in [self.quorate, self.waiting, self.cast] {
            step.remove(id, node);
        }
        step.put(self.view.at(node), NodeSet::EMPTY);
        step.put_private(self.before.at(node), NodeSet::EMPTY);
        for place in 0..self.members {
            let row = self.places[node.index()] * self.members;
            step.set_count(self.expected.nth(row + place), 0);
        }
        for counters in [self.quorum, self.lowest, self.highest] {
            step.set_count(counters.at(node), 0);
        }
        step.cancel(self.window.at(node));
    }

    /// `votequorum_exec_init_fn`: the process has read its configuration. It still is in
    /// no ring; the first one, of itself alone, comes right after.
    pub fn start(&self, node: Node, step: &mut Step<'_, W>) {
        step.set_count(self.expected(node, node), self.rules.expected);
        step.assign(self.waiting, node, self.rules.wait_for_all);
        let alone = NodeSet::single(node);
        self.recalculate(node, alone, Fall::Never, false, step);
        self.form(alone, step);
    }

    /// A ring has formed: `votequorum_sync_init` on all, the messages of all to all in
    /// the order of the node ids, and, behind a barrier (`exec/sync.c`),
    /// `votequorum_sync_activate` on all.
    pub fn form(&self, ring: NodeSet<W>, step: &mut Step<'_, W>) {
        let mut stayed = Vec::with_capacity(ring.len());
        for node in ring {
            stayed.push(self.sync(node, ring, step));
        }
        let said: Vec<(Node, NodeInfo)> = ring.iter().map(|n| (n, self.info(n, step))).collect();
        let mut heard = NodeSet::EMPTY;
        for (speaker, info) in said {
            heard.insert(speaker);
            for (node, stayed) in ring.iter().zip(&stayed) {
                self.hear(node, (speaker, info), *stayed | heard, step);
            }
        }
        for node in ring {
            self.recalculate(node, ring, Fall::Never, false, step);
        }
    }

    /// `votequorum_sync_init`: takes the new ring, and returns who has stayed in it.
    fn sync(&self, node: Node, ring: NodeSet<W>, step: &mut Step<'_, W>) -> NodeSet<W> {
        let old = self.ring(node, step);
        let stayed = (old & ring).with(node);
        for left in old - ring {
            step.set_count(self.expected(node, left), 0);
        }
        if self.rules.last_man_standing {
            let (size, quorum) = (ring.len() as u64, step.count(self.quorum.at(node)));
            let lowest = self.lowest_is_here(node, stayed, step);
            let tie = self.rules.tie_breaker.is_some() && lowest;
            let somebody_left = !old.is_subset(ring);
            if (size >= quorum && somebody_left) || (size <= quorum && tie) {
                step.arm(self.window.at(node), self.rules.window);
            }
        }
        if self.rules.tie_breaker.is_some() {
            step.put_private(self.before.at(node), old);
        }
        step.put(self.view.at(node), ring);
        stayed
    }

    fn info(&self, node: Node, step: &Step<'_, W>) -> NodeInfo {
        NodeInfo {
            quorate: step.has(self.quorate, node),
            waiting: step.has(self.waiting, node),
            expected: step.count(self.expected(node, node)),
        }
    }

    /// `message_handler_req_exec_votequorum_nodeinfo` on `node`, which now knows that
    /// `here` are members.
    fn hear(
        &self,
        node: Node,
        (speaker, info): (Node, NodeInfo),
        here: NodeSet<W>,
        step: &mut Step<'_, W>,
    ) {
        let mut fall = Fall::Never;
        if info.quorate && !step.has(self.quorate, node) {
            fall = Fall::Allowed;
            step.set_count(self.expected(node, node), info.expected);
        }
        let expected = if info.quorate {
            info.expected
        } else {
            step.count(self.expected(node, node))
        };
        step.set_count(self.expected(node, speaker), expected);
        self.recalculate(node, here, fall, false, step);
        if self.rules.wait_for_all && info.quorate && !info.waiting {
            step.remove(self.waiting, node);
        }
    }

    /// A member tells its ring how it is, e.g. that its device votes.
    pub fn announce(&self, node: Node, step: &mut Step<'_, W>) {
        let info = self.info(node, step);
        let ring = self.ring(node, step);
        for other in ring {
            if self.ring(other, step).contains(node) {
                self.hear(other, (node, info), self.ring(other, step), step);
            }
        }
    }

    /// `recalculate_quorum`. With `by_nodes` the expected votes become the members that
    /// are here.
    fn recalculate(
        &self,
        node: Node,
        here: NodeSet<W>,
        fall: Fall,
        by_nodes: bool,
        step: &mut Step<'_, W>,
    ) {
        let own = self.expected(node, node);
        let most = self.votes(here) + self.rules.device_votes;
        if most > step.count(own) {
            step.set_count(own, most);
        }
        let counted = by_nodes.then(|| here.len() as u64 + u64::from(self.rules.device_votes > 0));
        let (quorum, total) = self.calculate(node, here, fall, counted, step);
        step.set_count(self.quorum.at(node), quorum);
        if let Some(counted) = counted {
            for member in here {
                step.set_count(self.expected(node, member), counted);
            }
        }
        self.judge(node, here, total, step);
    }

    fn votes(&self, nodes: NodeSet<W>) -> u64 {
        nodes
            .iter()
            .map(|node| self.rules.votes[node.index()])
            .sum()
    }

    /// `calculate_quorum`: the quorum and the votes that are here.
    fn calculate(
        &self,
        node: Node,
        here: NodeSet<W>,
        fall: Fall,
        expected: Option<u64>,
        step: &Step<'_, W>,
    ) -> (u64, u64) {
        let casts = step.has(self.cast, node);
        let device = if casts { self.rules.device_votes } else { 0 };
        let total = self.votes(here) + device;
        let highest = || {
            let each = here
                .iter()
                .map(|member| step.count(self.expected(node, member)));
            each.max().unwrap_or(0)
        };
        let expected = expected.unwrap_or_else(highest);
        let mut quorum = (expected.max(total) + 2) / 2;
        if fall == Fall::Never {
            quorum = quorum.max(step.count(self.quorum.at(node)));
        }
        if self.rules.two_node && here.len() + usize::from(casts) <= 2 {
            quorum = 1;
        }
        (quorum, total)
    }

    /// `are_we_quorate`.
    fn judge(&self, node: Node, here: NodeSet<W>, total: u64, step: &mut Step<'_, W>) {
        let expected = step.count(self.expected(node, node));
        if self.rules.wait_for_all && step.has(self.waiting, node) {
            if total != expected {
                return;
            }
            step.remove(self.waiting, node);
        }
        let quorum = step.count(self.quorum.at(node));
        let enough = total >= quorum;
        if enough && self.rules.tie_breaker.is_some() {
            let ends = [(self.lowest, here.first()), (self.highest, last(here))];
            for (counters, end) in ends {
                let id = end.map_or(0, |n| u64::from(n.0) + 1);
                step.set_count(counters.at(node), id);
            }
        }
        let quorate = enough || self.wins_tie(node, here, (total, expected, quorum), step);
        step.assign(self.quorate, node, quorate);
        if self.rules.wait_for_all {
            step.assign(self.waiting, node, !quorate);
        }
    }

    /// Half of the votes are here, and the tie goes to this half.
    fn wins_tie(
        &self,
        node: Node,
        here: NodeSet<W>,
        (total, expected, quorum): (u64, u64, u64),
        step: &Step<'_, W>,
    ) -> bool {
        let Some(tie_breaker) = &self.rules.tie_breaker else {
            return false;
        };
        let (ring, before) = (self.ring(node, step), step.get(self.before.at(node)));
        // The other side might have a quorum without a tie.
        let others = before.len() as i64 - ring.len() as i64;
        if total != expected / 2 || others >= quorum as i64 {
            return false;
        }
        match tie_breaker {
            TieBreaker::Lowest => self.lowest_is_here(node, here, step),
            TieBreaker::Highest => is_here(step.count(self.highest.at(node)), here),
            TieBreaker::List(list) => {
                let first = list.iter().find(|n| ring.contains(**n) || before.contains(**n));
                first.is_some_and(|n| ring.contains(*n))
            }
        }
    }

    fn lowest_is_here(&self, node: Node, here: NodeSet<W>, step: &Step<'_, W>) -> bool {
        is_here(step.count(self.lowest.at(node)), here)
    }

    /// The window of last_man_standing is over: who is here is all that is expected.
    pub fn window_is_over(&self, node: Node, step: &mut Step<'_, W>) {
        if step.has(self.quorate, node) {
            let here = self.ring(node, step);
            self.recalculate(node, here, Fall::Allowed, true, step);
        }
    }

    /// `corosync-quorumtool -e N` on a member, with the votes that are here as N, the
    /// least that corosync takes: its ring expects no more.
    pub fn expect_present(&self, node: Node, step: &mut Step<'_, W>) {
        let ring = self.ring(node, step);
        let (_, total) = self.calculate(node, ring, Fall::Allowed, None, step);
        for other in ring {
            if self.ring(other, step) != ring {
                continue;
            }
            for member in ring {
                step.set_count(self.expected(other, member), total);
            }
            self.recalculate(other, ring, Fall::Allowed, false, step);
        }
    }

    /// quorum.cancel_wait_for_all on a member: nobody in its ring waits for all.
    pub fn cancel_wait_for_all(&self, node: Node, step: &mut Step<'_, W>) {
        let ring = self.ring(node, step);
        for other in ring {
            if self.ring(other, step) == ring {
                step.remove(self.waiting, other);
                self.recalculate(other, ring, Fall::Never, false, step);
            }
        }
    }
}

/// Is the member with this number, plus one, among these?
fn is_here<const W: usize>(id: u64, here: NodeSet<W>) -> bool {
    id > 0 && here.contains(Node((id - 1) as u16))
}

fn last<const W: usize>(nodes: NodeSet<W>) -> Option<Node> {
    nodes.iter().last()
}
