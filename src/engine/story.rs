//! The reader behind the story of an outage: the same replication that `simulate` plays,
//! once to find its outages, and once more to write down what led to one of them.

use super::changes::{Change, Writer};
use super::critical_path::{Trail, Wait};
use super::play::{PlayError, Player};
use crate::automaton::Nanos;
use crate::model::measure::{Condition, Service};

/// Trouble is over when every node has been up for so long: what comes sooner still
/// belongs to it, such as a member that joins again.
const CALM: Nanos = Nanos(600 * 1_000_000_000);

/// One replication of a run.
#[derive(Clone, Copy, Debug)]
pub struct Replication {
    /// The seed of the run.
    pub seed: u64,
    /// Its number.
    pub number: u64,
    /// Outages before this do not count.
    pub warm_up: Nanos,
    /// Its end.
    pub end: Nanos,
}

/// A time in which a service was not up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When the trouble began that led to it: since then some node has been down, or was a
    /// short time before; else the fault that it follows, or its own beginning.
    pub trouble: Nanos,
    /// When it began.
    pub began: Nanos,
    /// When it was over, or the replication.
    pub ended: Nanos,
    /// Was it over before the replication?
    pub is_over: bool,
}

/// The outages of a service in a replication.
pub fn outages<const W: usize>(
    player: &mut Player<'_, W>,
    service: usize,
    replication: &Replication,
) -> Result<Vec<Outage>, PlayError> {
    player.begin(replication.seed, replication.number)?;
    let service = &player.model().services()[service];
    let mut found = Vec::new();
    let mut trouble = Trouble::default();
    let mut now_out: Option<Outage> = None;
    loop {
        trouble.look(player);
        match (now_out, is_down(service, player)) {
            (None, true) => {
                let began = player.now();
                let fault = player.fault_behind().filter(|fault| *fault <= began);
                now_out = Some(Outage {
                    trouble: trouble.since.or(fault).unwrap_or(began),
                    began,
                    ended: replication.end,
                    is_over: false,
                });
            }
            (Some(outage), false) => {
                found.push(Outage {
                    ended: player.now(),
                    is_over: true,
                    ..outage
                });
                now_out = None;
            }
            _ => {}
        }
        if player.advance(replication.end).is_none() {
            break;
        }
    }
    player.failure()?;
    found.extend(now_out);
    found.retain(|outage| outage.began >= replication.warm_up && outage.ended > outage.began);
    Ok(found)
}

/// Since when something has been wrong with the nodes.
#[derive(Default)]
struct Trouble {
    since: Option<Nanos>,
    /// Since when every node has been up.
    whole: Nanos,
    is_whole: bool,
}

impl Trouble {
    fn look<const W: usize>(&mut self, player: &Player<'_, W>) {
        let now = player.now();
        if self.since.is_some() && self.is_whole && now.since(self.whole) > CALM {
            self.since = None;
        }
        let all = player.model().blueprint().all_nodes();
        let is_whole = player.state().set(player.model().node_up()) == all;
        match (self.is_whole, is_whole) {
            (false, true) => self.whole = now,
            (_, false) => self.since = self.since.or(Some(now)),
            (true, true) => {}
        }
        self.is_whole = is_whole;
    }
}

fn is_down<const W: usize>(service: &Service<W>, player: &Player<'_, W>) -> bool {
    service.read(player.state()).condition > Condition::Degraded
}

/// What an outage waited for, in the order of time; nothing where it is not over.
pub fn waits<const W: usize>(
    player: &mut Player<'_, W>,
    service: usize,
    replication: &Replication,
    outage: &Outage,
) -> Result<Vec<Wait>, PlayError> {
    player.begin(replication.seed, replication.number)?;
    while player.advance(outage.began).is_some() {}
    let service = &player.model().services()[service];
    let mut trail = Trail::default();
    let mut down = is_down(service, player);
    trail.begin(player);
    // It may come and go at the instant of its beginning.
    while trail.advance(player, replication.end) {
        match (down, is_down(service, player)) {
            (false, true) => trail.begin(player),
            (true, false) if player.now() >= outage.ended => {
                let mut waits = trail.waits(player.model());
                waits.reverse();
                return Ok(waits);
            }
            _ => {}
        }
        down = is_down(service, player);
    }
    player.failure()?;
    Ok(Vec::new())
}

/// Everything that changes from one time to another; the first changes tell how things
/// stand at the beginning.
pub fn changes<const W: usize>(
    player: &mut Player<'_, W>,
    replication: &Replication,
    from: Nanos,
    until: Nanos,
) -> Result<Vec<Change<W>>, PlayError> {
    player.begin(replication.seed, replication.number)?;
    while player.advance(from).is_some() {}
    player.failure()?;
    let mut writer = Writer::default();
    writer.write(player);
    for change in &mut writer.changes {
        change.at = from;
    }
    while player.advance(until).is_some() {
        writer.write(player);
    }
    player.failure()?;
    Ok(writer.changes)
}
