//! Load and capacity: the document's table, queues with published answers, who
//! bears the work, the hours of the day, and backlogs.

#[path = "support/cases.rs"]
mod cases;

use quorate::engine::loss::Loss;
use quorate::protocol::CATALOGUE;
use quorate::runner::survey::{self, Question, Survey};
use quorate::runner::{self, Effort, RunOutcome, Watcher};
use quorate::scenario::{NoFiles, Scenario, read};
use std::sync::atomic::AtomicBool;

const QUESTION: Question = Question {
    most: 3,
    how: Loss::AtOnce,
    limit: None,
    seed: 1,
};

fn scenario(text: &str) -> Scenario {
    let around = read::Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &[],
    };
    let text = format!("schema = 1\nname = \"load\"\n{text}");
    read::scenario("load.toml", &text, &around)
        .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)))
}

fn survey(text: &str) -> Survey {
    survey::survey(&scenario(text), &NoFiles, &QUESTION).unwrap_or_else(|e| panic!("{e}"))
}

struct Alone(AtomicBool);

impl Watcher for Alone {
    fn progress(&self, _done: u64, _of: u64) {}
    fn stop(&self) -> &AtomicBool {
        &self.0
    }
}

fn run(text: &str) -> RunOutcome {
    let scenario = scenario(text);
    let run = &scenario.run;
    let effort = Effort {
        replications: run.replications,
        relative_error: None,
        limit: run.replications,
        horizon: run.horizon,
        warm_up: run.warm_up,
        seed: run.seed,
        confidence: run.confidence,
        max_events: run.max_events,
    };
    runner::run(&scenario, &NoFiles, &effort, &Alone(AtomicBool::new(false)))
        .unwrap_or_else(|e| panic!("{e}"))
}

fn close(got: f64, want: f64, relative: f64) {
    assert!(
        (got - want).abs() <= relative * want.abs(),
        "got {got:.15}, want {want:.15}"
    );
}

/// Four servers with a web process that never fails by chance.
const FOUR: &str = "
[[node]]
name = \"server\"
count = 4
[process.web]
";

