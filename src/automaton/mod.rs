//! The words that every part of a model speaks: sets of nodes, named timers,
//! delays, and the [`Automaton`] trait.
//!
//! An automaton holds no clock and draws no random number. It reads and writes
//! node sets and small counters in a shared [`State`], arms and cancels named
//! timers, and asks for a weighted choice where chance decides at once. The
//! readers in `engine` give meaning to time and chance.

pub mod blueprint;
pub mod command;
pub mod delay;
pub mod distribution;
pub mod evaluate;
pub mod fnv;
mod hazard;
pub mod logarithm;
pub mod nanos;
pub mod node_set;
pub mod state;
pub mod step;

pub use blueprint::{Blueprint, Owner, StreamId, Timer, TimerClass, Timers};
pub use command::{Command, KillTarget, NodeCommand, ProcessCommand};
pub use delay::{Delay, DistributionId};
pub use distribution::Distribution;
pub use nanos::Nanos;
pub use node_set::{MAX_NODES, Node, NodeSet};
pub use state::{Counter, Counters, Level, SetId, Sets, State};
pub use step::{Disturbance, Interest, Mark, Reader, Step};

/// One small machine of the model: a system (the VIP, a Galera cluster), a part
/// of the world (the nodes, the network), or an operator.
///
/// The contract that every reader relies on:
/// * the outcome of a call depends on the state, the cause and the answers of
///   [`Step::choose`] alone;
/// * `react` may be called when nothing of interest has changed, and must then
///   do nothing;
/// * a timer that fires is no longer armed.
pub trait Automaton<const W: usize>: Send + Sync {
    /// The name that reports and error messages use, e.g. `galera`.
    fn name(&self) -> &str;

    /// The sets whose change makes the model call [`Automaton::react`].
    fn reads(&self) -> Vec<SetId>;

    /// The sets that this automaton writes although another one registered them.
    fn writes(&self) -> Vec<SetId> {
        Vec::new()
    }

    /// The names of the automata that have to hear the orders that this one gives.
    fn commands(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Sets the initial state: everything has been running for a long time.
    /// Automata begin in the order in which the model lists them, the world first.
    fn begin(&self, step: &mut Step<'_, W>);

    /// A set that this automaton reads has changed before all had begun: the state of
    /// those that it depends on has only now been laid out.
    fn begin_again(&self, step: &mut Step<'_, W>) {
        self.react(step);
    }

    /// All have begun and come to rest: the time to arm what depends on others.
    fn begun(&self, _step: &mut Step<'_, W>) {}

    /// A set that this automaton reads has changed.
    fn react(&self, step: &mut Step<'_, W>);

    /// One of this automaton's own timers has run out.
    fn fire(&self, timer: Timer, step: &mut Step<'_, W>);

    /// Somebody (a fault script, an operator) gives an order. Every automaton
    /// hears every command and ignores what is not meant for it.
    fn obey(&self, _command: &Command<W>, _step: &mut Step<'_, W>) {}

    /// The operator actions that this automaton understands, e.g. `bootstrap`.
    fn actions(&self) -> &[&'static str] {
        &[]
    }

    /// What orders to processes reach besides the processes of the scenario, and where,
    /// e.g. the resources of a cluster manager.
    fn processes(&self) -> Vec<(String, NodeSet<W>)> {
        Vec::new()
    }
}
