//! What a world is like: how the server is configured, how phones, network and store behave.

use std::path::Path;
use std::time::Duration;

use control::config::{self, Config, Empty, MediaPath, OrbitRange, Overrides, Policy};

use crate::common::link::Quality;
use crate::common::phone::callee::RingHabit;
use crate::common::phone::elsewhere::ReplacesHabit;
use crate::common::phone::{Habits, ReinviteHabit};
use crate::common::seed::Seed;
use crate::common::site::Site;
use crate::common::{ms, secs};

/// The first phone.
const FALLBACK: &str = "sip:operator@198.51.100.1:5060";

/// The second phone belongs to the telephone network, where anybody asks.
pub(super) const PSTN: &str = "198.51.100.2";
pub(super) const PIN: &str = "4711";

/// A server and what is around it.
pub(super) fn site(number: u64, seed: &mut Seed) -> Site {
    let mut site = Site::default()
        .seed(number)
        .orbits(700, 700 + below(seed, 8));
    site.config.park.pickup_timeout = secs(seed.pick(&[10, 30, 90]));
    site.config.park.max_pickup_attempts = seed.pick(&[1, 2]);
    site.config.park.recall_ring_timeout = secs(seed.pick(&[5, 20]));
    site.config.park.on_timeout_uri = seed.pick(&[None, Some(FALLBACK)]).map(str::to_owned);
    // All end within the time that a world has at its end: a bridge of two phones that are
    // switched off, one of them holding, is found by nothing else.
    site.config.sip.session_expires = secs(seed.pick(&[90, 300, 600]));
    if seed.chance(50) {
        site.config.park.media = MediaPath::Released;
    }
    site.quality = Quality::any(seed);
    site.media.delay = seed.pick(&[(ms(0), ms(1)), (ms(1), ms(30)), (ms(100), ms(2_000))]);
    site.media.refuse_percent = seed.pick(&[0, 0, 0, 10]);
    site.workers
        .iter_mut()
        .for_each(|worker| worker.1 = seed.pick(&[3, 8, 512]));
    site.store_delay = Some(seed.pick(&[ms(1), ms(3), ms(60)]));
    site.store_spread = seed.pick(&[ms(0), ms(0), ms(40), ms(900)]);
    site.torn_percent = seed.pick(&[0, 0, 20]);
    if seed.chance(40) {
        add_site(&mut site.config);
    }
    if seed.chance(30) {
        site.config.policies = policies(seed.chance(80));
        site.config.party.pstn_networks = vec![format!("{PSTN}/32").parse().unwrap()];
    }
    if seed.chance(50) {
        // So that it shows whose call a lamp is lit for.
        site.config.park.reveal_dialogs_to = vec!["198.51.100.0/24".parse().unwrap()];
    }
    site.config.park.speech.announce = seed.chance(30);
    site.config.park.speech.comfort = seed.chance(30);
    if seed.chance(25) {
        site.config.orbit_ranges[0].empty = Empty::Park;
    }
    site
}

/// A second range, of a site with a waiting time of its own, whose members are two phones.
pub(super) fn add_site(config: &mut Config) {
    let paris = config::Site {
        members: ["phone1@example.com", "phone2@example.com"]
            .map(|who| who.parse().unwrap())
            .to_vec(),
        own: Overrides {
            pickup_timeout: Some(secs(20)),
            ..Overrides::default()
        },
    };
    config.park.sites.insert("paris".to_owned(), paris);
    let of_site = OrbitRange {
        name: "paris".to_owned(),
        start: 800,
        end: 803,
        site: Some("paris".to_owned()),
        ..config.orbit_ranges[0].clone()
    };
    config.orbit_ranges.push(of_site);
}

/// Who is of the telephone network needs a PIN to retrieve, and parks nothing; or one phone alone
/// parks.
pub(super) fn policies(all_park: bool) -> Vec<Policy> {
    let (scope, others) = match all_park {
        true => ("", ""),
        false => (
            "scope = \"users\"\nusers = [\"phone0@example.com\"]\n",
            "[[policy]]\nname = \"all\"\nretrieve = [\"internal\"]\n",
        ),
    };
    let text = format!(
        "{others}[[policy]]\nname = \"staff\"\n{scope}park = [\"internal\"]\nretrieve = \
         [\"internal\"]\nretrieve_with_pin = [\"pstn\"]\npin = \"{PIN}\""
    );
    let config = Config::parse(&text, "site.toml", Path::new(""));
    config.unwrap().policies
}

/// How somebody's phone behaves, and who uses it.
pub(super) fn phone(seed: &mut Seed) -> Habits {
    let payloads: &[u8] = seed.pick(&[&[0, 8], &[0, 8], &[8, 0], &[8], &[0], &[9, 8]]);
    let reinvite = match seed.below(20) {
        0..2 => ReinviteHabit::Late(seed.between(ms(50), secs(5))),
        2 => ReinviteHabit::Refuse(seed.pick(&[488, 491, 500, 603])),
        3 => ReinviteHabit::Ignore,
        _ => ReinviteHabit::Accept,
    };
    let replaces = match seed.below(10) {
        0..7 => ReplacesHabit::Accept(seed.between(Duration::ZERO, secs(3))),
        7..9 => ReplacesHabit::Refuse(seed.pick(&[302, 420, 481, 486, 488, 603])),
        _ => ReplacesHabit::Ignore,
    };
    let ring = match seed.below(10) {
        0..6 => RingHabit::Answer(seed.between(Duration::ZERO, secs(8))),
        6..8 => RingHabit::NobodyThere,
        _ => RingHabit::Refuse(seed.pick(&[302, 480, 486, 491, 603])),
    };
    Habits {
        payloads: payloads.to_vec(),
        ring,
        replaces,
        reinvite,
        anonymous_refer: false,
        excuses: seed.pick(&[0, 0, 0, 1, 2]),
        wrong_answers: 0,
        acks_forgotten: seed.pick(&[0, 0, 0, 0, 0, 0, 1, 3, u32::MAX]),
        offerless: seed.chance(15),
        answerless: seed.chance(5),
        moves: seed.chance(5),
        glare: seed.chance(20),
        update: seed.chance(40),
        info: seed.chance(20),
        hasty_percent: seed.pick(&[0, 0, 0, 5, 30]),
    }
}

pub(super) fn below(seed: &mut Seed, bound: u32) -> u32 {
    u32::try_from(seed.below(u64::from(bound))).unwrap()
}
