//! A catchment as comma-separated values (RFC 4180).

use std::fmt::Write as _;

use crate::api::types::{CatchmentPrefix, CatchmentStatus, SpreadStatus};

const HEADER: &str = "prefix,rest,packets,bytes,new_flows,handshakes,share,packets_per_second,bits_per_second,\
     new_flows_per_second,hops_min,hops_median,hops_max,rtt_min_us,rtt_median_us,rtt_max_us,reply_rtt_min_us,\
     reply_rtt_median_us,reply_rtt_max_us";

/// A line for each network; what was not measured is empty.
pub fn csv(catchment: &CatchmentStatus) -> String {
    let mut text = format!("{HEADER}\n");
    for CatchmentPrefix { prefix, rest, figures } in &catchment.prefixes {
        let spread = |spread: Option<SpreadStatus>| match spread {
            Some(SpreadStatus { min, median, max }) => format!("{min},{median},{max}"),
            None => ",,".to_owned(),
        };
        // Nothing here has a comma or a quote in it.
        let _ = writeln!(
            text,
            "{prefix},{rest},{},{},{},{},{:.6},{:.1},{:.1},{:.1},{},{},{}",
            figures.packets,
            figures.bytes,
            figures.new_flows,
            figures.handshakes,
            figures.share,
            figures.packets_per_second,
            figures.bits_per_second,
            figures.new_flows_per_second,
            spread(figures.hops),
            spread(figures.rtt_us),
            spread(figures.reply_rtt_us),
        );
    }
    text
}
