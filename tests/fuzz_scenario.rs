//! Whatever the reader is fed, it answers with an error that can be shown, or with
//! a scenario that can be simulated and replayed, and soon. Sound files are mangled by a seeded generator; a
//! failure prints the seed and the input.
//!
//! The long run: `cargo test --release --test fuzz_scenario -- --ignored`.

use miette::{GraphicalReportHandler, GraphicalTheme};
use quorate::engine::replay::{self, Plan};
use quorate::engine::simulate::Simulator;
use quorate::model::build;
use quorate::protocol::CATALOGUE;
use quorate::scenario::error::ScenarioError;
use quorate::scenario::{Files, Scenario, expression, faults, read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SCENARIOS: [&str; 5] = [
    include_str!("data/fuzz/everything.toml"),
    include_str!("data/fuzz/small.toml"),
    include_str!("data/fuzz/galera.toml"),
    include_str!("data/fuzz/failover.toml"),
    include_str!("data/fuzz/redis.toml"),
];

const SCRIPT: &str = include_str!("data/fuzz/faults.toml");

const EXPRESSIONS: [&str; 4] = [
    "any(net.clients & web) and (count(node.up) >= 2 or not all({server1, server2}))",
    "share(net.clients & web, net.clients) * if(majority(node.up)) * min(0.5, 1)",
    "(node.up - node.frozen) | {server} & web - net.carrier",
    "count(node.up & server) != 3",
];

/// Pieces that have hurt readers before.
const SPLICES: [&str; 48] = [
    "0",
    "-1",
    "1e400",
    "9223372036854775807",
    "-9223372036854775808",
    "nan",
    "inf",
    "0x7f",
    "1_000",
    "1024",
    "1025",
    "\"0s\"",
    "\"1ns\"",
    "\"250y\"",
    "\"1e9y\"",
    "\"1/0s\"",
    "\"1e-300/y\"",
    "\"120%\"",
    "\"never\"",
    "\"\"",
    "true",
    "[]",
    "{}",
    "[[]]",
    "[\"server1\", \"server1\"]",
    "\"server\"",
    "\"clients\"",
    "2024-01-01",
    "''",
    "'''\n'''",
    "\"\"\"\n\"\"\"",
    "\"\\u0000\"",
    "\"\\\\\"",
    "\u{e9}\u{4e2d}\u{1f600}",
    "\u{301}",
    "\r\n",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "any(",
    " and ",
    "count(node.up) >= ",
    "\"all\"",
    "a.b.c = ",
    "{ dist = \"weibull\", shape = 0.05, mean = \"1e8y\" }",
];

/// How many inputs got as far as a simulation: a fuzzer that only meets errors tests little.
static SOUND: AtomicU64 = AtomicU64::new(0);

struct NoCsv;

impl Files for NoCsv {
    fn read(&self, path: &str) -> Result<String, String> {
        match path {
            "times.csv" => Ok("hours,other\n1,x\n0,y\n2.5,z\n".to_owned()),
            _ => Err("no such file".to_owned()),
        }
    }
}

/// SplitMix64: small, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// Changes whole lines: the grammar stays mostly intact.
fn mangle_lines(text: &str, dice: &mut Dice) -> String {
    let mut all = lines(text);
    let (a, b) = (dice.below(all.len()), dice.below(all.len()));
    match dice.below(4) {
        0 => drop(all.remove(a)),
        1 => all.insert(b, all[a].clone()),
        2 => all.swap(a, b),
        _ => {
            let value = |line: &str| line.split_once('=').map(|(_, v)| v.to_owned());
            if let (Some((key, _)), Some(new)) = (all[a].clone().split_once('='), value(&all[b])) {
                all[a] = format!("{key}={new}");
            }
        }
    }
    all.join("\n")
}

/// Gives one field another value.
fn mangle_value(text: &str, dice: &mut Dice) -> String {
    let mut all = lines(text);
    let a = dice.below(all.len());
    if let Some((key, _)) = all[a].clone().split_once('=') {
        let number = match dice.below(4) {
            0 => (dice.next() as i64 >> dice.below(64)).to_string(),
            1 => format!(
                "\"{}{}\"",
                dice.next() >> dice.below(64),
                dice.pick(&["s", "h", "y", "/s", "%", "MiB", " of one node"])
            ),
            2 => f64::from_bits(dice.next()).to_string(),
            _ => dice.pick(&SPLICES).to_owned(),
        };
        all[a] = format!("{key}= {number}");
    }
    all.join("\n")
}

/// Cuts, repeats or overwrites at any character.
fn mangle_bytes(text: &str, dice: &mut Dice) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = dice.below(chars.len() + 1);
    let len = dice.below(12).min(chars.len() - at);
    let (head, middle, tail) = (&chars[..at], &chars[at..at + len], &chars[at + len..]);
    let mut new: String = head.iter().collect();
    match dice.below(4) {
        0 => {}
        1 => new.extend(middle.iter().chain(middle)),
        2 => {
            new.extend(middle);
            new.push_str(dice.pick(&SPLICES));
        }
        _ => new.extend(char::from_u32(dice.below(0x2_0000) as u32)),
    }
    new.extend(tail);
    new
}

