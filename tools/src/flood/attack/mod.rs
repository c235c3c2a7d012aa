//! `rtpflood attack`: phones park and are bridged, new ones come and others move, while strangers
//! throw everything at their ports; then it is told whether the server sent anything astray, let
//! anything in, or lost a call.
//!
//! A server that learns addresses must believe whoever sends first: there, strangers leave out
//! what can be learned until a phone has spoken. One that is closed gets everything at any time.

mod assailant;
mod mouth;
mod packet;
mod raid;

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::cut::cut_short;
use super::limits::WAVES_MAX;
use super::listener::Role;
use super::options::{AttackOptions, Load};
use super::park::music;
use super::ports::{self, Port};
use super::report::{Attack, Report, Spread};
use super::scope::Scope;
use super::stage::{Cast, Stage, blame_calls};
use super::text::grouped;
use raid::Raid;

/// Strangers' sockets at each address.
const STRANGERS_PER_HOST: usize = 4;

/// Runs it.
pub(super) fn run(options: &AttackOptions) -> Result<Report, Box<dyn Error>> {
    let (music, named) = music(&options.music)?;
    let strangers = strangers(options)?;
    let pairs = options.pairs as usize;
    let bridged = std::iter::repeat_n(Role::Bridged, 2 * pairs);
    let fresh = std::iter::repeat_n(Role::Parked, FRESH_SOCKETS * waves(options) as usize);
    let cast = Cast {
        phones: options.calls,
        role: Role::Parked,
        music,
        apart: bridged.chain(fresh).collect(),
        guests: strangers
            .iter()
            .map(|port| (port.clone(), Role::Nobody))
            .collect(),
    };
    let load = Load {
        calls: options.calls,
        cps: CALLS_PER_SECOND,
        hold: options.seconds,
        sockets: Some(options.calls),
        threads: None,
    };
    let mut stage = Stage::set("attack", &options.target, &load, cast, &options.output)?;
    let mut raid = Raid::new(options, strangers);
    let played = raid.play(&mut stage);
    stage.hang_up();
    let mut attack = raid.finish();
    let strays = stage.watch.last().clone();
    let (mut report, times) = stage.finish();
    let is_interrupted = cut_short(played)?;
    report.packets.music = named.map(|music| format!("{music}, or what the other side said"));
    report.pacing = Spread::of(&times.pacing);
    attack.injected = strays.foes;
    judge(&mut attack, &mut report, strays.strays);
    report.notes.extend(too_slow(attack.packets, options));
    report.attack = Some(attack);
    blame_calls(&mut report, false);
    report.judge(is_interrupted);
    Ok(report)
}

/// Sockets that a wave of new phones takes: a phone, one behind a NAT with two, and where another
/// moves to.
const FRESH_SOCKETS: usize = 4;

/// How fast the first phones call.
const CALLS_PER_SECOND: u32 = 200;

/// How often new phones call.
fn waves(options: &AttackOptions) -> u32 {
    options.seconds.min(WAVES_MAX)
}

/// Sockets that no call is told of, at addresses of this machine.
fn strangers(options: &AttackOptions) -> Result<Vec<Port>, Box<dyn Error>> {
    let target = &options.target;
    let scope = Scope::new(&target.sip, &target.media, target.i_own_this_network)?;
    let local = target
        .local
        .map_or_else(|| ports::local_address(scope.sip), Ok)?;
    let mut hosts = vec![local];
    if local == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        hosts.extend([66, 67].map(|last| IpAddr::from([127, 0, 0, last])));
    }
    hosts.extend(&options.attack_from);
    let mut strangers = Vec::new();
    for host in hosts {
        for _ in 0..STRANGERS_PER_HOST {
            let port = ports::bind_at(SocketAddr::new(host, 0));
            let port = port.map_err(|error| format!("--attack-from {host}: {error}"))?;
            strangers.push(port);
        }
    }
    Ok(strangers)
}

/// Says so where the attack was weaker than asked for.
fn too_slow(packets: u64, options: &AttackOptions) -> Option<String> {
    let (asked, sent) = (
        u64::from(options.rate),
        packets / u64::from(options.seconds),
    );
    (sent < asked / 5 * 4).then(|| {
        format!(
            "{} attacking packets a second were sent of the {} asked for: this machine was too \
             busy, or phones of a learning server were spared until they had spoken",
            grouped(sent),
            grouped(asked)
        )
    })
}

/// Draws the figures together, and complains.
fn judge(attack: &mut Attack, report: &mut Report, to_strangers: u64) {
    let packets = &report.packets;
    attack.strays = to_strangers + (packets.unsignalled + packets.lingering) as u64;
    let dismissed = report.calls.as_ref().map_or(0, |calls| calls.dismissed);
    attack.hijacks = (packets.unheard + packets.silenced + packets.crossed + dismissed) as u64;
    report.complain_of(to_strangers, "packets were sent to the attacker");
    report.complain_of(attack.injected, "packets of the attack came out at a phone");
    let deaf = attack.behind_nat - attack.latched.min(attack.behind_nat);
    if attack.must_latch {
        report.complain_of(deaf as u64, "phones behind a NAT got no audio");
    }
    let stuck = attack.moves.0 - attack.moves.1.min(attack.moves.0);
    report.complain_of(stuck as u64, "moves by re-INVITE were not agreed to");
    if attack.packets == 0 {
        report
            .complaints
            .push("nothing was sent: no attack took place".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn complaints(spoil: impl Fn(&mut Attack, &mut Report) -> u64) -> usize {
        let mut attack = Attack {
            packets: 1_000,
            behind_nat: 3,
            latched: 3,
            must_latch: true,
            moves: (2, 2),
            ..Attack::default()
        };
        let mut report = Report::new("attack", String::new(), Duration::ZERO);
        let to_strangers = spoil(&mut attack, &mut report);
        judge(&mut attack, &mut report, to_strangers);
        report.complaints.len()
    }

    #[test]
    fn an_attack_without_effect_is_clean_and_each_effect_is_named() {
        assert_eq!(complaints(|_, _| 0), 0);
        assert_eq!(complaints(|_, _| 1), 1, "a stray");
        let spoils: [fn(&mut Attack); 4] = [
            |attack| attack.injected = 1,
            |attack| attack.latched = 2,
            |attack| attack.moves.1 = 1,
            |attack| attack.packets = 0,
        ];
        for (place, spoil) in spoils.into_iter().enumerate() {
            let count = complaints(|attack, _| {
                spoil(attack);
                0
            });
            assert_eq!(count, 1, "effect {place}");
        }
    }

    #[test]
    fn an_attack_weaker_than_asked_for_says_so() {
        use clap::Parser as _;

        let line = [
            "rtpflood",
            "attack",
            "--sip",
            "127.0.0.1:9",
            "--rate",
            "1000",
        ];
        let arguments = crate::flood::Arguments::parse_from(line);
        let crate::flood::options::Command::Attack(options) = &arguments.command else {
            unreachable!("the command line says attack");
        };
        assert_eq!(too_slow(9_500, options), None);
        let note = too_slow(5_000, options).unwrap();
        assert!(
            note.starts_with("500 ") && note.contains("1,000 asked"),
            "{note}"
        );
    }

    #[test]
    fn a_call_that_lost_its_audio_or_itself_is_hijacked() {
        let mut attack = Attack::default();
        let mut report = Report::new("attack", String::new(), Duration::ZERO);
        report.packets.silenced = 2;
        report.packets.unsignalled = 1;
        judge(&mut attack, &mut report, 5);
        assert_eq!((attack.hijacks, attack.strays), (2, 6));
    }
}
