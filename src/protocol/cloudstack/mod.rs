//! CloudStack (Mold): virtual machines on KVM hosts, and what becomes of them when a host,
//! its storage or the management fails.
//!
//! Sources: (CS) apache/cloudstack's source; (CD) its documentation; (CI) its issues; (T)
//! follows from these. Nothing was measured.
//!
//! **Management** is stateless; without a working server machines go on, and nothing is
//! restarted, started or noticed (CD).
//!
//! **Without host HA** a silent host is behind on its pings after 2.5 intervals and up to one
//! more; then neighbours are asked whether its heartbeat on primary storage still moves.
//! If not, the host is Down and its HA machines are restarted; if it does, the host is in
//! Alert and nothing happens (CS, CD "beyond a shadow of a doubt").
//!
//! **With host HA**: a failed health check (poll and time-out), then ten activity checks at
//! least 60 s apart, on the grid of the poll: about 9.5 minutes. A host that is alive for
//! its storage becomes Degraded, waits five minutes and is checked again. A dead one is reset
//! by its BMC; when that is accepted its machines are restarted elsewhere, and the host is
//! Recovered for ten minutes. If it is still silent then, it is fenced (OFF). **A BMC that
//! does not answer, because its machine has no power, keeps the host in Fencing for ever**
//! and its machines down (CI 13376, 7543); there is no way back: when power returns, a
//! healthy host is switched off, and only then are its machines restarted (T).
//!
//! **Restart**: on hosts that are up, have storage and room; with `ha_tag` only on hosts that
//! carry the tag, so nowhere if none does (CD). What finds no room is tried again every ten
//! minutes. Machines without HA wait for their host and their owner.
//!
//! **Storage**: over NFS machines stand still until it is back; over iSCSI they are stopped,
//! and those with HA are restarted. With local storage there is no HA (CD).
//!
//! Signals: `NAME.agents` (hosts that management believes Up), `NAME.alert`, `NAME.suspect`,
//! `NAME.recovered`, `NAME.fencing`, `NAME.fenced` (switched off by management),
//! `NAME.stranded` (hosts whose machines are down and not yet given to others). Levels:
//! `NAME.running` (machines that work), `NAME.waiting` (to be restarted).
//!
//! Operators: `down` (management is told that these hosts are down; their machines are
//! restarted), `power_on` (hosts that were fenced; host HA is enabled again).
//!
//! NOT modelled: single machines and their offerings (only how many), live migration, system
//! machines and console proxies, secondary storage (a service of its own), the 150 s until
//! another management server takes over what a dead one was doing, samples of the activity
//! check that see a fresh heartbeat, max.retries, zones, Mold's development branch.

mod host;
mod machines;

use super::optional_set::OptionalSet;
use super::{Protocol, Resolver, Site};
use crate::automaton::{
    Automaton, Blueprint, Command, Counter, Counters, Delay, Level, Mark, Nanos, Node, NodeSet, SetId,
    Step, Timer, TimerClass, Timers,
};
use crate::scenario::error::Result;
use crate::world::WorldSignals;

const ACTIONS: [&str; 2] = ["down", "power_on"];

/// A zone with its hosts.
pub struct Cloudstack<const W: usize> {
    name: String,
    hosts: NodeSet<W>,
    settings: Settings<W>,
    management: OptionalSet<W>,
    storage: OptionalSet<W>,
    primary: OptionalSet<W>,
    oobm: OptionalSet<W>,
    world: WorldSignals,
    signals: Signals,
    own: Own,
    timers: CloudTimers,
}

/// What an outage of primary storage does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Storage {
    Nfs,
    Iscsi,
    Local,
}

const STORAGE: [(&str, Storage); 3] = [
    ("nfs", Storage::Nfs),
    ("iscsi", Storage::Iscsi),
    ("local", Storage::Local),
];

/// Everything that the automaton does not change.
struct Settings<const W: usize> {
    storage: Storage,
    ha_vms: u64,
    plain_vms: u64,
    capacity: u64,
    /// Hosts that take restarted machines.
    targets: NodeSet<W>,
    host_ha: bool,
    ping: Delay,
    investigation: Delay,
    health: Delay,
    /// From the first activity check to the last one.
    checks: Delay,
    degraded: Delay,
    reset: Delay,
    wait: Delay,
    fence: Delay,
    poll: Delay,
    restart: Delay,
    retry: Delay,
    owner: Delay,
}

