//! The rules of `[media]` and `[music.NAME]`.

use shared::PromptId;

use super::*;

#[test]
fn media_addresses_lead_somewhere() {
    refused(
        r##"
[media]
address = "localhost"
=> 2: [media] address = "localhost": not understood; write an IP address of this host

[media]
address = "0.0.0.0"
=> 2: [media] address = "0.0.0.0": peers cannot be told this address; write advertise = "…"
   with the one they send their sound to

[media]
address = "224.0.0.1"
=> 2: [media] address = "224.0.0.1": not one host's; write an IP address of this host

[media]
advertise = "0.0.0.0"
=> 2: [media] advertise = "0.0.0.0": leads to no host; write the IP address that peers send
   their sound to

[media]
address = "::"
advertise = "192.0.2.1"
=> 3: [media] advertise = "192.0.2.1": not of the family of address = "::"; write the IP
   address that peers send their sound to
"##,
    );
}

#[test]
fn media_ports_are_a_range_with_a_pair() {
    refused(
        r##"
[media]
ports = "20000"
=> 2: [media] ports = "20000": not a range of ports; write FIRST-LAST such as "20000-59999"

[media]
ports = "0-100"
=> 2: [media] ports = "0-100": not a range of ports; write FIRST-LAST such as "20000-59999"

[media]
ports = "20000-70000"
=> 2: [media] ports = "20000-70000": not a range of ports; write FIRST-LAST such as
   "20000-59999"

[media]
ports = "20001-20000"
=> 2: [media] ports = "20001-20000": ends before it begins; write FIRST-LAST such as
   "20000-59999"

[media]
ports = "20001-20002"
=> 2: [media] ports = "20001-20002": no even port with the odd one above it; write FIRST-LAST
   such as "20000-59999"

[media]
ports = "20000-20000"
=> 2: [media] ports = "20000-20000": no even port with the odd one above it; write FIRST-LAST
   such as "20000-59999"

[media]
ports = "65535-65535"
=> 2: [media] ports = "65535-65535": no even port with the odd one above it; write FIRST-LAST
   such as "20000-59999"
"##,
    );
}

#[test]
fn workers_and_their_cpus_fit_together() {
    refused(
        r##"
[media]
workers = "many"
=> 2: [media] workers = "many": not a number of workers; write "auto" or a number from 1 to 64

[media]
workers = 0
=> 2: [media] workers = 0: not a number of workers; write "auto" or a number from 1 to 64

[media]
workers = 65
=> 2: [media] workers = 65: not a number of workers; write "auto" or a number from 1 to 64

[media]
workers = 1.5
=> 2: [media] workers = 1.5: not a number of workers; write "auto" or a number from 1 to 64

[media]
cpus = [1, 2, 1]
=> 2: [media] cpus = 1: written twice; each CPU carries one worker

[media]
cpus = [-1]
=> 2: [media] cpus = -1: not such a number; write numbers from 0 to 1023

[media]
cpus = [1024]
=> 2: [media] cpus = 1024: not such a number; write numbers from 0 to 1023

[media]
cpus = ["1"]
=> 2: [media] cpus = "1": not such a number; write numbers from 0 to 1023

[media]
workers = 3
cpus = [1, 2]
=> 2: [media] workers = 3: more than the 2 of cpus; write workers = "auto"
"##,
    );
}

#[test]
fn codecs_are_known_and_at_least_one_is_built() {
    refused(
        r##"
[media]
codecs = []
=> 2: [media] codecs = []: none that is built; write any of pcmu, pcma

[media]
codecs = ["opus", "g722"]
=> 2: [media] codecs = ["opus", "g722"]: none that is built; write any of pcmu, pcma

[media]
codecs = ["pcmu", "PCMU"]
=> 2: [media] codecs = "PCMU": written twice; strike one of the two

[media]
codecs = ["pmca"]
=> 2: [media] codecs = "pmca": unknown codec; did you mean pcma?

[media]
codecs = ["speex"]
=> 2: [media] codecs = "speex": unknown codec; write any of pcmu, pcma
"##,
    );
}

#[test]
fn latch_timeout_dscp_and_send_have_their_values() {
    refused(
        r##"
[media]
latch = "open"
=> 2: [media] latch = "open": unknown; write "closed" or "learn"

[media]
timeout = "1s"
=> 2: [media] timeout = "1s": shorter than 5s; write a duration from 5s to 1h

[media]
timeout = "2h"
=> 2: [media] timeout = "2h": longer than 1h; write a duration from 5s to 1h

[media]
dscp = 64
=> 2: [media] dscp = 64: out of range; write a number from 0 to 63

[media]
dscp = "EF"
=> 2: [media] dscp = "EF": not a whole number; write a number from 0 to 63, without quotes

[media]
send = "addressed"
=> 2: [media] send = "addressed": unknown; write "socket", "raw" or "packet"
"##,
    );
}

