//! A new watcher: what it may watch, in which form, and the limits.

use std::net::SocketAddr;

use shared::Time;

use super::limits::LIST_ORBITS_MAX;
use super::watch::{Form, Full, Request, Scope, subscriber};
use super::{callpark, compose::EVENT_LIST, document};
use crate::call::Exchange;
use crate::call::refusal::reason;
use crate::park::Dialled;
use crate::sip::agent::{Reply, SubscriptionKey};
use crate::sip::header::{Header, split_parameters};
use crate::sip::message::Message;
use crate::sip::status::Status;
use crate::sip::uri::Uri;

/// Why nobody watches: the answer, and its reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Denial(Status, &'static str);

impl Exchange {
    /// Somebody subscribes.
    pub(crate) fn watched(
        &mut self,
        now: Time,
        key: SubscriptionKey,
        event: &str,
        request: &Message<'_>,
        source: SocketAddr,
    ) {
        match self.admit_watch(key, event, request, source) {
            Ok(reply) => {
                let user = self.lamps.get(key).map(|watch| watch.user.clone());
                let user = user.unwrap_or_default();
                self.agent
                    .accept_subscription(now, key, &user.replace("%23", "#"), reply);
                self.watch_refreshed(now, key);
            }
            Err(Denial(status, text)) => {
                tracing::info!(subscription = key.0, %status, "watch refused: {text}");
                let mut headers = vec![reason(status.code(), text)];
                if status == Status::SERVICE_UNAVAILABLE {
                    headers.push((Header::RetryAfter, RETRY_AFTER_S.to_owned()));
                }
                let reply = Reply {
                    headers,
                    body: None,
                };
                self.agent.refuse_subscription(now, key, status, reply);
            }
        }
    }

    fn admit_watch(
        &mut self,
        key: SubscriptionKey,
        event: &str,
        message: &Message<'_>,
        source: SocketAddr,
    ) -> Result<Reply, Denial> {
        if self.is_stopping() {
            return Err(Denial(Status::SERVICE_UNAVAILABLE, "Server stopping"));
        }
        let uri = message
            .request_uri()
            .and_then(|uri| Uri::parse(uri).ok())
            .ok_or(Denial(Status::BAD_REQUEST, "Request-URI"))?;
        let user = uri.user_unescaped().unwrap_or_default();
        let scope = self.scope(&user)?;
        let form = self.form(&scope, event, message)?;
        let host = match uri.port {
            Some(port) => format!("{}:{port}", uri.host),
            None => uri.host.to_string(),
        };
        let user = user.replace('#', "%23");
        let request = Request {
            scope,
            form,
            user: &user,
            host: &host,
            sees_dialogs: self.may_see_dialogs(source.ip()),
            subscriber: subscriber(message, source.ip()),
            version: 0,
        };
        match self.lamps.has_room(&request) {
            Err(Full::Subscriber) => {
                return Err(Denial(
                    Status::FORBIDDEN,
                    "Too many watches of one subscriber",
                ));
            }
            Err(Full::Resource) => {
                return Err(Denial(Status::SERVICE_UNAVAILABLE, "Too many watchers"));
            }
            Ok(()) => {}
        }
        self.lamps.insert(key, request);
        let mut reply = Reply::default();
        if form == Form::List {
            reply.headers.push((Header::Require, EVENT_LIST.to_owned()));
        }
        Ok(reply)
    }

    /// What a user part names: an orbit, also behind a feature code; the park address; a range.
    fn scope(&self, user: &str) -> Result<Scope, Denial> {
        let dialled = self.dialled(user);
        if let Some(orbit) = dialled.orbit() {
            return Ok(Scope::Orbit(orbit));
        }
        if dialled == Dialled::Park {
            return Ok(Scope::All);
        }
        match self.orbits.range_named(user) {
            Some((name, _)) => Ok(Scope::Range(name.into())),
            None => Err(Denial(Status::NOT_FOUND, "No such orbit or range")),
        }
    }

    fn form(&self, scope: &Scope, event: &str, message: &Message<'_>) -> Result<Form, Denial> {
        let is_orbit = matches!(scope, Scope::Orbit(_));
        if event == callpark::EVENT {
            return match is_orbit {
                true => Ok(Form::CallPark),
                false => Err(Denial(Status::NOT_FOUND, "No such orbit")),
            };
        }
        let accepts = |form: &str| accepts(message, form);
        if is_orbit {
            return match (
                accepts(document::CONTENT_TYPE),
                accepts(callpark::CONTENT_TYPE),
            ) {
                (true, _) => Ok(Form::Orbit),
                (false, true) => Ok(Form::CallPark),
                (false, false) => Err(Denial(
                    Status::NOT_ACCEPTABLE,
                    "Accept application/dialog-info+xml",
                )),
            };
        }
        if !accepts(document::CONTENT_TYPE) {
            let what = "Accept application/dialog-info+xml";
            return Err(Denial(Status::NOT_ACCEPTABLE, what));
        }
        let takes_lists = message
            .values(Header::Supported)
            .any(|tag| tag.trim().eq_ignore_ascii_case(EVENT_LIST));
        let is_short = match scope {
            Scope::Range(name) => self
                .orbits
                .range_named(name)
                .is_some_and(|(_, count)| count <= LIST_ORBITS_MAX),
            Scope::Orbit(_) | Scope::All => false,
        };
        match takes_lists && is_short {
            true => Ok(Form::List),
            false => Ok(Form::Many),
        }
    }
}

/// Whether a subscriber takes a form. One that does not say takes dialog-info (RFC 4235 §3.5).
fn accepts(message: &Message<'_>, form: &str) -> bool {
    if message.header(Header::Accept).is_none() {
        return form == document::CONTENT_TYPE;
    }
    let (kind, _) = form.split_once('/').unwrap_or((form, ""));
    message.values(Header::Accept).any(|value| {
        let (accepted, _) = split_parameters(value);
        let is_any = accepted == "*/*"
            || accepted
                .strip_suffix("/*")
                .is_some_and(|all| all.eq_ignore_ascii_case(kind));
        let is_any = is_any && form == document::CONTENT_TYPE;
        accepted.eq_ignore_ascii_case(form) || is_any
    })
}

/// What a 503 asks the subscriber to wait, in seconds.
const RETRY_AFTER_S: &str = "30";
