//! One step of the transition function, as an automaton sees it.

use super::{
    Command, Counter, Delay, DistributionId, Level, Nanos, Node, NodeSet, SetId, State, StreamId,
    Timer,
};

/// Who wants to know when a set changes: one bit for each automaton and two for
/// each measure (service or tally).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Automata to run again.
    pub automata: u128,
    /// Services and tallies to evaluate again.
    pub measures: u64,
    /// Services to evaluate again if they are down: only then does it matter who is
    /// to blame.
    pub blames: u64,
}

/// Something the outside world does, of interest to the statistics: failover
/// latency is counted from a fault, and only where nothing came back meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Something broke or was taken away.
    Fault,
    /// Something came back: a repair, a restart, a heal, an operator.
    Restore,
}

/// Whoever reads the model gives meaning to time and chance: it samples delays
/// and draws choices, or takes them as rates, or tries each in turn.
pub trait Reader {
    /// Starts (or starts again) a timer; its delay belongs to this stream.
    fn arm(&mut self, timer: Timer, delay: Delay, stream: StreamId);
    /// The same for the commonest delay, without the detour.
    #[inline]
    fn arm_drawn(&mut self, timer: Timer, delay: DistributionId, stream: StreamId) {
        self.arm(timer, Delay::Drawn(delay), stream);
    }
    /// Stops a timer.
    fn cancel(&mut self, timer: Timer);
    /// Lets a running timer run `factor` times as fast as normal from now on: what
    /// it still has to run is divided by it. At 0 it stands still, and counts as
    /// running. A timer that is armed (again) begins at pace 1; one that does not
    /// run has no pace.
    fn pace(&mut self, timer: Timer, factor: f64);
    /// Is the timer running? One that has just fired is not.
    fn is_armed(&self, timer: Timer) -> bool;
    /// The index of one of `weights` (not all zero, none negative).
    fn choose(&mut self, stream: StreamId, weights: &[f64]) -> usize;
}

/// What a step has disturbed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disturbance {
    /// Services and tallies to be read again, one bit each.
    pub measures: u64,
    /// Services to be read again if they are down.
    pub blames: u64,
    /// All else in one word, because most of it is rare: restorations in the lower
    /// half, then the flags below, then the automaton that was still reacting.
    marks: u64,
}

const FAULT: u64 = 1 << 32;
const PLANNED: u64 = FAULT << 1;
const RUNAWAY: u64 = FAULT << 2;
const AUTOMATON: u32 = 48;

impl Disturbance {
    /// How many things have come back.
    #[inline]
    pub fn restorations(&self) -> u32 {
        self.marks as u32
    }

    /// Is there anything to say besides measures and restorations?
    #[inline]
    pub fn is_marked(&self) -> bool {
        self.marks >= FAULT
    }

    /// Has something broken or been taken away?
    #[inline]
    pub fn fault(&self) -> bool {
        self.marks & FAULT != 0
    }

    /// Is the step planned work? What it takes away then counts as no fault.
    #[inline]
    pub fn planned(&self) -> bool {
        self.marks & PLANNED != 0
    }

    /// The automaton that was still reacting when the limit was reached.
    #[inline]
    pub fn runaway(&self) -> Option<u8> {
        (self.marks & RUNAWAY != 0).then_some((self.marks >> AUTOMATON) as u8)
    }

    fn plan(&mut self) {
        self.marks |= PLANNED;
    }

    pub(crate) fn run_away(&mut self, automaton: u8) {
        self.marks |= RUNAWAY | u64::from(automaton) << AUTOMATON;
    }

    #[inline]
    fn mark(&mut self, mark: Mark) {
        match mark {
            // No fault where the flag beside it says that the step is planned.
            Mark::Fault => self.marks |= FAULT & !(self.marks >> 1),
            Mark::Restore => self.marks += 1,
        }
    }
}

