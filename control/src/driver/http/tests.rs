//! The API as a client sees it: over TCP, in front of a control thread that a test plays.

mod captures;
mod configure;
mod events;
mod music;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use shared::{NoRecorder, Time};
use tokio::sync::{broadcast, mpsc};
use utoipa::OpenApi as _;

use super::asker::Asked;
use super::openapi::Document;
use super::*;
use crate::ask::{self, Answer, Ask, AskError, OrbitPage, OrbitView, StatusView};
use crate::config::{Api, Config, ConfigError, OrbitRange, Overlay, RangeKind, Role, Token};
use crate::driver::configuration::{Configuration, Step};
use crate::driver::metrics::{self, Metrics};
use crate::driver::reactor::Arrival;
use crate::driver::studio::Studio;
use crate::happening::{self, CallNumber, Dialect, Happening};
use crate::store::{AuditRecord, ObjectChange, StoreError};

/// A running API, and a token of each role.
struct Bench {
    address: SocketAddr,
    tokens: Vec<NewToken>,
    arrivals: mpsc::Sender<Arrival>,
    news: broadcast::Sender<Arc<Happening>>,
    control: JoinHandle<u32>,
    thread: JoinHandle<()>,
}

type Answers = fn(Ask) -> Option<Result<Answer, AskError>>;

type Keep = dyn Fn(&[ObjectChange]) -> Result<(), StoreError> + Send;

/// What the control thread and the store say to changes of the configuration.
struct Says {
    may: fn(&Config) -> Result<(), ConfigError>,
    keep: Box<Keep>,
    take: fn(&Config) -> Result<(), ConfigError>,
    /// What the store has of deeds.
    deeds: std::cell::RefCell<Vec<AuditRecord>>,
}

impl Says {
    fn step(&self, step: Step) {
        match step {
            Step::Try(config, reply) => reply.send((self.may)(&config)).unwrap(),
            Step::Keep(changes, deed, reply) => {
                let kept = (self.keep)(&changes);
                let kept = kept.inspect(|()| self.deeds.borrow_mut().push(*deed));
                reply.send(kept).unwrap();
            }
            Step::Take(config, reply) => reply.send((self.take)(&config)).unwrap(),
        }
    }
}

impl Default for Says {
    fn default() -> Self {
        Self {
            may: |_| Ok(()),
            keep: Box::new(|_| Ok(())),
            take: |_| Ok(()),
            deeds: std::cell::RefCell::default(),
        }
    }
}

impl Bench {
    fn new(answers: Answers) -> Self {
        Self::with(answers, &Role::ALL)
    }

    fn with(answers: Answers, roles: &[Role]) -> Self {
        Self::of(answers, roles, Config::default(), Says::default())
    }

    /// One whose file says `config`, and with a store if that says so.
    fn of(answers: Answers, roles: &[Role], config: Config, says: Says) -> Self {
        let tokens: Vec<_> = roles
            .iter()
            .map(|role| NewToken::make(role.name(), *role).unwrap())
            .collect();
        let (arrivals, waiting) = mpsc::channel(16);
        let (news, happenings) = broadcast::channel(1_024);
        let serving = Serving {
            api: Api {
                listen: "127.0.0.1:0".parse().unwrap(),
                certificate: None,
                tokens: tokens.iter().map(known).collect(),
            },
            tls: None,
            reload: Arc::default(),
            stats: Arc::default(),
            node: "edge-1".to_owned(),
            asker: Asker::new(arrivals.clone()),
            configuration: Configuration::new(
                config.clone(),
                (Overlay::default(), config.clone()),
                Studio::new(
                    Arc::new(music::Jukebox::default()),
                    config.store.recordings(),
                ),
                arrivals.clone(),
            ),
            happenings,
            metrics: Metrics {
                node: "edge-1".into(),
                workers: Vec::new(),
                store: None,
                records: Arc::default(),
                api: Arc::default(),
                recorder: Arc::new(NoRecorder),
            },
        };
        let socket = bind(serving.api.listen).unwrap();
        let listening = start(socket, serving).unwrap();
        Self {
            news,
            address: listening.address,
            tokens,
            arrivals,
            control: std::thread::spawn(move || control(waiting, answers, says)),
            thread: listening.thread,
        }
    }

    fn token(&self, role: Role) -> &str {
        let place = Role::ALL.iter().position(|one| *one == role).unwrap();
        self.tokens[place].token()
    }

    /// What a viewer gets.
    fn get(&self, path: &str) -> Reply {
        self.send("GET", path, Some(self.token(Role::Viewer)))
    }

