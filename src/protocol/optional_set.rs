//! A parameter that is a set expression, or empty.

use super::{Resolver, Site};
use crate::automaton::evaluate::Set;
use crate::automaton::{NodeSet, SetId, Step};
use crate::scenario::error::Result;
use crate::scenario::parameters::LocatedSet;

/// A set expression that may be left empty.
pub struct OptionalSet<const W: usize> {
    text: Option<LocatedSet>,
    set: Set<W>,
}

impl<const W: usize> OptionalSet<W> {
    /// Reads the parameter `path`; `otherwise` is its value where it is empty.
    pub fn read(site: &Site<'_>, path: &str, otherwise: NodeSet<W>) -> Result<Self> {
        Ok(OptionalSet {
            text: site.parameters.set(path)?,
            set: Set::Fixed(otherwise),
        })
    }

    /// Looks up its signals.
    pub fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        if let Some(text) = &self.text {
            self.set = resolve(text)?;
        }
        Ok(())
    }

    /// Has the scenario said anything?
    pub fn is_given(&self) -> bool {
        self.text.is_some()
    }

    /// Its value now.
    #[inline]
    pub fn value(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.set.value(step.state())
    }

    /// The signals that it reads.
    pub fn signals(&self, found: &mut Vec<SetId>) {
        self.set.signals(found);
    }
}
