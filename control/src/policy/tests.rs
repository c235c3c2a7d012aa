//! Kinds of parties, and which policy they have.

use std::path::Path;

use super::*;
use crate::config::Kind;

fn policies(text: &str) -> Policies {
    let text = format!(
        "[sip]\nlisten = [\"udp:192.0.2.1:5060\"]\ndomains = [\"example.com\"]\n\
         trusted = [\"10.0.0.0/8\"]\n{text}"
    );
    Policies::new(&Config::parse(&text, "site.toml", Path::new("")).unwrap())
}

fn party(uri: &str) -> Party {
    Party::of_uri(uri).unwrap_or_default()
}

#[test]
fn row_34_a_party_of_another_domain_is_federated() {
    let policies = policies("");
    let cases = [
        ("sip:ann@example.com", Kind::Internal),
        ("sip:ann@EXAMPLE.com:5070", Kind::Internal),
        ("sip:2001@192.0.2.1", Kind::Internal),
        ("sip:2001@10.1.2.3:5062", Kind::Internal),
        ("sip:ann@partner.example", Kind::Federated),
        ("sip:2001@partner.example", Kind::Federated),
        ("sip:+33140000000@partner.example", Kind::Federated),
        ("sip:ann@203.0.113.9", Kind::Federated),
        ("sip:anonymous@anonymous.invalid", Kind::Federated),
    ];
    for (uri, kind) in &cases {
        assert_eq!(policies.kind(&party(uri), None), *kind, "{uri}");
    }
}

#[test]
fn row_35_a_number_longer_than_an_extension_is_of_the_telephone_network() {
    let text = "[party]\nextension_digits = 4\n[park]\nassigned = [\"+33140001000-+33140001999\"]";
    let policies = policies(text);
    let cases = [
        ("sip:2001@example.com", Kind::Internal),
        ("sip:20012@example.com", Kind::Pstn),
        ("sip:+2001@example.com", Kind::Pstn),
        ("sip:0033140000000@example.com;user=phone", Kind::Pstn),
        ("tel:+33-1-40-00-00-00", Kind::Pstn),
        ("tel:+33-1-40-00-15-00", Kind::Internal),
        ("sip:+33140001500@example.com", Kind::Internal),
        ("sip:+33140001500@partner.example", Kind::Federated),
        ("sip:20012x@example.com", Kind::Internal),
    ];
    for (uri, kind) in cases {
        assert_eq!(policies.kind(&party(uri), None), kind, "{uri}");
    }
}

#[test]
fn what_comes_from_a_gateway_is_of_the_telephone_network_whatever_it_says() {
    let text = "[party]\npstn_networks = [\"10.9.0.0/24\"]\npstn = [\"gw.example.com\"]\n\
                internal = [\"*@partner.example\"]";
    let policies = policies(text);
    let from = |at: &str| Some(at.parse().unwrap());
    let ann = party("sip:ann@example.com");
    assert_eq!(policies.kind(&ann, from("10.9.0.7")), Kind::Pstn);
    assert_eq!(policies.kind(&ann, from("::ffff:10.9.0.7")), Kind::Pstn);
    assert_eq!(policies.kind(&ann, from("10.8.0.7")), Kind::Internal);
    assert_eq!(
        policies.kind(&party("sip:ann@gw.example.com"), None),
        Kind::Pstn
    );
    assert_eq!(
        policies.kind(&party("sip:bob@partner.example"), None),
        Kind::Internal
    );
}

#[test]
fn without_a_policy_everybody_may_do_everything() {
    for act in [Act::Park, Act::Retrieve] {
        let stranger = party("sip:ann@partner.example");
        assert!(policies("").permit(&stranger, None, act, None).is_ok());
    }
}

#[test]
fn row_21_a_party_has_the_policy_of_its_users_or_its_site_or_of_all() {
    let policies = policies(
        "[park.site.paris]\nmembers = [\"*@paris.example.com\", \"ann@example.com\"]\n\
         [[policy]]\nname = \"all\"\n\
         [[policy]]\nname = \"paris\"\nscope = \"site:paris\"\npark = [\"internal\"]\n\
         [[policy]]\nname = \"desk\"\nscope = \"users\"\nusers = [\"ann@example.com\"]\n\
         park = [\"internal\"]\nretrieve = [\"internal\"]\n",
    );
    let words = |uri: &str, act| match policies.permit(&party(uri), None, act, None) {
        Ok(permit) => format!("by {}", permit.policy.unwrap()),
        Err(denied) => policies.words(denied),
    };
    let cases = [
        ("sip:ann@example.com", Act::Park, "by desk"),
        ("sip:ann@example.com", Act::Retrieve, "by desk"),
        ("sip:eve@paris.example.com", Act::Park, "by paris"),
        (
            "sip:eve@paris.example.com",
            Act::Retrieve,
            "Policy paris does not let internal callers retrieve",
        ),
        (
            "sip:bob@example.com",
            Act::Park,
            "Policy all does not let internal callers park",
        ),
        (
            "sip:+33140000000@example.com",
            Act::Retrieve,
            "Policy all does not let telephone network callers retrieve",
        ),
    ];
    for (uri, act, expected) in cases {
        assert_eq!(words(uri, act), expected, "{uri}");
    }
}

#[test]
fn row_21_with_the_first_policy_nobody_may_do_what_none_allows() {
    let text = "[[policy]]\nname = \"desk\"\nscope = \"users\"\nusers = [\"ann@example.com\"]\n";
    let policies = policies(text);
    let denied = policies.permit(&party("sip:bob@example.com"), None, Act::Park, None);
    let words = policies.words(denied.unwrap_err());
    assert_eq!(words, "No policy lets this internal caller park");
}
