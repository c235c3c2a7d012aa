//! A dialog (RFC 3261 §12): what both sides call it, how its requests travel, how they are
//! numbered.
//!
//! Absent on purpose: transactions, and what a dialog is used for.

mod record;

use std::borrow::Cow;
use std::sync::Arc;

pub use record::DialogRecord;

use super::header::{Address, Header};
use super::limits::ROUTES_MAX;
use super::message::{Malformed, Message};
use super::method::Method;
use super::status::Status;
use super::uri::{Scheme, Uri};

/// The state of a dialog, and what a confirmed one keeps for hours: strings of exact size, no
/// messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dialog {
    role: Role,
    /// Shared with who must know it longer than the dialog lives.
    call_id: Arc<str>,
    local_tag: Box<str>,
    remote_tag: Box<str>,
    /// From of our requests, with our tag.
    local: Box<str>,
    /// To of our requests, with the peer's tag once there is one.
    remote: Box<str>,
    target: Box<str>,
    routes: Box<[Box<str>]>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    security: Security,
}

/// Who sent the request that began the dialog, and so made its Call-ID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// We did.
    Uac,
    /// The peer did.
    Uas,
}

/// The secure flag of §12.1.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// Hops may be in clear.
    Plain,
    /// The Request-URI was `sips`: every hop must be secured.
    Secure,
}

/// What our side puts into a dialog of its own making.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// A new Call-ID.
    pub call_id: &'a str,
    /// A new tag.
    pub tag: &'a str,
    /// From without tag.
    pub from: &'a str,
    /// To without tag.
    pub to: &'a str,
    /// The Request-URI.
    pub target: &'a str,
    /// The first CSeq number.
    pub cseq: u32,
}

/// How a request is addressed (§12.2.1.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan<'a> {
    /// The Request-URI.
    pub request_uri: Cow<'a, str>,
    /// The Route values, in order.
    pub routes: Vec<Cow<'a, str>>,
    /// The URI whose host the request is sent to (§8.1.2).
    pub next_hop: Cow<'a, str>,
}

/// Where a request's number stands in its dialog (§12.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// The next.
    Fresh,
    /// Not above one that arrived before: answered 500.
    Stale,
}

impl Dialog {
    /// The dialog that our answer to `request` forms (§12.1.1).
    ///
    /// # Errors
    /// [`Malformed`] when the request cannot form one: no Contact, or more routes than
    /// [`ROUTES_MAX`].
    pub fn from_request(
        request: &Message<'_>,
        local_tag: &str,
        cseq: u32,
    ) -> Result<Self, Malformed> {
        let routes: Box<[_]> = request.values(Header::RecordRoute).map(Box::from).collect();
        if routes.len() > ROUTES_MAX {
            return Err(bad("too many Record-Route values"));
        }
        if !routes.iter().all(|route| Address::parse(route).is_some()) {
            return Err(bad("Record-Route is not an address"));
        }
        let from = request.from()?;
        let to = request.to()?;
        let is_secure = request
            .request_uri()
            .and_then(|uri| Uri::parse(uri).ok())
            .is_some_and(|uri| uri.scheme == Scheme::Sips);
        Ok(Self {
            role: Role::Uas,
            call_id: request.call_id()?.into(),
            local_tag: local_tag.into(),
            remote_tag: from.tag().unwrap_or_default().into(),
            local: format!("{};tag={local_tag}", to.text).into(),
            remote: from.text.into(),
            target: contact_uri(request)?.into(),
            routes,
            local_cseq: cseq,
            remote_cseq: Some(request.cseq()?.number),
            security: if is_secure {
                Security::Secure
            } else {
                Security::Plain
            },
        })
    }

    /// The dialog to be of a request of ours.
    #[must_use]
    pub fn to_be(origin: &Origin<'_>) -> Self {
        let is_secure = Uri::parse(origin.target).is_ok_and(|uri| uri.scheme == Scheme::Sips);
        Self {
            role: Role::Uac,
            call_id: origin.call_id.into(),
            local_tag: origin.tag.into(),
            remote_tag: Box::default(),
            local: format!("{};tag={}", origin.from, origin.tag).into(),
            remote: origin.to.into(),
            target: origin.target.into(),
            routes: Box::default(),
            local_cseq: origin.cseq,
            remote_cseq: None,
            security: if is_secure {
                Security::Secure
            } else {
                Security::Plain
            },
        }
    }

