//! `quorate explore`: small clusters whose answers are known, and its agreement with
//! `replay`.

use quorate::engine::explore::Limits;
use quorate::model::measure::Condition;
use quorate::protocol::CATALOGUE;
use quorate::report::survivability;
use quorate::runner::explore::{self, Exploration, Question, Survival};
use quorate::runner::{RunError, Watcher};
use quorate::scenario::{NoFiles, read};
use std::sync::atomic::AtomicBool;

struct Nobody(AtomicBool);

impl Watcher for Nobody {
    fn progress(&self, _: u64, _: u64) {}
    fn stop(&self) -> &AtomicBool {
        &self.0
    }
}

fn try_explore(text: &str, question: &Question) -> Result<Exploration, RunError> {
    let around = read::Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &[],
    };
    let scenario = read::scenario("lab.toml", text, &around)
        .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)));
    explore::run(
        &scenario,
        &NoFiles,
        question,
        &Nobody(AtomicBool::new(false)),
    )
}

fn explored(text: &str) -> Exploration {
    try_explore(text, &Question::default()).expect("explored")
}

/// The worst that the service comes to after these are lost like that.
#[track_caller]
fn worst(found: &Exploration, service: &str, lost: &[&str], how: &str) -> Condition {
    row(found, lost, how).worst(service).expect("service")
}

#[track_caller]
fn row<'f>(found: &'f Exploration, lost: &[&str], how: &str) -> &'f Survival {
    (found.survivability.iter())
        .find(|row| row.lost == lost && row.how == how)
        .expect("a row")
}

fn nodes(count: usize) -> String {
    format!(
        "schema = 1\nname = \"lab\"\n[[node]]\nname = \"n\"\ncount = {count}\n\
         failure = \"1000h\"\nrepair = \"10h\"\n"
    )
}

fn galera(count: usize) -> String {
    nodes(count)
        + "[process.mariadb]\nrestart = \"on-abnormal\"\nready = \"galera.ready\"\n\
           [protocol.galera]\nkind = \"galera\"\n\
           [service.db]\nup = \"any(galera.writable & net.clients)\"\n"
}

/// Every number of the facts on how four Galera nodes go away.
#[test]
fn galera_counts_from_the_last_view() {
    let found = explored(&galera(4));
    let db = |lost: &[&str], how| worst(&found, "db", lost, how);
    for how in ["at once", "in sequence", "stopped", "cut off"] {
        assert_eq!(db(&["n2"], how), Condition::Up, "{how}");
    }
    assert_eq!(db(&["n1", "n2"], "at once"), Condition::Down);
    assert_eq!(db(&["n1", "n2"], "in sequence"), Condition::Up);
    // Two crashes are one for Galera until it has given up on the first: about 6 s.
    assert_eq!(found.windows.len(), 6);
    for window in &found.windows {
        let (shortest, longest) = (window.shortest_s, window.longest_s);
        assert!(3.0 < shortest && longest < 10.0, "{shortest} to {longest}");
    }
    assert_eq!(db(&["n1", "n2"], "cut off"), Condition::Down);
    assert_eq!(db(&["n1", "n2"], "cut off with the users"), Condition::Down);
    assert_eq!(db(&["n1", "n2", "n3"], "in sequence"), Condition::Down);
    assert_eq!(db(&["n1", "n2", "n3"], "stopped"), Condition::Up);
    assert_eq!(
        db(&["n1", "n2", "n3"], "cut off with the users"),
        Condition::Up
    );
}

/// A whole cluster that was shut down in good order waits for `galera_new_cluster`.
#[test]
fn what_a_person_has_to_mend_is_a_dead_end() {
    let found = explored(&galera(3));
    let all = ["n1", "n2", "n3"];
    let stays = |how| &row(&found, &all, how).stays_after_repair;
    assert_eq!(stays("stopped"), &[("db".to_owned(), Condition::Down)]);
    assert!(stays("at once").is_empty(), "{:?}", stays("at once"));
    assert!(
        row(&found, &["n1"], "stopped")
            .stays_after_repair
            .is_empty()
    );
}

#[test]
fn full_coverage_needs_every_master() {
    let found = explored(
        &(nodes(4)
            + "[process.redis_server]\nrestart = \"always\"\n\
               [protocol.redis]\nkind = \"redis_cluster\"\n\
               [service.sessions]\nup = \"any(redis.whole)\"\n"),
    );
    for how in ["at once", "in sequence", "stopped", "cut off"] {
        assert_eq!(
            worst(&found, "sessions", &["n3"], how),
            Condition::Down,
            "{how}"
        );
    }
    assert_eq!(found.start, [("sessions".to_owned(), Condition::Up)]);
}

