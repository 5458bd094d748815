//! One file for each real system. Its doc comment is its specification, with
//! sources; its numbers stand in `models/`, each with its own.
//!
//! **To add a protocol**: write `protocol/NAME.rs` with a type that implements
//! [`Protocol`] (and [`Automaton`]), write `models/NAME.toml`, and add one line
//! to the table below.

use crate::automaton::evaluate::{Groups, Set};
use crate::automaton::{Automaton, Blueprint, Node, NodeSet};
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::parameters::{LocatedSet, Parameters, in_expression};
use crate::scenario::{Files, Group};
use crate::world::WorldSignals;
use crate::world::process::ProcessSignals;
use membership::Membership;

pub mod by_node;
pub mod membership;
pub mod optional_set;

/// The protocols: name, file, type. One line each.
macro_rules! protocols {
    ($($kind:literal => $module:ident :: $type:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// Every kind of protocol with the text of its parameter file.
        pub const CATALOGUE: &[(&str, &str)] = &[
            $(($kind, include_str!(concat!("../../models/", $kind, ".toml")))),*
        ];

        /// Builds a protocol instance of the given kind.
        pub fn build<const W: usize>(
            kind: &str,
            site: &Site<'_>,
            blueprint: &mut Blueprint<W>,
        ) -> Result<Box<dyn Protocol<W>>> {
            match kind {
                $($kind => Ok(Box::new($module::$type::<W>::new(site, blueprint)?)),)*
                _ => Err(ScenarioError::at(
                    site.parameters.origin(),
                    format!("there is no protocol `{kind}`"),
                    "unknown protocol",
                )),
            }
        }
    };
}

protocols! {
    "cloudstack" => cloudstack::Cloudstack,
    "copysets" => copysets::Copysets,
    "corosync" => corosync::Corosync,
    "drbd" => drbd::Drbd,
    "dynamic_voting" => dynamic_voting::DynamicVoting,
    "galera" => galera::Galera,
    "gluster" => gluster::Gluster,
    "haproxy" => haproxy::Haproxy,
    "keepalived" => keepalived::Keepalived,
    "mariadb_replication" => mariadb_replication::MariadbReplication,
    "pacemaker" => pacemaker::Pacemaker,
    "prometheus" => prometheus::Prometheus,
    "raft" => raft::Raft,
    "redis_cluster" => redis_cluster::RedisCluster,
    "redis_sentinel" => redis_sentinel::RedisSentinel,
    "resync" => resync::Resync,
    "slurm" => slurm::Slurm,
    "standby" => standby::Standby,
}

/// Looks up a set expression of the scenario.
pub type Resolver<'a, const W: usize> = dyn Fn(&LocatedSet) -> Result<Set<W>> + 'a;

/// An automaton that models a real system.
pub trait Protocol<const W: usize>: Automaton<W> {
    /// Looks up the set expressions among the parameters. Called once, when all
    /// signals of the scenario have their names.
    fn link(&mut self, _resolve: &Resolver<'_, W>) -> Result<()> {
        Ok(())
    }

    /// What it tells others of who is there, if that is its business.
    fn membership(&self) -> Option<Membership> {
        None
    }

    /// The protocol as a plain automaton.
    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>>;
}

/// Where a protocol instance is set up.
pub struct Site<'a> {
    /// The name of the instance; its signals begin with it.
    pub name: &'a str,
    /// Its nodes in the order in which the scenario lists them.
    pub nodes: Vec<Node>,
    /// Its parameters.
    pub parameters: &'a Parameters,
    /// The signals of the world.
    pub signals: WorldSignals,
    /// The processes of the scenario by name.
    pub processes: Vec<(&'a str, ProcessSignals)>,
    /// The membership services that come before it in the scenario, by name.
    pub memberships: Vec<(&'a str, Membership)>,
    /// The groups of nodes, for parameters that name nodes.
    pub groups: &'a [Group],
    /// Finds files that distributions name.
    pub files: &'a dyn Files,
}

impl Site<'_> {
    /// The nodes that the set expression in a parameter names: nodes and groups
    /// only, because what is registered for each of them must be known now.
    pub fn fixed_nodes<const W: usize>(
        &self,
        path: &str,
        blueprint: &Blueprint<W>,
    ) -> Result<NodeSet<W>> {
        let Some(located) = self.parameters.set(path)? else {
            return Err(self
                .parameters
                .error(path, format!("`{path}` must name nodes or groups")));
        };
        let groups = Groups {
            groups: self
                .groups
                .iter()
                .map(|group| {
                    (
                        group.name.clone(),
                        group.members.iter().map(|&i| Node(i as u16)).collect(),
                    )
                })
                .collect(),
            votes: Vec::new(),
        };
        let set = Set::compile(&located.expression, blueprint, &groups)
            .map_err(|e| in_expression(&located.origin, &e.span, e.message, e.help))?;
        let mut signals = Vec::new();
        set.signals(&mut signals);
        // Without signals the value is the same in every state.
        let nodes = set.value(&blueprint.blank_state());
        if !signals.is_empty() || nodes.is_empty() {
            return Err(self
                .parameters
                .error(path, format!("`{path}` must name nodes or groups"))
                .help("signals change, so they cannot say what is registered once and for all"));
        }
        Ok(nodes)
    }

    /// The members as a set.
    pub fn members<const W: usize>(&self) -> NodeSet<W> {
        self.nodes.iter().copied().collect()
    }

    /// The membership service that the parameter `path` names.
    pub fn membership(&self, path: &str) -> Result<Membership> {
        let name = self.parameters.text(path)?;
        let found = self.memberships.iter().find(|(known, _)| *known == name);
        found.map(|(_, membership)| *membership).ok_or_else(|| {
            let message = format!("`{}` needs a membership service `{name}`", self.name);
            self.parameters.error(path, message).help(format!(
                "add [protocol.{name}] with kind = \"corosync\" before it, or name another one with {path} = \"...\""
            ))
        })
    }

    /// The signals of the process that the parameter `path` names.
    pub fn process(&self, path: &str) -> Result<ProcessSignals> {
        let name = self.parameters.text(path)?;
        self.processes
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, signals)| *signals)
            .ok_or_else(|| {
                self.parameters
                    .error(path, format!("`{}` needs a process `{name}`", self.name))
                    .maybe_help(Some(format!(
                        "add [process.{name}], or name another process with {path} = \"...\""
                    )))
            })
    }
}
