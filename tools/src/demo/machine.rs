//! Whether the machine let the server run: a sender that is kept from its CPU cannot be on time.

use std::fs;
use std::time::Duration;

/// How long the media workers of this process were ready to run while something else had their CPU;
/// `None` where the kernel does not say (`/proc/self/task/TID/schedstat`).
pub(super) fn workers_waited() -> Option<Duration> {
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let mut waited = None;
    for task in tasks.flatten() {
        let is_worker = fs::read_to_string(task.path().join("comm"))
            .is_ok_and(|name| name.starts_with(WORKER_NAME));
        if is_worker {
            let figures = fs::read_to_string(task.path().join("schedstat")).ok()?;
            waited = Some(waited.unwrap_or_default() + run_delay(&figures)?);
        }
    }
    waited
}

/// As the data plane names its threads: `orbit-w0`.
const WORKER_NAME: &str = "orbit-w";

/// The second of three figures: nanoseconds on a CPU, nanoseconds waiting for one, number of turns.
fn run_delay(figures: &str) -> Option<Duration> {
    figures
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
        .map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_figure_is_the_time_without_a_cpu() {
        assert_eq!(
            run_delay("839346 116107 2\n"),
            Some(Duration::from_nanos(116_107))
        );
        assert_eq!(run_delay("839346"), None);
    }
}
