//! Minimal cut sequences: the shortest sequences of faults after which a service rests
//! out of order, none of whose parts does that already.
//!
//! A fault is whatever comes by chance in a cluster that is well, breaks something, is
//! not planned and is no person's deed. Faults come at one instant, or after the cluster has come to
//! rest; every order and every grouping is tried. Nothing is repaired between them.

use super::rest::{Act, ExploreError, Explorer, Rests, Seen, waiting_for};
use crate::automaton::{Nanos, Timer, TimerClass};
use crate::engine::branch::Wait;
use crate::model::measure::Condition;
use std::sync::atomic::{AtomicBool, Ordering};

/// A fault: a timer that runs out, and what it must be waiting for (the same timer may
/// stand for the repair at other times).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The timer.
    pub timer: Timer,
    /// Its wait in a cluster that is well.
    pub wait: Wait,
}

/// Faults at one instant, by their numbers, ascending.
pub type Stage = Vec<usize>;

/// A sequence that takes a service out of order.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// What happens, with time to rest between the stages.
    pub stages: Vec<Stage>,
    /// The longest time to rest after each stage.
    pub after: Vec<Nanos>,
    /// The worst that the service comes to.
    pub worst: Condition,
    /// How likely it is out of order, with phases and chance as they may come.
    pub probability: f64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Cuts {
    /// The faults that are possible.
    pub faults: Vec<Fault>,
    /// For each service of the explorer its sequences, the shortest first.
    pub sequences: Vec<Vec<Sequence>>,
    /// Every sequence of up to so many faults was tried.
    pub complete_to: usize,
    /// Sequences that were tried.
    pub tries: usize,
}

/// A sequence after which some service still works.
struct Node<const W: usize> {
    stages: Vec<Stage>,
    after: Vec<Nanos>,
    rests: Rests<W>,
}

/// Searches up to so many faults, and as long as there are fewer than `tries` tries.
pub fn search<const W: usize>(
    explorer: &mut Explorer<'_, W>,
    start: &Rests<W>,
    order: usize,
    tries: usize,
    stop: &AtomicBool,
) -> Result<Cuts, ExploreError> {
    let mut cuts = Cuts {
        faults: if order == 0 {
            Vec::new()
        } else {
            faults(explorer, start)?
        },
        sequences: vec![Vec::new(); explorer.services().len()],
        complete_to: 0,
        tries: 0,
    };
    let well: Vec<bool> = (0..explorer.services().len())
        .map(|place| out_of_order(start, place).1 == 0.0)
        .collect();
    // By the number of faults so far.
    let mut nodes: Vec<Vec<Node<W>>> = vec![vec![Node {
        stages: Vec::new(),
        after: Vec::new(),
        rests: start.clone(),
    }]];
    for total in 1..=order {
        let mut next = Vec::new();
        for (before, shorter) in nodes.iter().enumerate() {
            for node in shorter {
                for stage in stages(&cuts.faults, node, total - before) {
                    if cuts.tries >= tries {
                        return Ok(cuts);
                    }
                    if stop.load(Ordering::Relaxed) {
                        return Err(ExploreError::Interrupted);
                    }
                    next.extend(attempt(explorer, &mut cuts, &well, node, stage)?);
                }
            }
        }
        nodes.push(next);
        cuts.complete_to = total;
    }
    Ok(cuts)
}

