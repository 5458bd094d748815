//! What a comparison of two values says.

use super::Judge;
use super::courses::Course;
use super::evidence::service;
use super::finding::{About, Comparison, Example, Fact, TimesFound, Truth};
use super::losses::{Question, script};
use super::values::lacks;
use crate::estimate::Estimate;
use crate::runner::RunError;
use crate::runner::outcome::CauseShare;
use crate::scenario::claims::Case;
use crate::scenario::claims::language::{
    Asked, Compared, CourseTime, Dimension, How, Measure, OfService, Quantity, Relation, Value,
};

/// Numbers that agree to so many digits are equal: more than any engine promises.
const SLACK: f64 = 1e-9;

impl Judge<'_> {
    /// What a comparison says, with more replications where the first leave it open.
    pub fn compare(&mut self, case: &Case, compared: &Compared) -> Result<Fact, RunError> {
        if let Some(fact) = self.times(case, compared)? {
            return Ok(fact);
        }
        let fact = self.values(case, compared)?;
        if fact.truth != Truth::Unknown {
            return Ok(fact);
        }
        let mut sharper = false;
        for index in self.measured_designs(case, compared) {
            sharper |= self.evidence.sharpen(index, &self.designs[index])?;
        }
        if sharper {
            self.values(case, compared)
        } else {
            Ok(fact)
        }
    }

    fn measured_designs(&self, case: &Case, compared: &Compared) -> Vec<usize> {
        let mut measures = Vec::new();
        compared.left.measures(&mut measures);
        compared.right.measures(&mut measures);
        let of_runs = measures.into_iter().filter(|measure| {
            matches!(
                measure.what,
                Quantity::OfService(..) | Quantity::Lengths(..) | Quantity::Tally(_)
            )
        });
        let mut found: Vec<usize> = of_runs
            .map(|measure| self.design_of(case, measure.design.as_ref()))
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// A time in every replication of a script against a bound.
    fn times(&mut self, case: &Case, compared: &Compared) -> Result<Option<Fact>, RunError> {
        let Value::Measure(measure) = &compared.left else {
            return Ok(None);
        };
        let Quantity::Course(which, script, subject, None) = &measure.what else {
            return Ok(None);
        };
        let index = self.design_of(case, measure.design.as_ref());
        let courses = self.course(case, index, *which, script, subject)?;
        let times: Vec<f64> = courses.iter().map(|course| course.time_s(*which)).collect();
        let bounds = self.bounds(case, compared, times.len())?;
        let confidence = self.designs[index].scenario.run.confidence;
        let holds = |number: usize| {
            let time = Estimate::exact(times[number], confidence);
            decide(&time, compared.relation, &bounds[number]) == Truth::Yes
        };
        let held = (0..times.len()).filter(|number| holds(*number)).count();
        let mut sorted = times.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted[(share * (sorted.len() - 1) as f64).round() as usize];
        let shows = (0..times.len()).find(|number| !holds(*number)).unwrap_or(0);
        Ok(Some(Fact {
            case: String::new(),
            contrary: false,
            design: self.designs[index].name.clone(),
            about: About::Times(TimesFound {
                text: written(case, compared),
                times_s: [at(0.0), at(0.5), at(1.0)],
                held: held as u64,
                of: times.len() as u64,
            }),
            truth: match held {
                0 => Truth::No,
                held if held == times.len() => Truth::Yes,
                _ => Truth::Depends,
            },
            example: Some(Example {
                design: index,
                script: self.scripts[&script.text].0.clone(),
                replication: shows as u64,
                services: match which {
                    CourseTime::Recovery | CourseTime::Interruption => vec![subject.text.clone()],
                    CourseTime::TimeTo | CourseTime::TimeWhile => Vec::new(),
                },
            }),
        }))
    }

    /// What each replication is held against: a time of the same replication, or a number.
    fn bounds(
        &mut self,
        case: &Case,
        compared: &Compared,
        replications: usize,
    ) -> Result<Vec<Estimate>, RunError> {
        let bounds = match &compared.right {
            Value::Measure(Measure {
                what: Quantity::Course(which, script, subject, None),
                design,
                ..
            }) => {
                let index = self.design_of(case, design.as_ref());
                let confidence = self.designs[index].scenario.run.confidence;
                let courses = self.course(case, index, *which, script, subject)?;
                let exact = |course: &Course| Estimate::exact(course.time_s(*which), confidence);
                courses.iter().map(exact).collect()
            }
            other => vec![self.value(case, other, &mut Vec::new())?; replications],
        };
        let widened = |bound| self.widened(case, bound, compared.tolerance.as_ref());
        bounds.into_iter().map(widened).collect()
    }

    fn values(&mut self, case: &Case, compared: &Compared) -> Result<Fact, RunError> {
        let mut measured = Vec::new();
        let lacks = lacks(&compared.left)
            && lacks(&compared.right)
            && [&compared.left, &compared.right]
                .iter()
                .any(|v| matches!(v, Value::Measure(_)));
        let (left, right, relation) = if lacks {
            let left = self.lack(case, &compared.left, &mut measured)?;
            let right = self.lack(case, &compared.right, &mut measured)?;
            (left, right, mirrored(compared.relation))
        } else {
            let left = self.value(case, &compared.left, &mut measured)?;
            let right = self.value(case, &compared.right, &mut measured)?;
            (left, right, compared.relation)
        };
        let right = self.widened(case, right, compared.tolerance.as_ref())?;
        let truth = decide(&left, relation, &right);
        let example = match truth {
            Truth::No | Truth::Unknown => self.example(case, compared)?,
            _ => None,
        };
        let apart = (left.estimate - right.estimate).abs();
        let open = left.half_width() + right.half_width();
        let more = (open / apart).powi(2);
        Ok(Fact {
            case: String::new(),
            contrary: false,
            design: self.designs[case.design].name.clone(),
            about: About::Values(Comparison {
                text: written(case, compared),
                left,
                right,
                seconds: compared.left.dimension() == Dimension::Seconds,
                availability: lacks,
                measured,
                causes: self.causes(case, compared)?,
                more: (truth == Truth::Unknown && more.is_finite()).then_some(more),
            }),
            truth,
            example,
        })
    }

    /// Downtime by cause of the service that a comparison is about.
    fn causes(&mut self, case: &Case, compared: &Compared) -> Result<Vec<CauseShare>, RunError> {
        let Some((index, name)) = self.subject(case, &compared.left) else {
            return Ok(Vec::new());
        };
        let outcome = self.evidence.run(index, &self.designs[index])?;
        Ok(service(outcome, &name).map_or(Vec::new(), |found| found.attribution.clone()))
    }

    /// The design and the service whose downtime a value tells.
    fn subject(&self, case: &Case, value: &Value) -> Option<(usize, String)> {
        let mut measures = Vec::new();
        value.measures(&mut measures);
        measures
            .into_iter()
            .find_map(|measure| match &measure.what {
                Quantity::OfService(OfService::FailedRequests, _) => None,
                Quantity::OfService(_, service) | Quantity::Lengths(_, service, _) => {
                    let index = self.design_of(case, measure.design.as_ref());
                    Some((index, service.text.clone()))
                }
                _ => None,
            })
    }

    /// The least loss that stops the service, or the script that a value comes from.
    fn example(&mut self, case: &Case, compared: &Compared) -> Result<Option<Example>, RunError> {
        if let Some((index, name)) = self.subject(case, &compared.left) {
            let design = &self.designs[index];
            let services = &design.scenario.services;
            let found = services.iter().position(|service| service.name == name);
            let Some(service) = found else {
                return Ok(None);
            };
            let seed = self.seed(index);
            return Question {
                design: (index, design),
                asked: Asked::Survives,
                service,
                seed,
                replications: 1,
            }
            .least_loss();
        }
        let mut measures = Vec::new();
        compared.left.measures(&mut measures);
        let course = measures
            .into_iter()
            .find_map(|measure| match &measure.what {
                Quantity::Course(which, script, subject, _) => {
                    Some((measure, *which, script, subject))
                }
                _ => None,
            });
        let Some((measure, which, script, subject)) = course else {
            return Ok(self.load_example(case, compared));
        };
        let index = self.design_of(case, measure.design.as_ref());
        let courses = self.course(case, index, which, script, subject)?;
        let longest = (0..courses.len()).max_by(|a, b| {
            courses[*a]
                .time_s(which)
                .total_cmp(&courses[*b].time_s(which))
        });
        Ok(longest.map(|replication| Example {
            design: index,
            script: self.scripts[&script.text].0.clone(),
            replication: replication as u64,
            services: Vec::new(),
        }))
    }

    /// The loss of so many nodes, where a value is about the load after it.
    fn load_example(&self, case: &Case, compared: &Compared) -> Option<Example> {
        let mut measures = Vec::new();
        compared.left.measures(&mut measures);
        let (design, lost) = measures
            .into_iter()
            .find_map(|measure| match measure.what {
                Quantity::Load(_, lost) if lost > 0 => {
                    Some((self.design_of(case, measure.design.as_ref()), lost))
                }
                _ => None,
            })?;
        let nodes: Vec<String> = self.designs[design]
            .nodes()
            .into_iter()
            .take(lost)
            .collect();
        Some(Example {
            design,
            script: script(How::AtOnce, &nodes, false),
            replication: 0,
            services: Vec::new(),
        })
    }

    fn widened(
        &mut self,
        case: &Case,
        value: Estimate,
        tolerance: Option<&Value>,
    ) -> Result<Estimate, RunError> {
        let Some(tolerance) = tolerance else {
            return Ok(value);
        };
        let by = self.value(case, tolerance, &mut Vec::new())?.estimate.abs();
        Ok(Estimate {
            low: value.low - by,
            high: value.high + by,
            ..value
        })
    }
}