    /// The dialog that a 2xx to our INVITE speaks of, from the response alone: a fork nobody wants
    /// (§13.2.2.4).
    #[must_use]
    pub fn of_response(response: &Message<'_>) -> Option<Self> {
        let (from, to) = (response.from().ok()?, response.to().ok()?);
        let mut dialog = Self {
            role: Role::Uac,
            call_id: response.call_id().ok()?.into(),
            local_tag: from.tag().unwrap_or_default().into(),
            remote_tag: to.tag().unwrap_or_default().into(),
            local: from.text.into(),
            remote: to.text.into(),
            target: to.uri.into(),
            routes: Box::default(),
            local_cseq: response.cseq().ok()?.number,
            remote_cseq: None,
            security: Security::Plain,
        };
        dialog.take_route_and_target(response);
        Some(dialog)
    }

    /// A response with a tag makes the dialog to be early, or confirms it (§12.1.2, §13.2.2.4);
    /// what it says counts instead of what one before it said, maybe that of another fork.
    pub fn establish(&mut self, response: &Message<'_>) {
        let tag = response.to_tag().unwrap_or_default();
        let old = format!(";tag={}", self.remote_tag);
        let bare = self.remote.strip_suffix(&*old).unwrap_or(&self.remote);
        self.remote = match tag {
            "" => bare.into(),
            _ => format!("{bare};tag={tag}").into(),
        };
        self.remote_tag = tag.into();
        self.take_route_and_target(response);
    }

    /// Takes the Contact of a re-INVITE or of its 2xx (§12.2).
    pub fn refresh_target(&mut self, message: &Message<'_>) {
        if let Ok(uri) = contact_uri(message) {
            self.target = uri.into();
        }
    }

    /// Takes the From of a request of the peer, where it names itself anew (RFC 4916 §4.4.1).
    pub fn refresh_remote(&mut self, request: &Message<'_>) {
        let Ok(from) = request.from() else {
            return;
        };
        let uri = Address::parse(&self.remote).map(|remote| remote.uri);
        if uri != Some(from.uri) {
            self.remote = from.text.into();
        }
    }

    /// Names our side anew in From of our requests (RFC 4916 §4.4.2); `name` has no tag.
    pub fn rename(&mut self, name: &str) {
        self.local = format!("{name};tag={}", self.local_tag).into();
    }

    /// Notes the number of a request from the peer.
    pub fn receive_cseq(&mut self, number: u32, method: Method) -> Order {
        let is_stale = self.remote_cseq.is_some_and(|last| {
            // An equal number is wrong as well, but a BYE with it still says what it says.
            number < last || (number == last && method == Method::Invite)
        });
        if is_stale {
            return Order::Stale;
        }
        self.remote_cseq = Some(number);
        Order::Fresh
    }

    /// The number of our next request.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq += 1;
        self.local_cseq
    }

    /// How the next request is addressed.
    #[must_use]
    pub fn plan(&self) -> Plan<'_> {
        Plan::new(&self.target, &self.routes)
    }

    /// Whether a request from the peer belongs here; its To tag is ours already.
    #[must_use]
    pub fn is_named(&self, call_id: &str, remote_tag: &str) -> bool {
        *self.call_id == *call_id && *self.remote_tag == *remote_tag
    }

    /// Who began it.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its Call-ID, to be shared by who keeps it longer.
    #[must_use]
    pub fn call_id(&self) -> &Arc<str> {
        &self.call_id
    }

    /// Our tag.
    #[must_use]
    pub fn local_tag(&self) -> &str {
        &self.local_tag
    }

    /// The peer's tag, empty where it has none.
    #[must_use]
    pub fn remote_tag(&self) -> &str {
        &self.remote_tag
    }

    /// From of our requests, with our tag.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// To of our requests, with the peer's tag.
    #[must_use]
    pub fn remote(&self) -> &str {
        &self.remote
    }

    /// The number of our last request.
    #[must_use]
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// What its strings take, each rounded up as allocators do.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        let texts = [
            &self.local_tag,
            &self.remote_tag,
            &self.local,
            &self.remote,
            &self.target,
        ];
        let lengths = { texts.into_iter() }
            .chain(&self.routes)
            .map(|text| text.len());
        let lengths = lengths.chain([self.call_id.len()]);
        lengths.map(|length| length.next_multiple_of(16) + 16).sum()
    }

    fn take_route_and_target(&mut self, response: &Message<'_>) {
        let mut routes: Vec<Box<str>> = response
            .values(Header::RecordRoute)
            .map(Box::from)
            .collect();
        routes.reverse();
        self.routes = routes.into();
        self.refresh_target(response);
    }
}

