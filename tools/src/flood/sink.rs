//! `rtpflood sink`: counts what arrives, and judges nothing.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::limits::THREADS_MAX;
use super::listener::{Listeners, Role};
use super::options::SinkOptions;
use super::ports;
use super::progress::Progress;
use super::report::Report;
use super::watch::Watch;
use crate::clock;
use crate::signals::Signals;

/// Runs it.
pub(super) fn run(options: &SinkOptions) -> Result<Report, Box<dyn Error>> {
    let signals = Signals::take()?;
    let mut sockets = Vec::new();
    for place in 0..options.ports {
        let port = place
            .checked_mul(2)
            .and_then(|ahead| options.port.checked_add(ahead));
        let port =
            port.ok_or("there are no ports above 65535: use fewer --ports, or a lower --port")?;
        let address = SocketAddr::new(options.address, port);
        let socket = ports::bind_at(address).map_err(|error| format!("{address}: {error}"))?;
        sockets.push((socket, Role::Counted));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(THREADS_MAX);
    let listeners = Listeners::start(&sockets, None, None, threads)?;
    let mut watch = Watch::new(listeners, None);
    let last = options.port + (options.ports - 1) * 2;
    let target = format!("{} ports {}-{last}", options.address, options.port);
    let began = Duration::from_nanos(clock::wall().as_nanos());
    let mut report = Report::new("sink", target, began);
    let progress = Progress::new(options.output.quiet);
    progress.phase("counting", options.seconds as usize);
    let end = clock::now() + Duration::from_secs(options.seconds.into());
    let mut is_interrupted = false;
    while clock::now() < end && !is_interrupted {
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: 100_000_000,
        };
        // Interrupted by another signal: looked at in the next turn.
        let _ = poll(&mut [PollFd::new(&signals, PollFlags::IN)], Some(&wait));
        is_interrupted = signals.came();
        if watch.look(0) {
            let heard = watch.last();
            progress.say(format!(
                "{} datagrams of {} sources",
                heard.datagrams, heard.streams
            ));
        }
        let left = end - clock::now();
        progress.after(Duration::from_secs(options.seconds.into()).saturating_sub(left));
    }
    drop(progress);
    report.own.sockets = sockets.len();
    report.own.threads = threads.min(sockets.len());
    watch.finish(0, &mut report);
    report.judge(is_interrupted);
    Ok(report)
}