fn mangle(text: &str, dice: &mut Dice) -> String {
    let mut text = text.to_owned();
    for _ in 0..[1, 1, 2, 4][dice.below(4)] {
        if text.is_empty() {
            break;
        }
        text = match dice.below(3) {
            0 => mangle_lines(&text, dice),
            1 => mangle_value(&text, dice),
            _ => mangle_bytes(&text, dice),
        };
    }
    text
}

fn show(error: &ScenarioError) {
    let mut text = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut text, error)
        .expect("every error can be shown");
}

fn build_and_run(scenario: &Scenario, script: &str) {
    // Large models are legal and slow; they have tests of their own.
    if scenario.nodes.len() * (1 + scenario.processes.len()) > 300 {
        return;
    }
    macro_rules! with_words {
        ($words:literal) => {
            match build::model::<$words>(scenario, &NoCsv) {
                Err(error) => show(&error),
                Ok(model) => match faults::script("script.toml", script)
                    .map(|s| Plan::new(&s, &model, &scenario))
                {
                    Err(error) | Ok(Err(error)) => show(&error),
                    Ok(Ok(plan)) => {
                        SOUND.fetch_add(1, Ordering::Relaxed);
                        let run = &scenario.run;
                        let mut simulator =
                            Simulator::new(&model, 1, run.warm_up, run.horizon, 1000);
                        let _ = simulator.replicate(0);
                        let _ = replay::replay(&model, &plan, 1, 0, 1000);
                    }
                },
            }
        };
    }
    if build::words(scenario) == 1 {
        with_words!(1)
    } else {
        with_words!(16)
    }
}

fn one_case(dice: &mut Dice) -> String {
    let kind = dice.below(10);
    let script = if kind == 0 {
        mangle(SCRIPT, dice)
    } else {
        SCRIPT.to_owned()
    };
    let base = SCENARIOS[dice.below(SCENARIOS.len())];
    let text = if kind == 0 {
        base.to_owned()
    } else {
        mangle(base, dice)
    };
    let mut overrides = Vec::new();
    if kind == 1 {
        let path = dice.pick(&[
            "nodes",
            "run.horizon",
            "server.x",
            "galera.evs.suspect_timeout",
            "a..b",
            "node.server",
        ]);
        overrides.push((mangle(path, dice), dice.pick(&SPLICES).to_owned()));
    }
    let expression = mangle(EXPRESSIONS[dice.below(EXPRESSIONS.len())], dice);
    let input = format!(
        "{text}\n--- script\n{script}\n--- overrides {overrides:?}\n--- expression\n{expression}"
    );
    let profile = (kind == 2).then_some("small-server-room");
    let around = read::Surroundings {
        files: &NoCsv,
        catalogue: CATALOGUE,
        profile,
        overrides: &overrides,
    };
    let begun = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _ = expression::parse_condition(&expression);
        let _ = expression::parse_set(&expression);
        let _ = expression::parse_share(&expression);
        let _ = expression::parse_count(&expression);
        match read::scenario("fuzz.toml", &text, &around) {
            Ok(scenario) => build_and_run(&scenario, &script),
            Err(error) => show(&error),
        }
    }));
    assert!(outcome.is_ok(), "a panic at input:\n{input}");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "too slow at input:\n{input}"
    );
    text
}

