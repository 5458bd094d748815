//! HAProxy 2.6: a load balancer that believes what its health checks say.
//!
//! Sources: (HD) configuration.txt of HAProxy 2.6; (HS) its source, tag v2.6.0;
//! (M) measured by this project's lab on HAProxy 2.6.12, Debian 12
//! (`tests/data/measured/haproxy.csv`).
//!
//! **A check** passes where the server answers well, fails at once where the
//! connection is refused or the answer is an error, and stalls where packets
//! vanish (the node does not run or cannot be reached) or where somebody accepts
//! and does not answer. A stalled check fails when its time is over: `check.inter`
//! for the whole check, or, with `check.timeout`, the smaller of
//! `timeout.connect` and `check.inter` for the connection and `check.timeout` for
//! the answer (HD `timeout check`). A connection that is under way when the path
//! returns succeeds at the kernel's next SYN, 1, 3, 7 ... s after its first (M b
//! recover: two humps); one that waits for an answer gets it at once when the
//! server wakes.
//!
//! **The next check** starts an interval after the END of the last one:
//! `fastinter` between the states, `downinter` where the server is fully down,
//! else `inter` (HS check.c process_chk_conn).
//!
//! **The belief**: a health of 0 to rise + fall - 1; a failure takes one, and below
//! `rise` means 0 and DOWN; a success adds one, and reaching `rise` means UP and
//! full health (HS set_server_check_status). So a refusal is noticed after
//! `U(0,i) + (fall-1) i`, and a black hole after `U(0,i) + i + (fall-1) 2i`: 10 to
//! 12 s, not 6 (M a, b). A balancer that starts trusts every server with a health of
//! `rise`: one failure is then enough; first checks are spread over `inter`.
//!
//! **Requests** go round robin over the servers believed UP. Without
//! `option redispatch` every retry stays on its server, so whatever does not answer
//! well fails; with it (and `retries` > 0) the first retry goes elsewhere: what
//! is refused costs nothing, a black hole costs `timeout.connect`, and only where
//! the kernel accepts and nobody answers does the request fail (504), because a
//! request is not sent twice (M a, b, f). If no server answers well, all fail.
//!
//! Signals: `NAME.pool` (believed UP by a balancer that works), `NAME.failing` (of
//! these, where a request fails now), `NAME.slow` (of these, where it is delayed
//! by `timeout.connect`), `NAME.balancers` (nodes where HAProxy works),
//! `NAME.serving` (balancers with at least one server that answers well). Failed
//! requests are the rate times the integral of |failing| / |pool|.
//!
//! A check is only played while the belief differs from the truth or the health
//! lies between its ends; the phase of the first one is then unknown, and if the
//! server was a black hole, so is whether a check was under way.
//!
//! NOT modelled: sticky sessions and cookies, agent checks, `on-error`,
//! `observe`, slow start, queues, server weights, the second connection of a
//! check through a name server, connections that were open when a server died
//! (one request each at most), HAProxy processes that reload.

mod check;

use super::{Protocol, Resolver, Site};
use crate::automaton::evaluate::Set;
use crate::automaton::{Automaton, Blueprint, Counters, Delay, Nanos, Node, NodeSet, SetId, Step, Timer, TimerClass};
use crate::scenario::error::Result;
use crate::scenario::parameters::LocatedSet;
use crate::world::WorldSignals;
use crate::world::process::ProcessSignals;
use check::Checks;

/// Balancers in front of the same servers.
pub struct Haproxy<const W: usize> {
    name: String,
    servers: Vec<Node>,
    all_servers: NodeSet<W>,
    /// The place of each node among the servers.
    place: Vec<usize>,
    ok_text: Option<LocatedSet>,
    hang_text: Option<LocatedSet>,
    ok: Set<W>,
    hang: Set<W>,
    checks: Checks,
    redispatch: bool,
    world: WorldSignals,
    process: ProcessSignals,
    views: Vec<View>,
    signals: Signals,
    /// By balancer and server, in rows.
    health: Counters,
    /// How many retransmissions a stalled connection has behind it, or `ANSWER`.
    stage: Counters,
    first_check: Timer,
}

/// What scenarios may name.
struct Signals {
    pool: SetId,
    failing: SetId,
    slow: SetId,
    balancers: SetId,
    serving: SetId,
}

impl Signals {
    fn register<const W: usize>(
        name: &str,
        servers: NodeSet<W>,
        members: NodeSet<W>,
        blueprint: &mut Blueprint<W>,
    ) -> Signals {
        let mut signal = |what: &str, domain| blueprint.signal(&format!("{name}.{what}"), domain);
        Signals {
            pool: signal("pool", servers),
            failing: signal("failing", servers),
            slow: signal("slow", servers),
            balancers: signal("balancers", members),
            serving: signal("serving", members),
        }
    }
}