/// What scenarios may name.
struct Signals {
    agents: SetId,
    alert: SetId,
    suspect: SetId,
    recovered: SetId,
    fencing: SetId,
    fenced: SetId,
    stranded: SetId,
    running: Level,
    waiting: Level,
}

/// Where machines are and what management is doing about each host.
struct Own {
    /// Hosts that were up with storage last time.
    sound: SetId,
    /// Ten checks have begun; the BMC has been asked.
    checking: SetId,
    resetting: SetId,
    /// Management has noticed that the host is silent.
    investigating: SetId,
    /// By host: machines that run there (or stand still), with HA and without.
    ha: Counters,
    plain: Counters,
    /// By host: machines that are down and belong there.
    ha_down: Counters,
    plain_down: Counters,
    /// Machines given to the workers.
    queue: Counter,
}

struct CloudTimers {
    /// What comes next for a host that is silent.
    host: Timers,
    owner: Timers,
    restart: Timer,
}

impl<const W: usize> Settings<W> {
    fn read(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let p = site.parameters;
        let most = 1_000_000;
        let vms = p.integer("vms_per_host", 0, most)? as u64;
        let ha_vms = p.integer("ha_vms_per_host", 0, most)? as u64;
        let capacity = p.integer("capacity", 0, most)? as u64;
        if ha_vms > vms {
            return Err(p.error("ha_vms_per_host", "more machines with HA than machines"));
        }
        if capacity < vms {
            return Err(p.error("capacity", "a host has more machines than it can run"));
        }
        let targets = match (p.flag("ha_tag")?, p.set("ha_tag_hosts")?) {
            (false, _) => site.members(),
            (true, None) => NodeSet::EMPTY,
            (true, Some(_)) => site.fixed_nodes("ha_tag_hosts", blueprint)?,
        };
        let poll = p.positive_duration("health.poll")?;
        let (interval, factor) = (p.positive_duration("ping.interval")?, p.number("ping.timeout")?);
        let behind = Nanos::from_seconds(interval.seconds() * factor.max(0.0));
        let pause = p.positive_duration("activity.interval")?;
        let gaps = p.integer("activity.attempts", 1, 1000)? as u64 - 1;
        let mut delay = |path: &str| -> Result<Delay> {
            Ok(blueprint.delay(&p.distribution(path, site.files)?))
        };
        Ok(Settings {
            storage: p.word("storage_kind", &STORAGE)?,
            ha_vms,
            plain_vms: vms - ha_vms,
            capacity,
            targets,
            host_ha: p.flag("host_ha")?,
            ping: Delay::Uniform {
                low: behind,
                high: behind + interval,
            },
            investigation: delay("ping.investigation")?,
            health: Delay::Uniform {
                low: p.duration("health.check_timeout")?,
                high: p.duration("health.check_timeout")? + poll,
            },
            checks: Delay::Uniform {
                low: pause.times(gaps),
                high: (pause + poll).times(gaps),
            },
            degraded: Delay::Fixed(p.positive_duration("activity.degraded")?),
            reset: delay("recovery.reset")?,
            wait: Delay::Fixed(p.positive_duration("recovery.wait")?),
            fence: delay("recovery.fence")?,
            poll: Delay::Fixed(poll),
            restart: delay("restart.time")?,
            retry: Delay::Fixed(p.positive_duration("restart.retry")?),
            owner: delay("restart.owner")?,
        })
    }
}

