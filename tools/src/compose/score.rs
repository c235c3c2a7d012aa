//! The score: 24 bars in D major, four quarters each. Chords, an arpeggio through them, a bass, and
//! a melody.

/// Eighth notes in a bar.
pub(super) const EIGHTHS_PER_BAR: usize = 8;

/// Length of the piece.
pub(super) const BARS: usize = CHORDS.len();

/// Who plays a note.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Voice {
    /// The sustained chord behind everything.
    Strings,
    /// The arpeggio.
    Plucked,
    /// One or two notes a bar.
    Bass,
    /// The melody.
    Piano,
}

/// One note.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note {
    pub(super) voice: Voice,
    /// When, in eighths from the beginning.
    pub(super) eighth: usize,
    /// How long it is held, in eighths; it rings on.
    pub(super) eighths: usize,
    /// Semitones, A of 440 Hz is 69.
    pub(super) pitch: u8,
    /// Loudness of 1.0.
    pub(super) strength: f64,
    /// Milliseconds behind the beat.
    pub(super) late_ms: u8,
}

/// Every note of the piece.
pub(super) fn notes() -> Vec<Note> {
    let mut notes = Vec::new();
    for (bar, chord) in CHORDS.iter().enumerate() {
        strings(bar, chord, &mut notes);
        bass(bar, chord, &mut notes);
        arpeggio(bar, chord, &mut notes);
    }
    melody(&mut notes);
    notes
}

struct Chord {
    bass: u8,
    tones: [u8; 4],
}

const D: Chord = Chord {
    bass: 50,
    tones: [57, 61, 64, 66],
};
const D_OVER_F_SHARP: Chord = Chord {
    bass: 54,
    tones: [57, 62, 64, 69],
};
const E_MINOR: Chord = Chord {
    bass: 52,
    tones: [55, 59, 62, 66],
};
const F_SHARP_MINOR: Chord = Chord {
    bass: 54,
    tones: [57, 61, 64, 69],
};
const G: Chord = Chord {
    bass: 55,
    tones: [59, 62, 66, 69],
};
const G_MINOR: Chord = Chord {
    bass: 55,
    tones: [58, 62, 64, 67],
};
const A: Chord = Chord {
    bass: 57,
    tones: [57, 61, 64, 67],
};
const A_SUSPENDED: Chord = Chord {
    bass: 57,
    tones: [59, 62, 64, 67],
};
const B_MINOR: Chord = Chord {
    bass: 47,
    tones: [57, 62, 66, 69],
};

/// A bar each; a line is a phrase.
const CHORDS: [Chord; 24] = [
    D,
    B_MINOR,
    G,
    A_SUSPENDED, //
    D,
    F_SHARP_MINOR,
    G,
    A_SUSPENDED, //
    B_MINOR,
    G,
    D_OVER_F_SHARP,
    A, //
    B_MINOR,
    G,
    E_MINOR,
    A_SUSPENDED, //
    D,
    B_MINOR,
    G,
    G_MINOR, //
    D_OVER_F_SHARP,
    E_MINOR,
    G,
    A_SUSPENDED,
];

/// Which tone of the chord each eighth plays; from 4 on an octave higher.
const ARPEGGIOS: [[usize; EIGHTHS_PER_BAR]; 2] =
    [[0, 1, 2, 3, 5, 3, 2, 1], [0, 2, 1, 3, 4, 3, 1, 2]];

