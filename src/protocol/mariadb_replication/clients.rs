//! Clients with a list of servers: when they go to another one, and when they return.

use super::MariadbReplication;
use crate::automaton::{Delay, Mark, Node, NodeSet, Step};

impl<const W: usize> MariadbReplication<W> {
    /// The server that a client node uses.
    fn server(&self, client: Node, step: &Step<'_, W>) -> Option<Node> {
        let number = step.count(self.own.server.at(client)).checked_sub(1)?;
        Some(Node(number as u16))
    }

    /// Clients whose server has gone begin to notice.
    pub(super) fn follow_clients(&self, step: &mut Step<'_, W>) {
        let alive = self.clients(step);
        for node in self.client_nodes - alive {
            step.cancel(self.timers.detect.at(node));
            step.cancel(self.timers.away.at(node));
            // A program that starts anew tries the first server first.
            step.insert_private(self.own.home, node);
            step.remove_private(self.own.established, node);
            step.set_count(self.own.server.at(node), u64::from(self.order[0].0) + 1);
        }
        for node in alive {
            let server = self.server(node, step);
            let detect = self.timers.detect.at(node);
            match server {
                Some(server) if self.can_use(node, server, step) => {
                    step.cancel(detect);
                    let established = step.get(self.own.established).with(node);
                    step.put_private(self.own.established, established);
                }
                Some(server) if !step.is_armed(detect) => {
                    step.arm(detect, self.patience(node, server, step));
                }
                Some(server) if self.refuses(node, server, step) => {
                    // A machine that is back resets the old connections.
                    step.arm(detect, self.settings.refused);
                }
                Some(_) => {}
                None => self.fails_over(node, step),
            }
        }
    }

    /// How long a client waits for a server that does not answer.
    fn patience(&self, client: Node, server: Node, step: &Step<'_, W>) -> Delay {
        if self.refuses(client, server, step) {
            self.settings.refused
        } else if step.has(self.own.established, client) {
            self.settings.silent
        } else {
            self.settings.connect
        }
    }

    /// A client gives its server up and takes the next one that answers.
    pub(super) fn fails_over(&self, client: Node, step: &mut Step<'_, W>) {
        let current = self.server(client, step);
        if current.is_some_and(|server| self.can_use(client, server, step)) {
            return;
        }
        step.remove_private(self.own.established, client);
        let next = self.order.iter().copied().find(|server| self.can_use(client, *server, step));
        step.set_count(self.own.server.at(client), next.map_or(0, |node| u64::from(node.0) + 1));
        let Some(next) = next else {
            return;
        };
        let home = next == self.order[0];
        let returned = step.get(self.own.home);
        if home {
            step.cancel(self.timers.away.at(client));
            step.put_private(self.own.home, returned.with(client));
        } else {
            step.put_private(self.own.home, returned.without(client));
            step.arm(self.timers.away.at(client), Delay::Fixed(self.settings.away));
        }
        step.mark(Mark::Restore);
    }

    /// The slowest connection has been away long enough to try the first server again.
    pub(super) fn returns(&self, client: Node, step: &mut Step<'_, W>) {
        let first = self.order[0];
        if self.can_use(client, first, step) {
            step.set_count(self.own.server.at(client), u64::from(first.0) + 1);
            step.insert_private(self.own.home, client);
        } else {
            step.arm(self.timers.away.at(client), Delay::Fixed(self.settings.away));
        }
    }

    /// Who is written to by whom.
    pub(super) fn publish_clients(&self, step: &mut Step<'_, W>) {
        let (mut written, mut connected, mut writing) =
            (NodeSet::EMPTY, NodeSet::EMPTY, NodeSet::EMPTY);
        let first = self.order[0];
        for client in self.clients(step) {
            let home = step.has(self.own.home, client);
            // New connections go to the first server as soon as it answers.
            let new = self.can_use(client, first, step) && (!home || self.server(client, step) == Some(first));
            if new {
                written.insert(first);
                writing.insert(client);
                connected.insert(client);
            }
            if let Some(server) = self.server(client, step)
                && self.can_use(client, server, step)
            {
                connected.insert(client);
                if server == first || !self.settings.read_only {
                    written.insert(server);
                    writing.insert(client);
                }
            }
        }
        step.put(self.signals.written, written);
        step.put(self.signals.connected, connected);
        step.put(self.signals.writing, writing);
    }
}
