//! One resource: its operations, its timers and what is known of it.

use super::constraint::{self, Score};
use super::schedule::Primitive;
use crate::automaton::{Blueprint, Counters, Delay, Nanos, NodeSet, SetId, TimerClass, Timers};
use crate::protocol::optional_set::OptionalSet;
use crate::protocol::{Resolver, Site};
use crate::scenario::document::Value;
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::reader;

/// An operation with a time-out.
#[derive(Clone, Copy)]
pub struct Operation {
    pub takes: Delay,
    pub timeout: Nanos,
    /// It fails with this probability when it ends.
    pub failure: f64,
}

impl Operation {
    /// Can it take longer than its time-out?
    pub fn may_hang(&self) -> bool {
        match self.takes {
            Delay::Fixed(value) => value > self.timeout,
            Delay::Uniform { high, .. } => high > self.timeout,
            Delay::Drawn(_) | Delay::FixedThenDrawn(..) => true,
        }
    }
}

/// A resource of the cluster.
pub struct Resource<const W: usize> {
    pub name: String,
    pub start: Operation,
    pub stop: Operation,
    pub promote: Delay,
    pub demote: Delay,
    /// Zero: nobody looks.
    pub monitor: Nanos,
    pub life: Option<(Timers, Delay)>,
    /// Zero: failures do not drive it away.
    pub threshold: u64,
    pub failure_timeout: Nanos,
    pub is_clone: bool,
    pub promoted_max: usize,
    stickiness: Score,
    pub needs: OptionalSet<W>,
    pub promotable: OptionalSet<W>,
    pub cells: Cells,
    pub fails: Counters,
    /// The end of what is being done.
    pub operation: Timers,
    pub limit: Timers,
    pub detect: Timers,
    pub forgive: Timers,
}

/// What is true and what is known of a resource.
pub struct Cells {
    /// Nodes on which it works.
    pub works: SetId,
    /// Nodes on which it is promoted.
    pub promoted: SetId,
    /// Nodes on which the cluster believes it active, working or not.
    pub located: SetId,
    /// Nodes on which the cluster knows that it has failed.
    pub failed: SetId,
    pub starting: SetId,
    pub stopping: SetId,
    pub promoting: SetId,
    pub demoting: SetId,
    /// Nodes that may not run it any more.
    pub banned: SetId,
    /// Nodes on which it could not be stopped.
    pub blocked: SetId,
    /// Where it is to be started once the copies that ran twice have stopped.
    pub goal: SetId,
    /// Nodes that believe it may be active on a node that has to be shot first.
    pub elsewhere: SetId,
}

impl<const W: usize> Resource<W> {
    /// Reads `resource.NAME` and registers what it needs.
    pub fn new(
        name: &str,
        site: &Site<'_>,
        members: NodeSet<W>,
        blueprint: &mut Blueprint<W>,
    ) -> Result<Self> {
        let p = site.parameters;
        let path = |what: &str| format!("resource.{name}.{what}");
        let mut delay = |what: &str| -> Result<Delay> {
            Ok(blueprint.delay(&p.distribution(&path(what), site.files)?))
        };
        let operation = |takes: Delay, what: &str| -> Result<Operation> {
            Ok(Operation {
                takes,
                timeout: p.positive_duration(&path(&format!("{what}_timeout")))?,
                failure: p.share(&path(&format!("{what}_failure")))?,
            })
        };
        let (start, stop) = (delay("start")?, delay("stop")?);
        let (promote, demote) = (delay("promote")?, delay("demote")?);
        let failure = p.distribution(&path("failure"), site.files)?;
        let full = format!("{}.{name}", site.name);
        let never = failure == crate::automaton::Distribution::Never;
        let life = (!never).then(|| {
            let purpose = format!("{full}.failure");
            let timers = blueprint.timers_per_node(&purpose, TimerClass::Chance);
            (timers, blueprint.delay(&failure))
        });
        let is_clone = p.flag(&path("clone"))?;
        let promoted_max = p.integer(&path("promoted_max"), 0, 1024)? as usize;
        if promoted_max > 0 && !is_clone {
            return Err(p
                .error(&path("promoted_max"), format!("`{name}` is no clone"))
                .help("say clone = true as well"));
        }
        let mut timers =
            |what: &str| blueprint.timers_per_node(&format!("{full}.{what}"), TimerClass::Reaction);
        let (work, limit) = (timers("operation"), timers("timeout"));
        let (detect, forgive) = (timers("monitor"), timers("failure_timeout"));
        Ok(Resource {
            name: name.to_owned(),
            start: operation(start, "start")?,
            stop: operation(stop, "stop")?,
            promote,
            demote,
            monitor: p.duration(&path("monitor"))?,
            life,
            threshold: p.integer(&path("migration_threshold"), 0, 1_000_000)? as u64,
            failure_timeout: p.duration(&path("failure_timeout"))?,
            is_clone,
            promoted_max,
            stickiness: stickiness(site, name, is_clone)?,
            needs: OptionalSet::read(site, &path("needs"), members)?,
            promotable: OptionalSet::read(site, &path("promotable"), members)?,
            cells: Cells::register(&full, members, blueprint),
            fails: blueprint.counters(blueprint.nodes()),
            operation: work,
            limit,
            detect,
            forgive,
        })
    }

    pub fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        self.needs.link(resolve)?;
        self.promotable.link(resolve)
    }

    /// As the scheduler sees it, before any constraint.
    pub fn primitive(&self, nodes: usize) -> Primitive {
        Primitive {
            stickiness: self.stickiness,
            is_clone: self.is_clone,
            promoted_max: self.promoted_max,
            location: vec![0; nodes],
        }
    }
}

impl Cells {
    fn register<const W: usize>(
        full: &str,
        members: NodeSet<W>,
        blueprint: &mut Blueprint<W>,
    ) -> Cells {
        let works = blueprint.signal(full, members);
        let mut signal = |what: &str| blueprint.signal(&format!("{full}.{what}"), members);
        let (promoted, blocked) = (signal("promoted"), signal("blocked"));
        let failed = signal("failed");
        let mut set = |what: &str| blueprint.private_set(&format!("{full}.{what}"));
        Cells {
            works,
            promoted,
            blocked,
            failed,
            located: set("located"),
            starting: set("starting"),
            stopping: set("stopping"),
            promoting: set("promoting"),
            demoting: set("demoting"),
            banned: set("banned"),
            goal: set("goal"),
            elsewhere: set("elsewhere"),
        }
    }
}

fn stickiness(site: &Site<'_>, name: &str, is_clone: bool) -> Result<Score> {
    let p = site.parameters;
    let item = p.item(&format!("resource.{name}.stickiness"));
    let read = |item: &crate::scenario::document::Item| match &item.value {
        Value::Text(text) => constraint::score(text)
            .map_err(|message| ScenarioError::at(&item.origin, message, "stickiness")),
        _ => reader::integer(item, -constraint::INFINITY, constraint::INFINITY),
    };
    match &item.value {
        Value::Text(text) if text == "inherit" && is_clone => Ok(1),
        Value::Text(text) if text == "inherit" => read(p.item("resource_stickiness")),
        _ => read(item),
    }
}