/// Bar, eighth within it, length in eighths, pitch.
const MELODY: [(usize, usize, usize, u8); 62] = [
    (0, 0, 3, 78),
    (0, 3, 1, 76),
    (0, 4, 4, 74),
    (1, 0, 2, 71),
    (1, 2, 2, 74),
    (1, 4, 4, 78),
    (2, 0, 3, 79),
    (2, 3, 1, 78),
    (2, 4, 2, 76),
    (2, 6, 2, 74),
    (3, 0, 6, 76),
    (4, 0, 3, 78),
    (4, 3, 1, 79),
    (4, 4, 4, 81),
    (5, 0, 2, 81),
    (5, 2, 2, 78),
    (5, 4, 4, 76),
    (6, 0, 2, 74),
    (6, 2, 2, 71),
    (6, 4, 2, 74),
    (6, 6, 2, 78),
    (7, 0, 4, 76),
    (7, 4, 4, 74),
    (8, 2, 2, 78),
    (8, 4, 2, 76),
    (8, 6, 2, 74),
    (9, 0, 4, 71),
    (9, 4, 4, 74),
    (10, 2, 2, 69),
    (10, 4, 2, 74),
    (10, 6, 2, 76),
    (11, 0, 6, 73),
    (12, 0, 3, 74),
    (12, 3, 1, 76),
    (12, 4, 4, 78),
    (13, 0, 3, 79),
    (13, 3, 1, 78),
    (13, 4, 4, 74),
    (14, 0, 2, 76),
    (14, 2, 2, 78),
    (14, 4, 2, 79),
    (14, 6, 2, 83),
    (15, 0, 6, 81),
    (16, 0, 3, 78),
    (16, 3, 1, 76),
    (16, 4, 4, 74),
    (17, 0, 2, 71),
    (17, 2, 2, 74),
    (17, 4, 4, 78),
    (18, 0, 3, 79),
    (18, 3, 1, 81),
    (18, 4, 4, 83),
    (19, 0, 4, 82),
    (19, 4, 4, 79),
    (20, 0, 6, 78),
    (21, 0, 2, 76),
    (21, 2, 2, 79),
    (21, 4, 4, 78),
    (22, 0, 4, 74),
    (22, 4, 4, 71),
    (23, 0, 2, 69),
    (23, 2, 4, 74),
];

fn strings(bar: usize, chord: &Chord, notes: &mut Vec<Note>) {
    notes.extend(chord.tones.map(|pitch| Note {
        voice: Voice::Strings,
        eighth: bar * EIGHTHS_PER_BAR,
        eighths: EIGHTHS_PER_BAR,
        pitch,
        strength: 1.0,
        late_ms: 0,
    }));
}

fn bass(bar: usize, chord: &Chord, notes: &mut Vec<Note>) {
    // The root on one; every other bar also on the last quarter, softly.
    for (eighth, eighths, strength) in [(0, 5, 1.0), (6, 2, 0.6)] {
        if eighth == 0 || bar % 2 == 1 {
            notes.push(Note {
                voice: Voice::Bass,
                eighth: bar * EIGHTHS_PER_BAR + eighth,
                eighths,
                pitch: chord.bass,
                strength,
                late_ms: 2,
            });
        }
    }
}

fn arpeggio(bar: usize, chord: &Chord, notes: &mut Vec<Note>) {
    for (eighth, step) in ARPEGGIOS[bar % 2].into_iter().enumerate() {
        let octave = if step < 4 { 0 } else { 12 };
        let accent = if eighth % 4 == 0 { 1.0 } else { 0.72 };
        notes.push(Note {
            voice: Voice::Plucked,
            eighth: bar * EIGHTHS_PER_BAR + eighth,
            eighths: 2,
            pitch: chord.tones[step % 4] + octave,
            strength: accent,
            late_ms: LATENESS_MS[(bar * 3 + eighth) % LATENESS_MS.len()],
        });
    }
}

fn melody(notes: &mut Vec<Note>) {
    for (place, (bar, eighth, eighths, pitch)) in MELODY.into_iter().enumerate() {
        let accent = if eighth == 0 { 1.0 } else { 0.85 };
        notes.push(Note {
            voice: Voice::Piano,
            eighth: bar * EIGHTHS_PER_BAR + eighth,
            eighths,
            pitch,
            strength: accent,
            late_ms: LATENESS_MS[place % LATENESS_MS.len()],
        });
    }
}

const LATENESS_MS: [u8; 7] = [3, 9, 5, 12, 0, 7, 10];
