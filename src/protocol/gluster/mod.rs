//! GlusterFS 10: one replicated volume, a brick on each member, FUSE mounts.
//!
//! # Specification
//!
//! Sources: the program's code (xlators/cluster/afr, rpc/rpc-lib; v10.3), its option
//! texts, and this project's measurements of GlusterFS 10.3 on Debian 12
//! (`tests/data/measured/gluster.csv`). The numbers stand in `models/gluster.toml`.
//! Parameters are named as the options are, with `_` for `-`.
//!
//! **No view, no agreement.** Each client judges from its own connections to the
//! bricks, and each finds out for itself (`connection`).
//!
//! **Quorum** (`settings`; `afr_has_quorum`). `auto`: more than half of the bricks, or
//! exactly half with brick 1, the first member in the order of `on`. `none`: one
//! brick. `fixed`: cluster.quorum_count. `default` is `auto` with more than two
//! bricks and `none` below, although `volume get` prints "none (DEFAULT)" (M). Without
//! quorum a client gets ENOTCONN at once for everything: **reads and `ls` too** (S
//! `afr_read_txn`; M). So two of four survivors work if brick 1 is one of them, and
//! else do nothing; one of four never does, with its data intact.
//!
//! **Silence** (`rpc-clnt-ping.c`): a ping goes out every T = network.ping_timeout and
//! has T to be answered. Where a brick falls silent (power, link, a frozen process)
//! every operation of a client hangs until that client gives the brick up, T to
//! 2T after the silence, each client in its own phase; new requests do not stretch it
//! (M). Where only the process dies, the kernel says so and nothing hangs.
//! A silent brick that answers again before that is not given up. A machine that is
//! shut down in order is silent too (assumed: Debian's units leave the bricks to the
//! last moment, glusterfs issue 1767), unless its brick is stopped first.
//!
//! **Return.** A client connects again after `connect.link` where brick and mount have
//! run on, `connect.boot` after the start of a brick on a node that was down,
//! `connect.restart` after one on a node that was up. Who had given a silent brick up
//! hangs once more: `return_stall.link` for the locks of the old connection,
//! `return_stall.boot` if the brick is a new process. A new mount connects to all
//! bricks together after `connect.mount`.
//!
//! **Copies** (`copies`). While a client writes (`writes`), the bricks that it sees
//! accuse those that it does not see. An accused brick serves as before, and is
//! healed when it works, every connected client sees it, and a brick that nobody
//! accuses is there: after `heal.boot` or `heal.restart` by the crawl that the start
//! of a brick sets off. After a mere link cut that crawl leaves something behind
//! with the chance `heal.missed`, and the next one comes after cluster.heal_timeout.
//! If every brick is accused, two sides have written: a **split brain**, which
//! quorum `auto` cannot have, because any two quorums share a brick. It stays until
//! an operator does `resolve_split_brain`.
//!
//! **Server quorum** (`peers`; off by default): a glusterd that sees fewer than
//! cluster.server_quorum_ratio per cent of the bricks' nodes stops its own brick
//! after `server_quorum.notice`, and starts it when they are back.
//!
//! # Signals
//!
//! By client: `writable` (a write, create or rename completes now: quorum, and no
//! stall), `readable` (a lookup, open or `ls` does: the same rule, hence the same
//! set), `open_reads` (so does reading a file that is already open: quorum, and the
//! local brick answers, or no stall), `connected` (quorum as the client sees it),
//! `stalled` (connected, and operations hang; a mount that is not connected gets
//! ENOTCONN). By brick: `bricks` (works), `seen` (every connected client has a
//! connection to it, as it believes), `healing` (works with something to heal),
//! `healthy` (works, nothing to heal), `split_brain` (accuse each other, and nobody
//! is above suspicion). A split brain concerns the files that both sides wrote: one
//! side goes on reading its own version, the other gets EIO (M). The model does not
//! know files, so `readable` and `writable` stay; a service that needs every file says
//! `gluster.readable - gluster.split_brain`.
//!
//! # Not modelled
//!
//! Distribution, arbiters, NFS and Samba gateways, snapshots, full disks; files: how
//! much there is to heal, a client that sees no good copy of some file (EIO), locks
//! that a dead client holds; cluster.quorum-type changed while the volume runs (M: back
//! to auto after a split brain, the entries in split brain fell from 22 to 2: the
//! self-heal daemon had picked a side, and acknowledged writes of the other were gone
//! without a message); a disk that was replaced, with everything to copy; clients'
//! phases in step with each other because they all connected in the same
//! instant, as in the lab; TCP's retransmission interval when a link is back before
//! anybody gave up; glusterd apart from its brick; a brick that stops and starts
//! in one instant.

