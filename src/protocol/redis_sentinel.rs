//! Redis Sentinel 7.0: one master with replicas, and sentinels that replace it.
//!
//! # Specification
//!
//! Sources: (S) `sentinel.c` of redis 7.0.15; (C) its `sentinel.conf`; (M) this
//! project's measurements of 7.0.15 on Debian 12.
//!
//! **Down.** Each sentinel pings the master every second. A ping without answer for
//! `down_after_milliseconds` makes it down for that sentinel (SDOWN): the time-out
//! counts from the next ping after a silent death, U(0, 1 s) later, and from the last
//! pong, U(0, 1 s) earlier, where the connection is closed (S
//! sentinelCheckSubjectivelyDown). Sentinels look ten times per second.
//!
//! **Failover.** A sentinel with SDOWN that hears of `quorum` sentinels with SDOWN
//! (itself included) asks all for their votes, SDOWN or not. It needs
//! max(`quorum`, majority of *all* sentinels, dead ones included), so two hosts of
//! three lost is the end (M S1: none in 60 s). Who has asked or voted does not ask again
//! for 2 x `failover_timeout`. The leader promotes a running replica within its reach,
//! one in sync first; a replica restarted meanwhile is good enough (unlike in Redis
//! Cluster). The others follow at once. Without a replica the attempt is lost.
//!
//! **An old master that comes back** claims to be master and **takes writes**: it is
//! made a replica only after it has claimed so for 4 hello periods (8 s) and one more
//! INFO: 10.3-14.9 s (M), and the writes are lost with the resynchronisation (S). An
//! isolated master takes writes as long as the partition lasts. A process that is back
//! before SDOWN stays master.
//!
//! **A person**: `failover` (SENTINEL FAILOVER: needs no votes).
//!
//! # Signals
//!
//! `master` (nodes that run and believe to be master: clients that have not asked a
//! sentinel may write there), `writable` (the master that the newest configuration
//! names, while it runs), `stale` (other running masters; what they accept is lost),
//! `replicas` (running, in sync), `suspecting` (nodes of sentinels with SDOWN).
//!
//! # Not modelled
//!
//! TILT; `min-replicas-to-write`; replica priorities and offsets (the first in sync
//! wins); INFO and hello phases other than in the delays; sentinels that learn the
//! newest configuration later than the vote (they do when they reach each other);
//! quorums that differ between sentinels; data lost by a master without persistence
//! that restarts before SDOWN.

use super::{Protocol, Site};
use crate::automaton::{
    Automaton, Blueprint, Command, Counters, Delay, Node, NodeSet, SetId, Sets, Step, Timer,
    TimerClass, Timers,
};
use crate::scenario::error::Result;
use crate::world::process::ProcessSignals;

/// A master, its replicas and their sentinels.
pub struct RedisSentinel<const W: usize> {
    name: String,
    redis: ProcessSignals,
    sentinel: ProcessSignals,
    up: SetId,
    reach: Sets,
    data: NodeSet<W>,
    sentinels: NodeSet<W>,
    first: Node,
    settings: Settings,
    known: Known,
    /// The master that each sentinel believes in, with the epoch of that claim.
    config: Counters,
    /// The replica that each leader is about to promote, plus one.
    chosen: Counters,
    watch: Timers,
    attempt: Timers,
    pause: Timers,
    promote: Timers,
    convert: Timers,
    sync: Timers,
    signals: Signals,
}

struct Settings {
    quorum: usize,
    silent: Delay,
    refused: Delay,
    pong: Delay,
    tick: Delay,
    retry: Delay,
    retry_phase: Delay,
    promote: Delay,
    convert: Delay,
    sync_full: Delay,
    sync_partial: Delay,
}

struct Known {
    /// Processes that run, as seen at the last reaction.
    redis: SetId,
    sentinel: SetId,
    /// The last reach of each node.
    reach: Sets,
    /// Sentinels with SDOWN for their master.
    sdown: SetId,
    /// Sentinels that wait for votes or replicas to become possible.
    resting: SetId,
    /// Nodes configured as master, running or not.
    masters: SetId,
    /// Nodes that follow the newest master.
    following: SetId,
    synced: SetId,
    /// Replicas that need all the data.
    full: SetId,
}

