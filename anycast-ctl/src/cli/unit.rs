//! Numbers for people. JSON has the exact ones.

/// Powers of a thousand, largest first.
const SCALES: [(u64, &str); 6] = [
    (1_000_000_000_000_000_000, "E"),
    (1_000_000_000_000_000, "P"),
    (1_000_000_000_000, "T"),
    (1_000_000_000, "G"),
    (1_000_000, "M"),
    (1_000, "k"),
];

/// Exact up to 9999, then three digits: `12.3k`, `4.56M`.
pub fn count(n: u64) -> String {
    if n < 10_000 { n.to_string() } else { scaled(n, "") }
}

/// `999 B`, `1.50 kB`, `12.3 MB`.
pub fn bytes(n: u64) -> String {
    if n < 1_000 { format!("{n} B") } else { format!("{}B", scaled(n, " ")) }
}

/// A part of a whole: `33.3%`; `-` of nothing.
pub fn share(part: u32, whole: u32) -> String {
    share_of(u64::from(part), u64::from(whole))
}

/// The same of large numbers.
pub fn share_of(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".into();
    }
    format!("{:.1}%", 100.0 * part as f64 / whole as f64)
}

/// The two largest units: `12s`, `5m 10s`, `3h 12m`, `40d 2h`.
pub fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{minutes}m {}s", seconds % 60),
        3_600..86_400 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// `850ms`, `4.2s` below ten seconds, then as [`duration`].
pub fn milliseconds(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds}ms"),
        1_000..10_000 => format!("{}.{}s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => duration(milliseconds / 1_000),
    }
}

/// `0.42ms`, `12.3ms`, then as [`milliseconds`].
pub fn microseconds(microseconds: u64) -> String {
    match microseconds {
        0..10_000 => format!("{}.{:02}ms", microseconds / 1_000, microseconds % 1_000 / 10),
        10_000..100_000 => format!("{}.{}ms", microseconds / 1_000, microseconds % 1_000 / 100),
        _ => milliseconds(microseconds / 1_000),
    }
}

/// Cut, not rounded: a counter never looks further than it is.
fn scaled(n: u64, space: &str) -> String {
    let Some((scale, letter)) = SCALES.into_iter().find(|(scale, _)| n >= *scale) else {
        return n.to_string();
    };
    let (whole, thousandths) = (n / scale, u128::from(n % scale) * 1_000 / u128::from(scale));
    match whole {
        0..10 => format!("{whole}.{:02}{space}{letter}", thousandths / 10),
        10..100 => format!("{whole}.{}{space}{letter}", thousandths / 100),
        _ => format!("{whole}{space}{letter}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_keep_three_digits() {
        for (n, text) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10.0k"),
            (12_399, "12.3k"),
            (999_999, "999k"),
            (1_000_000, "1.00M"),
            (4_567_000, "4.56M"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(count(n), text);
        }
    }

    #[test]
    fn bytes_shares_and_durations_have_units() {
        assert_eq!([999, 1_500, 12_345_678].map(bytes), ["999 B", "1.50 kB", "12.3 MB"]);
        assert_eq!([(1, 3), (0, 7), (0, 0)].map(|(part, whole)| share(part, whole)), ["33.3%", "0.0%", "-"]);
        let durations = [(59, "59s"), (310, "5m 10s"), (11_530, "3h 12m"), (3_463_200, "40d 2h")];
        for (seconds, text) in durations {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!([850, 4_290, 12_000].map(milliseconds), ["850ms", "4.2s", "12s"]);
        assert_eq!([420, 12_345, 850_999].map(microseconds), ["0.42ms", "12.3ms", "850ms"]);
    }
}
