//! The JSON of an [`OrbitList`](super::OrbitList), written as its orbits come: each is dropped
//! while the processor's cache still has it. Ten thousand as one value are read and freed when it
//! no longer does, which is a fourth of the time of such an answer.
//!
//! Absent on purpose: which orbits.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use super::Orbit;

/// A list in the making.
#[derive(Debug)]
pub(super) struct ListText {
    text: Vec<u8>,
    orbits: usize,
}

impl ListText {
    pub(super) fn new() -> Self {
        Self {
            text: br#"{"orbits":["#.to_vec(),
            orbits: 0,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.orbits
    }

    /// The next orbit.
    pub(super) fn push(&mut self, orbit: &Orbit) {
        if self.orbits > 0 {
            self.text.push(b',');
        }
        self.orbits += 1;
        serde_json::to_writer(&mut self.text, orbit)
            .expect("it has no map whose keys are no text, and memory takes all that is written");
    }

    /// All that there is; `next` as in the list.
    pub(super) fn end(mut self, next: Option<&str>) -> Response {
        self.text.extend_from_slice(br#"],"next":"#);
        serde_json::to_writer(&mut self.text, &next).expect("as above");
        self.text.push(b'}');
        ([(CONTENT_TYPE, "application/json")], self.text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::Value;

    use super::*;
    use crate::driver::http::{OrbitList, OrbitState};

    #[test]
    fn it_is_what_the_list_is_as_one_value() {
        let orbit = |number: &str| Orbit {
            orbit: number.to_owned(),
            range: "\"quoted\"".to_owned(),
            state: OrbitState::Free,
            call: None,
        };
        for numbers in [&[][..], &["701"], &["701", "#702", "*703"]] {
            let list = OrbitList {
                orbits: numbers.iter().map(|number| orbit(number)).collect(),
                next: numbers.get(1).map(|next| (*next).to_owned()),
            };
            let mut text = ListText::new();
            list.orbits.iter().for_each(|orbit| text.push(orbit));
            assert_eq!(text.len(), numbers.len());
            let response = text.end(list.next.as_deref());
            assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.build().unwrap();
            let body = runtime.block_on(to_bytes(response.into_body(), 1 << 20));
            let written: Value = serde_json::from_slice(&body.unwrap()).unwrap();
            assert_eq!(written, serde_json::to_value(&list).unwrap());
        }
    }
}