#[test]
fn packets_are_expedited_unless_the_network_wants_another_class() {
    let octet = |text| parse(text).unwrap().media.dscp.traffic_class();
    assert_eq!(octet(""), 0xb8);
    assert_eq!(octet("[media]\ndscp = 34"), 0x88);
    assert_eq!(octet("[media]\ndscp = 0"), 0);
}

#[test]
fn admission_is_a_percentage_that_leaves_room_for_calls() {
    refused(
        r##"
[media]
admission = 85
=> 2: [media] admission = 85: not a text; write "10%" to "100%", in quotes

[media]
admission = "0.85"
=> 2: [media] admission = "0.85": not a whole percentage; write "10%" to "100%"

[media]
admission = "85 %"
=> 2: [media] admission = "85 %": not a whole percentage; write "10%" to "100%"

[media]
admission = "101%"
=> 2: [media] admission = "101%": out of range; write "10%" to "100%"

[media]
admission = "9%"
=> 2: [media] admission = "9%": out of range; write "10%" to "100%"
"##,
    );
    let config = parse("[media]\nadmission = \"70%\"").unwrap();
    assert_eq!(config.media.admission, Share::percent(70));
    let config = parse("").unwrap();
    assert_eq!(config.media.admission, shared::limits::ADMISSION);
}

#[test]
fn music_has_a_file_and_a_mode() {
    refused(
        r##"
[music.default]
file = ""
=> 2: [music.default] file = "": empty; write "builtin", or the path of a wav, flac, mp3 or
   ogg file

[music.default]
mode = "random"
=> 2: [music.default] mode = "random": unknown; write "programme" or "from-start"

[music.jazz]
numbers = ["ann"]
=> 2: [music.jazz] numbers = "ann": not understood; write numbers such as "112", "2000-2999" or
   "+33140001000-+33140001999"

[music."a b"]
file = "x"
=> 1: [music.a b]: not a name; write letters, digits, ".", "_" or "-", at most 64
"##,
    );
}

#[test]
fn media_is_advertised_where_it_is_bound() {
    let config = parse("[media]\naddress = \"192.0.2.1\"").unwrap();
    assert_eq!(config.media.advertise, config.media.address);
}

#[test]
fn callers_from_elsewhere_with_media_on_loopback_are_warned_of() {
    let config = parse("[sip]\nlisten = [\"udp:192.0.2.1:5060\"]").unwrap();
    let expected = "site.toml: [media]: 127.0.0.1 is told to callers of 192.0.2.1:5060: those on \
                    other hosts will hear nothing; write address = \"…\" with an address of this \
                    host that they can reach";
    assert_eq!(config.warnings, [expected]);
}

#[test]
fn music_is_prepared_with_its_numbers_and_a_bad_file_is_named_with_its_line() {
    let text = "[music.zither]\nfile = \"z.wav\"\n\n[music.bells]\nfile = \"b.wav\"\n";
    let config = Config::parse(text, "site.toml", Path::new("/music")).unwrap();
    let name = |path: &Path| Ok::<_, String>(path.display().to_string());
    let spoken = |language: &str, word: &str| format!("{language} {word}");
    let prepared = config.prepare_prompts(|| "builtin".to_owned(), spoken, name);
    let prepared = prepared.unwrap();
    let files = ["/music/b.wav", "builtin", "/music/z.wav"].map(str::to_owned);
    let numbered: Vec<_> = (0..).map(PromptId).zip(files).collect();
    assert_eq!(prepared[..3], numbered);
    assert_eq!(prepared[3], (Word::Digit(0).prompt(), "en 0".to_owned()));
    let refuse = |path: &Path| match path.ends_with("z.wav") {
        true => Err("not a recording"),
        false => Ok(()),
    };
    let refused = config.prepare_prompts(|| (), |_, _| (), refuse);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.starts_with("site.toml:2: "), "{refused}");
    assert!(
        refused.contains("/music/z.wav: not a recording"),
        "{refused}"
    );
}

