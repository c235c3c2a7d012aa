//! Requests of ours in the making (RFC 3261 §8.1.1, §12.2.1.1, §9.1, §17.1.1.3).
//!
//! Via and Contact name the socket a request leaves by, which is known last: a draft is written
//! without them.

use super::check::SDP;
use super::event::Reply;
use crate::sip::dialog::{Dialog, Plan};
use crate::sip::header::{Address, Header};
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::write::{Body, Writer};

/// A request without Via and Contact.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) method: Method,
    bytes: Vec<u8>,
    /// Whether it carries a Contact, and its user part.
    pub(super) contact_user: Option<Box<str>>,
}

/// What is the same in all our requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature<'a> {
    pub(super) product: &'a str,
    pub(super) allow: &'a str,
    pub(super) supported: &'a str,
}

/// What one request adds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) method: Method,
    pub(super) cseq: u32,
    pub(super) headers: &'a [(Header, String)],
    pub(super) body: Option<&'a Body>,
    pub(super) contact_user: Option<&'a str>,
}

impl<'a> Part<'a> {
    /// An INVITE or re-INVITE.
    pub(super) fn invite(cseq: u32, reply: &'a Reply, contact_user: &'a str) -> Self {
        Self {
            method: Method::Invite,
            cseq,
            headers: &reply.headers,
            body: reply.body.as_ref(),
            contact_user: Some(contact_user),
        }
    }

    /// A request that is neither INVITE nor BYE nor ACK.
    pub(super) fn other(
        method: Method,
        cseq: u32,
        reply: &'a Reply,
        contact_user: &'a str,
    ) -> Self {
        Self {
            method,
            contact_user: has_contact(method).then_some(contact_user),
            ..Self::bye(cseq, reply)
        }
    }

    /// A BYE.
    pub(super) fn bye(cseq: u32, reply: &'a Reply) -> Self {
        Self {
            method: Method::Bye,
            cseq,
            headers: &reply.headers,
            body: reply.body.as_ref(),
            contact_user: None,
        }
    }

    /// The ACK of a 2xx: it has the number of its INVITE (§13.2.2.4).
    pub(super) fn ack(cseq: u32, body: Option<&'a Body>) -> Self {
        Self {
            method: Method::Ack,
            cseq,
            headers: &[],
            body,
            contact_user: None,
        }
    }
}

impl Draft {
    pub(super) fn new(
        dialog: &Dialog,
        plan: &Plan<'_>,
        part: &Part<'_>,
        signature: &Signature<'_>,
    ) -> Self {
        let mut writer = Writer::request(part.method, &plan.request_uri);
        writer.header(Header::MaxForwards, 70);
        for route in &plan.routes {
            writer.header(Header::Route, route);
        }
        writer
            .header(Header::From, dialog.local())
            .header(Header::To, dialog.remote())
            .header(Header::CallId, dialog.call_id())
            .header(Header::CSeq, format_args!("{} {}", part.cseq, part.method))
            .header(Header::UserAgent, signature.product);
        if matches!(part.method, Method::Invite | Method::Update) {
            writer
                .header(Header::Allow, signature.allow)
                .header(Header::Supported, signature.supported);
        }
        for (header, value) in part.headers {
            writer.header(*header, value);
        }
        Self {
            method: part.method,
            bytes: writer.finish(part.body),
            contact_user: part.contact_user.map(Box::from),
        }
    }

    /// A request in a dialog, and the URI of the hop that it goes to first.
    pub(super) fn within(
        dialog: &Dialog,
        part: &Part<'_>,
        signature: &Signature<'_>,
    ) -> (Self, String) {
        let plan = dialog.plan();
        let draft = Self::new(dialog, &plan, part, signature);
        (draft, plan.next_hop.into_owned())
    }