mod connection;
mod copies;
mod peers;
mod settings;

use super::{Protocol, Site};
use crate::automaton::{
    Automaton, Blueprint, Command, Node, NodeSet, SetId, Sets, Step, Timer, TimerClass, Timers,
};
use crate::scenario::error::Result;
use crate::world::WorldSignals;
use crate::world::process::ProcessSignals;
use settings::Settings;

/// A replicated volume and its clients.
pub struct Gluster<const W: usize> {
    name: String,
    /// In the order of the volume: the first breaks ties.
    bricks: Vec<Node>,
    all_bricks: NodeSet<W>,
    /// The place of each node among the bricks.
    place: Vec<usize>,
    clients: Vec<Client>,
    brick: ProcessSignals,
    mount: Option<ProcessSignals>,
    world: WorldSignals,
    settings: Settings,
    known: Known,
    timers: AllTimers,
    first_link: Timer,
    signals: Signals,
}

/// What one mount knows of the bricks.
struct Client {
    node: Node,
    /// Bricks whose node it exchanges packets with, and those that answer.
    path: SetId,
    answers: SetId,
    /// Connected, as it believes.
    linked: SetId,
    /// Of these, those that do not answer.
    silent: SetId,
    /// Bricks whose process has ended since it was connected to them.
    stale: SetId,
    /// Bricks that it lost in silence and does not have back.
    quiet: SetId,
}

struct Known {
    /// Bricks whose process exists, as seen at the last reaction.
    present: SetId,
    /// Bricks whose last end came with that of their node.
    dark: SetId,
    /// Bricks that clients have lost and found as the same process.
    same_process: SetId,
    /// Bricks that glusterd keeps down for want of peers, and nodes last seen up.
    held: SetId,
    seen_up: SetId,
    /// Clients with a mount, that execute, that wait for their first connections,
    /// and that hang after a return.
    mounted: SetId,
    awake: SetId,
    starting: SetId,
    settling: SetId,
    /// Whom the copy on each brick accuses of having missed writes.
    accuses: Sets,
    accused: SetId,
    /// Bricks whose healing is under way.
    mending: SetId,
}

struct AllTimers {
    mount: Timers,
    settle: Timers,
    heal: Timers,
    peers: Timers,
}

struct Signals {
    writable: SetId,
    readable: SetId,
    open_reads: SetId,
    connected: SetId,
    stalled: SetId,
    bricks: SetId,
    seen: SetId,
    healing: SetId,
    healthy: SetId,
    split_brain: SetId,
}

