//! Captures, in front of a control thread and a writer that a test plays.

use shared::CaptureId;

use super::*;
use crate::capture::Wanted;
use crate::driver::capture::NotCaptured;

/// Nobody waits in any orbit, and each call is being captured.
pub(super) fn refusal(wanted: Wanted) -> Result<CaptureId, NotCaptured> {
    Err(match wanted {
        Wanted::Orbit(which) => NotCaptured::Refused(AskError::EmptyOrbit(which.orbit)),
        Wanted::Call(call) => NotCaptured::Already(call, CaptureId(1)),
    })
}

fn begin(bench: &Bench, role: Role, body: &str) -> Reply {
    let request = format!(
        "POST /v1/captures HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        bench.token(role),
        body.len()
    );
    bench.raw(request.as_bytes())
}

#[test]
fn row_64_who_may_only_look_captures_nothing() {
    let bench = Bench::new(idle);
    let refused = begin(&bench, Role::Viewer, r#"{"orbit":"701"}"#);
    assert_eq!(refused.problem(), (403, "role".to_owned()));
    for path in ["/v1/captures", "/v1/captures/1", "/v1/captures/1/file"] {
        assert_eq!(
            bench.get(path).problem(),
            (403, "role".to_owned()),
            "{path}"
        );
    }
    bench.end();
}

#[test]
fn a_wrong_wish_is_named_with_what_would_be_right() {
    let bench = Bench::new(idle);
    for (body, field, right) in [
        ("{}", "orbit", "name one of them"),
        (r#"{"call":"701"}"#, "call", "16 digits"),
        (
            r#"{"orbit":"701","seconds":0}"#,
            "seconds",
            "from 1 to 3600",
        ),
        (
            r#"{"orbit":"701","seconds":3601}"#,
            "seconds",
            "from 1 to 3600",
        ),
        (
            r#"{"orbit":"701","payload":true}"#,
            "payload",
            "unknown field",
        ),
    ] {
        let reply = begin(&bench, Role::Operator, body);
        assert_eq!(reply.status, 400, "{body}");
        let problem: Problem = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(problem.field.as_deref(), Some(field), "{body}");
        assert!(problem.detail.contains(right), "{}", problem.detail);
    }
    bench.end();
}

#[test]
fn what_is_not_there_or_not_possible_is_a_problem() {
    let bench = Bench::new(idle);
    let operator =
        |method: &str, path: &str| bench.send(method, path, Some(bench.token(Role::Operator)));
    let none = begin(&bench, Role::Operator, r#"{"orbit":"701"}"#);
    assert_eq!(none.problem(), (404, "empty-orbit".to_owned()));
    let twice = begin(&bench, Role::Admin, r#"{"call":"0123456789abcdef"}"#);
    assert_eq!(twice.problem(), (409, "already-captured".to_owned()));
    let wanted = [
        ("GET", "/v1/captures/1"),
        ("GET", "/v1/captures/1/file"),
        ("POST", "/v1/captures/1/stop"),
        ("DELETE", "/v1/captures/1"),
    ];
    for (method, path) in wanted {
        let gone = operator(method, path).problem();
        assert_eq!(gone, (404, "no-such-capture".to_owned()), "{method} {path}");
    }
    assert_eq!(operator("GET", "/v1/captures/x").problem().0, 400);
    let list: CaptureList = serde_json::from_str(&operator("GET", "/v1/captures").body).unwrap();
    assert!(list.captures.is_empty());
    bench.end();
}
