//! What changes while a model is played: every public signal and every service, in the
//! order of time.

use super::play::Player;
use crate::automaton::{Nanos, NodeSet, SetId};
use crate::model::measure::Reading;

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<const W: usize> {
    /// When.
    pub at: Nanos,
    /// What.
    pub what: What<W>,
}

/// What a line of a timeline tells.
#[derive(Clone, Debug, PartialEq)]
pub enum What<const W: usize> {
    /// A fault of the script happened; its number.
    Fault(usize),
    /// A signal has another value.
    Signal(SetId, NodeSet<W>),
    /// A service is in another condition; its number.
    Service(usize, Reading),
}

/// Compares public signals and services with what was written last.
pub struct Writer<const W: usize> {
    signals: Vec<Option<NodeSet<W>>>,
    services: Vec<Option<Reading>>,
    /// What has changed so far.
    pub changes: Vec<Change<W>>,
}

impl<const W: usize> Default for Writer<W> {
    fn default() -> Self {
        Writer {
            signals: Vec::new(),
            services: Vec::new(),
            changes: Vec::new(),
        }
    }
}

impl<const W: usize> Writer<W> {
    /// A fault of a script has happened.
    pub fn fault(&mut self, player: &Player<'_, W>, index: usize) {
        self.changes.push(Change {
            at: player.now(),
            what: What::Fault(index),
        });
        self.write(player);
    }

    /// Writes down what is another than last time; the first time everything.
    pub fn write(&mut self, player: &Player<'_, W>) {
        let model = player.model();
        let at = player.now();
        let names: Vec<SetId> = model.blueprint().signals().map(|(_, id)| id).collect();
        self.signals.resize(names.len(), None);
        for (slot, id) in self.signals.iter_mut().zip(names) {
            let value = player.state().set(id);
            if *slot != Some(value) {
                *slot = Some(value);
                self.changes.push(Change {
                    at,
                    what: What::Signal(id, value),
                });
            }
        }
        self.services.resize(model.services().len(), None);
        for (index, service) in model.services().iter().enumerate() {
            let reading = service.read(player.state());
            if self.services[index] != Some(reading) {
                self.services[index] = Some(reading);
                self.changes.push(Change {
                    at,
                    what: What::Service(index, reading),
                });
            }
        }
    }
}
