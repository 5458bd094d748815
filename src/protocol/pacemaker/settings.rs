//! The parameters of a cluster, read and checked.

use super::constraint::{self, INFINITY, Score, Term};
use super::schedule::{Policy, Primitive, Sequence, Together};
use crate::automaton::{Blueprint, Delay, DistributionId, Nanos, Node};
use crate::protocol::Site;
use crate::scenario::document::Item;
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::nearest::suggestion;
use crate::scenario::reader;

/// What a partition without quorum does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoQuorum {
    Stop,
    Freeze,
    Ignore,
    Suicide,
}

const NO_QUORUM: [(&str, NoQuorum); 4] = [
    ("stop", NoQuorum::Stop),
    ("freeze", NoQuorum::Freeze),
    ("ignore", NoQuorum::Ignore),
    ("suicide", NoQuorum::Suicide),
];

/// Cluster options.
pub struct Settings {
    pub no_quorum: NoQuorum,
    pub stonith: bool,
    /// A node that was shot is switched on again.
    pub reboot: bool,
    pub attempts: u64,
    pub startup_fencing: bool,
    pub fatal_start: bool,
    pub dc_deadtime: Nanos,
    pub overhead: DistributionId,
    pub reask_probability: f64,
    pub reask: Nanos,
    pub failure: Delay,
    pub join: Delay,
    pub election: DistributionId,
    pub fenced: Delay,
}

impl Settings {
    pub fn read<const W: usize>(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let p = site.parameters;
        let election = p.distribution("overhead.election", site.files)?;
        let overhead = p.distribution("overhead.membership", site.files)?;
        let mut delay = |path: &str| -> Result<Delay> {
            Ok(blueprint.delay(&p.distribution(path, site.files)?))
        };
        Ok(Settings {
            no_quorum: p.word("no_quorum_policy", &NO_QUORUM)?,
            stonith: p.flag("stonith_enabled")?,
            reboot: p.word("stonith_action", &[("reboot", true), ("off", false)])?,
            attempts: p.integer("stonith_max_attempts", 1, 1000)? as u64,
            startup_fencing: p.flag("startup_fencing")?,
            fatal_start: p.flag("start_failure_is_fatal")?,
            dc_deadtime: p.duration("dc_deadtime")?,
            reask_probability: p.share("overhead.reask_probability")?,
            reask: p.duration("overhead.reask")?,
            failure: delay("overhead.failure")?,
            join: delay("overhead.join")?,
            fenced: delay("overhead.fenced")?,
            overhead: blueprint.distribution(overhead),
            election: blueprint.distribution(election),
        })
    }
}

/// Reads the constraints of a cluster, looking names up.
pub struct Names<'a, 'b, const W: usize> {
    pub site: &'a Site<'b>,
    pub blueprint: &'a Blueprint<W>,
    pub resources: &'a [String],
    /// Groups by name, with the numbers of their members.
    pub groups: Vec<(String, Vec<usize>)>,
}

impl<'a, 'b, const W: usize> Names<'a, 'b, W> {
    /// Looks up the members of the groups.
    pub fn new(
        site: &'a Site<'b>,
        blueprint: &'a Blueprint<W>,
        resources: &'a [String],
    ) -> Result<Self> {
        let mut names = Names {
            site,
            blueprint,
            resources,
            groups: Vec::new(),
        };
        let p = site.parameters;
        for group in p.names("group") {
            let path = format!("group.{group}.members");
            let mut members = Vec::new();
            for (member, origin) in reader::texts(p.item(&path))? {
                let Some(index) = resources.iter().position(|name| name == member) else {
                    let message = format!("`{member}` is no resource of `{}`", site.name);
                    return Err(ScenarioError::at(origin, message, "unknown")
                        .maybe_help(suggestion(member, resources)));
                };
                members.push(index);
            }
            if members.is_empty() {
                return Err(p.error(&path, format!("the group `{group}` has no members")));
            }
            names.groups.push((group.clone(), members));
        }
        Ok(names)
    }

    /// The members that a name stands for.
    fn find(&self, name: &str, item: &Item) -> Result<Vec<usize>> {
        if let Some(index) = self.resources.iter().position(|known| known == name) {
            return Ok(vec![index]);
        }
        if let Some((_, members)) = self.groups.iter().find(|(group, _)| group == name) {
            return Ok(members.clone());
        }
        let message = format!("`{name}` is no resource or group of `{}`", self.site.name);
        let known = self.resources.iter().chain(self.groups.iter().map(|(name, _)| name));
        Err(ScenarioError::at(&item.origin, message, "in this constraint")
            .maybe_help(suggestion(name, known)))
    }

