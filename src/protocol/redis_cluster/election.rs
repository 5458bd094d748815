//! Who owns which shard: views, replicas, elections.

use super::{Instance, RedisCluster};
use crate::automaton::{Counter, Delay, Node, NodeSet, Step};

/// What an instance believes of a shard: its owner, and the epoch of that claim. The
/// newer claim is the larger number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct View(pub u64);

impl View {
    const OWNER_BITS: u32 = 10;

    pub fn new(epoch: u64, owner: Instance) -> View {
        View(epoch << Self::OWNER_BITS | u64::from(owner.0))
    }

    /// The claim of the first owner of a shard.
    pub fn first(shard: usize) -> View {
        View::new(shard as u64 + 1, Node(shard as u16))
    }

    pub fn owner(self) -> Instance {
        Node((self.0 & ((1 << Self::OWNER_BITS) - 1)) as u16)
    }

    pub fn epoch(self) -> u64 {
        self.0 >> Self::OWNER_BITS
    }
}

impl<const W: usize> RedisCluster<W> {
    pub(super) fn view_at(&self, i: Instance, shard: usize) -> Counter {
        self.views.nth(i.index() * self.layout.shards + shard)
    }

    pub(super) fn view(&self, i: Instance, shard: usize, step: &Step<'_, W>) -> View {
        View(step.count(self.view_at(i, shard)))
    }

    /// The masters with slots, as `i` sees them.
    pub(super) fn owners(&self, i: Instance, step: &Step<'_, W>) -> NodeSet<W> {
        (0..self.layout.shards)
            .map(|shard| self.view(i, shard, step).owner())
            .collect()
    }

    /// Is `x` a master with slots, as `i` sees it?
    pub(super) fn sees_owner(&self, i: Instance, x: Instance, step: &Step<'_, W>) -> bool {
        (0..self.layout.shards).any(|shard| self.view(i, shard, step).owner() == x)
    }

    pub(super) fn is_owner(&self, i: Instance, step: &Step<'_, W>) -> bool {
        self.sees_owner(i, i, step)
    }

    /// The master that a replica follows.
    pub(super) fn master(&self, i: Instance, step: &Step<'_, W>) -> Instance {
        let shard = step.count(self.shard.at(i)) as usize;
        self.view(i, shard, step).owner()
    }

    /// `i` and `x` tell each other what they know of the shards.
    pub(super) fn merge_views(&self, i: Instance, x: Instance, step: &mut Step<'_, W>) {
        for shard in 0..self.layout.shards {
            let newest = self.view(i, shard, step).max(self.view(x, shard, step));
            self.adopt(i, shard, newest, step);
            self.adopt(x, shard, newest, step);
        }
    }

    /// `i` believes a newer claim. Who loses its last slots becomes a replica.
    pub(super) fn adopt(&self, i: Instance, shard: usize, claim: View, step: &mut Step<'_, W>) {
        let before = self.view(i, shard, step);
        if claim <= before {
            return;
        }
        step.set_count(self.view_at(i, shard), claim.0);
        if claim.owner() == before.owner() {
            return;
        }
        let k = &self.known;
        if before.owner() == i && !self.is_owner(i, step) {
            step.set_count(self.shard.at(i), shard as u64);
            step.insert(k.expired, i);
        }
        if step.count(self.shard.at(i)) as usize == shard {
            // It follows another master now, and has to synchronise with it.
            step.remove(k.synced, i);
            step.cancel(self.timers.sync.at(i));
        }
        // Who has lost its slots and is in reach is not kept in FAIL.
        let loser = before.owner();
        let slotless = !self.owners(i, step).contains(loser);
        if slotless && step.has(k.contact.at(i), loser) && step.has(k.fail.at(i), loser) {
            self.clear_fail(i, loser, step);
        }
    }

    /// Keeps a replica's synchronisation, data age and election in line with what it sees.
    pub(super) fn tend_replica(&self, i: Instance, step: &mut Step<'_, W>) {
        let (k, t) = (&self.known, &self.timers);
        if self.is_owner(i, step) {
            for id in [k.synced, k.expired, k.resting, k.requesting] {
                step.remove(id, i);
            }
            for timers in [t.sync, t.age, t.election, t.vote] {
                step.cancel(timers.at(i));
            }
            return;
        }
        let master = self.master(i, step);
        if step.has(k.contact.at(i), master) && self.is_owner(master, step) {
            step.cancel(t.age.at(i));
            let missing = !step.has(k.synced, i) && !step.is_armed(t.sync.at(i));
            if missing && self.settings.masterauth {
                let full = step.has(k.expired, i);
                let s = &self.settings;
                let delay = if full { s.sync_full } else { s.sync_partial };
                step.arm(t.sync.at(i), delay);
            }
        } else {
            step.cancel(t.sync.at(i));
            step.remove(k.synced, i);
            let ages = !step.has(k.expired, i) && !step.is_armed(t.age.at(i));
            if ages && let Some(limit) = self.settings.data_age {
                step.arm(t.age.at(i), limit);
            }
        }
        self.tend_election(i, master, step);
    }

