//! Raft: one elected leader and a log that a majority has to hold.
//!
//! Sources: (RP) Ongaro and Ousterhout 2014; (RD) Ongaro's dissertation 2014; (E) etcd 3.5.
//! Nothing was measured: Raft is here because architects ask for it beside the others.
//!
//! **Leader.** Followers that do not hear a leader for a random time between `election_timeout`
//! and twice that ask for votes in a higher term. A node votes once in a term, and only
//! for somebody whose log is not older than its own, so a leader has all that was
//! committed (RP 5.4). A majority of all members elects. Two that ask within one message
//! of each other can split the votes; they try again after new waits.
//!
//! **Silence.** The heartbeat that was missed was due U(0, `heartbeat_interval`) after the
//! loss; all followers of a leader share that phase, and their waits began one interval
//! before it.
//!
//! **Pre-vote** (RD 9.6): a node asks first whether it could win, and raises its term only
//! then; those who hear a leader say no. Without it, a node that was cut off comes back with
//! a higher term and makes a good leader step down. **Check quorum**: a leader without a
//! majority steps down after an election timeout; a node that hears a leader ignores requests
//! (RD 4.2.3).
//!
//! **Writes** are committed by a leader that reaches a majority. A leader without one still
//! believes in itself (two can), and commits nothing.
//!
//! Signals: `NAME.leader` (believe that they lead), `NAME.committing` (lead a majority),
//! `NAME.writable` (members through which a write is committed: the committing leader and
//! those that hear it), `NAME.candidate`.
//!
//! NOT modelled: changes of membership, learners, snapshots and the time to catch up, leader
//! transfer, disks that lose what they have synced, clients' retries.

use super::{Protocol, Site};
use crate::automaton::{
    Automaton, Blueprint, Counters, Delay, Mark, Nanos, Node, NodeSet, SetId, Sets, Step, Timer,
    TimerClass, Timers,
};
use crate::scenario::error::Result;
use crate::world::WorldSignals;
use crate::world::process::ProcessSignals;

/// One group of servers.
pub struct Raft<const W: usize> {
    name: String,
    members: NodeSet<W>,
    election_timeout: Nanos,
    heartbeat: Nanos,
    message: Delay,
    pre_vote: bool,
    check_quorum: bool,
    world: WorldSignals,
    process: ProcessSignals,
    signals: Signals,
    own: Own,
    timers: RaftTimers,
}

/// What scenarios may name.
struct Signals {
    leader: SetId,
    committing: SetId,
    writable: SetId,
    candidate: SetId,
}

/// What the servers know.
struct Own {
    live: SetId,
    /// Followers that wait for the heartbeat that will not come.
    mourning: SetId,
    /// For each leader: those that hear it.
    followers: Sets,
    /// Terms and the ages of logs, as ranks: only their order matters.
    term: Counters,
    log: Counters,
    /// For whom a node has voted in its term, plus one.
    vote: Counters,
    /// The leader that a node heard last, plus one.
    heard: Counters,
}

struct RaftTimers {
    /// Of a leader: its next heartbeat would have been due.
    beat: Timers,
    /// Of each other node: it hears nobody for too long.
    election: Timers,
    /// Of a candidate: its requests arrive; the answers arrive.
    ask: Timers,
    answer: Timers,
    /// Of a leader: it has no majority for too long; it hears of a higher term.
    quit: Timers,
    overruled: Timers,
}