    fn send(&self, method: &str, path: &str, token: Option<&str>) -> Reply {
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: here\r\n{}Connection: close\r\n\r\n",
            token.unwrap_or_default()
        );
        self.raw(request.as_bytes())
    }

    fn raw(&self, request: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        Reply::of(&text)
    }

    /// The control thread ends, and so does the API. How often it was told to drain.
    fn end(self) -> u32 {
        self.arrivals.blocking_send(Arrival::Stop).unwrap();
        let drained = self.control.join().unwrap();
        self.thread.join().unwrap();
        assert!(
            TcpStream::connect(self.address).is_err(),
            "the port is free"
        );
        drained
    }
}

fn known(token: &NewToken) -> Token {
    let lines = token.lines();
    let config = Config::parse(&lines, "made", std::path::Path::new("")).unwrap();
    config.api.unwrap().tokens.remove(0)
}

/// Answers until it is told to stop. What has no answer stays open. How often it was told to drain.
fn control(mut arrivals: mpsc::Receiver<Arrival>, answers: Answers, says: Says) -> u32 {
    let (mut asked, mut drained) = (Asked::default(), 0);
    while let Some(arrival) = arrivals.blocking_recv() {
        match arrival {
            Arrival::Ask(ask, reply) => {
                let id = asked.enter(reply);
                if let Some(answer) = answers(ask) {
                    asked.answer(id, answer);
                }
            }
            Arrival::Figures(reply) => reply.send(metrics::Figures::default()).unwrap(),
            Arrival::Configure(step) => says.step(step),
            Arrival::ForStore(work) => says.keep_deeds(work),
            Arrival::Capture(wish) => wish.reply.send(captures::refusal(wish.wanted)).unwrap(),
            Arrival::Drain => drained += 1,
            Arrival::Stop => return drained,
            other => panic!("{other:?}"),
        }
    }
    drained
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        Self {
            status: head
                .split(' ')
                .nth(1)
                .map_or(0, |code| code.parse().unwrap()),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The last part of a problem's type, after its form was looked at.
    fn problem(&self) -> (u16, String) {
        assert!(
            self.head.contains("content-type: application/problem+json"),
            "{}",
            self.head
        );
        let problem: Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        let name = problem
            .kind
            .strip_prefix("urn:problem-type:orbit:")
            .unwrap();
        (self.status, name.to_owned())
    }
}

/// A node with nothing to tell.
#[expect(clippy::unnecessary_wraps, reason = "other tests leave questions open")]
fn idle(ask: Ask) -> Option<Result<Answer, AskError>> {
    Some(match ask {
        Ask::Orbits(_) => Ok(Answer::Orbits(OrbitPage::default())),
        Ask::Orbit(number) => Err(AskError::NoSuchOrbit(number)),
        Ask::HangUp(which) => Err(AskError::EmptyOrbit(which.orbit)),
        Ask::Move { to, .. } => Ok(Answer::Orbit(Box::new(view(to.parse().unwrap_or(1))))),
        Ask::Deliver { to, .. } => Err(AskError::NotCallable(to)),
        Ask::Park { call, .. } => Err(AskError::NoConversation(call)),
        Ask::Draw(_) => Ok(Answer::Drawn(ask::Drawn {
            free: 0,
            orbits: Vec::new(),
        })),
        Ask::Ranges => Ok(Answer::Ranges(Vec::new())),
        Ask::Status => Ok(Answer::Status(StatusView {
            is_serving: true,
            ..StatusView::default()
        })),
    })
}

fn view(number: usize) -> OrbitView {
    OrbitView {
        orbit: number.to_string(),
        range: "front-desk".to_owned(),
        state: ask::OrbitState::Parked,
        call: Some(ask::WaitingCall {
            call: CallNumber(0xa),
            call_id: "a@b".to_owned(),
            parkee: ask::PartyView {
                display: Some("Ann".to_owned()),
                uri: "sip:ann@example.com".to_owned(),
            },
            parker: None,
            since: Some(Time::ZERO),
            deadline: None,
            recalls: 0,
            recalls_max: 3,
            music: Some("default".to_owned()),
        }),
    }
}

#[test]
fn health_needs_no_token() {
    let bench = Bench::with(idle, &[]);
    let live = bench.send("GET", "/health/live", None);
    assert_eq!((live.status, &*live.body), (200, r#"{"status":"live"}"#));
    let ready = bench.send("GET", "/health/ready", None);
    assert_eq!((ready.status, &*ready.body), (200, r#"{"status":"ready"}"#));
    bench.end();
}

#[test]
fn a_server_that_ends_is_live_and_not_ready() {
    let ending = |_| Some(Ok(Answer::Status(StatusView::default())));
    let bench = Bench::with(ending, &[]);
    assert_eq!(bench.send("GET", "/health/live", None).status, 200);
    let ready = bench.send("GET", "/health/ready", None);
    assert_eq!(ready.problem(), (503, "not-ready".to_owned()));
    assert!(ready.head.contains("retry-after: 1"), "{}", ready.head);
    bench.end();
}

#[test]
fn without_any_token_all_else_is_refused_with_how_to_make_one() {
    let bench = Bench::with(idle, &[]);
    for path in ["/", "/openapi.json", "/metrics", "/v1/orbits", "/v1/status"] {
        let refused = bench.send("GET", path, Some("orbit_0"));
        assert_eq!(refused.problem(), (403, "no-tokens".to_owned()), "{path}");
        assert!(refused.body.contains("orbitd token"), "{}", refused.body);
    }
    bench.end();
}

#[test]
fn who_has_no_token_or_a_wrong_one_is_told_so() {
    let bench = Bench::new(idle);
    for path in [
        "/metrics",
        "/v1/orbits",
        "/v1/orbits/701",
        "/v1/ranges",
        "/v1/status",
    ] {
        let without = bench.send("GET", path, None);
        assert_eq!(without.problem(), (401, "no-token".to_owned()), "{path}");
        assert!(
            without.head.contains("www-authenticate: bearer"),
            "{}",
            without.head
        );
        let wrong = bench.send("GET", path, Some("orbit_0"));
        assert_eq!(wrong.problem(), (401, "unknown-token".to_owned()), "{path}");
    }
    let basic = "GET /v1/status HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\n\
                 Connection: close\r\n\r\n";
    assert_eq!(
        bench.raw(basic.as_bytes()).problem(),
        (401, "no-token".to_owned())
    );
    bench.end();
}

#[test]
fn each_role_may_look() {
    let bench = Bench::new(idle);
    for role in Role::ALL {
        let token = Some(bench.token(role));
        assert_eq!(bench.send("GET", "/v1/status", token).status, 200, "{role}");
    }
    let page = bench.get("/metrics").body;
    assert!(page.contains("\norbit_calls 0\n"), "{page}");
    bench.end();
}

#[test]
fn an_orbit_is_told_with_its_moments_on_the_wall_clock() {
    let bench = Bench::new(|_| Some(Ok(Answer::Orbit(Box::new(view(701))))));
    let orbit = bench.get("/v1/orbits/701").json();
    assert_eq!(orbit["state"], "parked");
    assert_eq!(orbit["call"]["parkee"]["display"], "Ann");
    assert_eq!(orbit["call"]["parker"], Value::Null);
    let since = orbit["call"]["since"].as_str().unwrap();
    assert!(since.starts_with("20") && since.ends_with('Z'), "{since}");
    assert_eq!(orbit["call"]["deadline"], Value::Null);
    bench.end();
}

#[test]
fn an_orbit_is_named_as_it_is_dialled() {
    let bench = Bench::new(|ask| match ask {
        Ask::Orbit(number) => Some(Err(AskError::NoSuchOrbit(number))),
        _ => None,
    });
    let refused = bench.get("/v1/orbits/%23701");
    assert_eq!(refused.problem(), (404, "no-such-orbit".to_owned()));
    assert!(refused.body.contains("#701"), "{}", refused.body);
    assert_eq!(
        bench.get("/v1/orbits/%ff").problem(),
        (400, "bad-parameter".to_owned())
    );
    bench.end();
}

#[test]
fn a_long_list_is_put_together_from_pages() {
    let bench = Bench::new(|ask| match ask {
        Ask::Orbits(ask) => {
            let first = ask
                .after
                .map_or(1_000, |after| after.parse::<usize>().unwrap() + 1);
            let end = first + ask.limit.min(ask::limits::ORBITS_PER_PAGE_MAX);
            Some(Ok(Answer::Orbits(OrbitPage {
                orbits: (first..end.min(2_700)).map(view).collect(),
                has_more: end < 2_700,
            })))
        }
        _ => None,
    });
    let all = bench.get("/v1/orbits?limit=10000").json();
    assert_eq!(all["orbits"].as_array().unwrap().len(), 1_700);
    assert_eq!(all["next"], Value::Null);
    let some = bench.get("/v1/orbits?limit=600&after=1099").json();
    assert_eq!(some["orbits"].as_array().unwrap().len(), 600);
    assert_eq!(some["next"], "1699");
    let usual = bench.get("/v1/orbits").json();
    assert_eq!(usual["orbits"].as_array().unwrap().len(), 100);
    bench.end();
}

#[test]
fn a_wrong_parameter_is_named_with_what_would_be_right() {
    let bench = Bench::new(idle);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("lmit=1", "lmit"),
    ] {
        let refused = bench.get(&format!("/v1/orbits?{query}"));
        assert_eq!(
            refused.problem(),
            (400, "bad-parameter".to_owned()),
            "{query}"
        );
        assert_eq!(refused.json()["field"], field, "{query}: {}", refused.body);
    }
    let refused = bench.get("/v1/orbits?limit=ten");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert_eq!(detail, "limit is not a number from 1 to 10000; write one");
    bench.end();
}

#[test]
fn what_is_not_there_is_a_problem_as_well() {
    let bench = Bench::new(idle);
    assert_eq!(bench.get("/v2").problem(), (404, "no-such-path".to_owned()));
    let post = bench.send("POST", "/v1/status", Some(bench.token(Role::Admin)));
    assert_eq!(post.problem(), (405, "no-such-method".to_owned()));
    bench.end();
}

#[test]
fn no_more_questions_are_under_way_than_may_be() {
    let bench = Bench::new(|ask| match ask {
        Ask::Orbit(_) => None,
        other => idle(other),
    });
    let mut waiting = Vec::new();
    let token = bench.token(Role::Viewer);
    for _ in 0..limits::ASKS_MAX {
        let mut stream = TcpStream::connect(bench.address).unwrap();
        let request = format!(
            "GET /v1/orbits/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        waiting.push(stream);
    }
    let mut busy = bench.get("/v1/status");
    while busy.status == 200 {
        busy = bench.get("/v1/status");
    }
    assert_eq!(busy.problem(), (503, "busy".to_owned()));
    bench.end();
}

#[test]
fn a_request_that_is_too_large_is_refused() {
    let bench = Bench::new(idle);
    let long = "x".repeat(limits::HEAD_BYTES_MAX);
    let head = format!("GET /{long} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!([414, 431].contains(&bench.raw(head.as_bytes()).status));
    let fields = "X: y\r\n".repeat(limits::HEADER_FIELDS_MAX + 1);
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    assert_eq!(bench.raw(head.as_bytes()).status, 431);
    bench.end();
}

#[test]
fn the_document_says_what_is_there() {
    let bench = Bench::new(idle);
    let document = bench.send("GET", "/openapi.json", None).json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 6, "{paths:?}");
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let is_open = operation.get("security").is_none();
            let answer = bench.send(&method.to_ascii_uppercase(), path, None);
            let expected = if is_open { 200 } else { 401 };
            assert_eq!(answer.status, expected, "{method} {path}: {}", answer.body);
        }
    }
    assert!(
        Document::openapi()
            .to_json()
            .unwrap()
            .contains("problem+json")
    );
    bench.end();
}

#[test]
fn the_page_runs_what_we_wrote_only() {
    let bench = Bench::new(idle);
    let page = bench.send("GET", "/", None);
    assert_eq!(page.status, 200);
    let nonce = page.head.split("script-src 'nonce-").nth(1).unwrap();
    let nonce = nonce.split('\'').next().unwrap();
    assert_eq!(nonce.len(), 64);
    assert!(page.body.contains(&format!("<script nonce=\"{nonce}\">")));
    assert!(!page.body.contains("@NONCE@") && !page.body.contains("innerHTML"));
    assert!(
        !page.body.contains("http://") && !page.body.contains("https://"),
        "no other host"
    );
    bench.end();
}

impl Bench {
    fn post(&self, path: &str, role: Role, kind: &str, body: &str) -> Reply {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {}\r\n{kind}\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.token(role),
            body.len()
        );
        self.raw(request.as_bytes())
    }
}

const JSON: &str = "Content-Type: application/json\r\n";

#[test]
fn row_64_who_may_only_look_changes_nothing() {
    let bench = Bench::new(|ask| panic!("{ask:?} was let through"));
    for path in [
        "/v1/orbits/701/hang-up",
        "/v1/orbits/701/move",
        "/v1/calls/1/park",
    ] {
        let refused = bench.post(path, Role::Viewer, JSON, "{}");
        assert_eq!(refused.problem(), (403, "role".to_owned()), "{path}");
        assert!(refused.body.contains("for operators"), "{}", refused.body);
        let without = bench.send("POST", path, None);
        assert_eq!(without.problem(), (401, "no-token".to_owned()), "{path}");
    }
    bench.end();
}

#[test]
fn row_64_operators_and_admins_act_on_calls() {
    let bench = Bench::new(idle);
    for role in [Role::Operator, Role::Admin] {
        let moved = bench.post("/v1/orbits/701/move", role, JSON, r#"{"to":"705"}"#);
        assert_eq!(
            (moved.status, &moved.json()["orbit"]),
            (200, &Value::from("705")),
            "{role}"
        );
        let empty = bench.post("/v1/orbits/701/hang-up", role, "", "");
        assert_eq!(empty.problem(), (404, "empty-orbit".to_owned()), "{role}");
        let alone = bench.post("/v1/calls/0123456789abcdef/park", role, "", "");
        assert_eq!(
            alone.problem(),
            (409, "no-conversation".to_owned()),
            "{role}"
        );
    }
    bench.end();
}

#[test]
fn row_64_only_admins_drain_the_server() {
    let bench = Bench::new(idle);
    for role in [Role::Viewer, Role::Operator] {
        let refused = bench.post("/v1/drain", role, "", "");
        assert_eq!(refused.problem(), (403, "role".to_owned()), "{role}");
    }
    assert_eq!(bench.post("/v1/drain", Role::Admin, "", "").status, 202);
    assert_eq!(bench.end(), 1, "it was told once");
}

#[test]
fn what_is_ended_needs_no_words() {
    let bench = Bench::new(|ask| match ask {
        Ask::HangUp(which) => {
            assert_eq!((&*which.orbit, which.call), ("#701", Some(CallNumber(0xa))));
            Some(Ok(Answer::Done))
        }
        _ => None,
    });
    let meant = r#"{"call":"000000000000000a"}"#;
    let done = bench.post("/v1/orbits/%23701/hang-up", Role::Operator, JSON, meant);
    assert_eq!((done.status, &*done.body), (204, ""));
    bench.end();
}

#[test]
fn a_wrong_body_is_named_with_what_would_be_right() {
    let bench = Bench::new(idle);
    let mv = "/v1/orbits/701/move";
    for (body, name, field) in [
        ("{}", "bad-body", Value::from("to")),
        (r#"{"to":"1","too":"2"}"#, "bad-body", Value::from("too")),
        ("{", "bad-body", Value::Null),
        (r#"{"to":1}"#, "bad-body", Value::from("to")),
        (r#"{"to":"1"}x"#, "bad-body", Value::Null),
        (
            r#"{"to":"1","call":"x"}"#,
            "bad-parameter",
            Value::from("call"),
        ),
    ] {
        let refused = bench.post(mv, Role::Operator, JSON, body);
        assert_eq!(refused.problem(), (400, name.to_owned()), "{body}");
        let field_said = refused.json().get("field").cloned().unwrap_or_default();
        assert_eq!(field_said, field, "{body}: {}", refused.body);
    }
    let form = bench.post(mv, Role::Operator, "", "to=705");
    assert_eq!(form.problem(), (415, "not-json".to_owned()));
    let long = format!(r#"{{"to":"{}"}}"#, "7".repeat(limits::BODY_BYTES_MAX));
    let large = bench.post(mv, Role::Operator, JSON, &long);
    assert_eq!(large.problem(), (413, "too-large".to_owned()));
    bench.end();
}

#[test]
fn row_13_ranges_are_listed_by_name_kind_node_and_prefix() {
    let bench = Bench::new(|ask| match ask {
        Ask::Ranges => {
            let range = |name: &str, prefix, kind, node: Option<&str>| ask::RangeView {
                range: OrbitRange {
                    name: name.to_owned(),
                    prefix,
                    ..OrbitRange::default()
                },
                kind,
                node: node.map(str::to_owned),
                free: 1,
                taken: 0,
                is_closing: false,
            };
            Some(Ok(Answer::Ranges(vec![
                range("front-desk", None, RangeKind::Park, None),
                range("front-door", Some('#'), RangeKind::Park, Some("edge-2")),
                range("group", Some('*'), RangeKind::GroupPickup, None),
            ])))
        }
        _ => None,
    });
    for (query, expected) in [
        ("", "front-desk front-door group"),
        ("?name=FRONT*", "front-desk front-door"),
        ("?name=*D??k", "front-desk"),
        ("?kind=group-pickup", "group"),
        ("?node=edge-1", "front-desk group"),
        ("?node=edge-2", "front-door"),
        ("?prefix=%23", "front-door"),
        ("?prefix=none", "front-desk"),
        ("?name=front*&prefix=*", ""),
    ] {
        let list: RangeList =
            serde_json::from_str(&bench.get(&format!("/v1/ranges{query}")).body).unwrap();
        let names: Vec<_> = list.ranges.iter().map(|range| &*range.name).collect();
        assert_eq!(names.join(" "), expected, "{query}");
    }
    for (query, field) in [("kind=lift", "kind"), ("prefix=%2B", "prefix")] {
        let refused = bench.get(&format!("/v1/ranges?{query}"));
        assert_eq!(
            refused.problem(),
            (400, "bad-parameter".to_owned()),
            "{query}"
        );
        assert_eq!(refused.json()["field"], field);
    }
    bench.end();
}

#[test]
fn row_49_the_calls_parked_last_are_told_with_what_became_of_them() {
    let bench = Bench::new(idle);
    let with = |number: u64, seconds: u64, fact| {
        Arc::new(Happening {
            at: Time::from_millis(1_000 * seconds),
            call: Some(CallNumber(number)),
            fact,
            ..Happening::clone(&parked(700))
        })
    };
    let way = happening::Way::Recall;
    let by = happening::Side::Parkee;
    let ended = |how| happening::Fact::Ended { how, by };
    let retrieved = happening::Fact::Retrieved { by: "".into(), way };
    for number in 701..705 {
        bench.news.send(parked(number)).unwrap();
    }
    bench.news.send(with(701, 5, retrieved)).unwrap();
    bench
        .news
        .send(with(701, 9, ended(happening::End::HungUp)))
        .unwrap();
    bench
        .news
        .send(with(702, 7, ended(happening::End::NotRetrieved)))
        .unwrap();
    let from = "703".into();
    bench
        .news
        .send(with(703, 8, happening::Fact::Moved { from }))
        .unwrap();
    // Who begins to listen is told where the press stands: behind all of these.
    while !Ear::new(&bench, None).event().0.ends_with("-8") {}
    let list: HistoryList = serde_json::from_str(&bench.get("/v1/history").body).unwrap();
    let told: Vec<_> = { list.calls.iter() }
        .map(|stay| (&*stay.orbit, &*stay.outcome, stay.over_at.is_some()))
        .collect();
    let expected = [
        ("704", "waiting", false),
        ("700", "waiting", false),
        ("702", "not-retrieved", true),
        ("701", "retrieved", true),
    ];
    assert_eq!(told, expected);
    let one: HistoryList = serde_json::from_str(&bench.get("/v1/history?limit=1").body).unwrap();
    assert_eq!(one.calls, list.calls[..1]);
    assert_eq!(bench.get("/v1/history?limit=1001").status, 400);
    bench.end();
}

/// A client that listens to events.
struct Ear(BufReader<TcpStream>);

impl Ear {
    fn new(bench: &Bench, last_seen: Option<&str>) -> Self {
        let token = bench.token(Role::Viewer);
        let last_seen = last_seen.map(|id| format!("Last-Event-ID: {id}\r\n"));
        let request = format!(
            "GET /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{}\r\n",
            last_seen.unwrap_or_default()
        );
        let mut stream = TcpStream::connect(bench.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut ear = Self(BufReader::new(stream));
        assert_eq!(ear.line(), "HTTP/1.1 200 OK");
        while !ear.line().is_empty() {}
        ear
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Id, name and JSON of the next event.
    fn event(&mut self) -> (String, String, Value) {
        let (mut id, mut name) = (String::new(), String::new());
        loop {
            let line = self.line();
            match line.split_once(": ") {
                Some(("id", value)) => value.clone_into(&mut id),
                Some(("event", value)) => value.clone_into(&mut name),
                Some(("data", value)) => return (id, name, serde_json::from_str(value).unwrap()),
                _ => {}
            }
        }
    }
}

fn parked(number: usize) -> Arc<Happening> {
    Arc::new(Happening {
        at: Time::ZERO,
        call: Some(CallNumber(number as u64)),
        call_id: "a@b".into(),
        orbit: Some(number.to_string().into()),
        range: Some("front-desk".into()),
        fact: happening::Fact::Parked {
            dialect: Dialect::Transfer,
            parkee: "\"Ann\" <sip:ann@example.com>".into(),
            parker: None,
            deadline: Time::from_millis(90_000),
        },
    })
}
