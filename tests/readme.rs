//! The README's examples are run: every `console` block that begins with a
//! quorate command must print exactly what the README shows.
//!
//! `UPDATE_README=1 cargo test --test readme` writes the output anew.

use std::process::Command;

const PROMPT: &str = "$ quorate ";

struct Example {
    command: String,
    shown: String,
}

/// The text in front of each example, the example, and the text after the last.
fn split(readme: &str) -> (Vec<(String, Example)>, String) {
    let mut examples = Vec::new();
    let mut rest = readme;
    while let Some(begin) = rest.find(&format!("```console\n{PROMPT}")) {
        let (before, block) = rest.split_at(begin);
        let body = block.strip_prefix("```console\n").expect("found above");
        let end = body.find("```").expect("a block ends");
        let (first, shown) = body[..end].split_once('\n').expect("a command line");
        let command = first.strip_prefix(PROMPT).expect("a prompt").to_owned();
        let example = Example {
            command,
            shown: shown.to_owned(),
        };
        examples.push((before.to_owned(), example));
        rest = &body[end + 3..];
    }
    (examples, rest.to_owned())
}

/// Runs a command line of the README; `?` in a path stands for one character, as in a shell.
fn run(command: &str) -> String {
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!("\"$QUORATE\" {command}"))
        .env("QUORATE", env!("CARGO_BIN_EXE_quorate"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("a shell");
    // A refuted claim is an answer, too.
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{command}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// Tables are padded at the right; nobody can see that in a README.
fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[test]
fn the_examples_print_what_the_readme_shows() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).expect("README.md");
    let (examples, tail) = split(&readme);
    assert!(examples.len() >= 2, "the README has examples");
    let update = std::env::var_os("UPDATE_README").is_some();
    let mut anew = String::new();
    for (before, example) in &examples {
        let printed = trimmed(&run(&example.command));
        if !update {
            assert_eq!(example.shown, printed, "$ quorate {}", example.command);
        }
        anew += &format!(
            "{before}```console\n{PROMPT}{}\n{printed}```",
            example.command
        );
    }
    if update {
        std::fs::write(path, anew + &tail).expect("README.md can be written");
    }
}
