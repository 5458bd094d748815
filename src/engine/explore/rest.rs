//! What a cluster comes to rest in after something has happened to it.

use super::graph::{End, Graph, Marks};
use crate::automaton::{Command, Nanos, Timer};
use crate::engine::branch::hash::BuildWordHasher;
use crate::engine::branch::{Brancher, Overflow, Phases, Situation, Wait, Waiting};
use crate::engine::streams::split_mix;
use crate::model::Model;
use crate::model::measure::Condition;
use std::collections::HashMap;

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Points that stand for a phase where all combinations are tried.
    pub points: usize,
    /// Situations between an event and rest, up to which all combinations are tried.
    pub situations: usize,
    /// Combinations of phases that are drawn where that is too much.
    pub draws: usize,
    /// Situations of one drawn combination after which a cluster counts as restless.
    pub restless: usize,
    /// Situations of rest that are kept to go on from.
    pub rests: usize,
    /// The seed of what is drawn.
    pub seed: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            points: 3,
            situations: 500,
            draws: 12,
            restless: 5_000,
            rests: 12,
            seed: 1,
        }
    }
}

/// Why nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExploreError {
    /// A step cannot be listed.
    #[error("{0}")]
    Overflow(#[from] Overflow),
    /// Somebody stopped it.
    #[error("stopped before all sequences were tried: there is no partial answer")]
    Interrupted,
}

/// The conditions that a service has while the cluster is at rest: mostly one; several
/// where something goes round for ever (a unit that is restarted again and again).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen(u8);

/// From the best to the worst.
const CONDITIONS: [Condition; 4] = [
    Condition::Up,
    Condition::Degraded,
    Condition::ReadOnly,
    Condition::Down,
];

impl Seen {
    /// One more condition.
    pub fn add(&mut self, condition: Condition) {
        self.0 |= 1 << condition as u8;
    }

    /// The worst of them.
    pub fn worst(self) -> Condition {
        let worst = CONDITIONS.iter().rfind(|c| self.has(**c));
        worst.copied().unwrap_or(Condition::Up)
    }

    /// Is this one of them?
    pub fn has(self, condition: Condition) -> bool {
        self.0 >> condition as u8 & 1 == 1
    }

    /// All of them, the best first.
    pub fn all(self) -> impl Iterator<Item = Condition> {
        CONDITIONS.into_iter().filter(move |c| self.has(*c))
    }
}

/// A rest.
#[derive(Clone, Debug)]
pub struct Rest<const W: usize> {
    /// How likely it is, with phases as they may come.
    pub probability: f64,
    /// The situation; where it goes round, one of its situations.
    pub situation: Situation<W>,
    /// What each service was seen to be, in the order of the explorer's services.
    pub seen: Vec<Seen>,
}

/// Everything that a cluster may come to rest in.
#[derive(Clone, Debug)]
pub struct Rests<const W: usize> {
    /// The rests, in the order in which they were found.
    pub list: Vec<Rest<W>>,
    /// What the services were seen to be, with probabilities: also of rests that
    /// are not in the list.
    pub outcomes: Vec<(Vec<Seen>, f64)>,
    /// Were all combinations of phases tried, here and before?
    pub every: bool,
    /// Does the list stand for a longer one?
    pub thinned: bool,
    /// The longest time from the last event to rest.
    pub after: Nanos,
    /// Has anything broken on the way, in any alternative, and nothing come back at once?
    pub breaks: bool,
    /// Was any of it planned?
    pub planned: bool,
    /// Events since the start.
    depth: u64,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Act<const W: usize> {
    /// Somebody gives an order.
    Order(Command<W>),
    /// A timer runs out that waits for chance; nothing happens where it does not wait
    /// for this.
    Happen(Timer, Wait),
}

/// The situations just after an event, and what the event was like.
type Begun<const W: usize> = (Vec<(f64, Situation<W>)>, Marks);

/// Finds rests.
#[derive(Clone)]
pub struct Explorer<'m, const W: usize> {
    brancher: Brancher<'m, W>,
    services: Vec<usize>,
    limits: Limits,
}

