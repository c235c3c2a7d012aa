//! SIP: messages by method and status, drops by reason, dialogs, transactions, subscriptions.

use super::Figures;
use super::page::Page;
use crate::sip::{Direction, MessageKind};

pub(super) fn write(page: &mut Page, figures: &Figures) {
    let status = &figures.status;
    for (name, help, value) in [
        ("orbit_sip_dialogs", "SIP dialogs.", status.dialogs),
        (
            "orbit_sip_transactions",
            "SIP transactions.",
            status.transactions,
        ),
        (
            "orbit_sip_subscriptions",
            "Subscriptions to orbits, and reports on transfers.",
            status.subscriptions,
        ),
    ] {
        page.gauge(name, help).sample(&[], value);
    }
    messages(page, figures);
    let mut family = page.counter(
        "orbit_sip_drops_total",
        "SIP messages that were dropped, by reason.",
    );
    for (reason, count) in &figures.sip_drops {
        family.sample(&[("reason", reason.name())], count);
    }
}

fn messages(page: &mut Page, figures: &Figures) {
    let help = "SIP requests by method, retransmissions among them.";
    let mut family = page.counter("orbit_sip_requests_total", help);
    for (direction, kind, count) in figures.messages.iter() {
        if let MessageKind::Request(method) = kind {
            family.sample(&[("direction", word(direction)), ("method", method)], count);
        }
    }
    let help = "SIP responses by method and status, retransmissions among them.";
    let mut family = page.counter("orbit_sip_responses_total", help);
    for (direction, kind, count) in figures.messages.iter() {
        if let MessageKind::Response(method, status) = kind {
            let code = status.to_string();
            let labels = [
                ("direction", word(direction)),
                ("method", method),
                ("code", &code),
            ];
            family.sample(&labels, count);
        }
    }
}

const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Received => "received",
        Direction::Sent => "sent",
    }
}
