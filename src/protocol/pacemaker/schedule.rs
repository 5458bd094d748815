//! Where the scheduler wants everything to run: a function of scores and of what runs
//! where, without any time.
//!
//! Pacemaker assigns resources one by one, those that others are colocated with first
//! (PS libpacemaker, pcmk_sched_primitive.c). A node's score is the sum of location
//! constraints, stickiness where the resource runs on one node alone, and colocations. The
//! preferences of resources that depend on this one count as well, unless they leave no
//! node at all. The highest score of zero or more wins; among equals the node with the
//! fewest resources, then the one on which it runs, then the first.

use super::constraint::{INFINITY, Score, add};
use crate::automaton::{Node, NodeSet};

/// A resource, as far as its place is concerned.
#[derive(Clone, Debug)]
pub struct Primitive {
    pub stickiness: Score,
    /// An instance on every node that may have one.
    pub is_clone: bool,
    /// How many instances are promoted.
    pub promoted_max: usize,
    /// Score of each node, by its number.
    pub location: Vec<Score>,
}

/// One resource should be where another one is, or not be there.
#[derive(Clone, Copy, Debug)]
pub struct Together {
    pub dependent: usize,
    pub dependent_promoted: bool,
    pub with: usize,
    pub with_promoted: bool,
    pub score: Score,
}

/// One resource is started after another one, and stopped before it.
#[derive(Clone, Copy, Debug)]
pub struct Sequence {
    pub first: usize,
    pub first_promoted: bool,
    pub then: usize,
    pub then_promoted: bool,
}

/// All constraints.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub resources: Vec<Primitive>,
    pub together: Vec<Together>,
    pub sequences: Vec<Sequence>,
    /// The order in which places are assigned.
    pub turn: Vec<usize>,
}

/// What a scheduler knows of one resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<const W: usize> {
    /// Where it runs.
    pub located: NodeSet<W>,
    pub promoted: NodeSet<W>,
    /// Where it has failed too often.
    pub banned: NodeSet<W>,
    /// Which instances can be promoted.
    pub promotable: NodeSet<W>,
    /// Where it could not be stopped; it stays there.
    pub blocked: NodeSet<W>,
    /// Where it is to be started once the copies that ran twice have stopped.
    pub goal: NodeSet<W>,
}

/// Where a resource should run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place<const W: usize> {
    pub nodes: NodeSet<W>,
    pub promoted: NodeSet<W>,
}

impl Policy {
    /// Puts those that others are colocated with first. `Err` with a resource that is
    /// colocated with itself in the end.
    pub fn arrange(&mut self) -> Result<(), usize> {
        let count = self.resources.len();
        let mut done = vec![false; count];
        self.turn.clear();
        while self.turn.len() < count {
            let ready = (0..count).find(|&index| {
                let waits = |t: &Together| t.dependent == index && !done[t.with];
                !done[index] && !self.together.iter().any(waits)
            });
            let Some(index) = ready else {
                return Err((0..count).find(|&index| !done[index]).unwrap_or(0));
            };
            done[index] = true;
            self.turn.push(index);
        }
        Ok(())
    }

    /// Where everything should run on these nodes. Under `frozen` nothing is started
    /// that does not run.
    pub fn places<const W: usize>(
        &self,
        usable: NodeSet<W>,
        known: &[Known<W>],
        frozen: bool,
    ) -> Vec<Place<W>> {
        let mut places = vec![Place::default(); self.resources.len()];
        for &index in &self.turn {
            let own = &known[index];
            places[index] = if frozen {
                let nodes = (own.located & usable) - own.banned;
                let promoted = own.promoted & nodes;
                Place { nodes, promoted }
            } else {
                self.place(index, usable, known, &places)
            };
        }
        self.drop_unordered(&mut places);
        places
    }

    fn place<const W: usize>(
        &self,
        index: usize,
        usable: NodeSet<W>,
        known: &[Known<W>],
        places: &[Place<W>],
    ) -> Place<W> {
        let (resource, own) = (&self.resources[index], &known[index]);
        if !own.blocked.is_empty() && !resource.is_clone {
            return Place {
                nodes: own.blocked,
                promoted: own.blocked & own.promoted,
            };
        }
        let scores = self.scores(index, usable, known, places, false);
        if !resource.is_clone {
            let goal = own.goal & usable;
            let nodes = match goal.first() {
                Some(node) if scores[node.index()] >= 0 => NodeSet::single(node),
                _ => best(&scores, usable, own.located, places, 1),
            };
            return Place {
                nodes,
                promoted: NodeSet::EMPTY,
            };
        }
        let allowed = |node: &Node| scores[node.index()] >= 0;
        let nodes: NodeSet<W> = usable.iter().filter(allowed).collect();
        if resource.promoted_max == 0 {
            return Place {
                nodes,
                promoted: NodeSet::EMPTY,
            };
        }
        let scores = self.scores(index, usable, known, places, true);
        let able = nodes & own.promotable;
        let promoted = best(&scores, able, own.promoted, places, resource.promoted_max);
        Place { nodes, promoted }
    }