impl<'m, const W: usize> Explorer<'m, W> {
    /// For these services (by number) of a model.
    pub fn new(model: &'m Model<W>, services: &[usize], limits: Limits) -> Self {
        let waiting = Waiting::untimed(model.blueprint().distributions(), limits.points);
        Explorer {
            brancher: Brancher::new(model, waiting, 0),
            services: services.to_vec(),
            limits,
        }
    }

    /// The model.
    pub fn model(&self) -> &'m Model<W> {
        self.brancher.model()
    }

    /// Situations of rest that are kept to go on from, from now on.
    pub fn keep_rests(&mut self, count: usize) {
        self.limits.rests = count;
    }

    /// The numbers of the services.
    pub fn services(&self) -> &[usize] {
        &self.services
    }

    /// The rests before anything has happened.
    pub fn start(&mut self) -> Result<Rests<W>, ExploreError> {
        self.find(0, true, 1, |brancher, _| {
            let begun = brancher.begin()?;
            let situations = begun.into_iter().map(|s| (s.probability, s.situation));
            Ok((situations.collect(), Marks::default()))
        })
    }

    /// The rests after these acts at one instant, in this order.
    pub fn after(&mut self, from: &Rests<W>, acts: &[Act<W>]) -> Result<Rests<W>, ExploreError> {
        let mut rests = self.find(
            from.depth + 1,
            from.every,
            from.list.len(),
            |brancher, at| {
                let chosen = match at {
                    Some(index) => &from.list[index..=index],
                    None => &from.list[..],
                };
                happen(brancher, chosen, acts)
            },
        )?;
        rests.thinned |= from.thinned;
        Ok(rests)
    }

    /// Tries every combination of phases, or draws. `begin` gives the situations that
    /// follow the event from one of the `starts`, or from all of them.
    fn find(
        &mut self,
        depth: u64,
        every: bool,
        starts: usize,
        begin: impl Fn(&mut Brancher<'m, W>, Option<usize>) -> Result<Begun<W>, Overflow>,
    ) -> Result<Rests<W>, ExploreError> {
        let mut gathered = Gathered::default();
        let limit = self.limits.situations;
        self.brancher.set_phases(Phases::Every, limit);
        if let Some(graph) = self.list_every(&begin)? {
            gathered.marks.join(graph.marks);
            for end in graph.ends() {
                gathered.add(&self.services, self.model(), &end, 1.0);
            }
            return Ok(gathered.finish(depth, every, self.limits.rests));
        }
        // The fewer starts, the more often each.
        let draws = (2 * self.limits.draws)
            .div_ceil(starts)
            .min(self.limits.draws);
        for draw in 0..draws {
            for start in 0..starts {
                let place = (depth << 32) + ((start as u64) << 16) + draw as u64;
                let seed = split_mix(self.limits.seed ^ split_mix(place));
                self.brancher.set_phases(Phases::Drawn(seed), usize::MAX);
                let begun = begin(&mut self.brancher, Some(start))?;
                let graph = Graph::list(&mut self.brancher, begun, self.limits.restless)?;
                gathered.marks.join(graph.marks);
                let share = 1.0 / draws as f64;
                if graph.cut_off {
                    gathered.add(&self.services, self.model(), &graph.tail(), share);
                    continue;
                }
                for end in graph.ends() {
                    gathered.add(&self.services, self.model(), &end, share);
                }
            }
        }
        Ok(gathered.finish(depth, false, self.limits.rests))
    }

    fn list_every(
        &mut self,
        begin: impl Fn(&mut Brancher<'m, W>, Option<usize>) -> Result<Begun<W>, Overflow>,
    ) -> Result<Option<Graph<W>>, ExploreError> {
        let limit = self.limits.situations;
        let listed = begin(&mut self.brancher, None)
            .and_then(|begun| Graph::list(&mut self.brancher, begun, limit));
        match listed {
            Ok(graph) => Ok((!graph.cut_off).then_some(graph)),
            Err(Overflow::Alternatives(..)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The situations just after these acts.
fn happen<const W: usize>(
    brancher: &mut Brancher<'_, W>,
    from: &[Rest<W>],
    acts: &[Act<W>],
) -> Result<Begun<W>, Overflow> {
    let mut now: Vec<(f64, Situation<W>)> = from
        .iter()
        .map(|rest| (rest.probability, rest.situation.clone()))
        .collect();
    let mut marks = Marks::default();
    for act in acts {
        let mut next = Vec::new();
        for (probability, situation) in &now {
            let followers = match act {
                Act::Order(command) => brancher.obey(situation, command)?,
                Act::Happen(timer, wait) if waiting_for(situation, *timer) == Some(*wait) => {
                    brancher.fire(situation, *timer)?
                }
                Act::Happen(..) => {
                    next.push((*probability, situation.clone()));
                    continue;
                }
            };
            for follower in followers {
                marks.add(&follower.disturbance);
                next.push((probability * follower.probability, follower.situation));
            }
        }
        now = next;
    }
    Ok((now, marks))
}

/// What a timer waits for, if it runs.
pub fn waiting_for<const W: usize>(situation: &Situation<W>, timer: Timer) -> Option<Wait> {
    situation
        .pending
        .iter()
        .find(|pending| pending.timer == timer && pending.pace() > 0.0)
        .map(|pending| pending.wait)
}

/// Rests as they are found.
struct Gathered<const W: usize> {
    marks: Marks,
    numbers: HashMap<Situation<W>, usize, BuildWordHasher>,
    list: Vec<Rest<W>>,
    after: Nanos,
}

impl<const W: usize> Default for Gathered<W> {
    fn default() -> Self {
        Gathered {
            marks: Marks::default(),
            numbers: HashMap::default(),
            list: Vec::new(),
            after: Nanos::ZERO,
        }
    }
}

impl<const W: usize> Gathered<W> {
    fn add(&mut self, services: &[usize], model: &Model<W>, end: &End<'_, W>, share: f64) {
        if end.probability == 0.0 {
            return;
        }
        let mut seen = vec![Seen::default(); services.len()];
        for situation in &end.situations {
            for (seen, service) in seen.iter_mut().zip(services) {
                seen.add(model.services()[*service].read(&situation.state).condition);
            }
        }
        self.after = self.after.max(end.after);
        let situation = end.situations[0];
        let probability = end.probability * share;
        if let Some(&known) = self.numbers.get(situation)
            && self.list[known].seen == seen
        {
            self.list[known].probability += probability;
            return;
        }
        self.numbers.insert(situation.clone(), self.list.len());
        self.list.push(Rest {
            probability,
            situation: situation.clone(),
            seen,
        });
    }

    fn finish(self, depth: u64, every: bool, limit: usize) -> Rests<W> {
        let mut outcomes: Vec<(Vec<Seen>, f64)> = Vec::new();
        for rest in &self.list {
            match outcomes.iter_mut().find(|(seen, _)| *seen == rest.seen) {
                Some((_, probability)) => *probability += rest.probability,
                None => outcomes.push((rest.seen.clone(), rest.probability)),
            }
        }
        let thinned = self.list.len() > limit;
        Rests {
            list: if thinned {
                thin(self.list, limit)
            } else {
                self.list
            },
            outcomes,
            every,
            thinned,
            after: self.after,
            breaks: self.marks.fault && !self.marks.restored_first,
            planned: self.marks.planned,
            depth,
        }
    }
}

/// The likeliest rest of each kind, then the likeliest of all; each kept one also stands
/// for those of its kind that are not.
fn thin<const W: usize>(list: Vec<Rest<W>>, limit: usize) -> Vec<Rest<W>> {
    let mut order: Vec<usize> = (0..list.len()).collect();
    order.sort_by(|a, b| list[*b].probability.total_cmp(&list[*a].probability));
    let mut kept: Vec<usize> = Vec::new();
    for &index in &order {
        if !kept.iter().any(|k| list[*k].seen == list[index].seen) {
            kept.push(index);
        }
    }
    for &index in &order {
        if kept.len() < limit && !kept.contains(&index) {
            kept.push(index);
        }
    }
    kept.sort_unstable();
    let mass = |of: &dyn Fn(usize) -> bool, seen: &[Seen]| -> f64 {
        (0..list.len())
            .filter(|i| of(*i) && list[*i].seen == seen)
            .map(|i| list[i].probability)
            .sum()
    };
    kept.iter()
        .map(|&index| {
            let rest = &list[index];
            let all = mass(&|_| true, &rest.seen);
            let own = mass(&|i| kept.contains(&i), &rest.seen);
            Rest {
                probability: rest.probability * all / own,
                ..rest.clone()
            }
        })
        .collect()
}