    /// An INVITE that was refused for its session interval, with another and a number of its own
    /// (RFC 4028 §7.3), and the URI that it is sent to. `None` when `sent` is no INVITE of ours.
    pub(super) fn again(
        sent: &[u8],
        cseq: u32,
        session: &[(Header, String)],
        contact_user: &str,
    ) -> Option<(Self, String)> {
        let invite = Message::parse(sent).ok()?;
        let target = invite.request_uri()?;
        let route = invite.values(Header::Route).next();
        let next_hop = route.map_or(target, |route| {
            Address::parse(route).map_or(route, |address| address.uri)
        });
        let mut writer = Writer::request(Method::Invite, target);
        for (name, value) in invite.fields() {
            match Header::parse(name) {
                Some(Header::Via | Header::Contact | Header::SessionExpires | Header::MinSe) => {}
                Some(Header::ContentLength | Header::ContentType) => {}
                Some(Header::CSeq) => {
                    writer.header(Header::CSeq, format_args!("{cseq} INVITE"));
                    for (header, value) in session {
                        writer.header(*header, value);
                    }
                }
                Some(header) => {
                    writer.header(header, value);
                }
                None => {
                    writer.extension(name, value);
                }
            }
        }
        let body = (!invite.body().is_empty()).then(|| Body {
            content_type: SDP,
            bytes: invite.body().to_vec(),
        });
        let draft = Self {
            method: Method::Invite,
            bytes: writer.finish(body.as_ref()),
            contact_user: Some(contact_user.into()),
        };
        Some((draft, next_hop.to_owned()))
    }

    /// The request as it leaves by a socket with these.
    pub(super) fn render(&self, via: &str, contact: Option<&str>) -> Vec<u8> {
        let head = self
            .bytes
            .windows(2)
            .position(|two| two == b"\r\n")
            .map_or(0, |at| at + 2);
        let (start_line, rest) = self.bytes.split_at(head);
        let mut lines = format!("{}: {via}\r\n", Header::Via.name());
        if let Some(contact) = contact {
            lines += &format!("{}: {contact}\r\n", Header::Contact.name());
        }
        [start_line, lines.as_bytes(), rest].concat()
    }
}

/// Which requests carry our Contact besides INVITE: those that form a dialog or refresh its target
/// (RFC 6665 §3.1.1, §4.4.1; RFC 3515 §2.2, RFC 3311 §5.1).
fn has_contact(method: Method) -> bool {
    matches!(
        method,
        Method::Subscribe | Method::Notify | Method::Refer | Method::Update
    )
}

/// The CANCEL of an INVITE as it was sent (§9.1).
pub(super) fn cancel_of(
    invite: &Message<'_>,
    headers: &[(Header, String)],
    product: &str,
) -> Option<Vec<u8>> {
    let mut writer = hop_by_hop(invite, Method::Cancel, invite.to().ok()?.text)?;
    writer.header(Header::UserAgent, product);
    for (header, value) in headers {
        writer.header(*header, value);
    }
    Some(writer.finish(None))
}

/// The ACK of a failure, to the INVITE as it was sent (§17.1.1.3).
pub(super) fn ack_of_failure(invite: &Message<'_>, response: &Message<'_>) -> Option<Vec<u8>> {
    let writer = hop_by_hop(invite, Method::Ack, response.to().ok()?.text)?;
    Some(writer.finish(None))
}

/// The ACK of a 2xx to a re-INVITE whose dialog is gone: by the INVITE's own routes, to the Contact
/// of the 2xx.
pub(super) fn ack_of_stray_success(
    invite: &Message<'_>,
    response: &Message<'_>,
    via: &str,
) -> Option<Vec<u8>> {
    let target = match response.contact() {
        Ok(contact) => contact.uri,
        Err(_) => invite.request_uri()?,
    };
    let mut writer = Writer::request(Method::Ack, target);
    writer.header(Header::Via, via);
    copy_dialog_headers(&mut writer, invite, Method::Ack, response.to().ok()?.text)?;
    Some(writer.finish(None))
}

/// A request of the same hop as `invite`: its Request-URI and its one Via.
fn hop_by_hop(invite: &Message<'_>, method: Method, to: &str) -> Option<Writer> {
    let mut writer = Writer::request(method, invite.request_uri()?);
    writer.header(Header::Via, invite.top_via().ok()?.text);
    copy_dialog_headers(&mut writer, invite, method, to)?;
    Some(writer)
}

fn copy_dialog_headers(
    writer: &mut Writer,
    invite: &Message<'_>,
    method: Method,
    to: &str,
) -> Option<()> {
    writer.header(Header::MaxForwards, 70);
    for route in invite.values(Header::Route) {
        writer.header(Header::Route, route);
    }
    let number = invite.cseq().ok()?.number;
    writer
        .header(Header::From, invite.from().ok()?.text)
        .header(Header::To, to)
        .header(Header::CallId, invite.call_id().ok()?)
        .header(Header::CSeq, format_args!("{number} {method}"));
    Some(())
}
