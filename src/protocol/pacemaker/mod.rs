//! Pacemaker 2.1: resources kept running on the nodes of a cluster, with fencing.
//!
//! Sources: (PM) metadata of the daemons of 2.1.5 and "Pacemaker Explained"; (PS) its
//! source; (M) measured by this project's lab on pacemaker 2.1.5 over corosync 3.1.7,
//! Debian 12 (`tests/data/measured/pacemaker-*.csv`).
//!
//! **Who decides.** The nodes of one Corosync ring whose Pacemaker takes part are a
//! partition; the first of them plays the designated controller (DC). A ring that
//! changes costs the scheduler's overhead, 0.2 s, or 1.2 s when other updates of the CIB
//! are pending (M: bimodal; PS sleep(1)). A stack that starts and finds a DC joins it in
//! about a second; one that finds none waits `dc_deadtime` (20 s) and then elects one (M:
//! 21 to 24 s after every full outage).
//!
//! **Quorum** comes from Corosync. Without it: `stop` stops everything, `freeze` keeps
//! what runs and starts nothing, `ignore` goes on as if there were quorum (which also
//! cancels wait_for_all, M), `suicide` shoots its own nodes (PM).
//!
//! **Where** things run: see `schedule.rs`. **How**: one operation for each resource and
//! node at a time, in the order of the constraints; a resource that has to stop first
//! stops what was started after it. A primitive that is active twice is stopped
//! everywhere and started once (PM multiple-active; M).
//!
//! **A failure** is seen by the next monitor, U(0, interval); without a monitor never
//! (M). The resource is restarted where it was, with all that comes after it (M), until
//! `migration_threshold`. A start that fails bans the node (PM start-failure-is-fatal; M
//! 5 of 5). A stop that fails, or outlasts its time-out, gets the node shot, or without
//! fencing blocks the resource for ever (M).
//!
//! **A node that is lost**, not stopped in good order, is unclean under `stonith_enabled`:
//! what may have run on it starts elsewhere only when it has been shot, has come back, or
//! somebody confirms that it is down. See `fence.rs`. Without fencing it counts as dead:
//! a partition runs everything twice (M 16 of 16). With fencing enabled and no device at
//! all, nothing is ever started (M).
//!
//! **Corosync killed** alone: its node is lost to the others while its resources go on
//! (M 6 of 6, both copies stay). **Pacemaker killed** alone: nothing moves (M; its other
//! daemons go on). **Pacemaker stopped**: everything is moved away first (M 0.3 to 0.7 s).
//!
//! Signals: `NAME.RESOURCE` (nodes on which it works; two for a primitive is the disaster
//! that fencing prevents), `NAME.RESOURCE.promoted`, `NAME.RESOURCE.failed` (known to have
//! failed), `NAME.RESOURCE.blocked` (could not be stopped), `NAME.online` (nodes that take
//! part), `NAME.controller` (DCs; two are two partitions), `NAME.unclean` (waiting to be
//! shot), `NAME.fencing` (being shot), `NAME.off` (shot and not switched on again).
//!
//! Orders to a process of a resource's name reach the resource: `kill`, `stop`. Operators:
//! `confirm` (stonith_admin --confirm: these nodes are down), `cleanup` (forget failures
//! and blocks), `standby`, `unstandby`, `power_on` (nodes that a fence device left off).
//!
//! NOT modelled: rules, tickets, utilisation, optional and serialised orders, resource
//! sets, maintenance mode, bundles, remote nodes, fencing topology, unfencing, SBD,
//! migration of virtual machines, the CIB on disk, clone-max below the number of nodes,
//! load of the executor (`batch-limit`), operations that stand still on a frozen node.

mod constraint;
mod fence;
mod operate;
mod partition;
mod resource;
mod schedule;
mod settings;

use super::membership::Membership;
use super::{Protocol, Resolver, Site};
use crate::automaton::{
    Automaton, Blueprint, Command, Mark, Node, NodeSet, ProcessCommand, SetId, Sets, Step, Timer,
    TimerClass, Timers,
};
use crate::scenario::error::Result;
use crate::world::WorldSignals;
use crate::world::process::ProcessSignals;
use fence::Fencing;
use resource::Resource;
use schedule::Policy;
use settings::{Names, Settings};