/// The view that an automaton has of the state while it makes its step.
pub struct Step<'a, const W: usize> {
    state: &'a mut State<W>,
    interest: &'a [Interest],
    reader: &'a mut dyn Reader,
    /// The stream of the running automaton's choices.
    pub(crate) choice_stream: StreamId,
    /// Automata that have to react, one bit each.
    pub(crate) pending: u128,
    /// What the step has disturbed so far.
    pub(crate) disturbance: Disturbance,
    /// Orders that automata have given and nobody has heard yet; nearly every
    /// step has none.
    pub(crate) orders: Option<Vec<Command<W>>>,
}

impl<'a, const W: usize> Step<'a, W> {
    /// A fresh step; `interest` has one entry for each set of the model.
    pub fn new(
        state: &'a mut State<W>,
        interest: &'a [Interest],
        reader: &'a mut dyn Reader,
    ) -> Self {
        Step {
            state,
            interest,
            reader,
            choice_stream: StreamId::of_timer(Timer(0)),
            pending: 0,
            disturbance: Disturbance::default(),
            orders: None,
        }
    }

    /// The state as it is now.
    pub fn state(&self) -> &State<W> {
        self.state
    }

    /// The value of a node set variable.
    #[inline]
    pub fn get(&self, id: SetId) -> NodeSet<W> {
        self.state.set(id)
    }

    /// Is the node in the set?
    #[inline]
    pub fn has(&self, id: SetId, node: Node) -> bool {
        self.state.has(id, node)
    }

    /// Writes a node set variable; its readers run again if it changed.
    #[inline]
    pub fn put(&mut self, id: SetId, value: NodeSet<W>) {
        let slot = &mut self.state.sets[id.0 as usize];
        if *slot != value {
            *slot = value;
            self.has_changed(id);
        }
    }

    /// Those who read a set are to run again.
    #[inline]
    fn has_changed(&mut self, id: SetId) {
        let interest = &self.interest[id.0 as usize];
        self.pending |= interest.automata;
        self.disturbance.measures |= interest.measures;
        self.disturbance.blames |= interest.blames;
    }

    /// Writes a node set variable that nobody reads but its owner: nothing runs again.
    #[inline]
    pub fn put_private(&mut self, id: SetId, value: NodeSet<W>) {
        self.state.sets[id.0 as usize] = value;
    }

    /// Adds a node to a set that nobody reads but its owner.
    #[inline]
    pub fn insert_private(&mut self, id: SetId, node: Node) {
        self.state.sets[id.0 as usize].insert(node);
    }

    /// Takes a node out of a set that nobody reads but its owner.
    #[inline]
    pub fn remove_private(&mut self, id: SetId, node: Node) {
        self.state.sets[id.0 as usize].remove(node);
    }

    /// Adds a node to a set.
    #[inline]
    pub fn insert(&mut self, id: SetId, node: Node) {
        let slot = &mut self.state.sets[id.0 as usize];
        if !slot.contains(node) {
            slot.insert(node);
            self.has_changed(id);
        }
    }

    /// Takes a node out of a set.
    #[inline]
    pub fn remove(&mut self, id: SetId, node: Node) {
        let slot = &mut self.state.sets[id.0 as usize];
        if slot.contains(node) {
            slot.remove(node);
            self.has_changed(id);
        }
    }

    /// Puts a node into a set or takes it out.
    #[inline]
    pub fn assign(&mut self, id: SetId, node: Node, member: bool) {
        if member {
            self.insert(id, node);
        } else {
            self.remove(id, node);
        }
    }

    /// The value of a counter.
    #[inline]
    pub fn count(&self, id: Counter) -> u64 {
        self.state.counter(id)
    }

    /// Writes a counter. Nobody but its owner reads it, so nothing runs again.
    #[inline]
    pub fn set_count(&mut self, id: Counter, value: u64) {
        self.state.counters[id.0 as usize] = value;
    }

    /// The value of a level.
    #[inline]
    pub fn level(&self, level: Level) -> u64 {
        self.state.counter(level.counter)
    }

