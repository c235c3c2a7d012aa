//! The rules of tables that have no effect yet.

use super::*;

#[test]
fn an_announcement_plays_one_thing() {
    refused(
        r##"
[[announcement]]
audio = "a.wav"
=> 1: [[announcement]] name: missing; write letters, digits, ".", "_" or "-", at most 64

[[announcement]]
name = "a"
=> 1: [[announcement]]: nothing to play; write audio or text

[[announcement]]
name = "a"
audio = "a.wav"
text = "Hello"
=> 4: [[announcement]] text = "Hello": audio is there too; strike one of them

[[announcement]]
name = "a"
text = "Hello"
=> 1: [[announcement]] language: missing; write the text's, such as "en-GB"

[[announcement]]
name = "a"
audio = "a.wav"
language = "en-GB"
=> 4: [[announcement]] language = "en-GB": only a text has one; strike it, or write text

[[announcement]]
name = "a"
audio = "a.wav"
target = "reception"
=> 4: [[announcement]] target = "reception": does not begin with sip: or sips:; write a SIP
   URI such as "sip:operator@example.com"

[[announcement]]
name = "a"
audio = "a.wav"
[[announcement]]
name = "a"
audio = "b.wav"
=> 5: [[announcement]] name = "a": another announcement has it; write a name of its own
"##,
    );
}

#[test]
fn unassigned_numbers_are_announced() {
    refused(
        r##"
[[unassigned]]
name = "a"
start = "+331"
end = "+332"
announcement = "moved"
=> 5: [[unassigned]] announcement = "moved": no such announcement; write an [[announcement]]
   of this name

[[unassigned]]
name = "a"
start = "+33x"
=> 3: [[unassigned]] start = "+33x": not a number; write a number such as "+33140000000"

[[unassigned]]
name = "a"
start = "+331"
end = "332"
=> 4: [[unassigned]] end = "332": not of the form of start; write as many digits

[[unassigned]]
name = "a"
start = "+332"
end = "+331"
=> 4: [[unassigned]] end = "+331": before start; write a higher number

[[announcement]]
name = "moved"
audio = "a.wav"
[[unassigned]]
name = "a"
start = "1"
end = "2"
announcement = "mvoed"
=> 8: [[unassigned]] announcement = "mvoed": no such announcement; did you mean moved?

[[announcement]]
name = "moved"
audio = "a.wav"
[[unassigned]]
name = "a"
start = "1"
end = "2"
announcement = "moved"
priority = -1
=> 9: [[unassigned]] priority = -1: out of range; write a number from 0 to 1000
"##,
    );
}

#[test]
fn the_store_has_an_address() {
    refused(
        r##"
[store]
path = "a.db"
url = "redis://127.0.0.1"
=> 3: [store] url = "redis://127.0.0.1": path is there too; strike one of them

[store]
url = "http://127.0.0.1"
=> 2: [store] url = "http://127.0.0.1": not a store; write a URL such as
   "redis://127.0.0.1:6379"

[store]
path = ""
=> 2: [store] path = "": empty; write the path of a file
"##,
    );
}
