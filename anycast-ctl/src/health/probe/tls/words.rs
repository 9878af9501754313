//! What rustls says, as operators would.

use std::borrow::Cow;

use rustls::{AlertDescription, CertificateError, Error};

use crate::spelling::quoted;

/// Names of a certificate that are repeated.
const NAMES: usize = 3;

/// Why there is no TLS with the server.
pub fn words(error: &Error) -> String {
    if let Error::InvalidCertificate(error) = error {
        return format!("certificate: {}", certificate(error));
    }
    if let Error::AlertReceived(alert) = error {
        return self::alert(*alert);
    }
    if let Error::InvalidMessage(_) = error {
        return "the answer is no TLS".to_owned();
    }
    if let Error::NoApplicationProtocol = error {
        return "the server does not speak the protocol (ALPN)".to_owned();
    }
    error.to_string()
}

fn certificate(error: &CertificateError) -> Cow<'static, str> {
    if let CertificateError::NotValidForNameContext { expected, presented } = error {
        return format!("for {}, not {}", names(presented), expected.to_str()).into();
    }
    let words = [
        (CertificateError::Expired, "expired"),
        (CertificateError::NotValidYet, "not valid yet"),
        (CertificateError::UnknownIssuer, "issued by nobody this host trusts"),
        (CertificateError::BadEncoding, "cannot be read"),
        (CertificateError::BadSignature, "its signature is wrong"),
        (CertificateError::InvalidPurpose, "not for servers"),
        (CertificateError::NotValidForName, "for another name"),
        (CertificateError::Revoked, "revoked"),
    ];
    // Some come with their circumstances as well.
    let bare = if matches!(error, CertificateError::ExpiredContext { .. }) {
        &CertificateError::Expired
    } else if matches!(error, CertificateError::NotValidYetContext { .. }) {
        &CertificateError::NotValidYet
    } else if matches!(error, CertificateError::InvalidPurposeContext { .. }) {
        &CertificateError::InvalidPurpose
    } else {
        error
    };
    let known = words.into_iter().find(|(known, _)| known == bare);
    known.map_or_else(|| bare.to_string().into(), |(_, words)| words.into())
}

/// The names that a certificate is for, as webpki writes them: `DnsName("a.example")`.
fn names(presented: &[String]) -> String {
    let name = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
        quoted(inner.trim_matches('"')).trim_matches('`').to_owned()
    };
    let mut names: Vec<String> = presented.iter().take(NAMES).map(name).collect();
    match presented.len().saturating_sub(NAMES) {
        0 if names.is_empty() => return "no name".to_owned(),
        0 => {}
        more => names.push(format!("{more} more")),
    }
    names.join(", ")
}

fn alert(alert: AlertDescription) -> String {
    let words = [
        (AlertDescription::CertificateRequired, "the server wants a client's certificate"),
        (AlertDescription::UnknownCA, "the server does not trust the issuer of our certificate"),
        (AlertDescription::CertificateExpired, "the server finds our certificate expired"),
        (AlertDescription::BadCertificate, "the server refuses our certificate"),
        (AlertDescription::CertificateUnknown, "the server refuses our certificate"),
        (AlertDescription::AccessDenied, "the server refuses our certificate"),
        (AlertDescription::UnrecognisedName, "the server does not know that name"),
        (AlertDescription::NoApplicationProtocol, "the server does not speak the protocol (ALPN)"),
        (AlertDescription::ProtocolVersion, "the server speaks neither TLS 1.2 nor 1.3"),
        (
            AlertDescription::HandshakeFailure,
            "the server found nothing that both speak, or wants a client's certificate",
        ),
    ];
    let known = words.into_iter().find(|(known, _)| *known == alert);
    known.map_or_else(|| format!("the server refused: alert {alert:?}"), |(_, words)| words.to_owned())
}
