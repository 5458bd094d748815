//! totemsrp: who forms a ring with whom, and when.
//!
//! * **operational**: the token goes round. Who is silent (crashed, killed, frozen, cut
//!   off) takes it along; all members of the ring miss it together, `token` after each
//!   has seen it last, and an idle ring holds it for up to `hold`
//!   (`timer_function_orf_token_timeout`). A member that says good-bye, and a stranger
//!   whose links are up, end this state at once.
//! * **gather**: everybody who is reached has joined and is waited for; the ring is
//!   agreed on as soon as nobody is missing, or `consensus` after the last news. Then
//!   those that have not joined are given up. A member that joined and then fell silent
//!   is not among them: it is missed in the next round, another `consensus` later
//!   (`memb_state_consensus_timeout_expired`: only those without consensus are failed).
//!   A stranger who joins meanwhile is news: the time-out starts again
//!   (`memb_join_process`).
//! * The agreed ring takes a moment (commit, recovery). A commit token that is lost on a
//!   link that one end does not call up yet costs `token_retransmit`; so joint rings
//!   may take longer than the links.
//!
//! Each side of a partition forms its own ring. Where members do not all reach each
//! other, those with the lowest node ids that do form one; the others form rings of
//! their own and do not join one that they reach only in part. (The real daemons form
//! and lose rings for ever there.)

use super::links::Links;
use super::settings::Timing;
use super::votes::Votes;
use crate::automaton::{
    Blueprint, Delay, Node, NodeSet, SetId, Sets, Step, Timer, TimerClass, Timers,
};

/// The state of totemsrp on all members.
pub struct Totem {
    /// Members that run and answer, whose process has come up.
    pub answering: SetId,
    /// Those that this one shares a ring with, and those that it could form one with.
    unit: Sets,
    group: Sets,
    /// Rings that miss the token, each in some slot, with their members.
    token: Timers,
    halted: Sets,
    busy: SetId,
    gathering: SetId,
    /// Who has joined, who is waited for, and who has fallen silent after joining.
    joined: Sets,
    awaited: Sets,
    late: Sets,
    consensus: Timers,
    form: Timers,
    /// One for each node of the scenario.
    slots: usize,
}

/// What totem needs to know of the rest.
pub struct Around<'a, const W: usize> {
    pub links: &'a Links,
    pub votes: &'a Votes<W>,
    pub timing: &'a Timing,
    pub reach: Sets,
    /// Members whose process has ended in good order.
    pub left: NodeSet<W>,
}

/// Why members gather.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Loss,
    Leave,
    Merge,
}

/// What a timer of totem has come to.
pub enum Fired {
    /// It was none of its timers.
    NotMine,
    /// Something to follow up, but no new ring.
    Gathered,
    /// The ring of this member may form.
    Agreed(Node),
}