struct Signals {
    master: SetId,
    writable: SetId,
    stale: SetId,
    replicas: SetId,
    suspecting: SetId,
}

const OWNER_BITS: u32 = 10;

/// The node in a claim; the newer claim is the larger number.
fn claimed(config: u64) -> Node {
    Node((config & ((1 << OWNER_BITS) - 1)) as u16)
}

impl Settings {
    fn read<const W: usize>(
        site: &Site<'_>,
        blueprint: &mut Blueprint<W>,
        sentinels: usize,
    ) -> Result<Settings> {
        let p = site.parameters;
        let after = p.positive_duration("down_after_milliseconds")?;
        let ping = p.positive_duration("ping_period")?;
        let tick = p.positive_duration("tick")?;
        if after <= ping {
            let message = "down_after_milliseconds must be longer than ping_period";
            return Err(p.error("down_after_milliseconds", message));
        }
        let quorum = p.integer("quorum", 1, 1024)? as usize;
        if quorum > sentinels {
            let message = format!("a quorum of {quorum} with {sentinels} sentinels");
            return Err(p.error("quorum", message));
        }
        let retry = p.positive_duration("failover_timeout")?.times(2);
        let mut delay = |path: &str| -> Result<Delay> {
            Ok(blueprint.delay(&p.distribution(path, site.files)?))
        };
        Ok(Settings {
            quorum,
            silent: Delay::Uniform {
                low: after,
                high: after + ping + tick,
            },
            refused: Delay::Uniform {
                low: after - ping,
                high: after + tick,
            },
            pong: Delay::phase(ping),
            tick: Delay::phase(tick),
            retry: Delay::Uniform {
                low: retry,
                high: retry + p.duration("desync")?,
            },
            retry_phase: Delay::phase(retry),
            promote: delay("promote.time")?,
            convert: delay("convert.time")?,
            sync_full: delay("sync.full")?,
            sync_partial: delay("sync.partial")?,
        })
    }
}