    /// The score of each node for a resource, or for its promoted role.
    fn scores<const W: usize>(
        &self,
        index: usize,
        usable: NodeSet<W>,
        known: &[Known<W>],
        places: &[Place<W>],
        promoted: bool,
    ) -> Vec<Score> {
        let mut scores = self.own_scores(index, known, promoted);
        let bound = |t: &&Together| t.dependent == index && t.dependent_promoted == promoted;
        for together in self.together.iter().filter(bound) {
            bind(&mut scores, together, places);
        }
        self.follow_dependents(index, usable, known, promoted, &mut scores);
        scores
    }

    /// Location, failures and stickiness.
    fn own_scores<const W: usize>(
        &self,
        index: usize,
        known: &[Known<W>],
        promoted: bool,
    ) -> Vec<Score> {
        let (resource, own) = (&self.resources[index], &known[index]);
        let mut scores = resource.location.clone();
        let active = if promoted { own.promoted } else { own.located };
        let sticks = resource.is_clone || active.len() == 1;
        for (number, score) in scores.iter_mut().enumerate() {
            let node = Node(number as u16);
            if own.banned.contains(node) {
                *score = -INFINITY;
            } else if sticks && active.contains(node) {
                *score = add(*score, resource.stickiness);
            }
        }
        scores
    }

    /// What depends on a resource has a say in where it goes, unless that leaves no node.
    fn follow_dependents<const W: usize>(
        &self,
        index: usize,
        usable: NodeSet<W>,
        known: &[Known<W>],
        promoted: bool,
        scores: &mut Vec<Score>,
    ) {
        let follows = |t: &&Together| {
            t.with == index && t.with_promoted == promoted && t.score > 0
        };
        for together in self.together.iter().filter(follows) {
            let mut theirs = self.own_scores(together.dependent, known, together.dependent_promoted);
            let role = together.dependent_promoted;
            self.follow_dependents(together.dependent, usable, known, role, &mut theirs);
            let merged: Vec<Score> = scores
                .iter()
                .zip(&theirs)
                .map(|(own, their)| add(*own, weigh(*their, together.score)))
                .collect();
            if usable.iter().any(|node| merged[node.index()] >= 0) {
                *scores = merged;
            }
        }
    }

