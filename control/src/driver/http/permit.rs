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
use crate::config::{Role, Token};
use crate::driver::clock;
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
    /// The name of its token.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Writes into the audit log what it has done, or wanted to do.
    pub(super) fn note<T>(
        &self,
        action: &str,
        what: &str,
        outcome: &Result<T, Problem>,
    ) -> impl Future<Output = ()> + use<T> {
        self.note_turn(action, what, Turn::default(), outcome)
    }

    /// The same of an object of the configuration.
    pub(super) fn note_turn<T>(
        &self,
        action: &str,
        object: &str,
        turn: Turn,
        outcome: &Result<T, Problem>,
    ) -> impl Future<Output = ()> + use<T> {
        let outcome = match outcome {
            Ok(_) => "done",
            Err(problem) => problem.name(),
        };
        let (object, after) = (cut(object, WHAT_MAX), turn.after.as_deref());
        let what = cut(&format!("{object} {}", after.unwrap_or_default()), WHAT_MAX);
        let (token, role) = (&*self.name, self.role);
        tracing::info!(target: "audit", %token, %role, action, what = what.trim_end(), outcome);
        let kept = |text: String| cut(&text, DEFINITION_MAX);
        let deed = AuditRecord {
            at_unix_ms: clock::origin_unix_ms() + clock::now().as_millis(),
            token: token.to_owned(),
            role: role.to_string(),
            peer: self.peer.map(|Peer(peer)| peer.to_string()),
            action: action.to_owned(),
            object,
            before: turn.before.map(kept),
            after: turn.after.map(kept),
            outcome: outcome.to_owned(),
        };
        let asker = self.asker.clone();
        async move { asker.note(deed).await }
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