impl<const W: usize> Gluster<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let name = site.name;
        let brick = site.process("process")?;
        let all_bricks = site.members::<W>();
        require_process(site, "process", brick, all_bricks, blueprint)?;
        let clients = match site.parameters.set("clients")? {
            None => all_bricks,
            Some(_) => site.fixed_nodes("clients", blueprint)?,
        };
        let mount = match site.parameters.text("mount")? {
            "" => None,
            _ => Some(site.process("mount")?),
        };
        if let Some(mount) = mount {
            require_process(site, "mount", mount, clients, blueprint)?;
        }
        let mut place = vec![0; blueprint.nodes()];
        for (index, node) in site.nodes.iter().enumerate() {
            place[node.index()] = index;
        }
        let settings = Settings::new(site, blueprint, site.nodes.len())?;
        let timers = AllTimers::register(name, blueprint);
        let first_link = register_links(name, clients, &site.nodes, blueprint);
        Ok(Gluster {
            name: name.to_owned(),
            bricks: site.nodes.clone(),
            all_bricks,
            place,
            clients: clients
                .iter()
                .map(|node| Client::register(node, name, blueprint))
                .collect(),
            brick,
            mount,
            world: site.signals,
            settings,
            known: Known::register(name, blueprint),
            // Members and clients are never empty.
            first_link: first_link.unwrap_or(timers.mount.nth(0)),
            timers,
            signals: Signals::register(name, clients, all_bricks, blueprint),
        })
    }

    /// The bricks that serve.
    fn working(&self, step: &Step<'_, W>) -> NodeSet<W> {
        (self.all_bricks & step.get(self.brick.works)) - step.get(self.known.held)
    }

    fn is_mounted(&self, client: Node, step: &Step<'_, W>) -> bool {
        let exists = self.mount.map_or(self.world.up, |mount| mount.present);
        step.has(exists, client)
    }

    fn is_awake(&self, client: Node, step: &Step<'_, W>) -> bool {
        let works = self.mount.map_or(self.world.running, |mount| mount.works);
        step.has(works, client)
    }

    /// Follows the world; true where something has changed.
    fn observe(&self, step: &mut Step<'_, W>) -> bool {
        self.watch_peers(step);
        let present = (self.all_bricks & step.get(self.brick.present)) - step.get(self.known.held);
        let before = step.get(self.known.present);
        let ended = before - present;
        step.put(self.known.present, present);
        if !ended.is_empty() {
            let dark = ended - step.get(self.world.up);
            step.put(
                self.known.dark,
                (step.get(self.known.dark) - ended) | dark,
            );
        }
        let bricks = self.look_at_bricks(step);
        let mut changed = bricks.working != step.get(self.signals.bricks);
        // Whom a copy can be healed from is a matter of paths between bricks.
        changed |= !step.get(self.known.accused).is_empty();
        for client in 0..self.clients.len() {
            changed |= self.follow_client(client, bricks, ended, step);
        }
        changed
    }

    /// Everything that follows from a change of connections or copies.
    fn follow_up(&self, step: &mut Step<'_, W>) {
        self.publish(step);
        self.note_writes(step);
        self.tend_copies(step);
    }

    fn publish(&self, step: &mut Step<'_, W>) {
        let awake = step.get(self.known.awake);
        let settling = step.get(self.known.settling);
        let first = self.bricks[0];
        let (mut connected, mut seen) = (NodeSet::EMPTY, self.all_bricks);
        let (mut stalled, mut open_reads) = (settling, NodeSet::EMPTY);
        for c in self.clients.iter().filter(|c| awake.contains(c.node)) {
            let (linked, silent) = (step.get(c.linked), step.get(c.silent));
            if !self.settings.quorum.holds(linked, first, self.bricks.len()) {
                continue;
            }
            connected.insert(c.node);
            seen &= linked;
            if !silent.is_empty() {
                stalled.insert(c.node);
            }
            if (linked - silent).contains(c.node) || !stalled.contains(c.node) {
                open_reads.insert(c.node);
            }
        }
        let s = &self.signals;
        step.put(s.connected, connected);
        step.put(s.stalled, connected & stalled);
        step.put(s.writable, connected - stalled);
        step.put(s.readable, connected - stalled);
        step.put(s.open_reads, open_reads);
        step.put(
            s.seen,
            if connected.is_empty() { NodeSet::EMPTY } else { seen },
        );
    }
}

/// The members need the process that a parameter names.
fn require_process<const W: usize>(
    site: &Site<'_>,
    path: &str,
    process: ProcessSignals,
    nodes: NodeSet<W>,
    blueprint: &Blueprint<W>,
) -> Result<()> {
    let domain = blueprint.set_info(process.works).domain;
    let Some(node) = (nodes - domain).first() else {
        return Ok(());
    };
    let (node, name) = (blueprint.node_name(node), site.parameters.text(path)?);
    let message = format!("`{}` needs `{name}` on `{node}`, where it is not", site.name);
    Err(site.parameters.error(path, message))
}

/// A row of timers, by client and brick; the first of them. The stream of each
/// belongs to its brick, so that designs of different size can be compared.
fn register_links<const W: usize>(
    name: &str,
    clients: NodeSet<W>,
    bricks: &[Node],
    blueprint: &mut Blueprint<W>,
) -> Option<Timer> {
    let mut first = None;
    for client in clients {
        let client = blueprint.node_name(client).to_owned();
        for brick in bricks {
            let brick = blueprint.node_name(*brick).to_owned();
            let purpose = format!("{name}.link_of.{client}");
            let timer = blueprint.timer(&brick, &purpose, TimerClass::Reaction);
            first.get_or_insert(timer);
        }
    }
    first
}

