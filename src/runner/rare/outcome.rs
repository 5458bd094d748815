//! The frame of a result, which both methods fill.

use super::super::outcome::{RunOutcome, SCHEMA};
use crate::engine::streams;
use crate::runner::Effort;
use crate::scenario::Scenario;
use std::collections::BTreeMap;

/// A result without any number in it.
pub fn blank(scenario: &Scenario, effort: &Effort) -> RunOutcome {
    RunOutcome {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        scenario: scenario.name.clone(),
        nodes: scenario.nodes.len(),
        profile: scenario.profile.clone(),
        fingerprint: format!("{:016x}", scenario.fingerprint),
        engine: "rare",
        method: None,
        generator: streams::GENERATOR,
        seed: effort.seed,
        replications: 0,
        horizon_years: effort.horizon.years(),
        simulated_years: 0.0,
        events: 0,
        confidence: effort.confidence,
        interrupted: false,
        services: Vec::new(),
        maintenance: Vec::new(),
        load: None,
        tallies: BTreeMap::new(),
        tally_means: BTreeMap::new(),
        notes: Vec::new(),
        warnings: Vec::new(),
        per_replication: Vec::new(),
    }
}

/// What this engine does not look at, where the scenario has it.
pub fn not_looked_at(scenario: &Scenario) -> Vec<String> {
    let mut notes = Vec::new();
    if scenario
        .services
        .iter()
        .any(|service| service.demand.is_some())
    {
        notes.push("load is not followed; --engine simulate does".to_owned());
    }
    if !scenario.maintenances.is_empty() {
        notes.push("rounds of maintenance are not counted; --engine simulate does".to_owned());
    }
    notes
}
