//! Whether an answer passes.

use std::net::IpAddr;

use super::{super::fault::Fault, message::Message, record};
use crate::{
    health::spec::Dns,
    model::{QueryType, Rcode},
    spelling::quoted,
};

/// Answers that are repeated in words.
const SHOWN: usize = 4;

/// Compares an answer with what is expected; what passes is told as well.
pub fn judge(dns: &Dns, message: &Message) -> Result<String, Fault> {
    if message.rcode != number(dns.rcode) {
        return Err(Fault::failed(format!("rcode {}, expected {}", rcode(message.rcode), dns.rcode)));
    }
    let truncated = if message.truncated { " (truncated)" } else { "" };
    let is_expected = |expected: &str| {
        let kind = record::number(dns.query_type);
        let mut answers = message.answers.iter().filter(|answer| answer.kind == kind);
        answers.any(|answer| same(dns.query_type, &answer.text, expected))
    };
    match &dns.answer {
        Some(expected) if !is_expected(expected) => Err(Fault::failed(format!(
            "{}{truncated}, expected {}",
            shown(message),
            quoted(expected).trim_matches('`')
        ))),
        Some(_) | None if message.answers.is_empty() => {
            Ok(format!("rcode {}{truncated}", rcode(message.rcode)))
        }
        Some(_) | None => Ok(format!("{}{truncated}", shown(message))),
    }
}

/// Whether the data of a record is what the operator wrote.
fn same(kind: QueryType, data: &str, expected: &str) -> bool {
    match kind {
        QueryType::A | QueryType::Aaaa => {
            expected.parse::<IpAddr>().is_ok_and(|expected| data.parse() == Ok(expected))
        }
        // A long text is cut into several on the wire; that does not matter to who wrote it.
        QueryType::Txt => data == expected || joined(data) == joined(expected),
        QueryType::Cname
        | QueryType::Mx
        | QueryType::Ns
        | QueryType::Ptr
        | QueryType::Soa
        | QueryType::Srv => words(data).eq(words(expected)),
    }
}

/// A text without its quotes, and in one piece.
fn joined(text: &str) -> String {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).replace("\" \"", "")
}

/// Numbers and names: neither case nor the dot at the end of a name makes a difference.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace().map(|word| word.strip_suffix('.').unwrap_or(word).to_ascii_lowercase())
}

fn shown(message: &Message) -> String {
    let mut answers: Vec<String> =
        message.answers.iter().take(SHOWN).map(|answer| short(&answer.text)).collect();
    match message.answers.len().saturating_sub(SHOWN) {
        0 if answers.is_empty() => return "no answers".to_owned(),
        0 => {}
        more => answers.push(format!("{more} more")),
    }
    format!("answers {}", answers.join(", "))
}

/// Data is printable, but may be long.
fn short(text: &str) -> String {
    text.char_indices()
        .nth(80)
        .map_or_else(|| text.to_owned(), |(end, _)| format!("{}…", text.get(..end).unwrap_or_default()))
}

const fn number(rcode: Rcode) -> u16 {
    match rcode {
        Rcode::NoError => 0,
        Rcode::FormErr => 1,
        Rcode::ServFail => 2,
        Rcode::NxDomain => 3,
        Rcode::NotImp => 4,
        Rcode::Refused => 5,
    }
}

fn rcode(code: u16) -> String {
    let known =
        [Rcode::NoError, Rcode::FormErr, Rcode::ServFail, Rcode::NxDomain, Rcode::NotImp, Rcode::Refused];
    let known = known.into_iter().find(|known| number(*known) == code);
    known.map_or_else(|| code.to_string(), |known| known.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_compared_as_people_write_it() {
        for (kind, data, expected) in [
            (QueryType::A, "192.0.2.1", "192.0.2.1"),
            (QueryType::Aaaa, "2001:db8::1", "2001:DB8:0::1"),
            (QueryType::Cname, "www.Example.", "WWW.example"),
            (QueryType::Mx, "10 mail.example.", "10 mail.example"),
            (QueryType::Txt, r#""v=spf1 " "-all""#, "v=spf1 -all"),
            (QueryType::Txt, r#""one""#, r#""one""#),
            (QueryType::Txt, r#""say \"hi\"""#, r#"say \"hi\""#),
        ] {
            assert!(same(kind, data, expected), "{data} {expected}");
        }
        for (kind, data, expected) in [
            (QueryType::A, "192.0.2.1", "192.0.2.2"),
            (QueryType::A, "192.0.2.1", "www"),
            (QueryType::Cname, "a.example.", "b.example."),
            (QueryType::Mx, "10 mail.example.", "mail.example."),
            (QueryType::Txt, r#""One""#, "one"),
        ] {
            assert!(!same(kind, data, expected), "{data} {expected}");
        }
    }
}
