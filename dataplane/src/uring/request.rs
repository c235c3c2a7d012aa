//! What a completion belongs to: a request, a socket, a stream. It travels through the kernel as 64
//! bits.

use crate::port::Owner;

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Request {
    /// A read of the doorbell.
    Doorbell,
    Send,
    Make,
    Bind,
    Receive,
    Cancel,
    Close,
    /// A socket option; only failures come back.
    Option,
    /// A connection to the only peer; only failures come back.
    Connect,
    /// A count of what the kernel dropped.
    Tally,
}

/// Which of a stream's two sockets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// RTP, and RTCP where both share a port.
    Rtp = 0,
    /// RTCP on a port of its own.
    Rtcp = 1,
}

pub(super) const fn encode(request: Request, flow: Flow, owner: Owner) -> u64 {
    (request as u64) << 60
        | (flow as u64) << 56
        | (owner.index as u64 & 0xff_ffff) << 32
        | owner.generation as u64
}

pub(super) fn decode(data: u64) -> Option<(Request, Flow, Owner)> {
    let request = match data >> 60 {
        0 => Request::Doorbell,
        1 => Request::Send,
        2 => Request::Make,
        3 => Request::Bind,
        4 => Request::Receive,
        5 => Request::Cancel,
        6 => Request::Close,
        7 => Request::Option,
        8 => Request::Connect,
        9 => Request::Tally,
        _ => return None,
    };
    let flow = if data >> 56 & 1 == 0 {
        Flow::Rtp
    } else {
        Flow::Rtcp
    };
    let owner = Owner {
        index: u32::try_from(data >> 32 & 0xff_ffff).unwrap_or(0),
        generation: u32::try_from(data & 0xffff_ffff).unwrap_or(0),
    };
    Some((request, flow, owner))
}

const _: () = assert!(shared::limits::STREAMS_PER_WORKER_MAX <= 0xff_ffff);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_back_as_it_went() {
        use Request::*;
        let owner = Owner {
            index: 32_767,
            generation: u32::MAX - 1,
        };
        for request in [
            Doorbell, Send, Make, Bind, Receive, Cancel, Close, Option, Connect, Tally,
        ] {
            for flow in [Flow::Rtp, Flow::Rtcp] {
                let data = encode(request, flow, owner);
                assert_eq!(decode(data), Some((request, flow, owner)));
            }
        }
        assert_eq!(decode(u64::MAX), None);
    }
}
