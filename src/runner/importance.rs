//! Which components matter to a service: Fussell-Vesely and Birnbaum importance, from the
//! times in which components and the service were down together.

use super::idle::Idle;
use super::waits::Rule;
use super::{Effort, RunError, Watcher};
use crate::automaton::Timer;
use crate::engine::Player;
use crate::engine::components::Components;
use crate::engine::importance::{self, Times};
use crate::engine::story::Replication;
use crate::estimate::{Estimate, Moments, mean};
use crate::model::{Model, build};
use crate::scenario::waits::WaitWords;
use crate::scenario::{Files, Scenario};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

/// What a component means to a service.
#[derive(Clone, Debug, Serialize)]
pub struct Importance {
    /// The component.
    pub component: String,
    /// `node`, `process`, `shared` or `network`.
    pub kind: &'static str,
    /// Fussell-Vesely: the share of the downtime during which it was down as well.
    pub fussell_vesely: Estimate,
    /// Birnbaum: how much more likely the service is down while it is.
    pub birnbaum: Estimate,
}

/// A minimal cut sequence, and how much of the downtime has all of it.
#[derive(Clone, Debug, Serialize)]
pub struct Cut {
    /// What fails: stages after one another, in each what fails at one instant.
    pub stages: Vec<Vec<String>>,
    /// The share of the downtime during which all of it was down, having failed in this order.
    /// What several cuts have in common counts for each.
    pub share: Estimate,
}

/// What the service waited for.
#[derive(Clone, Debug, Serialize)]
pub struct Waited {
    /// The rule whose timer ran; none where the replication ended first.
    #[serde(flatten)]
    pub rule: Option<Rule>,
    /// The share of the downtime.
    pub share: Estimate,
}

/// What matters to a service.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Every component that was ever down, the most important first.
    pub components: Vec<Importance>,
    /// Minimal cut sequences, those with most of the downtime first.
    pub cuts: Vec<Cut>,
    /// What it waited for while it was down, most of the time first.
    pub waited: Vec<Waited>,
}

