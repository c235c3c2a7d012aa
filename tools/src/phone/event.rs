//! What a message did to a phone, for those who act on it.

use control::sip::status::Status;

/// What happened to one phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// Which.
    pub phone: usize,
    /// What.
    pub what: What,
}

/// What can happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// Its call was answered.
    Answered,
    /// Its call was refused.
    Refused(Status),
    /// The server described its media anew, and the phone agreed.
    Redescribed,
    /// The phone's own re-INVITE was answered.
    Agreed,
    /// The phone's own re-INVITE was refused; the call goes on as it was.
    Disagreed(Status),
    /// The server hung up.
    Dismissed,
    /// The phone hung up, and was answered.
    HungUp,
}
