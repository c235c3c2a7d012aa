//! `rtpflood park`: callers park and listen; every stream of music is judged.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use dataplane::files::Files;
use dataplane::prompt::Prompt;
use shared::Codec;

use super::cut::{Cut, cut_short};
use super::listener::Role;
use super::options::ParkOptions;
use super::report::{Report, Spread};
use super::stage::{Cast, Stage, blame_calls};
use super::talkers::{Spoken, Talkers, Voice};
use crate::judge::Music;

/// Runs it.
pub(super) fn run(options: &ParkOptions) -> Result<Report, Box<dyn Error>> {
    let (music, named) = music(&options.music)?;
    let load = &options.load;
    let cast = Cast {
        phones: load.calls,
        role: Role::Parked,
        music,
        apart: Vec::new(),
        guests: Vec::new(),
    };
    let mut stage = Stage::set("park", &options.target, load, cast, &options.output)?;
    for phone in 0..load.calls as usize {
        let rtp = stage.rtp(phone);
        stage.exchange.add(rtp, None);
    }
    let mut spoken = Spoken::default();
    let talk = options.talk.then_some(&mut spoken);
    let played = play(load.calls as usize, &mut stage, talk);
    stage.hang_up();
    let (mut report, times) = stage.finish();
    let is_interrupted = cut_short(played)?;
    report.packets.music = named;
    report.take_spoken(spoken);
    report.pacing = Spread::of(&times.pacing);
    blame_calls(&mut report, options.refusals_ok);
    blame_pacing(&mut report, options.max_p999_ms);
    report.judge(is_interrupted);
    Ok(report)
}

fn play(calls: usize, stage: &mut Stage, talk: Option<&mut Spoken>) -> Result<(), Cut> {
    let took = stage.place("parking", 0..calls)?;
    stage.count_calls(calls, took);
    let Some(spoken) = talk else {
        stage.hold()?;
        stage.compare_streams(|_| None);
        return Ok(());
    };
    let voices = (0..calls).filter_map(|phone| voice(stage, phone)).collect();
    let threads = stage.report.own.threads;
    let talkers = Talkers::start(voices, threads).map_err(|error| Cut::Failed(error.into()))?;
    let held = stage.hold();
    stage.compare_streams(|_| None);
    *spoken = talkers.hush();
    held
}

/// What a parked phone says, if it is parked.
fn voice(stage: &Stage, phone: usize) -> Option<Voice> {
    Some(Voice {
        port: Arc::clone(stage.port(phone)),
        to: stage.exchange.phones().server_media(phone)?,
        pair: u32::try_from(phone).ok()?,
        side: 0,
        is_direct: false,
    })
}

/// What callers are to hear, with its name; neither for `none`.
pub(super) type Expectation = (Option<Arc<Music>>, Option<String>);

pub(super) fn music(name: &str) -> Result<Expectation, Box<dyn Error>> {
    let (prompt, named) = match name {
        "none" => return Ok((None, None)),
        "builtin" => (Prompt::builtin(), "the built-in music".to_owned()),
        file => {
            let prompt = Prompt::load(&Files::start()?, Path::new(file));
            let prompt = prompt.map_err(|error| format!("--music {file}: {error}"))?;
            (prompt, format!("the music of {file}"))
        }
    };
    let music = Music::new(prompt, Codec::Pcmu);
    Ok((Some(Arc::new(music)), Some(named)))
}

fn blame_pacing(report: &mut Report, bound: Option<f64>) {
    let Some((bound, pacing)) = bound.zip(report.pacing.as_ref()) else {
        return;
    };
    if pacing.p999_ms > bound {
        let late = pacing.p999_ms;
        let complaint = format!("99.9 % of packets within {late:.3} ms only, not {bound} ms");
        report.complaints.push(complaint);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn pacing_is_blamed_only_beyond_its_bound() {
        let mut report = Report::new("park", String::new(), Duration::ZERO);
        report.pacing = Some(Spread {
            p999_ms: 2.0,
            ..Spread::default()
        });
        blame_pacing(&mut report, None);
        blame_pacing(&mut report, Some(2.5));
        assert!(report.complaints.is_empty());
        blame_pacing(&mut report, Some(1.5));
        assert_eq!(report.complaints.len(), 1);
    }

    #[test]
    fn music_that_is_not_there_is_refused_by_its_name() {
        let error = music("nothing.wav").unwrap_err().to_string();
        assert!(error.contains("--music nothing.wav"), "{error}");
        assert!(music("none").unwrap().0.is_none());
    }
}
