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
    let (language, orbit) = ("en", "738");
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
    pause(Duration::from_secs(9));
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
        for other in digits.iter().filter(|other| other.name != *name) {
            let (_, other_likeness) = other.find(part);
            assert!(
                other_likeness < likeness,
                "{language}: {name} is {likeness:.3}, but {} is {other_likeness:.3}",
                other.name
            );
        }
        let ends = from.cast_signed() + begins + word.samples.len().cast_signed();
        // A jitter buffer that has dropped a packet is that much ahead.
        from = usize::try_from(ends).expect("it is behind its beginning") - RATE / 25;
    }
    let rest = &heard[from + RATE..from + 2 * RATE];
    let (place, likeness) = wav::find(rest, &wav::builtin_music());
    assert!(likeness > 0.9, "then music: {likeness:.3} at {place}");
}
