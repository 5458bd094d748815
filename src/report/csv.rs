//! One row for each replication and service.

use crate::runner::RunOutcome;

/// Results of every replication, ready for a spreadsheet.
pub fn replications(designs: &[RunOutcome]) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let header = [
        "scenario",
        "fingerprint",
        "engine",
        "seed",
        "horizon_years",
        "replication",
        "service",
        "down_s",
        "failed_request_s",
        "outages",
        "events",
    ];
    let mut write = |row: &[String]| {
        writer.write_record(row).expect("memory takes every row");
    };
    write(&header.map(str::to_owned));
    for design in designs {
        for (replication, row) in design.per_replication.iter().enumerate() {
            for ((service, _), (down, failed, outages)) in design.services.iter().zip(&row.services)
            {
                write(&[
                    design.scenario.clone(),
                    design.fingerprint.clone(),
                    design.engine.to_owned(),
                    design.seed.to_string(),
                    design.horizon_years.to_string(),
                    replication.to_string(),
                    service.clone(),
                    down.to_string(),
                    failed.to_string(),
                    outages.to_string(),
                    row.events.to_string(),
                ]);
            }
        }
    }
    let bytes = writer.into_inner().expect("memory takes every row");
    String::from_utf8(bytes).expect("names and numbers are text")
}
