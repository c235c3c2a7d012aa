//! The target of SDP: a peer's description as an offer and as an answer.

use control::sdp::{Direction, Local, Session, codecs};
use shared::Codec;

/// One description. As an offer it is answered or refused, as an answer it is taken or refused;
/// what we write can be read by the other side of us, and a refusal changes nothing.
///
/// # Panics
/// When that is not so.
pub fn sdp(bytes: &[u8]) {
    let local = Local {
        address: ([192, 0, 2, 1], 40_000).into(),
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        direction: Direction::SendOnly,
    };
    let _ = codecs(bytes);
    let mut uas = Session::new(7);
    if let Ok((answer, agreed)) = uas.answer(bytes, &local) {
        assert_eq!(uas.agreed(), Some(&agreed));
        assert!(str::from_utf8(&answer).is_ok_and(|text| text.starts_with("v=0\r\n")));
        codecs(&answer).expect("our answer has audio");
        // The same offer again: nothing may be refused now that was taken before.
        let (_, again) = uas
            .answer(bytes, &local)
            .expect("a repeated offer is taken");
        assert_eq!(again.codec, agreed.codec);
    } else {
        assert_eq!(uas.agreed(), None);
    }
    let mut uac = Session::new(8);
    let offer = uac.offer(&local);
    let taken = uac.answered(bytes);
    assert_eq!(taken.as_ref().ok(), uac.agreed());
    let mut peer = Session::new(9);
    assert!(
        peer.answer(&offer, &local).is_ok(),
        "our own offer is always taken"
    );
}
