//! A proxy on 127.0.0.1 that speaks CONNECT or SOCKS 5 and remembers what it was asked for.
//!
//! Every name it is asked for is this machine. One thread per direction of a connection.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use openssl::base64::encode_block;

use crate::support::http::Incoming;

/// User name and password.
type Login = Option<(&'static str, &'static str)>;

/// See the module.
pub struct FakeProxy {
    address: SocketAddr,
    scheme: &'static str,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakeProxy {
    /// One that speaks CONNECT, perhaps only to who logs in.
    pub fn http(login: Login) -> FakeProxy {
        FakeProxy::start("http", move |tcp, asked| http(tcp, asked, login))
    }

    /// One that speaks SOCKS 5, perhaps only to who logs in.
    pub fn socks5(login: Login) -> FakeProxy {
        FakeProxy::start("socks5", move |tcp, asked| socks5(tcp, asked, login))
    }

    fn start(
        scheme: &'static str,
        serve: impl Fn(TcpStream, &Mutex<Vec<String>>) -> io::Result<()> + Send + Sync + 'static,
    ) -> FakeProxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::default());
        let (serve, memory) = (Arc::new(serve), Arc::clone(&asked));
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let (serve, memory) = (Arc::clone(&serve), Arc::clone(&memory));
                thread::spawn(move || serve(tcp, &memory));
            }
        });
        FakeProxy { address, scheme, asked }
    }

    /// Its address with what stands before the `@`, or nothing.
    pub fn url(&self, login: &str) -> String {
        format!("{}://{login}{}", self.scheme, self.address)
    }

    /// What it was asked to connect to, `host:port`, a line per connection.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The connection asked for, whatever the name.
fn target(port: u16) -> io::Result<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port))
}

fn http(tcp: TcpStream, asked: &Mutex<Vec<String>>, login: Login) -> io::Result<()> {
    let mut incoming = Incoming::new(tcp);
    let Some(head) = incoming.head()? else { return Ok(()) };
    let mut tcp = incoming.stream;
    let given = head.get("Proxy-Authorization").unwrap_or_default();
    let wanted = login.map(|(user, password)| encode_block(format!("{user}:{password}").as_bytes()));
    if wanted.is_some_and(|wanted| given != format!("Basic {wanted}")) {
        return tcp.write_all(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n");
    }
    assert_eq!((head.word(0), head.get("Host")), ("CONNECT", Some(head.word(1))), "{head:?}");
    asked.lock().unwrap().push(head.word(1).to_owned());
    let port = head.word(1).rsplit_once(':').unwrap().1.parse().unwrap();
    match target(port) {
        Ok(to) => {
            tcp.write_all(b"HTTP/1.1 200 Connection established\r\nVia: fake\r\n\r\n")?;
            carry(tcp, to)
        }
        Err(_) => tcp.write_all(b"HTTP/1.1 502 Nobody there\r\nContent-Length: 4\r\n\r\nsad\n"),
    }
}

fn socks5(mut tcp: TcpStream, asked: &Mutex<Vec<String>>, login: Login) -> io::Result<()> {
    let [version, count] = bytes(&mut tcp)?;
    if version != 5 {
        // What was sent is read, or the end would be a reset.
        tcp.shutdown(Shutdown::Write)?;
        return io::copy(&mut tcp, &mut io::sink()).map(drop);
    }
    let mut methods = vec![0; usize::from(count)];
    tcp.read_exact(&mut methods)?;
    let method = if login.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        return tcp.write_all(&[5, 255]);
    }
    tcp.write_all(&[5, method])?;
    if let Some((user, password)) = login {
        let [version] = bytes(&mut tcp)?;
        let (given_user, given_password) = (counted(&mut tcp)?, counted(&mut tcp)?);
        let good = version == 1 && given_user == user.as_bytes() && given_password == password.as_bytes();
        tcp.write_all(&[1, u8::from(!good)])?;
        if !good {
            return Ok(());
        }
    }
    let [5, 1, 0, kind] = bytes(&mut tcp)? else { panic!("a request to connect") };
    let host = match kind {
        1 => Ipv4Addr::from(bytes::<4>(&mut tcp)?).to_string(),
        3 => String::from_utf8(counted(&mut tcp)?).unwrap(),
        other => panic!("address of kind {other}"),
    };
    let port = u16::from_be_bytes(bytes(&mut tcp)?);
    asked.lock().unwrap().push(format!("{host}:{port}"));
    match target(port) {
        Ok(to) => {
            tcp.write_all(&[5, 0, 0, 3, 4, b'f', b'a', b'k', b'e', 0, 1])?;
            carry(tcp, to)
        }
        Err(_) => tcp.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]),
    }
}

fn bytes<const LENGTH: usize>(tcp: &mut TcpStream) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    tcp.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn counted(tcp: &mut TcpStream) -> io::Result<Vec<u8>> {
    let [length] = bytes(tcp)?;
    let mut text = vec![0; usize::from(length)];
    tcp.read_exact(&mut text)?;
    Ok(text)
}

/// Both ways until both have ended.
fn carry(from: TcpStream, to: TcpStream) -> io::Result<()> {
    let (mut from_back, mut to_back) = (from.try_clone()?, to.try_clone()?);
    let back = thread::spawn(move || {
        let _ = io::copy(&mut to_back, &mut from_back);
        let _ = from_back.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (from, to);
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = back.join();
    Ok(())
}
