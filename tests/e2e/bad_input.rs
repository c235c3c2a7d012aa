//! What no proper phone sends: the server answers what can be answered and goes on serving.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::clock::PATIENCE;
use crate::harness::phone::{Phone, field, status};
use crate::harness::{Server, Settings, Sipp};

/// Sends one request and gives the final response, acknowledged if it answers an INVITE.
fn answer(phone: &Phone, request: &str) -> String {
    phone.send(request.as_bytes());
    let response = phone.final_response();
    if request.starts_with("INVITE") {
        phone.ack(request, &response);
    }
    response
}

/// Each request with the status it must get.
fn answers(name: &'static str, change: impl Fn(&Phone) -> String, expected: u16) {
    let server = Server::start(&Settings::default());
    let phone = Phone::new(&server, name);
    let request = change(&phone);
    let response = answer(&phone, &request);
    assert_eq!(status(&response), expected, "{request}\n{response}");
    // It goes on serving.
    Sipp::new("parked_leaves.xml").start(&server).finish();
    server.stop();
}

#[test]
fn options_says_what_is_allowed() {
    let server = Server::start(&Settings::default());
    let phone = Phone::new(&server, "asker");
    let response = answer(&phone, &phone.request("OPTIONS", "park", "", ""));
    assert_eq!(status(&response), 200, "{response}");
    let allow = field(&response, "Allow").expect("an Allow header field");
    for method in ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"] {
        assert!(allow.contains(method), "{allow} lacks {method}");
    }
    server.stop();
}

#[test]
fn an_unknown_user_is_not_found() {
    answers(
        "lost",
        |phone| phone.request("INVITE", "nobody", "", &phone.offer()),
        404,
    );
}

#[test]
fn an_unknown_method_is_not_implemented() {
    answers(
        "inventor",
        |phone| phone.request("DANCE", "park", "", ""),
        501,
    );
}

#[test]
fn a_method_that_is_not_served_is_not_allowed() {
    answers(
        "chatty",
        |phone| phone.request("MESSAGE", "park", "", ""),
        405,
    );
}

#[test]
fn a_required_extension_that_is_unknown_is_refused_by_name() {
    let server = Server::start(&Settings::default());
    let phone = Phone::new(&server, "fancy");
    let request = phone.request("INVITE", "park", "Require: teleport\r\n", &phone.offer());
    let response = answer(&phone, &request);
    assert_eq!(status(&response), 420, "{response}");
    assert_eq!(field(&response, "Unsupported"), Some("teleport"));
    server.stop();
}

#[test]
fn a_request_that_ran_in_circles_ends_here() {
    let circled = |phone: &Phone| {
        let request = phone.request("INVITE", "park", "", &phone.offer());
        request.replace("Max-Forwards: 70", "Max-Forwards: 0")
    };
    answers("dizzy", circled, 483);
}

#[test]
fn a_bye_outside_any_dialog_has_no_transaction() {
    answers(
        "stranger",
        |phone| phone.request("BYE", "park", "", ""),
        481,
    );
}

#[test]
fn a_body_that_is_no_sdp_is_not_supported() {
    let poem = |phone: &Phone| {
        let request = phone.request("INVITE", "park", "", "roses are red");
        request.replace("application/sdp", "text/plain")
    };
    answers("poet", poem, 415);
}

#[test]
fn an_offer_without_a_common_codec_is_not_acceptable_with_a_warning() {
    let server = Server::start(&Settings::default());
    let phone = Phone::new(&server, "exotic");
    let offer = phone
        .offer()
        .replace("AVP 0", "AVP 96")
        .replace("0 PCMU/8000", "96 opus/48000/2");
    let response = answer(&phone, &phone.request("INVITE", "park", "", &offer));
    assert_eq!(status(&response), 488, "{response}");
    assert!(field(&response, "Warning").is_some(), "{response}");
    server.stop();
}

#[test]
fn a_broken_cseq_is_a_bad_request() {
    let broken = |phone: &Phone| {
        let request = phone.request("INVITE", "park", "", &phone.offer());
        request.replace("CSeq: 1 INVITE", "CSeq: 1 BYE")
    };
    answers("careless", broken, 400);
}

#[test]
fn another_version_of_sip_is_not_supported() {
    let future = |phone: &Phone| {
        phone
            .request("OPTIONS", "park", "", "")
            .replacen("SIP/2.0", "SIP/7.0", 1)
    };
    answers("future", future, 505);
}

