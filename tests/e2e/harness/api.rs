//! The HTTP API of a server under test: a token made for it, and requests over TCP.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use control::config::Role;
use control::driver::http::NewToken;

use super::Ports;
use super::clock::PATIENCE;

/// Where the API is, and a token of an admin.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    token: NewToken,
}

impl Api {
    pub(crate) fn new(ports: &Ports) -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, ports.pair()).into(),
            token: NewToken::make("test", Role::Admin).expect("entropy"),
        }
    }

    /// The lines of the configuration.
    pub(crate) fn lines(&self) -> String {
        let (address, token) = (self.address, self.token.lines());
        format!("[api]\nlisten = \"{address}\"\n{token}")
    }

    pub(crate) fn token(&self) -> &str {
        self.token.token()
    }

    /// The body of a path that there is.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("the API listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let (address, token) = (self.address, self.token());
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it answers");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {text}");
        body.to_owned()
    }
}
