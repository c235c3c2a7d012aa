//! The API of the server on the bed: it listens on the loopback address of the server's namespace,
//! so whoever asks is a thread in there.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use control::config::Role;
use control::driver::http::NewToken;

use super::namespace::{self, Bed};
use crate::ctl::Client;

/// Who asks a server.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    space: String,
    token: String,
    configuration: String,
}

/// What a thread of ours fails with.
pub(super) type Failure = Box<dyn Error + Send + Sync>;

/// In a namespace of its own nobody else has the port.
const API: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8_080);

impl Desk {
    pub(super) fn of(bed: &Bed) -> Result<Self, Box<dyn Error>> {
        let token = NewToken::make("bed", Role::Viewer)?;
        Ok(Self {
            space: bed.server(),
            configuration: format!("[api]\nlisten = \"{API}\"\n{}", token.lines()),
            token: token.token().to_owned(),
        })
    }

    /// What the server is configured with.
    pub(super) fn configuration(&self) -> &str {
        &self.configuration
    }

    /// Does something with the API, on a thread in the server's namespace.
    pub(super) fn start<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Client) -> Result<T, Failure> + Send + 'static,
    ) -> JoinHandle<Result<T, Failure>> {
        let Self { space, token, .. } = self.clone();
        std::thread::spawn(move || {
            namespace::enter(&space).map_err(|error| error.to_string())?;
            let client = Client::new(&format!("http://{API}"), token, None)?;
            ask(&client)
        })
    }

    /// The same, and waits for it.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Client) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Box<dyn Error>> {
        joined(self.start(ask))
    }

    /// The page of figures.
    pub(super) fn metrics(&self) -> Result<Metrics, Box<dyn Error>> {
        self.ask(|client| Ok(Metrics(client.text("/metrics")?)))
    }
}

/// What such a thread found.
pub(super) fn joined<T>(thread: JoinHandle<Result<T, Failure>>) -> Result<T, Box<dyn Error>> {
    match thread.join() {
        Ok(result) => result.map_err(|failure| -> Box<dyn Error> { failure }),
        Err(_) => Err("a thread that asked the API panicked; its message stands above".into()),
    }
}

/// A page of figures.
#[derive(Clone, Debug)]
pub(super) struct Metrics(String);

impl Metrics {
    /// The figure of a family that has one.
    pub(super) fn value(&self, name: &str) -> Result<f64, Box<dyn Error>> {
        let mut lines = self.0.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.and_then(|text| text.parse().ok());
        value.ok_or_else(|| format!("the server's metrics have no `{name}`").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_found_by_its_whole_name() {
        let page = Metrics("# HELP a A.\na_b 3\na 5.5\na{x=\"y\"} 7\n".to_owned());
        assert_eq!(page.value("a").unwrap(), 5.5);
        assert!(page.value("b").is_err());
    }
}
