//! What any table may look like.

use super::*;

#[test]
fn what_is_not_toml_is_refused_at_its_line() {
    refused(
        r##"
[node]
id = "a
=> 2: not TOML: invalid basic string, expected `"`

[node]
id = "a"
id = "b"
=> 3: not TOML: duplicate key

[node
=> 1: not TOML: unclosed table, expected `]`

x
=> 1: not TOML: key with no value, expected `=`
"##,
    );
}

#[test]
fn unknown_tables_and_keys_are_refused_with_what_was_meant() {
    refused(
        r##"
[prak]
=> 1: [prak]: unknown; did you mean park?

[park]
pickup_timout = "90s"
=> 2: [park] pickup_timout = "90s": unknown; did you mean pickup_timeout?

[node]
name = "a"
=> 2: [node] name = "a": unknown; known here: id, drain_limit

id = "a"
=> 1: id = "a": unknown; known here: node, sip, media, music, park, orbit_range, policy, party,
   announcement, unassigned, api, store, cdr

[[orbit_range]]
name = "a"
start = "700"
stop = "799"
=> 4: [[orbit_range]] stop = "799": unknown; known here: name, start, end, kind, node, site,
   policy, allocation, empty, pickup_timeout, max_pickup_attempts, recall_ring_timeout,
   music_on_hold, music, on_timeout_uri, when_all_fail, media

[music.default]
fiel = "x"
=> 2: [music.default] fiel = "x": unknown; did you mean file?

[park.site.paris]
user = "x"
=> 2: [park.site.paris] user = "x": unknown; known here: members, pickup_timeout,
   max_pickup_attempts, recall_ring_timeout, music_on_hold, music, on_timeout_uri,
   when_all_fail, media
"##,
    );
}

#[test]
fn values_of_another_type_are_refused() {
    refused(
        r##"
node = 1
=> 1: node = 1: not a table; write [node]

[node]
id = 7
=> 2: [node] id = 7: not a text; write letters, digits, ".", "_" or "-", at most 64, in quotes

[sip]
listen = "udp:127.0.0.1:5060"
=> 2: [sip] listen = "udp:127.0.0.1:5060": not a list; write PROTOCOL:ADDRESS:PORT such as
   "udp:192.0.2.1:5060" or "tcp:[2001:db8::1]:5060", in brackets

[sip]
listen = [5060]
=> 2: [sip] listen = 5060: not a text; write PROTOCOL:ADDRESS:PORT such as
   "udp:192.0.2.1:5060" or "tcp:[2001:db8::1]:5060", in quotes

[park]
max_pickup_attempts = "2"
=> 2: [park] max_pickup_attempts = "2": not a whole number; write a number from 1 to 10,
   without quotes

[park]
music_on_hold = "yes"
=> 2: [park] music_on_hold = "yes": neither true nor false; write one of them, without quotes

[park]
pickup_timeout = 90
=> 2: [park] pickup_timeout = 90: not a text; write a duration from 10s to 10min such as
   "90s", in quotes

[orbit_range]
name = "a"
=> 1: [orbit_range]: not a list of tables; write [[orbit_range]] for each

orbit_range = [1]
=> 1: orbit_range = [1]: not a list of tables; write [[orbit_range]] for each

[media]
cpus = 1
=> 2: [media] cpus = 1: not a list; write numbers from 0 to 1023, in brackets

[[orbit_range]]
name = "a"
start = 700
=> 3: [[orbit_range]] start = 700: not a text; write 1 to 9 digits that begin with 1 to 9, or
   * or # and at most 8, in quotes

music = "loud"
=> 1: music = "loud": not a table; write [music]

[music]
default = "builtin"
=> 2: [music] default = "builtin": not a table; write [music.default]
"##,
    );
}
