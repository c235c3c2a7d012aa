//! Recordings on their way in and out: whole in memory as they come, piece by piece as they go.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::spawn_blocking;

use super::Problem;
use super::feed::Feed;
use super::routes::Desk;
use crate::driver::Recorded;

/// A recording that somebody sends. It holds its place among those under way until it is dropped.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) bytes: Bytes,
    _place: OwnedSemaphorePermit,
}

impl FromRequest<Desk> for Recording {
    type Rejection = Problem;

    async fn from_request(request: Request, desk: &Desk) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let is_audio = kind.to_ascii_lowercase().starts_with("audio/");
        let kinds = [OF_ANY_KIND, "application/ogg"];
        if !is_audio && !kinds.iter().any(|one| kind.eq_ignore_ascii_case(one)) {
            return Err(Problem::not_audio());
        }
        let place = place(desk)?;
        let bytes = Bytes::from_request(request, desk).await;
        let bytes =
            bytes.map_err(|rejection| Problem::body(rejection.status(), None, rejection))?;
        Ok(Self {
            bytes,
            _place: place,
        })
    }
}

/// What is heard of a piece of music, as a file.
pub(super) async fn listen(desk: &Desk, name: &str) -> Result<Response, Problem> {
    let recorded = desk.configuration.recorded(name);
    let recorded = recorded.ok_or_else(Problem::no_such_object)?;
    let place = place(desk)?;
    let mut file = match recorded {
        Recorded::Shipped(bytes) => {
            return Ok(answer(bytes, bytes.len() as u64, Body::from(bytes)));
        }
        Recorded::File(path) => {
            let opened = spawn_blocking(move || open(path)).await;
            let opened = opened.map_err(|_| Problem::ending())?;
            opened.map_err(|error| Problem::unreadable(&error))?
        }
    };
    let (writer, pieces) = mpsc::channel(PIECES_WAITING_MAX);
    let (first, length) = (file.first.clone(), file.length);
    spawn_blocking(move || {
        let mut piece = file.first;
        // A file that ends early, or a client that does: either way the body is cut, and seen so.
        while !piece.is_empty() && writer.blocking_send(Bytes::from(piece)).is_ok() {
            piece = next_piece(&mut file.rest).unwrap_or_default();
        }
    });
    let body = Body::new(Feed {
        pieces,
        _place: place,
    });
    Ok(answer(&first, length, body))
}

/// A file that is being sent.
struct Sent {
    /// Its first piece, which tells what it is.
    first: Vec<u8>,
    rest: File,
    /// Of the whole, in bytes: who gets less sees that something is missing.
    length: u64,
}

fn open(path: std::path::PathBuf) -> io::Result<Sent> {
    let mut rest = File::open(path)?;
    Ok(Sent {
        length: rest.metadata()?.len(),
        first: next_piece(&mut rest)?,
        rest,
    })
}

fn next_piece(file: &mut File) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    file.take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

fn place(desk: &Desk) -> Result<OwnedSemaphorePermit, Problem> {
    let place = Arc::clone(&desk.recording_places).try_acquire_owned();
    place.map_err(|_| Problem::busy())
}

fn answer(first: &[u8], length: u64, body: Body) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind(first))),
        (CONTENT_LENGTH, HeaderValue::from(length)),
    ];
    (headers, body).into_response()
}

/// The media type of a recording, by how it begins.
fn kind(first: &[u8]) -> &'static str {
    match first {
        [b'R', b'I', b'F', b'F', ..] => "audio/wav",
        [b'f', b'L', b'a', b'C', ..] => "audio/flac",
        [b'O', b'g', b'g', b'S', ..] => "audio/ogg",
        [b'I', b'D', b'3', ..] | [0xff, 0xe0..=0xff, ..] => "audio/mpeg",
        _ => OF_ANY_KIND,
    }
}

const OF_ANY_KIND: &str = "application/octet-stream";
const PIECE_BYTES: usize = 64 * 1_024;
/// Pieces that wait for a client that reads slowly.
const PIECES_WAITING_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_told_by_how_it_begins() {
        assert_eq!(kind(b"RIFF...."), "audio/wav");
        assert_eq!(kind(b"ID3\x04"), "audio/mpeg");
        assert_eq!(kind(&[0xff, 0xfb, 0x90]), "audio/mpeg");
        assert_eq!(kind(b"OggS"), "audio/ogg");
        assert_eq!(kind(b"fLaC"), "audio/flac");
        assert_eq!(kind(b""), "application/octet-stream");
    }
}
