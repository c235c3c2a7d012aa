//! A new watcher: what it may watch, in which form, and the limits.

use std::net::SocketAddr;

use shared::Time;

use super::limits::LIST_ORBITS_MAX;
use super::watch::{Form, Full, Request, Scope, subscriber};
use super::{callpark, compose::EVENT_LIST, document, presence};
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
        match (event, scope) {
            (callpark::EVENT, Scope::Orbit(_)) => Ok(Form::CallPark),
            (presence::EVENT, Scope::Orbit(_)) => form_of_presence(message),
            (callpark::EVENT | presence::EVENT, _) => {
                Err(Denial(Status::NOT_FOUND, "No such orbit"))
            }
            _ => self.form_of_dialogs(scope, message),
        }
    }

    fn form_of_dialogs(&self, scope: &Scope, message: &Message<'_>) -> Result<Form, Denial> {
        let accepts = Accepts::of(message, document::CONTENT_TYPE);
        let is_orbit = matches!(scope, Scope::Orbit(_));
        if !accepts.has(document::CONTENT_TYPE) {
            return match is_orbit && accepts.has(callpark::CONTENT_TYPE) {
                true => Ok(Form::CallPark),
                false => Err(Denial(
                    Status::NOT_ACCEPTABLE,
                    "Accept application/dialog-info+xml",
                )),
            };
        }
        if is_orbit {
            return Ok(Form::Orbit);
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

fn form_of_presence(message: &Message<'_>) -> Result<Form, Denial> {
    match Accepts::of(message, presence::CONTENT_TYPE).has(presence::CONTENT_TYPE) {
        true => Ok(Form::Presence),
        false => Err(Denial(
            Status::NOT_ACCEPTABLE,
            "Accept application/pidf+xml",
        )),
    }
}

/// What a subscriber takes.
struct Accepts<'a> {
    message: &'a Message<'a>,
    /// What its event package says where it says nothing (RFC 4235 §3.5, RFC 3856 §6.7).
    default: &'static str,
}

impl<'a> Accepts<'a> {
    fn of(message: &'a Message<'a>, default: &'static str) -> Self {
        Self { message, default }
    }

    /// Whatever is taken in general is taken in the package's own form.
    fn has(&self, form: &str) -> bool {
        let is_default = form == self.default;
        if self.message.header(Header::Accept).is_none() {
            return is_default;
        }
        let (kind, _) = form.split_once('/').unwrap_or((form, ""));
        self.message.values(Header::Accept).any(|value| {
            let (accepted, _) = split_parameters(value);
            let is_any = accepted == "*/*"
                || accepted
                    .strip_suffix("/*")
                    .is_some_and(|all| all.eq_ignore_ascii_case(kind));
            accepted.eq_ignore_ascii_case(form) || (is_any && is_default)
        })
    }
}

/// What a 503 asks the subscriber to wait, in seconds.
const RETRY_AFTER_S: &str = "30";
