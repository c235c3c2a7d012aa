//! Behind a proxy that stays in the path: requests of ours go by way of it (RFC 3261 §12.1.1,
//! §12.2.1.1).

use crate::common::secs;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};

const PROXY: &str = "<sip:198.51.100.2:5060;lr>";

#[test]
fn the_answer_repeats_the_route() {
    let (world, _, call) = parked(PROXY);
    let answer = world.call(call).answer.as_ref().unwrap();
    assert_eq!(answer.header("Record-Route"), Some(PROXY));
}

#[test]
fn a_bye_of_ours_goes_to_the_proxy_and_names_the_phone() {
    let (mut world, proxy, call) = parked(PROXY);
    world.run(secs(11));
    assert!(world.sent(proxy, "BYE sip:alice@198.51.100.1:5060 SIP/2.0") >= 1);
    assert_eq!(
        world.sent(call.phone, "BYE"),
        0,
        "nothing goes past the proxy"
    );
}

#[test]
fn a_strict_router_is_named_in_the_request_line() {
    let (mut world, proxy, _) = parked("<sip:198.51.100.2:5060>");
    world.run(secs(11));
    assert!(world.sent(proxy, "BYE sip:198.51.100.2:5060 SIP/2.0") >= 1);
}

/// A phone whose INVITE came by way of a proxy, for which another phone stands.
fn parked(route: &str) -> (World, usize, CallRef) {
    let mut world = World::new(Site::default().pickup_timeout(secs(10)));
    let (alice, proxy) = (world.phone("alice"), world.phone("proxy"));
    let call = world.dial_with(alice, "park", &[("Record-Route", route.to_owned())]);
    world.run(secs(1));
    assert!(world.orbit(call).is_some());
    (world, proxy, call)
}
