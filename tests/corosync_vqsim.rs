//! The quorum rules beside the original: `corosync-vqsim` links the real votequorum.c
//! with a network that is only a table. Random scripts of losses, returns and splits, under
//! all options that it knows but a quorum device, must leave the same nodes quorate.
//!
//! The program lacks the barrier that the daemon has between the messages of a new ring and
//! its result, so the messages of each member race with what the others make of the ring. Two
//! things follow. Where wait_for_all, last_man_standing or auto_tie_breaker is on, and a
//! member that is still up has lost its quorum, what it has said before and after decides in
//! its later rings; such members, and those who have shared a ring with one since, are left out
//! until they start anew. And a script that differs is played again, in every other play with
//! each ring that somebody joins formed twice: a member that waits for all is told that the
//! others are quorate by a message, and if that comes last nothing makes the program count
//! again (7 of 8 times on one machine), where the daemon's barrier does. It counts as
//! different if none of the plays gives our answers.
//!
//! Without the program (Debian: `apt-get install corosync-vqsim`) nothing is compared,
//! and the test says so.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::Lab;

const PROGRAM: &str = "corosync-vqsim";
const SCRIPTS: u64 = 520;
const STEPS: usize = 6;
/// The windows of last_man_standing in milliseconds, play by play.
const PLAYS: [Play; 10] = [
    once(80),
    twice(400),
    once(80),
    twice(250),
    once(120),
    twice(400),
    once(80),
    twice(1500),
    once(250),
    twice(800),
];
/// The same for a script that is played alone.
const ALONE: [Play; 8] = [
    once(80),
    twice(400),
    once(150),
    twice(800),
    once(250),
    twice(120),
    once(1200),
    twice(1500),
];
/// Nearly all of the time the programs wait, so there are many at once.
const AT_ONCE: usize = 32;

/// How a script is played by the program, which runs in real time.
#[derive(Clone, Copy)]
struct Play {
    /// In milliseconds, the window of last_man_standing; it must end before the next move.
    window: u64,
    /// Whether a ring that somebody joins is formed a second time.
    twice: bool,
}

const fn once(window: u64) -> Play {
    Play {
        window,
        twice: false,
    }
}

const fn twice(window: u64) -> Play {
    Play {
        window,
        twice: true,
    }
}

/// Deterministic numbers for the scripts (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn one_in(&mut self, chance: u64) -> bool {
        self.below(chance) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// The configuration of a cluster.
struct Options {
    votes: Vec<u64>,
    expected: u64,
    two_node: bool,
    wait_for_all: Option<bool>,
    last_man_standing: bool,
    /// Empty: none; else "lowest", "highest" or node ids.
    tie_breaker: String,
}

impl Options {
    fn roll(dice: &mut Dice) -> Options {
        let nodes = 2 + dice.below(5);
        let uneven = dice.one_in(4);
        let votes: Vec<u64> = (0..nodes)
            .map(|_| if uneven { 1 + dice.below(3) } else { 1 })
            .collect();
        let sum: u64 = votes.iter().sum();
        let expected = if dice.one_in(5) {
            sum - 1 + dice.below(4)
        } else {
            0
        };
        let two_node = nodes == 2 && dice.one_in(2);
        let tie_breaker = if two_node {
            String::new()
        } else {
            match dice.below(5) {
                0 => "lowest".to_owned(),
                1 => "highest".to_owned(),
                2 => {
                    let (a, b) = (1 + dice.below(nodes), 1 + dice.below(nodes));
                    format!("{a} {b}")
                }
                _ => String::new(),
            }
        };
        // Corosync disables a tie-breaker among an odd number of votes otherwise.
        let must_wait = !tie_breaker.is_empty() && sum % 2 == 1;
        let wait_for_all = match (must_wait, dice.below(3)) {
            (true, _) => Some(true),
            (_, 0) => None,
            (_, 1) => Some(true),
            _ => Some(false),
        };
        Options {
            last_man_standing: !uneven && dice.one_in(2),
            votes,
            expected,
            two_node,
            wait_for_all,
            tie_breaker,
        }
    }

