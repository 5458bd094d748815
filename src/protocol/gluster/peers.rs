//! Server quorum: a glusterd that sees too few of its peers stops its brick.

use super::Gluster;
use crate::automaton::Step;

impl<const W: usize> Gluster<W> {
    /// Follows who sees enough peers. A node that boots starts no brick before.
    pub(super) fn watch_peers(&self, step: &mut Step<'_, W>) {
        let Some(quorum) = &self.settings.server_quorum else {
            return;
        };
        let k = &self.known;
        let (up, running) = (step.get(self.world.up), step.get(self.world.running));
        let booted = up - step.get(k.seen_up);
        step.put(k.seen_up, up & self.all_bricks);
        for node in self.all_bricks {
            let timer = self.timers.peers.at(node);
            let peers = self.all_bricks & running & step.get(self.world.reach.at(node));
            if !up.contains(node) || running.contains(node) && peers.len() >= quorum.needed {
                step.cancel(timer);
                step.remove(k.held, node);
            } else if !running.contains(node) {
                step.cancel(timer);
            } else if booted.contains(node) {
                step.insert(k.held, node);
            } else if !step.has(k.held, node) && !step.is_armed(timer) {
                step.arm(timer, quorum.notice);
            }
        }
    }
}