    fn node(&self, name: &str, item: &Item) -> Result<Node> {
        self.blueprint.node_named(name).ok_or_else(|| {
            let message = format!("there is no node `{name}`");
            let known = self.site.nodes.iter().map(|node| self.blueprint.node_name(*node));
            ScenarioError::at(&item.origin, message, "in this constraint")
                .maybe_help(suggestion(name, known))
        })
    }

    /// All constraints over resources with these properties.
    pub fn policy(&self, resources: Vec<Primitive>) -> Result<Policy> {
        let mut policy = Policy {
            resources,
            ..Policy::default()
        };
        for (_, members) in &self.groups {
            for pair in members.windows(2) {
                policy.sequences.push(after(pair[0], false, pair[1], false));
                policy.together.push(beside(pair[1], false, pair[0], false, INFINITY));
            }
        }
        let p = self.site.parameters;
        for item in reader::list(p.item("location"))? {
            self.locate(item, &mut policy)?;
        }
        for item in reader::list(p.item("order"))? {
            self.order(item, &mut policy)?;
        }
        for item in reader::list(p.item("colocation"))? {
            self.colocate(item, &mut policy)?;
        }
        policy.arrange().map_err(|index| {
            let name = &self.resources[index];
            p.error("colocation", format!("in the end `{name}` is colocated with itself"))
        })?;
        Ok(policy)
    }

    fn locate(&self, item: &Item, policy: &mut Policy) -> Result<()> {
        let location = parsed(item, constraint::location)?;
        for (node, score) in &location.scores {
            let node = self.node(node, item)?;
            for index in self.find(&location.name, item)? {
                let slot = &mut policy.resources[index].location[node.index()];
                *slot = constraint::add(*slot, *score);
            }
        }
        Ok(())
    }

    fn order(&self, item: &Item, policy: &mut Policy) -> Result<()> {
        let terms = parsed(item, constraint::order)?;
        for pair in terms.windows(2) {
            // A group is there when its last member runs, and begins with its first.
            let first = last_of(self.find(&pair[0].name, item)?);
            let then = self.find(&pair[1].name, item)?[0];
            self.check_role(&pair[0], first, policy, item)?;
            self.check_role(&pair[1], then, policy, item)?;
            policy.sequences.push(after(first, pair[0].promoted, then, pair[1].promoted));
        }
        Ok(())
    }

    fn colocate(&self, item: &Item, policy: &mut Policy) -> Result<()> {
        let found = parsed(item, constraint::colocation)?;
        let dependent = self.find(&found.dependent.name, item)?[0];
        let with = last_of(self.find(&found.with.name, item)?);
        self.check_role(&found.dependent, dependent, policy, item)?;
        self.check_role(&found.with, with, policy, item)?;
        let (own, other) = (found.dependent.promoted, found.with.promoted);
        policy.together.push(beside(dependent, own, with, other, found.score));
        Ok(())
    }

    fn check_role(&self, term: &Term, index: usize, policy: &Policy, item: &Item) -> Result<()> {
        if !term.promoted || policy.resources[index].promoted_max > 0 {
            return Ok(());
        }
        let message = format!("`{}` is never promoted", term.name);
        Err(ScenarioError::at(&item.origin, message, "in this constraint")
            .help("a promotable clone has clone = true and promoted_max = 1"))
    }
}

fn after(first: usize, first_promoted: bool, then: usize, then_promoted: bool) -> Sequence {
    Sequence {
        first,
        first_promoted,
        then,
        then_promoted,
    }
}

fn beside(
    dependent: usize,
    dependent_promoted: bool,
    with: usize,
    with_promoted: bool,
    score: Score,
) -> Together {
    Together {
        dependent,
        dependent_promoted,
        with,
        with_promoted,
        score,
    }
}

fn last_of(members: Vec<usize>) -> usize {
    *members.last().expect("a name stands for at least one resource")
}

fn parsed<T>(item: &Item, parse: impl Fn(&str) -> std::result::Result<T, String>) -> Result<T> {
    parse(reader::text(item)?)
        .map_err(|message| ScenarioError::at(&item.origin, message, "in this constraint"))
}
