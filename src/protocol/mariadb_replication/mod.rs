//! MariaDB (MySQL) asynchronous replication, two-way or in a chain, with clients that fail
//! over by themselves.
//!
//! Sources: (M) measured by this project's lab on MariaDB 10.11.19, Debian 12; (MD) the
//! server's documentation; (CJ) Connector/J's failover mode; (CS) apache/cloudstack, which
//! uses it; (T) follows from these, not measured.
//!
//! **Commits return before anybody else has them.** When a source dies, acknowledged writes
//! are missing on its replicas in 5 of 9 cases (M); all that was written since the replica
//! lost touch, always (M). They come back with the source's disk (M 14 of 14).
//!
//! **Replication**: a source that vanishes is noticed after up to `slave_net_timeout`; then
//! the replica tries every `connect_retry`, so up to two minutes pass after the source is
//! back (M). A source whose kernel answers is missed at once, and tried likewise.
//!
//! **Clients** (Connector/J, CJ): a list of servers, the members in order. At the first error a
//! client goes to the next server that answers, and stays there until `queries_before_retry`
//! queries of each connection or `seconds_before_retry`, whichever comes first. Connections
//! return at different times while new ones go to the first server at once: **until the
//! slowest has returned, both servers are written to** (T). A server that vanishes in
//! silence is noticed only by TCP, after a quarter of an hour.
//!
//! **Conflicts** while two servers are written to and replicate each other: error 1062 stops
//! both sides until somebody acts, or rows differ from then on and nobody is told (M).
//!
//! Signals: `NAME.written` (servers that are written to), `NAME.connected` (client nodes that
//! have a server), `NAME.writing` (client nodes that can write), `NAME.behind` (servers
//! that lack acknowledged writes), `NAME.lost` (servers that are written to, and lack
//! acknowledged writes of one that is down), `NAME.replicating` (replicas that follow their
//! source), `NAME.stopped` (replicas stopped by a conflict), `NAME.diverged` (servers whose
//! rows differ for good).
//!
//! Operators: `skip` (stopped replicas go on), `rebuild` (these nodes become copies again;
//! without nodes all but the first).
//!
//! NOT modelled: semi-synchronous replication, relay log purges, full disks, replicas used
//! for reading, delay of replication under load, GTID gaps, several clusters of clients.

mod clients;
mod replica;

use super::optional_set::OptionalSet;
use super::{Protocol, Resolver, Site};
use crate::automaton::{
    Automaton, Blueprint, Command, Counters, Delay, Mark, Nanos, Node, NodeSet, SetId, Sets, Step,
    Timer, TimerClass, Timers,
};
use crate::scenario::error::Result;
use crate::world::WorldSignals;
use crate::world::process::ProcessSignals;

const ACTIONS: [&str; 2] = ["skip", "rebuild"];

/// Servers and the clients that use them.
pub struct MariadbReplication<const W: usize> {
    name: String,
    order: Vec<Node>,
    members: NodeSet<W>,
    /// (source, replica) of each stream of replication.
    streams: Vec<(Node, Node)>,
    client_nodes: NodeSet<W>,
    client_alive: OptionalSet<W>,
    settings: Settings,
    world: WorldSignals,
    process: ProcessSignals,
    signals: Signals,
    own: Own,
    timers: ReplicationTimers,
}

/// Everything that the automaton does not change.
struct Settings {
    net_timeout: Delay,
    retry: Delay,
    catch_up: Delay,
    loss: f64,
    /// The longest that a connection stays away from the first server.
    away: Nanos,
    read_only: bool,
    silent: Delay,
    connect: Delay,
    refused: Delay,
    /// Seconds between conflicts while two are written to; none where there are none.
    conflict: Option<Delay>,
    stops: f64,
}

/// What scenarios may name.
struct Signals {
    written: SetId,
    connected: SetId,
    writing: SetId,
    behind: SetId,
    lost: SetId,
    replicating: SetId,
    stopped: SetId,
    diverged: SetId,
}

/// What servers have, and where clients are.
struct Own {
    works: SetId,
    /// For each server: those that lack acknowledged writes of it.
    ahead: Sets,
    /// Client nodes whose connections have all returned to the first server.
    home: SetId,
    /// Client nodes that had a connection to their server when it was last there.
    established: SetId,
    /// The server to which a client node has failed over, plus one.
    server: Counters,
    /// Streams by number: 1 while they flow.
    flows: Counters,
}

struct ReplicationTimers {
    /// By stream: until the replica notices, and until it tries again.
    notice: Timers,
    retry: Timers,
    catch_up: Timers,
    /// By client node.
    detect: Timers,
    away: Timers,
    conflict: Timer,
}