#[test]
fn four_servers_with_a_queue_as_published() {
    // Reference case H01: Erlang C with 4 servers and 2.8 erlangs.
    let text = "
        [load]
        cores = 4
        slow = \"0s\"
        [[node]]
        name = \"server\"
        [process.web]
        [run]
        horizon = \"1y\"
        replications = 2
        [service.queue]
        up = \"any(proc.web)\"
        demand = { rate = \"2.8/s\", time = \"1s\" }
    ";
    let outcome = run(text);
    let load = outcome.services[0].1.load.as_ref().expect("a demand");
    close(load.delayed_share.estimate, 0.428_654_318_232_537, 1e-9);
    let wait = load.mean_wait_s.expect("served").estimate;
    close(wait, 0.357_211_931_860_448, 1e-9);
    let nodes = outcome.load.expect("nodes");
    close(nodes.nodes[0].1.cpu.mean.estimate, 0.7, 1e-9);
    assert_eq!(nodes.overload.estimate, 0.0);

    let survey = survey(text);
    let row = &survey.rows[0];
    close(row.cpu.mean, 0.7, 1e-12);
    close(
        row.services[0].wait_s.expect("up"),
        0.357_211_931_860_448,
        1e-12,
    );
}

#[test]
fn sharing_the_processor_delays_in_proportion_to_size() {
    // M/M/1-PS: a request of size s takes s / (1 - rho), so it is delayed by s rho / (1 - rho).
    let survey = survey(
        "
        [load]
        discipline = \"processor_sharing\"
        [[node]]
        name = \"server\"
        [process.web]
        [service.small]
        up = \"any(proc.web)\"
        demand = { rate = \"3/s\", time = \"100ms\" }
        [service.large]
        up = \"any(proc.web)\"
        demand = { rate = \"1/s\", time = \"200ms\" }
    ",
    );
    let row = &survey.rows[0];
    close(row.cpu.mean, 0.5, 1e-12);
    close(row.services[0].wait_s.expect("up"), 0.1, 1e-9);
    close(row.services[1].wait_s.expect("up"), 0.2, 1e-9);
}

#[test]
fn balanced_work_gives_the_document_its_table_but_for_the_last_figure() {
    let survey = survey(&format!(
        "{FOUR}
        [load]
        cores = 16
        documented = {{ cpu = [\"25%\", \"33%\", \"50%\", \"100%\"], memory = [0.4, 0.53, 0.8, 1.0] }}
        [service.portal]
        up = \"any(proc.web)\"
        demand = {{ rate = \"50/s\", busy = \"100% of one node\", memory = \"160% of one node\" }}"
    ));
    let cpu = [0.25, 1.0 / 3.0, 0.5, 1.0];
    let memory = [0.4, 1.6 / 3.0, 0.8, 1.6];
    assert_eq!(survey.rows.len(), 4);
    for (lost, row) in survey.rows.iter().enumerate() {
        close(row.cpu.mean, cpu[lost], 1e-12);
        close(row.cpu.worst, cpu[lost], 1e-12);
        close(row.memory.worst, memory[lost], 1e-12);
        // What fits below 80% after the loss: memory is the first to be full.
        close(row.capacity.factor, 0.8 / memory[lost], 1e-12);
        assert_eq!(row.capacity.resource, Some("memory"));
    }
    assert_eq!(survey.rows[1].choices, 4);
    assert_eq!(survey.rows[3].memory.documented, Some(1.0));
    // Erlang C with 16 cores at 16 erlangs has no equilibrium.
    assert_eq!(survey.rows[3].services[0].wait_s, Some(f64::INFINITY));
}

#[test]
fn the_holder_of_an_address_bears_all() {
    let survey = survey(
        "
        [[node]]
        name = \"server\"
        count = 3
        [process.keepalived]
        [process.web]
        [protocol.keepalived]
        kind = \"keepalived\"
        [service.portal]
        up = \"any(vip & proc.web)\"
        demand = { rate = \"50/s\", busy = 0.6 }",
    );
    for (lost, row) in survey.rows.iter().enumerate() {
        close(row.cpu.mean, 0.6 / (3 - lost) as f64, 1e-12);
        close(row.cpu.worst, 0.6, 1e-12);
        assert_eq!(row.services[0].up, row.choices);
    }
}

#[test]
fn replicated_writes_cost_on_every_copy() {
    let survey = survey(&format!(
        "{FOUR}
        [service.writes]
        up = \"any(proc.web)\"
        demand = {{ rate = \"5/s\", busy = 0.4, each = {{ on = \"proc.web\", busy = 0.1 }} }}"
    ));
    for (lost, row) in survey.rows.iter().enumerate() {
        close(row.cpu.worst, 0.4 / (4 - lost) as f64 + 0.1, 1e-12);
    }
}

#[test]
fn base_load_does_not_grow_with_the_demand() {
    let survey = survey(&format!(
        "{FOUR}
        [load]
        limit = \"70%\"
        base = [{{ on = \"node.up\", busy = \"10% of one node\" }}]
        day = {{ shape = \"hours\", peak = 2, from = \"8h\", to = \"16h\" }}
        [service.pages]
        up = \"any(proc.web)\"
        demand = {{ rate = \"5/s\", busy = 0.8 }}"
    ));
    let row = &survey.rows[1];
    close(row.cpu.mean, 0.8 / 3.0 + 0.1, 1e-12);
    close(row.cpu.peak_worst, 2.0 * 0.8 / 3.0 + 0.1, 1e-12);
    // In the busiest hour 0.6 of each node is left for a demand of 1.6 nodes.
    close(row.capacity.factor, 0.6 * 3.0 / 1.6, 1e-12);
    assert_eq!(survey.peak_factor, 2.0);
}

#[test]
fn all_demands_can_be_scaled() {
    let design = |scale: &str| {
        scenario(&format!(
            "node = [ {{ name = \"s\", count = 2 }} ]\n[load]\n{scale}\nbase = [{{ on = \"node.up\", \
             busy = \"5% of one node\" }}]\n[service.web]\nup = \"any(node.up)\"\ndemand = {{ rate = \"40/s\", \
             busy = \"30% of one node\", memory = \"10% of one node\", \
             each = {{ on = \"node.up\", busy = \"2% of one node\" }} }}\n"
        ))
    };
    for scale in ["scale = 1.5", "scale = \"150%\""] {
        let scaled = design(scale);
        let demand = scaled.services[0].demand.as_ref().expect("a demand");
        let (_, each) = demand.each.as_ref().expect("the work of each");
        close(demand.rate_per_s, 60.0, 1e-12);
        close(demand.work.cpu, 0.45, 1e-12);
        close(demand.work.memory, 0.15, 1e-12);
        close(each.cpu, 0.03, 1e-12);
        close(scaled.load.base[0].1.cpu, 0.05, 1e-12);
    }
}

#[test]
fn a_service_that_nobody_takes_has_no_capacity() {
    let survey = survey(&format!(
        "{FOUR}
        [service.pages]
        up = \"any(proc.web & {{server1}})\"
        demand = {{ rate = \"5/s\", busy = 0.5 }}"
    ));
    close(survey.rows[0].capacity.factor, 1.6, 1e-12);
    assert_eq!(survey.rows.len(), 1, "only server1 can bear it");
}

#[test]
fn the_hours_of_the_day_are_the_clock_s() {
    // Overloaded for 8 hours of each day: 2.4 times the mean of 0.5, then 0.3 times. The
    // backlog of 8 h x 0.2 of capacity drains within the next hours at 0.85 of capacity.
    let outcome = run("
        [run]
        horizon = \"40d\"
        replications = 2
        [load]
        day = { shape = \"hours\", peak = 2.4, from = \"8h\", to = \"16h\" }
        [[node]]
        name = \"server\"
        [process.web]
        [service.jobs]
        up = \"any(proc.web)\"
        demand = { rate = \"10/s\", busy = 0.5 }");
    let nodes = outcome.load.expect("nodes");
    close(nodes.overload.estimate, 1.0 / 3.0, 1e-9);
    close(nodes.nodes[0].1.cpu.mean.estimate, 0.5, 1e-9);
    close(nodes.nodes[0].1.cpu.peak, 1.2, 1e-12);
    let load = outcome.services[0].1.load.as_ref().expect("a demand");
    assert_eq!(load.failed_requests_per_year.estimate, 0.0);
    let troubles = load.queued_per_outage.expect("one a day");
    assert_eq!(troubles.count, 2 * 40);
    // 24/s come and 20/s are served for 8 h.
    close(troubles.max, 4.0 * 8.0 * 3600.0, 1e-6);
    let drain_s = troubles.max / (20.0 - 3.0);
    // Outside the backlog M/M/1 at 15% delays few requests for more than a second.
    let delayed = 24.0 * 8.0 * 3600.0 + 3.0 * drain_s;
    close(
        load.delayed_per_outage.expect("one a day").mean,
        delayed,
        1e-6,
    );
}

#[test]
fn overload_with_limits_fails_instead_of_piling_up() {
    let with = |limits: &str| {
        run(&format!(
            "
            [run]
            horizon = \"1y\"
            replications = 2
            [[node]]
            name = \"server\"
            [process.web]
            [service.pages]
            up = \"any(proc.web)\"
            demand = {{ rate = \"10/s\", busy = 1.5, {limits} }}"
        ))
    };
    for limits in ["queue = 10000", "timeout = \"1h\""] {
        let outcome = with(limits);
        let load = outcome.services[0].1.load.as_ref().expect("a demand");
        close(load.failed_share.estimate, 1.0 / 3.0, 1e-6);
    }
    // M/M/1/1 at 1.5 erlangs: Erlang B.
    let outcome = with("queue = 0");
    let load = outcome.services[0].1.load.as_ref().expect("a demand");
    close(load.failed_share.estimate, 0.6, 1e-9);
}

#[test]
fn an_outage_fails_requests_or_lets_them_wait() {
    // A unit that crashes about every ten days and takes exactly 10 minutes to start again;
    // for the rest of the time nobody waits, because a request makes no work to speak of.
    let with = |timeout: &str| {
        run(&format!(
            "
            [run]
            horizon = \"10y\"
            replications = 20
            [[node]]
            name = \"server\"
            [process.web]
            restart = \"always\"
            restart_delay = \"0s\"
            start = \"10m\"
            failure = {{ dist = \"exponential\", mean = \"10d\" }}
            [service.pages]
            up = \"any(proc.web)\"
            demand = {{ rate = \"2/s\", busy = 0.25 {timeout} }}"
        ))
    };
    let at_once = with("");
    let load = at_once.services[0].1.load.as_ref().expect("a demand");
    let per_outage = load.failed_per_outage.expect("outages");
    close(per_outage.p50, 1200.0, 1e-3);
    assert_eq!(load.queued_per_outage.expect("outages").max, 0.0);
    let down = at_once.services[0].1.unavailability.estimate;
    close(load.failed_share.estimate, down, 1e-6);

    // With two minutes of patience the last two minutes of each outage are served late.
    let patient = with(", timeout = \"2m\"");
    let load = patient.services[0].1.load.as_ref().expect("a demand");
    close(load.failed_per_outage.expect("outages").p50, 960.0, 1e-3);
    close(load.queued_per_outage.expect("outages").p50, 240.0, 1e-3);
    // 8/s can be served and 2/s come: 40 s until the backlog is gone, in which 80 more come.
    close(load.delayed_per_outage.expect("outages").p50, 320.0, 1e-3);
}

#[test]
fn levels_of_load_are_signals() {
    // Two of four servers down: the others have 60% each, three have 40%.
    let survey = survey(&format!(
        "{FOUR}
        [load]
        levels = {{ hot = \"50%\", full = 1 }}
        [service.pages]
        up = \"any(proc.web)\"
        demand = {{ rate = \"5/s\", busy = 1.2 }}
        [service.cool]
        up = \"any(proc.web) and not any(load.hot)\"
        demand = {{ rate = \"1/s\", on = \"proc.web\" }}
        [service.bearable]
        up = \"any(proc.web) and not any(load.full)\"
        demand = {{ rate = \"1/s\", on = \"proc.web\" }}"
    ));
    let up = |lost: usize| {
        let row = &survey.rows[lost];
        row.services
            .iter()
            .map(|s| s.up == row.choices)
            .collect::<Vec<_>>()
    };
    assert_eq!(up(1), [true, true, true]);
    assert_eq!(up(2), [true, false, true]);
    assert_eq!(up(3), [true, false, false]);
}

#[test]
fn levels_follow_the_hours_of_the_day() {
    let outcome = run("
        [run]
        horizon = \"30d\"
        replications = 2
        [load]
        levels = { hot = \"50%\" }
        day = { shape = \"hours\", peak = 2, from = \"20h\", to = \"2h\" }
        [[node]]
        name = \"server\"
        [process.web]
        [service.pages]
        up = \"any(proc.web) and not any(load.hot)\"
        demand = { rate = \"10/s\", busy = 0.4, on = \"proc.web\" }");
    close(outcome.services[0].1.unavailability.estimate, 0.25, 1e-9);
    close(
        outcome.services[0].1.outages_per_year.estimate,
        365.25 * 31.0 / 30.0,
        1e-9,
    );
}

#[test]
fn the_documents_own_scenarios_give_its_table() {
    for path in [
        "scenarios/full-copy/4-node-haproxy.toml",
        "scenarios/full-copy/4-node.toml",
    ] {
        let (scenario, files) = cases::load(path, &[]);
        let survey = survey::survey(&scenario, &files, &QUESTION).unwrap_or_else(|e| panic!("{e}"));
        let cpu = [0.25, 1.0 / 3.0, 0.5, 1.0];
        let memory = [0.4, 1.6 / 3.0, 0.8, 1.6];
        for (lost, row) in survey.rows.iter().enumerate() {
            close(row.cpu.mean, cpu[lost], 1e-9);
            close(row.memory.mean, memory[lost], 1e-9);
            // As printed, but for the last figure of the memory.
            let printed = row.cpu.documented.expect("printed");
            assert!((row.cpu.mean - printed).abs() < 0.005, "{lost}: {printed}");
            let printed = row.memory.documented.expect("printed");
            assert_eq!(
                (row.memory.mean - printed).abs() < 0.005,
                lost < 3,
                "{lost}: {printed}"
            );
        }
        let worst = survey.rows[0].cpu.worst;
        if path.contains("haproxy") {
            close(worst, 0.25, 1e-9);
        } else {
            close(worst, 1.0, 1e-9);
        }
    }
}
