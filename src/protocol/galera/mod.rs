//! MariaDB Galera: virtually synchronous multi-master replication.
//!
//! # Specification
//!
//! Sources: the provider's code (gcomm `evs_proto.cpp`, `pc_proto.cpp`, `view.cpp`,
//! gcs, release 26.4.18), its documentation, and this project's measurements of
//! MariaDB 10.11.19 with Galera 26.4.23 on Debian 12 (`tests/data/measured`).
//! The numbers stand in `models/galera.toml`.
//!
//! **Views** (`view`). Each member has installed one view: the nodes that deliver
//! in the same order. A view is *primary* or not. Members that reach each other,
//! directly or over others (gmcast relays), form a component; two nodes are
//! *together* when each is in the view of the other and they reach each other. A
//! restarted process is a new incarnation with an empty view: its old self still
//! has to be noticed as missing.
//!
//! **Writes** complete while every member of the primary view answers. From the
//! first silent member until the next view every COMMIT hangs on every node; local
//! reads go on. A peer that comes back before it is suspected costs only the hang
//! and a moment to catch up. Where only the direct path between two members is cut,
//! writes hang until its connection counts as failed (gmcast.peer_timeout and
//! U(0, 0.5 s) for the liveness check, gmcast.cpp `check_liveness`) and a third
//! member relays; the view does not change (not measured).
//!
//! **From silence to the next view** (`membership`, `gather`):
//!
//! ```text
//! idle --silent for evs.suspect_timeout--> suspect pending
//!      --first member's inactivity check, U(0, evs.inactive_check_period)--> GATHER
//! idle --a member says goodbye, or strangers meet--> GATHER
//! GATHER --retransmission tick, every evs.join_retrans_period--> is every missing
//!      member declared gone, nobody dead who had sent a join message, and no extra
//!      round left? then the view is installed, else wait for the next tick
//! GATHER --evs.install_timeout--> who died after its join message is declared
//!      gone; three or more survivors drop each other with `install.breakup`
//!      and merge again without quorum
//! ```
//!
//! The stall is therefore 5 + U + (1 + r) s by default, U the smallest of the
//! survivors' check phases; a closed connection does not shorten it. It counts from
//! the last message of the dead peer, which without writes (`traffic = false`, or no
//! primary component) is up to evs.keepalive_period older.
//!
//! **Quorum** (`view`; `Proto::have_quorum`): with P the last primary view,
//! `2 W(here & P) + W(left & P) > W(P)`; `left` said goodbye. P shrinks with every
//! view, half is not enough.
//!
//! **Coming back** (`view`; `is_prim`, `deliver_view`): each node remembers its last
//! primary view, a running one in memory, a crashed one in gvwstate.dat, which an
//! orderly stop deletes. (1) A primary component takes everybody. (2) Without one,
//! if somebody present has run since the newest such view, all its members must
//! be present; others do not hinder. (3) If all present were restarted, they must be
//! exactly its members. (4) Else an operator: `bootstrap`, `new_cluster`,
//! `force_bootstrap` (`operator`). (5) Who was stopped orderly waits
//! pc.wait_prim_timeout for a primary component and gives up; who has gvwstate.dat
//! waits for ever, with its client port closed.
//!
//! **State transfer** (`transfer`): a node as far as the others is Synced at once;
//! else by IST while its absence fits the write-set cache, else by SST. One donor
//! serves one joiner; an rsync SST blocks the donor's writes; a joiner whose donor
//! leaves the view aborts (`gu_abort`, an abnormal end).
//!
//! # Signals
//!
//! `primary` (Primary, wsrep_ready=ON: serves reads), `writable` (a COMMIT completes
//! now), `nonprimary` (client port open, `SELECT 1` works, tables give 1047),
//! `joining` (runs, neither of the two), `donor`, `ready` (has opened its client port:
//! what systemd hears; a scenario with `start_timeout` must allow for an SST, which
//! the real unit extends by itself).
//!
//! # Not modelled
//!
//! Flow control, certification conflicts, automatic eviction, segments, failed IST
//! under load, overflow pages of the write-set cache, restarts that fail with the
//! port in use, evs.inactive_timeout and evs.max_install_timeouts (neither decided in
//! the experiments), a second run of the install timer, the few writes that slip
//! through between two extra rounds, a mariadbd that ignores SIGTERM while it waits
//! for a primary component, and positions finer than the sequence of primary views. garbd keeps its view on disk
//! as mariadbd does.

