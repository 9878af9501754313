//! Writes families, each with so many series at most.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder, NoLabelSet},
    metrics::histogram::Histogram,
};

use super::{Family, Kind};

/// Series of one family at most. A site of 1,000 VIPs with 100 backends each has 100,000 pairs.
pub const MOST_SERIES: usize = 250_000;

const LEFT_OUT: Family = Family::gauge(
    "anycast_scrape_left_out_series",
    &["family"],
    "Series beyond the most that a family may have, which are not in this scrape. Absent for families of which all are",
);

pub const FAMILIES: &[Family] = &[LEFT_OUT];

/// A value of a series.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// Exact.
    Whole(u64),
    /// In seconds, or a share.
    Real(f64),
}

/// A scrape that is being written.
pub struct Sheet<'a> {
    encoder: DescriptorEncoder<'a>,
    most: usize,
    left_out: Vec<(&'static str, u64)>,
}

impl<'a> Sheet<'a> {
    /// An empty one, with so many series in a family at most.
    pub fn new(encoder: DescriptorEncoder<'a>, most: usize) -> Self {
        Self { encoder, most, left_out: Vec::new() }
    }

    /// A family with these series: the values of its labels, in their order, and that of the series.
    pub fn rows<'r, const N: usize, V: Into<Value>>(
        &mut self,
        family: &Family,
        rows: impl IntoIterator<Item = ([&'r str; N], V)>,
    ) -> fmt::Result {
        let most = self.most;
        let mut rows = rows.into_iter();
        let (name, unit) = family.stem();
        let mut encoder =
            self.encoder.encode_descriptor(name, family.help, unit.as_ref(), family.kind.encoded())?;
        for (values, value) in rows.by_ref().take(most) {
            let mut names = family.labels.iter().copied();
            let labels = values.map(|value| (names.next().unwrap_or_default(), value));
            if N == 0 {
                encode(&mut encoder, family.kind, value.into())?;
            } else {
                encode(&mut encoder.encode_family(&labels)?, family.kind, value.into())?;
            }
        }
        let left_out = rows.count();
        if left_out > 0 {
            self.left_out.push((family.name, left_out as u64));
        }
        Ok(())
    }

    /// A family with one series.
    pub fn one(&mut self, family: &Family, value: impl Into<Value>) -> fmt::Result {
        self.rows(family, [([], value)])
    }

    /// A family with one series, or none.
    pub fn any(&mut self, family: &Family, value: Option<impl Into<Value>>) -> fmt::Result {
        self.rows(family, value.map(|value| ([], value)))
    }

    /// A histogram.
    pub fn histogram(&mut self, family: &Family, histogram: &Histogram) -> fmt::Result {
        let (name, unit) = family.stem();
        let encoder =
            self.encoder.encode_descriptor(name, family.help, unit.as_ref(), family.kind.encoded())?;
        histogram.encode(encoder)
    }

    /// Says what was left out.
    pub fn end(mut self) -> fmt::Result {
        let left_out = std::mem::take(&mut self.left_out);
        self.rows(&LEFT_OUT, left_out.into_iter().map(|(family, series)| ([family], series)))
    }
}

fn encode(encoder: &mut MetricEncoder<'_>, kind: Kind, value: Value) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Value::Whole(value)) => encoder.encode_counter::<NoLabelSet, u64, u64>(&value, None),
        (Kind::Counter, Value::Real(value)) => encoder.encode_counter::<NoLabelSet, f64, f64>(&value, None),
        (Kind::Gauge | Kind::Histogram, Value::Whole(value)) => encoder.encode_gauge(&value),
        (Kind::Gauge | Kind::Histogram, Value::Real(value)) => encoder.encode_gauge(&value),
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Whole(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}
