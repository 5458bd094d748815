//! Prometheus and Alertmanager: who notices that something is down, and how soon.
//!
//! Source: (PD) the documentation of Prometheus 2 and of Alertmanager; nothing was
//! measured.
//!
//! A server scrapes every target once in `scrape_interval`; one that it cannot
//! reach costs `scrape_timeout`. Rules are evaluated every `evaluation_interval`: the
//! first evaluation after a bad scrape makes the alert pending, the first at which it
//! has been pending for `for` makes it fire. Alertmanager sends it after `group_wait`,
//! as soon as the server has a path to the clients (people are where they are). So
//! people know after `U(0,scrape) + U(0,evaluation) + for (rounded up) + group_wait`:
//! 30 to 150 s with the defaults. A target that is well again is resolved after
//! `U(0,scrape) + U(0,evaluation)`; what happens between two scrapes is never seen.
//!
//! A server that is down or cut off notices nothing, and nobody is told that it does
//! not. One that cannot reach a target calls it down, whatever it does. Pending alerts
//! are forgotten with the server; what people have been told they know until a working
//! server sees that it is over. Several servers each scrape everything.
//!
//! Signals: `NAME.alert` (targets with a firing alert that people know of),
//! `NAME.working` (servers that scrape and have a path to the people).
//!
//! NOT modelled: Alertmanager as a process of its own or as a cluster, grouping and
//! repetition (`group_interval`, `repeat_interval`), silences, inhibition, pages that
//! nobody reads (the operator's `notices`), restoring pending alerts after a restart.

use super::{Protocol, Resolver, Site};
use crate::automaton::evaluate::Set;
use crate::automaton::{Automaton, Blueprint, Counters, Delay, Nanos, Node, NodeSet, SetId, Step, Timer, TimerClass, Timers};
use crate::scenario::error::Result;
use crate::scenario::parameters::LocatedSet;
use crate::world::WorldSignals;
use crate::world::process::ProcessSignals;

/// All is well, as far as the server knows.
const FINE: u64 = 0;
/// The next scrape will find it down.
const UNSCRAPED: u64 = 1;
/// Scraped as down; the next evaluation makes the alert pending.
const SCRAPED: u64 = 2;
/// Waits for `for`.
const PENDING: u64 = 3;
/// Waits for `group_wait`.
const FIRING: u64 = 4;
/// Waits for a path to the people.
const UNSENT: u64 = 5;
/// People know.
const KNOWN: u64 = 6;
/// Well again: the next scrape, and the next evaluation, will say so.
const RECOVERED: u64 = 7;
const RESOLVING: u64 = 8;

/// Servers that watch the same targets.
pub struct Prometheus<const W: usize> {
    name: String,
    members: NodeSet<W>,
    targets: NodeSet<W>,
    watches_text: Option<LocatedSet>,
    watches: Set<W>,
    scrape_interval: Nanos,
    scrape_timeout: Nanos,
    evaluation_interval: Nanos,
    /// `for`, rounded up to whole evaluations.
    pending: Nanos,
    group_wait: Nanos,
    world: WorldSignals,
    process: ProcessSignals,
    views: Vec<View>,
    alert: SetId,
    working: SetId,
    seen_live: SetId,
}

/// What one server knows.
struct View {
    node: Node,
    /// Targets that it would find well now.
    seen_well: SetId,
    /// Targets that it has told people of.
    told: SetId,
    stage: Counters,
    timer: Timers,
}

