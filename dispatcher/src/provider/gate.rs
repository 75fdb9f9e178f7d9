//! The gate before a request that places something: asked when the connection stands and the
//! request is about to be written, so that what it says is true at the last instant.
//!
//! Connecting takes its time, and a name is looked up, and keys are agreed: what was in time when
//! a request was handed over may be too late when it is written.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// Why a request was not written that a gate was shut for.
pub const TOO_LATE: &str = "too_late";

/// Whether a request may be written now; asked once.
#[derive(Clone)]
pub struct Gate {
    may_pass: Arc<dyn Fn() -> bool + Send + Sync>,
    shut: Arc<AtomicBool>,
}

impl Gate {
    pub fn new(may_pass: impl Fn() -> bool + Send + Sync + 'static) -> Gate {
        Gate { may_pass: Arc::new(may_pass), shut: Arc::default() }
    }

    /// A gate that is always open.
    pub fn open() -> Gate {
        Gate::new(|| true)
    }

    /// Whether it was asked and said no: then the request was not sent.
    pub fn was_shut(&self) -> bool {
        self.shut.load(Ordering::Acquire)
    }

    pub(super) fn passes(&self) -> bool {
        let passes = (self.may_pass)();
        self.shut.store(!passes, Ordering::Release);
        passes
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

/// A body that goes through a gate.
pub struct Gated {
    body: Option<Bytes>,
    gate: Gate,
}

impl Gated {
    pub fn new(body: Vec<u8>, gate: Gate) -> Gated {
        Gated { body: Some(Bytes::from(body)), gate }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the request came too late to be written")]
pub struct Shut;

impl Body for Gated {
    type Data = Bytes;
    type Error = Shut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Shut>>> {
        let Some(body) = self.body.take() else { return Poll::Ready(None) };
        match self.gate.passes() {
            true => Poll::Ready(Some(Ok(Frame::data(body)))),
            false => Poll::Ready(Some(Err(Shut))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.as_ref().map_or(0, |body| body.len() as u64))
    }
}
