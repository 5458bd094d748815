//! Who runs, who reaches whom, who is together, and who is missed: the part of
//! the specification before GATHER.

use super::Galera;
use crate::automaton::{Delay, Node, NodeSet, ProcessCommand, Step};

/// Why a view is formed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Somebody fell silent.
    Crash,
    /// Somebody said goodbye.
    Leave,
}

impl<const W: usize> Galera<W> {
    /// The members that execute, and those whose process exists.
    pub(super) fn processes(&self, step: &Step<'_, W>) -> (NodeSet<W>, NodeSet<W>) {
        let voters = self.members - self.data;
        let mut alive = step.get(self.mariadb.works) & self.data;
        let mut present = step.get(self.mariadb.present) & self.data;
        if let Some(garbd) = self.garbd {
            alive |= step.get(garbd.works) & voters;
            present |= step.get(garbd.present) & voters;
        }
        (alive, present)
    }

    fn stopped(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let own = step.get(self.mariadb.stopped) & self.data;
        own | self
            .garbd
            .map_or(NodeSet::EMPTY, |p| step.get(p.stopped) - self.data)
    }

    /// Takes in what the world has done. True if anything has changed.
    pub(super) fn observe(&self, step: &mut Step<'_, W>) -> bool {
        let k = &self.known;
        let (alive, present) = self.processes(step);
        let (was_alive, was_present) = (step.get(k.alive), step.get(k.present));
        if alive == was_alive && present == was_present {
            let changed = self.find_components(alive, step);
            return self.notice_detours(alive, step) || changed;
        }
        step.put(k.alive, alive);
        step.put(k.present, present);
        let leaving = (was_alive - alive) & self.stopped(step);
        if !leaving.is_empty() {
            self.say_goodbye(leaving, alive, step);
        }
        for node in (was_present - present) - leaving {
            self.forget(node, step);
            if step.has(k.new_cluster, node) {
                self.order_process(node, ProcessCommand::Start, step);
            }
        }
        self.find_components(alive, step);
        self.notice_detours(alive, step);
        for node in alive - was_alive {
            self.comes_alive(node, step);
        }
        if !leaving.is_empty() {
            self.close_ranks(alive, step);
        }
        true
    }

    /// Finds the components of the living members; true if any has changed.
    pub(super) fn find_components(&self, alive: NodeSet<W>, step: &mut Step<'_, W>) -> bool {
        let mut changed = false;
        let mut rest = alive;
        while let Some(seed) = rest.first() {
            let mut component = NodeSet::single(seed);
            let mut edge = component;
            while let Some(node) = edge.first() {
                let found = (step.get(self.reach.at(node)) & alive) - component;
                component |= found;
                edge = edge.without(node) | found;
                if component == rest {
                    break;
                }
            }
            for node in component {
                let id = self.known.component.at(node);
                changed |= step.get(id) != component;
                step.put(id, component);
            }
            rest -= component;
        }
        changed
    }

    /// Members of a view that lost their direct path but are still in one component:
    /// until gmcast relays over a third one, no write completes. True if there are any.
    fn notice_detours(&self, alive: NodeSet<W>, step: &mut Step<'_, W>) -> bool {
        let mut detours = false;
        for node in self.members {
            let seen = self.known.paths.at(node);
            let now = step.get(self.reach.at(node)) & self.members;
            let cut = step.get(seen) - now;
            step.put(seen, now);
            let mates = self.component(node, step) & self.view(node, step);
            let busy = self.slot_of(node, step).is_some();
            if !alive.contains(node) || busy || !cut.intersects(mates) {
                continue;
            }
            if let Some(leader) = self.component(node, step).first() {
                step.arm(self.timers.hang.at(leader), self.settings.hang_detour);
                detours = true;
            }
        }
        detours
    }