mod gather;
mod membership;
mod operator;
mod settings;
mod transfer;
mod view;

use super::{Protocol, Site};
use crate::automaton::{
    Automaton, Blueprint, Command, Counters, Node, NodeSet, SetId, Sets, Step, Timer, TimerClass,
    Timers,
};
use crate::scenario::error::Result;
use crate::world::process::ProcessSignals;
use settings::Settings;

/// A Galera cluster.
pub struct Galera<const W: usize> {
    name: String,
    process: String,
    garbd_process: String,
    mariadb: ProcessSignals,
    garbd: Option<ProcessSignals>,
    node_up: SetId,
    reach: Sets,
    members: NodeSet<W>,
    data: NodeSet<W>,
    settings: Settings,
    known: Known,
    slots: Slots,
    transfers: Transfers,
    timers: AllTimers,
    signals: Signals,
}

/// What the members are and remember.
struct Known {
    /// Members that execute, as seen at the last reaction.
    alive: SetId,
    /// Members whose process exists.
    present: SetId,
    /// The component of each living member.
    component: Sets,
    /// The members to which each has a direct path.
    paths: Sets,
    /// The view that each member has installed.
    view: Sets,
    /// Who has said goodbye to each member since its view was installed.
    left: Sets,
    /// The last primary view of each member, and its place in the order of all.
    last: Sets,
    sequence: Counters,
    /// In a primary view.
    prim: SetId,
    /// Has run since its last primary view.
    memory: SetId,
    /// Has a gvwstate.dat.
    record: SetId,
    /// Has all data of its last primary view.
    complete: SetId,
    /// Synced or Donor.
    synced: SetId,
    /// Has opened its client port.
    opened: SetId,
    /// Stood still and went on.
    thawed: SetId,
    /// safe_to_bootstrap: 1.
    safe: SetId,
    /// Ordered to start with --wsrep-new-cluster.
    new_cluster: SetId,
    /// Not empty while an operator means to start the others after a bootstrap.
    operator_helps: SetId,
    /// Missing members, and those silent for evs.suspect_timeout.
    missing: SetId,
    silent: SetId,
    /// Not empty when the present cut is longer than gmcast.peer_timeout.
    long_cut: SetId,
    /// Does the coverage of absences stand still, because nobody writes?
    coverage_rests: SetId,
}

/// The view formations under way, each in the slot of some member.
struct Slots {
    busy: SetId,
    /// Who has sent a join message and still takes part.
    joined: Sets,
    /// Who has been declared gone.
    gone: Sets,
    /// Who died or was cut off after its join message.
    dead: Sets,
    /// Formations whose members have dropped each other.
    broken: SetId,
    extra_rounds: Counters,
}

/// State transfers, by joiner.
struct Transfers {
    /// Joiners that wait for a donor.
    queued: SetId,
    preparing: SetId,
    copying: SetId,
    finishing: SetId,
    /// Joiners that take a full copy.
    full: SetId,
    /// Nodes that need a full copy when they come back.
    stale: SetId,
    /// Nodes whose absence the cache still bridges.
    absent: SetId,
    /// Index of the donor of each joiner.
    donor_of: Counters,
}

struct AllTimers {
    silence: Timers,
    check: Timers,
    round: Timers,
    install: Timers,
    contact: Timers,
    hang: Timers,
    wait_prim: Timers,
    transfer: Timers,
    coverage: Timers,
    bootstrap: Timers,
    peer_timeout: Timer,
}

struct Signals {
    primary: SetId,
    writable: SetId,
    nonprimary: SetId,
    joining: SetId,
    donor: SetId,
    ready: SetId,
}