/// A comparison as it was written.
fn written(case: &Case, compared: &Compared) -> String {
    case.text
        .get(compared.span.clone())
        .unwrap_or_default()
        .to_owned()
}

fn mirrored(relation: Relation) -> Relation {
    match relation {
        Relation::AtLeast => Relation::AtMost,
        Relation::MoreThan => Relation::LessThan,
        Relation::AtMost => Relation::AtLeast,
        Relation::LessThan => Relation::MoreThan,
        Relation::Equal => Relation::Equal,
    }
}

/// What two intervals say of a comparison.
fn decide(left: &Estimate, relation: Relation, right: &Estimate) -> Truth {
    let slack = SLACK * left.estimate.abs().max(right.estimate.abs());
    let slack = if slack.is_finite() { slack } else { 0.0 };
    let (yes, no) = match relation {
        Relation::AtLeast => (
            left.low >= right.high - slack,
            left.high < right.low - slack,
        ),
        Relation::MoreThan => (
            left.low > right.high + slack,
            left.high <= right.low + slack,
        ),
        Relation::AtMost => (
            left.high <= right.low + slack,
            left.low > right.high + slack,
        ),
        Relation::LessThan => (
            left.high < right.low - slack,
            left.low >= right.high - slack,
        ),
        Relation::Equal => (
            left.low >= right.low - slack && left.high <= right.high + slack,
            left.low > right.high + slack || left.high < right.low - slack,
        ),
    };
    match (yes, no) {
        (true, _) => Truth::Yes,
        (_, true) => Truth::No,
        _ => Truth::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(low: f64, high: f64) -> Estimate {
        Estimate {
            estimate: 0.5 * (low + high),
            low,
            high,
            confidence: 0.95,
        }
    }

    #[test]
    fn an_interval_that_holds_the_bound_decides_nothing() {
        let bound = about(2.0, 2.0);
        assert_eq!(
            decide(&about(2.5, 3.0), Relation::AtLeast, &bound),
            Truth::Yes
        );
        assert_eq!(
            decide(&about(1.5, 3.0), Relation::AtLeast, &bound),
            Truth::Unknown
        );
        assert_eq!(
            decide(&about(1.5, 1.9), Relation::AtLeast, &bound),
            Truth::No
        );
        assert_eq!(decide(&bound, Relation::MoreThan, &bound), Truth::No);
        assert_eq!(decide(&bound, Relation::AtMost, &bound), Truth::Yes);
        assert_eq!(
            decide(&about(1.9, 2.1), Relation::Equal, &about(1.8, 2.2)),
            Truth::Yes
        );
    }
}