impl<const W: usize> Cloudstack<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let (name, hosts) = (site.name, site.members());
        let settings = Settings::read(site, blueprint)?;
        let total = (settings.ha_vms + settings.plain_vms) * hosts.len() as u64;
        let mut signal = |what: &str| blueprint.signal(&format!("{name}.{what}"), hosts);
        let [agents, alert, suspect] = ["agents", "alert", "suspect"].map(&mut signal);
        let [recovered, fencing, fenced] = ["recovered", "fencing", "fenced"].map(&mut signal);
        let stranded = signal("stranded");
        let signals = Signals {
            agents,
            alert,
            suspect,
            recovered,
            fencing,
            fenced,
            stranded,
            running: blueprint.level(&format!("{name}.running"), total),
            waiting: blueprint.level(&format!("{name}.waiting"), total),
        };
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{what}"));
        let (sound, checking) = (set("sound"), set("checking"));
        let (resetting, investigating) = (set("resetting"), set("investigating"));
        let nodes = blueprint.nodes();
        let own = Own {
            sound,
            checking,
            resetting,
            investigating,
            ha: blueprint.counters(nodes),
            plain: blueprint.counters(nodes),
            ha_down: blueprint.counters(nodes),
            plain_down: blueprint.counters(nodes),
            queue: blueprint.counter(),
        };
        let mut timers =
            |what: &str| blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Reaction);
        let (host, owner) = (timers("host_ha"), timers("owner"));
        Ok(Cloudstack {
            name: name.to_owned(),
            hosts,
            settings,
            management: OptionalSet::read(site, "management", hosts)?,
            storage: OptionalSet::read(site, "storage", hosts)?,
            primary: OptionalSet::read(site, "primary_storage", hosts)?,
            oobm: OptionalSet::read(site, "oobm", hosts)?,
            world: site.signals,
            signals,
            own,
            timers: CloudTimers {
                host,
                owner,
                restart: blueprint.timer(name, "restart", TimerClass::Reaction),
            },
        })
    }

    /// Hosts that run and that clients, and so management, reach.
    fn reachable(&self, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.world.running) & step.get(self.world.clients) & self.hosts
    }

    /// Hosts on which machines can work.
    fn sound(&self, step: &Step<'_, W>) -> NodeSet<W> {
        if self.primary.value(step).is_empty() {
            return NodeSet::EMPTY;
        }
        step.get(self.world.running) & self.storage.value(step) & self.hosts
    }

    fn is_managed(&self, step: &Step<'_, W>) -> bool {
        !self.management.value(step).is_empty()
    }

    /// Hosts whose BMC answers: it has the power of its machine.
    fn answers(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let powered = step.get(self.world.powered) - step.get(self.world.unplugged);
        self.oobm.value(step) & powered & self.hosts
    }

    fn lay_out(&self, step: &mut Step<'_, W>) {
        step.put(self.signals.agents, self.reachable(step));
        step.put_private(self.own.sound, self.sound(step));
        for host in self.hosts {
            step.set_count(self.own.ha.at(host), self.settings.ha_vms);
            step.set_count(self.own.plain.at(host), self.settings.plain_vms);
        }
        self.publish(step);
    }

    fn publish(&self, step: &mut Step<'_, W>) {
        let sound = self.sound(step);
        let on = |host: Node, step: &Step<'_, W>| {
            step.count(self.own.ha.at(host)) + step.count(self.own.plain.at(host))
        };
        let running = sound.iter().map(|host| on(host, step)).sum();
        step.put_level(self.signals.running, running);
        let waiting = step.count(self.own.queue);
        step.put_level(self.signals.waiting, waiting);
        let down = |host: &Node| step.count(self.own.ha_down.at(*host)) > 0;
        let stranded: NodeSet<W> = self.hosts.iter().filter(down).collect();
        step.put(self.signals.stranded, stranded);
    }

    fn settle(&self, step: &mut Step<'_, W>) {
        self.follow_machines(step);
        self.follow_hosts(step);
        self.follow_queue(step);
        self.publish(step);
    }
}

impl<const W: usize> Protocol<W> for Cloudstack<W> {
    fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        self.management.link(resolve)?;
        self.storage.link(resolve)?;
        self.primary.link(resolve)?;
        self.oobm.link(resolve)
    }

    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}

impl<const W: usize> Automaton<W> for Cloudstack<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = vec![
            self.world.running,
            self.world.clients,
            self.world.powered,
            self.world.unplugged,
        ];
        self.management.signals(&mut reads);
        self.storage.signals(&mut reads);
        self.primary.signals(&mut reads);
        self.oobm.signals(&mut reads);
        reads
    }

    fn commands(&self) -> Vec<&str> {
        vec!["node"]
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    // What management and storage depend on may itself still be finding its state.
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
        if let Some(host) = self.timers.host.node(timer) {
            self.advance(host, step);
        } else if let Some(host) = self.timers.owner.node(timer) {
            self.owner_starts(host, step);
        } else if timer == self.timers.restart {
            self.restart(step);
        }
        self.settle(step);
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        let Some((action, nodes)) = command.action_for(&self.name) else {
            return;
        };
        let nodes = if nodes.is_empty() { self.hosts } else { nodes & self.hosts };
        match action {
            "down" => {
                for host in nodes - self.reachable(step) {
                    self.give_away(host, step);
                }
            }
            "power_on" => self.power_on(nodes & step.get(self.signals.fenced), step),
            _ => return,
        }
        step.mark(Mark::Restore);
        self.settle(step);
    }

    fn actions(&self) -> &[&'static str] {
        &ACTIONS
    }
}