impl<const W: usize> Galera<W> {
    /// Sets up an instance and its signals.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let mariadb = site.process("process")?;
        let garbd_process = site.parameters.text("arbitrators")?.to_owned();
        let garbd = if garbd_process.is_empty() {
            None
        } else {
            Some(site.process("arbitrators")?)
        };
        let domain =
            |blueprint: &Blueprint<W>, p: ProcessSignals| blueprint.set_info(p.works).domain;
        let voters = garbd.map_or(NodeSet::EMPTY, |p| domain(blueprint, p));
        let data = (site.members::<W>() & domain(blueprint, mariadb)) - voters;
        if data.is_empty() {
            let message = format!("`{}` has no member with data", site.name);
            return Err(site.parameters.error("process", message));
        }
        if let Some(node) = (site.members::<W>() - data - voters).first() {
            return Err(site.parameters.error(
                "process",
                format!(
                    "`{}` has the member `{}`, where neither its process nor an arbitrator is",
                    site.name,
                    blueprint.node_name(node)
                ),
            ));
        }
        let mut order: Vec<Node> = site
            .nodes
            .iter()
            .copied()
            .filter(|n| data.contains(*n))
            .collect();
        order.extend(voters);
        let settings = Settings::new(site, blueprint, &order)?;
        Ok(Galera {
            name: site.name.to_owned(),
            process: site.parameters.text("process")?.to_owned(),
            garbd_process,
            mariadb,
            garbd,
            node_up: site.signals.up,
            reach: site.signals.reach,
            members: data | voters,
            data,
            settings,
            known: Known::register(site.name, blueprint),
            slots: Slots::register(site.name, blueprint),
            transfers: Transfers::register(site.name, blueprint),
            timers: AllTimers::register(site.name, blueprint),
            signals: Signals::register(site.name, blueprint, data),
        })
    }

    /// Everything that follows from a change of views, peers or transfers.
    fn follow_up(&self, step: &mut Step<'_, W>) {
        self.tend_gathers(step);
        self.watch(step);
        self.seek_contact(step);
        self.match_donors(step);
        self.publish(step);
    }

    fn publish(&self, step: &mut Step<'_, W>) {
        let k = &self.known;
        let running = step.get(k.alive) & self.data;
        let serving = running & step.get(k.prim) & step.get(k.synced);
        let outside = (running & step.get(k.opened)) - step.get(k.prim);
        let mut writable = serving;
        for node in serving {
            if self.is_stalled(node, step) {
                writable.remove(node);
            }
        }
        let donors = self.donors(step);
        if self.settings.sst_blocks_donor {
            writable -= self.blocked_donors(step);
        }
        let s = &self.signals;
        step.put(s.primary, serving);
        step.put(s.writable, writable);
        step.put(s.nonprimary, outside);
        step.put(s.joining, running - serving - outside);
        step.put(s.donor, donors & running);
        step.put(s.ready, step.get(k.opened) & step.get(k.present));
        self.rest_coverage(serving.is_empty(), step);
    }
}

impl Known {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> Self {
        let nodes = blueprint.nodes();
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{what}"));
        Known {
            alive: set("alive"),
            present: set("present"),
            prim: set("prim"),
            memory: set("memory"),
            record: set("record"),
            complete: set("complete"),
            synced: set("synced"),
            opened: set("opened"),
            thawed: set("thawed"),
            safe: set("safe"),
            new_cluster: set("new_cluster"),
            operator_helps: set("operator_helps"),
            missing: set("missing"),
            silent: set("silent"),
            long_cut: set("long_cut"),
            coverage_rests: set("coverage_rests"),
            component: blueprint.private_sets(&format!("{name}.component")),
            paths: blueprint.private_sets(&format!("{name}.paths")),
            view: blueprint.private_sets(&format!("{name}.view")),
            left: blueprint.private_sets(&format!("{name}.left")),
            last: blueprint.private_sets(&format!("{name}.last_primary")),
            sequence: blueprint.counters(nodes),
        }
    }
}

