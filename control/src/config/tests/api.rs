//! `[api]`: where it listens, and whose tokens it knows.

use super::*;

const HASH: &str = "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef";

#[test]
fn without_a_table_there_is_no_api() {
    assert_eq!(Config::default().api, None);
}

#[test]
fn it_listens_on_this_host_unless_told_otherwise() {
    let api = parse("[api]").unwrap().api.unwrap();
    assert_eq!(api.listen, "127.0.0.1:8080".parse().unwrap());
    let api = parse("[api]\nlisten = \"[::1]:0\"").unwrap().api.unwrap();
    assert_eq!(api.listen, "[::1]:0".parse().unwrap());
}

#[test]
fn with_a_certificate_it_listens_anywhere() {
    let text = "[api]\nlisten = \"0.0.0.0:8443\"\ncertificate = \"api.pem\"\nkey = \"/k/api.key\"";
    let api = parse(text).unwrap().api.unwrap();
    assert_eq!(api.listen, "0.0.0.0:8443".parse().unwrap());
    let certificate = api.certificate.unwrap();
    assert!(certificate.chain.ends_with("api.pem"));
    assert_eq!(certificate.key, Path::new("/k/api.key"));
}

#[test]
fn a_token_has_a_name_a_role_and_a_hash() {
    let text = format!("[[api.token]]\nname = \"ann\"\nrole = \"operator\"\nsha256 = \"{HASH}\"");
    let config = parse(&text).unwrap();
    let token = &config.api.unwrap().tokens[0];
    assert_eq!((&*token.name, token.role), ("ann", Role::Operator));
    assert_eq!(token.sha256[..4], [0x01, 0x23, 0x45, 0x67]);
    assert_eq!(token.sha256[23], 0xef);
    assert!(Role::Viewer < token.role && token.role < Role::Admin);
    assert_eq!(
        format!("{token:?}"),
        "Token(ann, operator)",
        "no hash in any log"
    );
}

#[test]
fn an_api_without_a_token_is_warned_of() {
    let config = parse("[api]").unwrap();
    assert_eq!(
        config.warnings,
        [
            "site.toml:1: [api]: no token, so that only its health can be asked; `orbitd token` \
          makes one"
        ]
    );
}

#[test]
fn what_is_wrong_is_named_with_what_would_be_right() {
    refused(
        r##"
[api]
listen = "8080"
=> 2: [api] listen = "8080": not understood; write ADDRESS:PORT such as "127.0.0.1:8080"

[api]
listen = "0.0.0.0:8080"
=> 2: [api] listen = "0.0.0.0:8080": not a loopback address, and what is said there is not
   encrypted; write certificate and key too, or 127.0.0.1 or [::1]

[api]
certificate = "api.pem"
=> 2: [api] certificate = "api.pem": there is no key; write key too

[api]
key = "api.key"
=> 2: [api] key = "api.key": there is no certificate; write certificate too

[api]
certificate = ""
key = "api.key"
=> 2: [api] certificate = "": empty; write the path of a PEM file

[api]
token = "secret"
=> 2: [api] token = "secret": not a list of tables; write [[api.token]] for each

[[api.token]]
role = "viewer"
=> 1: [[api.token]] name: missing; write letters, digits, ".", "_" or "-", at most 64

[[api.token]]
name = "ann"
role = "root"
sha256 = ""
=> 3: [[api.token]] role = "root": write "viewer", "operator" or "admin"

[[api.token]]
name = "ann"
role = "viewer"
sha256 = "secret"
=> 4: [[api.token]] sha256 = "secret": not a SHA-256; write the 64 digits that `orbitd token`
   prints

[[api.token]]
name = "ann"
role = "viewer"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
[[api.token]]
name = "ann"
role = "admin"
sha256 = "1000000000000000000000000000000000000000000000000000000000000000"
=> 6: [[api.token]] name = "ann": another token has it; write one of its own

[[api.token]]
name = "ann"
role = "viewer"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
[[api.token]]
name = "bob"
role = "admin"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
=> 8: [[api.token]] sha256 = "00000000000000000000000000000000000000000000000000000000000…:
   another token has it; write one of its own
"##,
    );
}