#[test]
fn row_61_words_are_said_in_the_language_of_the_operator_or_by_its_own_recordings() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("ours")).unwrap();
    std::fs::write(folder.path().join("ours/parked-at.ogg"), "").unwrap();
    let text = "[park]\nannounce = true\nlanguage = \"fr\"\nprompts = \"ours\"";
    let config = Config::parse(text, "site.toml", folder.path()).unwrap();
    let spoken = |language: &str, word: &str| format!("{language} {word}");
    let name = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy();
        Ok::<_, String>(format!("own {name}"))
    };
    let prepared = config.prepare_prompts(|| "builtin".to_owned(), spoken, name);
    let words = &prepared.unwrap()[1..];
    assert_eq!(words.len(), usize::from(Word::COUNT));
    let said = |word: Word| words.iter().find(|(prompt, _)| *prompt == word.prompt());
    assert_eq!(said(Word::Digit(7)).unwrap().1, "fr 7");
    assert_eq!(said(Word::ParkedAt).unwrap().1, "own parked-at.ogg");
    let damaged = |_: &Path| Err::<String, _>("not a recording");
    let refused = config.prepare_prompts(String::new, |_, _| String::new(), damaged);
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.starts_with("site.toml:4: [park] prompts = \"ours\": "),
        "{refused}"
    );
    assert!(
        refused.ends_with("parked-at.ogg: not a recording"),
        "{refused}"
    );
}

#[test]
fn words_have_a_language_that_ships_and_a_folder_that_is_there() {
    refused(
        r##"
[park]
language = "nl"
=> 2: [park] language = "nl": not there; write one of: en, fr, de, it, es

[park]
prompts = ""
=> 2: [park] prompts = "": empty; write the path of a folder with recordings such as 7.wav
"##,
    );
    let config = parse("[park]\nprompts = \"nowhere\"").unwrap();
    let prepared = config.prepare_prompts(|| (), |_, _| (), |_| Ok::<_, String>(()));
    let expected = "site.toml:2: [park] prompts = \"nowhere\": /etc/orbit/nowhere: no such folder";
    assert_eq!(prepared.unwrap_err().message, expected);
}

#[test]
fn music_keeps_its_number_whatever_comes_and_goes_beside_it() {
    let numbers = |config: &Config| -> Vec<u16> {
        config.music.values().map(|music| music.prompt.0).collect()
    };
    let first = parse("[music.jazz]\n[music.rock]").unwrap();
    assert_eq!(numbers(&first), [0, 1, 2], "default, jazz, rock");
    let mut second = parse("[music.alt]\n[music.rock]").unwrap();
    let last = second.number_as(&first, PromptId(2));
    assert_eq!(numbers(&second), [3, 0, 2], "alt, default, rock");
    let mut third = parse("[music.alt]\n[music.jazz]").unwrap();
    let last = third.number_as(&second, last);
    assert_eq!(numbers(&third), [3, 0, 4], "jazz is another one now");
    let mut fourth = parse("[music.alt]\n[music.jazz]\n[music.last]\n[music.most]").unwrap();
    let near_the_end = PromptId(shared::limits::PROMPTS_MAX - Word::COUNT - 2);
    assert!(near_the_end > last);
    let last = fourth.number_as(&third, near_the_end);
    assert_eq!(numbers(&fourth), [3, 0, 4, near_the_end.0 + 1, 1]);
    assert_eq!(last, PromptId(1), "it goes round");
}

#[test]
fn an_uploaded_recording_is_beside_the_store() {
    let digest = "0123456789abcdef".repeat(4);
    let text = format!("[store]\npath = \"orbit.db\"\n[music.jazz]\nrecording = \"{digest}\"\n");
    let jazz = &parse(&text).unwrap().music["jazz"];
    let expected = format!("/etc/orbit/orbit.db.music/{digest}");
    assert_eq!(jazz.file.as_deref(), Some(Path::new(&expected)));
    assert_eq!(jazz.recording.as_ref().unwrap().as_str(), digest);
    let without = format!("[music.jazz]\nrecording = \"{digest}\"\n");
    assert!(
        message(&without).ends_with("write [store] path"),
        "{}",
        message(&without)
    );
    let both = format!("{text}file = \"a.wav\"\n");
    assert!(
        message(&both).ends_with("strike one of them"),
        "{}",
        message(&both)
    );
    for wrong in ["", "0123", &digest.to_uppercase(), "../../etc/passwd"] {
        let text = format!("[store]\npath = \"a\"\n[music.jazz]\nrecording = \"{wrong}\"\n");
        assert!(message(&text).contains("64 digits"), "{wrong}");
    }
}
