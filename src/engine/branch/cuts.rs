//! Minimal cuts: the smallest sets of chance events after which a service stays down.
//!
//! From the situation in which the model begins, events that can happen there are
//! tried in sets of growing size: one after the other with time to settle between
//! them, and all at once. A set counts if the service is down when all has settled
//! that settles by itself. Sets are tried in one order only, and not beyond a budget;
//! so the list may miss some. Whoever needs all of them must look further; a level
//! function for rare events need not.

use super::distance::Event;
use super::{Brancher, Overflow, Situation, Wait};
use crate::automaton::{Nanos, State, Timer, TimerClass};
use std::sync::atomic::{AtomicBool, Ordering};

/// What settles by itself does so within this time.
const REST: Nanos = Nanos(86_400_000_000_000);
/// And within so many clocks.
const MAX_CLOCKS: usize = 2_000;
/// Alternatives of chance that are followed side by side.
const MAX_ALTERNATIVES: usize = 8;

/// What the search may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CutLimits {
    /// Events in a cut at most.
    pub order: usize,
    /// Sets that are tried at most.
    pub tries: usize,
    /// Cuts at most.
    pub cuts: usize,
}

impl Default for CutLimits {
    fn default() -> Self {
        CutLimits {
            order: 6,
            tries: 4_000,
            cuts: 256,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Cuts {
    /// The cuts, the shortest first. None contains another one.
    pub cuts: Vec<Vec<Event>>,
    /// Every set of at most so many events was tried.
    pub complete_to: usize,
    /// Is the service down before anything happens?
    pub down_at_start: bool,
}

/// A set of events that leaves the service up, and where it leads.
struct Survived {
    /// Numbers of the events, ascending.
    set: Vec<usize>,
    /// With time to settle after each.
    settled: Vec<usize>,
    /// All at once, before anything has settled. Both are numbers of situations.
    at_once: Vec<usize>,
}

struct Search<'b, 'm, const W: usize> {
    brancher: &'b mut Brancher<'m, W>,
    down: &'b dyn Fn(&State<W>) -> bool,
    events: Vec<Event>,
    /// Situations, by number.
    known: Vec<Situation<W>>,
    limits: CutLimits,
    tries: usize,
    found: Vec<Vec<usize>>,
}

/// Searches the minimal cuts of a condition. The brancher should wait
/// [untimed](super::Waiting::untimed).
pub fn cuts<const W: usize>(
    brancher: &mut Brancher<'_, W>,
    down: &dyn Fn(&State<W>) -> bool,
    limits: CutLimits,
    stop: &AtomicBool,
) -> Result<Cuts, Overflow> {
    let mut search = Search {
        brancher,
        down,
        events: Vec::new(),
        known: Vec::new(),
        limits,
        tries: 0,
        found: Vec::new(),
    };
    let start = search.start()?;
    let down_at_start = start.iter().any(|at| search.is_down(*at));
    let complete_to = if down_at_start {
        0
    } else {
        search.run(start, stop)?
    };
    let events = search.events;
    Ok(Cuts {
        cuts: (search.found.iter())
            .map(|set| set.iter().map(|number| events[*number]).collect())
            .collect(),
        complete_to,
        down_at_start,
    })
}

impl<const W: usize> Search<'_, '_, W> {
    /// The settled beginning; the events are those that can happen there, the
    /// likeliest first.
    fn start(&mut self) -> Result<Vec<usize>, Overflow> {
        let mut settled = Vec::new();
        for successor in self.brancher.begin()?.into_iter().take(MAX_ALTERNATIVES) {
            settled.extend(self.settle(successor.situation)?);
        }
        settled.truncate(MAX_ALTERNATIVES);
        for situation in &settled {
            for event in self.events_in(situation) {
                if !self.events.contains(&event) {
                    self.events.push(event);
                }
            }
        }
        self.events
            .sort_by(|a, b| (a.mean_s.total_cmp(&b.mean_s)).then(a.timer.cmp(&b.timer)));
        Ok(settled.into_iter().map(|s| self.keep(s)).collect())
    }

    fn events_in(&self, situation: &Situation<W>) -> Vec<Event> {
        let blueprint = self.brancher.model().blueprint();
        (situation.pending.iter())
            .filter(|pending| blueprint.timer_info(pending.timer).class == TimerClass::Chance)
            .filter(|pending| pending.pace() > 0.0)
            .filter_map(|pending| Some((pending.timer, self.mean_of(pending.wait)?)))
            .map(|(timer, mean_s)| Event { timer, mean_s })
            .collect()
    }

    /// The mean of what comes by chance; an untimed search has one stage for each.
    fn mean_of(&self, wait: Wait) -> Option<f64> {
        match wait {
            Wait::Stage(fit, _) => Some(self.brancher.waiting().fit(fit).mean_s),
            _ => None,
        }
    }

    fn keep(&mut self, situation: Situation<W>) -> usize {
        self.known.push(situation);
        self.known.len() - 1
    }

    fn is_down(&self, at: usize) -> bool {
        (self.down)(&self.known[at].state)
    }

    /// Tries sets of growing size; up to which size is it complete?
    fn run(&mut self, start: Vec<usize>, stop: &AtomicBool) -> Result<usize, Overflow> {
        let mut frontier = vec![Survived {
            set: Vec::new(),
            settled: start.clone(),
            at_once: start,
        }];
        for order in 1..=self.limits.order {
            let mut next = Vec::new();
            for survived in frontier {
                let from = survived.set.last().map_or(0, |last| last + 1);
                for event in from..self.events.len() {
                    if self.tries >= self.limits.tries
                        || self.found.len() >= self.limits.cuts
                        || stop.load(Ordering::Relaxed)
                    {
                        return Ok(order - 1);
                    }
                    next.extend(self.attempt(&survived, event)?);
                }
            }
            if next.is_empty() {
                return Ok(self.limits.order);
            }
            frontier = next;
        }
        Ok(self.limits.order)
    }

    /// One more event; what it leads to, if the service survives it.
    fn attempt(&mut self, survived: &Survived, event: usize) -> Result<Option<Survived>, Overflow> {
        let mut set = survived.set.clone();
        set.push(event);
        let contains = |cut: &Vec<usize>| cut.iter().all(|one| set.contains(one));
        if self.found.iter().any(contains) {
            return Ok(None);
        }
        self.tries += 1;
        let mut settled = Vec::new();
        for at in &survived.settled {
            for situation in self.fire(*at, event)? {
                settled.extend(self.settle(situation)?);
            }
        }
        let mut at_once = Vec::new();
        for at in &survived.at_once {
            at_once.extend(self.fire(*at, event)?);
        }
        at_once.truncate(MAX_ALTERNATIVES);
        let mut ends = settled.clone();
        if !survived.set.is_empty() {
            for situation in &at_once {
                ends.extend(self.settle(situation.clone())?);
            }
        }
        if ends.is_empty() {
            return Ok(None);
        }
        if ends.iter().any(|end| (self.down)(&end.state)) {
            self.found.push(set);
            return Ok(None);
        }
        settled.truncate(MAX_ALTERNATIVES);
        Ok(Some(Survived {
            set,
            settled: settled.into_iter().map(|s| self.keep(s)).collect(),
            at_once: at_once.into_iter().map(|s| self.keep(s)).collect(),
        }))
    }

    /// What follows the event at once, where it can happen.
    fn fire(&mut self, at: usize, event: usize) -> Result<Vec<Situation<W>>, Overflow> {
        let from = &self.known[at];
        let Event { timer, mean_s } = self.events[event];
        let possible = (from.pending.iter())
            .any(|pending| pending.timer == timer && self.mean_of(pending.wait) == Some(mean_s));
        if !possible {
            return Ok(Vec::new());
        }
        let from = from.clone();
        self.fire_now(&from, timer)
    }

    fn fire_now(
        &mut self,
        from: &Situation<W>,
        timer: Timer,
    ) -> Result<Vec<Situation<W>>, Overflow> {
        let mut successors = self.brancher.fire(from, timer)?;
        successors.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        successors.truncate(MAX_ALTERNATIVES);
        Ok(successors.into_iter().map(|s| s.situation).collect())
    }

    /// Lets clocks run until none is left, in every alternative.
    fn settle(&mut self, from: Situation<W>) -> Result<Vec<Situation<W>>, Overflow> {
        let mut open = vec![(from, Nanos::ZERO, 0)];
        let mut settled: Vec<Situation<W>> = Vec::new();
        while let Some((situation, passed, clocks)) = open.pop() {
            let left = situation.next_clock().map(|(left, _)| left);
            match left {
                Some(left) if passed + left <= REST && clocks < MAX_CLOCKS => {
                    let mut next = self.brancher.run_clock(&situation)?;
                    next.sort_by(|a, b| a.probability.total_cmp(&b.probability));
                    let room = MAX_ALTERNATIVES.saturating_sub(open.len() + settled.len());
                    let skip = next.len().saturating_sub(room.max(1));
                    open.extend(
                        (next.into_iter().skip(skip))
                            .map(|s| (s.situation, passed + left, clocks + 1)),
                    );
                }
                _ if settled.contains(&situation) => {}
                _ => settled.push(situation),
            }
        }
        Ok(settled)
    }
}
