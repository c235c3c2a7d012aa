//! Who asks, and whether it may.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::routes::Desk;
use super::{Asker, Problem};
use crate::config::{ObjectName, Role, Token};
use crate::driver::clock;
use crate::driver::configuration::{Condition, Configuration, Unchanged, Wish};
use crate::store::AuditRecord;

/// Whose tokens are known.
#[derive(Clone, Debug)]
pub(super) struct Tokens(Arc<[Token]>);

impl Tokens {
    pub(super) fn new(tokens: &[Token]) -> Self {
        Self(tokens.into())
    }

    /// Whether there is nobody who could ask anything.
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Who has sent a request.
    fn caller(&self, headers: &HeaderMap) -> Result<&Token, Problem> {
        if self.are_none() {
            return Err(Problem::no_tokens());
        }
        let token = headers.get(AUTHORIZATION).and_then(bearer);
        let digest = Sha256::digest(token.ok_or_else(Problem::no_token)?);
        // All are compared, whichever it is: how long that takes says nothing about any of them.
        let mut known = None;
        for token in &*self.0 {
            if bool::from(token.sha256.ct_eq(&digest)) {
                known = Some(token);
            }
        }
        known.ok_or_else(Problem::unknown_token)
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    name: Arc<str>,
    role: Role,
    peer: Option<Peer>,
    asker: Asker,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// What an object of the configuration said, and was to say.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn {
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

impl Caller {
    /// Writes into the audit log what it has done, or wanted to do.
    pub(super) fn note<T>(
        &self,
        action: &str,
        what: &str,
        outcome: &Result<T, Problem>,
    ) -> impl Future<Output = ()> + use<T> {
        let deed = self.deed(action, what, Turn::default());
        let deed = deed.ended(outcome.as_ref().err());
        let asker = self.asker.clone();
        async move { asker.note(deed).await }
    }

    /// Changes the configuration. What is changed and the row of the audit log that tells of it
    /// become durable together; what was refused is noted afterwards.
    pub(super) async fn change(
        &self,
        configuration: &Configuration,
        (wishes, condition): (Vec<(ObjectName, Wish)>, Option<Condition>),
        deed: AuditRecord,
    ) -> Result<(), Problem> {
        let done = configuration.change(wishes, condition, deed.clone()).await;
        let is_noted = matches!(done, Ok(()) | Err(Unchanged::TakenBack(_)));
        let done = done.map_err(Problem::unchanged);
        let deed = deed.ended(done.as_ref().err());
        if !is_noted {
            self.asker.note(deed).await;
        }
        done
    }

    /// Something that it does to an object.
    pub(super) fn deed(&self, action: &str, object: &str, turn: Turn) -> AuditRecord {
        let kept = |text: String| cut(&text, DEFINITION_MAX);
        AuditRecord {
            token: self.name.to_string(),
            role: self.role.to_string(),
            peer: self.peer.map(|Peer(peer)| peer.to_string()),
            action: action.to_owned(),
            object: cut(object, WHAT_MAX),
            before: turn.before.map(kept),
            after: turn.after.map(kept),
            ..AuditRecord::default()
        }
    }
}

impl AuditRecord {
    /// It as it ended just now, which the log tells too.
    fn ended(self, problem: Option<&Problem>) -> Self {
        let outcome = problem.map_or(Self::DONE, Problem::name);
        let (object, after) = (&self.object, self.after.as_deref());
        let what = cut(&format!("{object} {}", after.unwrap_or_default()), WHAT_MAX);
        let (token, role, action) = (&self.token, &self.role, &self.action);
        tracing::info!(target: "audit", %token, %role, action, what = what.trim_end(), outcome);
        Self {
            at_unix_ms: clock::unix_ms(clock::now()),
            outcome: outcome.to_owned(),
            ..self
        }
    }
}

/// Signs of a client's that go into one line of the audit log.
const WHAT_MAX: usize = 200;
/// Signs of a definition that are kept of a deed.
const DEFINITION_MAX: usize = 4_000;

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// The token of an Authorization field (RFC 6750 §2.1).
fn bearer(value: &axum::http::HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token.as_bytes())
}

/// Lets a request pass whose sender has a role.
pub(super) async fn permit(
    State((desk, wanted)): State<(Desk, Role)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = desk.tokens.caller(request.headers())?;
    let caller = Caller {
        name: caller.name.as_str().into(),
        role: caller.role,
        peer: request.extensions().get().copied(),
        asker: desk.asker.clone(),
    };
    if caller.role < wanted {
        let refused = Problem::role(&caller.name, caller.role, wanted);
        if wanted > Role::Viewer {
            let (method, path) = (request.method(), request.uri().path());
            let outcome = Err(refused.clone());
            caller.note::<()>(method.as_str(), path, &outcome).await;
        }
        return Err(refused);
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Lets a request pass while there is anybody who has a token.
pub(super) async fn open(
    State(desk): State<Desk>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if desk.tokens.are_none() {
        return Err(Problem::no_tokens());
    }
    Ok(next.run(request).await)
}
