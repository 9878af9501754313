//! How TLS is spoken, made once from the files that a check names, and anew when they change.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, RootCertStore,
    client::{Resumption, WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
};

use super::{
    super::fault::{Fault, words},
    unverified::Unverified,
};
use crate::health::spec::Tls;

/// How long the system's authorities are taken from memory: packages renew them every few months.
const SYSTEM_AGE: Duration = Duration::from_secs(3_600);

/// Configurations that are kept; more means that most are of checks that are gone.
const MAX_KEPT: usize = 4_096;

/// The protocol that is spoken inside (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alpn {
    /// Nothing is said about it.
    None,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Every configuration that was needed so far.
#[derive(Debug, Default)]
pub struct Configs {
    kept: Mutex<HashMap<Key, Kept>>,
    system: Mutex<Option<(Instant, Arc<RootCertStore>)>>,
}

/// What makes two configurations differ. The server's name is no part of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    verify: bool,
    ca: Option<String>,
    identity: Option<(String, String)>,
    alpn: Alpn,
}

#[derive(Debug)]
struct Kept {
    config: Arc<ClientConfig>,
    /// Of the files it was made of.
    stamps: Vec<Stamp>,
    made: Instant,
}

/// What changes with a file's content: modification time, size, and inode.
type Stamp = Option<(i64, i64, u64, u64)>;

impl Configs {
    /// The configuration for a check.
    pub fn get(&self, tls: &Tls, alpn: Alpn) -> Result<Arc<ClientConfig>, Fault> {
        let key = Key { verify: tls.verify, ca: tls.ca.clone(), identity: tls.identity.clone(), alpn };
        // Before the files are read: a change in between is seen the next time.
        let stamps = key.stamps();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.get(&key)
            && kept.stamps == stamps
            && (kept.made.elapsed() < SYSTEM_AGE || !key.uses_system())
        {
            return Ok(kept.config.clone());
        }
        let config = Arc::new(self.make(&key)?);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, Kept { config: config.clone(), stamps, made: Instant::now() });
        Ok(config)
    }

    fn make(&self, key: &Key) -> Result<ClientConfig, Fault> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Fault::own(format!("set up TLS: {error}")))?;
        let builder = builder.dangerous().with_custom_certificate_verifier(self.verifier(key, provider)?);
        let mut config = match &key.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, private)) => {
                let key =
                    PrivateKeyDer::from_pem_file(private).map_err(|error| unreadable(private, &error))?;
                let made = builder.with_client_auth_cert(certificates(certificate)?, key);
                made.map_err(|error| Fault::own(format!("use {certificate} with {private}: {error}")))?
            }
        };
        // A resumed session would prove nothing about the certificate.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = match key.alpn {
            Alpn::None => Vec::new(),
            Alpn::Http1 => vec![b"http/1.1".to_vec()],
            Alpn::Http2 => vec![b"h2".to_vec()],
        };
        Ok(config)
    }

    fn verifier(
        &self,
        key: &Key,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, Fault> {
        if !key.verify {
            return Ok(Arc::new(Unverified(provider)));
        }
        let roots = match &key.ca {
            None => self.system()?,
            Some(file) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(file)? {
                    roots.add(certificate).map_err(|error| Fault::own(format!("use {file}: {error}")))?;
                }
                Arc::new(roots)
            }
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        Ok(verifier.map_err(|error| Fault::own(format!("set up TLS: {error}")))?)
    }

    /// The authorities that this host trusts.
    fn system(&self) -> Result<Arc<RootCertStore>, Fault> {
        let mut system = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, roots)) = &*system
            && read.elapsed() < SYSTEM_AGE
        {
            return Ok(roots.clone());
        }
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(Fault::own(
                "this host trusts no authorities: install ca-certificates, or name a file with ca",
            ));
        }
        let roots = Arc::new(roots);
        *system = Some((Instant::now(), roots.clone()));
        Ok(roots)
    }
}

impl Key {
    const fn uses_system(&self) -> bool {
        self.verify && self.ca.is_none()
    }

    fn stamps(&self) -> Vec<Stamp> {
        let identity = self.identity.iter().flat_map(|(certificate, key)| [certificate, key]);
        self.ca.iter().chain(identity).map(|file| stamp(Path::new(file))).collect()
    }
}

fn stamp(file: &Path) -> Stamp {
    let about = fs::metadata(file).ok()?;
    Some((about.mtime(), about.mtime_nsec(), about.size(), about.ino()))
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unreadable(file, &error))?;
    if certificates.is_empty() {
        return Err(Fault::own(format!("read {file}: it has no certificate in PEM form")));
    }
    Ok(certificates)
}

fn unreadable(file: &str, error: &pem::Error) -> Fault {
    let why = if let pem::Error::Io(error) = error { words(error) } else { error.to_string() };
    Fault::own(format!("read {file}: {why}"))
}
