//! Redis Cluster 7.0: masters that own the hash slots, and replicas that take over.
//!
//! # Specification
//!
//! Sources: (S) `cluster.c`, `cluster.h`, `server.c` of redis 7.0.15; (C) its
//! `redis.conf`; (M) this project's measurements of 7.0.15 on Debian 12
//! (`tests/data/measured/redis-cluster.csv`). NT is `cluster_node_timeout`. The unit
//! of the model is the *instance*: a node may run several.
//!
//! **Detection** (`detect`). Each instance pings each peer; a ping that waits longer
//! than NT while nothing else comes makes PFAIL, a private opinion. The next ping to a
//! dead peer goes out after U(0, min(NT/2, peers x 1 s)), the cron looks every 0.1 s:
//! `PFAIL = NT + U + U(0, 0.1 s)`. A closed connection or an orderly stop is no
//! quicker (M: kill -9, power-off and SIGTERM alike). Masters' PFAIL travels with every
//! ping and pong between two instances; whoever has PFAIL itself and reports from a
//! majority of the masters with slots (dead ones count, itself counts if it is a
//! master), when it hears the next one, marks FAIL and tells everybody at once.
//! Without a majority there is never FAIL.
//!
//! **cluster_state** (`health`) is `ok` unless some slot's owner has FAIL (with
//! `cluster_require_full_coverage`), or fewer than a majority of the masters with
//! slots are without PFAIL and FAIL (whatever the coverage setting): the minority
//! stops by itself at PFAIL, without votes. A master that comes out of a minority
//! waits min(max(NT, 0.5 s), 5 s), a master that has just started 2 s.
//!
//! **Return.** PFAIL and the FAIL of a node without slots end with the first pong; the
//! FAIL of an owner of slots ends with the first pong when it is 2 NT old. So a
//! restarted owner serves its own slots after 2 s, and the other keys of the cluster
//! only after FAIL + 2 NT (M: 8.8-12.3 s after outages of 7-9 s); one that is back
//! before PFAIL costs nothing but its own slots.
//!
//! **Election** (`election`). A replica whose master has FAIL asks for votes after
//! 0.5 s + U(0, 0.5 s) + rank x 1 s. It needs a majority of all masters with slots. A
//! master votes once per epoch, only if it has FAIL for the old master, and not again
//! for the same shard within 2 NT. Who loses tries again after 4 NT. A replica whose
//! data are older than 10 s + NT x `cluster_replica_validity_factor` (+ NT) never
//! asks; after a **restart** its data count as infinitely old until it has
//! synchronised, so a replica that restarts while its master is dead is never promoted
//! (M), nor is one without `masterauth` where a password is required (M). Nobody fails back. The slots of a dead master without replica never move.
//!
//! **Views.** Each instance believes in an owner for each shard, with a
//! configuration epoch; who hears of a newer one adopts it, and an owner that has lost
//! all its slots becomes a replica of the new one (M: no write accepted by a restarted
//! old master). An *isolated* old master takes writes until it stops as a minority;
//! they are lost (`accepting_stale`). All of that is kept over a restart (nodes.conf).
//!
//! **A person**: `failover` (CLUSTER FAILOVER, on the replicas of the named nodes;
//! without nodes: wherever the first master of a shard now is its replica),
//! `spread` (the same on replicas of nodes without a master, where their master shares
//! its node with another: what a script would do after a failover, so that no node
//! takes a majority of the masters with it),
//! `failover_force` (the same without data-age limit where the master is gone; a
//! majority must still vote), `fix` (`--cluster fix
//! --cluster-fix-with-unreachable-masters`: shards of unreachable masters go to
//! reachable ones, the data on the old owner are lost).
//!
//! # Signals
//!
//! `owners` (nodes that own slots by the newest configuration, dead ones included),
//! `serving` (owners that run, all of whose slots are accepted there), `ok` (nodes with
//! an instance, all of whose running ones say cluster_state:ok), `masters` (nodes with a
//! running instance that believes it owns slots), `replicas` (nodes with a replica in
//! sync), `whole` (nodes from which every key can be reached for writing: state ok, and
//! every owner runs, is ok and within reach), `readable` (the same for reads, with
//! `cluster_allow_reads_when_down`), `accepting_stale` (nodes with an owner that takes
//! writes although a running replica out of its reach has or can get its slots),
//! `suspected` and `failed` (nodes for which some running instance has PFAIL, FAIL). For
//! a service: `up = "any(redis.whole)"`, `success = "share(redis.serving,
//! redis.owners)"`. The share counts nodes, so an owner of two shards weighs as one.
//!
//! # Not modelled
//!
//! Replica migration; ranks by replication offset (replicas in sync rank equal); votes
//! that arrive after the vote round; PFAIL phases that gossip correlates; reports of a
//! dead master for the rest of their 2 NT (dropped with its PFAIL); TCP detail of a
//! reconnect; slots that are spread one by one (`fix` moves a shard as a whole);
//! AOF loss (0-1 s of acknowledged writes at a power loss, M). With NT 15 s the rules are
//! 1.4 s (7 %) quicker than the measurement.

