//! The examples of docs/scenario.md are read as they stand, and the built-in
//! failure profiles say what their sources say.

#[path = "support/cases.rs"]
mod scenarios;

use quorate::automaton::Distribution;
use quorate::engine::replay::Plan;
use quorate::model::build;
use quorate::scenario::{Files, Hits, NoFiles, Scenario, faults, library, read};

const CATALOGUE: read::Catalogue<'static> = &[(
    "galera",
    "[evs.suspect_timeout]\nvalue = \"5s\"\nsource = \"a test\"\n",
)];

/// Makes a part of a scenario whole; its tables come last, because keys of the
/// part may stand at the top.
fn whole(part: &str) -> String {
    let mut text = format!("schema = 1\nname = \"part\"\n{part}\n");
    if !part.contains("[[node]]") {
        text += "[[node]]\nname = \"server\"\ncount = 4\n";
    }
    for process in ["nginx", "mariadb"] {
        if !part.contains(&format!("[process.{process}]")) {
            text += &format!("[process.{process}]\n");
        }
    }
    text
}

/// The text of one file under every name.
struct One(String);

impl Files for One {
    fn read(&self, _path: &str) -> Result<String, String> {
        Ok(self.0.clone())
    }
}

fn try_read(text: &str, files: &dyn Files, profile: Option<&str>) -> Scenario {
    let around = read::Surroundings {
        files,
        catalogue: CATALOGUE,
        profile,
        overrides: &[],
    };
    let scenario = read::scenario("docs/scenario.md", text, &around)
        .unwrap_or_else(|e| panic!("{:?}\n{text}", miette::Report::new(*e)));
    if scenario.protocols.is_empty() {
        build::model::<1>(&scenario, files)
            .unwrap_or_else(|e| panic!("{:?}\n{text}", miette::Report::new(*e)));
    }
    scenario
}

fn read_script(text: &str) {
    let scenario = try_read(&whole(""), &NoFiles, None);
    let model = build::model::<1>(&scenario, &NoFiles).unwrap_or_else(|e| panic!("{e}"));
    faults::script("docs/scenario.md", text)
        .and_then(|script| Plan::new(&script, &model, &scenario))
        .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)));
}

#[test]
fn examples_in_the_documentation() {
    let page = include_str!("../docs/scenario.md");
    let mut seen = 0;
    for block in page.split("\n```toml").skip(1) {
        let (kind, rest) = block.split_once('\n').expect("a line");
        let text = rest.split("\n```").next().expect("an end");
        match kind.trim() {
            "scenario" => drop(try_read(text, &NoFiles, None)),
            "part" => drop(try_read(&whole(text), &NoFiles, None)),
            "profile" => drop(try_read(
                &whole(""),
                &One(text.to_owned()),
                Some("own.toml"),
            )),
            "faults" => read_script(text),
            other => panic!("an example of no known kind: `{other}`"),
        }
        seen += 1;
    }
    assert!(seen >= 10, "{seen} examples");
}

fn with_profile(name: &str, nodes: usize) -> Scenario {
    let text = format!("schema = 1\nname = \"x\"\n[[node]]\nname = \"server\"\ncount = {nodes}\n");
    try_read(&text, &NoFiles, Some(name))
}

#[test]
fn profiles_fit_clusters_of_any_size() {
    for name in library::profile_names() {
        let text = library::profile(name).expect("built in");
        assert!(text.contains(&format!("name = \"{name}\"")), "{name}");
        for nodes in [1, 2, 3, 4, 60] {
            let scenario = with_profile(name, nodes);
            assert_eq!(scenario.profile.as_deref(), Some(name));
            for shock in &scenario.shocks {
                let Hits::Sizes(sizes) = &shock.hits else {
                    panic!("sizes in {name}")
                };
                assert!(sizes.iter().all(|(size, _)| *size <= nodes), "{name}");
                let total: f64 = sizes.iter().map(|(_, weight)| weight).sum();
                assert!(
                    (total - 0.999).abs() < 1e-9,
                    "the sizes on record sum to 0.999, not {total}"
                );
            }
        }
    }
}

#[test]
fn profiles_have_the_numbers_of_their_sources() {
    let hours = |d: &Distribution| d.mean() / 3600.0;
    for (name, up, down) in [
        ("textbook-99", 990.0, 10.0),
        ("commodity-server", 3140.0, 2.664),
        ("lanl-hpc-node", 7500.0, 3.75),
        ("small-server-room", 3140.0, 2.664),
        ("cloud-vm", 4380.0, 0.1374),
        ("university-lab", 305.7, 2.0),
    ] {
        let scenario = with_profile(name, 4);
        let node = &scenario.nodes[0];
        assert!(
            (hours(&node.failure) / up - 1.0).abs() < 1e-3,
            "{name}: {}",
            hours(&node.failure)
        );
        assert!(
            (hours(&node.repair) / down - 1.0).abs() < 1e-2,
            "{name}: {}",
            hours(&node.repair)
        );
    }
    let room = with_profile("small-server-room", 4);
    assert_eq!(room.components.len(), 2);
    // 3.7% of the failures of four nodes, one in 3140 h each.
    assert!((hours(&room.shocks[0].every) - 3140.0 / 0.037 / 4.0).abs() < 1.0);
}

#[test]
fn beta_makes_one_common_cause_and_keeps_the_rate() {
    let profile = "name = \"b\"\n[node]\nbeta = 0.1\nrepair = \"1h\"\nfailure = { dist = \"exponential\", mean = \"100h\" }";
    let read = |nodes: &str| {
        try_read(
            &format!("schema = 1\nname = \"x\"\n{nodes}"),
            &One(profile.to_owned()),
            Some("b.toml"),
        )
    };
    let single = read("[[node]]\nname = \"a\"\n");
    assert!(single.components.is_empty());
    assert_eq!(single.nodes[0].failure.mean(), 360_000.0);
    let two = read("[[node]]\nname = \"a\"\n[[node]]\nname = \"b\"\n");
    assert_eq!(two.components.len(), 1);
    assert_eq!(two.components[0].nodes, [0, 1]);
    let rate = 1.0 / two.nodes[0].failure.mean() + 1.0 / two.components[0].failure.mean();
    assert!((rate * 360_000.0 - 1.0).abs() < 1e-12);
}

#[test]
fn fingerprints_tell_inputs_apart_and_never_change() {
    let base = with_profile("textbook-99", 2).fingerprint;
    assert_eq!(base, with_profile("textbook-99", 2).fingerprint);
    assert_ne!(base, with_profile("textbook-99", 3).fingerprint);
    assert_ne!(base, with_profile("cloud-vm", 2).fingerprint);
    let plain = try_read(&whole(""), &NoFiles, None).fingerprint;
    assert_eq!(
        plain, 7_042_409_926_365_524_074,
        "this hash is written into reports: it may not depend on the machine or on Rust"
    );
}

#[test]
fn every_scenario_that_is_shipped_is_sound() {
    let files = scenarios::shipped("scenarios");
    assert!(files.len() > 20, "found {}", files.len());
    for path in files {
        let checked = std::process::Command::new(env!("CARGO_BIN_EXE_quorate"))
            .arg("check")
            .arg(scenarios::repository(&path))
            .output()
            .expect("runs");
        let complaint = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{path}: {complaint}");
    }
}