impl<const W: usize> RedisSentinel<W> {
    /// Sets up an instance and its signals.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let (name, p) = (site.name, site.parameters);
        let (redis, sentinel) = (site.process("process")?, site.process("sentinel_process")?);
        let members = site.members::<W>();
        let data = members & blueprint.set_info(redis.works).domain;
        let sentinels = members & blueprint.set_info(sentinel.works).domain;
        if sentinels.is_empty() {
            let message = format!("`{name}` has no member that runs a sentinel");
            return Err(p.error("sentinel_process", message));
        }
        let wanted = p.text("master")?;
        let first = if wanted.is_empty() {
            site.nodes.iter().copied().find(|n| data.contains(*n))
        } else {
            let named = blueprint.node_named(wanted);
            named.filter(|n| data.contains(*n))
        };
        let Some(first) = first else {
            let message = format!("`{name}` has no member `{wanted}` that runs its process");
            return Err(p.error("master", message));
        };
        let settings = Settings::read(site, blueprint, sentinels.len())?;
        let nodes = blueprint.nodes();
        let mut each =
            |what: &str| blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Reaction);
        let (watch, attempt, pause) = (each("watch"), each("attempt"), each("pause"));
        let (promote, convert, sync) = (each("promote"), each("convert"), each("sync"));
        Ok(RedisSentinel {
            name: name.to_owned(),
            redis,
            sentinel,
            up: site.signals.up,
            reach: site.signals.reach,
            data,
            sentinels,
            first,
            settings,
            known: Known::register(name, blueprint),
            config: blueprint.counters(nodes),
            chosen: blueprint.counters(nodes),
            watch,
            attempt,
            pause,
            promote,
            convert,
            sync,
            signals: Signals::register(name, blueprint, data, sentinels),
        })
    }

    fn config(&self, sentinel: Node, step: &Step<'_, W>) -> u64 {
        step.count(self.config.at(sentinel))
    }

    /// The newest configuration that any sentinel has, running or not.
    fn newest(&self, step: &Step<'_, W>) -> u64 {
        let all = self.sentinels.iter().map(|s| self.config(s, step));
        all.max().unwrap_or(0)
    }

    fn live_redis(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.data & step.get(self.redis.works)
    }

    fn live_sentinels(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.sentinels & step.get(self.sentinel.works)
    }

    /// The running sentinels that this one reaches, itself included.
    fn peers(&self, sentinel: Node, step: &Step<'_, W>) -> NodeSet<W> {
        self.live_sentinels(step) & step.get(self.reach.at(sentinel))
    }

    fn votes_needed(&self) -> usize {
        self.settings.quorum.max(self.sentinels.len() / 2 + 1)
    }

    /// Compares the world with what was known of it. True if something changed.
    fn observe(&self, step: &mut Step<'_, W>) -> bool {
        let k = &self.known;
        let (redis, sentinel) = (self.live_redis(step), self.live_sentinels(step));
        let (was_redis, was_sentinel) = (step.get(k.redis), step.get(k.sentinel));
        let mut changed = redis != was_redis || sentinel != was_sentinel;
        step.put(k.redis, redis);
        step.put(k.sentinel, sentinel);
        let ended = (was_redis - redis) - step.get(self.redis.present);
        step.put(k.full, step.get(k.full) | ended);
        for node in was_sentinel - sentinel {
            for timers in [self.watch, self.attempt, self.pause, self.promote] {
                step.cancel(timers.at(node));
            }
            step.remove(k.sdown, node);
            step.remove(k.resting, node);
        }
        for node in self.data | self.sentinels {
            let reach = step.get(self.reach.at(node));
            changed |= reach != step.get(k.reach.at(node));
            step.put(k.reach.at(node), reach);
        }
        changed
    }

    fn follow_up(&self, step: &mut Step<'_, W>) {
        let live = self.live_sentinels(step);
        self.share_configuration(live, step);
        for sentinel in live {
            self.watch_master(sentinel, step);
        }
        for sentinel in live {
            self.consider(sentinel, step);
        }
        for node in self.data {
            self.tend_node(node, step);
        }
        self.publish(step);
    }

    /// Sentinels that reach each other agree on the newest configuration.
    fn share_configuration(&self, live: NodeSet<W>, step: &mut Step<'_, W>) {
        for sentinel in live {
            let heard = self.peers(sentinel, step).iter();
            let newest = heard.map(|s| self.config(s, step)).max().unwrap_or(0);
            if newest > self.config(sentinel, step) {
                step.set_count(self.config.at(sentinel), newest);
                self.forget_master(sentinel, step);
            }
        }
    }

    /// What a sentinel thought of the last master does not concern the next one.
    fn forget_master(&self, sentinel: Node, step: &mut Step<'_, W>) {
        for timers in [self.watch, self.attempt, self.pause, self.promote] {
            step.cancel(timers.at(sentinel));
        }
        step.remove(self.known.sdown, sentinel);
        step.remove(self.known.resting, sentinel);
    }

    fn hears_master(&self, sentinel: Node, step: &Step<'_, W>) -> bool {
        let master = claimed(self.config(sentinel, step));
        step.has(self.known.redis, master) && step.has(self.reach.at(sentinel), master)
    }

    /// Runs the timer to SDOWN, or back, where belief and truth differ.
    fn watch_master(&self, sentinel: Node, step: &mut Step<'_, W>) {
        let watch = self.watch.at(sentinel);
        let hears = self.hears_master(sentinel, step);
        if hears != step.has(self.known.sdown, sentinel) {
            // As believed.
            return step.cancel(watch);
        }
        if step.is_armed(watch) {
            return;
        }
        let master = claimed(self.config(sentinel, step));
        let closed = step.has(self.up, master)
            && step.has(self.reach.at(sentinel), master)
            && !step.has(self.redis.present, master);
        let delay = match (hears, closed) {
            (true, _) => self.settings.pong,
            (false, true) => self.settings.refused,
            (false, false) => self.settings.silent,
        };
        step.arm(watch, delay);
    }

    /// Is it time for this sentinel to ask for votes?
    fn consider(&self, sentinel: Node, step: &mut Step<'_, W>) {
        let k = &self.known;
        let (attempt, pause) = (self.attempt.at(sentinel), self.pause.at(sentinel));
        let agree = self.peers(sentinel, step) & step.get(k.sdown);
        if !agree.contains(sentinel) || agree.len() < self.settings.quorum {
            step.cancel(attempt);
            return;
        }
        if step.has(k.resting, sentinel) {
            if self.could_succeed(sentinel, step) {
                step.remove(k.resting, sentinel);
                step.arm(pause, self.settings.retry_phase);
            }
            return;
        }
        let busy = [attempt, pause, self.promote.at(sentinel)];
        if !busy.iter().any(|timer| step.is_armed(*timer)) {
            step.arm(attempt, self.settings.tick);
        }
    }

    fn could_succeed(&self, sentinel: Node, step: &Step<'_, W>) -> bool {
        self.peers(sentinel, step).len() >= self.votes_needed()
            && self.best_replica(sentinel, step).is_some()
    }

    /// A running replica within reach, one in sync first.
    fn best_replica(&self, sentinel: Node, step: &Step<'_, W>) -> Option<Node> {
        let k = &self.known;
        let running = step.get(k.redis) & step.get(self.reach.at(sentinel));
        let replicas = running.without(claimed(self.config(sentinel, step))) - step.get(k.masters);
        let intact = replicas - step.get(k.full);
        intact.first().or(replicas.first())
    }

    /// A sentinel asks for votes; whoever hears it gives its own and waits.
    fn ask(&self, sentinel: Node, step: &mut Step<'_, W>) {
        let voters = self.peers(sentinel, step);
        for voter in voters {
            step.cancel(self.attempt.at(voter));
            step.arm(self.pause.at(voter), self.settings.retry);
        }
        let replica = self.best_replica(sentinel, step);
        if let Some(replica) = replica
            && voters.len() >= self.votes_needed()
        {
            step.set_count(self.chosen.at(sentinel), u64::from(replica.0) + 1);
            step.arm(self.promote.at(sentinel), self.settings.promote);
        }
    }

    /// The chosen replica obeys, if it still can.
    fn promoted(&self, sentinel: Node, step: &mut Step<'_, W>) {
        let k = &self.known;
        let chosen = step.count(self.chosen.at(sentinel));
        step.set_count(self.chosen.at(sentinel), 0);
        if chosen == 0 {
            return;
        }
        let node = Node((chosen - 1) as u16);
        let within = step.get(k.redis) & step.get(self.reach.at(sentinel));
        if !within.contains(node) {
            return;
        }
        let epoch = (self.newest(step) >> OWNER_BITS) + 1;
        step.set_count(
            self.config.at(sentinel),
            epoch << OWNER_BITS | u64::from(node.0),
        );
        self.forget_master(sentinel, step);
        step.insert(k.masters, node);
        let told = within.without(node) - step.get(k.masters);
        step.put(k.following, told);
        step.put(k.synced, NodeSet::EMPTY);
        step.remove(k.full, node);
        for node in self.data {
            step.cancel(self.sync.at(node));
            step.cancel(self.convert.at(node));
        }
    }

    /// Keeps the configuration and the synchronisation of a data node going.
    fn tend_node(&self, node: Node, step: &mut Step<'_, W>) {
        let k = &self.known;
        let (convert, sync) = (self.convert.at(node), self.sync.at(node));
        let newest = self.newest(step);
        let master = claimed(newest);
        let reach = step.get(self.reach.at(node));
        let runs = step.has(k.redis, node);
        if node == master || !runs {
            step.cancel(convert);
            step.cancel(sync);
            return step.remove(k.synced, node);
        }
        if !step.has(k.following, node) {
            let guided = (reach & step.get(k.sentinel))
                .iter()
                .any(|s| self.config(s, step) == newest);
            if !guided {
                step.cancel(convert);
            } else if !step.is_armed(convert) {
                step.arm(convert, self.settings.convert);
            }
            return;
        }
        let linked = step.has(k.redis, master) && reach.contains(master);
        if !linked {
            step.cancel(sync);
            step.remove(k.synced, node);
        } else if !step.has(k.synced, node) && !step.is_armed(sync) {
            let full = step.has(k.full, node);
            let s = &self.settings;
            step.arm(sync, if full { s.sync_full } else { s.sync_partial });
        }
    }

    /// A sentinel has put a node right: it follows the newest master, and what it
    /// has accepted by itself is lost.
    fn converted(&self, node: Node, step: &mut Step<'_, W>) {
        let k = &self.known;
        if step.has(k.masters, node) {
            step.remove(k.masters, node);
            step.insert(k.full, node);
        }
        step.insert(k.following, node);
    }

    fn publish(&self, step: &mut Step<'_, W>) {
        let (k, s) = (&self.known, &self.signals);
        let running = step.get(k.redis);
        let masters = running & step.get(k.masters);
        let newest = NodeSet::single(claimed(self.newest(step)));
        step.put(s.master, masters);
        step.put(s.writable, masters & newest);
        step.put(s.stale, masters - newest);
        step.put(s.replicas, running & step.get(k.synced));
        step.put(s.suspecting, step.get(k.sdown));
    }
}

