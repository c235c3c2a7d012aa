//! Messages bent at random against an agent with calls in progress: nothing panics, nobody gets
//! many messages for one, and afterwards everything is forgotten.

use control::sip::agent::Reply;
use control::sip::status::Status;

use super::basics::outgoing;
use super::bench::{Bench, Seen, invite, request, response, sdp_reply};
use crate::table::TABLE;

/// Xorshift: any bits will do.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        let end = end.max(1);
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }
}

/// Replaces, doubles, drops or swaps a few pieces.
fn bend(random: &mut Random, text: &str) -> String {
    const PIECES: [&str; 16] = [
        "INVITE",
        "ACK",
        "BYE",
        "CANCEL",
        ";tag=",
        "tag=x",
        "\r\n",
        "SIP/2.0",
        ":",
        "<",
        ">",
        ",",
        "z9hG4bK",
        "4294967295",
        "sip:",
        "@",
    ];
    let mut text = text.to_owned();
    for _ in 0..=random.below(3) {
        let from = PIECES[random.below(PIECES.len())];
        let to = PIECES[random.below(PIECES.len())];
        match random.below(4) {
            0 => text = text.replacen(from, to, 1 + random.below(3)),
            1 => text = text.replacen(from, "", 1),
            2 => {
                let lines: Vec<&str> = text.split_inclusive("\r\n").collect();
                let Some(&line) = lines.get(random.below(lines.len())) else {
                    continue;
                };
                text = text.replacen(line, &line.repeat(random.below(3)), 1);
            }
            _ => {
                let at = random.below(text.len());
                if text.is_char_boundary(at) {
                    text.truncate(at);
                }
            }
        }
    }
    text
}

#[test]
fn bent_messages_do_no_harm() {
    for seed in 1..=40 {
        let mut random = Random(seed);
        let mut bench = Bench::new();
        bench.agent.limit(50, 200);
        let (_, tag) = bench.confirmed();
        bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
        let ours = bench.text();
        let mut seeds = vec![
            invite(),
            response(&ours, "180 Ringing", "bob1", ""),
            response(&ours, "200 OK", "bob1", "Contact: <sip:bob@192.0.2.1>\r\n"),
            response(&ours, "486 Busy Here", "bob1", ""),
        ];
        for method in ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO"] {
            seeds.push(request(method, "h1", 11, &tag));
            seeds.push(request(method, "h2", 1, ""));
        }
        let torture = TABLE
            .iter()
            .map(|t| String::from_utf8_lossy(t.bytes).into_owned());
        seeds.extend(torture);
        for _ in 0..400 {
            let seed_text = &seeds[random.below(seeds.len())];
            let text = bend(&mut random, seed_text);
            let event = bench.receive(&text);
            let sent = bench.texts().len();
            assert!(sent <= 2, "seed {seed}: {sent} messages for {text:?}");
            match event {
                Some(Seen::Invite(dialog) | Seen::Reinvite(dialog)) => match random.below(3) {
                    0 => bench.agent.accept(bench.now, dialog, "7", sdp_reply()),
                    1 => bench.agent.bye(bench.now, dialog, Reply::default()),
                    _ => {
                        bench
                            .agent
                            .reject(bench.now, dialog, Status::DECLINE, Reply::default());
                    }
                },
                Some(Seen::Answered(dialog)) => bench.agent.ack(bench.now, dialog, None),
                _ => {}
            }
            bench.advance(u64::try_from(random.below(700)).unwrap());
            bench.texts();
        }
        let open: Vec<_> = (1..2_000).map(control::sip::agent::DialogKey).collect();
        for dialog in open {
            bench.agent.bye(bench.now, dialog, Reply::default());
        }
        bench.assert_empty();
    }
}