#[test]
fn a_message_longer_than_it_says_is_cut_and_a_shorter_one_refused() {
    let short = |phone: &Phone| {
        let request = phone.request("INVITE", "park", "", &phone.offer());
        let length = phone.offer().len();
        let said = format!("Content-Length: {length}");
        request.replace(&said, &format!("Content-Length: {}", length + 100))
    };
    answers("boaster", short, 400);
}

#[test]
fn an_oversized_message_is_refused() {
    let long = |phone: &Phone| {
        let padding = format!("Subject: {}\r\n", "long ".repeat(8_000));
        phone.request("INVITE", "park", &padding, &phone.offer())
    };
    answers("verbose", long, 513);
}

#[test]
fn garbage_is_not_answered_and_harms_nothing() {
    let server = Server::start(&Settings::default());
    let phone = Phone::new(&server, "noise");
    let mut state = 0x9e37_79b9_u32;
    for round in 0..500_usize {
        let bytes: Vec<u8> = (0..round % 1_400 + 1)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state.to_le_bytes()[0]
            })
            .collect();
        phone.send(&bytes);
    }
    let invite = phone.request("INVITE", "park", "", &phone.offer());
    for cut in (1..invite.len()).step_by(7) {
        let head = &invite.as_bytes()[..cut];
        // Once the head is whole it is a request that can be answered.
        if !head.windows(4).any(|end| end == b"\r\n\r\n") {
            phone.send(head);
        }
    }
    // Whatever it answers to a half head, it must not take it for a call.
    while let Some(response) = phone.receive(Duration::from_millis(300)) {
        assert!(status(&response) >= 400, "{response}");
    }
    Sipp::new("parked_leaves.xml").start(&server).finish();
    server.stop();
}

#[test]
fn garbage_over_tcp_loses_the_connection_and_nothing_else() {
    let server = Server::start(&Settings::default());
    let mut noise = TcpStream::connect(server.address).expect("loopback");
    noise.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // The server may hang up in the middle: that is what is wanted.
    for _ in 0..64 {
        if noise.write_all(&[0xa5; 4_096]).is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let end = noise.read_to_end(&mut answer);
    let timed_out = matches!(&end, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(
        !timed_out,
        "the server keeps a connection that speaks no SIP"
    );
    Sipp::new("parked_leaves.xml").start(&server).finish();
    server.stop();
}

#[test]
fn many_silent_connections_do_not_keep_a_phone_from_parking() {
    let server = Server::start(&Settings::default());
    let silent: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(server.address).expect("loopback"))
        .collect();
    let over = crate::harness::sipp::Over::Tcp;
    Sipp::new("parked_leaves.xml")
        .over(over)
        .start(&server)
        .finish();
    drop(silent);
    server.stop();
}

#[test]
fn an_invite_that_arrives_three_times_is_one_call() {
    let server = Server::start(&Settings {
        orbits: (701, 701),
        ..Settings::default()
    });
    let phone = Phone::new(&server, "stutter");
    let invite = phone.request("INVITE", "park", "", &phone.offer());
    let mut tags = Vec::new();
    for _ in 0..3 {
        phone.send(invite.as_bytes());
        let response = phone.final_response();
        assert_eq!(status(&response), 200, "{response}");
        tags.push(field(&response, "To").unwrap_or_default().to_owned());
    }
    tags.dedup();
    assert_eq!(tags.len(), 1, "one dialog: {tags:?}");
    let response = format!(
        "SIP/2.0 200 OK\r\nTo: {}\r\nContact: <{}>\r\n\r\n",
        tags[0],
        server.uri("701")
    );
    phone.send(phone.in_dialog("ACK", 1, &invite, &response).as_bytes());
    phone.send(phone.in_dialog("BYE", 2, &invite, &response).as_bytes());
    loop {
        let response = phone.final_response();
        if field(&response, "CSeq") == Some("2 BYE") {
            assert_eq!(status(&response), 200, "{response}");
            break;
        }
    }
    server.stop();
}

#[test]
fn a_stranger_gets_no_answer() {
    let server = Server::start(&Settings {
        trusted: Some("10.0.0.0/8"),
        ..Settings::default()
    });
    let phone = Phone::new(&server, "stranger");
    phone.send(phone.request("OPTIONS", "park", "", "").as_bytes());
    phone.send(
        phone
            .request("INVITE", "park", "", &phone.offer())
            .as_bytes(),
    );
    assert_eq!(phone.receive(Duration::from_secs(2)), None);
    server.stop();
}