/// One more stage. What it leads to, if that leaves anything to look for.
fn attempt<const W: usize>(
    explorer: &mut Explorer<'_, W>,
    cuts: &mut Cuts,
    well: &[bool],
    node: &Node<W>,
    stage: Stage,
) -> Result<Option<Node<W>>, ExploreError> {
    let mut stages = node.stages.clone();
    stages.push(stage);
    let open: Vec<usize> = (0..well.len())
        .filter(|place| well[*place])
        .filter(|place| {
            let mut known = cuts.sequences[*place].iter();
            !known.any(|cut| is_part(&cut.stages, &stages))
        })
        .collect();
    if open.is_empty() {
        return Ok(None);
    }
    cuts.tries += 1;
    let acts: Vec<Act<W>> = stages[stages.len() - 1]
        .iter()
        .map(|number| {
            let fault = cuts.faults[*number];
            Act::Happen(fault.timer, fault.wait)
        })
        .collect();
    let rests = explorer.after(&node.rests, &acts)?;
    let mut after = node.after.clone();
    after.push(rests.after);
    let mut survives = false;
    for place in open {
        let (worst, probability) = out_of_order(&rests, place);
        if probability == 0.0 {
            survives = true;
            continue;
        }
        cuts.sequences[place].push(Sequence {
            stages: stages.clone(),
            after: after.clone(),
            worst,
            probability,
        });
    }
    Ok(survives.then_some(Node {
        stages,
        after,
        rests,
    }))
}

/// The worst condition of a service, and how likely it does not work.
fn out_of_order<const W: usize>(rests: &Rests<W>, place: usize) -> (Condition, f64) {
    let works = |seen: &Seen| seen.worst() <= Condition::Degraded;
    let bad = rests
        .outcomes
        .iter()
        .filter(|(seen, _)| !works(&seen[place]));
    bad.fold((Condition::Up, 0.0), |(worst, sum), (seen, probability)| {
        (worst.max(seen[place].worst()), sum + probability)
    })
}

/// The faults that are possible in a cluster that is well.
fn faults<const W: usize>(
    explorer: &mut Explorer<'_, W>,
    start: &Rests<W>,
) -> Result<Vec<Fault>, ExploreError> {
    let mut faults: Vec<Fault> = Vec::new();
    let mut tried: Vec<Fault> = Vec::new();
    for rest in &start.list {
        for pending in &rest.situation.pending {
            let info = explorer.model().blueprint().timer_info(pending.timer);
            let fault = Fault {
                timer: pending.timer,
                wait: pending.wait,
            };
            if info.class != TimerClass::Chance || pending.pace() == 0.0 || tried.contains(&fault) {
                continue;
            }
            tried.push(fault);
            let rests = explorer.after(start, &[Act::Happen(fault.timer, fault.wait)])?;
            if rests.breaks && !rests.planned {
                faults.push(fault);
            }
        }
    }
    faults.sort_by_key(|fault| fault.timer);
    Ok(faults)
}

/// All ways to let `size` of the faults happen at one instant that can happen here.
fn stages<const W: usize>(faults: &[Fault], node: &Node<W>, size: usize) -> Vec<Stage> {
    let possible: Vec<usize> = (0..faults.len())
        .filter(|number| {
            let mut rests = node.rests.list.iter();
            let fault = faults[*number];
            rests.any(|rest| waiting_for(&rest.situation, fault.timer) == Some(fault.wait))
        })
        .collect();
    let mut all: Vec<(Stage, usize)> = vec![(Vec::new(), 0)];
    for _ in 0..size {
        all = all
            .iter()
            .flat_map(|(stage, from)| {
                (*from..possible.len()).map(|place| {
                    let mut longer = stage.clone();
                    longer.push(possible[place]);
                    (longer, place + 1)
                })
            })
            .collect();
    }
    all.into_iter().map(|(stage, _)| stage).collect()
}

/// Is the first sequence the second one with some faults left out?
fn is_part(part: &[Stage], whole: &[Stage]) -> bool {
    let mut rest = whole.iter();
    part.iter()
        .all(|stage| rest.any(|longer| stage.iter().all(|fault| longer.contains(fault))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_left_out_and_never_moved() {
        let whole = [vec![1, 2], vec![3]];
        assert!(is_part(&[vec![2], vec![3]], &whole));
        assert!(is_part(&[vec![3]], &whole));
        assert!(is_part(&[], &whole));
        assert!(!is_part(&[vec![1], vec![2]], &whole));
        assert!(!is_part(&[vec![3], vec![1]], &whole));
        assert!(!is_part(&[vec![1, 3]], &whole));
    }
}