/// The importance of components and of these sequences of faults.
pub fn run(
    scenario: &Scenario,
    files: &dyn Files,
    service: &str,
    sequences: &[Vec<Vec<String>>],
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<Found, RunError> {
    match build::words(scenario) {
        1 => run_words::<1>(scenario, files, service, sequences, effort, watcher),
        _ => run_words::<16>(scenario, files, service, sequences, effort, watcher),
    }
}

fn run_words<const W: usize>(
    scenario: &Scenario,
    files: &dyn Files,
    service: &str,
    sequences: &[Vec<Vec<String>>],
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<Found, RunError> {
    let model: Model<W> = build::model(scenario, files).map_err(RunError::Scenario)?;
    let components = Components::new(&model, scenario);
    let found = model
        .services()
        .iter()
        .position(|known| known.name == service);
    let Some(index) = found else {
        return Err(RunError::Effort(format!("there is no service `{service}`")));
    };
    let idle = Idle::new(|| Player::new(&model, true, effort.max_events));
    let play = |number: u64| {
        if watcher.stop().load(Ordering::Relaxed) {
            return Ok(None);
        }
        let replication = Replication {
            seed: effort.seed,
            number,
            warm_up: effort.warm_up,
            end: effort.warm_up + effort.horizon,
        };
        idle.with(|player| importance::times(player, &components, index, &replication))
            .map(Some)
            .map_err(|error| RunError::Play {
                replication: number,
                error,
            })
    };
    let played: Vec<Option<Times>> = (0..effort.replications)
        .into_par_iter()
        .map(play)
        .collect::<Result<_, _>>()?;
    let all: Vec<Times> = played.into_iter().flatten().collect();
    let mut found: Vec<Importance> = (0..components.len())
        .filter(|component| all.iter().any(|times| times.failed_ns[*component] > 0))
        .map(|component| Importance {
            component: components.name(component).to_owned(),
            kind: components.kind(component).word(),
            fussell_vesely: ratio(&all, effort.confidence, |t| {
                (t.both_ns[component], t.down_ns)
            }),
            birnbaum: birnbaum(&all, effort.confidence, component),
        })
        .collect();
    found.sort_by(|a, b| {
        b.fussell_vesely
            .estimate
            .total_cmp(&a.fussell_vesely.estimate)
    });
    Ok(Found {
        components: found,
        cuts: cuts(&components, sequences, &all, effort.confidence),
        waited: waited(&model, scenario, &all, effort.confidence)?,
    })
}

/// Do two sequences have the same faults?
fn same(a: &[Vec<String>], b: &[Vec<String>]) -> bool {
    let faults = |stages: &[Vec<String>]| {
        let mut all: Vec<String> = stages.iter().flatten().cloned().collect();
        all.sort_unstable();
        all
    };
    faults(a) == faults(b)
}

/// Have the stages of a cut failed one after the other, as far as `order` tells?
fn in_order(cut: &[Vec<u16>], order: &[u16]) -> bool {
    let mut from = 0;
    cut.iter().all(|stage| {
        let places: Option<Vec<usize>> = stage
            .iter()
            .map(|one| order.iter().position(|failed| failed == one))
            .collect();
        let Some(places) = places else {
            return false;
        };
        let follows = places.iter().all(|place| *place >= from);
        from = places.into_iter().max().map_or(from, |last| last + 1);
        follows
    })
}

/// How much of the downtime each sequence has.
fn cuts(
    components: &Components,
    sequences: &[Vec<Vec<String>>],
    all: &[Times],
    confidence: f64,
) -> Vec<Cut> {
    // What also stops it one after the other needs no row for "at once".
    let is_told = |stages: &&Vec<Vec<String>>| {
        stages.len() > 1
            || !sequences
                .iter()
                .any(|other| other.len() > 1 && same(other, stages))
    };
    let mut found: Vec<Cut> = sequences
        .iter()
        .filter(is_told)
        .filter_map(|stages| {
            // `rack1.failure` and `network.partition` are events of components.
            let of_event = |name: &str| components.named(name.rsplit_once('.')?.0);
            let place = |name: &String| components.named(name).or_else(|| of_event(name));
            let stage = |stage: &Vec<String>| -> Option<Vec<u16>> {
                stage
                    .iter()
                    .map(|name| place(name).map(|index| index as u16))
                    .collect()
            };
            // What is no component, such as a shock, has no time of its own.
            let cut: Vec<Vec<u16>> = stages.iter().map(stage).collect::<Option<_>>()?;
            let together = |times: &Times| {
                let with = times
                    .down_with_ns
                    .iter()
                    .filter(|(order, _)| in_order(&cut, order));
                (with.map(|(_, length)| length).sum(), times.down_ns)
            };
            Some(Cut {
                stages: stages.clone(),
                share: ratio(all, confidence, together),
            })
        })
        .collect();
    found.sort_by(|a, b| b.share.estimate.total_cmp(&a.share.estimate));
    found
}

/// How much of the downtime was spent waiting for each rule.
fn waited<const W: usize>(
    model: &Model<W>,
    scenario: &Scenario,
    all: &[Times],
    confidence: f64,
) -> Result<Vec<Waited>, RunError> {
    let words = WaitWords::built_in().map_err(RunError::Scenario)?;
    let timers: BTreeSet<Option<Timer>> = all
        .iter()
        .flat_map(|times| times.waited_ns.keys().copied())
        .collect();
    let mut rules: BTreeMap<Option<Rule>, Vec<Option<Timer>>> = BTreeMap::new();
    for timer in timers {
        let rule = timer.map(|timer| Rule::of(model, scenario, &words, timer));
        rules.entry(rule).or_default().push(timer);
    }
    let mut found: Vec<Waited> = rules
        .into_iter()
        .map(|(rule, timers)| {
            let of_rule = |times: &Times| {
                let waited = timers.iter().filter_map(|timer| times.waited_ns.get(timer));
                (waited.sum(), times.down_ns)
            };
            Waited {
                rule,
                share: ratio(all, confidence, of_rule),
            }
        })
        .collect();
    found.sort_by(|a, b| b.share.estimate.total_cmp(&a.share.estimate));
    Ok(found)
}

/// One time over another, summed over replications; its interval by the residuals of each.
fn ratio(all: &[Times], confidence: f64, of: impl Fn(&Times) -> (u64, u64)) -> Estimate {
    let sums = sum(all, &of);
    if sums.1 == 0 {
        return Estimate::exact(0.0, confidence);
    }
    let value = sums.0 as f64 / sums.1 as f64;
    let residuals: Moments = all
        .iter()
        .map(|times| {
            let (part, whole) = of(times);
            part as f64 - value * whole as f64
        })
        .collect();
    around(value, &residuals, sums.1 as f64, all.len(), confidence).clamped(0.0, 1.0)
}

/// Two times summed over replications: together they may be longer than any clock.
fn sum(all: &[Times], of: &dyn Fn(&Times) -> (u64, u64)) -> (u128, u128) {
    let wide = |times| {
        let (part, whole) = of(times);
        (u128::from(part), u128::from(whole))
    };
    all.iter()
        .map(wide)
        .fold((0, 0), |(a, b), (x, y)| (a + x, b + y))
}

/// Unavailability of the service while the component is down, less that while it works.
fn birnbaum(all: &[Times], confidence: f64, component: usize) -> Estimate {
    let down = |t: &Times| (t.both_ns[component], t.failed_ns[component]);
    let works = |t: &Times| {
        let both = t.both_ns[component];
        (t.down_ns - both, t.all_ns - t.failed_ns[component])
    };
    let ((b, d), (r, w)) = (sum(all, &down), sum(all, &works));
    let share = |part: u128, whole: u128| {
        if whole == 0 {
            0.0
        } else {
            part as f64 / whole as f64
        }
    };
    let (with, without) = (share(b, d), share(r, w));
    let residuals: Moments = all
        .iter()
        .map(|times| {
            let ((x, y), (u, v)) = (down(times), works(times));
            let one = if d == 0 {
                0.0
            } else {
                (x as f64 - with * y as f64) / d as f64
            };
            let other = if w == 0 {
                0.0
            } else {
                (u as f64 - without * v as f64) / w as f64
            };
            one - other
        })
        .collect();
    around(with - without, &residuals, 1.0, all.len(), confidence).clamped(-1.0, 1.0)
}

/// An estimate with the spread of its residuals, each divided by `whole`.
fn around(
    value: f64,
    residuals: &Moments,
    whole: f64,
    replications: usize,
    confidence: f64,
) -> Estimate {
    let spread = mean(residuals, confidence);
    let half = spread.half_width() * replications as f64 / whole;
    Estimate {
        estimate: value,
        low: value - half,
        high: value + half,
        confidence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(all_ns: u64, down_ns: u64, failed: u64, both: u64) -> Times {
        Times {
            all_ns,
            down_ns,
            failed_ns: vec![failed],
            both_ns: vec![both],
            down_with_ns: BTreeMap::new(),
            waited_ns: BTreeMap::new(),
        }
    }

    #[test]
    fn stages_follow_each_other() {
        assert!(in_order(&[vec![1], vec![2]], &[1, 7, 2]));
        assert!(!in_order(&[vec![1], vec![2]], &[2, 1]));
        assert!(in_order(&[vec![1, 2]], &[2, 1]), "at once: in any order");
        assert!(!in_order(&[vec![1], vec![2]], &[1]));
    }

    #[test]
    fn what_is_down_whenever_the_service_is_has_all_of_it() {
        let all = [times(1000, 10, 20, 10), times(1000, 30, 50, 30)];
        let fv = ratio(&all, 0.95, |t| (t.both_ns[0], t.down_ns));
        assert_eq!((fv.estimate, fv.low, fv.high), (1.0, 1.0, 1.0));
        let b = birnbaum(&all, 0.95, 0);
        assert!((b.estimate - 40.0 / 70.0).abs() < 1e-12, "{b:?}");
        assert!(b.low < b.estimate && b.estimate < b.high);
    }
}