impl<'a> Plan<'a> {
    /// Addresses a request to `target` by way of `routes`: loose or strict routing by the first of
    /// them (§12.2.1.1).
    #[must_use]
    pub fn new<R: AsRef<str>>(target: &'a str, routes: &'a [R]) -> Self {
        let Some(first) = routes.first().map(|route| route_uri(route.as_ref())) else {
            let request_uri = as_request_uri(target);
            return Self {
                next_hop: request_uri.clone(),
                request_uri,
                routes: Vec::new(),
            };
        };
        let is_loose = Uri::parse(first).is_ok_and(|uri| uri.parameter("lr").is_some());
        if is_loose {
            return Self {
                request_uri: as_request_uri(target),
                routes: routes.iter().map(|route| route.as_ref().into()).collect(),
                next_hop: first.into(),
            };
        }
        let request_uri = as_request_uri(first);
        let rest = routes[1..].iter().map(|route| Cow::from(route.as_ref()));
        Self {
            next_hop: request_uri.clone(),
            request_uri,
            routes: rest.chain([format!("<{target}>").into()]).collect(),
        }
    }
}

/// The URI in a route value.
fn route_uri(route: &str) -> &str {
    Address::parse(route).map_or(route, |address| address.uri)
}

/// What may stand in a Request-URI: no headers, no method parameter (§19.1.1, table 1).
fn as_request_uri(text: &str) -> Cow<'_, str> {
    let Ok(uri) = Uri::parse(text) else {
        return text.into();
    };
    let cut = match uri.headers.len() {
        0 => text,
        length => text.get(..text.len() - length - 1).unwrap_or(text),
    };
    let is_method = |parameter: &str| {
        parameter
            .get(..7)
            .is_some_and(|name| name.eq_ignore_ascii_case("method="))
    };
    if !uri.parameters.split(';').any(is_method) {
        return cut.into();
    }
    let base = cut
        .get(..cut.len() - uri.parameters.len())
        .unwrap_or(cut)
        .trim_end_matches(';');
    let kept = uri.parameters.split(';').filter(|p| !is_method(p));
    kept.fold(base.to_owned(), |text, parameter| text + ";" + parameter)
        .into()
}

fn contact_uri<'a>(message: &Message<'a>) -> Result<&'a str, Malformed> {
    let contact = message.contact()?;
    match Uri::parse(contact.uri).map(|uri| uri.scheme) {
        Ok(Scheme::Sip | Scheme::Sips) => Ok(contact.uri),
        _ => Err(bad("Contact is not a SIP URI")),
    }
}

