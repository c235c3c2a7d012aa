//! Peers outside the trusted networks get no answer and take nothing.

use crate::common::phone::call::View;
use crate::common::secs;
use crate::common::site::{SERVER, Site};
use crate::common::world::World;

#[test]
fn a_stranger_gets_no_answer_and_no_orbit() {
    let mut world = World::new(Site::default());
    let address = "203.0.113.9:5060".parse().unwrap();
    let mallory = world.phone_at("mallory", address, SERVER.parse().unwrap());
    let call = world.dial(mallory, "park");
    world.run(secs(10));
    assert_eq!(world.view(call), View::Calling);
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    let status = world.status();
    assert_eq!(
        (status.parked, status.calls, status.transactions),
        (0, 0, 0)
    );
}

#[test]
fn a_stranger_cannot_end_the_call_of_another() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let parked = world.park(alice);
    let address = "203.0.113.9:5060".parse().unwrap();
    let mallory = world.phone_at("mallory", address, SERVER.parse().unwrap());
    let call = world.call(parked);
    let (uri, to_tag) = (call.remote_target.clone(), call.remote_tag.clone().unwrap());
    let bye = crate::common::wire::Wire::new(format!("BYE {uri} SIP/2.0"))
        .with("Max-Forwards", 70)
        .with("From", world.phones[alice].from(&call.local_tag))
        .with("To", format!("<{}>;tag={to_tag}", call.dialled))
        .with("Call-ID", &call.call_id)
        .with("CSeq", format!("{} BYE", call.cseq + 1));
    world.with(mallory, |phone, now| phone.send_raw(now, "BYE", bye));
    world.run(secs(5));
    assert_eq!(world.view(parked), View::Listening);
    assert!(world.orbit(parked).is_some());
    assert_eq!(world.sent(mallory, ""), 0);
}
