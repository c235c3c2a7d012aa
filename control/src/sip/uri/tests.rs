//! URIs, their parts, and when two are the same.

use super::*;

fn uri(text: &str) -> Uri<'_> {
    Uri::parse(text).unwrap_or_else(|_| panic!("{text} is a URI"))
}

#[test]
fn every_part_is_read() {
    let uri = uri("SIP:ann:secret@pbx.test:5070;transport=tcp;lr?Subject=hi&Priority=low");
    assert_eq!(uri.scheme, Scheme::Sip);
    assert_eq!(uri.user, Some("ann"));
    assert_eq!(uri.password, Some("secret"));
    assert_eq!(uri.host, Host::Name("pbx.test"));
    assert_eq!(uri.port, Some(5070));
    assert_eq!(uri.parameters, "transport=tcp;lr");
    assert_eq!(uri.parameter("Transport"), Some("tcp"));
    assert_eq!(uri.parameter("LR"), Some(""));
    assert_eq!(uri.headers, "Subject=hi&Priority=low");
}

#[test]
fn semicolon_question_mark_and_slash_may_stand_in_the_user() {
    let uri = uri("sips:a;b=c/d?e=f@pbx.test;x=y");
    assert_eq!(uri.scheme, Scheme::Sips);
    assert_eq!(uri.user, Some("a;b=c/d?e=f"));
    assert_eq!(uri.parameters, "x=y");
    assert_eq!(uri.headers, "");
}

#[test]
fn an_escaped_at_sign_does_not_end_the_user() {
    let uri = uri("sip:park%40good.test@evil.test");
    assert_eq!(uri.user, Some("park%40good.test"));
    assert_eq!(uri.user_unescaped().unwrap(), "park@good.test");
    assert_eq!(uri.host, Host::Name("evil.test"));
}

#[test]
fn a_feature_code_needs_no_escape() {
    assert_eq!(uri("sip:*72#@pbx.test").user, Some("*72#"));
}

#[test]
fn an_empty_user_is_not_the_same_as_none() {
    assert_eq!(uri("sip:@pbx.test").user, Some(""));
    assert_eq!(uri("sip:pbx.test").user, None);
}

#[test]
fn ipv6_references_are_hosts() {
    let uri = uri("sip:700@[2001:db8::10]:5062;lr");
    assert_eq!(uri.host.to_string(), "[2001:db8::10]");
    assert_eq!(uri.port, Some(5062));
    assert_eq!(uri.parameters, "lr");
}

#[test]
fn a_replaces_header_is_given_without_escapes() {
    let uri = uri("sip:700@pbx.test?Require=x&replaces=q1%40c.test%3Bto-tag%3Da%3Bfrom-tag%3Db");
    assert_eq!(
        uri.header("Replaces").unwrap(),
        "q1@c.test;to-tag=a;from-tag=b"
    );
    assert_eq!(uri.header("Subject"), None);
}

#[test]
fn a_second_at_sign_is_taken_in_headers_only() {
    assert_eq!(
        uri("sip:a@b.test?Replaces=c@d").header("replaces").unwrap(),
        "c@d"
    );
    assert!(Uri::parse("sip:a@good.test@evil.test").is_err());
    assert!(Uri::parse("sip:a@good.test;x=@evil.test").is_err());
}

