//! The process, under the names that every Prometheus client uses: CPU, memory, descriptors,
//! threads. From /proc/self; what cannot be read there is left out.

use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::media::float;
use super::page::Page;

pub(super) fn write(page: &mut Page) {
    if let Some(stat) = fs::read_to_string("/proc/self/stat")
        .ok()
        .and_then(|text| Stat::parse(&text))
    {
        usage(page, &stat);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        page.gauge("process_open_fds", "Open descriptors.")
            .sample(&[], open.count());
    }
    if let Some(limit) = getrlimit(Resource::Nofile).current {
        page.gauge("process_max_fds", "Most descriptors it may open.")
            .sample(&[], limit);
    }
}

fn usage(page: &mut Page, stat: &Stat) {
    let ticks = float(clock_ticks_per_second());
    page.counter("process_cpu_seconds_total", "CPU time of all threads.")
        .sample(&[], float(stat.cpu_ticks) / ticks);
    page.gauge("process_resident_memory_bytes", "Memory in RAM.")
        .sample(&[], stat.resident_pages * page_size() as u64);
    page.gauge("process_virtual_memory_bytes", "Address space.")
        .sample(&[], stat.virtual_bytes);
    page.gauge("process_threads", "Threads.")
        .sample(&[], stat.threads);
    let booted = fs::read_to_string("/proc/stat").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("btime "))?;
        line.parse::<u64>().ok()
    });
    if let Some(booted) = booted {
        let help = "When it started, in seconds since 1970.";
        page.gauge("process_start_time_seconds", help)
            .sample(&[], float(booted) + float(stat.started_ticks) / ticks);
    }
}

/// What proc_pid_stat(5) says of a process.
#[derive(PartialEq, Eq, Debug)]
struct Stat {
    cpu_ticks: u64,
    threads: u64,
    started_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    /// The name of the program is in parentheses and may have any character, so the fields count
    /// from behind the last one.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        // proc_pid_stat(5) numbers from 1, and the state behind the name is the third.
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: number(14)? + number(15)?,
            threads: number(20)?,
            started_ticks: number(22)?,
            virtual_bytes: number(23)?,
            resident_pages: number(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_any_name() {
        let text = "7 (a) S 1 (x)) S 1 7 7 0 -1 4194560 90 0 0 0 31 11 0 0 20 0 4 0 9000 5242880 \
                    640 18446744073709551615 1 1";
        let stat = Stat {
            cpu_ticks: 42,
            threads: 4,
            started_ticks: 9_000,
            virtual_bytes: 5_242_880,
            resident_pages: 640,
        };
        assert_eq!(Stat::parse(text), Some(stat));
        assert_eq!(Stat::parse("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_memory_and_descriptors() {
        let mut page = Page::default();
        write(&mut page);
        let text = page.into_text();
        for name in [
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_start_time_seconds",
        ] {
            let line = text.lines().find(|line| line.starts_with(name));
            let value: f64 = line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap();
            assert!(value >= 0.0, "{name}");
        }
    }
}