impl Settings {
    fn read<const W: usize>(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Settings> {
        let p = site.parameters;
        let slowest = p.rate("clients.slowest_connection")?;
        let seconds = p.duration("clients.seconds_before_retry")?;
        let queries = p.integer("clients.queries_before_retry", 0, 1_000_000_000)? as f64;
        // Zero switches either of them off.
        let by_queries = match slowest > 0.0 && queries > 0.0 {
            true => Nanos::from_seconds(queries / slowest),
            false => Nanos(u64::MAX),
        };
        let by_time = if seconds.0 > 0 { seconds } else { Nanos(u64::MAX) };
        let away = by_queries.min(by_time);
        if away.0 == u64::MAX {
            return Err(p.error(
                "clients.seconds_before_retry",
                "connections would never return to the first server",
            ));
        }
        let rate = p.rate("conflict.rate")?;
        let conflict = (rate > 0.0).then(|| {
            let mean = 1.0 / rate;
            blueprint.delay(&crate::automaton::Distribution::Exponential { mean })
        });
        let mut delay = |path: &str| -> Result<Delay> {
            Ok(blueprint.delay(&p.distribution(path, site.files)?))
        };
        Ok(Settings {
            net_timeout: Delay::phase(p.positive_duration("slave_net_timeout")?),
            retry: Delay::phase(p.positive_duration("connect_retry")?),
            catch_up: delay("catch_up")?,
            loss: p.share("loss")?,
            away,
            read_only: p.flag("clients.fail_over_read_only")?,
            silent: delay("clients.silent_timeout")?,
            connect: delay("clients.connect_timeout")?,
            refused: delay("clients.refused")?,
            conflict,
            stops: p.share("conflict.stops")?,
        })
    }
}

impl<const W: usize> MariadbReplication<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let (p, name, members) = (site.parameters, site.name, site.members());
        let two_way = p.word("topology", &[("two-way", true), ("chain", false)])?;
        let mut streams: Vec<(Node, Node)> =
            site.nodes.windows(2).map(|pair| (pair[0], pair[1])).collect();
        if two_way && site.nodes.len() > 1 {
            streams.push((site.nodes[1], site.nodes[0]));
        }
        let client_nodes = match p.set("clients.on")? {
            Some(_) => site.fixed_nodes("clients.on", blueprint)?,
            None => members,
        };
        let mut signal = |what: &str, domain: NodeSet<W>| {
            blueprint.signal(&format!("{name}.{what}"), domain)
        };
        let signals = Signals {
            written: signal("written", members),
            connected: signal("connected", client_nodes),
            writing: signal("writing", client_nodes),
            behind: signal("behind", members),
            lost: signal("lost", members),
            replicating: signal("replicating", members),
            stopped: signal("stopped", members),
            diverged: signal("diverged", members),
        };
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{what}"));
        let (works, home, established) = (set("works"), set("home"), set("established"));
        let nodes = blueprint.nodes();
        let count = streams.len().max(1);
        let mut row =
            |what: &str| blueprint.timer_row(name, what, count, TimerClass::Reaction);
        let (notice, retry, catch_up) = (row("notice"), row("retry"), row("catch_up"));
        let mut timers =
            |what: &str| blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Reaction);
        let (detect, away) = (timers("detect"), timers("away"));
        let timers = ReplicationTimers {
            notice,
            retry,
            catch_up,
            detect,
            away,
            conflict: blueprint.timer(name, "conflict", TimerClass::Chance),
        };
        Ok(MariadbReplication {
            name: name.to_owned(),
            order: site.nodes.clone(),
            members,
            client_nodes,
            client_alive: OptionalSet::read(site, "clients.alive", client_nodes)?,
            settings: Settings::read(site, blueprint)?,
            world: site.signals,
            process: site.process("process")?,
            signals,
            own: Own {
                works,
                ahead: blueprint.private_sets(&format!("{name}.ahead")),
                home,
                established,
                server: blueprint.counters(nodes),
                flows: blueprint.counters(streams.len()),
            },
            streams,
            timers,
        })
    }

    fn works(&self, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.process.works) & self.members
    }

    /// Can a client or replica on one node talk to a server on another one?
    fn can_use(&self, from: Node, server: Node, step: &Step<'_, W>) -> bool {
        self.works(step).contains(server) && step.has(self.world.reach.at(from), server)
            && step.has(self.world.reach.at(server), from)
    }

    /// Does the kernel of a server say that nobody listens?
    fn refuses(&self, from: Node, server: Node, step: &Step<'_, W>) -> bool {
        step.has(self.world.running, server)
            && step.has(self.world.reach.at(from), server)
            && !step.has(self.process.present, server)
    }

    /// Client nodes on which a program runs.
    fn clients(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.client_alive.value(step) & step.get(self.world.running) & self.client_nodes
    }

    fn lay_out(&self, step: &mut Step<'_, W>) {
        step.put_private(self.own.works, self.works(step));
        step.put_private(self.own.home, self.client_nodes);
        for node in self.client_nodes {
            step.set_count(self.own.server.at(node), u64::from(self.order[0].0) + 1);
        }
        for (index, (source, replica)) in self.streams.iter().enumerate() {
            let flows = self.can_use(*replica, *source, step) && self.works(step).contains(*replica);
            step.set_count(self.own.flows.nth(index), u64::from(flows));
        }
        self.publish(step);
    }

    fn publish(&self, step: &mut Step<'_, W>) {
        self.publish_clients(step);
        let written = step.get(self.signals.written);
        let works = self.works(step);
        let (mut behind, mut lost) = (NodeSet::EMPTY, NodeSet::EMPTY);
        for node in self.members {
            let lacking = step.get(self.own.ahead.at(node));
            behind |= lacking;
            if !works.contains(node) {
                lost |= lacking & written;
            }
        }
        step.put(self.signals.behind, behind);
        step.put(self.signals.lost, lost);
        let stopped = step.get(self.signals.stopped);
        let mut replicating = self.members;
        for (index, (_, replica)) in self.streams.iter().enumerate() {
            if step.count(self.own.flows.nth(index)) == 0 || stopped.contains(*replica) {
                replicating.remove(*replica);
            }
        }
        step.put(self.signals.replicating, replicating & works);
    }

    fn settle(&self, step: &mut Step<'_, W>) {
        self.follow_servers(step);
        self.follow_clients(step);
        self.publish(step);
        self.write(step);
        self.follow_conflicts(step);
        self.publish(step);
    }

    /// Two servers that are written to may be given the same rows.
    fn follow_conflicts(&self, step: &mut Step<'_, W>) {
        let Some(delay) = self.settings.conflict else {
            return;
        };
        let both = step.get(self.signals.written).len() > 1;
        if !both {
            step.cancel(self.timers.conflict);
        } else if !step.is_armed(self.timers.conflict) {
            step.arm(self.timers.conflict, delay);
        }
    }

    fn conflict(&self, step: &mut Step<'_, W>) {
        let written = step.get(self.signals.written);
        if step.chance(self.settings.stops) {
            let replicas = self.streams.iter().filter(|(source, replica)| {
                written.contains(*source) && written.contains(*replica)
            });
            let stopped: NodeSet<W> = replicas.map(|(_, replica)| *replica).collect();
            step.put(self.signals.stopped, step.get(self.signals.stopped) | stopped);
        } else {
            step.put(self.signals.diverged, step.get(self.signals.diverged) | written);
        }
        step.mark(Mark::Fault);
    }
}

