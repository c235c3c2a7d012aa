//! Recalls of phones whose every message is written here: what they are told, and answers that
//! come early.

use std::time::Duration;

use super::bench::{Bench, PICKUP_TIMEOUT, Phone};

const REFERRED: &str = "Referred-By: <sip:bob@127.0.0.1:6002>\r\n";

/// A call that its parker has transferred here, and the recall of the parker.
fn recalled(more: &str) -> (Bench, Phone, Phone, String) {
    let mut bench = Bench::new();
    let mut parkee = Phone::new(1);
    let offer = parkee.sdp("0 8", "sendrecv");
    bench.invite(&mut parkee, "701", &format!("{REFERRED}{more}"), &offer);
    bench.ack(&mut parkee, "");
    bench.wait(PICKUP_TIMEOUT);
    let parker = Phone::new(2);
    let recall = bench.next(&parker).expect("a recall");
    assert!(
        recall.starts_with("INVITE sip:bob@127.0.0.1:6002 "),
        "{recall}"
    );
    (bench, parkee, parker, recall)
}

fn lines<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .collect()
}

/// A response of the parker with a tag and more lines.
fn reply(parker: &Phone, recall: &str, status: &str, more: &str, sdp: &str) -> String {
    let text = parker.response(recall, status, sdp);
    let to = lines(&text, "To")[0].to_owned();
    let text = text.replace(&format!("To: {to}\r\n"), &format!("To: {to};tag=p1\r\n"));
    text.replacen("Contact: ", &format!("{more}Contact: "), 1)
}

#[test]
fn row_38_the_parker_sees_who_waits_unless_that_is_private() {
    let (.., recall) = recalled("");
    assert!(lines(&recall, "From")[0].starts_with("\"Recall 701: Phone call-1\" <sip:701@"));
    let (.., recall) = recalled("Privacy: id\r\n");
    assert!(lines(&recall, "From")[0].starts_with("\"Recall 701\" <sip:701@"));
    assert_eq!(lines(&recall, "Privacy"), ["id"]);
}

#[test]
fn row_38_the_way_the_call_has_come_goes_on_from_where_it_was() {
    let history = "History-Info: <sip:desk@example.com>;index=1\r\n\
                   History-Info: <sip:bob@example.com>;index=1.1;rc=1\r\n";
    let (.., recall) = recalled(history);
    assert_eq!(
        lines(&recall, "History-Info"),
        [
            "<sip:desk@example.com>;index=1, <sip:bob@example.com>;index=1.1;rc=1",
            "<sip:701@127.0.0.1:5060?Reason=SIP%3Bcause%3D408%3Btext%3D%22Not%20retrieved%22>\
             ;index=1.1.1",
            "<sip:bob@127.0.0.1:6002>;index=1.1.1.1;mp=1.1.1",
        ]
    );
}

#[test]
fn an_answer_in_a_reliable_response_counts_when_the_200_has_none() {
    let (mut bench, parkee, parker, recall) = recalled("");
    let sdp = parker.sdp("0", "sendrecv");
    let more = "Require: 100rel\r\nRSeq: 5\r\n";
    let early = reply(&parker, &recall, "183 Session Progress", more, &sdp);
    bench.send(&parker, &early);
    let prack = bench.next(&parker).expect("a PRACK");
    assert!(
        prack.starts_with("PRACK sip:call-2@127.0.0.1:6002 "),
        "{prack}"
    );
    assert!(lines(&prack, "RAck")[0].starts_with("5 "));
    bench.send(&parker, &parker.response(&prack, "200 OK", ""));
    let ok = reply(&parker, &recall, "200 OK", "", "");
    bench.send(&parker, &ok);
    assert!(bench.next(&parker).unwrap().starts_with("ACK"));
    bench.answer_reinvite(&parkee, "0 8", "sendrecv");
    assert!(bench.is_bridged(&parkee, &parker));
}

#[test]
fn an_answer_of_another_fork_does_not_count() {
    let (mut bench, parkee, parker, recall) = recalled("");
    let sdp = parker.sdp("0", "sendrecv");
    let early = reply(&parker, &recall, "183 Session Progress", "", &sdp);
    bench.send(&parker, &early.replace("tag=p1", "tag=p2"));
    bench.send(&parker, &reply(&parker, &recall, "200 OK", "", ""));
    assert!(bench.next(&parker).unwrap().starts_with("ACK"));
    bench.take_bye(&parker);
    // It was the last attempt.
    bench.take_bye(&parkee);
    bench.expect_empty();
}

#[test]
fn who_answers_a_recall_is_named_to_the_parkee_as_it_names_itself() {
    let (mut bench, parkee, parker, recall) = recalled("");
    let sdp = parker.sdp("0", "sendrecv");
    let more = "P-Asserted-Identity: \"Bob\" <sip:bob@example.com>\r\n";
    bench.send(&parker, &reply(&parker, &recall, "200 OK", more, &sdp));
    let reinvite = bench.answer_reinvite(&parkee, "0 8", "sendrecv");
    let name = "\"Bob\" <sip:bob@example.com>";
    assert_eq!(lines(&reinvite, "P-Asserted-Identity"), [name]);
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.next(&parkee), None, "once");
}
