//! The words that orbit says to callers, spoken by espeak-ng: each a small file of 8 kHz µ-law.
//!
//! espeak-ng is needed to make the recordings, not to play them.

use std::io;
use std::path::Path;
use std::process::Command;

use audio_codec_algorithms::encode_ulaw;
use control::config::Word;
use dataplane::prompt::decode::mono_8khz;

use crate::wav;

/// A language: its folder, the voice of espeak-ng, and what is said for each word.
type Language = (
    &'static str,
    &'static str,
    [&'static str; Word::COUNT as usize],
);

/// What is said.
const LANGUAGES: [Language; 5] = [
    (
        "en",
        "en-gb",
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "star",
            "hash",
            "The call is parked at",
            "Please hold. We will be right with you.",
            "Please enter your PIN, followed by the hash key.",
            "That PIN is not right.",
        ],
    ),
    (
        "fr",
        "fr-fr",
        [
            "zéro",
            "un",
            "deux",
            "trois",
            "quatre",
            "cinq",
            "six",
            "sept",
            "huit",
            "neuf",
            "étoile",
            "dièse",
            "L'appel est en attente au",
            "Veuillez patienter, nous sommes à vous dans un instant.",
            "Saisissez votre code, puis la touche dièse.",
            "Ce code n'est pas le bon.",
        ],
    ),
    (
        "de",
        "de",
        [
            "null",
            "eins",
            "zwei",
            "drei",
            "vier",
            "fünf",
            "sechs",
            "sieben",
            "acht",
            "neun",
            "Stern",
            "Raute",
            "Der Anruf wartet unter",
            "Bitte bleiben Sie am Apparat. Wir sind gleich für Sie da.",
            "Bitte geben Sie Ihre PIN ein, danach die Rautetaste.",
            "Diese PIN ist nicht richtig.",
        ],
    ),
    (
        "it",
        "it",
        [
            "zero",
            "uno",
            "due",
            "tre",
            "quattro",
            "cinque",
            "sei",
            "sette",
            "otto",
            "nove",
            "asterisco",
            "cancelletto",
            "La chiamata è in attesa al",
            "Resti in linea, per favore. Siamo subito da lei.",
            "Inserisca il PIN, seguito dal tasto cancelletto.",
            "Questo PIN non è corretto.",
        ],
    ),
    (
        "es",
        "es",
        [
            "cero",
            "uno",
            "dos",
            "tres",
            "cuatro",
            "cinco",
            "seis",
            "siete",
            "ocho",
            "nueve",
            "asterisco",
            "almohadilla",
            "La llamada está aparcada en",
            "No cuelgue, por favor. Enseguida le atendemos.",
            "Introduzca su PIN y pulse la tecla almohadilla.",
            "Ese PIN no es correcto.",
        ],
    ),
];

/// Writes every word of every language to `FOLDER/LANGUAGE/WORD.wav`.
///
/// # Errors
/// When espeak-ng is not there, or a file cannot be written.
pub fn record(folder: &Path) -> io::Result<()> {
    for (language, voice, texts) in LANGUAGES {
        let folder = folder.join(language);
        std::fs::create_dir_all(&folder)?;
        for (word, text) in Word::all().map(Word::name).zip(texts) {
            let file = wav::write_ulaw(&spoken(voice, text)?);
            std::fs::write(folder.join(format!("{word}.wav")), file)?;
        }
    }
    Ok(())
}

/// One text as µ-law at 8,000 Hz, without the silence around it but for a short rest behind.
fn spoken(voice: &str, text: &str) -> io::Result<Vec<u8>> {
    let espeak = Command::new("espeak-ng")
        .args(["-v", voice, "-s", "145", "-g", "1", "--stdout", text])
        .output()
        .map_err(|error| io::Error::other(format!("espeak-ng: {error}; install espeak-ng")))?;
    let samples = mono_8khz(&whole(espeak.stdout)).map_err(io::Error::other)?;
    let is_heard = |sample: &f32| sample.abs() > SILENCE;
    let first = samples.iter().position(is_heard).unwrap_or(0);
    let last = samples.iter().rposition(is_heard).unwrap_or(0);
    let heard = &samples[first.saturating_sub(MARGIN)..(last + MARGIN).min(samples.len())];
    let peak = heard
        .iter()
        .fold(SILENCE, |peak, sample| peak.max(sample.abs()));
    let level = |sample: &f32| to_16_bit(sample * PEAK / peak);
    let rest = std::iter::repeat_n(0, REST);
    Ok(heard
        .iter()
        .map(level)
        .chain(rest)
        .map(encode_ulaw)
        .collect())
}

/// espeak-ng writes to a pipe before it knows the length, which its header then lies about.
fn whole(mut file: Vec<u8>) -> Vec<u8> {
    let audio = u32::try_from(file.len().saturating_sub(44)).unwrap_or(u32::MAX);
    if file.len() > 44 {
        file[4..8].copy_from_slice(&(audio + 36).to_le_bytes());
        file[40..44].copy_from_slice(&audio.to_le_bytes());
    }
    file
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float that is too large becomes the largest number"
)]
fn to_16_bit(sample: f32) -> i16 {
    (sample * 32_767.0).round() as i16
}

/// Below this of full scale nothing is heard.
const SILENCE: f32 = 0.01;
/// Full scale less 6 dB.
const PEAK: f32 = 0.5;
/// Samples kept around what is heard.
const MARGIN: usize = 240;
/// Samples of silence behind a word.
const REST: usize = 800;
