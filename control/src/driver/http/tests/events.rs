//! What who listens to the events is told.

use super::*;

#[test]
fn who_begins_to_listen_sees_who_waits_and_then_what_happens() {
    let bench = Bench::new(|ask| match ask {
        Ask::Orbits(ask) => Some(Ok(Answer::Orbits(match ask.after.as_deref() {
            None => OrbitPage {
                orbits: vec![view(701)],
                has_more: true,
            },
            Some(after) => {
                assert_eq!(after, "701");
                OrbitPage {
                    orbits: vec![view(702)],
                    has_more: false,
                }
            }
        }))),
        _ => None,
    });
    let mut ear = Ear::new(&bench, None);
    let (id, name, first) = ear.event();
    assert_eq!(
        (&*id, &*name),
        ("", "snapshot"),
        "who breaks off here begins anew"
    );
    assert_eq!(first["orbits"][0]["orbit"], "701");
    assert_eq!(first["complete"], false);
    let (id, _, second) = ear.event();
    assert!(id.ends_with("-0"), "{id}");
    assert_eq!(second["orbits"][0]["orbit"], "702");
    assert_eq!(second["complete"], true);
    bench.news.send(parked(703)).unwrap();
    let (id, name, event) = ear.event();
    assert!(id.ends_with("-1"), "{id}");
    assert_eq!(
        (&*name, &event["event"]),
        ("parked", &Value::from("parked"))
    );
    assert_eq!(event["orbit"], "703");
    assert_eq!(event["dialect"], "transfer");
    assert!(
        !event.to_string().contains("ann@"),
        "who has called is told of by orbits only"
    );
    bench.end();
}

#[test]
fn who_comes_back_has_missed_nothing_and_sees_nothing_twice() {
    let bench = Bench::new(idle);
    let mut ear = Ear::new(&bench, None);
    ear.event();
    bench.news.send(parked(701)).unwrap();
    let (last_seen, ..) = ear.event();
    drop(ear);
    for number in 702..705 {
        bench.news.send(parked(number)).unwrap();
    }
    let mut ear = Ear::new(&bench, Some(&last_seen));
    bench.news.send(parked(705)).unwrap();
    let seen: Vec<Value> = (0..4).map(|_| ear.event().2["orbit"].clone()).collect();
    assert_eq!(seen, ["702", "703", "704", "705"]);
    bench.end();
}

#[test]
fn who_comes_back_too_late_or_from_another_run_gets_a_snapshot() {
    let bench = Bench::new(idle);
    for number in 0..=limits::EVENTS_KEPT_MAX {
        bench.news.send(parked(number)).unwrap();
        while bench.news.len() > 500 {
            std::thread::yield_now();
        }
    }
    // Until the last of them has been taken in, the first may still be kept.
    let last = format!("-{}", limits::EVENTS_KEPT_MAX + 1);
    while !Ear::new(&bench, None).event().0.ends_with(&last) {}
    let mut ear = Ear::new(&bench, Some("0000000000000000-1"));
    let (id, name, _) = ear.event();
    assert_eq!(name, "snapshot");
    let (run, _) = id.split_once('-').unwrap();
    for lost in [format!("{run}-0"), "rubbish".to_owned()] {
        let mut ear = Ear::new(&bench, Some(&lost));
        assert_eq!(ear.event().1, "snapshot", "{lost}");
    }
    bench.end();
}

#[test]
fn no_more_listen_than_may_and_who_leaves_makes_room() {
    let bench = Bench::new(idle);
    let mut ears: Vec<Ear> = (0..limits::EVENT_STREAMS_MAX)
        .map(|_| Ear::new(&bench, None))
        .collect();
    let refused = bench.get("/v1/events");
    assert_eq!(refused.problem(), (503, "too-many-listeners".to_owned()));
    assert_eq!(bench.get("/v1/status").status, 200, "others are served");
    ears.pop();
    // The place is free as soon as the server has seen that its client is gone.
    assert!((0..1_000).any(|_| bench.begins_to_listen()));
    bench.end();
}

impl Bench {
    fn begins_to_listen(&self) -> bool {
        let token = self.token(Role::Viewer);
        let request =
            format!("GET /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.starts_with("HTTP/1.1 200")
    }
}
