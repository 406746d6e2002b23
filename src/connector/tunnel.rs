//! What is said to a proxy until the connection behind it is ours: CONNECT (RFC 9110 §9.3.6) and SOCKS 5 (RFC 1928, RFC 1929).
//!
//! Both leave the target's name to the proxy, for targets in clear and in TLS alike.
//! **Invariant:** nothing a proxy says reaches a log but numbers. **May import:** the room.

use std::io;
use std::net::IpAddr;

use memchr::memmem;
use openssl::base64::encode_block;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::connector::dial::{ConnectFailure, ConnectKind};
use crate::connector::proxy::{Protocol, Proxy};

/// The longest answer to a CONNECT that is read.
const MOST_BYTES: usize = 16 << 10;

/// Makes a connection to a proxy one to `host`:`port` behind it.
pub(super) async fn open(tcp: &mut TcpStream, proxy: &Proxy, host: &str, port: u16) -> Result<(), ConnectFailure> {
    let opened = match proxy.protocol {
        Protocol::Http => connect(tcp, proxy, host, port).await,
        Protocol::Socks5 => socks5(tcp, proxy, host, port).await,
    };
    opened.map_err(|error| ConnectFailure::new(ConnectKind::Unreachable, format!("the proxy {proxy} {error}")))
}

/// What a proxy did instead of what it should.
fn did(what: impl Into<String>) -> io::Error {
    io::Error::other(what.into())
}

async fn connect(tcp: &mut TcpStream, proxy: &Proxy, host: &str, port: u16) -> io::Result<()> {
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some((user, password)) = &proxy.login {
        let login = encode_block(format!("{user}:{password}").as_bytes());
        request += &format!("Proxy-Authorization: Basic {login}\r\n");
    }
    request += "\r\n";
    tcp.write_all(request.as_bytes()).await.map_err(broke)?;
    let mut answer = Vec::new();
    let end = loop {
        if let Some(end) = memmem::find(&answer, b"\r\n\r\n") {
            break end + 4;
        }
        if answer.len() > MOST_BYTES || tcp.read_buf(&mut answer).await.map_err(broke)? == 0 {
            return Err(did("closed without an answer to CONNECT"));
        }
    };
    let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    let status = status.and_then(|status| std::str::from_utf8(status).ok()?.parse::<u16>().ok());
    match status {
        // A target speaks when it is spoken to: what comes before is not its.
        Some(200..=299) if end < answer.len() => Err(did("sent more than an answer to CONNECT")),
        Some(200..=299) => Ok(()),
        Some(407) => Err(did("wants another user name or password (407)")),
        Some(status) => Err(did(format!("answered CONNECT with {status}"))),
        None => Err(did("does not speak HTTP")),
    }
}

async fn socks5(tcp: &mut TcpStream, proxy: &Proxy, host: &str, port: u16) -> io::Result<()> {
    const NO_LOGIN: u8 = 0;
    const LOGIN: u8 = 2;
    let methods: &[u8] = if proxy.login.is_some() { &[5, 2, NO_LOGIN, LOGIN] } else { &[5, 1, NO_LOGIN] };
    tcp.write_all(methods).await.map_err(broke)?;
    match (read::<2>(tcp).await?, &proxy.login) {
        ([5, NO_LOGIN], _) => {}
        ([5, LOGIN], Some((user, password))) => {
            let mut login = vec![1, user.len() as u8];
            login.extend_from_slice(user.as_bytes());
            login.push(password.len() as u8);
            login.extend_from_slice(password.as_bytes());
            tcp.write_all(&login).await.map_err(broke)?;
            if read::<2>(tcp).await?[1] != 0 {
                return Err(did("refuses the user name or password"));
            }
        }
        ([5, _], _) => return Err(did("wants to be logged in to in another way")),
        _ => return Err(did("does not speak SOCKS 5")),
    }
    let mut request = vec![5, 1, 0];
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.octets());
        }
        Err(_) => {
            let length = u8::try_from(host.len()).map_err(|_| did("cannot be given a name as long as the target's"))?;
            request.extend_from_slice(&[3, length]);
            request.extend_from_slice(host.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    tcp.write_all(&request).await.map_err(broke)?;
    let [version, reply, _, kind] = read::<4>(tcp).await?;
    if version != 5 {
        return Err(did("does not speak SOCKS 5"));
    }
    if reply != 0 {
        let why = match reply {
            2 => "does not allow this target",
            3 => "cannot reach the target's network",
            4 => "cannot reach the target's host",
            5 => "found that the target refuses connections",
            6 => "gave up on the target in time",
            _ => "failed",
        };
        return Err(did(format!("{why} (SOCKS reply {reply})")));
    }
    // The address it connects from, which nobody needs.
    let length = match kind {
        1 => 4,
        3 => usize::from(read::<1>(tcp).await?[0]),
        4 => 16,
        _ => return Err(did("does not speak SOCKS 5")),
    };
    let mut bound = vec![0; length + 2];
    tcp.read_exact(&mut bound).await.map_err(broke)?;
    Ok(())
}

async fn read<const LENGTH: usize>(tcp: &mut TcpStream) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    tcp.read_exact(&mut bytes).await.map_err(broke)?;
    Ok(bytes)
}

fn broke(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => did("closed before it had answered"),
        _ => did(format!("broke off: {error}")),
    }
}
