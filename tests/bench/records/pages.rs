//! The dashboard's pages over a large database, as a browser asks for them. Start at [`measure`].
//!
//! The gateway itself runs on the database's file, whose requests are spread over the last 23 hours. Each page is asked for several times; the median counts.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use crate::Result;
use crate::results::{Goal, Results};

const PASSWORD: &str = "admin-password-of-the-benchmark";
/// How often each page is asked for, after once to warm up.
const TIMES: usize = 9;
/// Pages: what they are, the address, how many ms they may take.
const PAGES: [(&str, &str, f64); 10] = [
    ("Overview", "/admin", 200.0),
    ("Requests, first page", "/admin/requests", 200.0),
    ("Requests, a filter", "/admin/requests?q=is:error%20model:gpt*", 200.0),
    ("Requests, a word in 24 h", "/admin/requests?q=quetzal", 500.0),
    ("Requests, two Chinese characters in 24 h", "/admin/requests?q=%E4%BF%AE%E5%A4%8D", 500.0),
    ("Requests, the slowest first", "/admin/requests?sort=-total", 200.0),
    ("Requests, those with a word, the dearest first", "/admin/requests?q=quetzal&sort=-cost", 500.0),
    ("Conversations", "/admin/conversations", 200.0),
    ("Usage", "/admin/usage", 200.0),
    ("Usage, TTFT by upstream", "/admin/usage?metric=ttft&by=upstream", 200.0),
];
/// A page's HTML, at most.
const PAGE_KB: f64 = 80.0;

/// Asks for the pages of the database at `path`.
///
/// # Errors
/// The gateway does not start, or a page is not what it should be.
pub fn measure(path: &Path, results: &mut Results) -> Result<()> {
    let gateway = Gateway::start(path)?;
    let mut largest = 0.0f64;
    for (what, target, limit) in PAGES {
        largest = largest.max(gateway.timed(what, target, limit, results)?);
    }
    let mut cursor = String::new();
    for _ in 0..49 {
        let page = gateway.get(&format!("/admin/requests?range=24h{cursor}"), "application/json")?;
        let page: serde_json::Value = serde_json::from_slice(&page)?;
        let next = page["next"].as_str().map_or_else(|| page["next"].to_string(), str::to_owned);
        cursor = format!("&before={next}");
    }
    let target = format!("/admin/requests?range=24h{cursor}");
    largest = largest.max(gateway.timed("Requests, page 50", &target, 200.0, results)?);
    results.goals.push(Goal::at_most("the largest of these pages", "KB", PAGE_KB, largest));
    Ok(())
}

/// A running gateway; it ends when this is dropped.
struct Gateway {
    child: Child,
    address: SocketAddr,
    /// What it says is read by nobody and has to go somewhere: it ends when it cannot tell its address.
    out: Lines<BufReader<ChildStdout>>,
}

impl Gateway {
    fn start(path: &Path) -> Result<Gateway> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_openai-api-route"));
        command.args(["-addr", "127.0.0.1:0", "-log-level", "error", "-admin-password", PASSWORD, "-database"]);
        let mut child = command.arg(path).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let out = BufReader::new(child.stdout.take().ok_or("the gateway has no output")?).lines();
        let mut gateway = Gateway { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), out };
        for line in gateway.out.by_ref() {
            if let Some((_, address)) = line?.split_once("http://127.0.0.1:") {
                let port = address.split(|sign: char| !sign.is_ascii_digit()).next().unwrap_or_default();
                gateway.address.set_port(port.parse()?);
                return Ok(gateway);
            }
        }
        Err("the gateway ended at its start".into())
    }

    /// Times a page; gives its size in KB.
    fn timed(&self, what: &'static str, target: &str, limit_ms: f64, results: &mut Results) -> Result<f64> {
        let mut page = self.get(target, "text/html")?;
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let began = Instant::now();
            page = self.get(target, "text/html")?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        results.goals.push(Goal::at_most(what, "ms", limit_ms, times[TIMES / 2]));
        Ok(page.len() as f64 / 1e3)
    }

    fn get(&self, target: &str, accept: &str) -> Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address)?;
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {PASSWORD}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(head.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end =
            answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or("an answer without an end of its head")?;
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Err(format!("{target}: {}", String::from_utf8_lossy(&answer[..answer.len().min(2_000)])).into());
        }
        Ok(answer.split_off(end + 4))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