    fn tend_election(&self, i: Instance, master: Instance, step: &mut Step<'_, W>) {
        let (k, t) = (&self.known, &self.timers);
        if !step.has(k.fail.at(i), master) {
            for timers in [t.election, t.vote] {
                step.cancel(timers.at(i));
            }
            step.remove(k.requesting, i);
            step.remove(k.resting, i);
            return;
        }
        if self.is_too_old(i, step) || step.is_armed(t.election.at(i)) {
            return;
        }
        if step.has(k.resting, i) {
            if self.sees_majority(i, step) {
                step.remove(k.resting, i);
                step.arm(t.vote.at(i), self.settings.retry_phase);
            }
        } else if !step.is_armed(t.vote.at(i)) {
            let rank = self.rank(i, step);
            step.arm(t.election.at(i), self.settings.election(rank));
        }
    }

    fn is_too_old(&self, i: Instance, step: &Step<'_, W>) -> bool {
        self.settings.data_age.is_some() && step.has(self.known.expired, i)
    }

    /// Old data rank after those siblings that have newer ones.
    fn rank(&self, i: Instance, step: &Step<'_, W>) -> u64 {
        if !step.has(self.known.expired, i) {
            return 0;
        }
        let shard = step.count(self.shard.at(i));
        let newer = step.get(self.known.contact.at(i)) - step.get(self.known.expired);
        newer
            .iter()
            .filter(|x| step.count(self.shard.at(*x)) == shard && !self.is_owner(*x, step))
            .count() as u64
    }

    /// Could `i` win at all?
    fn sees_majority(&self, i: Instance, step: &Step<'_, W>) -> bool {
        let owners = self.owners(i, step);
        (owners & step.get(self.known.contact.at(i))).len() > owners.len() / 2
    }

    /// The election delay is over.
    pub(super) fn ask_for_votes(&self, i: Instance, step: &mut Step<'_, W>) {
        if !self.is_too_old(i, step) {
            step.insert(self.known.requesting, i);
            step.arm(self.timers.vote.at(i), self.settings.vote);
        }
    }

    /// The votes are in, or the pause after a lost election is over.
    pub(super) fn vote_ends(&self, i: Instance, step: &mut Step<'_, W>) {
        let k = &self.known;
        if step.has(k.requesting, i) {
            step.remove(k.requesting, i);
            let master = self.master(i, step);
            if !self.elect(i, master, false, step) {
                step.arm(self.timers.vote.at(i), self.settings.retry);
            }
        } else if !self.sees_majority(i, step) {
            step.insert(k.resting, i);
        }
    }

    /// The election of `i` in place of `master`; `forced` votes need no FAIL.
    pub(super) fn elect(
        &self,
        i: Instance,
        master: Instance,
        forced: bool,
        step: &mut Step<'_, W>,
    ) -> bool {
        let owners = self.owners(i, step);
        let mut votes = NodeSet::EMPTY;
        for voter in owners & step.get(self.known.contact.at(i)) {
            if self.would_vote(voter, i, master, forced, step) {
                votes.insert(voter);
            }
        }
        if votes.len() <= owners.len() / 2 {
            return false;
        }
        let epoch = self.next_epoch(step.get(self.known.contact.at(i)).with(i), step);
        for voter in votes {
            step.set_count(self.voted.at(voter), epoch);
        }
        for shard in 0..self.layout.shards {
            if self.view(i, shard, step).owner() == master {
                let bar = Node(shard as u16);
                let barred = self.known.barred.at(bar);
                step.put(barred, step.get(barred) | votes);
                step.arm(self.timers.bar.at(bar), self.settings.vote_bar);
                self.claim(i, shard, epoch, step);
            }
        }
        true
    }

    fn would_vote(
        &self,
        voter: Instance,
        i: Instance,
        master: Instance,
        forced: bool,
        step: &Step<'_, W>,
    ) -> bool {
        if !self.is_owner(voter, step) || !(forced || step.has(self.known.fail.at(voter), master)) {
            return false;
        }
        (0..self.layout.shards).all(|shard| {
            let claim = self.view(i, shard, step);
            let barred = step.has(self.known.barred.at(Node(shard as u16)), voter);
            claim.owner() != master
                || (self.view(voter, shard, step) <= claim && (forced || !barred))
        })
    }

    /// An epoch that none of these instances has heard of.
    pub(super) fn next_epoch(&self, heard: NodeSet<W>, step: &Step<'_, W>) -> u64 {
        let newest = heard
            .iter()
            .map(|i| {
                (0..self.layout.shards)
                    .map(|shard| self.view(i, shard, step).epoch())
                    .fold(step.count(self.voted.at(i)), u64::max)
            })
            .max();
        newest.unwrap_or(0) + 1
    }

    /// `i` takes a shard and tells everybody whom it reaches.
    pub(super) fn claim(&self, i: Instance, shard: usize, epoch: u64, step: &mut Step<'_, W>) {
        let claim = View::new(epoch, i);
        self.adopt(i, shard, claim, step);
        for other in step.get(self.known.contact.at(i)) {
            self.adopt(other, shard, claim, step);
        }
    }

    /// A replica is in sync with its master.
    pub(super) fn synchronised(&self, i: Instance, step: &mut Step<'_, W>) {
        step.insert(self.known.synced, i);
        step.remove(self.known.expired, i);
    }

    /// How long a person's failover takes.
    pub(super) fn manual_delay(&self) -> Delay {
        self.settings.manual
    }
}
