//! Values in statements, each with its interval: what a run, a survey or the course of a
//! script tells, and what is reckoned from them.

use super::Judge;
use super::courses::Course;
use super::evidence::service;
use super::finding::Measured;
use crate::estimate::{Estimate, Moments, mean, sample_quantile};
use crate::runner::RunError;
use crate::runner::outcome::{RunOutcome, ServiceOutcome};
use crate::runner::survey::Row;
use crate::scenario::claims::Case;
use crate::scenario::claims::language::{
    CourseTime, Dimension, Lengths, LoadQuantity, Measure, Number, OfService, Part, Quantity,
    Value, Word,
};

impl Judge<'_> {
    /// A share of time up, as what it lacks.
    pub(super) fn lack(
        &mut self,
        case: &Case,
        value: &Value,
        measured: &mut Vec<Measured>,
    ) -> Result<Estimate, RunError> {
        match value {
            Value::Number(number) => Ok(Estimate::exact(number.lack(), self.confidence(case))),
            _ => {
                let whole = self.value(case, value, measured)?;
                Ok(match measured.last() {
                    // The run has the lack with all its digits.
                    Some(_) => self
                        .lack_of_measure(case, value)?
                        .unwrap_or(whole.complement()),
                    None => whole.complement(),
                })
            }
        }
    }

    fn lack_of_measure(
        &mut self,
        case: &Case,
        value: &Value,
    ) -> Result<Option<Estimate>, RunError> {
        let Value::Measure(Measure {
            what: Quantity::OfService(OfService::Availability, name),
            design,
            ..
        }) = value
        else {
            return Ok(None);
        };
        let index = self.design_of(case, design.as_ref());
        let outcome = self.evidence.run(index, &self.designs[index])?;
        Ok(service(outcome, &name.text).map(|found| found.unavailability))
    }

    pub(super) fn value(
        &mut self,
        case: &Case,
        value: &Value,
        measured: &mut Vec<Measured>,
    ) -> Result<Estimate, RunError> {
        let (a, b, combine): (_, _, fn(&Estimate, &Estimate) -> Estimate) = match value {
            Value::Number(number) => {
                return Ok(Estimate::exact(number.value, self.confidence(case)));
            }
            Value::Measure(measure) => {
                let found = self.measure(case, measure)?;
                let estimate = found.value;
                measured.push(found);
                return Ok(estimate);
            }
            Value::Sum(a, b) => (a, b, sum),
            Value::Difference(a, b) => (a, b, difference),
            Value::Product(a, b) => (a, b, product),
            Value::Ratio(a, b) => (a, b, ratio),
        };
        let a = self.value(case, a, measured)?;
        let b = self.value(case, b, measured)?;
        Ok(combine(&a, &b))
    }

    fn measure(&mut self, case: &Case, measure: &Measure) -> Result<Measured, RunError> {
        let index = self.design_of(case, measure.design.as_ref());
        let what = case.text.get(measure.span.clone()).unwrap_or_default();
        let confidence = self.designs[index].scenario.run.confidence;
        let (engine, value) = match &measure.what {
            Quantity::OfService(quantity, name) => {
                let run = self.evidence.run(index, &self.designs[index])?;
                (run.engine, of_service(run, *quantity, name)?)
            }
            Quantity::Lengths(lengths, name, part) => {
                let run = self.evidence.run(index, &self.designs[index])?;
                let found = service(run, &name.text);
                let value = found.and_then(|found| of_lengths(found, *lengths, *part, confidence));
                let reason = || none_seen(run, &name.text);
                ("simulate", value.ok_or_else(reason)?)
            }
            Quantity::Tally(name) => {
                let run = self.evidence.run(index, &self.designs[index])?;
                let found = run.tally_means.get(&name.text).map(|tally| tally.mean);
                (run.engine, found.ok_or_else(|| none_seen(run, &name.text))?)
            }
            Quantity::Load(quantity, lost) => {
                let survey = self.evidence.survey(index, &self.designs[index])?;
                let row = survey.rows.iter().find(|row| row.lost == *lost);
                let value = row.map(|row| of_load(row, *quantity));
                let value = value.ok_or_else(|| {
                    let most = survey.rows.len().saturating_sub(1);
                    RunError::Effort(format!(
                        "nobody is left to do the work after the loss of {lost}: at most {most} \
                         are possible in {what}"
                    ))
                })?;
                ("load", Estimate::exact(value, confidence))
            }
            Quantity::Course(which, script, subject, part) => {
                let courses = self.course(case, index, *which, script, subject)?;
                let part = part.unwrap_or(Part::Max);
                ("replay", of_courses(&courses, *which, part, confidence))
            }
        };
        Ok(Measured {
            what: what.trim().to_owned(),
            design: self.designs[index].name.clone(),
            engine,
            value,
            seconds: Value::Measure(measure.clone()).dimension() == Dimension::Seconds,
        })
    }

    fn confidence(&self, case: &Case) -> f64 {
        self.designs[case.design].scenario.run.confidence
    }
}

fn none_seen(run: &RunOutcome, name: &str) -> RunError {
    RunError::Effort(format!(
        "`{name}` of {} was never seen to do this in {} replications: there is nothing to measure",
        run.scenario, run.replications
    ))
}

/// Can a value be told by what it lacks to 1?
pub(super) fn lacks(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.dimension == Dimension::Plain,
        Value::Measure(measure) => {
            matches!(
                measure.what,
                Quantity::OfService(OfService::Availability, _)
            )
        }
        _ => false,
    }
}

impl Number {
    /// What is missing to 1, to the last decimal that was written: 99.999999% lacks 1e-8,
    /// and not what is left by a subtraction in binary.
    fn lack(&self) -> f64 {
        let scale = 10f64.powi(self.decimals as i32);
        ((1.0 - self.value) * scale).round() / scale
    }
}

