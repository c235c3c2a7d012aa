//! Changes of the configuration, in front of a control thread and a store that a test plays.

use std::path::Path;

use super::*;
use crate::driver::store::Work;

const FILE: &str = "[[orbit_range]]\nname = \"front desk\"\nstart = \"700\"\nend = \"799\"\n\
                    music = \"default\"\n[store]\npath = \"orbit.db\"\n";

fn bench(says: Says) -> Bench {
    of_file(FILE, says)
}

pub(super) fn of_file(text: &str, says: Says) -> Bench {
    let config = Config::parse(text, "site.toml", Path::new("")).unwrap();
    Bench::of(idle, &Role::ALL, config, says)
}

impl Bench {
    /// What an admin gets; `head` is further lines of the head.
    pub(super) fn admin(&self, method: &str, path: &str, head: &str, body: &str) -> Reply {
        self.any(Role::Admin, method, path, head, body)
    }

    fn any(&self, role: Role, method: &str, path: &str, head: &str, body: &str) -> Reply {
        let token = self.token(role);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\n\
             {JSON}{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        self.raw(request.as_bytes())
    }
}

impl Says {
    pub(super) fn keep_deeds(&self, work: Work) {
        match work {
            Work::Note(deed, _) => self.deeds.borrow_mut().push(*deed),
            Work::Audit(ask, reply) => {
                let deeds = self.deeds.borrow();
                let numbered: Vec<_> = (1..).zip(deeds.iter().cloned()).collect();
                let last_first = numbered.into_iter().rev().take(ask.limit);
                reply.send(Ok(last_first.collect())).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
}

impl Reply {
    fn tag(&self) -> String {
        let tag = self.head.split("etag: ").nth(1).unwrap();
        tag.lines().next().unwrap().to_owned()
    }

    /// What is wrong, and with which member.
    pub(super) fn wrong(&self) -> (u16, String, String) {
        let (status, name) = self.problem();
        let field = self.json()["field"].as_str().unwrap_or("-").to_owned();
        (status, name, field)
    }
}

const NIGHT: &str = r#"{"start":"800","end":"809","pickup_timeout":"2min"}"#;

#[test]
fn row_01_a_range_is_added_changed_and_removed_and_the_files_comes_back_where_it_is_asked_for() {
    let bench = bench(Says::default());
    let added = bench.admin("PUT", "/v1/ranges/night", "If-None-Match: *\r\n", NIGHT);
    assert_eq!(added.status, 200, "{}", added.body);
    assert_eq!(added.json()["origin"], "store");
    let seen = bench.get("/v1/ranges/night");
    assert_eq!(seen.tag(), added.tag());
    assert_eq!(
        seen.json()["definition"],
        serde_json::from_str::<Value>(NIGHT).unwrap()
    );
    let again = bench.admin("PUT", "/v1/ranges/night", "If-None-Match: *\r\n", NIGHT);
    assert_eq!(again.problem(), (412, "meanwhile".to_owned()));
    let of_file = bench.get("/v1/ranges/front%20desk");
    assert_eq!(of_file.json()["origin"], "file");
    assert_eq!(of_file.json()["definition"]["music"], "default");

    let other = r#"{"start":"700","end":"709","kind":null}"#;
    let tag = format!("If-Match: {}\r\n", of_file.tag());
    let changed = bench.admin("PUT", "/v1/ranges/front%20desk", &tag, other);
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.json()["definition"]["music"], Value::Null, "whole");
    let late = bench.admin("PUT", "/v1/ranges/front%20desk", &tag, other);
    assert_eq!(late.problem(), (412, "meanwhile".to_owned()));
    let removed = bench.admin("DELETE", "/v1/ranges/front%20desk", "", "");
    assert_eq!(removed.status, 204, "{}", removed.body);
    assert_eq!(bench.get("/v1/ranges/front%20desk").status, 404);
    let twice = bench.admin("DELETE", "/v1/ranges/front%20desk", "", "");
    assert_eq!(twice.problem(), (404, "no-such-object".to_owned()));
    let back = bench.admin("POST", "/v1/ranges/front%20desk/revert", "", "");
    assert_eq!(back.status, 204);
    let back = bench.get("/v1/ranges/front%20desk");
    assert_eq!((back.tag(), back.json()), (of_file.tag(), of_file.json()));
    let never = bench.admin("POST", "/v1/ranges/never/revert", "", "");
    assert_eq!(never.problem(), (404, "no-such-object".to_owned()));
    bench.end();
}

#[test]
fn a_range_is_checked_as_the_file_is_and_what_is_wrong_is_named() {
    let bench = bench(Says::default());
    let unprocessable = [
        (r#"{"start":"0700","end":"0799"}"#, "start"),
        (r#"{"start":"800","end":"1001"}"#, "end"),
        (r#"{"start":"*800","end":"809"}"#, "end"),
        (r#"{"start":"*100","end":"*109"}"#, "start"),
        (r#"{"start":"750","end":"850"}"#, "start"),
        (r#"{"start":"10000","end":"20000"}"#, "end"),
        (
            r#"{"start":"80","end":"89","pickup_timeout":"9s"}"#,
            "pickup_timeout",
        ),
        (
            r#"{"start":"80","end":"89","max_pickup_attempts":11}"#,
            "max_pickup_attempts",
        ),
        (r#"{"start":"80","end":"89","site":"oslo"}"#, "site"),
        (r#"{"start":"80","end":"89","music":"jazz"}"#, "music"),
    ];
    for (body, field) in unprocessable {
        let refused = bench.admin("PUT", "/v1/ranges/night", "", body);
        let wrong = (422, "configuration".to_owned(), field.to_owned());
        assert_eq!(refused.wrong(), wrong, "{body}: {}", refused.body);
    }
    for (body, field) in [
        ("{}", "start"),
        (r#"{"start":700,"end":"799"}"#, "start"),
        (r#"{"start":"80","end":"89","colour":"red"}"#, "colour"),
    ] {
        let refused = bench.admin("PUT", "/v1/ranges/night", "", body);
        let wrong = (400, "bad-body".to_owned(), field.to_owned());
        assert_eq!(refused.wrong(), wrong, "{body}: {}", refused.body);
    }
    let last = bench.admin("DELETE", "/v1/ranges/front%20desk", "", "");
    assert_eq!(last.problem(), (422, "configuration".to_owned()));
    assert!(last.body.contains("no range is left"), "{}", last.body);
    let odd = bench.admin("PUT", "/v1/ranges/night", "If-Match: odd\r\n", NIGHT);
    assert_eq!(odd.wrong().2, "If-Match");
    assert_eq!(bench.get("/v1/ranges/night").status, 404, "none was made");
    bench.end();
}

#[test]
fn without_a_store_or_with_one_that_fails_nothing_changes() {
    let memory = of_file("", Says::default());
    let refused = memory.admin("PUT", "/v1/ranges/night", "", NIGHT);
    assert_eq!(refused.problem(), (409, "no-store".to_owned()));
    assert_eq!(memory.get("/v1/ranges/night").status, 404);
    let default = memory.get("/v1/ranges/default");
    assert_eq!(
        default.json()["definition"]["start"],
        "700",
        "the built-in one"
    );
    memory.end();

    let full = bench(Says {
        keep: Box::new(|_| {
            Err(StoreError::Unavailable {
                path: "orbit.db".to_owned(),
                what: "disk full".to_owned(),
                remedy: "make room on this disk",
            })
        }),
        take: |_| panic!("what is not kept does not hold"),
        ..Says::default()
    });
    let refused = full.admin("PUT", "/v1/ranges/night", "", NIGHT);
    assert_eq!(refused.problem(), (503, "store".to_owned()));
    assert!(refused.body.contains("make room"), "{}", refused.body);
    assert_eq!(full.get("/v1/ranges/night").status, 404);
    full.end();
}

#[test]
fn what_calls_do_not_allow_now_is_not_kept() {
    let refuses = |config: &Config| Err(config.problem(&["orbit_range"], "a call waits in 701"));
    let bench = bench(Says {
        may: refuses,
        keep: Box::new(|_| panic!("what is not possible is not kept")),
        ..Says::default()
    });
    let refused = bench.admin("PUT", "/v1/ranges/night", "", NIGHT);
    assert_eq!(refused.problem(), (409, "not-now".to_owned()));
    assert!(refused.body.contains("waits in 701"), "{}", refused.body);
    bench.end();
}

#[test]
fn what_a_call_that_came_between_does_not_allow_is_taken_back_from_the_store() {
    let (kept, changes) = std::sync::mpsc::channel();
    let bench = bench(Says {
        keep: Box::new(move |changes| {
            for change in changes {
                kept.send(change.clone()).unwrap();
            }
            Ok(())
        }),
        take: |config| Err(config.problem(&["orbit_range"], "a call waits in 701")),
        ..Says::default()
    });
    let refused = bench.admin("PUT", "/v1/ranges/night", "", NIGHT);
    assert_eq!(refused.problem(), (409, "not-now".to_owned()));
    assert_eq!(bench.get("/v1/ranges/night").status, 404);
    let kept: Vec<_> = changes.try_iter().collect();
    let [ObjectChange::Put(put), ObjectChange::Forget(forgotten)] = &kept[..] else {
        panic!("{kept:?}")
    };
    assert_eq!((&put.name, &*put.changed_by), (forgotten, "admin"));
    let audit = bench.admin("GET", "/v1/audit?limit=9", "", "").json();
    let outcome = |number: usize| audit["deeds"][number]["outcome"].clone();
    assert_eq!(
        (outcome(1), outcome(0)),
        ("done".into(), "taken-back".into())
    );
    assert_eq!(
        outcome(2),
        Value::Null,
        "each with its change, and nothing else"
    );
    bench.end();
}

#[test]
fn row_64_only_admins_configure() {
    let bench = bench(Says {
        may: |_| panic!("it was let through"),
        ..Says::default()
    });
    for (method, body) in [("PUT", NIGHT), ("DELETE", "")] {
        for role in [Role::Viewer, Role::Operator] {
            let refused = bench.any(role, method, "/v1/ranges/night", "", body);
            assert_eq!(refused.problem(), (403, "role".to_owned()), "{role}");
        }
    }
    bench.end();
}

#[test]
fn row_20_settings_are_of_all_and_of_sites_and_a_site_falls_back_to_those_of_all() {
    let bench = bench(Says::default());
    let of_all = bench.get("/v1/settings");
    assert_eq!(of_all.json()["definition"], serde_json::json!({}));
    assert_eq!(of_all.json()["effective"]["pickup_timeout"], "90s");
    let set = r#"{"pickup_timeout":"2min","max_pickup_attempts":3}"#;
    let put = bench.admin("PUT", "/v1/settings", "", set);
    assert_eq!(
        (put.status, &put.json()["origin"]),
        (200, &Value::from("store"))
    );
    let own = r#"{"members":["+331*"],"pickup_timeout":"1min"}"#;
    let paris = bench.admin("PUT", "/v1/settings/paris", "", own);
    assert_eq!(paris.status, 200, "{}", paris.body);
    let effective = &paris.json()["effective"];
    assert_eq!(effective["pickup_timeout"], "1min");
    assert_eq!(effective["max_pickup_attempts"], 3, "of all");
    assert_eq!(
        bench.get("/v1/settings").json()["sites"],
        serde_json::json!(["paris"])
    );
    for (path, body, field) in [
        ("/v1/settings", r#"{"members":["2*"]}"#, "members"),
        (
            "/v1/settings",
            r#"{"max_pickup_attempts":0}"#,
            "max_pickup_attempts",
        ),
        (
            "/v1/settings/paris",
            r#"{"on_timeout_uri":"tel:1"}"#,
            "on_timeout_uri",
        ),
        ("/v1/settings/paris", r#"{"members":["a","**"]}"#, "members"),
    ] {
        let refused = bench.admin("PUT", path, "", body);
        let wrong = (422, "configuration".to_owned(), field.to_owned());
        assert_eq!(refused.wrong(), wrong, "{body}: {}", refused.body);
    }
    let named = r#"{"start":"700","end":"799","site":"paris"}"#;
    assert_eq!(
        bench
            .admin("PUT", "/v1/ranges/front%20desk", "", named)
            .status,
        200
    );
    let refused = bench.admin("DELETE", "/v1/settings/paris", "", "");
    assert_eq!(refused.problem(), (422, "configuration".to_owned()));
    let back = bench.admin("POST", "/v1/ranges/front%20desk/revert", "", "");
    assert_eq!(back.status, 204);
    assert_eq!(
        bench.admin("DELETE", "/v1/settings/paris", "", "").status,
        204
    );
    assert_eq!(bench.get("/v1/settings/paris").status, 404);
    assert_eq!(
        bench.admin("POST", "/v1/revert-settings", "", "").status,
        204
    );
    assert_eq!(bench.get("/v1/settings").json(), of_all.json());
    bench.end();
}

#[test]
fn row_21_a_policy_is_added_and_its_pin_is_told_to_nobody() {
    let (kept, changes) = std::sync::mpsc::channel();
    let bench = bench(Says {
        keep: Box::new(move |changes| {
            kept.send(changes[0].clone()).unwrap();
            Ok(())
        }),
        ..Says::default()
    });
    let path = "/v1/policies/staff";
    let body = r#"{"park":["internal"],"retrieve_with_pin":["pstn"],"pin":"4711"}"#;
    let put = bench.admin("PUT", path, "", body);
    assert_eq!(put.json()["definition"]["pin"], "***", "{}", put.body);
    let pin = || {
        let Ok(ObjectChange::Put(record)) = changes.try_recv() else {
            panic!("one change is kept")
        };
        let definition = record.definition.unwrap();
        definition.members()["pin"].as_str().unwrap().to_owned()
    };
    let first = pin();
    assert!(
        first.starts_with("sha256:") && !first.contains("4711"),
        "{first}"
    );
    let same = r#"{"park":["internal","pstn"],"retrieve_with_pin":["pstn"],"pin":"***"}"#;
    assert_eq!(bench.admin("PUT", path, "", same).status, 200);
    assert_eq!(pin(), first, "the one that is there");
    let list = bench.get("/v1/policies");
    assert!(!list.body.contains("sha256"), "{}", list.body);
    assert_eq!(list.json()["policies"][0]["name"], "staff");
    for (path, body, status, field) in [
        ("/v1/policies/new", same, 400, "pin"),
        (
            path,
            r#"{"retrieve_with_pin":["pstn"],"pin":"12"}"#,
            422,
            "pin",
        ),
        (path, r#"{"park":["martian"]}"#, 422, "park"),
        (path, r#"{"scope":"site:oslo"}"#, 422, "scope"),
        ("/v1/policies/a%20b", "{}", 422, "name"),
    ] {
        let refused = bench.admin("PUT", path, "", body);
        let (is, _, of) = refused.wrong();
        assert_eq!((is, &*of), (status, field), "{body}: {}", refused.body);
    }
    assert_eq!(bench.admin("DELETE", path, "", "").status, 204);
    assert_eq!(bench.get(path).status, 404);
    bench.end();
}

#[test]
fn row_54_what_is_exported_is_a_file_and_imports_as_it_was() {
    let plain = "[[policy]]\nname = \"staff\"\npark = [\"internal\"]\n\
                 retrieve_with_pin = [\"pstn\"]\npin = \"4711\"\n";
    let bench = of_file(&format!("{plain}{FILE}"), Says::default());
    let put = bench.admin("PUT", "/v1/ranges/night", "", NIGHT);
    assert_eq!(put.status, 200, "{}", put.body);
    let exported = bench.admin("GET", "/v1/configuration", "", "");
    assert!(!exported.body.contains("4711"), "{}", exported.body);
    let file = Config::parse(&exported.body, "export.toml", Path::new("")).unwrap();
    assert_eq!(file.orbit_ranges.len(), 2);
    assert!(file.policies[0].pin.as_ref().unwrap().is(b"4711"));
    let import = |query: &str, text: &str| {
        let token = bench.token(Role::Admin);
        let request = format!(
            "POST /v1/configuration{query} HTTP/1.1\r\nHost: here\r\n\
             Authorization: Bearer {token}\r\nContent-Type: application/toml\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        );
        bench.raw(request.as_bytes())
    };
    let other = format!(
        "{plain}[sip]\ndomains = [\"example.com\"]\n[park.site.oslo]\nmembers = [\"2*\"]\n\
         [[orbit_range]]\nname = \"front desk\"\nstart = \"700\"\nend = \"709\"\n\
         [store]\npath = \"orbit.db\"\n"
    );
    let expected = serde_json::json!({
        "applied": false,
        "changes": [
            {"object": "range front desk", "change": "changed"},
            {"object": "settings site:oslo", "change": "added"},
            {"object": "range night", "change": "removed"},
        ],
        "left": ["sip"],
    });
    assert_eq!(import("?dry_run=true", &other).json(), expected);
    assert_eq!(bench.get("/v1/ranges/night").status, 200, "a trial");
    let done = import("", &other);
    assert_eq!(
        (done.status, &done.json()["applied"]),
        (200, &Value::from(true))
    );
    assert_eq!(bench.get("/v1/ranges/night").status, 404);
    assert_eq!(import("", &other).json()["changes"], serde_json::json!([]));
    let back = import("", &exported.body);
    assert_eq!(
        back.json()["changes"].as_array().unwrap().len(),
        3,
        "{}",
        back.body
    );
    let seen = bench.get("/v1/ranges/night");
    assert_eq!(seen.json()["definition"], put.json()["definition"]);
    let wrong = import(
        "",
        "[[orbit_range]]\nname = \"a\"\nstart = \"0\"\nend = \"9\"\n",
    );
    assert_eq!(wrong.problem(), (422, "configuration".to_owned()));
    assert!(wrong.body.contains("the import:3"), "{}", wrong.body);
    assert_eq!(bench.get("/v1/ranges/night").status, 200, "all or nothing");
    bench.end();
}

#[test]
fn what_is_done_or_refused_is_kept_with_who_did_it_and_what_it_was_before_and_has_no_pin() {
    let bench = bench(Says::default());
    let pin = r#"{"park":["internal"],"retrieve_with_pin":["pstn"],"pin":"4711"}"#;
    assert_eq!(
        bench.admin("PUT", "/v1/policies/staff", "", pin).status,
        200
    );
    assert_eq!(
        bench.admin("PUT", "/v1/ranges/night", "", NIGHT).status,
        200
    );
    assert_eq!(
        bench.admin("DELETE", "/v1/ranges/night", "", "").status,
        204
    );
    let refused = bench.any(Role::Operator, "DELETE", "/v1/ranges/night", "", "");
    assert_eq!(refused.status, 403);
    let audit = bench.admin("GET", "/v1/audit?limit=10", "", "");
    assert_eq!(audit.status, 200, "{}", audit.body);
    assert!(
        !audit.body.contains("4711") && !audit.body.contains("sha256"),
        "{}",
        audit.body
    );
    let audit = audit.json();
    let said = |number: usize| {
        let deed = &audit["deeds"][number];
        let text = |key: &str| deed[key].as_str().unwrap_or("-").to_owned();
        assert!(text("peer").starts_with("127.0.0.1:"), "{deed}");
        ["token", "action", "object", "outcome"].map(text).join(" ")
    };
    assert_eq!(said(0), "operator DELETE /v1/ranges/night role");
    assert_eq!(said(1), "admin remove range night done");
    assert_eq!(said(2), "admin configure range night done");
    let wanted: Value = serde_json::from_str(NIGHT).unwrap();
    let json = |number: usize, key: &str| -> Option<Value> {
        let text = audit["deeds"][number][key].as_str()?;
        Some(serde_json::from_str(text).unwrap())
    };
    assert_eq!(
        (json(2, "before"), json(2, "after")),
        (None, Some(wanted.clone()))
    );
    assert_eq!((json(1, "before"), json(1, "after")), (Some(wanted), None));
    assert_eq!(audit["next"], Value::Null);
    let next = bench.admin("GET", "/v1/audit?limit=1", "", "").json()["next"].clone();
    assert!(next.is_u64(), "{next}");
    for (query, field) in [
        ("limit=0", "limit"),
        ("before=x", "before"),
        ("since=yesterday", "since"),
        ("until=1969-01-01T00:00:00Z", "until"),
        ("who=ann", "who"),
    ] {
        let wrong = bench
            .admin("GET", &format!("/v1/audit?{query}"), "", "")
            .wrong();
        assert_eq!((wrong.0, &*wrong.2), (400, field), "{query}");
    }
    let viewer = bench.get("/v1/audit");
    assert_eq!(viewer.problem(), (403, "role".to_owned()));
    bench.end();
}