mod detect;
mod election;
mod health;
mod layout;
mod operator;
mod settings;

use super::{Protocol, Site};
use crate::automaton::{
    Automaton, Blueprint, Command, Counters, Node, NodeSet, SetId, Sets, Step, Timer, TimerClass,
    Timers,
};
use crate::scenario::error::Result;
use layout::Layout;
use settings::Settings;

/// An instance, as its place in the layout. Sets of instances are node sets whose
/// members are such places.
type Instance = Node;

/// A Redis Cluster.
pub struct RedisCluster<const W: usize> {
    name: String,
    layout: Layout,
    settings: Settings,
    reach: Sets,
    up: SetId,
    frozen: SetId,
    all: NodeSet<W>,
    known: Known,
    /// What instance i believes of shard s, at i x shards + s: see `election::View`.
    views: Counters,
    /// The shard of which each instance is an owner or a replica.
    shard: Counters,
    /// The newest epoch in which each instance has voted.
    voted: Counters,
    timers: AllTimers,
    signals: Signals,
}

struct Known {
    /// Instances that execute, as seen at the last reaction, and those that exist.
    alive: SetId,
    present: SetId,
    /// The peers with which each instance can exchange packets.
    linked: Sets,
    /// Those whose pongs it gets.
    contact: Sets,
    /// Its opinion: PFAIL, FAIL, and FAIL younger than 2 NT.
    pfail: Sets,
    fail: Sets,
    held: Sets,
    /// Who has reported the failure of x to i, at i x instances + x.
    reports: Sets,
    /// cluster_state:ok.
    ok: SetId,
    minority: SetId,
    /// Replicas in sync; data too old for an election.
    synced: SetId,
    expired: SetId,
    /// Replicas that have asked for votes, lost, and see no majority.
    resting: SetId,
    requesting: SetId,
    /// Replicas told to fail over without their master.
    forced: SetId,
    /// Who has voted for a replica of each shard within 2 NT.
    barred: Sets,
    /// Where the operator repairs the slots.
    fixing: SetId,
}

struct AllTimers {
    /// Of i on x, at i x instances + x: until PFAIL, or the end of FAIL.
    watch: Timers,
    /// Until i hears x again.
    contact: Timers,
    /// Until the pair exchanges what it knows (i < x).
    gossip: Timers,
    writable: Timers,
    rejoin: Timers,
    election: Timers,
    /// The vote round of a candidate, then its pause before the next request.
    vote: Timers,
    sync: Timers,
    age: Timers,
    manual: Timers,
    /// By shard.
    bar: Timers,
    fix: Timer,
}

struct Signals {
    owners: SetId,
    serving: SetId,
    ok: SetId,
    masters: SetId,
    replicas: SetId,
    whole: SetId,
    readable: SetId,
    accepting_stale: SetId,
    suspected: SetId,
    failed: SetId,
}

/// One private set for each of so many places.
fn row<const W: usize>(blueprint: &mut Blueprint<W>, name: &str, len: usize) -> Sets {
    let first = blueprint.private_set(name);
    for _ in 1..len {
        blueprint.private_set(name);
    }
    Sets(first.0)
}

impl Known {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>, layout: &Layout) -> Self {
        let count = layout.instances.len();
        let mut rows = |what: &str, len| row(blueprint, &format!("{name}.{what}"), len);
        let (linked, contact) = (rows("linked", count), rows("contact", count));
        let (pfail, fail) = (rows("pfail", count), rows("fail", count));
        let (held, reports) = (rows("held", count), rows("reports", count * count));
        let barred = rows("barred", layout.shards);
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{what}"));
        Known {
            linked,
            contact,
            pfail,
            fail,
            held,
            reports,
            barred,
            alive: set("alive"),
            present: set("present"),
            ok: set("state_ok"),
            minority: set("minority"),
            synced: set("synced"),
            expired: set("expired"),
            resting: set("resting"),
            requesting: set("requesting"),
            forced: set("forced"),
            fixing: set("fixing"),
        }
    }
}

impl AllTimers {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>, layout: &Layout) -> Self {
        let count = layout.instances.len();
        let class = TimerClass::Reaction;
        let mut row = |what: &str, len| blueprint.timer_row(name, what, len, class);
        AllTimers {
            watch: row("watch", count * count),
            contact: row("contact", count * count),
            gossip: row("gossip", count * count),
            writable: row("writable", count),
            rejoin: row("rejoin", count),
            election: row("election", count),
            vote: row("vote", count),
            sync: row("sync", count),
            age: row("data_age", count),
            manual: row("manual", count),
            bar: row("vote_bar", layout.shards),
            fix: blueprint.timer(name, "fix", class),
        }
    }
}

impl Signals {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>, on: NodeSet<W>) -> Self {
        let mut signal = |what: &str| blueprint.signal(&format!("{name}.{what}"), on);
        Signals {
            owners: signal("owners"),
            serving: signal("serving"),
            ok: signal("ok"),
            masters: signal("masters"),
            replicas: signal("replicas"),
            whole: signal("whole"),
            readable: signal("readable"),
            accepting_stale: signal("accepting_stale"),
            suspected: signal("suspected"),
            failed: signal("failed"),
        }
    }
}

