//! The voices: sums of decaying partials, none above the telephone band.

use std::f64::consts::{LN_2, SQRT_2, TAU};

use super::RATE_HZ;
use super::score::{Note, Voice};

/// How a voice sounds.
struct Timbre {
    /// Strength of each partial, the fundamental first.
    partials: &'static [f64],
    /// Samples until it is at full strength.
    attack: usize,
    /// Samples until half the strength of the fundamental is gone.
    half_life: f64,
    /// Samples until half of it is gone after the key is let go.
    release_half_life: f64,
    /// Two strings a key, this much apart in pitch, as a factor.
    spread: f64,
    gain: f64,
}

const STRINGS: Timbre = Timbre {
    partials: &[1.0, 0.30, 0.14, 0.05],
    attack: 4_800,
    half_life: 40_000.0,
    release_half_life: 1_800.0,
    spread: 0.001_7,
    gain: 0.16,
};

const PLUCKED: Timbre = Timbre {
    partials: &[1.0, 0.52, 0.32, 0.22, 0.12, 0.07],
    attack: 32,
    half_life: 2_900.0,
    release_half_life: 1_400.0,
    spread: 0.000_5,
    gain: 0.40,
};

const BASS: Timbre = Timbre {
    partials: &[1.0, 0.65, 0.32, 0.10],
    attack: 90,
    half_life: 5_600.0,
    release_half_life: 700.0,
    spread: 0.000_2,
    gain: 0.44,
};

const PIANO: Timbre = Timbre {
    partials: &[1.0, 0.42, 0.18, 0.15, 0.06],
    attack: 64,
    half_life: 5_200.0,
    release_half_life: 1_500.0,
    spread: 0.000_9,
    gain: 0.80,
};

/// Partials above this are left out, and those just below are soft.
const BAND_HZ: f64 = 3_300.0;

/// A note rings on until it is this faint.
const FAINT: f64 = 1.0 / 4_096.0;

/// Adds a note to the ring, round the end where it rings on.
pub(super) fn play(ring: &mut [f64], start: usize, held: usize, note: &Note) {
    let timbre = match note.voice {
        Voice::Strings => &STRINGS,
        Voice::Plucked => &PLUCKED,
        Voice::Bass => &BASS,
        Voice::Piano => &PIANO,
    };
    let mut multiple = 0.0;
    for strength in timbre.partials {
        multiple += 1.0;
        for detune in [1.0 - timbre.spread / 2.0, 1.0 + timbre.spread / 2.0] {
            let hertz = pitch_hz(note.pitch) * multiple * detune;
            if hertz > BAND_HZ {
                continue;
            }
            let gain = timbre.gain * note.strength * strength * (1.0 - hertz / BAND_HZ * 0.6);
            // High partials die first, as on any string.
            let half_life = timbre.half_life / (0.6 + 0.4 * multiple);
            partial(
                ring,
                start,
                held,
                timbre,
                &Partial {
                    hertz,
                    gain,
                    half_life,
                },
            );
        }
    }
}

struct Partial {
    hertz: f64,
    gain: f64,
    half_life: f64,
}

fn partial(ring: &mut [f64], start: usize, held: usize, timbre: &Timbre, partial: &Partial) {
    let (step_sine, step_cosine) = sine_cosine(TAU * partial.hertz / f64::from(RATE_HZ));
    let (mut sine, mut cosine) = (0.0, 1.0);
    let ringing = keep(partial.half_life);
    let released = keep(timbre.release_half_life);
    let mut strength = partial.gain;
    let mut place = start % ring.len();
    let mut age = 0;
    while strength > FAINT * partial.gain && age < ring.len() {
        ring[place] += strength * swell(age, timbre.attack) * sine;
        (sine, cosine) = (
            sine * step_cosine + cosine * step_sine,
            cosine * step_cosine - sine * step_sine,
        );
        strength *= if age < held { ringing } else { released };
        place = if place + 1 == ring.len() {
            0
        } else {
            place + 1
        };
        age += 1;
    }
}

/// Rises from 0 to 1 during the attack, without a corner at either end.
#[expect(clippy::cast_precision_loss, reason = "an attack is short")]
fn swell(age: usize, attack: usize) -> f64 {
    if age >= attack {
        return 1.0;
    }
    let part = age as f64 / attack as f64;
    part * part * (3.0 - 2.0 * part)
}

/// What a sample keeps of its strength to lose half in `half_life` samples: the exponential by its
/// series, which is exact to the last bits for so small a number.
fn keep(half_life: f64) -> f64 {
    let loss = LN_2 / half_life;
    1.0 - loss * (1.0 - loss / 2.0 * (1.0 - loss / 3.0 * (1.0 - loss / 4.0)))
}

fn pitch_hz(pitch: u8) -> f64 {
    /// The twelfth root of two, to the powers 0 to 11.
    const SEMITONES: [f64; 12] = [
        1.0,
        1.059_463_094_359_295_3,
        1.122_462_048_309_373,
        1.189_207_115_002_721,
        1.259_921_049_894_873_2,
        1.334_839_854_170_034_4,
        SQRT_2,
        1.498_307_076_876_681_5,
        1.587_401_051_968_199_4,
        1.681_792_830_507_429,
        1.781_797_436_280_678_5,
        1.887_748_625_363_387,
    ];
    // Pitch 9 is the lowest A: 440 Hz five octaves down.
    let above = usize::from(pitch - 9);
    let mut hertz = 13.75 * SEMITONES[above % 12];
    for _ in 0..above / 12 {
        hertz *= 2.0;
    }
    hertz
}

/// Sine and cosine by their series, for an angle below half a turn.
fn sine_cosine(angle: f64) -> (f64, f64) {
    let (mut sine, mut cosine) = (0.0, 0.0);
    let mut term = 1.0;
    let mut order = 0.0;
    for _ in 0..8 {
        // Four terms of e to the i times the angle: real, imaginary, and both again with the other
        // sign.
        for turn in 0..4 {
            match turn {
                0 => cosine += term,
                1 => sine += term,
                2 => cosine -= term,
                _ => sine -= term,
            }
            order += 1.0;
            term *= angle / order;
        }
    }
    (sine, cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_agree_with_the_library() {
        for n in 0..300 {
            let angle = f64::from(n) / 100.0;
            let (sine, cosine) = sine_cosine(angle);
            assert!((sine - angle.sin()).abs() < 1e-12 && (cosine - angle.cos()).abs() < 1e-12);
        }
        assert!((keep(1_000.0) - 0.5_f64.powf(0.001)).abs() < 1e-15);
        assert!((pitch_hz(69) - 440.0).abs() < 1e-9 && (pitch_hz(60) - 261.625_565).abs() < 1e-5);
    }
}