const ACTIONS: [&str; 5] = ["confirm", "cleanup", "standby", "unstandby", "power_on"];
/// Names that a resource cannot have: signals of the cluster itself.
const OWN_NAMES: [&str; 5] = ["online", "controller", "unclean", "fencing", "off"];

/// One cluster.
pub struct Pacemaker<const W: usize> {
    name: String,
    members: NodeSet<W>,
    settings: Settings,
    resources: Vec<Resource<W>>,
    policy: Policy,
    fencing: Fencing<W>,
    world: WorldSignals,
    membership: Membership,
    process: ProcessSignals,
    signals: Signals,
    own: Own,
    timers: ClusterTimers,
}

/// What scenarios may name, besides the resources.
struct Signals {
    online: SetId,
    controller: SetId,
    unclean: SetId,
    fencing: SetId,
    off: SetId,
}

/// What the nodes know.
struct Own {
    /// The ring of each node as it has been taken note of.
    ring: Sets,
    quorate: SetId,
    /// Nodes that take part as far as their ring knows: one that has died does so until
    /// its ring has changed.
    members: SetId,
    /// Stacks that run and do not take part yet.
    pending: SetId,
    /// Being emptied before an orderly stop; stopped in good order.
    leaving: SetId,
    away: SetId,
    standby: SetId,
    /// For each node: those that it regards as unclean.
    unclean: Sets,
    /// Shot, and not yet gone from the ring or back.
    shot: SetId,
}

struct ClusterTimers {
    /// Of a DC: until the scheduler acts.
    think: Timers,
    join: Timers,
    elect: Timers,
}

impl Signals {
    fn register<const W: usize>(
        name: &str,
        members: NodeSet<W>,
        blueprint: &mut Blueprint<W>,
    ) -> Signals {
        let mut signal = |what: &str| blueprint.signal(&format!("{name}.{what}"), members);
        Signals {
            online: signal("online"),
            controller: signal("controller"),
            unclean: signal("unclean"),
            fencing: signal("fencing"),
            off: signal("off"),
        }
    }
}

impl Own {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> Own {
        let ring = blueprint.private_sets(&format!("{name}.ring"));
        let unclean = blueprint.private_sets(&format!("{name}.regarded_unclean"));
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{what}"));
        Own {
            ring,
            unclean,
            quorate: set("quorate"),
            members: set("members"),
            pending: set("pending"),
            leaving: set("leaving"),
            away: set("away"),
            standby: set("standby"),
            shot: set("shot"),
        }
    }
}

impl<const W: usize> Pacemaker<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let (p, name, members) = (site.parameters, site.name, site.members());
        let signals = Signals::register(name, members, blueprint);
        let names = p.names("resource");
        let mut resources = Vec::new();
        for resource in names {
            if OWN_NAMES.contains(&resource.as_str()) {
                let path = format!("resource.{resource}.start");
                return Err(p.error(&path, format!("a resource cannot be called `{resource}`")));
            }
            if site.processes.iter().any(|(known, _)| known == resource) {
                let message = format!("`{resource}` is a process and a resource");
                let path = format!("resource.{resource}.start");
                return Err(p
                    .error(&path, message)
                    .help("what Pacemaker starts needs no [process] of its own"));
            }
            resources.push(Resource::new(resource, site, members, blueprint)?);
        }
        if resources.is_empty() {
            return Err(p
                .error("resource_stickiness", format!("`{name}` has no resources"))
                .help(format!("add [protocol.{name}.resource.NAME]")));
        }
        let primitives = resources.iter().map(|r| r.primitive(blueprint.nodes())).collect();
        let policy = Names::new(site, blueprint, names)?.policy(primitives)?;
        let mut timers = |what: &str| {
            blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Reaction)
        };
        let timers = ClusterTimers {
            think: timers("think"),
            join: timers("join"),
            elect: timers("elect"),
        };
        Ok(Pacemaker {
            name: name.to_owned(),
            members,
            settings: Settings::read(site, blueprint)?,
            resources,
            policy,
            fencing: Fencing::read(site, blueprint)?,
            world: site.signals,
            membership: site.membership("cluster")?,
            process: site.process("process")?,
            own: Own::register(name, blueprint),
            signals,
            timers,
        })
    }

    /// The ring of a node, as Corosync has it now.
    fn ring(&self, node: Node, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.membership.views.at(node)) & self.members
    }

    /// Nodes whose stack runs: Corosync, and a Pacemaker that was not stopped.
    fn stacks(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let runs = |node: &Node| !self.ring(*node, step).is_empty();
        let up = self.members.iter().filter(runs).collect::<NodeSet<W>>();
        up - step.get(self.own.away)
    }

    /// Those that take part in the partition of a node.
    fn partition(&self, node: Node, step: &Step<'_, W>) -> NodeSet<W> {
        self.ring(node, step) & step.get(self.own.members)
    }

    /// The designated controller of a node's partition.
    fn controller(&self, node: Node, step: &Step<'_, W>) -> Option<Node> {
        self.partition(node, step).first()
    }

    /// The designated controllers of all partitions.
    fn controllers(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let online = step.get(self.own.members) & self.stacks(step);
        let leads = |node: &Node| self.controller(*node, step) == Some(*node);
        online.iter().filter(leads).collect()
    }

    /// Writes the signals that follow from what the nodes know.
    fn publish(&self, step: &mut Step<'_, W>) {
        let online = step.get(self.own.members) & self.stacks(step);
        step.put(self.signals.online, online);
        step.put(self.signals.controller, self.controllers(step));
        let mut unclean = NodeSet::EMPTY;
        for node in step.get(self.signals.online) {
            unclean |= step.get(self.own.unclean.at(node));
        }
        step.put(self.signals.unclean, unclean);
        step.put(self.signals.fencing, self.fencing.targets(self.members, step));
    }

    /// Lets every partition that is not thinking act.
    fn settle(&self, step: &mut Step<'_, W>) {
        for controller in self.controllers(step) {
            if !step.is_armed(self.timers.think.at(controller)) {
                self.act(controller, step);
            }
        }
        self.publish(step);
    }
}

