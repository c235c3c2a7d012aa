//! A dialog as it is kept beyond the process (RFC 3261 §12).

use serde::{Deserialize, Serialize};

use super::{Dialog, Role, Security};

/// What must be known of a confirmed dialog to send requests in it, and to recognise the peer's.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct DialogRecord {
    /// Whether we began it.
    pub uac: bool,
    /// Its Call-ID.
    pub call_id: Box<str>,
    /// Our tag.
    pub local_tag: Box<str>,
    /// The peer's.
    pub remote_tag: Box<str>,
    /// From of our requests.
    pub local: Box<str>,
    /// To of our requests.
    pub remote: Box<str>,
    /// The peer's Contact.
    pub target: Box<str>,
    /// The route set.
    pub routes: Box<[Box<str>]>,
    /// A number that no request of ours has gone beyond.
    pub local_cseq: u32,
    /// Whether every hop must be secured.
    pub secure: bool,
}

/// Our requests in one dialog between two writings of its record: its number is rounded up to a
/// multiple of this. What is adopted goes on above it.
const CSEQ_STEP: u32 = 64;

impl Dialog {
    /// As it is kept. The peer's number is not: what it sends next is above it anyway.
    #[must_use]
    pub fn record(&self) -> DialogRecord {
        DialogRecord {
            uac: self.role == Role::Uac,
            call_id: (*self.call_id).into(),
            local_tag: self.local_tag.clone(),
            remote_tag: self.remote_tag.clone(),
            local: self.local.clone(),
            remote: self.remote.clone(),
            target: self.target.clone(),
            routes: self.routes.clone(),
            local_cseq: (self.local_cseq / CSEQ_STEP + 1).saturating_mul(CSEQ_STEP),
            secure: self.security == Security::Secure,
        }
    }

    /// As it was kept.
    #[must_use]
    pub fn from_record(record: &DialogRecord) -> Self {
        Self {
            role: if record.uac { Role::Uac } else { Role::Uas },
            call_id: (*record.call_id).into(),
            local_tag: record.local_tag.clone(),
            remote_tag: record.remote_tag.clone(),
            local: record.local.clone(),
            remote: record.remote.clone(),
            target: record.target.clone(),
            routes: record.routes.clone(),
            local_cseq: record.local_cseq,
            remote_cseq: None,
            security: if record.secure {
                Security::Secure
            } else {
                Security::Plain
            },
        }
    }

    /// Our next request has a number above this one.
    pub fn number_from(&mut self, cseq: u32) {
        self.local_cseq = self.local_cseq.max(cseq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::dialog::Origin;

    fn dialog(cseq: u32) -> Dialog {
        Dialog::to_be(&Origin {
            call_id: "1@192.0.2.1",
            tag: "t",
            from: "<sip:park@192.0.2.1>",
            to: "<sip:ann@192.0.2.7>",
            target: "sip:ann@192.0.2.7",
            cseq,
        })
    }

    #[test]
    fn an_adopted_dialog_numbers_its_requests_above_all_that_were_sent() {
        for first in [0, 1, 62, 63, 64, 65, u32::MAX / 2] {
            let mut before = dialog(first);
            let kept = before.record();
            while before.record() == kept {
                before.next_cseq();
            }
            let sent = before.local_cseq() - 1;
            assert!(
                Dialog::from_record(&kept).next_cseq() > sent,
                "from {first}"
            );
        }
    }

    #[test]
    fn numbers_are_never_set_back() {
        let mut dialog = dialog(7);
        dialog.number_from(5);
        assert_eq!(dialog.next_cseq(), 8);
        dialog.number_from(100);
        assert_eq!(dialog.next_cseq(), 101);
    }

    #[test]
    fn all_else_is_as_it_was() {
        let mut before = dialog(7);
        let mut after = Dialog::from_record(&before.record());
        before.local_cseq = 0;
        after.local_cseq = 0;
        assert_eq!(before, after);
    }
}
