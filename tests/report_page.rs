//! `quorate report`: one page that stands alone.

#[path = "support/program.rs"]
mod program;

use program::{folder, run, succeeds};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders with results of small runs, and a claim that would like to break out.
fn results(name: &str) -> Vec<String> {
    let out = folder(name);
    let place = |what: &str| out.join(what).to_str().expect("a path in UTF-8").to_owned();
    let small = ["--replications", "12"];
    let pair = [
        "scenarios/galera-3/with-operator.toml",
        "scenarios/galera-3/as-printed.toml",
    ];
    let compare = place("compare");
    succeeds(&[&["compare", "--out", &compare][..], &pair, &small].concat());
    let advise = place("advise");
    let only = ["--change", "suspect-sooner,one-more-node"];
    succeeds(&[&["advise", pair[0], "--out", &advise][..], &only, &small].concat());
    let explain = place("explain");
    succeeds(&[
        "explain",
        pair[0],
        "--outage",
        "1",
        "--service",
        "write_anywhere",
        "--out",
        &explain,
    ]);
    let claims = place("claims");
    std::fs::create_dir_all(&claims).expect("folder");
    let book = Path::new(&claims).join("claims.toml");
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join(pair[0]);
    std::fs::copy(scenario, Path::new(&claims).join("three.toml")).expect("copied");
    std::fs::write(
        &book,
        r#"
name = "</script><script>document.title = 'broken out'</script>"
[design]
three = "three.toml"
[[claim]]
id = "any-two"
text = "<img src=x onerror=alert(1)> any two may fail"
holds = "survives(write_anywhere, any 2 at once)"
"#,
    )
    .expect("written");
    let refuted = run(&["claims", book.to_str().expect("UTF-8"), "--out", &claims]);
    assert_eq!(refuted.code, Some(1), "{}", refuted.stderr);
    vec![compare, advise, explain, claims]
}

fn page(name: &str, more: &[&str]) -> (PathBuf, String) {
    let folders = results(name);
    let path = folder(&format!("{name}-page")).join("report.html");
    let mut arguments = vec!["report", "-o", path.to_str().expect("UTF-8")];
    arguments.extend(folders.iter().map(String::as_str));
    arguments.extend(more);
    succeeds(&arguments);
    let text = std::fs::read_to_string(&path).expect("written");
    (path, text)
}

#[test]
fn the_page_needs_nothing_else_and_nothing_breaks_out_of_its_data() {
    let (_, text) = page("report-alone", &[]);
    for loads in ["src=\"http", "href=\"http", "@import", "url(", "<link"] {
        assert!(!text.contains(loads), "{loads}");
    }
    assert_eq!(
        text.matches("<script").count(),
        3,
        "the data, the strings, the script"
    );
    assert!(!text.contains("<img"));
    let from = text.find("id=\"data\">").expect("data") + "id=\"data\">".len();
    let data = &text[from..from + text[from..].find("</script>").expect("its end")];
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["compare"]["designs"][0]["scenario"], "with-operator");
    assert_eq!(data["claims"]["claims"][0]["verdict"], "refuted");
    assert!(data["explain"]["outage"]["timeline"].is_array());
    assert!(
        data["commands"][0]
            .as_str()
            .expect("text")
            .starts_with("quorate compare")
    );
    assert!(
        data["figure"]
            .as_str()
            .expect("the figure")
            .starts_with("<svg")
    );
}

#[test]
fn a_browser_draws_it_in_both_languages() {
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    let found = browsers.into_iter().find(|name| {
        let tried = Command::new(name).arg("--version").output();
        tried.is_ok_and(|output| output.status.success())
    });
    let Some(browser) = found else {
        eprintln!(
            "SKIPPED: there is no {} to open the page in",
            browsers.join(" or ")
        );
        return;
    };
    for (language, heading) in [("en", "Why not more"), ("ko", "왜 더 높지 않은가")] {
        let (path, _) = page(&format!("report-{language}"), &["--lang", language]);
        let profile = folder(&format!("report-profile-{language}"));
        let output = Command::new(browser)
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--dump-dom",
            ])
            .arg("--virtual-time-budget=3000")
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("file://{}", path.display()))
            .output()
            .expect("starts");
        let drawn = String::from_utf8_lossy(&output.stdout).into_owned();
        // The script says how many sections it has drawn when it has come to its end.
        assert!(
            drawn.contains("data-drawn=\"7\""),
            "{language}: it did not come to its end"
        );
        assert!(drawn.contains(heading), "{language}");
        assert!(
            !drawn.contains("broken out</title>"),
            "a claim has run as a script"
        );
        assert!(drawn.contains("&lt;img src=x"), "texts are shown as texts");
    }
}

#[test]
fn what_is_no_result_is_an_error_that_says_what_to_do() {
    let empty = folder("report-empty");
    let place = empty.to_str().expect("UTF-8");
    let nothing = run(&["report", place]);
    assert_eq!(nothing.code, Some(2));
    assert!(
        nothing.stderr.contains("there is no result in"),
        "{}",
        nothing.stderr
    );
    std::fs::write(empty.join("run.json"), "{").expect("written");
    let broken = run(&["report", place]);
    assert_eq!(broken.code, Some(2));
    assert!(
        broken.stderr.contains("run.json cannot be used"),
        "{}",
        broken.stderr
    );
    let missing = run(&["report", "no-such-folder"]);
    assert!(missing.stderr.contains("is no folder"));
}