    /// As corosync.conf, with the window of last_man_standing in milliseconds.
    fn corosync_conf(&self, window: u64) -> String {
        let nodes: String = self
            .votes
            .iter()
            .enumerate()
            .map(|(i, votes)| {
                let id = i + 1;
                format!(
                    "node {{\nring0_addr: 192.0.2.{id}\nnodeid: {id}\nquorum_votes: {votes}\n}}\n"
                )
            })
            .collect();
        let mut quorum = "provider: corosync_votequorum\n".to_owned();
        if self.expected > 0 {
            quorum += &format!("expected_votes: {}\n", self.expected);
        }
        if self.two_node {
            quorum += "two_node: 1\n";
        }
        if let Some(wait) = self.wait_for_all {
            quorum += &format!("wait_for_all: {}\n", u8::from(wait));
        }
        if self.last_man_standing {
            quorum += &format!("last_man_standing: 1\nlast_man_standing_window: {window}\n");
        }
        if !self.tie_breaker.is_empty() {
            quorum += &format!(
                "auto_tie_breaker: 1\nauto_tie_breaker_node: {}\n",
                self.tie_breaker
            );
        }
        format!(
            "totem {{\nversion: 2\ncluster_name: lab\ntransport: knet\n}}\nnodelist {{\n{nodes}}}\nquorum {{\n{quorum}}}\n"
        )
    }

    fn scenario(&self) -> String {
        let wait = match self.wait_for_all {
            None => "auto",
            Some(true) => "on",
            Some(false) => "off",
        };
        let tie_breaker = match self.tie_breaker.as_str() {
            "" => String::new(),
            "lowest" | "highest" => format!(
                "auto_tie_breaker = true\nauto_tie_breaker_node = \"{}\"\n",
                self.tie_breaker
            ),
            ids => {
                let names: Vec<String> = ids.split(' ').map(|id| format!("n{id}")).collect();
                format!(
                    "auto_tie_breaker = true\nauto_tie_breaker_node = \"{}\"\n",
                    names.join(" ")
                )
            }
        };
        format!(
            "schema = 1\nname = \"lab\"\nnode = [ {{ name = \"n\", count = {} }} ]\n[process.corosync]\n\
             [service.cluster]\nup = \"any(corosync.quorate)\"\n[protocol.corosync]\nkind = \"corosync\"\n\
             [protocol.corosync.quorum]\nvotes = {:?}\nexpected_votes = {}\ntwo_node = {}\n\
             wait_for_all = \"{wait}\"\nlast_man_standing = {}\n{tie_breaker}",
            self.votes.len(),
            self.votes,
            self.expected,
            self.two_node,
            self.last_man_standing,
        )
    }
}

/// One step; nodes have numbers from 1 on, and there are two sides, 0 and 1.
#[derive(Clone, Debug)]
enum Move {
    Down(usize),
    Up(usize, usize),
    /// These nodes go to the side.
    Side(usize, Vec<usize>),
}

/// A script of moves each of which changes every ring that has members after it; one that
/// the program forms anew without need would not be formed anew by the real thing.
fn moves(nodes: usize, dice: &mut Dice) -> Vec<Move> {
    let mut side: Vec<Option<usize>> = vec![Some(0); nodes];
    let mut script = Vec::new();
    while script.len() < STEPS {
        let up: Vec<usize> = (0..nodes).filter(|n| side[*n].is_some()).collect();
        let down: Vec<usize> = (0..nodes).filter(|n| side[*n].is_none()).collect();
        match dice.below(4) {
            0 if !up.is_empty() => {
                let node = dice.pick(&up);
                side[node] = None;
                script.push(Move::Down(node + 1));
            }
            1 if !down.is_empty() => {
                let (node, to) = (dice.pick(&down), dice.below(2) as usize);
                side[node] = Some(to);
                script.push(Move::Up(node + 1, to));
            }
            2 | 3 => {
                let from = dice.below(2) as usize;
                let there: Vec<usize> = up.into_iter().filter(|n| side[*n] == Some(from)).collect();
                let everybody = dice.one_in(3);
                let some: Vec<usize> = there
                    .into_iter()
                    .filter(|_| everybody || dice.one_in(2))
                    .collect();
                let meets = side.contains(&Some(1 - from));
                // All of a side that find nobody on the other stay the ring that they are.
                let whole = side.iter().filter(|s| **s == Some(from)).count() == some.len();
                if some.is_empty() || (whole && !meets) {
                    continue;
                }
                for node in &some {
                    side[*node] = Some(1 - from);
                }
                script.push(Move::Side(1 - from, some.iter().map(|n| n + 1).collect()));
            }
            _ => {}
        }
    }
    script
}

