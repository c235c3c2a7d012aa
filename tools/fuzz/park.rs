//! The target of park requests: any bytes, as the body of an INVITE in Lync's words.

use control::park::ms_call_park::{
    BODY_BYTES_MAX, ParkRequest, ParkRequestError, REQUEST_ID_BYTES_MAX,
};

/// One body. What is read is within its limits, and what is written because of it is read again.
///
/// # Panics
/// When that is not so.
pub fn park_request(bytes: &[u8]) {
    let Ok(request) = ParkRequest::parse(bytes) else {
        return;
    };
    assert!(bytes.len() <= BODY_BYTES_MAX);
    let id = request.request_id();
    assert!((1..=REQUEST_ID_BYTES_MAX).contains(&id.len()));
    let text = String::from_utf8_lossy(bytes);
    for answer in [
        request.response(&text, id),
        request.notification(&text, Some(id)),
    ] {
        // It is well-formed, and about something else than a request.
        let again = ParkRequest::parse(&answer);
        let is_long = answer.len() > BODY_BYTES_MAX;
        let expected = match is_long {
            true => ParkRequestError::Xml,
            false => ParkRequestError::NoRequest,
        };
        assert_eq!(again, Err(expected), "{}", answer.escape_ascii());
    }
}
