//! Paces that depend on the situation, counters and transitions.

use super::{Builder, Count, Set, Test, place};
use crate::scenario::error::{Origin, Result};
use crate::scenario::expression::CountExpression;
use crate::scenario::maintenance::LocatedCondition;
use crate::scenario::pace::{Applies as AppliesSpec, PaceRule, Times as TimesSpec};
use crate::world::node::Paces;
use crate::world::pace::{Applies, Pace, Times};
use crate::world::transition::{Place, Transitions};

impl<const W: usize> Builder<'_, W> {
    fn located_test(&self, located: &LocatedCondition) -> Result<Test<W>> {
        Test::compile(&located.expression, &self.blueprint, &self.groups)
            .map_err(|e| place(e, &located.origin))
    }

    fn times(&self, spec: &TimesSpec) -> Result<Times<W>> {
        let count = |count: &CountExpression, origin: &Origin| {
            Count::compile(count, &self.blueprint, &self.groups).map_err(|e| place(e, origin))
        };
        Ok(match spec {
            TimesSpec::Number(number) => Times::Number(*number),
            TimesSpec::Counts(top, bottom, origin) => {
                let bottom = bottom.as_ref().map(|bottom| count(bottom, origin));
                Times::Counts(count(top, origin)?, bottom.transpose()?)
            }
        })
    }

    pub(super) fn pace(&self, rules: &[PaceRule]) -> Result<Pace<W>> {
        let rules = rules.iter().map(|rule| {
            let applies = match &rule.applies {
                AppliesSpec::Always => Applies::Always,
                AppliesSpec::In(set) => {
                    let compiled = Set::compile(&set.expression, &self.blueprint, &self.groups);
                    Applies::In(compiled.map_err(|e| place(e, &set.origin))?)
                }
                AppliesSpec::If(test) => Applies::If(self.located_test(test)?),
            };
            Ok((applies, self.times(&rule.times)?))
        });
        Ok(Pace::new(rules.collect::<Result<_>>()?))
    }

    /// The nodes take their place, with how fast they age and are repaired.
    pub(super) fn link_paces(&mut self) -> Result<()> {
        let Some(mut nodes) = self.nodes.take() else {
            return Ok(());
        };
        let specs = &self.scenario.nodes;
        let depends = |spec: &crate::scenario::NodeSpec| {
            !spec.failure_pace.is_empty() || !spec.repair_pace.is_empty()
        };
        if specs.iter().any(depends) {
            let failure = specs.iter().map(|spec| self.pace(&spec.failure_pace));
            let repair = specs.iter().map(|spec| self.pace(&spec.repair_pace));
            let paces = Paces {
                failure: failure.collect::<Result<_>>()?,
                repair: repair.collect::<Result<_>>()?,
            };
            nodes.set_paces(paces);
        }
        // The nodes are the first automaton of every model.
        self.automata[0] = Box::new(nodes);
        Ok(())
    }

    /// Gives the counters their levels, so that expressions can name them.
    pub(super) fn name_counters(&mut self) {
        if self.scenario.counters.is_empty() {
            return;
        }
        self.net_owner = self.claim_owner();
        for spec in &self.scenario.counters {
            let place = Place::register(&mut self.blueprint, spec);
            self.places.push(place);
        }
        self.add(super::Placeholder);
    }

    pub(super) fn link_transitions(&mut self) -> Result<()> {
        if self.places.is_empty() {
            return Ok(());
        }
        let specs = &self.scenario.transitions;
        let rules = specs.iter().map(|spec| {
            let when = spec.when.as_ref().map(|test| self.located_test(test));
            let pace = spec.pace.as_ref().map(|times| self.times(times));
            Ok((when.transpose()?, pace.transpose()?))
        });
        let rules = rules.collect::<Result<Vec<_>>>()?;
        self.blueprint
            .set_owner(crate::automaton::Owner(self.net_owner as u32));
        let places = std::mem::take(&mut self.places);
        let net = Transitions::new(&mut self.blueprint, places, specs, rules);
        self.automata[self.net_owner] = Box::new(net);
        Ok(())
    }
}
