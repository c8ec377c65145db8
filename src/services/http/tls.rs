//! TLS as a client does it: which certificates are trusted, and its errors in words.

use std::{io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};

use crate::error::{Error, Result};
use crate::measure::{Failure, failure};

/// Whose certificates are believed.
#[derive(Debug)]
pub enum Trust {
    /// Those that this machine trusts.
    Machine,
    /// Those that lead to the ones of a file.
    Roots(RootCertStore),
    /// Any, also expired and foreign ones.
    Anyone,
}

impl Trust {
    /// The certificates of a PEM file.
    pub fn file(path: &Path) -> Result<Self> {
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

    /// The settings of all connections of a client, which speak `protocol`. Reads the machine's certificates, so it takes milliseconds.
    pub fn config(&self, protocol: &[u8]) -> Result<Arc<ClientConfig>, Failure> {
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
        config.alpn_protocols = vec![protocol.to_vec()];
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
pub fn no_agreement(place: &str) -> Failure {
    let detail = "the server does not agree to this version of HTTP (see `version` of `http::client`)";
    Failure::lost(failure::PROTOCOL, format!("TLS handshake with {place}: {detail}"))
}

/// The failure of a handshake, with what can be done about it.
pub fn failed(place: &str, error: &io::Error) -> Failure {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if matches!(cause, Some(rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol))) {
        return no_agreement(place);
    }
    let way_out = match cause {
        Some(rustls::Error::InvalidCertificate(_)) => {
            " (give its authority with `ca: \"file.pem\"`, or `insecure: true` to accept any certificate)"
        }
        Some(rustls::Error::InvalidMessage(_)) => " (is the server plain `http://`?)",
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
