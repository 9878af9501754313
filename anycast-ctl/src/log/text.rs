//! Lines for people: the words, and behind them fields that the words do not say.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FormatFields, format::Writer},
};

/// Beginning of the names of fields that say again what the words say: for machines.
pub const FOR_MACHINES: &str = "anycast.";

/// Beginning of the names of fields that say where in its source a library's line comes from, by way of tracing-log.
const FROM_LIBRARIES: &str = "log.";

/// Whether a field is for people.
pub fn is_shown(field: &Field) -> bool {
    !field.name().starts_with(FOR_MACHINES) && !field.name().starts_with(FROM_LIBRARIES)
}

/// Writes the fields of a line.
#[derive(Clone, Copy, Debug)]
pub struct Fields;

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = Visitor { writer, is_first: true, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct Visitor<'writer> {
    writer: Writer<'writer>,
    is_first: bool,
    result: fmt::Result,
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.result.is_err() || !is_shown(field) {
            return;
        }
        let gap = if std::mem::take(&mut self.is_first) { "" } else { " " };
        self.result = match field.name() {
            "message" => write!(self.writer, "{gap}{value:?}"),
            name => write!(self.writer, "{gap}{name}={value:?}"),
        };
    }
}
