//! HTTP to the API: one request at a time, with limits in time and size.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use control::driver::http::{OrbitList, Problem};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Agent, Body, RequestBuilder};

use super::{Failure, trust};

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    agent: Agent,
    server: String,
    authorization: String,
}

/// What must hold for something to be changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Condition {
    /// Nothing.
    None,
    /// It is not there yet.
    IsNew,
    /// It still has this tag.
    Is(String),
}

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long an upload may take: the server gives it 30 s.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(40);
/// The longest answer that is read: 50,000 orbits fit.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Orbits of one request; the API gives no more.
const ORBITS_PER_LIST: usize = 10_000;

impl Condition {
    fn stated_in<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match self {
            Self::None => request,
            Self::IsNew => request.header("If-None-Match", "*"),
            Self::Is(tag) => request.header("If-Match", tag),
        }
    }
}

impl Client {
    /// `ca`: whose certificates are believed; those that this host trusts where it is `None`.
    ///
    /// # Errors
    /// [`Failure::Address`] for what is no address of an API, or no certificate.
    pub(crate) fn new(server: &str, token: String, ca: Option<&Path>) -> Result<Self, Failure> {
        let (is_encrypted, host) = match server.strip_prefix("https://") {
            Some(host) => (true, host),
            None => (false, server.strip_prefix("http://").unwrap_or("")),
        };
        let wrong = |rule: &str| Err(Failure::Address(format!("--server {server}: {rule}")));
        if host.is_empty() || host.starts_with('/') || host.contains(char::is_whitespace) {
            return wrong("write http://HOST:PORT such as http://127.0.0.1:8080, or https://…");
        }
        if !is_encrypted && !is_this_host(host) {
            return wrong(
                "another host, where the token would be sent in the clear; write https://",
            );
        }
        let config = Agent::config_builder()
            .tls_config(trust::config(ca, is_encrypted)?)
            .https_only(is_encrypted)
            .http_status_as_error(false)
            .max_redirects(0)
            // The API is on this host, or on one beside it.
            .proxy(None)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE));
        Ok(Self {
            agent: config.build().into(),
            server: server.trim_end_matches('/').to_owned(),
            authorization: format!("Bearer {token}"),
        })
    }

    /// What is there in the place of what was there, on a condition; what is there afterwards.
    pub(super) fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        what: &impl Serialize,
        condition: &Condition,
    ) -> Result<T, Failure> {
        let body = serde_json::to_string(what).map_err(std::io::Error::from)?;
        let request = self
            .agent
            .put(format!("{}{path}", self.server))
            .header("Authorization", &self.authorization)
            .header("Content-Type", "application/json");
        let request = condition
            .stated_in(request)
            .config()
            .timeout_global(Some(PATIENCE))
            .build();
        let response = request
            .send(&body)
            .map_err(|error| self.unreachable(&error))?;
        read(checked(response)?, &self.server)
    }

    /// Puts a file there, on a condition; what is there afterwards.
    pub(super) fn upload<T: DeserializeOwned>(
        &self,
        path: &str,
        bytes: &[u8],
        condition: &Condition,
    ) -> Result<T, Failure> {
        let request = self
            .agent
            .put(format!("{}{path}", self.server))
            .header("Authorization", &self.authorization)
            .header("Content-Type", "application/octet-stream");
        let request = condition.stated_in(request).config();
        let request = request
            .timeout_global(Some(UPLOAD_PATIENCE))
            .timeout_recv_response(Some(UPLOAD_PATIENCE))
            .build();
        let response = request
            .send(bytes)
            .map_err(|error| self.unreachable(&error))?;
        read(checked(response)?, &self.server)
    }

    /// A file that is under a path.
    pub(super) fn download(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let mut response = checked(self.answer(path)?)?;
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        body.read_to_vec().map_err(|error| self.unreachable(&error))
    }

    /// A text that is under a path.
    pub(crate) fn text(&self, path: &str) -> Result<String, Failure> {
        let mut response = checked(self.answer(path)?)?;
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        body.read_to_string()
            .map_err(|error| self.unreachable(&error))
    }

    /// Does something with a text of a type; what is told of it.
    pub(super) fn post_text<T: DeserializeOwned>(
        &self,
        path: &str,
        kind: &str,
        text: &str,
    ) -> Result<T, Failure> {
        let request = self.agent.post(format!("{}{path}", self.server));
        let request = request
            .header("Authorization", &self.authorization)
            .header("Content-Type", kind);
        let request = request.config().timeout_global(Some(PATIENCE)).build();
        let response = request
            .send(text)
            .map_err(|error| self.unreachable(&error))?;
        read(checked(response)?, &self.server)
    }

    /// What is under a path is gone.
    pub(super) fn delete(&self, path: &str) -> Result<(), Failure> {
        let request = self.agent.delete(format!("{}{path}", self.server));
        let request = request.header("Authorization", &self.authorization);
        let request = request.config().timeout_global(Some(PATIENCE)).build();
        let response = request.call().map_err(|error| self.unreachable(&error))?;
        checked(response).map(drop)
    }

    /// The same; what is not there is null, and new.
    pub(super) fn get_tagged_or_new<T: DeserializeOwned + Default>(
        &self,
        path: &str,
    ) -> Result<(T, Condition), Failure> {
        match self.get_tagged(path) {
            Err(Failure::Refused(problem)) if problem.status == 404 => {
                Ok((T::default(), Condition::IsNew))
            }
            other => other,
        }
    }

    /// What is under a path, and the tag that a change of it can name.
    pub(super) fn get_tagged<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<(T, Condition), Failure> {
        let response = checked(self.answer(path)?)?;
        let tag = response.headers().get("ETag");
        let tag = tag.and_then(|tag| tag.to_str().ok());
        let tag = tag.map_or(Condition::None, |tag| Condition::Is(tag.to_owned()));
        Ok((read(response, &self.server)?, tag))
    }

    /// What is under a path.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(checked(self.answer(path)?)?, &self.server)
    }

    fn answer(&self, path: &str) -> Result<Response<Body>, Failure> {
        let request = self.agent.get(format!("{}{path}", self.server));
        let request = request.header("Authorization", &self.authorization);
        let request = request.config().timeout_global(Some(PATIENCE)).build();
        request.call().map_err(|error| self.unreachable(&error))
    }

    /// Does something; what is there afterwards.
    pub(super) fn act<T: DeserializeOwned>(
        &self,
        path: &str,
        wish: &impl Serialize,
    ) -> Result<T, Failure> {
        read(self.send(path, wish)?, &self.server)
    }

    /// Does something of which nothing is left to be told.
    pub(super) fn post(&self, path: &str, wish: &impl Serialize) -> Result<(), Failure> {
        self.send(path, wish).map(drop)
    }

    fn send(&self, path: &str, wish: &impl Serialize) -> Result<Response<Body>, Failure> {
        let body = serde_json::to_string(wish).map_err(std::io::Error::from)?;
        let request = self.agent.post(format!("{}{path}", self.server));
        let request = request
            .header("Authorization", &self.authorization)
            .header("Content-Type", "application/json");
        let request = request.config().timeout_global(Some(PATIENCE)).build();
        let response = request
            .send(&body)
            .map_err(|error| self.unreachable(&error))?;
        checked(response)
    }

    /// Taken orbits: all of them, or the first `limit`.
    pub(super) fn orbits(
        &self,
        range: Option<&str>,
        limit: Option<usize>,
    ) -> Result<OrbitList, Failure> {
        let mut all = OrbitList {
            orbits: Vec::new(),
            next: None,
        };
        loop {
            let left = limit.map_or(ORBITS_PER_LIST, |limit| limit - all.orbits.len());
            let mut path = format!("/v1/orbits?limit={}", left.min(ORBITS_PER_LIST));
            for (name, value) in [("range", range), ("after", all.next.as_deref())] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", escaped(value)));
                }
            }
            let list: OrbitList = self.get(&path)?;
            all.orbits.extend(list.orbits);
            all.next = list.next;
            if all.next.is_none() || limit.is_some_and(|limit| all.orbits.len() >= limit) {
                return Ok(all);
            }
        }
    }

    /// An answer whose body comes as things happen.
    pub(super) fn listen(&self, path: &str) -> Result<Response<Body>, Failure> {
        let request = self.agent.get(format!("{}{path}", self.server));
        let request = request.header("Authorization", &self.authorization);
        let response = request.call().map_err(|error| self.unreachable(&error))?;
        checked(response)
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let text = error.to_string();
        let remedy = match error {
            ureq::Error::Timeout(_) => "the server is busy or hung: see its log",
            _ if text.contains("certificate") => {
                "nothing was sent; --ca FILE names the CA that has signed the server's \
                 certificate, and --server must be a name or address that stands in it"
            }
            _ if text.contains("corrupt message") => {
                "does it speak TLS? Without [api] certificate it does not: write http://"
            }
            _ => {
                "is orbitd running there (systemctl status orbitd), and does [api] listen say so? \
                 --server names another one"
            }
        };
        Failure::Unreachable {
            what: format!("{}: {error}", self.server),
            remedy,
        }
    }
}