impl Client {
    fn register<const W: usize>(node: Node, name: &str, blueprint: &mut Blueprint<W>) -> Self {
        let client = blueprint.node_name(node).to_owned();
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{client}.{what}"));
        Client {
            node,
            path: set("path"),
            answers: set("answers"),
            linked: set("linked"),
            silent: set("silent"),
            stale: set("stale"),
            quiet: set("quiet"),
        }
    }
}

impl Known {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> Self {
        let mut set = |what: &str| blueprint.private_set(&format!("{name}.{what}"));
        Known {
            present: set("present"),
            dark: set("dark"),
            same_process: set("same_process"),
            held: set("held"),
            seen_up: set("seen_up"),
            mounted: set("mounted"),
            awake: set("awake"),
            starting: set("starting"),
            settling: set("settling"),
            accused: set("accused"),
            mending: set("mending"),
            accuses: blueprint.private_sets(&format!("{name}.accuses")),
        }
    }
}

impl AllTimers {
    fn register<const W: usize>(name: &str, blueprint: &mut Blueprint<W>) -> Self {
        let mut each =
            |what: &str| blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Reaction);
        AllTimers {
            mount: each("mount"),
            settle: each("settle"),
            heal: each("heal"),
            peers: each("peers"),
        }
    }
}

impl Signals {
    fn register<const W: usize>(
        name: &str,
        clients: NodeSet<W>,
        bricks: NodeSet<W>,
        blueprint: &mut Blueprint<W>,
    ) -> Self {
        let mut signal = |what: &str, domain| blueprint.signal(&format!("{name}.{what}"), domain);
        Signals {
            writable: signal("writable", clients),
            readable: signal("readable", clients),
            open_reads: signal("open_reads", clients),
            connected: signal("connected", clients),
            stalled: signal("stalled", clients),
            bricks: signal("bricks", bricks),
            seen: signal("seen", bricks),
            healing: signal("healing", bricks),
            healthy: signal("healthy", bricks),
            split_brain: signal("split_brain", bricks),
        }
    }
}

impl<const W: usize> Protocol<W> for Gluster<W> {
    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}

impl<const W: usize> Automaton<W> for Gluster<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let w = &self.world;
        let mut reads = vec![w.up, w.running, self.brick.works, self.brick.present];
        reads.extend(self.mount.iter().flat_map(|m| [m.works, m.present]));
        let clients: NodeSet<W> = self.clients.iter().map(|c| c.node).collect();
        reads.extend((clients | self.all_bricks).iter().map(|n| w.reach.at(n)));
        reads
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        let k = &self.known;
        let present = self.all_bricks & step.get(self.brick.present);
        step.put(k.present, present);
        step.put(k.seen_up, self.all_bricks & step.get(self.world.up));
        let bricks = self.look_at_bricks(step);
        for c in &self.clients {
            if !self.is_mounted(c.node, step) {
                continue;
            }
            let awake = self.is_awake(c.node, step);
            let (path, answers) = self.truth(c.node, awake, bricks, step);
            step.insert(k.mounted, c.node);
            step.assign(k.awake, c.node, awake);
            step.put(c.path, path);
            step.put(c.answers, answers);
            step.put(c.linked, answers);
            step.put(c.stale, self.all_bricks - present);
        }
        self.follow_up(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        if self.observe(step) {
            self.follow_up(step);
        }
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        let bricks = self.bricks.len();
        let pair = timer.0.wrapping_sub(self.first_link.0) as usize;
        if pair < self.clients.len() * bricks {
            self.link_expires(pair / bricks, self.bricks[pair % bricks], step);
        } else if let Some(node) = self.timers.settle.node(timer) {
            step.remove(self.known.settling, node);
        } else if let Some(node) = self.timers.heal.node(timer) {
            self.healed(node, step);
        } else if let Some(node) = self.timers.mount.node(timer) {
            if let Some(client) = self.clients.iter().position(|c| c.node == node) {
                self.mount(client, step);
            }
        } else if let Some(node) = self.timers.peers.node(timer) {
            step.insert(self.known.held, node);
            self.observe(step);
        }
        self.follow_up(step);
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        if let Some((action, nodes)) = command.action_for(&self.name) {
            self.operate(action, nodes, step);
        }
    }

    fn actions(&self) -> &[&'static str] {
        &copies::ACTIONS
    }
}
