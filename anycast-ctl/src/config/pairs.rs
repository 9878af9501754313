//! Keys of a check as arguments of a command: `type=http path=/health`.

use toml::de::DeTable;

use super::read::{self, Misread};
use crate::{
    model::{Check, health::KEYS},
    spelling::quoted,
};

/// One `KEY=VALUE`, the value as a site file has it, or without its quotes and brackets: `vips=www4,www6`.
///
/// # Errors
///
/// What is wrong with it, and what would be right.
pub fn check(pair: &str) -> Result<Check, String> {
    let (key, value) = pair
        .split_once('=')
        .ok_or_else(|| format!("{} is no KEY=VALUE, as path=/health or interval=2s", quoted(pair)))?;
    let text = |text: &str| toml::Value::from(text).to_string();
    let list = value.split(',').map(text).collect::<Vec<_>>().join(", ");
    // As it stands it is what it says: a number, a truth, a text in quotes, a list.
    let forms = [value.to_owned(), text(value), format!("[{list}]")];
    let mut complaint = None;
    for form in forms {
        match alone(key, &form) {
            Ok(check) => return Ok(check),
            // What is no TOML at all needs no complaint of its own; the first form that is one says best what is wrong.
            Err(Wrong::Form) => {}
            Err(Wrong::Value(message)) => complaint = complaint.or(Some(message)),
        }
    }
    Err(complaint.unwrap_or_else(|| format!("{} is no key of a check", quoted(key))))
}

/// Several of them, the later ones over the earlier ones.
pub fn merged<'a>(checks: impl IntoIterator<Item = &'a Check>) -> Check {
    let mut merged = Check::default();
    for check in checks {
        for key in KEYS.iter().filter(|key| key.is_in(check)) {
            key.copy_from(check, &mut merged);
        }
    }
    merged
}

enum Wrong {
    /// It is no TOML.
    Form,
    /// It is, and means nothing.
    Value(String),
}

fn alone(key: &str, value: &str) -> Result<Check, Wrong> {
    let is_bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_bare || value.contains('\n') {
        return Err(Wrong::Value(format!("{} is no key of a check", quoted(key))));
    }
    let text = format!("{key} = {value}");
    let table = DeTable::parse(&text).map_err(|_| Wrong::Form)?;
    read::check(table.get_ref()).map_err(|Misread { path, message, .. }| {
        Wrong::Value(if path.is_empty() { message } else { format!("{path}: {message}") })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CheckKind;

    #[test]
    fn arguments_are_read_as_files_are() {
        let read =
            |pairs: &[&str]| merged(&pairs.iter().map(|pair| check(pair).unwrap()).collect::<Vec<_>>());
        let http =
            read(&["type=http", "path=/health", "port=8080", "full_size=true", "vips=www4,www6", "fall=2"]);
        assert_eq!((http.kind, http.port, http.fall), (Some(CheckKind::Http), Some(8_080), Some(2)));
        assert_eq!(http.path.as_deref(), Some("/health"));
        assert_eq!(http.vips, Some(vec!["www4".to_owned(), "www6".to_owned()]));
        let exec = read(&["type=exec", r#"command=["/bin/check", "-v"]"#, "interval=2s", "source=192.0.2.1"]);
        assert_eq!(exec.command, Some(vec!["/bin/check".to_owned(), "-v".to_owned()]));
        assert_eq!(read(&["command=/bin/true"]).command, Some(vec!["/bin/true".to_owned()]));
        // A name that looks like a number is a name where one is wanted.
        assert_eq!(read(&["host=1.5"]).host.as_deref(), Some("1.5"));
        assert_eq!(read(&["path=/a=b"]).path.as_deref(), Some("/a=b"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (pair, complaint) in [
            ("http", "`http` is no KEY=VALUE, as path=/health"),
            ("pth=/x", "unknown key `pth`: did you mean `path`?"),
            ("type=htp", "type: `htp` is not one of"),
            ("port=http", "port: is a string: give a whole number"),
            ("port=70000", "port: `70000` is out of range"),
            ("interval=fast", "interval: `fast` is no period"),
            ("a b=1", "`a b` is no key of a check"),
            ("=1", "`` is no key of a check"),
            ("path=/x\nport = 1", "`path` is no key of a check"),
        ] {
            let error = check(pair).unwrap_err();
            assert!(error.contains(complaint), "{pair}: {error}");
        }
    }
}
