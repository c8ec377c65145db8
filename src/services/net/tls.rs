//! TLS as a client does it: which certificates are trusted, and its errors in words.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Stream;
use crate::error::{Error, Result};
use crate::measure::{Failure, failure};

/// What a user can say about the certificate of a server.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// A PEM file with the certificates to trust instead of this machine's.
    pub ca: Option<PathBuf>,
    /// Accept any certificate, also expired and foreign ones.
    pub insecure: bool,
    /// The name that the certificate must have, where it is not the host.
    pub server_name: Option<String>,
}

impl TlsOptions {
    /// Whether anything was said: then the connection should have TLS.
    pub fn any(&self) -> bool {
        self.ca.is_some() || self.insecure || self.server_name.is_some()
    }
}

/// What the two sides agree on to speak within TLS.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    pub name: &'static [u8],
    /// A server that does not agree is not spoken to.
    pub must_agree: bool,
}

/// How all connections of a client are secured.
pub struct Tls {
    /// Whom the certificate must name.
    name: ServerName<'static>,
    trust: Trust,
    protocol: Option<Protocol>,
    /// The scheme without TLS, for who mistook it: `http://`.
    plain: &'static str,
    /// Made when the first connection opens.
    config: OnceLock<Result<Arc<ClientConfig>, Failure>>,
}

impl Tls {
    /// TLS to `host`. Reads the file with certificates, and touches no network.
    pub fn new(
        host: &str,
        options: &TlsOptions,
        protocol: Option<Protocol>,
        plain: &'static str,
    ) -> Result<Self> {
        let trust = match &options.ca {
            Some(_) if options.insecure => {
                return Err(
                    Error::usage("`ca` and `insecure` contradict each other").hint("give one of them")
                );
            }
            Some(path) => Trust::file(path)?,
            None if options.insecure => Trust::Anyone,
            None => Trust::Machine,
        };
        let name = options.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned()).map_err(|error| {
            Error::usage(format!("no certificate can be for the name `{name}`"))
                .because(&error)
                .hint("give `server_name: \"example.org\"`")
        })?;
        Ok(Self { name, trust, protocol, plain, config: OnceLock::new() })
    }

    /// Secures a connection to `place`.
    pub async fn connect(&self, place: &str, tcp: TcpStream) -> Result<Stream, Failure> {
        let config = self.config.get_or_init(|| self.trust.config(self.protocol)).clone()?;
        let connected = TlsConnector::from(config).connect(self.name.clone(), tcp).await;
        let stream = connected.map_err(|error| failed(place, self.plain, &error))?;
        if let Some(protocol) = self.protocol.filter(|protocol| protocol.must_agree)
            && stream.get_ref().1.alpn_protocol() != Some(protocol.name)
        {
            return Err(no_agreement(place));
        }
        Ok(Stream::Tls(Box::new(stream)))
    }
}

/// Whose certificates are believed.
#[derive(Debug)]
enum Trust {
    /// Those that this machine trusts.
    Machine,
    /// Those that lead to the ones of a file.
    Roots(RootCertStore),
    /// Any, also expired and foreign ones.
    Anyone,
}

impl Trust {
    /// The certificates of a PEM file.
    fn file(path: &Path) -> Result<Self> {
        let cannot = || Error::usage(format!("no certificates can be read from `{}`", path.display()));
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| cannot().because(&error))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| cannot().because(&error))?;
            roots.add(certificate).map_err(|error| cannot().because(&error))?;
        }
        if roots.is_empty() {
            return Err(cannot().hint("`ca` takes a PEM file with at least one `BEGIN CERTIFICATE`"));
        }
        Ok(Self::Roots(roots))
    }

    /// The settings of all connections of a client. Reads the machine's certificates, so it takes milliseconds.
    fn config(&self, protocol: Option<Protocol>) -> Result<Arc<ClientConfig>, Failure> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::lost(failure::TLS, error.to_string()))?;
        let mut config = match self {
            Self::Anyone => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
                .with_no_client_auth(),
            Self::Roots(roots) => builder.with_root_certificates(roots.clone()).with_no_client_auth(),
            Self::Machine => builder.with_root_certificates(machine_roots()?).with_no_client_auth(),
        };
        config.alpn_protocols = protocol.iter().map(|protocol| protocol.name.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

fn machine_roots() -> Result<RootCertStore, Failure> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let detail = "this machine has no trusted certificates (install `ca-certificates`, or give `ca`)";
        return Err(Failure::lost(failure::TLS, detail));
    }
    Ok(roots)
}

/// The server would speak only another version of HTTP.
fn no_agreement(place: &str) -> Failure {
    let detail = "the server does not agree to this version of HTTP (see `version` of `http::client`)";
    Failure::lost(failure::PROTOCOL, format!("TLS handshake with {place}: {detail}"))
}

/// The failure of a handshake, with what can be done about it.
fn failed(place: &str, plain: &str, error: &io::Error) -> Failure {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if matches!(cause, Some(rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol))) {
        return no_agreement(place);
    }
    let is_plain = format!(" (is the server plain `{plain}`?)");
    let way_out = match cause {
        Some(rustls::Error::InvalidCertificate(_)) => {
            " (give its authority with `ca: \"file.pem\"`, or `insecure: true` to accept any certificate)"
        }
        Some(rustls::Error::InvalidMessage(_)) => &is_plain,
        Some(_) => "",
        None => return Failure::from_io(&format!("TLS handshake with {place}"), error),
    };
    Failure::lost(failure::TLS, format!("TLS handshake with {place}: {error}{way_out}"))
}

/// Accepts any certificate; that the server holds its key is still proved.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