/// A row of timers, by balancer and server; the first of them. The stream of
/// each belongs to its server, so that designs of different size can be compared.
fn register_checks<const W: usize>(
    name: &str,
    views: &[View],
    servers: &[Node],
    blueprint: &mut Blueprint<W>,
) -> Option<Timer> {
    let mut first = None;
    for view in views {
        let balancer = blueprint.node_name(view.node).to_owned();
        for server in servers {
            let server = blueprint.node_name(*server).to_owned();
            let purpose = format!("{name}.check_by.{balancer}");
            let timer = blueprint.timer(&server, &purpose, TimerClass::Reaction);
            first.get_or_insert(timer);
        }
    }
    first
}

/// What one balancer knows.
struct View {
    node: Node,
    /// Not empty where there is a process with a belief.
    alive: SetId,
    /// Not empty where it worked last time.
    works: SetId,
    believed: SetId,
    /// Servers whose check is under way without an answer.
    stalled: SetId,
    answers: SetId,
    vanished: SetId,
    mute: SetId,
}

/// How the servers look from one balancer; the rest refuse.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Truth<const W: usize> {
    answers: NodeSet<W>,
    /// Behind a black hole.
    vanished: NodeSet<W>,
    /// Accept and do not answer.
    mute: NodeSet<W>,
}

impl<const W: usize> Haproxy<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let p = site.parameters;
        let name = site.name;
        let members = site.members();
        let all_servers = site.fixed_nodes("servers", blueprint)?;
        let servers: Vec<Node> = all_servers.iter().collect();
        let mut place = vec![0; blueprint.nodes()];
        for (index, server) in servers.iter().enumerate() {
            place[server.index()] = index;
        }
        let checks = Checks::read(site)?;
        p.word("balance", &[("roundrobin", ())])?;
        let _: Nanos = p.positive_duration("timeout.server")?;
        let retries = p.integer("retries", 0, 1000)?;
        let redispatch = p.flag("redispatch")? && retries > 0;
        let process = site.process("process")?;
        let signals = Signals::register(name, all_servers, members, blueprint);
        let views: Vec<View> = site
            .nodes
            .iter()
            .map(|node| View::new(*node, name, blueprint))
            .collect();
        let pairs = views.len() * servers.len();
        let first_check = register_checks(name, &views, &servers, blueprint);
        Ok(Haproxy {
            name: name.to_owned(),
            servers,
            all_servers,
            place,
            ok_text: p.set("check.ok")?,
            hang_text: p.set("check.hang")?,
            ok: Set::Fixed(all_servers),
            hang: Set::Fixed(NodeSet::EMPTY),
            checks,
            redispatch,
            world: site.signals,
            process,
            views,
            signals,
            health: blueprint.counters(pairs),
            stage: blueprint.counters(pairs),
            // Members and servers are never empty.
            first_check: first_check.unwrap_or(Timer(0)),
        })
    }

    fn pair(&self, view: usize, server: Node) -> usize {
        view * self.servers.len() + self.place[server.index()]
    }

    fn timer(&self, pair: usize) -> Timer {
        Timer(self.first_check.0 + pair as u32)
    }

    fn works(&self, view: usize, step: &Step<'_, W>) -> bool {
        step.has(self.process.works, self.views[view].node)
    }

    /// How the servers look from a balancer now.
    fn truth(&self, view: usize, step: &Step<'_, W>) -> Truth<W> {
        let reach = step.get(self.world.reach.at(self.views[view].node));
        let there = self.all_servers & reach & step.get(self.world.running);
        let mute = there & self.hang.value(step.state());
        Truth {
            answers: (there & self.ok.value(step.state())) - mute,
            vanished: self.all_servers - there,
            mute,
        }
    }

    fn seen(&self, view: usize, step: &Step<'_, W>) -> Truth<W> {
        let view = &self.views[view];
        Truth {
            answers: step.get(view.answers),
            vanished: step.get(view.vanished),
            mute: step.get(view.mute),
        }
    }

    fn remember(&self, view: usize, truth: Truth<W>, step: &mut Step<'_, W>) {
        let view = &self.views[view];
        step.put(view.answers, truth.answers);
        step.put(view.vanished, truth.vanished);
        step.put(view.mute, truth.mute);
    }

    /// Balancers that have run for a long time believe what is true.
    fn lay_out(&self, step: &mut Step<'_, W>) {
        for view in 0..self.views.len() {
            let truth = self.truth(view, step);
            self.remember(view, truth, step);
            let works = self.works(view, step);
            let v = &self.views[view];
            let node = NodeSet::single(v.node);
            let alive = if works { node } else { NodeSet::EMPTY };
            step.put(v.alive, alive);
            step.put(v.works, alive);
            step.put(
                v.believed,
                if works { truth.answers } else { NodeSet::EMPTY },
            );
            for server in truth.answers {
                step.set_count(self.health.nth(self.pair(view, server)), self.checks.top());
            }
            for server in self.all_servers - truth.answers {
                step.set_count(self.health.nth(self.pair(view, server)), 0);
            }
        }
    }

    /// A balancer may have started, ended, frozen or woken up.
    fn follow_process(&self, view: usize, step: &mut Step<'_, W>) {
        let v = &self.views[view];
        let alive = !step.get(v.alive).is_empty();
        let worked = !step.get(v.works).is_empty();
        let works = self.works(view, step);
        if alive && !step.has(self.process.present, v.node) {
            self.forget(view, step);
        } else if works && !alive {
            self.start(view, step);
        } else if works && !worked {
            // Woken up: what its checks waited for has an answer or timed out.
            let truth = self.truth(view, step);
            step.put(v.stalled, NodeSet::EMPTY);
            for server in self.all_servers {
                self.watch(view, server, truth, step);
            }
        }
        step.put(
            v.works,
            if works {
                NodeSet::single(v.node)
            } else {
                NodeSet::EMPTY
            },
        );
    }

    fn forget(&self, view: usize, step: &mut Step<'_, W>) {
        let v = &self.views[view];
        for id in [v.alive, v.believed, v.stalled] {
            step.put(id, NodeSet::EMPTY);
        }
        for server in self.all_servers {
            step.cancel(self.timer(self.pair(view, server)));
        }
    }

    /// Every server counts as UP, but falls at its first failure.
    fn start(&self, view: usize, step: &mut Step<'_, W>) {
        let v = &self.views[view];
        step.put(v.alive, NodeSet::single(v.node));
        step.put(v.believed, self.all_servers);
        step.put(v.stalled, NodeSet::EMPTY);
        for (index, server) in self.servers.iter().enumerate() {
            let pair = self.pair(view, *server);
            step.set_count(self.health.nth(pair), self.checks.rise);
            let share = self.checks.inter.0 / self.servers.len() as u64;
            step.arm(
                self.timer(pair),
                Delay::Fixed(Nanos(share).times(index as u64)),
            );
        }
    }

    /// Writes the signals.
    fn publish(&self, step: &mut Step<'_, W>) {
        let (mut pool, mut failing, mut slow) = (NodeSet::EMPTY, NodeSet::EMPTY, NodeSet::EMPTY);
        let (mut balancers, mut serving) = (NodeSet::EMPTY, NodeSet::EMPTY);
        for (view, v) in self.views.iter().enumerate() {
            if !self.works(view, step) {
                continue;
            }
            let truth = self.seen(view, step);
            let believed = step.get(v.believed);
            balancers.insert(v.node);
            pool |= believed;
            let answered = believed.intersects(truth.answers);
            if answered {
                serving.insert(v.node);
            }
            if self.redispatch && answered {
                failing |= believed & truth.mute;
                slow |= believed & truth.vanished;
            } else {
                failing |= believed - truth.answers;
            }
        }
        for (id, value) in [
            (self.signals.pool, pool),
            (self.signals.failing, failing),
            (self.signals.slow, slow - failing),
            (self.signals.balancers, balancers),
            (self.signals.serving, serving),
        ] {
            step.put(id, value);
        }
    }
}