    /// What comes after something that does not run does not run either.
    fn drop_unordered<const W: usize>(&self, places: &mut [Place<W>]) {
        loop {
            let mut changed = false;
            for sequence in &self.sequences {
                let first = &places[sequence.first];
                let runs = if sequence.first_promoted { first.promoted } else { first.nodes };
                let then = &mut places[sequence.then];
                let waits = if sequence.then_promoted { &mut then.promoted } else { &mut then.nodes };
                if runs.is_empty() && !waits.is_empty() {
                    *waits = NodeSet::EMPTY;
                    then.promoted = NodeSet::EMPTY;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }
}

/// A score of a dependent resource in the eyes of the one that it depends on.
fn weigh(score: Score, factor: Score) -> Score {
    if score.abs() >= INFINITY && factor >= INFINITY {
        return score;
    }
    score * factor / INFINITY
}

/// Draws a resource to where another one is, or keeps it away from there.
fn bind<const W: usize>(scores: &mut [Score], together: &Together, places: &[Place<W>]) {
    let with = &places[together.with];
    let there = if together.with_promoted { with.promoted } else { with.nodes };
    for (number, score) in scores.iter_mut().enumerate() {
        let beside = there.contains(Node(number as u16));
        if together.score >= INFINITY && !beside {
            *score = -INFINITY;
        } else if beside && together.score < INFINITY {
            *score = add(*score, together.score);
        }
    }
}

/// The best nodes, so many, among those that are allowed.
fn best<const W: usize>(
    scores: &[Score],
    usable: NodeSet<W>,
    active: NodeSet<W>,
    places: &[Place<W>],
    count: usize,
) -> NodeSet<W> {
    let burden = |node: Node| places.iter().filter(|place| place.nodes.contains(node)).count();
    let mut nodes: Vec<Node> = usable.iter().filter(|node| scores[node.index()] >= 0).collect();
    // Two active copies: the one that was restarted was on the last node in 16 of 16
    // trials of the lab.
    let several = active.len() > 1;
    nodes.sort_by_key(|node| {
        let place = node.index() as i64;
        (
            -scores[node.index()],
            burden(*node),
            !active.contains(*node),
            if several { -place } else { place },
        )
    });
    nodes.into_iter().take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Nodes = NodeSet<1>;

    fn primitive(location: &[Score]) -> Primitive {
        Primitive {
            stickiness: 0,
            is_clone: false,
            promoted_max: 0,
            location: location.to_vec(),
        }
    }

    fn nodes(members: &[u16]) -> Nodes {
        members.iter().map(|&n| Node(n)).collect()
    }

    fn with(dependent: usize, with: usize, score: Score) -> Together {
        Together {
            dependent,
            dependent_promoted: false,
            with,
            with_promoted: false,
            score,
        }
    }

    fn policy(resources: Vec<Primitive>, together: Vec<Together>) -> Policy {
        let mut policy = Policy {
            resources,
            together,
            ..Policy::default()
        };
        policy.arrange().expect("no cycle");
        policy
    }

    fn runs_on(places: &[Place<1>]) -> Vec<Nodes> {
        places.iter().map(|place| place.nodes).collect()
    }

    #[test]
    fn what_avoids_a_node_draws_those_below_it_away() {
        // WebServer with VirtualIP with WebFS; WebServer avoids node 2.
        let free = || primitive(&[0, 0]);
        let web = primitive(&[100, -INFINITY]);
        let policy = policy(vec![web, free(), free()], vec![with(0, 1, INFINITY), with(1, 2, INFINITY)]);
        let known = vec![Known::default(); 3];
        let both = policy.places(nodes(&[0, 1]), &known, false);
        assert_eq!(runs_on(&both), [nodes(&[0]), nodes(&[0]), nodes(&[0])]);
        // Without node 1 the others run, and the web server runs nowhere.
        let one = policy.places(nodes(&[1]), &known, false);
        assert_eq!(runs_on(&one), [nodes(&[]), nodes(&[1]), nodes(&[1])]);
    }

    #[test]
    fn stickiness_outweighs_a_small_preference() {
        let mut web = primitive(&[50, 0]);
        let mut known = [Known { located: nodes(&[1]), ..Known::default() }];
        let home = policy(vec![web.clone()], vec![]);
        assert_eq!(runs_on(&home.places(nodes(&[0, 1]), &known, false)), [nodes(&[0])]);
        web.stickiness = 100;
        let stays = policy(vec![web], vec![]);
        assert_eq!(runs_on(&stays.places(nodes(&[0, 1]), &known, false)), [nodes(&[1])]);
        // Two copies: neither sticks.
        known[0].located = nodes(&[0, 1]);
        assert_eq!(runs_on(&stays.places(nodes(&[0, 1]), &known, false)), [nodes(&[0])]);
    }

    #[test]
    fn resources_spread_and_stay_away_from_each_other() {
        let free = || primitive(&[0, 0]);
        let spread = policy(vec![free(), free()], vec![]);
        let known = vec![Known::default(); 2];
        assert_eq!(runs_on(&spread.places(nodes(&[0, 1]), &known, false)), [nodes(&[0]), nodes(&[1])]);
        let apart = policy(vec![free(), free()], vec![with(1, 0, -INFINITY)]);
        assert_eq!(runs_on(&apart.places(nodes(&[0]), &known, false)), [nodes(&[0]), nodes(&[])]);
    }

    #[test]
    fn one_instance_that_can_is_promoted_and_what_follows_is_with_it() {
        let mut drbd = primitive(&[0, 0]);
        (drbd.is_clone, drbd.promoted_max, drbd.stickiness) = (true, 1, 1);
        let promoted = Together { with_promoted: true, ..with(1, 0, INFINITY) };
        let mut policy = policy(vec![drbd, primitive(&[0, 0])], vec![promoted]);
        policy.sequences.push(Sequence {
            first: 0,
            first_promoted: true,
            then: 1,
            then_promoted: false,
        });
        let mut known = [Known { promotable: nodes(&[1]), ..Known::default() }, Known::default()];
        let places = policy.places(nodes(&[0, 1]), &known, false);
        assert_eq!(places[0], Place { nodes: nodes(&[0, 1]), promoted: nodes(&[1]) });
        assert_eq!(places[1].nodes, nodes(&[1]));
        known[0].promotable = nodes(&[]);
        assert_eq!(policy.places(nodes(&[0, 1]), &known, false)[1].nodes, nodes(&[]));
    }

    #[test]
    fn frozen_means_that_nothing_new_starts() {
        let policy = policy(vec![primitive(&[0, 0]), primitive(&[0, 0])], vec![]);
        let known = [Known { located: nodes(&[1]), ..Known::default() }, Known::default()];
        let places = policy.places(nodes(&[0, 1]), &known, true);
        assert!(places[1].nodes.is_empty());
    }

    #[test]
    fn a_circle_is_found() {
        let mut policy = Policy {
            resources: vec![primitive(&[0]), primitive(&[0])],
            together: vec![with(0, 1, 5), with(1, 0, 5)],
            ..Policy::default()
        };
        assert!(policy.arrange().is_err());
    }
}
