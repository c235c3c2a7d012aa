//! Bringing a parked call to a phone: asks for it, and says how it ends. The events tell that, so
//! they are listened to before anything is asked.

use std::io::{BufRead as _, BufReader, Write};

use control::driver::http::{Event, Fact, Orbit, Retrieve};

use super::Failure;
use super::client::{self, Client};
use super::events::ended;

/// What becomes of the call.
enum Outcome {
    Connected,
    /// Why not.
    Not(String),
}

/// Has the phone called, and waits until it has the call or will not have it.
pub(super) fn bring(
    client: &Client,
    orbit: &str,
    wish: &Retrieve,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let events = client.listen("/v1/events")?;
    let path = client::path(&["v1", "orbits", orbit, "retrieve"]);
    let begun: Orbit = client.act(&path, wish)?;
    let call = begun.call.map(|call| call.call).unwrap_or_default();
    for line in BufReader::new(events.into_body().into_reader()).lines() {
        let line = line.map_err(|error| ended(&error.to_string()))?;
        let Some(data) = line.strip_prefix("data: ") else {
            continue;
        };
        // The first one is a snapshot, which is no event.
        let Ok(event) = serde_json::from_str::<Event>(data) else {
            continue;
        };
        if event.call.as_deref() != Some(&*call) {
            continue;
        }
        if json {
            writeln!(out, "{data}")?;
        }
        match outcome(&event.fact) {
            None => {}
            Some(Outcome::Connected) if json => return Ok(()),
            Some(Outcome::Connected) => return Ok(writeln!(out, "connected to {}", wish.to)?),
            Some(Outcome::Not(why)) => return Err(Failure::NotConnected(why)),
        }
    }
    Err(ended("the stream has ended before the phone was connected"))
}

/// What an event of the call says about how it ends; nothing while it goes on.
fn outcome(fact: &Fact) -> Option<Outcome> {
    let not = |why: String| Some(Outcome::Not(why));
    match fact {
        Fact::Retrieved { way } if way == "chosen" => Some(Outcome::Connected),
        Fact::Retrieved { .. } => not("somebody else has the call by now".to_owned()),
        Fact::RecallEnded { recall, how, .. } if recall.whom != "chosen" || how == "answered" => {
            None
        }
        Fact::RecallEnded { how, status, .. } => not(match (&**how, status) {
            ("refused", Some(status)) => {
                format!("the phone refuses with {status}; the call waits on")
            }
            ("not-answered", _) => "nobody answers; the call waits on".to_owned(),
            ("retrieved-elsewhere", _) => "somebody has dialled the orbit meanwhile".to_owned(),
            ("call-over", _) => "the call has ended meanwhile".to_owned(),
            _ => "the phone could not be called; the call waits on".to_owned(),
        }),
        Fact::RetrieveFailed { way, why, .. } if way == "chosen" => not(format!(
            "the phone has answered, but: {why}; the call waits on"
        )),
        Fact::Ended { how, .. } => not(format!("the call has ended meanwhile: {how}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &str) -> Option<Result<(), String>> {
        match outcome(&serde_json::from_str::<Fact>(json).unwrap())? {
            Outcome::Connected => Some(Ok(())),
            Outcome::Not(why) => Some(Err(why)),
        }
    }

    #[test]
    fn how_it_ends_is_read_off_the_events() {
        let ended = |how: &str, whom: &str, status: &str| {
            let recall = format!(r#""whom":"{whom}","attempt":0,"how":"{how}""#);
            let event = format!(r#"{{"event":"recall-ended",{recall},"status":{status}}}"#);
            told(&event)
        };
        assert_eq!(ended("answered", "chosen", "null"), None);
        let busy = ended("refused", "chosen", "486").unwrap().unwrap_err();
        assert!(busy.contains("486") && busy.contains("waits on"), "{busy}");
        let silent = ended("not-answered", "chosen", "null").unwrap();
        assert!(silent.unwrap_err().contains("nobody answers"));
        assert_eq!(ended("refused", "parker", "486"), None, "another ring");
        let retrieved = |way: &str| told(&format!(r#"{{"event":"retrieved","way":"{way}"}}"#));
        assert_eq!(retrieved("chosen"), Some(Ok(())));
        assert!(retrieved("dialled").unwrap().is_err());
        let over = told(r#"{"event":"ended","how":"hung-up","by":"parkee"}"#);
        assert!(over.unwrap().unwrap_err().contains("hung-up"));
        assert_eq!(told(r#"{"event":"claimed","way":"chosen"}"#), None);
    }
}
