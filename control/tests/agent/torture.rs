//! The agent's verdict on every torture message, as the first thing it ever hears.

use control::sip::agent::{Agent, AgentConfig, AgentEvent, SipDrop};
use control::sip::message::Message;
use control::sip::transport::{Flow, Packet, Transport};
use shared::Time;

use super::bench::{first_line, udp_listener};
use crate::table::{Answer, DOMAINS, LOCAL, SOURCE, TABLE, Torture};

const DROPS: [SipDrop; 5] = [
    SipDrop::Unparseable,
    SipDrop::StrayResponse,
    SipDrop::StrayAck,
    SipDrop::Untrusted,
    SipDrop::Full,
];

/// What becomes of one message: what is sent, whether the layer above hears, how much is counted.
fn verdict(torture: &Torture) -> (Answer, u64) {
    let mut agent = Agent::new(AgentConfig {
        listeners: vec![udp_listener(1, LOCAL, "2001:db8::10")],
        domains: DOMAINS.iter().map(|&domain| domain.to_owned()).collect(),
        product: "orbit-test".to_owned(),
        seed: [3; 32],
    });
    let packet = Packet {
        transport: Transport::Udp,
        flow: Flow(1),
        local: LOCAL.parse().unwrap(),
        source: SOURCE.parse().unwrap(),
        bytes: torture.bytes,
    };
    let mut is_heard = false;
    match Message::parse(torture.bytes) {
        Ok(message) => {
            let event = agent.receive(Time::ZERO, &packet, &message);
            is_heard = matches!(event, Some(AgentEvent::Invite { .. }));
            assert_eq!(is_heard, event.is_some(), "{}", torture.name);
        }
        Err(malformed) => agent.receive_malformed(Time::ZERO, &packet, &malformed),
    }
    let sent = agent.poll_transmit();
    assert!(agent.poll_transmit().is_none(), "{}", torture.name);
    let counted = DROPS.iter().map(|&reason| agent.dropped(reason)).sum();
    let answer = match (is_heard, sent) {
        (true, None) => Answer::Invite,
        (false, None) => Answer::Silence,
        (is_heard, Some(sent)) => {
            assert!(!is_heard, "{} was answered and handed up", torture.name);
            let text = String::from_utf8_lossy(&sent.bytes).into_owned();
            let code = first_line(&text)
                .split(' ')
                .nth(1)
                .and_then(|code| code.parse().ok());
            Answer::Status(code.unwrap_or_else(|| panic!("{text}")))
        }
    };
    (answer, counted)
}

#[test]
fn every_torture_message_gets_the_answer_of_the_table() {
    let findings: Vec<String> = TABLE
        .iter()
        .filter_map(|torture| {
            let (answer, counted) = verdict(torture);
            let is_right =
                answer == torture.answer && (counted == u64::from(answer == Answer::Silence));
            let Torture { name, why, .. } = torture;
            (!is_right).then(|| {
                format!(
                    "{name}: {answer:?}, not {:?} ({why}); counted {counted}",
                    torture.answer
                )
            })
        })
        .collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}