    pub(super) fn component(&self, node: Node, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.known.component.at(node))
    }

    pub(super) fn view(&self, node: Node, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.known.view.at(node))
    }

    /// The members that a node delivers together with, itself included.
    pub(super) fn together(&self, node: Node, step: &Step<'_, W>) -> NodeSet<W> {
        let view = self.view(node, step);
        let mut mates = view & self.component(node, step);
        for other in mates {
            let other_view = self.view(other, step);
            // If each is in the view of the other, both still are in the view that
            // they installed together last: every later one would have been joint.
            if !other_view.contains(node) {
                mates.remove(other);
            }
        }
        mates.with(node)
    }

    /// The members of a node's view that have gone without a word: unreachable,
    /// or replaced by a new incarnation. A peer that is there but has moved on to
    /// another view tells so itself and is not waited for.
    pub(super) fn lost(&self, node: Node, step: &Step<'_, W>) -> NodeSet<W> {
        let view = self.view(node, step) - step.get(self.known.left.at(node));
        let component = self.component(node, step);
        let mut lost = view - component;
        for other in view & component {
            if self.view(other, step).is_empty() {
                lost.insert(other);
            }
        }
        lost.without(node)
    }

    /// Does a COMMIT on this node of a primary view hang?
    pub(super) fn is_stalled(&self, node: Node, step: &Step<'_, W>) -> bool {
        let busy = !step.get(self.slots.busy).is_empty() && self.slot_of(node, step).is_some();
        let leader = self.component(node, step).first().unwrap_or(node);
        busy || step.is_armed(self.timers.hang.at(leader))
            || self.together(node, step) != self.view(node, step)
    }

    /// A process has come to life: a fresh incarnation, or one that stood still.
    fn comes_alive(&self, node: Node, step: &mut Step<'_, W>) {
        let k = &self.known;
        if !self.view(node, step).is_empty() {
            step.insert(k.thawed, node);
        } else if step.has(k.new_cluster, node) {
            step.remove(k.new_cluster, node);
            step.arm(self.timers.bootstrap.at(node), self.settings.new_cluster);
        } else if self.data.contains(node) && !(self.settings.recovery && step.has(k.record, node))
        {
            step.arm(self.timers.wait_prim.at(node), self.settings.wait_prim);
        }
    }

    /// Orderly leavers tell their peers and delete gvwstate.dat.
    fn say_goodbye(&self, leaving: NodeSet<W>, alive: NodeSet<W>, step: &mut Step<'_, W>) {
        let k = &self.known;
        for node in leaving {
            let component = self.component(node, step);
            for peer in component & alive {
                if self.view(peer, step).contains(node) {
                    step.insert(k.left.at(peer), node);
                }
            }
            // Where all leave at one instant, the last sees itself alone first.
            let view = self.view(node, step);
            let last = view.is_subset(leaving) && view.iter().all(|n| n.0 <= node.0);
            if last && step.has(k.prim, node) && self.data.contains(node) {
                step.insert(k.safe, node);
            }
        }
        for node in leaving {
            self.leave_gathers(node, step);
            self.forget(node, step);
            step.remove(k.record, node);
        }
    }

    /// After a goodbye the others form a view at once.
    fn close_ranks(&self, alive: NodeSet<W>, step: &mut Step<'_, W>) {
        for node in alive {
            let goodbye = !step.get(self.known.left.at(node)).is_empty();
            if goodbye && self.slot_of(node, step).is_none() {
                let mates = self.together(node, step);
                self.gather(mates, Why::Leave, step);
            }
        }
    }

    /// A process is gone, and with it all that it had in memory.
    fn forget(&self, node: Node, step: &mut Step<'_, W>) {
        let k = &self.known;
        self.drop_transfer(node, step);
        for id in [k.prim, k.memory, k.synced, k.opened, k.thawed] {
            step.remove(id, node);
        }
        step.put(k.view.at(node), NodeSet::EMPTY);
        step.put(k.left.at(node), NodeSet::EMPTY);
        let t = &self.timers;
        for timers in [t.check, t.wait_prim, t.bootstrap, t.contact, t.hang] {
            step.cancel(timers.at(node));
        }
    }

    /// Keeps one clock for each missing member, and after that one inactivity
    /// check for each member that misses it.
    pub(super) fn watch(&self, step: &mut Step<'_, W>) {
        let k = &self.known;
        let alive = step.get(k.alive);
        let (mut missing, mut wrote) = (NodeSet::EMPTY, NodeSet::EMPTY);
        for node in alive {
            let unexplained = self.unexplained(node, step);
            missing |= unexplained;
            if step.has(k.prim, node) {
                wrote |= unexplained;
            }
        }
        let before = step.get(k.missing);
        if missing.is_empty() && before.is_empty() && step.get(k.thawed).is_empty() {
            return;
        }
        for peer in before - missing {
            step.cancel(self.timers.silence.at(peer));
            step.remove(k.silent, peer);
        }
        for peer in missing - before {
            let s = &self.settings;
            let silence = if wrote.contains(peer) {
                s.silence
            } else {
                s.silence_idle
            };
            step.arm(self.timers.silence.at(peer), silence);
        }
        step.put(k.missing, missing);
        self.found_again((before - missing) & alive, step);
        self.time_the_cut(missing, step);
        let silent = step.get(k.silent);
        for node in alive {
            let check = self.timers.check.at(node);
            let alarmed = self.unexplained(node, step).intersects(silent);
            if !alarmed && !self.missed_a_view(node, step) {
                step.cancel(check);
            } else if !step.is_armed(check) {
                step.arm(check, self.settings.check);
            }
        }
    }

    /// The lost members that a node has not declared gone yet.
    fn unexplained(&self, node: Node, step: &Step<'_, W>) -> NodeSet<W> {
        let lost = self.lost(node, step);
        if lost.is_empty() {
            return lost;
        }
        match self.slot_of(node, step) {
            Some(slot) => lost - step.get(self.slots.gone.at(slot)),
            None => lost,
        }
    }

    /// Did the others install a view while this node stood still? To it they seem
    /// to have been silent all the time, so its next check finds them inactive.
    fn missed_a_view(&self, node: Node, step: &Step<'_, W>) -> bool {
        let k = &self.known;
        let unaware = step.has(k.thawed, node) && step.has(k.prim, node);
        let peers = self.view(node, step) & self.component(node, step);
        let moved_on = |peer: Node| {
            let view = self.view(peer, step);
            !view.is_empty() && !view.contains(node)
        };
        unaware && peers.iter().any(moved_on) && self.slot_of(node, step).is_none()
    }

    /// Peers that came back before anybody suspected them: the writes hang on
    /// until the connections have recovered.
    fn found_again(&self, peers: NodeSet<W>, step: &mut Step<'_, W>) {
        let k = &self.known;
        for peer in peers {
            let mates = self.together(peer, step);
            let alone = mates.len() < 2 || !self.lost(peer, step).is_empty();
            if alone || self.slot_of(peer, step).is_some() {
                continue;
            }
            let s = &self.settings;
            let hang = if step.has(k.thawed, peer) {
                s.hang_thaw
            } else if step.get(k.long_cut).is_empty() {
                s.hang_short
            } else {
                s.hang_long
            };
            step.remove(k.thawed, peer);
            if let Some(leader) = self.component(peer, step).first() {
                let timer = self.timers.hang.at(leader);
                if !step.is_armed(timer) {
                    step.arm(timer, hang);
                }
            }
        }
    }

    /// Tells cuts that outlast gmcast.peer_timeout from shorter ones.
    fn time_the_cut(&self, missing: NodeSet<W>, step: &mut Step<'_, W>) {
        let cut = missing & step.get(self.known.alive);
        let timer = self.timers.peer_timeout;
        if cut.is_empty() {
            step.cancel(timer);
            step.put(self.known.long_cut, NodeSet::EMPTY);
        } else if !step.is_armed(timer) && step.get(self.known.long_cut).is_empty() {
            step.arm(timer, self.settings.peer_timeout);
        }
    }

    /// A member checks who is inactive, declares the silent ones gone and sends
    /// its join message, if it has not done so.
    pub(super) fn inactivity_check(&self, observer: Node, step: &mut Step<'_, W>) {
        let silent = step.get(self.known.silent);
        let found = self.unexplained(observer, step) & silent;
        if found.is_empty() && !self.missed_a_view(observer, step) {
            return;
        }
        let slot = match self.slot_of(observer, step) {
            Some(slot) => slot,
            None => {
                let mates = self.together(observer, step);
                match self.gather(mates, Why::Crash, step) {
                    Some(slot) => slot,
                    None => return,
                }
            }
        };
        let id = self.slots.gone.at(slot);
        step.put(id, step.get(id) | found);
    }

    /// Strangers in one component find each other after a while.
    pub(super) fn seek_contact(&self, step: &mut Step<'_, W>) {
        let alive = step.get(self.known.alive);
        let mut leaders = NodeSet::EMPTY;
        let mut rest = alive;
        while let Some(leader) = rest.first() {
            let component = self.component(leader, step);
            rest -= component;
            let settled = self.is_gathering(component, step)
                || component.iter().all(|n| self.view(n, step) == component);
            let strangers = || {
                component
                    .iter()
                    .any(|n| self.together(n, step) != component || self.view(n, step).is_empty())
            };
            if settled || !strangers() {
                continue;
            }
            leaders.insert(leader);
            let timer = self.timers.contact.at(leader);
            if !step.is_armed(timer) {
                step.arm(timer, self.contact_delay(component, step));
            }
        }
        for node in self.members - leaders {
            step.cancel(self.timers.contact.at(node));
        }
    }

    fn contact_delay(&self, component: NodeSet<W>, step: &Step<'_, W>) -> Delay {
        let s = &self.settings;
        if component.intersects(step.get(self.known.thawed)) {
            s.contact_thaw
        } else if component.iter().any(|n| self.view(n, step).is_empty()) {
            s.contact_start
        } else {
            s.contact_heal
        }
    }

    /// pc.wait_prim_timeout: no primary component in sight, exit status 1.
    pub(super) fn give_up_waiting(&self, node: Node, step: &mut Step<'_, W>) {
        if step.has(self.known.alive, node) && !step.has(self.known.prim, node) {
            self.exit_with_error(node, step);
        }
    }
}