impl Known {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> Self {
        let reach = blueprint.private_sets(&format!("{name}.seen_reach"));
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{what}"));
        Known {
            redis: set("seen_redis"),
            sentinel: set("seen_sentinel"),
            reach,
            sdown: set("sdown"),
            resting: set("resting"),
            masters: set("masters"),
            following: set("following"),
            synced: set("synced"),
            full: set("full"),
        }
    }
}

impl Signals {
    fn register<const W: usize>(
        name: &str,
        blueprint: &mut Blueprint<W>,
        data: NodeSet<W>,
        sentinels: NodeSet<W>,
    ) -> Self {
        let mut signal = |what: &str, on| blueprint.signal(&format!("{name}.{what}"), on);
        Signals {
            master: signal("master", data),
            writable: signal("writable", data),
            stale: signal("stale", data),
            replicas: signal("replicas", data),
            suspecting: signal("suspecting", sentinels),
        }
    }
}

impl<const W: usize> Automaton<W> for RedisSentinel<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![self.up];
        for process in [self.redis, self.sentinel] {
            reads.extend([process.works, process.present]);
        }
        reads.extend(
            (self.data | self.sentinels)
                .iter()
                .map(|n| self.reach.at(n)),
        );
        reads
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        let k = &self.known;
        for sentinel in self.sentinels {
            let config = 1 << OWNER_BITS | u64::from(self.first.0);
            step.set_count(self.config.at(sentinel), config);
        }
        let replicas = self.data.without(self.first);
        step.put(k.masters, NodeSet::single(self.first));
        step.put(k.following, replicas);
        self.observe(step);
        step.put(k.synced, replicas & step.get(k.redis));
        self.follow_up(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        if self.observe(step) {
            self.follow_up(step);
        }
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        let k = &self.known;
        if let Some(sentinel) = self.watch.node(timer) {
            let hears = self.hears_master(sentinel, step);
            step.assign(k.sdown, sentinel, !hears);
        } else if let Some(sentinel) = self.attempt.node(timer) {
            self.ask(sentinel, step);
        } else if let Some(sentinel) = self.pause.node(timer) {
            if !self.could_succeed(sentinel, step) {
                step.insert(k.resting, sentinel);
            }
        } else if let Some(sentinel) = self.promote.node(timer) {
            self.promoted(sentinel, step);
        } else if let Some(node) = self.convert.node(timer) {
            self.converted(node, step);
        } else if let Some(node) = self.sync.node(timer) {
            step.insert(k.synced, node);
            step.remove(k.full, node);
        }
        self.follow_up(step);
    }

    /// SENTINEL FAILOVER, at the first running sentinel that can do it.
    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        let Some(("failover", _)) = command.action_for(&self.name) else {
            return;
        };
        let newest = self.newest(step);
        let able = self
            .live_sentinels(step)
            .iter()
            .filter(|s| self.config(*s, step) == newest)
            .find_map(|s| Some((s, self.best_replica(s, step)?)));
        if let Some((sentinel, replica)) = able {
            step.set_count(self.chosen.at(sentinel), u64::from(replica.0) + 1);
            step.arm(self.promote.at(sentinel), self.settings.promote);
        }
    }

    fn actions(&self) -> &[&'static str] {
        &["failover"]
    }
}

impl<const W: usize> Protocol<W> for RedisSentinel<W> {
    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}
