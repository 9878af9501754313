//! From what is wanted to what the program is told.

use std::num::NonZeroU32;

use anycast_common::tap::MAX_SNAP;

use crate::{
    api::{
        refusal::Refusal,
        request::RequestError,
        types::{CaptureSide, NewCapture},
    },
    capture::{book::Book, compile::compile, expression::parse},
    observe::TapSpec,
};

/// Sides of packets that may wait to be sent: 10 MiB of them at most.
const QUEUE: usize = 4096;

/// # Errors
/// 422 for what cannot be: the expression, or a number that is out of its range.
pub(super) fn spec(wanted: &NewCapture, book: &Book) -> Result<TapSpec, Refusal> {
    let invalid = |message: String| Refusal::from(RequestError::Invalid(message));
    let text = &wanted.expression;
    let parsed = parse(text).and_then(|parsed| compile(text, parsed.as_ref(), book));
    let filter = parsed.map_err(|error| invalid(error.to_string()))?;
    let sample =
        NonZeroU32::new(wanted.sample).ok_or_else(|| invalid("sample: 1 of 0 is nothing".to_owned()))?;
    if !(1..=MAX_SNAP).contains(&usize::from(wanted.snap_bytes)) {
        return Err(invalid(format!("snap_bytes: {} is not from 1 to {MAX_SNAP}", wanted.snap_bytes)));
    }
    Ok(TapSpec {
        filter,
        sample,
        by_flow: wanted.by_flow,
        per_second: NonZeroU32::new(wanted.per_second),
        snap_bytes: wanted.snap_bytes,
        before: wanted.side != CaptureSide::After,
        after: wanted.side != CaptureSide::Before,
        queue: QUEUE,
    })
}
