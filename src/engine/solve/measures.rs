//! Reads services and tallies off a chain.

use super::chain::Chain;
use super::stationary::{Components, LongRun, visits};
use super::transient::{self, Span};
use crate::model::measure::Condition;

/// A service over some distribution of time on the states.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shares {
    /// Share of time not up.
    pub down: f64,
    /// Share of time not up, but readable.
    pub read_only: f64,
    /// Share of time up with some requests failing.
    pub degraded: f64,
    /// Share of requests that fail.
    pub failed: f64,
    /// Share of time down, by the number of the cause.
    pub causes: Vec<f64>,
    /// Outages that begin per second.
    pub outages_per_s: f64,
}

/// What a chain has to say about a service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceAnswer {
    /// In the long run.
    pub steady: Shares,
    /// Share of time in the long run in states that were not listed.
    pub beyond: f64,
    /// During the span that was asked for, where that could be computed.
    pub span: Option<Shares>,
    /// Probability to be up at the end of the span.
    pub up_at_end: Option<f64>,
    /// Mean seconds from the start to the first outage; infinite where none need come.
    pub mttf_s: f64,
    /// Probability that there is no outage in a given time from the start, where that
    /// could be computed.
    pub no_outage: Option<f64>,
}

/// The share of time at each level of a tally.
#[derive(Clone, Debug, PartialEq)]
pub struct TallyAnswer {
    /// In the long run.
    pub steady: Vec<f64>,
    /// During the span, where that could be computed.
    pub span: Option<Vec<f64>>,
}

/// Reads a service with so many causes in the long run.
pub fn steady(chain: &Chain, run: &LongRun, service: usize, causes: usize) -> Shares {
    shares(chain, &run.share, &run.visits_per_s, service, causes)
}

/// Reads a service with so many causes; `total_s` is the time from the start to the
/// end of the span.
pub fn service(
    chain: &Chain,
    run: &LongRun,
    span: Option<&Span>,
    service: usize,
    causes: usize,
    total_s: f64,
) -> ServiceAnswer {
    let up_at_end = span.map(|span| {
        (0..chain.len())
            .filter(|state| !chain.look(*state, service).is_down())
            .map(|state| span.at_end[state])
            .sum()
    });
    ServiceAnswer {
        steady: steady(chain, run, service, causes),
        beyond: chain.beyond.map_or(0.0, |state| run.share[state as usize]),
        span: span.map(|span| shares(chain, &span.share, &span.visits_per_s, service, causes)),
        up_at_end,
        mttf_s: mean_time_to_failure_s(chain, service),
        no_outage: reliability(chain, service, total_s),
    }
}

/// The probability that there is no outage within a time from the start: of a chain
/// that ends at the first one. `None` where that would take too long.
fn reliability(chain: &Chain, service: usize, time_s: f64) -> Option<f64> {
    let down = |state: u32| chain.look(state as usize, service).is_down();
    let up: Vec<u32> = (0..chain.len() as u32).filter(|s| !down(*s)).collect();
    let over = up.len() as u32;
    let mut place = vec![over; chain.len()];
    for (index, state) in up.iter().enumerate() {
        place[*state as usize] = index as u32;
    }
    let into = |steps: &[(u32, f64)]| -> Vec<(u32, f64)> {
        let goes_on = steps.iter().filter(|(to, _)| !down(*to));
        let ends = steps.iter().filter(|(to, _)| down(*to)).map(|(_, p)| p);
        let ends: f64 = ends.sum();
        let ends = (ends > 0.0).then_some((over, ends));
        goes_on
            .map(|(to, p)| (place[*to as usize], *p))
            .chain(ends)
            .collect()
    };
    let mut until_down = Chain {
        start: into(&chain.start),
        ..Chain::default()
    };
    for state in &up {
        let state = *state as usize;
        until_down.push_row(chain.sojourn_s[state], into(chain.next(state)));
    }
    until_down.push_row(f64::INFINITY, []);
    let at_end = transient::after(&until_down, time_s)?;
    Some(at_end[..up.len()].iter().sum())
}

/// Reads a tally that has levels up to `limit`.
pub fn tally(
    chain: &Chain,
    run: &LongRun,
    span: Option<&Span>,
    tally: usize,
    limit: u64,
) -> TallyAnswer {
    let levels = |share: &[f64]| {
        let mut levels = vec![0.0; limit as usize + 1];
        for (state, share) in share.iter().enumerate() {
            levels[chain.level(state, tally) as usize] += share;
        }
        levels
    };
    TallyAnswer {
        steady: levels(&run.share),
        span: span.map(|span| levels(&span.share)),
    }
}