fn of_service(run: &RunOutcome, quantity: OfService, name: &Word) -> Result<Estimate, RunError> {
    let reason = || none_seen(run, &name.text);
    let found = service(run, &name.text).ok_or_else(reason)?;
    Ok(match quantity {
        OfService::Availability => found.availability,
        OfService::Unavailability => found.unavailability,
        OfService::RequestAvailability => found.request_availability,
        OfService::Downtime => found.downtime_s_per_year,
        OfService::Outages => found.outages_per_year,
        OfService::Mttf => found.mttf_s,
        OfService::PlannedDowntime => match &found.planned {
            Some(planned) => planned.planned_downtime_s_per_year,
            None => Estimate::exact(0.0, run.confidence),
        },
        OfService::FailedRequests => {
            let load = found.load.as_ref().ok_or_else(|| {
                RunError::Effort(format!(
                    "nobody says how many requests `{}` gets: give the service a demand",
                    name.text
                ))
            })?;
            load.failed_requests_per_year
        }
    })
}

fn of_lengths(
    found: &ServiceOutcome,
    lengths: Lengths,
    part: Part,
    confidence: f64,
) -> Option<Estimate> {
    let quantiles = match lengths {
        Lengths::Failover => found.failover_s.as_ref(),
        Lengths::Outage => found.outage_s.as_ref(),
    }?;
    let within = |estimate: f64, [low, high]: [f64; 2]| Estimate {
        estimate,
        low,
        high,
        confidence,
    };
    let intervals = &quantiles.intervals;
    let steps = match lengths {
        Lengths::Failover => &found.failover_steps,
        Lengths::Outage => &found.outage_steps,
    };
    Some(match part {
        Part::P50 => within(quantiles.p50, intervals.p50),
        Part::P95 => within(quantiles.p95, intervals.p95),
        Part::P99 => within(quantiles.p99, intervals.p99),
        Part::Mean => within(quantiles.mean, intervals.mean),
        Part::Max => Estimate::exact(quantiles.max, confidence),
        Part::Min => Estimate::exact(steps.first().map_or(0.0, |(time, _)| *time), confidence),
    })
}

fn of_load(row: &Row, quantity: LoadQuantity) -> f64 {
    match quantity {
        LoadQuantity::Cpu => row.cpu.worst,
        LoadQuantity::Memory => row.memory.worst,
        LoadQuantity::MeanCpu => row.cpu.mean,
        LoadQuantity::MeanMemory => row.memory.mean,
        LoadQuantity::Capacity => row.capacity.factor,
    }
}

fn of_courses(courses: &[Course], which: CourseTime, part: Part, confidence: f64) -> Estimate {
    let mut times: Vec<f64> = courses.iter().map(|course| course.time_s(which)).collect();
    times.sort_by(f64::total_cmp);
    let exact =
        |value: Option<&f64>| Estimate::exact(value.copied().unwrap_or(f64::NAN), confidence);
    match part {
        Part::Min => exact(times.first()),
        Part::Max => exact(times.last()),
        Part::P50 => sample_quantile(&times, 0.50, confidence),
        Part::P95 => sample_quantile(&times, 0.95, confidence),
        Part::P99 => sample_quantile(&times, 0.99, confidence),
        Part::Mean if times.last().is_some_and(|time| time.is_infinite()) => {
            Estimate::exact(f64::INFINITY, confidence)
        }
        Part::Mean => {
            let mut moments = Moments::default();
            times.iter().for_each(|time| moments.push(*time));
            mean(&moments, confidence)
        }
    }
}

fn combined(a: &Estimate, b: &Estimate, estimate: f64, ends: [f64; 4]) -> Estimate {
    Estimate {
        estimate,
        low: ends.iter().copied().fold(f64::INFINITY, f64::min),
        high: ends.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        confidence: a.confidence.min(b.confidence),
    }
}

fn sum(a: &Estimate, b: &Estimate) -> Estimate {
    let (low, high) = (a.low + b.low, a.high + b.high);
    combined(a, b, a.estimate + b.estimate, [low, low, high, high])
}

fn difference(a: &Estimate, b: &Estimate) -> Estimate {
    let (low, high) = (a.low - b.high, a.high - b.low);
    combined(a, b, a.estimate - b.estimate, [low, low, high, high])
}

fn product(a: &Estimate, b: &Estimate) -> Estimate {
    let ends = [
        a.low * b.low,
        a.low * b.high,
        a.high * b.low,
        a.high * b.high,
    ];
    combined(a, b, a.estimate * b.estimate, ends)
}

fn ratio(a: &Estimate, b: &Estimate) -> Estimate {
    if b.low <= 0.0 && b.high >= 0.0 {
        let estimate = a.estimate / b.estimate;
        let all = [
            f64::NEG_INFINITY,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::INFINITY,
        ];
        return combined(a, b, estimate, all);
    }
    let ends = [
        a.low / b.low,
        a.low / b.high,
        a.high / b.low,
        a.high / b.high,
    ];
    combined(a, b, a.estimate / b.estimate, ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_nines_lack_ten_to_the_minus_eight() {
        let eight = Number {
            value: 99.999999 / 100.0,
            dimension: Dimension::Plain,
            decimals: 8,
        };
        assert_eq!(eight.lack(), 1e-8);
    }

    #[test]
    fn a_ratio_by_what_may_be_nothing_is_unknown() {
        let open = ratio(&about(1.0, 2.0), &about(-1.0, 1.0));
        assert!(open.low.is_infinite() && open.high.is_infinite());
    }

    fn about(low: f64, high: f64) -> Estimate {
        Estimate {
            estimate: 0.5 * (low + high),
            low,
            high,
            confidence: 0.95,
        }
    }
}