impl<const W: usize> Prometheus<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let p = site.parameters;
        let name = site.name;
        let targets = match p.set("targets")? {
            Some(_) => site.fixed_nodes("targets", blueprint)?,
            None => blueprint.all_nodes(),
        };
        let Some(watches_text) = p.set("watches")? else {
            return Err(p
                .error("watches", "somebody who watches nothing notices nothing")
                .help("name what should be up, e.g. watches = \"proc.mariadb.active\""));
        };
        let evaluation_interval = p.positive_duration("evaluation_interval")?;
        let rounds = p.duration("for")?.0.div_ceil(evaluation_interval.0);
        let scrape_interval = p.positive_duration("scrape_interval")?;
        let scrape_timeout = p.positive_duration("scrape_timeout")?;
        if scrape_timeout > scrape_interval {
            return Err(p.error(
                "scrape_timeout",
                "Prometheus refuses a scrape_timeout longer than the scrape_interval",
            ));
        }
        let views = site
            .nodes
            .iter()
            .map(|node| View::register(name, *node, blueprint))
            .collect();
        Ok(Prometheus {
            name: name.to_owned(),
            members: site.members(),
            targets,
            watches_text: Some(watches_text),
            watches: Set::Fixed(targets),
            scrape_interval,
            scrape_timeout,
            evaluation_interval,
            pending: evaluation_interval.times(rounds),
            group_wait: p.duration("group_wait")?,
            world: site.signals,
            process: site.process("process")?,
            views,
            alert: blueprint.signal(&format!("{name}.alert"), targets),
            working: blueprint.signal(&format!("{name}.working"), site.members()),
            seen_live: blueprint.private_set(&format!("{name}.seen_live")),
        })
    }

    /// Targets that a server can reach at all.
    fn reached(&self, view: &View, step: &Step<'_, W>) -> NodeSet<W> {
        let reach = step.get(self.world.reach.at(view.node));
        self.targets & reach & step.get(self.world.running)
    }

    fn well(&self, view: &View, step: &Step<'_, W>) -> NodeSet<W> {
        self.reached(view, step) & self.watches.value(step.state())
    }

    fn works(&self, view: &View, step: &Step<'_, W>) -> bool {
        step.has(self.process.works, view.node)
    }

    fn lay_out(&self, step: &mut Step<'_, W>) {
        for view in &self.views {
            let well = self.well(view, step);
            let told = if self.works(view, step) {
                self.targets - well
            } else {
                NodeSet::EMPTY
            };
            step.put_private(view.seen_well, well);
            step.put_private(view.told, told);
            for node in self.targets {
                let stage = if told.contains(node) { KNOWN } else { FINE };
                step.set_count(view.stage.at(node), stage);
            }
        }
        self.show(step);
    }

    fn show(&self, step: &mut Step<'_, W>) {
        let told = self
            .views
            .iter()
            .fold(NodeSet::EMPTY, |all, view| all | step.get(view.told));
        step.put(self.alert, told);
        let live = self.live(step);
        step.put_private(self.seen_live, live);
        step.put(self.working, live & step.get(self.world.clients));
    }

    /// Servers that scrape.
    fn live(&self, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.process.works) & self.members
    }

    fn enter(
        &self,
        view: &View,
        node: Node,
        stage: u64,
        delay: Option<Delay>,
        step: &mut Step<'_, W>,
    ) {
        step.set_count(view.stage.at(node), stage);
        match delay {
            Some(delay) => step.arm(view.timer.at(node), delay),
            None => step.cancel(view.timer.at(node)),
        }
    }

    /// The server is gone, and what it has not yet told anybody.
    fn forget(&self, view: &View, step: &mut Step<'_, W>) {
        let told = step.get(view.told);
        for node in self.targets {
            let stage = if told.contains(node) { KNOWN } else { FINE };
            self.enter(view, node, stage, None, step);
        }
    }

    /// Does the truth about a target differ from what the server is about to say?
    fn follow(&self, view: &View, node: Node, well: bool, step: &mut Step<'_, W>) {
        let stage = step.count(view.stage.at(node));
        let scrape = Delay::phase(self.scrape_interval);
        match (stage, well) {
            (FINE, false) => self.enter(view, node, UNSCRAPED, Some(scrape), step),
            // Over before anybody has seen it, or before it was sent.
            (UNSCRAPED | SCRAPED | PENDING | FIRING | UNSENT, true) => {
                self.enter(view, node, FINE, None, step);
            }
            (KNOWN, true) => self.enter(view, node, RECOVERED, Some(scrape), step),
            (RECOVERED | RESOLVING, false) => self.enter(view, node, KNOWN, None, step),
            (UNSENT, false) => self.tell(view, node, step),
            _ => {}
        }
    }

    fn tell(&self, view: &View, node: Node, step: &mut Step<'_, W>) {
        if step.has(self.world.clients, view.node) {
            self.enter(view, node, KNOWN, None, step);
            step.insert(view.told, node);
        } else {
            self.enter(view, node, UNSENT, None, step);
        }
    }

    fn advance(&self, view: &View, node: Node, step: &mut Step<'_, W>) {
        let evaluation = Delay::phase(self.evaluation_interval);
        let fixed = |time| Some(Delay::Fixed(time));
        match step.count(view.stage.at(node)) {
            UNSCRAPED => {
                let stalls = !self.reached(view, step).contains(node);
                let low = if stalls {
                    self.scrape_timeout
                } else {
                    Nanos::ZERO
                };
                let high = low + self.evaluation_interval;
                let delay = Delay::Uniform { low, high };
                self.enter(view, node, SCRAPED, Some(delay), step);
            }
            SCRAPED => self.enter(view, node, PENDING, fixed(self.pending), step),
            PENDING => self.enter(view, node, FIRING, fixed(self.group_wait), step),
            FIRING => self.tell(view, node, step),
            RECOVERED => self.enter(view, node, RESOLVING, Some(evaluation), step),
            RESOLVING => {
                step.remove(view.told, node);
                self.enter(view, node, FINE, None, step);
            }
            _ => {}
        }
    }

    fn settle(&self, step: &mut Step<'_, W>) {
        for view in &self.views {
            let well = self.well(view, step);
            step.put_private(view.seen_well, well);
            if self.works(view, step) {
                for node in self.targets {
                    self.follow(view, node, well.contains(node), step);
                }
            } else {
                self.forget(view, step);
            }
        }
        self.show(step);
    }
}

impl View {
    fn register<const W: usize>(name: &str, node: Node, blueprint: &mut Blueprint<W>) -> View {
        let server = blueprint.node_name(node).to_owned();
        let purpose = format!("{name}.seen_by.{server}");
        View {
            node,
            seen_well: blueprint.private_set(&format!("{purpose}.well")),
            told: blueprint.private_set(&format!("{purpose}.told")),
            stage: blueprint.counters(blueprint.nodes()),
            timer: blueprint.timers_per_node(&purpose, TimerClass::Reaction),
        }
    }
}

impl<const W: usize> Protocol<W> for Prometheus<W> {
    fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        if let Some(text) = &self.watches_text {
            self.watches = resolve(text)?;
        }
        Ok(())
    }

    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}

impl<const W: usize> Automaton<W> for Prometheus<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![
            self.process.works,
            self.world.running,
            self.world.clients,
        ];
        reads.extend(self.views.iter().map(|v| self.world.reach.at(v.node)));
        self.watches.signals(&mut reads);
        reads
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    fn begin_again(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    fn begun(&self, step: &mut Step<'_, W>) {
        self.settle(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        let same = self.live(step) == step.get(self.seen_live)
            && self.live(step) & step.get(self.world.clients) == step.get(self.working)
            && self
                .views
                .iter()
                .all(|view| self.well(view, step) == step.get(view.seen_well));
        if !same {
            self.settle(step);
        }
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        for view in &self.views {
            if let Some(node) = view.timer.node(timer)
                && self.works(view, step)
            {
                self.advance(view, node, step);
            }
        }
        self.settle(step);
    }
}
