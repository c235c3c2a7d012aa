//! What the targets start from: the torture messages and what is in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The torture messages.
pub(crate) fn messages() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../control/tests/torture");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "sip"))
        .collect();
    paths.sort();
    let found: Vec<_> = paths
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .collect();
    assert!(
        found.len() > 30,
        "no torture messages in {}",
        folder.display()
    );
    found
}

/// Those, and one with all that captures withhold.
pub(crate) fn secrets() -> Vec<Vec<u8>> {
    let with_secrets = b"INFO sip:701@example.com;park-token=0123456789abcdef SIP/2.0\r\n\
        Via: SIP/2.0/UDP a.example.com;branch=z9hG4bK1\r\nFrom: <sip:a@a.example.com>;tag=1\r\n\
        To: <sip:701@example.com>;tag=2\r\nCall-ID: 1@a.example.com\r\nCSeq: 1 INFO\r\n\
        Authorization: Digest username=\"a\",\r\n response=\"0123\"\r\n\
        Proxy-Authorization: Digest response=\"4567\"\r\n\
        Content-Length: 33\r\n\r\na=crypto:1 AES inline:s\r\nk=clear:s";
    let mut all = messages();
    all.push(with_secrets.to_vec());
    all
}

/// The values of their header fields, each once.
pub(crate) fn values() -> Vec<Vec<u8>> {
    let unique: BTreeSet<Vec<u8>> = messages()
        .iter()
        .flat_map(|message| fields(message))
        .collect();
    unique.into_iter().collect()
}

/// The URIs in them, in pairs on two lines.
pub(crate) fn uris() -> Vec<Vec<u8>> {
    let mut unique = BTreeSet::new();
    for message in messages() {
        let head = String::from_utf8_lossy(&message).into_owned();
        for (at, _) in head.match_indices("sip:").chain(head.match_indices("tel:")) {
            let rest = &head[at..];
            let end = rest.find(['>', ' ', '\r', '"']).unwrap_or(rest.len());
            unique.insert(rest[..end].to_owned());
        }
    }
    unique.insert("tel:+49-(30)-1234.5;phone-context=pbx.test".to_owned());
    unique.insert(
        "sips:a;b=c/d?e=f:g@[2001:db8::1]:5061;x=y?Replaces=a%40b%3Bto-tag%3D1&c=d".to_owned(),
    );
    let all: Vec<String> = unique.into_iter().collect();
    all.windows(2)
        .map(|pair| format!("{}\n{}", pair[0], pair[1]).into_bytes())
        .collect()
}

/// A byte that cuts, and messages behind each other.
pub(crate) fn streams() -> Vec<Vec<u8>> {
    messages()
        .chunks(2)
        .zip(0_u8..)
        .map(|(pair, cut)| [&[cut][..], &pair.concat()[..], b"\r\n\r\n"].concat())
        .collect()
}

/// Session descriptions.
pub(crate) fn descriptions() -> Vec<Vec<u8>> {
    let more = [
        "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::1\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
         a=ptime:20\r\na=sendonly\r\na=rtcp-mux\r\na=rtcp:4001\r\n",
        "v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=x\r\nt=0 0\r\na=inactive\r\nm=video 4 RTP/AVP 96\r\n\
         c=IN IP4 192.0.2.2\r\na=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 0\r\n\
         c=IN IP4 192.0.2.3\r\nm=audio 6 RTP/SAVP 0\r\nm=audio 8 RTP/AVP 97 0\r\n\
         c=IN IP4 0.0.0.0\r\na=rtpmap:97 PCMU/8000/1\r\na=maxptime:40\r\nb=RS:0\r\nb=RR:0\r\n",
    ];
    let bodies = messages().into_iter().filter_map(|message| {
        let end = message.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        message[end..]
            .starts_with(b"v=0")
            .then(|| message[end..].to_vec())
    });
    let unique: BTreeSet<Vec<u8>> = bodies.chain(more.map(|text| text.into())).collect();
    unique.into_iter().collect()
}

/// The annotated example, as it is and with every key that it only mentions; its parts.
pub(crate) fn files() -> Vec<Vec<u8>> {
    let example = include_str!("../../example.toml");
    let mentioned: Vec<&str> = example
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .filter(|line| line.starts_with('[') || line.contains(" = "))
        .collect();
    let mentioned = mentioned.join("\n");
    let parts = mentioned
        .split("\n[")
        .map(|part| format!("[{part}").into_bytes());
    let whole = [example, &mentioned].map(|text| text.as_bytes().to_vec());
    whole.into_iter().chain(parts).collect()
}

/// RTP: plain, with everything, a digit.
pub(crate) fn packets() -> Vec<Vec<u8>> {
    let plain = [&[0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4][..], &[0xd5; 160]].concat();
    let full = [
        &[0xb2, 0x88, 0xff, 0xff, 0, 0, 1, 0, 1, 2, 3, 4][..],
        &[9; 8],
        &[0xbe, 0xde, 0, 1, 0x10, 1, 0, 0],
        &[0xd5; 20],
        &[0, 0, 3],
    ];
    let digit = vec![0x80, 0xe5, 0, 2, 0, 0, 0, 160, 1, 2, 3, 4, 5, 0x8a, 1, 0x40];
    vec![plain, full.concat(), digit]
}

/// RTCP: a sender report with a block, a name and a goodbye; a receiver report without blocks.
pub(crate) fn reports() -> Vec<Vec<u8>> {
    let report = [&[0x81, 200, 0, 12, 1, 2, 3, 4][..], &[7; 20], &[9; 24]].concat();
    let name = [&[0x81, 202, 0, 3, 1, 2, 3, 4, 1, 4][..], b"orbt", &[0, 0]].concat();
    let bye = vec![0x81, 203, 0, 1, 1, 2, 3, 4];
    let empty = vec![0x80, 201, 0, 1, 1, 2, 3, 4];
    let padded = vec![0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 4];
    vec![
        [&report[..], &name, &bye].concat(),
        [&empty[..], &name].concat(),
        empty,
        padded,
    ]
}

/// The values of a message's header fields, with a rough cut of our own.
fn fields(message: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(message).into_owned();
    let head = text.split("\r\n\r\n").next().unwrap_or("");
    let joined = head.replace("\r\n ", "\u{1}").replace("\r\n\t", "\u{2}");
    joined
        .split("\r\n")
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(_, value)| value.replace('\u{1}', "\r\n ").replace('\u{2}', "\r\n\t"))
        .map(|value| value.trim().to_owned().into_bytes())
        .collect()
}

/// Park requests, bare and wrapped, and what else is read there.
pub(crate) fn park_requests() -> Vec<Vec<u8>> {
    [
        "<park-request version=\"1.0\" request-id=\"7\"/>",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<p:call-park xmlns:p=\"urn:x&amp;y\">\
         <p:park-request version=\"1.0\" request-id=\"&lt;7&quot;\"/><!-- --></p:call-park>",
        "<park-response version=\"1.0\" request-id=\"7\"><orbit>701</orbit></park-response>",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
