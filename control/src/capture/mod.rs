//! Captures of calls: which messages and which streams belong to a call that is looked at. It only
//! looks at calls and changes nothing of them: the driver asks it beside the state machine.
//!
//! Absent on purpose: the sockets and the file (`driver`), and what of a message is withheld
//! (`secrets`).

mod book;
pub mod limits;
mod prologue;
pub mod secrets;

use std::net::SocketAddr;
use std::sync::Arc;

use shared::StreamId;

use crate::ask::{AskError, Which};
use crate::call::{CallKey, Exchange};
use crate::happening::CallNumber;
use crate::sip::agent::DialogKey;

pub use book::{Book, Change};
pub use prologue::{COMMENT, Prologue};

/// Which call is to be captured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The one in an orbit.
    Orbit(Which),
    /// The one of this name, wherever it is.
    Call(CallNumber),
}

/// A leg of a captured call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// It.
    pub dialog: DialogKey,
    /// Its Call-ID; empty before it is called.
    pub call_id: Arc<str>,
    /// Its stream.
    pub stream: StreamId,
    /// The RTP address that the stream is bound to.
    pub local: SocketAddr,
}

impl Exchange {
    /// The call that is wanted, and the orbit it waits in.
    pub(crate) fn call_to_capture(
        &self,
        wanted: &Wanted,
    ) -> Result<(CallNumber, Option<String>), AskError> {
        let key = match wanted {
            Wanted::Orbit(Which { orbit, call }) => self.call_in(orbit, *call)?.1,
            Wanted::Call(number) => CallKey(number.0),
        };
        let number = CallNumber(key.0);
        let call = self.calls.get(&key).ok_or(AskError::NoSuchCall(number))?;
        let orbit = call.orbit().map(|orbit| self.orbits.number(orbit));
        Ok((number, orbit))
    }

    /// The legs of a call; `None` when it is over.
    pub(crate) fn traces(&self, call: CallNumber) -> Option<Vec<Trace>> {
        let call = self.calls.get(&CallKey(call.0))?;
        let trace = |dialog| {
            let leg = self.legs.get(&dialog)?;
            let ports = self.streams.ports(leg.stream)?;
            Some(Trace {
                dialog,
                call_id: Arc::clone(&leg.call_id),
                stream: leg.stream,
                local: (self.rules.media.address, ports.rtp()).into(),
            })
        };
        Some(call.legs().filter_map(trace).collect())
    }
}
