//! The rules of `[[policy]]` and `[party]`.

use super::*;

#[test]
fn a_policy_has_a_name_and_a_scope_of_its_own() {
    refused(
        r##"
[[policy]]
park = ["internal"]
=> 1: [[policy]] name: missing; write letters, digits, ".", "_" or "-", at most 64

[[policy]]
name = "a b"
=> 2: [[policy]] name = "a b": not a name; write letters, digits, ".", "_" or "-", at most 64

[[policy]]
name = "a"
[[policy]]
name = "a"
scope = "users"
users = ["ann@example.com"]
=> 4: [[policy]] name = "a": another policy has it; write a name of its own

[[policy]]
name = "a"
[[policy]]
name = "b"
scope = "global"
=> 5: [[policy]] scope = "global": the policy "a" has it; strike one of the two

[[policy]]
name = "a"
scope = "site:paris"
=> 3: [[policy]] scope = "site:paris": no such site; write [park.site.paris]

[[policy]]
name = "a"
scope = "everybody"
=> 3: [[policy]] scope = "everybody": unknown; write "global", "site:NAME" or "users"

[[policy]]
name = "a"
scope = "users"
=> 1: [[policy]] users: nobody; write users such as "ann@example.com", "*@example.com",
   "*.example.com" or "+331*"

[[policy]]
name = "a"
users = ["ann@example.com"]
=> 3: [[policy]] users = ["ann@example.com"]: for scope = "users" only; strike it, or write
   that
"##,
    );
}

#[test]
fn a_policy_names_kinds_of_party() {
    refused(
        r##"
[[policy]]
name = "a"
park = ["internal", "mobile"]
=> 3: [[policy]] park = "mobile": no kind of party; write "internal", "pstn" or
   "federated"

[[policy]]
name = "a"
retrieve = ["pstn", "pstn"]
=> 3: [[policy]] retrieve = "pstn": written twice; strike one of the two

[[policy]]
name = "a"
retrieve = "internal"
=> 3: [[policy]] retrieve = "internal": not a list; write "internal", "pstn" or "federated", in
   brackets

[[orbit_range]]
name = "a"
start = "700"
end = "799"
policy = "salse"
[[policy]]
name = "sales"
=> 5: [[orbit_range]] policy = "salse": no such policy; did you mean sales?
"##,
    );
}

#[test]
fn the_kinds_of_party_are_told_apart_by_rules() {
    refused(
        r##"
[party]
pstn_networks = ["10.0.0.0/33"]
=> 2: [party] pstn_networks = "10.0.0.0/33": not understood; write networks such as
   "192.0.2.0/24"

[party]
extension_digits = 1
=> 2: [party] extension_digits = 1: out of range; write a number from 2 to 15

[party]
internal = ["a b"]
=> 2: [party] internal = "a b": not understood; write users such as "ann@example.com",
   "*@example.com", "*.example.com" or "+331*"
"##,
    );
}

#[test]
fn a_pin_is_there_where_it_is_needed_and_no_message_shows_it() {
    refused(
        r##"
[[policy]]
name = "a"
retrieve_with_pin = ["pstn"]
=> 1: [[policy]] pin: missing; write 4 to 12 digits, or "sha256:SALT:HASH"

[[policy]]
name = "a"
pin = "4711"
=> 3: [[policy]] pin = "…": nobody needs it; write retrieve_with_pin = ["pstn"]

[[policy]]
name = "a"
retrieve_with_pin = ["pstn"]
pin = "471x"
=> 4: [[policy]] pin = "…": not a PIN; write 4 to 12 digits, or "sha256:SALT:HASH"

[[policy]]
name = "a"
retrieve = ["internal", "pstn"]
retrieve_with_pin = ["federated", "pstn"]
pin = "4711"
=> 4: [[policy]] retrieve_with_pin = "pstn": may retrieve without one; strike it here, or
   there
"##,
    );
}
