//! Whom we believe to be who they say: the TLS settings of every outgoing connection.
//!
//! The system's certificates are used when there are any (`SSL_CERT_FILE` and `SSL_CERT_DIR` included), else Mozilla's list
//! that is built in, so that a bare container works too.
//!
//! **May import:** `error`.

use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslMethod};
use openssl::x509::X509;

use crate::error::StartError;

/// TLS for outgoing connections: peer and host name verified, HTTP/1.1 only. Cheap to clone, costly to make.
///
/// # Errors
/// When OpenSSL refuses its own settings or the certificates it is told to load.
pub fn tls_connector() -> Result<SslConnector, StartError> {
    build()
        .map_err(|error| StartError::new(format!("cannot set up TLS ({error}); check SSL_CERT_FILE and SSL_CERT_DIR")))
}

fn build() -> Result<SslConnector, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_alpn_protos(b"\x08http/1.1")?;
    let found = openssl_probe::probe();
    let mut any = false;
    if let Some(file) = &found.cert_file {
        builder.load_verify_locations(Some(file), None)?;
        any = true;
    }
    for dir in &found.cert_dir {
        builder.load_verify_locations(None, Some(dir))?;
        any = true;
    }
    if !any {
        for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            builder.cert_store_mut().add_cert(X509::from_der(der)?)?;
        }
    }
    Ok(builder.build())
}