fn shares(chain: &Chain, share: &[f64], visits: &[f64], service: usize, causes: usize) -> Shares {
    let mut sums = Shares {
        causes: vec![0.0; causes],
        ..Shares::default()
    };
    // Small terms first: the rare states decide how many nines there are.
    let mut states: Vec<usize> = (0..chain.len()).collect();
    states.sort_by(|a, b| share[*a].total_cmp(&share[*b]));
    for state in states {
        let look = chain.look(state, service);
        let time = share[state];
        sums.failed += time * (1.0 - look.success);
        match look.condition {
            Condition::Up => {}
            Condition::Degraded => sums.degraded += time,
            Condition::ReadOnly | Condition::Down => {
                sums.down += time;
                sums.causes[usize::from(look.cause)] += time;
                if look.condition == Condition::ReadOnly {
                    sums.read_only += time;
                }
            }
        }
        if !look.is_down() {
            let falls = chain.next(state).iter();
            let falls = falls.filter(|(to, _)| chain.look(*to as usize, service).is_down());
            sums.outages_per_s += visits[state] * falls.map(|(_, p)| p).sum::<f64>();
        }
    }
    sums
}

/// The mean time to the first outage: of a chain that begins anew at each outage, the
/// time per outage.
fn mean_time_to_failure_s(chain: &Chain, service: usize) -> f64 {
    let down = |state: u32| chain.look(state as usize, service).is_down();
    let start: Vec<(u32, f64)> = chain
        .start
        .iter()
        .copied()
        .filter(|(state, _)| !down(*state))
        .collect();
    let begins_up: f64 = start.iter().map(|(_, p)| p).sum();
    if begins_up == 0.0 {
        return 0.0;
    }
    let mut falls = vec![0.0; chain.len()];
    let rows: Vec<Vec<(u32, f64)>> = (0..chain.len())
        .map(|state| renewed_row(chain, state, &start, begins_up, &down, &mut falls[state]))
        .collect();
    let Some(part) = reachable_part(&rows, start[0].0) else {
        return f64::INFINITY;
    };
    if let [only] = part[..] {
        return begins_up * chain.sojourn_s[only as usize] / falls[only as usize];
    }
    let mut local = vec![0; rows.len()];
    for (index, state) in part.iter().enumerate() {
        local[*state as usize] = index as u32;
    }
    let own = part
        .iter()
        .map(|state| {
            let row = rows[*state as usize].iter();
            row.map(|(to, p)| (local[*to as usize], *p)).collect()
        })
        .collect();
    let solved = visits(own);
    let (mut time_s, mut outages) = (0.0, 0.0);
    for (state, visits) in part.iter().zip(solved.visits) {
        let state = *state as usize;
        // Rows without their step to themselves: a stay is as much longer.
        let leaves = 1.0 - rows_self(chain, state, &start, begins_up, falls[state]);
        time_s += visits * chain.sojourn_s[state] / leaves;
        outages += visits * falls[state] / leaves;
    }
    if outages == 0.0 {
        f64::INFINITY
    } else {
        begins_up * time_s / outages
    }
}

/// The probability to begin anew in the same state.
fn rows_self(chain: &Chain, state: usize, start: &[(u32, f64)], total: f64, falls: f64) -> f64 {
    if chain.next(state).is_empty() {
        return 0.0;
    }
    let here = start.iter().find(|(to, _)| *to as usize == state);
    here.map_or(0.0, |(_, p)| falls * p / total)
}

/// A row of the chain that begins anew where the service goes down, without its step
/// to itself; `falls` becomes the probability of that.
fn renewed_row(
    chain: &Chain,
    state: usize,
    start: &[(u32, f64)],
    total: f64,
    down: &impl Fn(u32) -> bool,
    falls: &mut f64,
) -> Vec<(u32, f64)> {
    if down(state as u32) {
        return Vec::new();
    }
    let mut row: Vec<(u32, f64)> = Vec::new();
    for (to, p) in chain.next(state) {
        if down(*to) {
            *falls += p;
        } else {
            row.push((*to, *p));
        }
    }
    if *falls > 0.0 {
        for (to, p) in start {
            let p = *falls * p / total;
            match row.iter_mut().find(|(known, _)| known == to) {
                Some((_, sum)) => *sum += p,
                None => row.push((*to, p)),
            }
        }
    }
    row.retain(|(to, _)| *to as usize != state);
    let leaves: f64 = row.iter().map(|(_, p)| p).sum();
    row.iter_mut().for_each(|(_, p)| *p /= leaves);
    row
}

/// The closed part that is reached from a state, if there is only one and that state
/// is in it: otherwise the service may stay up for ever.
fn reachable_part(rows: &[Vec<(u32, f64)>], from: u32) -> Option<Vec<u32>> {
    let mut seen = vec![false; rows.len()];
    let mut open = vec![from];
    seen[from as usize] = true;
    while let Some(state) = open.pop() {
        for (to, _) in &rows[state as usize] {
            if !std::mem::replace(&mut seen[*to as usize], true) {
                open.push(*to);
            }
        }
    }
    let parts = Components::of(rows).closed.into_iter();
    let mut reached = parts.filter(|part| seen[part[0] as usize]);
    let part = reached.next()?;
    (reached.next().is_none() && part.contains(&from)).then_some(part)
}
