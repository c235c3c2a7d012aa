//! The target of what captures withhold: any bytes, as a message that somebody has sent.

use control::capture::secrets::{call_id, withhold};
use control::sip::message::Message;

/// One message. What is withheld leaves its form; what a parser would read as credentials says
/// nothing any more; and it stays in the dialog it was in.
///
/// # Panics
/// When that is not so.
pub fn capture_secrets(bytes: &[u8]) {
    let mut withheld = bytes.to_vec();
    withhold(&mut withheld);
    assert_eq!(withheld.len(), bytes.len());
    for (before, after) in bytes.iter().zip(&withheld) {
        assert!(before == after || (*after == b'x' && !matches!(before, b'\r' | b'\n')));
    }
    let once = withheld.clone();
    withhold(&mut withheld);
    assert_eq!(withheld, once, "nothing is left to be withheld");
    let Ok(message) = Message::parse(&once) else {
        return;
    };
    for (name, value) in message.fields() {
        let names = ["Authorization", "Proxy-Authorization"];
        let is_secret = names.iter().any(|secret| name.eq_ignore_ascii_case(secret));
        let is_silent = |byte: u8| matches!(byte, b'x' | b'=' | b' ' | b'\t' | b'\r' | b'\n');
        assert!(!is_secret || value.bytes().all(is_silent), "{value:?}");
    }
    assert_eq!(call_id(&once), message.call_id().ok());
}