/// A take-over that fails once in a hundred times is an end of its own.
#[test]
fn what_chance_decides_is_tried_in_full() {
    let found = explored(
        &(nodes(2)
            + "[coverage.entrance]\nof = \"node.up\"\nworks = 0.99\nintervenes = \"1h\"\n\
               [service.web]\nup = \"any(entrance)\"\n"),
    );
    let row = row(&found, &["n1"], "at once");
    assert!(row.exhaustive);
    let (_, ends) = &row.alternatives[0];
    let of = |condition| {
        let end = ends.iter().find(|end| end.states == [condition]);
        end.expect("an end").probability
    };
    assert!((of(Condition::Down) - 0.01).abs() < 1e-12);
    assert!((of(Condition::Up) - 0.99).abs() < 1e-12);
}

/// Weights 2, 1, 1, 1: when the heavy node goes first, half of the rest is not lost with
/// the second one.
#[test]
fn orders_that_lead_elsewhere_are_named() {
    let text = galera(4).replace(
        "kind = \"galera\"\n",
        "kind = \"galera\"\npc.weight = { n1 = 2, n2 = 1, n3 = 1, n4 = 1 }\n",
    );
    let found = explored(&text);
    let row = row(&found, &["n1", "n2"], "in sequence");
    assert_eq!(row.worst("db"), Some(Condition::Down));
    let (service, ends) = &row.alternatives[0];
    assert_eq!(service, "db");
    let of = |condition| {
        let end = ends.iter().find(|end| end.states == [condition]);
        end.expect("an end").orders.clone()
    };
    assert!(
        survivability::human(&found)
            .lines()
            .all(|line| line.chars().count() <= 100)
    );
    assert_eq!(of(Condition::Up), [["n1", "n2"]]);
    assert_eq!(of(Condition::Down), [["n2", "n1"]]);
}

/// Of four Galera nodes two at once are enough, or three one after the other.
#[test]
fn the_shortest_sequences_come_first() {
    let question = Question {
        lost: Some(1),
        ..Question::default()
    };
    let found = try_explore(&galera(4), &question).expect("explored");
    assert_eq!(found.distance, [("db".to_owned(), Some(2))]);
    let cuts = &found.minimal_cut_sequences;
    let of = |stages: &[&[&str]]| cuts.iter().filter(|cut| cut.stages == stages).count();
    assert_eq!(of(&[&["n1", "n2"]]), 1);
    assert_eq!(of(&[&["n2"], &["n1"]]), 0);
    assert_eq!(of(&[&["n1"], &["n3"], &["n2"]]), 1);
    // Two of three that are left at once, one after the first: they contain no pair of
    // four at once, but a pair of the first four.
    assert_eq!(of(&[&["n1"], &["n2", "n3"]]), 0);
    assert_eq!(cuts.iter().filter(|cut| cut.order == 2).count(), 6);
    assert_eq!(cuts.iter().filter(|cut| cut.order == 3).count(), 24);
    assert!(cuts.iter().all(|cut| cut.probability == 1.0));
    assert!(found.notes.iter().all(|note| !note.contains("were tried;")));
}

#[test]
fn a_large_cluster_gets_smaller_sets() {
    let text = nodes(200) + "[service.web]\nup = \"count(node.up) >= 199\"\n";
    let found = explored(&text);
    assert_eq!(found.lost, 1);
    assert!(found.notes[0].contains("1333500"), "{:?}", found.notes);
    assert_eq!(worst(&found, "web", &["n50"], "at once"), Condition::Up);
    let question = Question {
        lost: Some(2),
        ..Question::default()
    };
    let refusal = try_explore(&text, &question).expect_err("too many");
    assert!(refusal.to_string().contains("--lost 1"), "{refusal}");
}

#[test]
fn the_answer_does_not_depend_on_the_number_of_threads() {
    let text = galera(3);
    let json = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let found = pool.expect("threads").install(|| explored(&text));
        serde_json::to_string(&found).expect("JSON")
    };
    assert_eq!(json(1), json(3));
}

#[test]
fn a_question_without_a_service_is_refused() {
    let text = nodes(2);
    let refusal = try_explore(&text, &Question::default()).expect_err("nothing to ask");
    assert!(refusal.to_string().contains("no service"), "{refusal}");
    let limits = Limits::default();
    assert!(limits.points > 1 && limits.draws > 1);
}