impl View {
    fn new<const W: usize>(node: Node, name: &str, blueprint: &mut Blueprint<W>) -> View {
        let balancer = blueprint.node_name(node).to_owned();
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{balancer}.{what}"));
        View {
            node,
            alive: set("alive"),
            works: set("works"),
            believed: set("believed"),
            stalled: set("stalled"),
            answers: set("answers"),
            vanished: set("vanished"),
            mute: set("mute"),
        }
    }
}

impl<const W: usize> Protocol<W> for Haproxy<W> {
    fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        if let Some(text) = &self.ok_text {
            self.ok = resolve(text)?;
        }
        if let Some(text) = &self.hang_text {
            self.hang = resolve(text)?;
        }
        Ok(())
    }

    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}

impl<const W: usize> Automaton<W> for Haproxy<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![self.process.works, self.process.present, self.world.running];
        reads.extend(self.views.iter().map(|view| self.world.reach.at(view.node)));
        self.ok.signals(&mut reads);
        self.hang.signals(&mut reads);
        reads
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
        self.publish(step);
    }

    // What the checks see may itself still be finding its initial state.
    fn begin_again(&self, step: &mut Step<'_, W>) {
        self.begin(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        let mut changed = false;
        for (view, v) in self.views.iter().enumerate() {
            let worked = !step.get(v.works).is_empty();
            let ended = !step.get(v.alive).is_empty() && !step.has(self.process.present, v.node);
            let (before, now) = (self.seen(view, step), self.truth(view, step));
            if worked == self.works(view, step) && !ended && before == now {
                continue;
            }
            changed = true;
            self.remember(view, now, step);
            self.follow_process(view, step);
            if self.works(view, step) {
                let same = (before.answers & now.answers)
                    | (before.vanished & now.vanished)
                    | (before.mute & now.mute);
                for server in self.all_servers - same {
                    self.watch(view, server, before, step);
                }
            }
        }
        if changed {
            self.publish(step);
        }
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        let pair = timer.0.wrapping_sub(self.first_check.0) as usize;
        if pair < self.views.len() * self.servers.len() {
            let (view, server) = (pair / self.servers.len(), pair % self.servers.len());
            self.check(view, self.servers[server], step);
            self.publish(step);
        }
    }
}