/// By our model, after each move: the quorate nodes, and those that can be compared.
fn by_model(options: &Options, script: &[Move]) -> Vec<(Vec<usize>, Vec<usize>)> {
    let quorate = replayed(options, script);
    let nodes = options.votes.len();
    let remembers = options.wait_for_all.unwrap_or(options.two_node)
        || options.last_man_standing
        || !options.tie_breaker.is_empty();
    let mut side: Vec<Option<usize>> = vec![Some(0); nodes];
    let mut uncertain = vec![false; nodes];
    let mut before: Vec<usize> = (1..=nodes).collect();
    let mut compared = Vec::new();
    for (step, now) in script.iter().zip(quorate) {
        match step {
            Move::Down(node) => (side[node - 1], uncertain[node - 1]) = (None, false),
            Move::Up(node, to) => side[node - 1] = Some(*to),
            Move::Side(to, moved) => moved.iter().for_each(|n| side[n - 1] = Some(*to)),
        }
        for node in 0..nodes {
            let lost = before.contains(&(node + 1)) && !now.contains(&(node + 1));
            uncertain[node] |= remembers && lost && side[node].is_some();
        }
        for node in 0..nodes {
            let with = |other: usize| uncertain[other] && side[other] == side[node];
            uncertain[node] |= side[node].is_some() && (0..nodes).any(with);
        }
        before.clone_from(&now);
        let certain = (1..=nodes).filter(|n| !uncertain[n - 1]).collect();
        compared.push((now, certain));
    }
    compared
}

/// The quorate nodes after each move, by our model.
fn replayed(options: &Options, script: &[Move]) -> Vec<Vec<usize>> {
    let lab = Lab::new(&options.scenario());
    let nodes = options.votes.len();
    let mut side = vec![0; nodes];
    let mut faults = format!("until = \"{}s\"\n", 60 * (script.len() + 1));
    let mut add = |at: f64, what: String| {
        faults += &format!("[[fault]]\nat = \"{at}s\"\n{what}\n");
    };
    for (number, step) in script.iter().enumerate() {
        let at = 60.0 * (number as f64 + 1.0);
        let split = |side: &[usize]| {
            let of = |which: usize| -> String {
                let names = (0..nodes).filter(|n| side[*n] == which);
                let names: Vec<String> = names.map(|n| format!("\"n{}\"", n + 1)).collect();
                names.join(", ")
            };
            if side.iter().all(|s| *s == side[0]) {
                "do = \"heal\"".to_owned()
            } else {
                format!("do = \"partition\"\ngroups = [[{}], [{}]]", of(0), of(1))
            }
        };
        let daemon = |verb: &str, node: usize| {
            format!("do = \"{verb}\"\nprocess = \"corosync\"\nnodes = [\"n{node}\"]")
        };
        match step {
            Move::Down(node) => add(at, daemon("kill", *node)),
            Move::Up(node, to) => {
                side[node - 1] = *to;
                add(at, split(&side));
                add(at + 0.5, daemon("start", *node));
            }
            Move::Side(to, moved) => {
                moved.iter().for_each(|node| side[node - 1] = *to);
                add(at, split(&side));
            }
        }
    }
    let timeline = &lab.replay(&faults, 1)[0];
    (0..script.len())
        .map(|number| {
            let at = 60.0 * (number as f64 + 2.0) - 1.0;
            let quorate = timeline.members("corosync.quorate", at);
            quorate
                .iter()
                .map(|n| n[1..].parse().expect("a number"))
                .collect()
        })
        .collect()
}

/// The program, with what it has written so far.
struct Vqsim {
    child: Child,
    input: ChildStdin,
    lines: Arc<Mutex<Vec<String>>>,
    folder: PathBuf,
}

