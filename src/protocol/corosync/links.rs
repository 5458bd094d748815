//! knet: between each two members a link, which each of them judges for itself.
//!
//! A link is up after `pong_count` answered pings and at the next answer after them,
//! and down when no answer has come for `ping_timeout` (kronosnet 1.25
//! `threads_heartbeat.c`, `threads_rx.c`). A thread that wakes every 200 ms sends the
//! pings, so the interval is rounded up to that: 800 ms with two nodes, 1.2 s with
//! four. A process that has just started pings at once; for one that runs, the phase of
//! its next ping is unknown. Packets pass between two members if both call their link
//! up; a link that goes down never changes a membership by itself.

use super::settings::Timing;
use crate::automaton::{Blueprint, Node, NodeSet, Sets, Step, Timer, TimerClass, Timers};

/// The links of all members.
pub struct Links {
    members: Vec<Node>,
    /// The peers to which each member calls its link up.
    up: Sets,
    /// A change of one link, by pair of places.
    change: Timers,
}

impl Links {
    /// Registers the links between these members.
    pub fn new<const W: usize>(
        name: &str,
        members: &[Node],
        blueprint: &mut Blueprint<W>,
    ) -> Links {
        let pairs = members.len() * members.len();
        Links {
            members: members.to_vec(),
            up: blueprint.private_sets(&format!("{name}.links")),
            change: blueprint.timer_row(name, "link", pairs, TimerClass::Reaction),
        }
    }

    /// All links between these are up.
    pub fn begin<const W: usize>(&self, node: Node, peers: NodeSet<W>, step: &mut Step<'_, W>) {
        step.put_private(self.up.at(node), peers.without(node));
    }

    /// The process of a member is gone.
    pub fn forget<const W: usize>(&self, node: Node, step: &mut Step<'_, W>) {
        step.put_private(self.up.at(node), NodeSet::EMPTY);
        for (place, member) in self.members.iter().enumerate() {
            if *member == node {
                for peer in 0..self.members.len() {
                    step.cancel(self.change.nth(place * self.members.len() + peer));
                }
            }
        }
    }

    /// Starts and stops the clocks of the links after a change of who answers whom:
    /// `answering` run, `reach` says where packets go, `fresh` has just started.
    pub fn watch<const W: usize>(
        &self,
        answering: NodeSet<W>,
        reach: Sets,
        fresh: NodeSet<W>,
        timing: &Timing,
        step: &mut Step<'_, W>,
    ) {
        for (row, node) in self.members.iter().enumerate() {
            let heard = if answering.contains(*node) {
                step.get(reach.at(*node)) & answering
            } else {
                NodeSet::EMPTY
            };
            let up = step.get(self.up.at(*node));
            for (column, peer) in self.members.iter().enumerate() {
                let timer = self.change.nth(row * self.members.len() + column);
                let (is_up, answers) = (up.contains(*peer), heard.contains(*peer));
                if node == peer || is_up == answers {
                    step.cancel(timer);
                } else if !step.is_armed(timer) && (is_up || answering.contains(*node)) {
                    let delay = if is_up {
                        timing.link_down
                    } else if fresh.contains(*node) {
                        timing.link_up_fresh
                    } else if fresh.contains(*peer) {
                        timing.link_up
                    } else {
                        timing.link_healed
                    };
                    step.arm(timer, delay);
                }
            }
        }
    }

    /// One link changes, if the timer is of one.
    pub fn fire<const W: usize>(&self, timer: Timer, step: &mut Step<'_, W>) -> bool {
        let Some(pair) = self.change.position(timer) else {
            return false;
        };
        let (node, peer) = (
            self.members[pair / self.members.len()],
            self.members[pair % self.members.len()],
        );
        let up = self.up.at(node);
        let now = step.get(up);
        let changed = if now.contains(peer) {
            now.without(peer)
        } else {
            now.with(peer)
        };
        step.put_private(up, changed);
        true
    }

    /// The peers with which packets pass both ways.
    pub fn passing<const W: usize>(
        &self,
        node: Node,
        answering: NodeSet<W>,
        reach: Sets,
        step: &Step<'_, W>,
    ) -> NodeSet<W> {
        let mut peers = step.get(self.up.at(node)) & step.get(reach.at(node)) & answering;
        for peer in peers {
            if !step.has(self.up.at(peer), node) {
                peers.remove(peer);
            }
        }
        peers
    }
}