impl<const W: usize> Protocol<W> for Pacemaker<W> {
    fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        for resource in &mut self.resources {
            resource.link(resolve)?;
        }
        self.fencing.link(resolve)
    }

    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}

impl<const W: usize> Automaton<W> for Pacemaker<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![
            self.world.up,
            self.process.works,
            self.process.stopped,
            self.membership.quorate,
            self.membership.left,
        ];
        reads.extend(self.members.iter().map(|node| self.membership.views.at(node)));
        for resource in &self.resources {
            resource.needs.signals(&mut reads);
            resource.promotable.signals(&mut reads);
        }
        reads
    }

    fn commands(&self) -> Vec<&str> {
        vec!["node"]
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
        self.publish(step);
    }

    // Corosync and what the resources need may themselves still be finding their state.
    fn begin_again(&self, step: &mut Step<'_, W>) {
        self.begin(step);
    }

    fn begun(&self, step: &mut Step<'_, W>) {
        for index in 0..self.resources.len() {
            for node in step.get(self.resources[index].cells.works) {
                self.lives(index, node, step);
            }
        }
        self.settle(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        self.follow_nodes(step);
        self.follow_rings(step);
        self.follow_process(step);
        self.follow_needs(step);
        self.settle(step);
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        let t = &self.timers;
        if let Some(node) = t.join.node(timer) {
            self.joined(node, step);
        } else if let Some(node) = t.elect.node(timer) {
            self.elected(node, step);
        } else if t.think.node(timer).is_none() && !self.fence_timer(timer, step) {
            self.resource_timer(timer, step);
        }
        self.settle(step);
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        match command {
            Command::Process(order, name, nodes) => {
                let Some(index) = self.resources.iter().position(|r| r.name == *name) else {
                    return;
                };
                let ends = matches!(
                    order,
                    ProcessCommand::Kill(_) | ProcessCommand::Exit | ProcessCommand::Stop
                );
                let works = step.get(self.resources[index].cells.works);
                if ends && works.intersects(*nodes) {
                    step.mark(Mark::Fault);
                    for node in works & *nodes {
                        self.dies(index, node, step);
                    }
                }
            }
            Command::Operator {
                protocol,
                action,
                nodes,
            } if protocol.is_empty() || *protocol == self.name => {
                let nodes = if nodes.is_empty() { self.members } else { *nodes };
                if !self.operator(action, nodes, step) {
                    return;
                }
            }
            _ => return,
        }
        self.settle(step);
    }

    fn actions(&self) -> &[&'static str] {
        &ACTIONS
    }

    fn processes(&self) -> Vec<(String, NodeSet<W>)> {
        let names = self.resources.iter().map(|r| r.name.clone());
        names.map(|name| (name, self.members)).collect()
    }
}
