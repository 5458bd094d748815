//! `failure_pace`, `repair_pace` and the `pace` of transitions.

use crate::scenario::document::{Item, Value};
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::expression;
use crate::scenario::maintenance::LocatedCondition;
use crate::scenario::pace::{Applies, PaceRule, Times};
use crate::scenario::parameters::{in_expression, located_set};
use crate::scenario::reader::{self, Reader};

/// Nothing goes faster than this many times its normal pace.
const MAX_TIMES: f64 = 1e6;
/// Rules of one node.
const MAX_RULES: usize = 100;

/// Reads a list of rules: `[{ in = "pair.spare", times = 0.1 }, ...]`.
pub fn rules(t: &Reader<'_>, key: &str) -> Result<Vec<PaceRule>> {
    let Some(item) = t.item(key) else {
        return Ok(Vec::new());
    };
    if !matches!(item.value, Value::Array(_)) {
        return Ok(vec![PaceRule {
            applies: Applies::Always,
            times: times(item)?,
        }]);
    }
    let list = reader::list_up_to(item, MAX_RULES)?;
    list.iter().map(rule).collect()
}

fn rule(item: &Item) -> Result<PaceRule> {
    let t = Reader::new(item, "a pace")?;
    let applies = match (t.item("in"), t.item("if")) {
        (Some(set), None) => Applies::In(located_set(set)?),
        (None, Some(test)) => Applies::If(condition(test)?),
        (None, None) => Applies::Always,
        (Some(_), Some(test)) => {
            return Err(ScenarioError::at(
                &test.origin,
                "a pace has `in` (for whom) or `if` (when), not both",
                "one too many",
            )
            .help("write two rules: all that apply are multiplied"));
        }
    };
    let rule = PaceRule {
        applies,
        times: times(t.required("times")?)?,
    };
    t.finish()?;
    Ok(rule)
}

/// Reads a condition with its place.
pub fn condition(item: &Item) -> Result<LocatedCondition> {
    let expression = expression::parse_condition(reader::text(item)?)
        .map_err(|e| in_expression(&item.origin, &e.span, e.message, e.help))?;
    Ok(LocatedCondition {
        expression,
        origin: item.origin.clone(),
    })
}

/// Reads how many times as fast: a number, a count, or a quotient of counts.
pub fn times(item: &Item) -> Result<Times> {
    let Value::Text(text) = &item.value else {
        let number = reader::number(item)?;
        if (0.0..=MAX_TIMES).contains(&number) {
            return Ok(Times::Number(number));
        }
        return Err(ScenarioError::at(
            &item.origin,
            format!("{number} times as fast is not possible"),
            format!("must lie between 0 and {MAX_TIMES:e}"),
        ));
    };
    let count = |part: &str, offset: usize| {
        expression::parse_count(part).map_err(|e| {
            let span = e.span.start + offset..e.span.end + offset;
            in_expression(&item.origin, &span, e.message, e.help)
        })
    };
    let (top, bottom) = match text.split_once('/') {
        Some((top, bottom)) => (count(top, 0)?, Some(count(bottom, top.len() + 1)?)),
        None => (count(text, 0)?, None),
    };
    Ok(Times::Counts(top, bottom, item.origin.clone()))
}