/// Whether nobody else can hear what is sent to this host and port.
fn is_this_host(authority: &str) -> bool {
    let end = authority.find('/').unwrap_or(authority.len());
    let authority = &authority[..end];
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// A path of these parts, each written so that it is one.
pub(super) fn path(parts: &[&str]) -> String {
    parts
        .iter()
        .map(|part| format!("/{}", escaped(part)))
        .collect()
}

/// Everything but unreserved characters as %XX (RFC 3986 §2.1).
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

/// The answer, unless it is a refusal.
fn checked(mut response: Response<Body>) -> Result<Response<Body>, Failure> {
    let status = response.status().as_u16();
    if response.status().is_success() {
        return Ok(response);
    }
    let text = response.body_mut().read_to_string().unwrap_or_default();
    match serde_json::from_str::<Problem>(&text) {
        Ok(problem) if status == 401 || status == 403 => Err(Failure::Token(problem)),
        Ok(problem) => Err(Failure::Refused(problem)),
        Err(_) => Err(Failure::Unreachable {
            what: format!("the server answered {status}, and not as orbitd does"),
            remedy: "look what listens there; --server names another one",
        }),
    }
}

fn read<T: DeserializeOwned>(mut response: Response<Body>, server: &str) -> Result<T, Failure> {
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    let unreadable = |what: String| Failure::Unreachable {
        what: format!("{server}: {what}"),
        remedy: "are orbitctl and orbitd of one version?",
    };
    let text = body
        .read_to_string()
        .map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orbit_with_a_sign_is_one_part_of_the_path() {
        assert_eq!(path(&["v1", "orbits", "#701"]), "/v1/orbits/%23701");
        assert_eq!(
            path(&["v1", "orbits", "*7/../x"]),
            "/v1/orbits/%2A7%2F..%2Fx"
        );
    }

    #[test]
    fn what_is_no_address_is_said_before_anything_is_sent() {
        for wrong in [
            "127.0.0.1:8080",
            "https://",
            "http://192.0.2.1:8080",
            "http://127.0.0.1.example.com:8080",
            "http://[2001:db8::1]:8080",
            "http://user@127.0.0.1:8080",
            "http://",
            "http:///x",
            "http://a b",
        ] {
            let failure = Client::new(wrong, "token".to_owned(), None).unwrap_err();
            assert_eq!(failure.exit_code(), 2, "{wrong}");
            assert!(failure.to_string().contains(wrong), "{failure}");
        }
    }

    #[test]
    fn nobody_at_the_address_is_said_with_what_to_do() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = format!("http://{}", port.local_addr().unwrap());
        drop(port);
        let client = Client::new(&server, "token".to_owned(), None).unwrap();
        let failure = client.get::<serde_json::Value>("/v1/status").unwrap_err();
        assert_eq!(failure.exit_code(), 3);
        assert!(
            failure.to_string().contains("systemctl status orbitd"),
            "{failure}"
        );
    }
}
