//! The parameters of an instance, read and checked.

use crate::automaton::{Blueprint, Delay, Nanos};
use crate::protocol::Site;
use crate::scenario::error::Result;

/// The most that a backup waits between two heartbeats of its own (SS heartbeat.c).
const LONGEST_BEAT: u64 = 30;
/// A fresh backup sleeps 5 s and then 1 s before its first ping (SS run_backup).
pub const FIRST_PING: Nanos = Nanos(6 * Nanos::SECOND.0);

/// What slurm.conf says, and what the lab saw.
pub struct Settings {
    pub timeout: Nanos,
    /// From one ping of a backup to the next.
    pub ping: Nanos,
    /// From one heartbeat in the state folder to the next.
    pub beat: Nanos,
    pub slurmd_timeout: Nanos,
    pub message_timeout: Nanos,
    pub tcp_timeout: Nanos,
    /// What a controller that asks for control waits for somebody who accepts and is mute.
    pub control_timeout: Nanos,
    pub return_to_service: i64,
    pub refuse_unreadable: bool,
    /// The chance to hang at the 1st, 2nd ... give-back, given that it has not yet.
    pub hang: Vec<f64>,
    pub patience: Delay,
    pub start: Delay,
    pub control: Delay,
    pub takeover: Delay,
    pub purge: Delay,
}

impl Settings {
    pub fn read<const W: usize>(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Settings> {
        let p = site.parameters;
        let timeout = p.positive_duration("slurmctld_timeout")?;
        if !timeout.0.is_multiple_of(Nanos::SECOND.0) {
            return Err(p
                .error(
                    "slurmctld_timeout",
                    "SlurmctldTimeout counts in whole seconds",
                )
                .help("write \"10s\", \"120s\" ..."));
        }
        let seconds = timeout.0 / Nanos::SECOND.0;
        let whole = |seconds: u64| Nanos::SECOND.times(seconds.max(1));
        let message_timeout = p.positive_duration("message_timeout")?;
        let half = Nanos(message_timeout.0 / 2);
        let mut delay = |path: &str| -> Result<Delay> {
            Ok(blueprint.delay(&p.distribution(path, site.files)?))
        };
        Ok(Settings {
            timeout,
            ping: whole(seconds / 3),
            beat: whole((seconds / 4).min(LONGEST_BEAT)),
            slurmd_timeout: p.positive_duration("slurmd_timeout")?,
            message_timeout,
            tcp_timeout: p.positive_duration("tcp_timeout")?,
            control_timeout: half.max(whole(2)).min(whole(10)),
            return_to_service: p.integer("return_to_service", 0, 2)?,
            refuse_unreadable: p
                .word("unreadable_state", &[("empty", false), ("refuse", true)])?,
            hang: hang_chances(site)?,
            patience: delay("give_back.patience")?,
            start: delay("overhead.start")?,
            control: delay("overhead.control")?,
            takeover: delay("overhead.takeover")?,
            purge: delay("overhead.purge")?,
        })
    }
}

/// From the shares of all processes to the chance of one that has come so far.
fn hang_chances(site: &Site<'_>) -> Result<Vec<f64>> {
    let p = site.parameters;
    let shares = p.weights("give_back.hangs_at")?;
    if !p.flag("give_back.may_hang")? {
        return Ok(Vec::new());
    }
    let mut left = 1.0;
    Ok(shares
        .iter()
        .map(|share| {
            let chance = if left > 1e-9 { share / left } else { 1.0 };
            left -= share;
            chance.clamp(0.0, 1.0)
        })
        .collect())
}
