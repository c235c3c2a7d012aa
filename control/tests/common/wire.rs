//! SIP text as the phones read and write it. On purpose not the server's own parser: two readers of
//! one text find out when one of them is wrong.

use std::fmt::Write as _;

/// A message taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) start: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Wire {
    pub(crate) fn new(start: impl Into<String>) -> Self {
        Self {
            start: start.into(),
            fields: Vec::new(),
            body: String::new(),
        }
    }

    /// What the server sent. It writes well-formed messages, or the test fails here.
    ///
    /// # Panics
    /// When it does not.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("the server writes UTF-8");
        let (head, body) = text
            .split_once("\r\n\r\n")
            .expect("a head ends with an empty line");
        let mut lines = head.split("\r\n");
        let mut wire = Self::new(lines.next().unwrap_or_default());
        for line in lines {
            let (name, value) = line.split_once(':').expect("a field has a colon");
            wire.fields
                .push((name.trim().to_owned(), value.trim().to_owned()));
        }
        wire.body = body.to_owned();
        let length = wire
            .header("Content-Length")
            .and_then(|value| value.parse().ok());
        assert_eq!(length, Some(body.len()), "Content-Length of {}", wire.start);
        wire
    }

    pub(crate) fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.fields.push((name.to_owned(), value.to_string()));
        self
    }

    /// The same message with another value in one field.
    pub(crate) fn replaced(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.fields
            .retain(|(field, _)| !field.eq_ignore_ascii_case(name));
        self.with(name, value)
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields
            .retain(|(field, _)| !field.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn sdp(self, body: impl Into<String>) -> Self {
        let mut wire = self.with("Content-Type", "application/sdp");
        wire.body = body.into();
        wire
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.fields {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        write!(
            text,
            "Content-Length: {}\r\n\r\n{}",
            self.body.len(),
            self.body
        )
        .unwrap();
        text.into_bytes()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A field every message has.
    ///
    /// # Panics
    /// When it is absent.
    pub(crate) fn must(&self, name: &str) -> &str {
        self.header(name)
            .unwrap_or_else(|| panic!("no {name} in {}", self.start))
    }

    /// The method of a request.
    pub(crate) fn method(&self) -> Option<&str> {
        (!self.start.starts_with("SIP/2.0 ")).then(|| self.start.split(' ').next().unwrap_or(""))
    }

    /// The status of a response.
    pub(crate) fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    pub(crate) fn branch(&self) -> &str {
        parameter(self.must("Via"), "branch").expect("a branch in Via")
    }

    pub(crate) fn cseq(&self) -> (u32, &str) {
        let (number, method) = self
            .must("CSeq")
            .split_once(' ')
            .expect("CSeq number and method");
        (number.parse().expect("a CSeq number"), method.trim())
    }

    pub(crate) fn tag(&self, field: &str) -> Option<&str> {
        parameter(self.must(field), "tag")
    }
}

/// A parameter of a header value, outside its angle brackets.
pub(crate) fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let outside = value.rsplit_once('>').map_or(value, |(_, rest)| rest);
    outside.split(';').skip(1).find_map(|part| {
        let (key, text) = part.split_once('=').unwrap_or((part, ""));
        key.trim().eq_ignore_ascii_case(name).then(|| text.trim())
    })
}

/// The URI of an address, without brackets.
pub(crate) fn uri(value: &str) -> &str {
    match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or(""),
        None => value.split(';').next().unwrap_or(""),
    }
}

/// Host and port of a URI, if it names an address.
pub(crate) fn host_of(uri: &str) -> Option<std::net::SocketAddr> {
    let rest = uri.strip_prefix("sip:")?;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = rest.split([';', '?']).next()?;
    host.parse().ok().or_else(|| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.parse()
            .ok()
            .map(|address| std::net::SocketAddr::new(address, 5060))
    })
}
