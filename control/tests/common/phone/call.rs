//! One call of a phone: its dialog (RFC 3261 §12), what offer and answer settled, and how it ended.

use std::collections::HashMap;
use std::net::SocketAddr;

use shared::Time;

use super::super::wire::{self, Wire};
use super::sdp::{Description, Direction};

/// What the phone's user would say the call is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum View {
    /// The INVITE has no final answer.
    Calling,
    /// The phone only listens.
    Listening,
    /// Both speak.
    Talking,
    /// The phone holds the other: it alone may send.
    Holding,
    /// Nobody sends.
    Silent,
    /// Over.
    Ended(Ending),
}

/// How a call ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// The INVITE was refused.
    Refused {
        status: u16,
        /// The Reason field, where the response has one.
        reason: Option<String>,
    },
    /// The INVITE was not answered at all.
    NoAnswer,
    /// Our BYE.
    HungUp,
    /// The server's BYE.
    ByServer {
        /// The Reason field, where the BYE has one.
        reason: Option<String>,
    },
    /// A request in the dialog was answered 481 or 408, or not at all.
    Lost,
}

/// What offer and answer settled, from the phone's side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Settled {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) direction: Direction,
    /// What the phone expects on packets of the server.
    pub(crate) payload: u8,
    pub(crate) server: Description,
}

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) call_id: String,
    pub(crate) local_tag: String,
    pub(crate) remote_tag: Option<String>,
    pub(crate) dialled: String,
    pub(crate) remote_target: String,
    pub(crate) cseq: u32,
    pub(crate) remote_cseq: Option<u32>,
    pub(crate) state: State,
    /// Port and address for RTP.
    pub(crate) rtp: SocketAddr,
    pub(crate) payloads: Vec<u8>,
    /// Of telephone-event, where it has that.
    pub(crate) event_payload: Option<u8>,
    pub(crate) wanted: Direction,
    /// Write `0.0.0.0` (RFC 2543 hold) while holding.
    pub(crate) zero_address: bool,
    pub(crate) version: u64,
    /// Our offer that waits for its answer.
    pub(crate) offered: Option<Description>,
    pub(crate) settled: Option<Settled>,
    /// ACKs of 2xx by CSeq, to be repeated.
    pub(crate) acks: HashMap<u32, Vec<u8>>,
    /// The CSeq of the last ACK that the server must get.
    pub(crate) ack_owed: Option<u32>,
    pub(crate) wish: Wish,
    /// When to try a refused re-INVITE again (RFC 3261 §14.1).
    pub(crate) retry_at: Option<Time>,
    /// P-Asserted-Identity of the last answer.
    pub(crate) peer_identity: Option<String>,
    /// P-Asserted-Identity of the server's last re-INVITE.
    pub(crate) reinvite_identity: Option<String>,
    /// The INVITE, where the phone was called.
    pub(crate) invite: Option<Wire>,
    /// Reason of the CANCEL that ended the ringing.
    pub(crate) cancel_reason: Option<String>,
    /// The last response to a re-INVITE.
    pub(crate) last_reinvite_status: Option<u16>,
    /// Additional fields of the INVITE.
    pub(crate) extra: Vec<(String, String)>,
    /// The final response to the first INVITE.
    pub(crate) answer: Option<Wire>,
    /// The body of an INVITE that asks to park another call, in Lync's words.
    pub(crate) park_request: Option<String>,
    /// It has died since, and its store was behind: it may say again what it has said.
    pub(crate) server_has_forgotten: bool,
    /// Its user has hung up, and the ACK that a BYE waits for is still to come.
    pub(crate) hangs_up: bool,
    /// Re-INVITEs of the server that were answered.
    pub(crate) reinvited: u32,
    /// The server's BYE.
    pub(crate) bye: Option<Wire>,
    /// What our BYE was answered with.
    pub(crate) bye_status: Option<u16>,
    /// Our BYE went out before the ACK of our 2xx had come.
    pub(crate) left_hastily: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Calling,
    Confirmed,
    Ended(Ending),
}

/// What the user wants as soon as the protocol lets it happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    None,
    /// CANCEL once a provisional came; BYE if a 2xx crosses.
    Cancel,
}

impl Call {
    pub(crate) fn view(&self) -> View {
        match &self.state {
            State::Calling => View::Calling,
            State::Ended(ending) => View::Ended(ending.clone()),
            State::Confirmed => match self.settled.as_ref().map(|settled| settled.direction) {
                Some(Direction::SendRecv) => View::Talking,
                Some(Direction::RecvOnly) => View::Listening,
                Some(Direction::SendOnly) => View::Holding,
                Some(Direction::Inactive) | None => View::Silent,
            },
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    pub(crate) fn end(&mut self, ending: Ending) {
        if !self.is_over() {
            self.state = State::Ended(ending);
        }
        self.retry_at = None;
        self.ack_owed = None;
    }

    /// Our description: an offer, or the frame of an answer.
    pub(crate) fn describe(&mut self) -> Description {
        self.version += 1;
        let mut address = self.rtp;
        if self.zero_address && !self.wanted.receives() {
            address.set_ip(std::net::Ipv4Addr::UNSPECIFIED.into());
        }
        Description {
            address,
            payloads: self.payloads.clone(),
            event_payload: self.event_payload,
            direction: self.wanted,
            origin: String::new(),
            version: self.version,
            others: Vec::new(),
        }
    }

    pub(crate) fn offer(&mut self) -> String {
        let description = self.describe();
        let text = description.write();
        self.offered = Some(description);
        text
    }

    /// Takes the server's answer to our offer.
    ///
    /// # Panics
    /// When it does not fit (RFC 3264 §6).
    pub(crate) fn answered(&mut self, text: &str) {
        let offer = self.offered.take().expect("an answer to an offer");
        let server = Description::parse(text);
        let direction = server.direction.reversed();
        assert_eq!(
            direction.and(offer.direction),
            direction,
            "an answer grants more: {text}"
        );
        let payload = *server
            .payloads
            .first()
            .expect("a payload type in the answer");
        assert!(
            offer.payloads.contains(&payload),
            "an answer outside of the offer: {text}"
        );
        self.settle(offer.address, server, direction, payload);
    }

    /// Answers an offer of the server; `None` when no codec fits.
    pub(crate) fn answer(&mut self, text: &str) -> Option<String> {
        let server = Description::parse(text);
        let payload = *server
            .payloads
            .iter()
            .find(|payload| self.payloads.contains(payload))?;
        let mut ours = self.describe();
        let direction = server.direction.reversed().and(self.wanted);
        ours.direction = direction;
        ours.payloads = vec![payload];
        ours.event_payload = server
            .event_payload
            .filter(|_| self.event_payload.is_some());
        let text = ours.write();
        self.settle(ours.address, server, direction, payload);
        Some(text)
    }

    fn settle(
        &mut self,
        local: SocketAddr,
        server: Description,
        direction: Direction,
        payload: u8,
    ) {
        if let Some(before) = self.settled.as_ref().filter(|_| !self.server_has_forgotten) {
            server.must_follow(&before.server);
        }
        let remote = server.address;
        self.settled = Some(Settled {
            local,
            remote,
            direction,
            payload,
            server,
        });
    }

    /// Learns the other end of the dialog from a 2xx or a re-INVITE.
    pub(crate) fn learn(&mut self, message: &Wire, their_tag: Option<&str>) {
        if let Some(contact) = message.header("Contact") {
            wire::uri(contact).clone_into(&mut self.remote_target);
        }
        if self.remote_tag.is_none() {
            self.remote_tag = their_tag.map(str::to_owned);
        }
    }
}