    /// Writes a level; its readers run again if it changed.
    #[inline]
    pub fn put_level(&mut self, level: Level, value: u64) {
        let slot = &mut self.state.counters[level.counter.0 as usize];
        if *slot != value {
            *slot = value;
            self.has_changed(level.changed);
        }
    }

    /// Is the timer running?
    #[inline]
    pub fn is_armed(&self, timer: Timer) -> bool {
        self.reader.is_armed(timer)
    }

    /// Starts a timer (again), with a delay drawn from the timer's own stream.
    #[inline]
    pub fn arm(&mut self, timer: Timer, delay: Delay) {
        self.arm_from(timer, &delay, StreamId::of_timer(timer));
    }

    /// Starts a timer (again), with a delay drawn from the given stream.
    #[inline]
    // The delay is only looked at: to copy it would cost as much as the call.
    pub fn arm_from(&mut self, timer: Timer, delay: &Delay, stream: StreamId) {
        match delay {
            Delay::Drawn(id) => self.reader.arm_drawn(timer, *id, stream),
            other => self.reader.arm(timer, *other, stream),
        }
    }

    /// Stops a timer; does nothing where it is not running.
    #[inline]
    pub fn cancel(&mut self, timer: Timer) {
        self.reader.cancel(timer);
    }

    /// Lets a running timer run `factor` (finite, not negative) times as fast as
    /// normal from now on, with the age that it has: 0 stands still, 1 is normal.
    /// Nothing happens where it is not running; arming it (again) ends its pace.
    pub fn pace(&mut self, timer: Timer, factor: f64) {
        self.reader.pace(timer, factor);
    }

    /// Does chance have a say? Under a fault script nothing fails by chance: a
    /// spontaneous timer, such as this one, does not even start there.
    pub fn chance_has_a_say(&mut self, spontaneous: Timer) -> bool {
        self.arm(spontaneous, Delay::Fixed(Nanos::ZERO));
        let runs = self.is_armed(spontaneous);
        self.cancel(spontaneous);
        runs
    }

    /// Tells the statistics of a fault or a return.
    #[inline]
    pub fn mark(&mut self, mark: Mark) {
        self.disturbance.mark(mark);
    }

    /// Says that all that this step takes away is taken away on purpose, as
    /// planned: the statistics of failovers count from faults.
    pub fn plan(&mut self) {
        self.disturbance.plan();
    }

    /// Gives an order, which every automaton hears before anything else happens.
    pub fn order(&mut self, command: Command<W>) {
        self.orders.get_or_insert_default().push(command);
    }

    /// Lets chance decide at once between alternatives of these weights, and
    /// returns the index of the one taken.
    pub fn choose(&mut self, weights: &[f64]) -> usize {
        self.reader.choose(self.choice_stream, weights)
    }

    /// True with the given probability (0 to 1).
    pub fn chance(&mut self, probability: f64) -> bool {
        if probability <= 0.0 {
            return false;
        }
        probability >= 1.0 || self.choose(&[probability, 1.0 - probability]) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_do_not_run_into_each_other() {
        let mut disturbance = Disturbance::default();
        disturbance.mark(Mark::Restore);
        disturbance.mark(Mark::Restore);
        assert!(!disturbance.is_marked());
        assert_eq!(disturbance.restorations(), 2);
        disturbance.mark(Mark::Fault);
        disturbance.mark(Mark::Fault);
        assert!(disturbance.is_marked() && disturbance.fault() && !disturbance.planned());
        assert_eq!(disturbance.runaway(), None);
        disturbance.run_away(127);
        assert_eq!(disturbance.runaway(), Some(127));
        assert_eq!(disturbance.restorations(), 2);
    }

    #[test]
    fn what_planned_work_takes_away_is_no_fault() {
        let mut disturbance = Disturbance::default();
        disturbance.plan();
        disturbance.mark(Mark::Fault);
        assert!(disturbance.planned() && !disturbance.fault());
        assert_eq!(disturbance.runaway(), None);
    }
}
