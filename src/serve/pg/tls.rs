//! TLS: the server's certificate and key, and the authority of clients' certificates where they have to show one.

use std::sync::Arc;

use datafusion_postgres::pgwire::api::auth::sasl::scram::ScramServerAuth;
use datafusion_postgres::pgwire::tokio::TlsAcceptor;
use datafusion_postgres::pgwire::tokio::tokio_rustls::rustls::crypto::ring::default_provider;
use datafusion_postgres::pgwire::tokio::tokio_rustls::rustls::pki_types::pem::PemObject;
use datafusion_postgres::pgwire::tokio::tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use datafusion_postgres::pgwire::tokio::tokio_rustls::rustls::server::WebPkiClientVerifier;
use datafusion_postgres::pgwire::tokio::tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// How clients that begin with TLS at once say that they speak PostgreSQL's protocol.
pub(super) const PROTOCOL: &[u8] = b"postgresql";

/// What is wrong with a certificate or a key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate in PEM.
    #[error("there is no certificate in it, in PEM: {0}")]
    NoCertificate(String),
    /// No key in PEM.
    #[error("there is no private key in it, in PEM: {0}")]
    NoKey(String),
    /// A key that does not go with the certificate, or one that can't be used.
    #[error("the certificate and the key can't be used together: {0}")]
    Unfit(String),
    /// An authority that can't be used.
    #[error("no client's certificate can be checked by it: {0}")]
    Authority(String),
}

/// What speaks TLS.
pub struct Tls {
    pub(super) acceptor: TlsAcceptor,
    /// The certificate in PEM, to which clients bind their proof of the password.
    certificate: Vec<u8>,
}

impl Tls {
    /// By certificates and a key in PEM. With an authority in PEM, clients have to show a certificate of it.
    ///
    /// # Errors
    /// What is no PEM, or can't be used.
    pub fn new(certificates: &[u8], key: &[u8], authority: Option<&[u8]>) -> Result<Tls, TlsError> {
        let chain = certificates_of(certificates).map_err(TlsError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::NoKey(error.to_string()))?;
        let provider = Arc::new(default_provider());
        let unfit = |error: &dyn std::fmt::Display| TlsError::Unfit(error.to_string());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| unfit(&error))?;
        let builder = match authority {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let wrong = |error: &dyn std::fmt::Display| TlsError::Authority(error.to_string());
                let mut roots = RootCertStore::empty();
                for root in certificates_of(pem).map_err(|error| wrong(&error))? {
                    roots.add(root).map_err(|error| wrong(&error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(|error| wrong(&error))?)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| unfit(&error))?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Tls { acceptor, certificate: certificates.to_vec() })
    }

    /// What checks proofs of passwords, bound to the certificate; `None` where it is signed in a way for which the
    /// protocol has no binding.
    pub(super) fn bound(&self) -> Option<ScramServerAuth> {
        let mut scram = ScramServerAuth::new();
        scram.configure_certificate(&self.certificate).ok().map(|()| scram)
    }
}

fn certificates_of(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("it is empty".to_owned()),
        outcome => outcome.map_err(|error| error.to_string()),
    }
}
