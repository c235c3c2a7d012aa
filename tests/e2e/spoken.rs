//! What a phone is told in words: the orbit that was given, digit by digit, judged by what a real
//! phone has heard.

use std::time::Duration;

use crate::harness::baresip::Baresip;
use crate::harness::clock::pause;
use crate::harness::wav::{self, RATE};
use crate::harness::{Server, Settings};

const VOICE_HERTZ: f64 = 440.0;

/// Of each word this much is looked for, where it is loudest: little enough that a packet which the
/// phone's jitter buffer drops is rarely in it.
const PIECE: usize = RATE / 5;

/// How much later than its predecessor's end a word may begin.
const PAUSE_MAX: usize = RATE / 4;

/// What is said to a parker, and two seconds of music after it, in any language.
const SPEECH_MAX: Duration = Duration::from_secs(9);

/// A word that may be said.
struct Word {
    name: String,
    samples: Vec<i16>,
    /// Where its loudest part begins.
    loudest: usize,
}

impl Word {
    fn new(language: &str, name: &str) -> Self {
        let samples = wav::word(language, name);
        Self {
            name: name.to_owned(),
            loudest: wav::loudest(&samples, PIECE),
            samples,
        }
    }

    /// Where in a part of a recording it begins, if it is there, and how like it is.
    fn find(&self, part: &[i16]) -> (isize, f64) {
        let piece = &self.samples[self.loudest..self.loudest + PIECE];
        let (place, likeness) = wav::find(piece, part);
        (place.cast_signed() - self.loudest.cast_signed(), likeness)
    }
}

#[test]
fn row_61_a_parker_hears_the_orbit_that_was_given_digit_by_digit() {
    is_told("en", "738");
}

/// At the same time: each has a server and a phone of its own. With the one above, every digit is
/// said.
#[test]
fn row_61_a_parker_hears_it_in_each_language() {
    std::thread::scope(|scope| {
        for (language, orbit) in [("de", "214"), ("fr", "905"), ("it", "635"), ("es", "872")] {
            scope.spawn(move || is_told(language, orbit));
        }
    });
}

fn is_told(language: &str, orbit: &str) {
    let number = orbit.parse().expect("a number");
    let server = Server::start(&Settings {
        orbits: (number, number),
        park: format!("announce = true\nlanguage = \"{language}\""),
        ..Settings::default()
    });
    let mut phone = Baresip::start(&server.ports, 0, VOICE_HERTZ);
    phone.dial(&server.uri("park"));
    phone.wait_for("CALL_ESTABLISHED");
    assert_eq!(phone.contact_user(&server.address.to_string()), orbit);
    pause(SPEECH_MAX);
    phone.command("hangup", "");
    let heard = phone.quit();
    let digits = orbit.chars().chain(orbit.chars()).map(String::from);
    let expected: Vec<String> = ["parked-at".to_owned()].into_iter().chain(digits).collect();
    follow(&heard, language, &expected);
    server.stop();
}

/// Word after word, each where the one before has ended, and none of the other digits is more like
/// what is there.
fn follow(heard: &[i16], language: &str, expected: &[String]) {
    let digits: Vec<Word> = { (0..10).map(|digit| digit.to_string()) }
        .map(|name| Word::new(language, &name))
        .collect();
    let mut from = 0;
    for name in expected {
        let word = Word::new(language, name);
        // The recording begins when the first packet has come, the second word when the first ends.
        let end = (from + word.samples.len() + PAUSE_MAX).min(heard.len());
        let part = &heard[from..end];
        let (begins, likeness) = word.find(part);
        assert!(likeness > 0.9, "{language} {name}: {likeness:.3} at {from}");
        let begins = usize::try_from(from.cast_signed() + begins).unwrap_or(0);
        let ends = begins + word.samples.len();
        // The next word may begin in the part, too.
        let said = &heard[begins..ends.min(heard.len())];
        for other in digits.iter().filter(|other| other.name != *name) {
            let (_, other_likeness) = other.find(said);
            assert!(
                other_likeness < likeness,
                "{language}: {name} is {likeness:.3}, but {} is {other_likeness:.3}",
                other.name
            );
        }
        // A jitter buffer that has dropped a packet is that much ahead.
        from = ends - RATE / 25;
    }
    let rest = &heard[from + RATE..from + 2 * RATE];
    let (place, likeness) = wav::find(rest, &wav::builtin_music());
    assert!(likeness > 0.9, "then music: {likeness:.3} at {place}");
}