fn fuzz(seed: u64, length: Duration) {
    for base in SCENARIOS {
        let around = read::Surroundings {
            files: &NoCsv,
            catalogue: CATALOGUE,
            profile: None,
            overrides: &[],
        };
        if let Err(error) = read::scenario("sound.toml", base, &around) {
            panic!("{:?}", miette::Report::new(*error));
        }
    }
    let begun = Instant::now();
    let mut cases = 0;
    while begun.elapsed() < length {
        let case = seed + cases;
        let mut dice = Dice(case);
        if catch_unwind(AssertUnwindSafe(|| one_case(&mut dice))).is_err() {
            panic!("case {case} failed; its input is above");
        }
        cases += 1;
    }
    println!(
        "{cases} cases, {} of them sound",
        SOUND.load(Ordering::Relaxed)
    );
}

#[test]
fn mangled_scenarios_are_read_or_refused() {
    fuzz(1, Duration::from_secs(3));
}

#[test]
#[ignore = "one minute"]
fn mangled_scenarios_for_a_minute() {
    fuzz(1 << 32, Duration::from_secs(60));
}

/// Texts that are long, deep or dense, each in its own way.
fn oversized() -> Vec<String> {
    let head = "schema = 1\nname = \"big\"\n[[node]]\nname = \"server\"\ncount = 1024\n";
    let long = "x".repeat(500_000);
    let many =
        |n: usize, line: fn(usize, usize) -> String| (0..n).map(|i| line(i, n)).collect::<String>();
    let dense = |i: usize, n: usize| {
        let after: Vec<String> = (i + 1..n).map(|j| format!("p{j}")).collect();
        format!("[process.p{i}]\nafter = {after:?}\n")
    };
    let inline = |inner, _| format!("{{ {} = {inner} }}", vec!["b"; 70].join("."));
    vec![
        "#".repeat(2 << 20),
        format!("{head}{long} = 1\n"),
        format!("{head}[run]\nhorizon = \"{long}\"\n"),
        format!("{head}{}.x = 1\n", vec!["a"; 79].join(".")),
        format!("{head}deep = {}\n", (0..70).fold("1".to_owned(), inline)),
        format!(
            "{head}deep = {}{}\n",
            "[".repeat(100_000),
            "]".repeat(100_000)
        ),
        format!("{head}{}", "[[node]]\nname = \"n\"\n".repeat(2000)),
        format!(
            "{head}{}",
            many(2000, |i, n| format!(
                "[process.p{i}]\nafter = \"p{}\"\n",
                (i + 1) % n
            ))
        ),
        format!("{head}{}", many(90, dense)),
        format!(
            "{head}{}",
            many(100, |i, _| format!(
                "[service.s{i}]\nup = \"any(node.up)\"\n"
            ))
        ),
        format!(
            "{head}[signals]\n{}",
            many(130, |i, _| format!("s{i} = \"node.up\"\n"))
        ),
        format!(
            "{head}[service.s]\nup = \"any({}node.up)\"\n",
            "node.up & ".repeat(405)
        ),
    ]
}

/// Nothing nested, long or repeated may exhaust the stack or the patience.
#[test]
fn oversized_inputs() {
    for text in oversized() {
        let begun = Instant::now();
        let around = read::Surroundings {
            files: &NoCsv,
            catalogue: CATALOGUE,
            profile: None,
            overrides: &[],
        };
        match read::scenario("big.toml", &text, &around) {
            Err(error) => show(&error),
            Ok(scenario) => {
                if let Err(error) = build::model::<16>(&scenario, &NoCsv) {
                    show(&error);
                }
            }
        }
        let head: String = text.chars().take(120).collect();
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?} for {head}",
            begun.elapsed()
        );
    }
}