impl<const W: usize> Raft<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let (p, name, members) = (site.parameters, site.name, site.members());
        let (election_timeout, heartbeat) = (
            p.positive_duration("election_timeout")?,
            p.positive_duration("heartbeat_interval")?,
        );
        if heartbeat >= election_timeout {
            let message = "a leader must be heard several times in an election timeout";
            return Err(p.error("heartbeat_interval", message));
        }
        let mut signal = |what: &str| blueprint.signal(&format!("{name}.{what}"), members);
        let signals = Signals {
            leader: signal("leader"),
            committing: signal("committing"),
            writable: signal("writable"),
            candidate: signal("candidate"),
        };
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{what}"));
        let (live, mourning) = (set("live"), set("mourning"));
        let nodes = blueprint.nodes();
        let mut timers =
            |what: &str| blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Reaction);
        let timers = RaftTimers {
            beat: timers("heartbeat"),
            election: timers("election"),
            ask: timers("request"),
            answer: timers("answer"),
            quit: timers("check_quorum"),
            overruled: timers("overruled"),
        };
        Ok(Raft {
            name: name.to_owned(),
            members,
            election_timeout,
            heartbeat,
            message: blueprint.delay(&p.distribution("message", site.files)?),
            pre_vote: p.flag("pre_vote")?,
            check_quorum: p.flag("check_quorum")?,
            world: site.signals,
            process: site.process("process")?,
            signals,
            own: Own {
                live,
                mourning,
                followers: blueprint.private_sets(&format!("{name}.followers")),
                term: blueprint.counters(nodes),
                log: blueprint.counters(nodes),
                vote: blueprint.counters(nodes),
                heard: blueprint.counters(nodes),
            },
            timers,
        })
    }

    fn live(&self, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.process.works) & self.members
    }

    /// Other servers with which a node can exchange messages.
    fn peers(&self, node: Node, step: &Step<'_, W>) -> NodeSet<W> {
        let reached = step.get(self.world.reach.at(node)) & self.live(step);
        let answers = |peer: &Node| step.has(self.world.reach.at(*peer), node);
        reached.without(node).iter().filter(answers).collect()
    }

    fn is_majority(&self, count: usize) -> bool {
        2 * count > self.members.len()
    }

    fn term(&self, node: Node, step: &Step<'_, W>) -> u64 {
        step.count(self.own.term.at(node))
    }

    /// Those that hear a leader and accept it.
    fn followers(&self, leader: Node, step: &Step<'_, W>) -> NodeSet<W> {
        let term = self.term(leader, step);
        let accepts = |peer: &Node| {
            let theirs = self.term(*peer, step);
            theirs < term || (theirs == term && !step.has(self.signals.leader, *peer))
        };
        self.peers(leader, step).iter().filter(accepts).collect()
    }

    /// A wait between the election timeout and twice that, which began so long ago.
    fn wait(&self, begun: Nanos) -> Delay {
        Delay::Uniform {
            low: self.election_timeout.since(begun),
            high: self.election_timeout.times(2).since(begun),
        }
    }

    /// The state of a group that has been running for a long time.
    fn lay_out(&self, step: &mut Step<'_, W>) {
        let live = self.live(step);
        step.put_private(self.own.live, live);
        let able = |node: &Node| self.is_majority(self.peers(*node, step).len() + 1);
        let leader = live.iter().find(able);
        step.put(self.signals.leader, leader.map_or(NodeSet::EMPTY, NodeSet::single));
        for node in self.members {
            let followers = match leader {
                Some(leader) if leader == node => self.followers(leader, step),
                _ => NodeSet::EMPTY,
            };
            step.put_private(self.own.followers.at(node), followers);
            let follows = leader.filter(|l| self.peers(*l, step).contains(node));
            step.set_count(self.own.heard.at(node), follows.map_or(0, |l| u64::from(l.0) + 1));
        }
        self.publish(step);
    }

    fn publish(&self, step: &mut Step<'_, W>) {
        let (mut committing, mut writable) = (NodeSet::EMPTY, NodeSet::EMPTY);
        for leader in step.get(self.signals.leader) {
            let followers = step.get(self.own.followers.at(leader));
            if self.is_majority(followers.len() + 1) {
                committing.insert(leader);
                writable |= followers.with(leader);
            }
        }
        step.put(self.signals.committing, committing);
        step.put(self.signals.writable, writable);
    }

    /// Brings everybody's view up to date.
    fn settle(&self, step: &mut Step<'_, W>) {
        self.follow_processes(step);
        for leader in step.get(self.signals.leader) {
            self.lead(leader, step);
        }
        self.follow_silence(step);
        self.normalise(self.own.term, step);
        self.normalise(self.own.log, step);
        self.publish(step);
    }

    fn follow_processes(&self, step: &mut Step<'_, W>) {
        let (before, now) = (step.get(self.own.live), self.live(step));
        step.put_private(self.own.live, now);
        for node in before - now {
            self.steps_down(node, step);
            step.cancel(self.timers.election.at(node));
            step.set_count(self.own.heard.at(node), 0);
            step.remove_private(self.own.mourning, node);
        }
        for node in now - before {
            step.arm(self.timers.election.at(node), self.wait(Nanos::ZERO));
        }
    }

    /// A node is neither leader nor candidate any more.
    fn steps_down(&self, node: Node, step: &mut Step<'_, W>) {
        let t = &self.timers;
        for timers in [t.ask, t.answer, t.quit, t.overruled] {
            step.cancel(timers.at(node));
        }
        step.remove(self.signals.leader, node);
        step.remove(self.signals.candidate, node);
    }

    /// A leader is heard by those that it reaches, or hears from them that it is not one.
    fn lead(&self, leader: Node, step: &mut Step<'_, W>) {
        let t = &self.timers;
        let term = self.term(leader, step);
        let higher = |peer: &Node| self.term(*peer, step) > term;
        let overruled = self.peers(leader, step).iter().any(|peer| higher(&peer));
        if !overruled {
            step.cancel(t.overruled.at(leader));
        } else if !step.is_armed(t.overruled.at(leader)) {
            step.arm(t.overruled.at(leader), Delay::phase(self.heartbeat));
        }
        let before = step.get(self.own.followers.at(leader));
        let now = self.followers(leader, step);
        step.put_private(self.own.followers.at(leader), now);
        for node in now {
            if self.term(node, step) < term {
                step.set_count(self.own.term.at(node), term);
                step.set_count(self.own.vote.at(node), 0);
            }
            self.steps_down(node, step);
            step.cancel(t.election.at(node));
            step.set_count(self.own.heard.at(node), u64::from(leader.0) + 1);
            step.remove_private(self.own.mourning, node);
        }
        let majority = self.is_majority(now.len() + 1);
        if majority {
            self.append(leader, now, !(before - now).is_empty(), step);
            step.cancel(t.quit.at(leader));
        } else if self.check_quorum && !step.is_armed(t.quit.at(leader)) {
            step.arm(t.quit.at(leader), Delay::Fixed(self.election_timeout));
        }
    }

    /// Those that hear the leader have the same log; when some hear it no more, what is
    /// committed from then on is newer than theirs.
    fn append(&self, leader: Node, followers: NodeSet<W>, renew: bool, step: &mut Step<'_, W>) {
        let log = self.own.log;
        let newest = self.members.iter().map(|node| step.count(log.at(node))).max();
        let own = step.count(log.at(leader));
        let now = if renew { newest.unwrap_or(0) + 1 } else { own };
        for node in followers.with(leader) {
            step.set_count(log.at(node), now);
        }
    }

    /// Nodes that hear nobody begin to wait.
    fn follow_silence(&self, step: &mut Step<'_, W>) {
        let mut hears = step.get(self.signals.leader);
        for leader in step.get(self.signals.leader) {
            hears |= step.get(self.own.followers.at(leader));
        }
        for node in self.live(step) - hears {
            if step.is_armed(self.timers.election.at(node)) || step.has(self.own.mourning, node) {
                continue;
            }
            let heard = step.count(self.own.heard.at(node)).checked_sub(1);
            step.set_count(self.own.heard.at(node), 0);
            match heard {
                None => step.arm(self.timers.election.at(node), self.wait(Nanos::ZERO)),
                Some(leader) => {
                    let beat = self.timers.beat.at(Node(leader as u16));
                    step.set_count(self.own.heard.at(node), leader + 1);
                    step.insert_private(self.own.mourning, node);
                    if !step.is_armed(beat) {
                        step.arm(beat, Delay::phase(self.heartbeat));
                    }
                }
            }
        }
    }

    /// The heartbeat that did not come was due: its hearers have waited for one interval.
    fn missed(&self, leader: Node, step: &mut Step<'_, W>) {
        for node in step.get(self.own.mourning) {
            if step.count(self.own.heard.at(node)) == u64::from(leader.0) + 1 {
                step.set_count(self.own.heard.at(node), 0);
                step.remove_private(self.own.mourning, node);
                step.arm(self.timers.election.at(node), self.wait(self.heartbeat));
            }
        }
    }

    fn hears_leader(&self, node: Node, step: &Step<'_, W>) -> bool {
        step.get(self.signals.leader)
            .iter()
            .any(|leader| step.has(self.own.followers.at(leader), node))
    }

    /// A node has waited long enough.
    fn stands(&self, node: Node, step: &mut Step<'_, W>) {
        step.arm(self.timers.election.at(node), self.wait(Nanos::ZERO));
        let log = step.count(self.own.log.at(node));
        if self.pre_vote {
            let says_yes = |peer: &Node| {
                step.count(self.own.log.at(*peer)) <= log
                    && !self.hears_leader(*peer, step)
                    && !step.has(self.signals.leader, *peer)
            };
            let yes = self.peers(node, step).iter().filter(says_yes).count();
            if !self.is_majority(yes + 1) {
                return;
            }
        }
        let term = self.term(node, step) + 1;
        step.set_count(self.own.term.at(node), term);
        step.set_count(self.own.vote.at(node), u64::from(node.0) + 1);
        step.insert(self.signals.candidate, node);
        step.cancel(self.timers.answer.at(node));
        step.arm(self.timers.ask.at(node), self.message);
    }

    /// The requests of a candidate arrive.
    fn asks(&self, node: Node, step: &mut Step<'_, W>) {
        let (term, log) = (self.term(node, step), step.count(self.own.log.at(node)));
        for peer in self.peers(node, step) {
            if self.check_quorum && self.hears_leader(peer, step) {
                continue;
            }
            if self.term(peer, step) < term {
                step.set_count(self.own.term.at(peer), term);
                step.set_count(self.own.vote.at(peer), 0);
                self.steps_down(peer, step);
            }
            let free = step.count(self.own.vote.at(peer)) == 0 && self.term(peer, step) == term;
            if free && step.count(self.own.log.at(peer)) <= log {
                step.set_count(self.own.vote.at(peer), u64::from(node.0) + 1);
                step.set_count(self.own.heard.at(peer), 0);
                step.remove_private(self.own.mourning, peer);
                step.arm(self.timers.election.at(peer), self.wait(Nanos::ZERO));
            }
        }
        step.arm(self.timers.answer.at(node), self.message);
    }

    /// The answers are there: a majority makes a leader.
    fn counts(&self, node: Node, step: &mut Step<'_, W>) {
        let term = self.term(node, step);
        let voted = |peer: &Node| {
            step.count(self.own.vote.at(*peer)) == u64::from(node.0) + 1
                && self.term(*peer, step) == term
        };
        let votes = self.peers(node, step).iter().filter(voted).count() + 1;
        if !self.is_majority(votes) || !step.has(self.signals.candidate, node) {
            return;
        }
        step.remove(self.signals.candidate, node);
        step.insert(self.signals.leader, node);
        step.cancel(self.timers.election.at(node));
        step.cancel(self.timers.beat.at(node));
        step.put_private(self.own.followers.at(node), NodeSet::EMPTY);
        // The first entry of a new term is newer than anything.
        self.append(node, NodeSet::EMPTY, true, step);
        step.mark(Mark::Restore);
    }

    /// A leader gives up.
    fn resigns(&self, leader: Node, step: &mut Step<'_, W>) {
        let highest = self.peers(leader, step).iter().map(|peer| self.term(peer, step)).max();
        let term = self.term(leader, step).max(highest.unwrap_or(0));
        if term > self.term(leader, step) {
            step.set_count(self.own.vote.at(leader), 0);
        }
        step.set_count(self.own.term.at(leader), term);
        self.steps_down(leader, step);
        step.put_private(self.own.followers.at(leader), NodeSet::EMPTY);
        step.arm(self.timers.election.at(leader), self.wait(Nanos::ZERO));
    }

    /// Only the order of these numbers matters: the least they can be, so that one
    /// situation is one state.
    fn normalise(&self, row: Counters, step: &mut Step<'_, W>) {
        let mut values: Vec<u64> = self.members.iter().map(|node| step.count(row.at(node))).collect();
        values.sort_unstable();
        values.dedup();
        for node in self.members {
            let value = step.count(row.at(node));
            let rank = values.partition_point(|other| *other < value);
            step.set_count(row.at(node), rank as u64);
        }
    }
}

impl<const W: usize> Protocol<W> for Raft<W> {
    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}

impl<const W: usize> Automaton<W> for Raft<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![self.process.works];
        reads.extend(self.members.iter().map(|node| self.world.reach.at(node)));
        reads
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    fn begin_again(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    fn begun(&self, step: &mut Step<'_, W>) {
        self.settle(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        self.settle(step);
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        let t = &self.timers;
        if let Some(leader) = t.beat.node(timer) {
            self.missed(leader, step);
        } else if let Some(node) = t.election.node(timer) {
            self.stands(node, step);
        } else if let Some(node) = t.ask.node(timer) {
            self.asks(node, step);
        } else if let Some(node) = t.answer.node(timer) {
            self.counts(node, step);
        } else if let Some(leader) = t.quit.node(timer).or(t.overruled.node(timer)) {
            self.resigns(leader, step);
        }
        self.settle(step);
    }
}
