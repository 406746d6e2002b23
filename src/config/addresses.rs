//! Where to listen. **Invariant:** nothing is bound here. **May import:** `error`.

use std::net::{SocketAddr, ToSocketAddrs};

use crate::error::StartError;

/// `:8888` is every interface: IPv6 with IPv4 in it, or IPv4 alone where there is no IPv6.
pub(super) fn listen_addresses(addr: &str) -> Result<Vec<SocketAddr>, StartError> {
    let bad = || {
        StartError::new(format!("cannot listen on {addr}: write -addr HOST:PORT, for example :8888 or 127.0.0.1:8080"))
    };
    let Some(port) = addr.strip_prefix(':') else {
        let found: Vec<SocketAddr> = addr.to_socket_addrs().map_err(|_| bad())?.collect();
        return if found.is_empty() { Err(bad()) } else { Ok(found) };
    };
    let port: u16 = port.parse().map_err(|_| bad())?;
    Ok(vec![
        SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port)),
        SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, port)),
    ])
}