impl Totem {
    /// Registers the state of an instance.
    pub fn new<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> Totem {
        let mut each =
            |what: &str| blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Reaction);
        let (token, consensus, form) = (each("token"), each("consensus"), each("form"));
        let mut sets = |what: &str| blueprint.private_sets(&format!("{name}.{what}"));
        Totem {
            unit: sets("unit"),
            group: sets("group"),
            halted: sets("halted"),
            joined: sets("joined"),
            awaited: sets("awaited"),
            late: sets("late"),
            answering: blueprint.private_set(&format!("{name}.answering")),
            busy: blueprint.private_set(&format!("{name}.token_lost")),
            gathering: blueprint.private_set(&format!("{name}.gathering")),
            token,
            consensus,
            form,
            slots: blueprint.nodes(),
        }
    }

    /// A member no longer takes part.
    pub fn drop_out<const W: usize>(&self, node: Node, step: &mut Step<'_, W>) {
        step.remove_private(self.answering, node);
        self.end_gather(NodeSet::single(node), step);
        self.resume(NodeSet::single(node), step);
        step.put_private(self.unit.at(node), NodeSet::EMPTY);
        step.put_private(self.group.at(node), NodeSet::EMPTY);
    }

    fn end_gather<const W: usize>(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        step.put_private(self.gathering, step.get(self.gathering) - nodes);
        for node in nodes {
            for sets in [self.joined, self.awaited, self.late] {
                step.put_private(sets.at(node), NodeSet::EMPTY);
            }
            step.cancel(self.consensus.at(node));
            step.cancel(self.form.at(node));
        }
    }

    /// These no longer wait for a token.
    fn resume<const W: usize>(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        for slot in step.get(self.busy) {
            let left = step.get(self.halted.at(slot)) - nodes;
            step.put_private(self.halted.at(slot), left);
            if left.is_empty() {
                step.cancel(self.token.at(slot));
                step.remove_private(self.busy, slot);
            }
        }
    }

    fn halted<const W: usize>(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let slots = step.get(self.busy);
        slots.iter().fold(NodeSet::EMPTY, |all, slot| {
            all | step.get(self.halted.at(slot))
        })
    }

    /// Members whose ring delivers nothing: the token is lost, or they gather.
    pub fn standing_still<const W: usize>(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.halted(step) | step.get(self.gathering)
    }

    /// Those that a member could form a ring with.
    pub fn group_of<const W: usize>(&self, node: Node, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.group.at(node))
    }

    /// The members of the rings of these that they miss.
    fn lost<const W: usize>(
        &self,
        nodes: NodeSet<W>,
        around: &Around<'_, W>,
        step: &Step<'_, W>,
    ) -> NodeSet<W> {
        nodes.iter().fold(NodeSet::EMPTY, |all, node| {
            all | (around.votes.ring(node, step) - step.get(self.unit.at(node)))
        })
    }

    /// Finds who shares a ring and who could form one.
    pub fn regroup<const W: usize>(&self, around: &Around<'_, W>, step: &mut Step<'_, W>) {
        let answering = step.get(self.answering);
        let passing = |node: Node, step: &Step<'_, W>| {
            around
                .links
                .passing(node, answering, around.reach, step)
                .with(node)
        };
        let mut groups: Vec<(NodeSet<W>, NodeSet<W>)> = Vec::new();
        let mut rest = answering;
        while let Some(seed) = rest.first() {
            let (mut unit, mut all_reach) = (NodeSet::single(seed), passing(seed, step));
            for node in rest.without(seed) & around.votes.ring(seed, step) {
                let same_ring = around.votes.ring(node, step).contains(seed);
                let reached = passing(node, step);
                if same_ring && all_reach.contains(node) && unit.is_subset(reached) {
                    unit.insert(node);
                    all_reach &= reached;
                }
            }
            rest -= unit;
            for node in unit {
                step.put_private(self.unit.at(node), unit);
            }
            let open = |(group, reach): &(NodeSet<W>, NodeSet<W>)| {
                unit.is_subset(*reach) && group.is_subset(all_reach)
            };
            match groups.iter_mut().find(|group| open(group)) {
                Some((group, reach)) => {
                    *group |= unit;
                    *reach &= all_reach;
                }
                None => groups.push((unit, all_reach)),
            }
        }
        for (group, _) in groups {
            for node in group {
                step.put_private(self.group.at(node), group);
            }
        }
    }

    /// Everything that follows from a change of groups or rings.
    pub fn tend<const W: usize>(&self, around: &Around<'_, W>, step: &mut Step<'_, W>) {
        let mut rest = step.get(self.answering);
        while let Some(first) = rest.first() {
            let group = self.group_of(first, step);
            rest -= group;
            let lost = self.lost(group, around, step);
            let one_ring = step.get(self.unit.at(first)) == group;
            if group.intersects(step.get(self.gathering)) {
                self.tend_gather(group, around, step);
            } else if !one_ring {
                self.gather(group, Why::Merge, around, step);
            } else if lost.intersects(around.left) {
                self.gather(group, Why::Leave, around, step);
            } else if lost.is_empty() {
                self.resume(group, step);
            } else {
                self.miss_token(group, around, step);
            }
        }
    }

    /// The token does not come back; all who have lost it together miss it together.
    fn miss_token<const W: usize>(
        &self,
        group: NodeSet<W>,
        around: &Around<'_, W>,
        step: &mut Step<'_, W>,
    ) {
        let Some(first) = (group - self.halted(step)).first() else {
            return;
        };
        let ring = around.votes.ring(first, step);
        let busy = step.get(self.busy);
        let shared = |slot: &Node| {
            let others = step.get(self.halted.at(*slot)) & ring;
            others
                .iter()
                .any(|other| around.votes.ring(other, step).contains(first))
        };
        let slot = match busy.iter().find(shared) {
            Some(slot) => slot,
            None => {
                // A busy slot has a member that waits there and not here, so there are
                // more slots than busy ones.
                let slots = NodeSet::<W>::first_n(self.slots);
                let Some(free) = (slots - busy).first() else {
                    return;
                };
                step.put_private(self.busy, busy.with(free));
                step.put_private(self.halted.at(free), NodeSet::EMPTY);
                step.arm(self.token.at(free), around.timing.token_loss);
                free
            }
        };
        let halted = step.get(self.halted.at(slot)) | group;
        step.put_private(self.halted.at(slot), halted);
    }

    /// A group begins to gather.
    fn gather<const W: usize>(
        &self,
        group: NodeSet<W>,
        why: Why,
        around: &Around<'_, W>,
        step: &mut Step<'_, W>,
    ) {
        self.resume(group, step);
        let awaited = self.lost(group, around, step) - group - around.left;
        step.put_private(self.gathering, step.get(self.gathering) | group);
        self.wait_for(group, (awaited, NodeSet::EMPTY), step);
        for node in group {
            step.cancel(self.form.at(node));
        }
        if awaited.is_empty() {
            self.agree(group, why, around, step);
        } else {
            self.start_consensus(group, around, step);
        }
    }

    fn wait_for<const W: usize>(
        &self,
        group: NodeSet<W>,
        (awaited, late): (NodeSet<W>, NodeSet<W>),
        step: &mut Step<'_, W>,
    ) {
        for node in group {
            step.put_private(self.joined.at(node), group);
            step.put_private(self.awaited.at(node), awaited);
            step.put_private(self.late.at(node), late);
        }
    }

    fn start_consensus<const W: usize>(
        &self,
        group: NodeSet<W>,
        around: &Around<'_, W>,
        step: &mut Step<'_, W>,
    ) {
        for node in group {
            step.arm(self.consensus.at(node), around.timing.consensus);
        }
    }

    /// Nobody is missing: the ring forms in a moment.
    fn agree<const W: usize>(
        &self,
        group: NodeSet<W>,
        why: Why,
        around: &Around<'_, W>,
        step: &mut Step<'_, W>,
    ) {
        let Some(leader) = group.first() else { return };
        for node in group {
            step.cancel(self.consensus.at(node));
        }
        let timing = around.timing;
        let delay = match why {
            Why::Loss => timing.form,
            Why::Leave => timing.leave,
            Why::Merge => {
                let lost = step.choose(&timing.lost_commits) as u64;
                after(timing.token_retransmit.times(lost), timing.merge)
            }
        };
        step.arm(self.form.at(leader), delay);
    }

    /// Somebody of a gathering group has come, gone, or come back.
    fn tend_gather<const W: usize>(
        &self,
        group: NodeSet<W>,
        around: &Around<'_, W>,
        step: &mut Step<'_, W>,
    ) {
        let old = group & step.get(self.gathering);
        let newcomers = group - old;
        let (mut joined, mut awaited, mut late) =
            (NodeSet::EMPTY, NodeSet::EMPTY, NodeSet::EMPTY);
        for node in old {
            joined |= step.get(self.joined.at(node));
            awaited |= step.get(self.awaited.at(node));
            late |= step.get(self.late.at(node));
        }
        let before = (awaited, late);
        awaited = (awaited | self.lost(newcomers, around, step)) - group - around.left;
        late = (late | (joined - group)) - group - around.left - awaited;
        if newcomers.is_empty() && joined == group && before == (awaited, late) {
            return;
        }
        self.resume(newcomers, step);
        step.put_private(self.gathering, step.get(self.gathering) | group);
        self.wait_for(group, (awaited, late), step);
        for node in joined | group {
            step.cancel(self.form.at(node));
        }
        let waiting = group
            .iter()
            .any(|node| step.is_armed(self.consensus.at(node)));
        if awaited.is_empty() && late.is_empty() {
            let why = if waiting { Why::Loss } else { Why::Merge };
            self.agree(group, why, around, step);
        } else if !waiting || !newcomers.is_empty() {
            self.start_consensus(group, around, step);
        }
    }

    /// A timer has run out.
    pub fn fire<const W: usize>(
        &self,
        timer: Timer,
        around: &Around<'_, W>,
        step: &mut Step<'_, W>,
    ) -> Fired {
        if let Some(slot) = self.token.node(timer) {
            let halted = step.get(self.halted.at(slot));
            self.resume(halted, step);
            let mut rest = halted;
            while let Some(first) = rest.first() {
                let group = self.group_of(first, step).with(first);
                rest -= group;
                self.gather(group, Why::Loss, around, step);
            }
            return Fired::Gathered;
        }
        if let Some(node) = self.consensus.node(timer) {
            let group = self.group_of(node, step);
            let late = step.get(self.late.at(node));
            self.wait_for(group, (late, NodeSet::EMPTY), step);
            if late.is_empty() {
                self.agree(group, Why::Loss, around, step);
            } else {
                self.start_consensus(group, around, step);
            }
            return Fired::Gathered;
        }
        match self.form.node(timer) {
            Some(leader) => Fired::Agreed(leader),
            None => Fired::NotMine,
        }
    }

    /// The members of the ring that forms now under this leader.
    pub fn formed<const W: usize>(&self, leader: Node, step: &mut Step<'_, W>) -> NodeSet<W> {
        let group = self.group_of(leader, step);
        self.end_gather(group, step);
        group
    }
}

/// A delay after a fixed time.
fn after(fixed: crate::automaton::Nanos, delay: Delay) -> Delay {
    match delay {
        Delay::Fixed(value) => Delay::Fixed(fixed + value),
        Delay::Uniform { low, high } => Delay::Uniform {
            low: fixed + low,
            high: fixed + high,
        },
        Delay::Drawn(id) => Delay::FixedThenDrawn(fixed, id),
        Delay::FixedThenDrawn(value, id) => Delay::FixedThenDrawn(fixed + value, id),
    }
}