impl<const W: usize> RedisCluster<W> {
    /// Sets up an instance of the protocol and its signals.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let layout = Layout::read(site, blueprint)?;
        let settings = Settings::read(site, blueprint, &layout)?;
        let count = layout.instances.len();
        let known = Known::register(site.name, blueprint, &layout);
        let timers = AllTimers::register(site.name, blueprint, &layout);
        let signals = Signals::register(site.name, blueprint, layout.nodes());
        Ok(RedisCluster {
            name: site.name.to_owned(),
            settings,
            reach: site.signals.reach,
            up: site.signals.up,
            frozen: site.signals.frozen,
            all: NodeSet::first_n(count),
            known,
            views: blueprint.counters(count * layout.shards),
            shard: blueprint.counters(count),
            voted: blueprint.counters(count),
            timers,
            signals,
            layout,
        })
    }

    fn count(&self) -> usize {
        self.layout.instances.len()
    }

    /// The place of (i, x) in a table of pairs.
    #[inline]
    fn pair(&self, i: Instance, x: Instance) -> usize {
        i.index() * self.count() + x.index()
    }

    #[inline]
    fn reports(&self, i: Instance, x: Instance) -> SetId {
        SetId(self.known.reports.0 + self.pair(i, x) as u32)
    }

    fn node(&self, i: Instance) -> Node {
        self.layout.instances[i.index()].node
    }

    /// The nodes of these instances.
    fn nodes_of(&self, instances: NodeSet<W>) -> NodeSet<W> {
        instances.iter().map(|i| self.node(i)).collect()
    }

    /// Everything that follows from a change of links, opinions or views.
    fn follow_up(&self, step: &mut Step<'_, W>) {
        let alive = step.get(self.known.alive);
        for i in alive {
            self.judge_state(i, step);
        }
        for i in alive {
            self.tend_replica(i, step);
        }
        self.tend_gossip(step);
        self.publish(step);
    }
}

impl<const W: usize> Automaton<W> for RedisCluster<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![self.up, self.frozen];
        for instance in &self.layout.instances {
            reads.push(self.reach.at(instance.node));
            reads.extend([instance.process.works, instance.process.present]);
        }
        reads.sort_unstable();
        reads.dedup();
        reads
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        let shards = self.layout.shards;
        for i in self.all {
            for shard in 0..shards {
                let view = election::View::first(shard);
                step.set_count(self.view_at(i, shard), view.0);
            }
            let shard = self.layout.instances[i.index()].shard;
            step.set_count(self.shard.at(i), shard as u64);
        }
        let (alive, present) = self.processes(step);
        let k = &self.known;
        step.put(k.alive, alive);
        step.put(k.present, present);
        step.put(k.ok, alive);
        step.put(k.expired, self.all - alive);
        for i in alive {
            let linked = self.links_of(i, alive, step);
            step.put(k.linked.at(i), linked);
            step.put(k.contact.at(i), linked);
            let replica_of = self.layout.instances[i.index()].shard;
            let follows = i.index() != replica_of;
            if follows && !self.settings.masterauth {
                step.insert(k.expired, i);
            } else if follows && alive.contains(Node(replica_of as u16)) {
                step.insert(k.synced, i);
            }
        }
        for i in alive {
            self.start_watches(i, self.settings.detect, step);
        }
        self.follow_up(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        if self.observe(step) {
            self.follow_up(step);
        }
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        let (t, count) = (&self.timers, self.count());
        let split = |place: usize| (Node((place / count) as u16), Node((place % count) as u16));
        if let Some((i, x)) = t.watch.position(timer).map(split) {
            self.watch_ends(i, x, step);
        } else if let Some((i, x)) = t.contact.position(timer).map(split) {
            self.meet(i, x, step);
        } else if let Some((i, x)) = t.gossip.position(timer).map(split) {
            self.exchange(i, x, step);
        } else if let Some(i) = t.election.node(timer) {
            self.ask_for_votes(i, step);
        } else if let Some(i) = t.vote.node(timer) {
            self.vote_ends(i, step);
        } else if let Some(i) = t.sync.node(timer) {
            self.synchronised(i, step);
        } else if let Some(i) = t.age.node(timer) {
            step.insert(self.known.expired, i);
        } else if let Some(i) = t.manual.node(timer) {
            self.manual_failover(i, step);
        } else if let Some(shard) = t.bar.position(timer) {
            return step.put(self.known.barred.at(Node(shard as u16)), NodeSet::EMPTY);
        } else if timer == t.fix {
            self.fix(step);
        }
        // What remains is the end of a delay that `judge_state` asks about.
        self.follow_up(step);
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        if let Some((action, nodes)) = command.action_for(&self.name) {
            self.operate(action, nodes, step);
        }
    }

    fn actions(&self) -> &[&'static str] {
        &operator::ACTIONS
    }
}

impl<const W: usize> Protocol<W> for RedisCluster<W> {
    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}
