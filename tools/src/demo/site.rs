//! What a server for the demo is configured with, and whether the machine allows it.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use control::config::limits::ORBITS_PER_RANGE_MAX;
use control::config::{Config, OrbitRange};
use control::sip::transport::Transport;
use dataplane::files::Files;
use dataplane::prompt::Prompt;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shared::Codec;

use crate::judge::Music;

/// A caller needs one descriptor, and its stream another.
const DESCRIPTORS_PER_CALL: u64 = 2;

/// The rest of the process: SIP, rings, doorbells, threads.
const DESCRIPTORS_BESIDE: u64 = 100;

/// Below the ports that Linux gives to the callers, so that the two do not compete.
const RTP_PORTS: (u16, u16) = (4_096, 32_767);

/// Raises the limit of open files to what the calls need.
pub(super) fn check_descriptors(calls: u32) -> Result<(), Box<dyn Error>> {
    let needed = u64::from(calls) * DESCRIPTORS_PER_CALL + DESCRIPTORS_BESIDE;
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    if needed > most {
        let fit = most.saturating_sub(DESCRIPTORS_BESIDE) / DESCRIPTORS_PER_CALL;
        return Err(format!(
            "{calls} calls need {needed} open files, and this process may have {most}: \
             use --calls {fit}, or raise the hard limit (ulimit -Hn {needed} as root, or \
             LimitNOFILE={needed} in a unit)"
        )
        .into());
    }
    if limit.current.is_some_and(|current| current < needed) {
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit.maximum,
                maximum: limit.maximum,
            },
        )?;
    }
    Ok(())
}

/// The operator's music and workers, but on loopback, on free ports, and with an orbit for each
/// call.
pub(super) fn configure(mut config: Config, calls: u32) -> Config {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    config.sip.listen = vec![(Transport::Udp, SocketAddr::new(loopback, 0))];
    config.sip.advertise = None;
    config.sip.trusted = "127.0.0.0/8".parse().into_iter().collect();
    config.media.address = loopback;
    config.media.advertise = loopback;
    config.media.ports = RTP_PORTS;
    config.media.codecs = Codec::ALL.to_vec();
    // Nobody retrieves these callers: they wait as long as the demo can last.
    config.park.pickup_timeout = Duration::from_secs(600);
    config.orbit_ranges = orbit_ranges(calls);
    config
}

/// Ranges with an orbit for each of so many calls.
pub(crate) fn orbit_ranges(calls: u32) -> Vec<OrbitRange> {
    (0..calls.div_ceil(ORBITS_PER_RANGE_MAX))
        .map(|number| {
            let start = 100_000 + number * ORBITS_PER_RANGE_MAX;
            let count = (calls - number * ORBITS_PER_RANGE_MAX).min(ORBITS_PER_RANGE_MAX);
            OrbitRange {
                name: format!("demo-{number}"),
                prefix: None,
                start,
                end: start + count - 1,
                ..OrbitRange::default()
            }
        })
        .collect()
}

/// What the callers are to hear; `None` when they are to hear silence.
pub(super) fn music(config: &Config) -> Result<Option<Arc<Music>>, Box<dyn Error>> {
    if !config.park.music_on_hold {
        return Ok(None);
    }
    let file = config
        .music
        .get(&config.park.music)
        .and_then(|music| music.file.as_deref());
    let prompt = match file {
        None => Prompt::builtin(),
        Some(path) => Prompt::load(&Files::start()?, path)
            .map_err(|error| format!("{}: {error}", path.display()))?,
    };
    Ok(Some(Arc::new(Music::new(prompt, Codec::Pcmu))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_orbit_for_each_call() {
        for calls in [1, 10_000, 10_001] {
            let count: u32 = orbit_ranges(calls).iter().map(OrbitRange::count).sum();
            assert_eq!(count, calls);
        }
    }

    #[test]
    fn too_many_calls_for_the_machine_are_refused_with_a_number_that_fits() {
        if getrlimit(Resource::Nofile)
            .maximum
            .is_some_and(|most| most < 1_000_000_000)
        {
            let message = check_descriptors(u32::MAX).unwrap_err().to_string();
            assert!(
                message.contains("--calls") && message.contains("LimitNOFILE"),
                "{message}"
            );
        }
    }
}
