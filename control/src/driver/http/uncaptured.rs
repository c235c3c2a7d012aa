//! Why nothing is captured or read, as a problem.

use axum::http::StatusCode;
use shared::CaptureError;
use shared::limits::CAPTURES_MAX;

use super::Problem;
use super::limits::CAPTURE_READERS_MAX;
use crate::driver::capture::NotCaptured;

impl Problem {
    /// Too many clients read the files of captures.
    pub(super) fn too_many_capture_readers() -> Self {
        let detail = format!("{CAPTURE_READERS_MAX} clients read captures; let one end first.");
        let (status, title) = (StatusCode::SERVICE_UNAVAILABLE, "Too many read");
        Self::new(status, "too-many-readers", title, detail)
    }
}

impl From<NotCaptured> for Problem {
    fn from(why: NotCaptured) -> Self {
        match why {
            NotCaptured::Refused(error) => error.into(),
            NotCaptured::NoFile(error) => error.into(),
            NotCaptured::Already(call, capture) => {
                let title = "The call is being captured";
                let detail = format!(
                    "call {call} is being captured already: read the file of capture {}, or end it",
                    capture.0
                );
                Self::new(StatusCode::CONFLICT, "already-captured", title, detail)
            }
        }
    }
}

impl From<CaptureError> for Problem {
    fn from(error: CaptureError) -> Self {
        let (busy, missing) = (StatusCode::SERVICE_UNAVAILABLE, StatusCode::NOT_FOUND);
        match error {
            CaptureError::TooMany => {
                let detail = format!("{CAPTURES_MAX} calls are being captured; end one first.");
                let title = "Too many captures";
                Self::new(StatusCode::CONFLICT, "too-many-captures", title, detail)
            }
            CaptureError::File(folder, why) => {
                let title = "The file cannot be written";
                let detail = format!(
                    "in {}, the folder of [store] path, or else that for temporary files: {why}; \
                     make room there, or let orbitd's user write",
                    folder.display()
                );
                Self::new(busy, "no-capture-file", title, detail)
            }
            CaptureError::Gone => {
                let detail = "There is no such capture, or its file was given up; see the list.";
                Self::new(
                    missing,
                    "no-such-capture",
                    "There is no such capture",
                    detail,
                )
            }
            CaptureError::Busy => {
                let detail = "The thread that writes captures is busy; try again in a second.";
                Self::new(busy, "busy", "The server is busy", detail)
            }
        }
    }
}
