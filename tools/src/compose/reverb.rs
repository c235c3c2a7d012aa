//! A small room: four combs side by side with soft highs, then two all-pass diffusers.

/// Delays in samples, with no common divisor.
const COMBS: [usize; 4] = [239, 283, 331, 379];
const DIFFUSERS: [usize; 2] = [89, 37];

/// What a comb keeps at each turn; fades by 60 dB in about a second.
const KEPT: f64 = 0.78;

/// What the walls swallow of the highs.
const DAMPED: f64 = 0.35;

const WET: f64 = 0.16;

/// Adds the room. Twice round the ring: after the first turn the room rings as it does when the
/// piece repeats, and only the second is kept.
pub(super) fn apply(ring: &mut [f64]) {
    let mut combs = COMBS.map(|delay| Comb {
        line: vec![0.0; delay],
        place: 0,
        soft: 0.0,
    });
    let mut diffusers = DIFFUSERS.map(|delay| Diffuser {
        line: vec![0.0; delay],
        place: 0,
    });
    let mut room = |dry: f64| {
        let combed: f64 = combs.iter_mut().map(|comb| comb.step(dry)).sum();
        diffusers
            .iter_mut()
            .fold(combed, |sample, diffuser| diffuser.step(sample))
    };
    for sample in ring.iter() {
        room(*sample);
    }
    for sample in ring.iter_mut() {
        *sample += WET * room(*sample);
    }
}

struct Comb {
    line: Vec<f64>,
    place: usize,
    soft: f64,
}

impl Comb {
    fn step(&mut self, dry: f64) -> f64 {
        let out = self.line[self.place];
        self.soft = out + (self.soft - out) * DAMPED;
        self.line[self.place] = dry + self.soft * KEPT;
        self.place = (self.place + 1) % self.line.len();
        out
    }
}

struct Diffuser {
    line: Vec<f64>,
    place: usize,
}

impl Diffuser {
    fn step(&mut self, dry: f64) -> f64 {
        let delayed = self.line[self.place];
        let stored = dry + delayed * 0.5;
        self.line[self.place] = stored;
        self.place = (self.place + 1) % self.line.len();
        delayed - stored * 0.5
    }
}
