//! Offers in the shapes that kinds of peers give them, and what they get.

use super::*;

/// The answer's m-lines, and what was agreed, for an offer whose head is [`HEAD`].
fn taken(media: &str) -> (Vec<String>, Agreed) {
    let (text, agreed) = answer(&mut Session::new(1), &media.replace('\n', "\r\n"));
    (
        m_lines(&text).into_iter().map(str::to_owned).collect(),
        agreed,
    )
}

#[test]
fn a_desk_phone_with_many_codecs() {
    let (lines, agreed) = taken(
        "m=audio 11780 RTP/AVP 9 98 18 8 0 102 101
a=sendrecv
a=rtpmap:9 G722/8000
a=rtpmap:98 opus/48000/2
a=fmtp:98 useinbandfec=1; maxaveragebitrate=32000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:102 telephone-event/48000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
",
    );
    assert_eq!(lines, ["m=audio 20000 RTP/AVP 0 101"]);
    assert_eq!(agreed.peer_codecs[..], [Pcma, Pcmu]);
}

#[test]
fn a_soft_phone_with_candidates_and_a_camera() {
    let (lines, agreed) = taken(
        "a=group:BUNDLE 0 1
a=ice-lite
m=audio 40114 RTP/AVP 96 0 8 97
c=IN IP4 198.51.100.20
b=TIAS:64000
a=rtcp:40115 IN IP4 198.51.100.20
a=mid:0
a=ice-ufrag:kB4w
a=ice-pwd:b6Zq0m0C6F8bUXeWZ2sVbQ
a=candidate:Hc0a80014 1 UDP 2130706431 192.168.0.20 40114 typ host
a=candidate:S1 2 UDP 1694498814 198.51.100.20 40115 typ srflx raddr 192.168.0.20 rport 40115
a=rtpmap:96 speex/16000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:97 telephone-event/8000
a=fmtp:97 0-16
a=ssrc:305419896 cname:phone@example.com
a=rtcp-mux
a=sendrecv
m=video 40116 RTP/AVP 99
c=IN IP4 198.51.100.20
a=mid:1
a=rtpmap:99 H264/90000
",
    );
    assert_eq!(
        lines,
        ["m=audio 20000 RTP/AVP 0 97", "m=video 0 RTP/AVP 99"]
    );
    assert_eq!(agreed.remote, "198.51.100.20:40114".parse().ok());
    assert!(agreed.rtcp_mux);
}

#[test]
fn an_analogue_adapter_with_signals_of_its_maker() {
    let (lines, agreed) = taken(
        "m=audio 16386 RTP/AVP 8 100
a=rtpmap:100 X-SIGNALS/8000
a=fmtp:100 192-194
a=silenceSupp:off - - - -
a=ptime:30
m=image 16388 udptl t38
a=T38FaxVersion:0
",
    );
    assert_eq!(lines, ["m=audio 20000 RTP/AVP 8", "m=image 0 udptl t38"]);
    assert_eq!(agreed.ptime.as_millis(), 30);
    assert_eq!(agreed.send_event_payload_type, None);
}

#[test]
fn a_mobile_network_with_two_clocks_of_digits() {
    let (lines, agreed) = taken(
        "m=audio 49152 RTP/AVP 104 110 102 8 105 100
b=AS:80
b=RS:800
b=RR:2400
a=rtpmap:104 AMR-WB/16000/1
a=fmtp:104 mode-change-capability=2;max-red=0
a=rtpmap:110 AMR-WB/16000/1
a=rtpmap:102 AMR/8000/1
a=rtpmap:105 telephone-event/16000
a=fmtp:105 0-15
a=rtpmap:100 telephone-event/8000
a=fmtp:100 0-15
a=curr:qos local none
a=des:qos mandatory local sendrecv
a=ptime:20
a=maxptime:240
",
    );
    assert_eq!(lines, ["m=audio 20000 RTP/AVP 8 100"]);
    assert_eq!(agreed.remote_rtcp, "192.0.2.7:49153".parse().ok());
}

#[test]
fn an_office_client_with_optional_encryption_and_comfort_noise() {
    let (lines, agreed) = taken(
        "b=CT:99980
m=audio 50020 RTP/AVP 117 104 0 8 103 97 13 118 101
a=x-ssrc-range:1-1
a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0IHRoYXQgbm9ib2R5IHVzZXMgaGVyZSE|2^31|1:1
a=maxptime:200
a=rtcp:50021
a=rtpmap:117 G722/8000/2
a=rtpmap:104 SILK/16000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:103 SILK/8000
a=rtpmap:97 RED/8000
a=rtpmap:13 CN/8000
a=rtpmap:118 CN/16000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=encryption:optional
m=application 50030 RTP/AVP 127
a=rtpmap:127 x-data/90000
",
    );
    assert_eq!(
        lines,
        ["m=audio 20000 RTP/AVP 0 101", "m=application 0 RTP/AVP 127"]
    );
    assert_eq!(agreed.codec, Pcmu);
}

#[test]
fn a_browser_gets_no_audio_because_it_wants_it_encrypted() {
    let media = "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\n\
                 a=setup:actpass\r\na=rtpmap:111 opus/48000/2\r\n";
    assert_eq!(refusal(media), SdpError::NoAudio);
}

#[test]
fn a_click_to_call_server_that_has_no_address_yet() {
    let (lines, agreed) = taken("m=audio 9 RTP/AVP 0\nc=IN IP4 0.0.0.0\n");
    assert_eq!(lines, ["m=audio 20000 RTP/AVP 0"]);
    assert_eq!((agreed.remote, agreed.direction), (None, RecvOnly));
}

#[test]
fn an_old_gateway_that_writes_only_what_it_must() {
    let text = b"v=0\nc=IN IP4 192.0.2.7\nm=audio 4000 RTP/AVP 0\n";
    let (_, agreed) = Session::new(1).answer(text, &local(SendRecv)).unwrap();
    assert_eq!(agreed.remote, "192.0.2.7:4000".parse().ok());
}
