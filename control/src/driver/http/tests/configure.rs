//! Changes of the configuration, in front of a control thread and a store that a test plays.

use std::path::Path;

use super::*;

const FILE: &str = "[[orbit_range]]\nname = \"front desk\"\nstart = \"700\"\nend = \"799\"\n\
                    music = \"default\"\n[store]\npath = \"orbit.db\"\n";

fn bench(says: Says) -> Bench {
    of_file(FILE, says)
}

fn of_file(text: &str, says: Says) -> Bench {
    let config = Config::parse(text, "site.toml", Path::new("")).unwrap();
    Bench::of(idle, &Role::ALL, config, says)
}

impl Bench {
    /// What an admin gets; `head` is further lines of the head.
    fn admin(&self, method: &str, path: &str, head: &str, body: &str) -> Reply {
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

impl Reply {
    fn tag(&self) -> String {
        let tag = self.head.split("etag: ").nth(1).unwrap();
        tag.lines().next().unwrap().to_owned()
    }

    /// What is wrong, and with which member.
    fn wrong(&self) -> (u16, String, String) {
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