impl Vqsim {
    fn start(options: &Options, window: u64, folder: &Path) -> Vqsim {
        std::fs::create_dir_all(folder).expect("a folder");
        // The program takes no longer name than this.
        std::fs::write(folder.join("c.conf"), options.corosync_conf(window)).expect("written");
        let mut child = Command::new(PROGRAM)
            .args(["-c", "c.conf"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let output = BufReader::new(child.stdout.take().expect("output"));
        let input = child.stdin.take().expect("input");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = lines.clone();
        std::thread::spawn(move || {
            for line in output.lines().map_while(std::result::Result::ok) {
                sink.lock().expect("lines").push(line);
            }
        });
        Vqsim {
            child,
            input,
            lines,
            folder: folder.to_owned(),
        }
    }

    fn say(&mut self, command: &str) {
        writeln!(self.input, "{command}").expect("written");
        self.input.flush().expect("flushed");
    }

    /// A table of all nodes ends with this line.
    fn ends(&self) -> Vec<usize> {
        let lines = self.lines.lock().expect("lines");
        let ends = lines.iter().enumerate();
        ends.filter(|(_, line)| line.starts_with("#autofence"))
            .map(|(number, _)| number)
            .collect()
    }

    /// The quorate nodes, from a fresh table; none if there is no answer.
    fn show(&mut self) -> Option<Vec<usize>> {
        let before = self.ends();
        self.say("show");
        let patience = Instant::now() + Duration::from_secs(20);
        while self.ends().len() == before.len() {
            if Instant::now() > patience {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let ends = self.ends();
        let lines = self.lines.lock().expect("lines");
        let from = before.last().map_or(0, |end| end + 1);
        let mut quorate: Vec<usize> = lines[from..*ends.last()?]
            .iter()
            .filter(|line| line.contains(": q=1 "))
            .filter_map(|line| line.split(':').nth(1)?.parse().ok())
            .collect();
        quorate.sort_unstable();
        quorate.dedup();
        Some(quorate)
    }
}

impl Drop for Vqsim {
    fn drop(&mut self) {
        // Its nodes are processes of their own, which it ends when it is asked to.
        let _ = writeln!(self.input, "exit");
        let _ = self.input.flush();
        let patience = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The quorate nodes after each move, by the original.
fn by_vqsim(
    options: &Options,
    script: &[Move],
    play: Play,
    folder: &Path,
) -> Option<Vec<Vec<usize>>> {
    let mut program = Vqsim::start(options, play.window, folder);
    let settle = Duration::from_millis(3 * play.window + 50);
    std::thread::sleep(Duration::from_millis(200) + settle);
    script
        .iter()
        .map(|step| {
            let (command, joined) = match step {
                Move::Down(node) => (format!("down {node}"), None),
                Move::Up(node, to) => (format!("up {to}:{node}"), Some((to, node.to_string()))),
                Move::Side(to, nodes) => {
                    let nodes: Vec<String> = nodes.iter().map(usize::to_string).collect();
                    let nodes = nodes.join(",");
                    (format!("move {to}:{nodes}"), Some((to, nodes)))
                }
            };
            program.say(&command);
            std::thread::sleep(settle);
            if let Some((to, nodes)) = joined.filter(|_| play.twice) {
                program.say(&format!("move {to}:{nodes}"));
                std::thread::sleep(settle);
            }
            program.show()
        })
        .collect()
}

/// What differs in one script, if anything does. On a busy machine the program may be
/// too slow for its window; then it gets more time.
fn differs(number: u64, plays: &[Play], folder: &Path, counted: &AtomicUsize) -> Option<String> {
    let mut dice = Dice(number);
    let options = Options::roll(&mut dice);
    let script = moves(options.votes.len(), &mut dice);
    let ours = by_model(&options, &script);
    counted.fetch_add(
        ours.iter().map(|(_, certain)| certain.len()).sum(),
        Ordering::Relaxed,
    );
    let mut theirs = None;
    for play in plays {
        theirs = by_vqsim(&options, &script, *play, folder);
        let same = |theirs: &Vec<Vec<usize>>| {
            ours.iter().zip(theirs).all(|((ours, certain), theirs)| {
                certain
                    .iter()
                    .all(|node| ours.contains(node) == theirs.contains(node))
            })
        };
        if theirs.as_ref().is_some_and(same) {
            return None;
        }
    }
    Some(format!(
        "script {number}: {script:?}\n  ours   {ours:?}\n  theirs {theirs:?}\n{}",
        options.corosync_conf(plays[0].window)
    ))
}

#[test]
fn the_quorum_rules_are_those_of_the_original() {
    if Command::new(PROGRAM).arg("-h").output().is_err() {
        // Written past the test harness, which would keep it to itself.
        let text = format!(
            "SKIPPED: {PROGRAM} is not installed, so the quorum rules were NOT compared with \
             the original (Debian: apt-get install corosync-vqsim)\n"
        );
        std::io::stderr().write_all(text.as_bytes()).expect("said");
        return;
    }
    let (next, counted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    let base = std::env::temp_dir().join(format!("quorate-vqsim-{}", std::process::id()));
    std::thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            let (next, counted, failures) = (&next, &counted, &failures);
            let folder = base.join(worker.to_string());
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed) as u64;
                    if number >= SCRIPTS {
                        return;
                    }
                    if differs(number, &PLAYS, &folder, counted).is_some() {
                        failures.lock().expect("failures").push(number);
                    }
                }
            });
        }
    });
    // The program runs in real time, and a machine may stand still for longer than any
    // window: what differs is played once more, alone and slowly.
    let again = AtomicUsize::new(0);
    let mut doubtful = failures.into_inner().expect("failures");
    doubtful.sort_unstable();
    let failures: Vec<String> = doubtful
        .into_iter()
        .filter_map(|number| differs(number, &ALONE, &base, &again))
        .collect();
    let _ = std::fs::remove_dir_all(&base);
    let (counted, differ) = (counted.into_inner(), failures.len());
    println!("{SCRIPTS} scripts, {counted} answers of nodes compared, {differ} scripts differ");
    let all = SCRIPTS as usize * STEPS * 4;
    assert!(
        counted > all / 2,
        "hardly anything could be compared: {counted} of {all}"
    );
    assert!(
        failures.is_empty(),
        "{differ} scripts differ:\n{}",
        failures[..differ.min(8)].join("\n")
    );
}