#[test]
fn a_tel_uri_has_a_number() {
    let uri = uri("tel:+49-(30)-1234.5;phone-context=pbx.test");
    assert_eq!(uri.scheme, Scheme::Tel);
    assert_eq!(uri.user, Some("+49-(30)-1234.5"));
    assert_eq!(uri.parameter("phone-context"), Some("pbx.test"));
    assert_eq!(uri.host, Host::Name(""));
    for wrong in ["tel:", "tel:+", "tel:--", "tel:bob@x", "tel:+12a", "tel:1;"] {
        assert!(Uri::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_unknown_scheme_is_a_uri_without_parts() {
    let uri = uri("urn:service:sos");
    assert_eq!(uri.scheme, Scheme::Other);
    assert_eq!(uri.user, None);
}

#[test]
fn what_could_be_read_in_two_ways_is_no_uri() {
    for wrong in [
        "",
        "sip",
        "sip:",
        ":a@b",
        "1sip:a@b",
        "s p:a@b",
        "sip:a b@c",
        "sip:a@b c",
        "sip:<a@b>",
        "sip:a\"@b",
        "sip:a@b;",
        "sip:a@b;;c",
        "sip:a@b;=c",
        "sip:a@b?",
        "sip:a@b?=c",
        "sip:a@b?c&",
        "sip:a%4@b",
        "sip:a%zz@b",
        "sip:a@b%41",
        "sip:a@2001:db8::1",
        "sip:a@[::1",
        "sip:a@b:",
        "sip:a@b:70000",
        "sip:a@",
        "sip:@",
        "sip:a@b\r\nTo: x",
        "sip:a\\@b",
        "sip:a@b;c=\u{7f}",
        "sip:a@b,sip:c@d",
        "sip:a@b;c=1;C=2",
        "sip:a@b;c=1;c",
    ] {
        assert!(Uri::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn equivalent_uris_may_differ_in_case_escapes_and_order() {
    for (one, two) in [
        (
            "sip:%61nn@pbx.test;Transport=TCP",
            "SIP:ann@PBX.test;transport=tcp",
        ),
        ("sip:ann@pbx.test", "sip:ann@pbx.test;new=1"),
        ("sip:ann@pbx.test;a=1", "sip:ann@pbx.test;b=2"),
        ("sip:pbx.test?A=1&b=2", "sip:pbx.test?B=2&a=1"),
        ("sip:a@[2001:db8:0:0::1]", "sip:a@[2001:DB8::1]"),
        ("tel:+1-20-3", "tel:+1(20)3"),
        ("urn:service:sos", "urn:service:sos"),
    ] {
        assert!(uri(one).is_equivalent(&uri(two)), "{one} {two}");
        assert!(uri(two).is_equivalent(&uri(one)), "{two} {one}");
    }
}

#[test]
fn different_uris_are_not_equivalent() {
    for (one, two) in [
        ("sip:Ann@pbx.test", "sip:ann@pbx.test"),
        ("sip:ann@pbx.test", "sips:ann@pbx.test"),
        ("sip:ann@pbx.test", "sip:ann@pbx.test:5060"),
        ("sip:ann@pbx.test", "sip:ann@pbx.test;transport=udp"),
        ("sip:ann@pbx.test", "sip:ann@pbx.test;maddr=192.0.2.1"),
        ("sip:ann@pbx.test", "sip:ann@pbx.test?Subject=x"),
        ("sip:ann@pbx.test;a=1", "sip:ann@pbx.test;a=2"),
        ("sip:ann@pbx.test?A=1", "sip:ann@pbx.test?A=2"),
        ("sip:a%3Bb@pbx.test", "sip:a;b@pbx.test"),
        ("sip:ann:x@pbx.test", "sip:ann:y@pbx.test"),
        ("sip:@pbx.test", "sip:pbx.test"),
        ("sip:a@192.0.2.1", "sip:a@[::ffff:192.0.2.1]"),
        ("tel:+123", "tel:123"),
        ("tel:123;phone-context=a.test", "tel:123"),
    ] {
        assert!(!uri(one).is_equivalent(&uri(two)), "{one} {two}");
        assert!(!uri(two).is_equivalent(&uri(one)), "{two} {one}");
    }
}

#[test]
fn a_parameter_may_be_repeated_but_not_changed() {
    assert!(Uri::parse("sip:a@b;lr;LR").is_ok());
}

#[test]
fn the_parts_of_a_uri_have_their_limits() {
    let many = |joint: &str, count| format!("sip:a@b{}", joint.repeat(count));
    assert!(Uri::parse(&many(";p", URI_PARTS_MAX)).is_ok());
    assert!(Uri::parse(&many(";p", URI_PARTS_MAX + 1)).is_err());
    let headers = |count| format!("sip:a@b?h{}", "&h".repeat(count));
    assert!(Uri::parse(&headers(URI_PARTS_MAX - 1)).is_ok());
    assert!(Uri::parse(&headers(URI_PARTS_MAX)).is_err());
    let long = |bytes| format!("sip:{}@b", "a".repeat(bytes - 6));
    assert!(Uri::parse(&long(URI_BYTES_MAX)).is_ok());
    assert!(Uri::parse(&long(URI_BYTES_MAX + 1)).is_err());
}
