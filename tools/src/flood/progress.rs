//! A bar on the terminal while something takes long; nothing where there is no terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One bar, for one phase after another.
#[derive(Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(is_quiet: bool) -> Self {
        let bar = ProgressBar::new(1);
        if is_quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template(
            "  {prefix:<10} {bar:32.cyan/dim} {pos:>6}/{len:<6} {msg}",
        );
        bar.set_style(style.expect("the template is ours").progress_chars("━╸─"));
        Self(bar)
    }

    /// The next thing that takes long.
    pub(super) fn phase(&self, name: &'static str, length: usize) {
        self.0.set_length(length as u64);
        self.0.set_position(0);
        self.0.set_prefix(name);
        self.0.set_message("");
    }

    pub(super) fn at(&self, position: usize) {
        self.0.set_position(position as u64);
    }

    pub(super) fn after(&self, passed: Duration) {
        self.0.set_position(passed.as_secs());
    }

    pub(super) fn say(&self, message: String) {
        self.0.set_message(message);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