impl Slots {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> Self {
        let nodes = blueprint.nodes();
        Slots {
            busy: blueprint.private_set(&format!("{name}.gathering")),
            broken: blueprint.private_set(&format!("{name}.broken")),
            joined: blueprint.private_sets(&format!("{name}.joined")),
            gone: blueprint.private_sets(&format!("{name}.gone")),
            dead: blueprint.private_sets(&format!("{name}.dead_after_join")),
            extra_rounds: blueprint.counters(nodes),
        }
    }
}

impl Transfers {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> Self {
        let nodes = blueprint.nodes();
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{what}"));
        Transfers {
            queued: set("queued"),
            preparing: set("preparing"),
            copying: set("copying"),
            finishing: set("finishing"),
            full: set("full"),
            stale: set("stale"),
            absent: set("absent"),
            donor_of: blueprint.counters(nodes),
        }
    }
}

impl AllTimers {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> Self {
        let mut each =
            |what: &str| blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Reaction);
        AllTimers {
            silence: each("silence"),
            check: each("check"),
            round: each("round"),
            install: each("install"),
            contact: each("contact"),
            hang: each("hang"),
            wait_prim: each("wait_prim"),
            transfer: each("transfer"),
            coverage: each("coverage"),
            bootstrap: each("bootstrap"),
            peer_timeout: blueprint.timer(name, "peer_timeout", TimerClass::Reaction),
        }
    }
}

impl Signals {
    fn register<const W: usize>(
        name: &str,
        blueprint: &mut Blueprint<W>,
        data: NodeSet<W>,
    ) -> Self {
        let mut signal = |what: &str| blueprint.signal(&format!("{name}.{what}"), data);
        Signals {
            primary: signal("primary"),
            writable: signal("writable"),
            nonprimary: signal("nonprimary"),
            joining: signal("joining"),
            donor: signal("donor"),
            ready: signal("ready"),
        }
    }
}

impl<const W: usize> Automaton<W> for Galera<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads: Vec<SetId> = self
            .members
            .iter()
            .map(|node| self.reach.at(node))
            .collect();
        for process in [Some(self.mariadb), self.garbd].into_iter().flatten() {
            reads.extend([process.works, process.present, process.stopped]);
        }
        reads
    }

    fn commands(&self) -> Vec<&str> {
        vec!["proc"]
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        let (alive, present) = self.processes(step);
        let k = &self.known;
        step.put(k.alive, alive);
        step.put(k.present, present);
        self.find_components(alive, step);
        for id in [k.prim, k.memory, k.record, k.complete] {
            step.put(id, alive);
        }
        for id in [k.synced, k.opened] {
            step.put(id, alive & self.data);
        }
        for node in self.members {
            step.put(k.paths.at(node), step.get(self.reach.at(node)) & self.members);
        }
        for node in alive {
            step.put(k.view.at(node), alive);
            step.put(k.last.at(node), alive);
            step.set_count(k.sequence.at(node), 1);
        }
        if alive.len() == 1 {
            step.put(k.safe, alive);
        }
        self.publish(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        if self.observe(step) {
            self.follow_up(step);
        }
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        let t = &self.timers;
        if let Some(peer) = t.silence.node(timer) {
            step.insert(self.known.silent, peer);
            return self.watch(step);
        } else if let Some(observer) = t.check.node(timer) {
            self.inactivity_check(observer, step);
        } else if let Some(slot) = t.round.node(timer) {
            self.tick(slot, step);
        } else if let Some(slot) = t.install.node(timer) {
            self.install_expired(slot, step);
        } else if let Some(node) = t.contact.node(timer) {
            self.meet(node, step);
        } else if let Some(node) = t.transfer.node(timer) {
            self.transfer_goes_on(node, step);
        } else if let Some(node) = t.bootstrap.node(timer) {
            self.bootstrap(node, step);
        } else if let Some(node) = t.wait_prim.node(timer) {
            self.give_up_waiting(node, step);
        } else if let Some(node) = t.coverage.node(timer) {
            step.remove(self.transfers.absent, node);
            return step.insert(self.transfers.stale, node);
        } else if timer == t.peer_timeout {
            return step.put(self.known.long_cut, self.members);
        }
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

impl<const W: usize> Protocol<W> for Galera<W> {
    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}