const fn bad(what: &'static str) -> Malformed {
    Malformed {
        status: Status::BAD_REQUEST,
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(extra: &str) -> String {
        format!(
            "INVITE sip:700@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP a.test;branch=z9hG4bK1\r\n\
             From: \"A\" <sip:a@a.test>;tag=f1\r\nTo: <sip:700@192.0.2.9>\r\nCall-ID: d1\r\n\
             CSeq: 7 INVITE\r\nContact: <sip:a@[2001:db8::5]:5070>\r\n{extra}\
             Content-Length: 0\r\n\r\n"
        )
    }

    fn uas(extra: &str) -> Result<Dialog, Malformed> {
        let text = invite(extra);
        Dialog::from_request(&Message::parse(text.as_bytes()).unwrap(), "t1", 20)
    }

    fn response(extra: &str) -> String {
        format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP us.test;branch=z9hG4bK1\r\n\
             From: <sip:us@us.test>;tag=u1\r\nTo: <sip:b@b.test>;tag=b1\r\n\
             Call-ID: d2\r\nCSeq: 5 INVITE\r\nContact: <sip:b@192.0.2.7>\r\n\
             {extra}Content-Length: 0\r\n\r\n"
        )
    }

    fn uac(extra: &str) -> Dialog {
        let mut dialog = Dialog::to_be(&Origin {
            call_id: "d2",
            tag: "u1",
            from: "<sip:us@us.test>",
            to: "<sip:b@b.test>",
            target: "sip:b@b.test",
            cseq: 5,
        });
        let text = response(extra);
        dialog.establish(&Message::parse(text.as_bytes()).unwrap());
        dialog
    }

    #[test]
    fn a_uas_takes_the_route_set_in_order_and_the_contact_as_target() {
        let dialog = uas("Record-Route: <sip:p2.test;lr>, <sip:p1.test;lr>\r\n").unwrap();
        let plan = dialog.plan();
        assert_eq!(plan.request_uri, "sip:a@[2001:db8::5]:5070");
        assert_eq!(plan.routes, ["<sip:p2.test;lr>", "<sip:p1.test;lr>"]);
        assert_eq!(plan.next_hop, "sip:p2.test;lr");
        assert_eq!(dialog.local(), "<sip:700@192.0.2.9>;tag=t1");
        assert_eq!(dialog.remote(), "\"A\" <sip:a@a.test>;tag=f1");
        assert!(dialog.is_named("d1", "f1") && !dialog.is_named("d1", "f2"));
    }

    #[test]
    fn a_uac_takes_the_route_set_in_reverse() {
        let dialog = uac("Record-Route: <sip:p2.test;lr>\r\nRecord-Route: <sip:p1.test;lr>\r\n");
        let plan = dialog.plan();
        assert_eq!(plan.routes, ["<sip:p1.test;lr>", "<sip:p2.test;lr>"]);
        assert_eq!(plan.request_uri, "sip:b@192.0.2.7");
        assert_eq!(dialog.remote(), "<sip:b@b.test>;tag=b1");
    }

    #[test]
    fn a_strict_router_gets_the_request_uri_and_the_target_goes_last() {
        let dialog = uas("Record-Route: <sip:p1.test;method=INVITE;x=1?y=2>, <sip:p2.test;lr>\r\n");
        let dialog = dialog.unwrap();
        let plan = dialog.plan();
        assert_eq!(plan.request_uri, "sip:p1.test;x=1");
        assert_eq!(plan.next_hop, "sip:p1.test;x=1");
        assert_eq!(
            plan.routes,
            ["<sip:p2.test;lr>", "<sip:a@[2001:db8::5]:5070>"]
        );
    }

    #[test]
    fn without_routes_the_target_is_the_next_hop() {
        let dialog = uac("");
        let plan = dialog.plan();
        assert_eq!(plan.next_hop, "sip:b@192.0.2.7");
        assert!(plan.routes.is_empty());
    }

    #[test]
    fn a_lower_number_is_stale_and_so_is_an_invite_with_the_same() {
        let mut dialog = uas("").unwrap();
        assert_eq!(dialog.receive_cseq(7, Method::Invite), Order::Stale);
        assert_eq!(dialog.receive_cseq(9, Method::Invite), Order::Fresh);
        assert_eq!(dialog.receive_cseq(8, Method::Bye), Order::Stale);
        assert_eq!(dialog.receive_cseq(9, Method::Bye), Order::Fresh);
    }

    #[test]
    fn our_numbers_go_up_by_one() {
        let mut dialog = uas("").unwrap();
        assert_eq!((dialog.next_cseq(), dialog.next_cseq()), (21, 22));
    }

    #[test]
    fn a_new_contact_moves_the_target_and_a_missing_one_leaves_it() {
        let mut dialog = uac("");
        let moved = response("").replace("b@192.0.2.7", "b@192.0.2.8:5064");
        dialog.refresh_target(&Message::parse(moved.as_bytes()).unwrap());
        assert_eq!(dialog.plan().request_uri, "sip:b@192.0.2.8:5064");
        let silent = response("").replace("Contact: <sip:b@192.0.2.7>\r\n", "");
        dialog.refresh_target(&Message::parse(silent.as_bytes()).unwrap());
        assert_eq!(dialog.plan().request_uri, "sip:b@192.0.2.8:5064");
    }

    #[test]
    fn too_many_routes_and_a_useless_contact_form_no_dialog() {
        let many = format!(
            "Record-Route: {}<sip:p.test;lr>\r\n",
            "<sip:p.test;lr>, ".repeat(16)
        );
        assert_eq!(uas(&many).unwrap_err().what, "too many Record-Route values");
        let text = invite("").replace("<sip:a@[2001:db8::5]:5070>", "<tel:+33140000000>");
        let message = Message::parse(text.as_bytes()).unwrap();
        let refused = Dialog::from_request(&message, "t1", 20).unwrap_err();
        assert_eq!(refused.what, "Contact is not a SIP URI");
    }
}
