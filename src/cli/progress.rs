//! Progress on stderr, and Ctrl-C.

use crate::runner::Watcher;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Set by the first Ctrl-C; the second one ends the program at once.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// A bar with the time left, where somebody can see it.
pub struct Progress {
    what: String,
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// A bar for one run; `quiet` hides it.
    pub fn new(what: &str, quiet: bool) -> Progress {
        let bar = if quiet || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr())
        };
        if let Ok(style) = ProgressStyle::with_template(
            "{msg:28!} [{bar:30}] {pos}/{len} replications, {eta} left (Ctrl-C keeps what is done)",
        ) {
            bar.set_style(style.progress_chars("=> "));
        }
        Progress {
            what: what.to_owned(),
            bar,
            stop: catch_interrupt(),
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watcher for Progress {
    fn progress(&self, done: u64, of: u64) {
        self.bar.set_length(of);
        self.bar.set_message(self.what.clone());
        self.bar.set_position(done);
    }

    fn stop(&self) -> &AtomicBool {
        &self.stop
    }
}

fn catch_interrupt() -> Arc<AtomicBool> {
    STOP.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let seen = flag.clone();
        // Without a handler Ctrl-C simply ends the program, which is no worse.
        let _ = ctrlc::set_handler(move || {
            if seen.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
        flag
    })
    .clone()
}