impl<const W: usize> Protocol<W> for MariadbReplication<W> {
    fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        self.client_alive.link(resolve)
    }

    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}

impl<const W: usize> Automaton<W> for MariadbReplication<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![self.process.works, self.process.present, self.world.running];
        let nodes = self.members | self.client_nodes;
        reads.extend(nodes.iter().map(|node| self.world.reach.at(node)));
        self.client_alive.signals(&mut reads);
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
        self.settle(step);
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        let t = &self.timers;
        if let Some(stream) = t.notice.position(timer) {
            self.noticed(stream, step);
        } else if let Some(stream) = t.retry.position(timer) {
            self.retried(stream, step);
        } else if let Some(stream) = t.catch_up.position(timer) {
            self.caught_up(stream, step);
        } else if let Some(node) = t.detect.node(timer) {
            self.fails_over(node, step);
        } else if let Some(node) = t.away.node(timer) {
            self.returns(node, step);
        } else if timer == t.conflict {
            self.conflict(step);
        }
        self.settle(step);
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        let Some((action, nodes)) = command.action_for(&self.name) else {
            return;
        };
        match action {
            "skip" => step.put(self.signals.stopped, NodeSet::EMPTY),
            "rebuild" => self.rebuild(nodes, step),
            _ => return,
        }
        step.mark(Mark::Restore);
        self.settle(step);
    }

    fn actions(&self) -> &[&'static str] {
        &ACTIONS
    }
}
