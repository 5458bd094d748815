//! Looks up where the demands of a scenario land.

use crate::automaton::evaluate::{Groups, LookupError, Set};
use crate::automaton::{Blueprint, SetId};
use crate::scenario::Scenario;
use crate::scenario::error::{Origin, Result, ScenarioError};
use crate::scenario::expression::{Condition, CountExpression, SetExpression};
use crate::scenario::load::Work;
use crate::scenario::parameters::{LocatedSet, in_expression};
use crate::world::load::{Load, PlacedDemand};

/// The load of a scenario, or nothing where no service has a demand.
pub fn load<const W: usize>(
    scenario: &Scenario,
    blueprint: &Blueprint<W>,
    groups: &Groups<W>,
    running: SetId,
    levels: &[SetId],
) -> Result<Option<Load<W>>> {
    let compile = |expression: &SetExpression, origin: &Origin| {
        Set::compile(expression, blueprint, groups).map_err(|e| place(e, origin))
    };
    let located =
        |(set, work): &(LocatedSet, Work)| Ok((compile(&set.expression, &set.origin)?, *work));
    let mut demands = Vec::new();
    for (service, spec) in scenario.services.iter().enumerate() {
        let Some(demand) = &spec.demand else {
            continue;
        };
        let on = match (&demand.on, asked_about(&spec.up)) {
            (Some(on), _) => compile(&on.expression, &on.origin)?,
            (None, Some(set)) => compile(set, &spec.up_origin)?,
            (None, None) => Set::Signal(running),
        };
        let mut reads = Vec::new();
        on.signals(&mut reads);
        if reads.iter().any(|id| levels.contains(id)) {
            let origin = demand.on.as_ref().map_or(&spec.up_origin, |on| &on.origin);
            return Err(ScenarioError::at(
                origin,
                format!(
                    "where the work of `{}` lands would depend on itself",
                    spec.name
                ),
                "depends on the load",
            )
            .help("give the demand an `on` without load.NAME"));
        }
        demands.push(PlacedDemand {
            service,
            rate_per_s: demand.rate_per_s,
            work: demand.work,
            on,
            each: demand.each.as_ref().map(located).transpose()?,
            timeout: demand.timeout,
            places: demand.places,
        });
    }
    let base = scenario
        .load
        .base
        .iter()
        .map(located)
        .collect::<Result<_>>()?;
    Ok((!demands.is_empty()).then(|| Load::new(demands, base, scenario.load.clone(), blueprint)))
}

/// The set that a condition asks about, if it is a single one.
fn asked_about(condition: &Condition) -> Option<&SetExpression> {
    match condition {
        Condition::Any(set) | Condition::All(set) | Condition::Majority(set) => Some(set),
        Condition::Compare(CountExpression::Count(set), _, CountExpression::Number(..)) => {
            Some(set)
        }
        _ => None,
    }
}

fn place(error: LookupError, origin: &Origin) -> Box<ScenarioError> {
    in_expression(origin, &error.span, error.message, error.help)
}
