//! The ways a request can go: straight to the mock, through nginx, through the gateway with recording off,
//! with everything recorded, and with replies held back until it is. Start at [`Server::start`]. Nothing here sends a request.

use std::cell::Cell;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Result;
use crate::gateway;
use crate::measure::Cpu;
use crate::nginx;
use crate::process::{Process, free_address};

/// Which way a request goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// To the mock upstream itself.
    Direct,
    /// Through nginx.
    Nginx,
    /// Through the gateway, `recording` = `off`.
    GatewayOff,
    /// Through the gateway, `recording` = `full`.
    GatewayFull,
    /// The same with `record_durability` = `strict`.
    GatewayStrict,
}

impl Way {
    /// Its name in the tables.
    pub fn label(self) -> &'static str {
        match self {
            Way::Direct => "mock alone",
            Way::Nginx => "nginx",
            Way::GatewayOff => "gateway, recording off",
            Way::GatewayFull => "gateway, recording full",
            Way::GatewayStrict => "gateway, recording strict",
        }
    }

    /// The settings that make it, when it is a gateway.
    fn settings(self) -> Option<[(&'static str, &'static str); 2]> {
        let (recording, durability) = match self {
            Way::Direct | Way::Nginx => return None,
            Way::GatewayOff => ("off", "normal"),
            Way::GatewayFull => ("full", "normal"),
            Way::GatewayStrict => ("full", "strict"),
        };
        Some([("recording", recording), ("record_durability", durability)])
    }
}

/// What all servers of a run share.
pub struct Site {
    /// Path of nginx.
    pub nginx: PathBuf,
    /// Path of SQLite's shell.
    pub sqlite: PathBuf,
    /// Length of the kernel's clock tick.
    pub tick_ns: u64,
    /// Where the mock listens.
    pub upstream: SocketAddr,
    /// A second nginx stands in for the gateway: shows how exact the measurement is.
    pub is_self_check: bool,
}

/// The mock's process; it ends when its standard input is closed, so with the benchmark at the latest.
pub struct Mock(Child);

impl Mock {
    /// Starts this program as the mock upstream and returns where it listens.
    ///
    /// # Errors
    /// It does not start.
    pub fn start() -> Result<(Self, SocketAddr)> {
        let child =
            Command::new(std::env::current_exe()?).arg("mock").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut mock = Self(child);
        let output = mock.0.stdout.take().ok_or("the mock has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        Ok((mock, line.trim().parse()?))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A running server that requests can be sent to.
pub struct Server {
    /// Which way requests take through it.
    pub way: Way,
    /// Where it listens.
    pub addr: SocketAddr,
    /// Requests sent to it so far.
    pub sent: Cell<u64>,
    /// Requests and rows that have been compared already.
    pub counted: Cell<(u64, u64)>,
    process: Option<Process>,
    pids: Vec<u32>,
    database: Option<PathBuf>,
}

impl Server {
    /// The mock as a way of its own.
    pub fn direct(mock: &Mock, addr: SocketAddr) -> Self {
        Self {
            way: Way::Direct,
            addr,
            sent: Cell::new(0),
            counted: Cell::new((0, 0)),
            process: None,
            pids: vec![mock.pid()],
            database: None,
        }
    }

    /// Starts nginx or a gateway with a new database in the empty folder `dir`.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(way: Way, site: &Site, dir: &Path) -> Result<Self> {
        let addr = free_address()?;
        let database = dir.join("db.sqlite");
        let settings = way.settings().filter(|_| !site.is_self_check);
        let is_gateway = settings.is_some();
        let mut command = if let Some(settings) = settings {
            gateway::prepare(site, &database, &settings)?;
            let mut command = gateway::command(&database);
            command.args(["-addr", &addr.to_string()]);
            command
        } else {
            let config = dir.join("nginx.conf");
            fs::write(&config, nginx::config(addr, site.upstream, dir)?)?;
            let mut command = Command::new(&site.nginx);
            command.arg("-p").arg(dir).arg("-c").arg(&config);
            command.arg("-e").arg(dir.join("error.log"));
            command
        };
        let mut process = Process::start(&mut command, &dir.join("output.log"))?;
        process.wait_for(addr).map_err(|error| format!("{}: {error}", way.label()))?;
        // nginx's workers begin before its master accepts nothing; the listing is complete shortly after.
        sleep(Duration::from_millis(300));
        let pid = process.pid();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let mut pids = vec![pid];
        for child in children.split_whitespace() {
            pids.push(child.parse()?);
        }
        Ok(Self {
            way,
            addr,
            sent: Cell::new(0),
            counted: Cell::new((0, 0)),
            process: Some(process),
            pids,
            database: is_gateway.then_some(database),
        })
    }

    /// Its processes.
    pub fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// CPU time it has used so far.
    ///
    /// # Errors
    /// It is gone.
    pub fn cpu(&self, site: &Site) -> Result<Cpu> {
        Cpu::of(&self.pids, site.tick_ns)
            .map_err(|error| format!("{}: {error}\n{}", self.way.label(), self.last_words()).into())
    }

    /// Waits until it has nothing to do (a recorder may work on after the last reply), 60 s at most.
    ///
    /// # Errors
    /// It is gone.
    pub fn settle(&self, site: &Site) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut earlier = self.cpu(site)?;
        while Instant::now() < deadline {
            sleep(Duration::from_millis(100));
            let now = self.cpu(site)?;
            if now.ns_since(&earlier, site.tick_ns) < 2_000_000 {
                break;
            }
            earlier = now;
        }
        Ok(())
    }

    /// True when every request should leave a row.
    pub fn is_recording(&self) -> bool {
        matches!(self.way, Way::GatewayFull | Way::GatewayStrict) && self.database.is_some()
    }

    /// Records in its database.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn rows(&self, site: &Site) -> Result<u64> {
        let database = self.database.as_ref().ok_or("no database")?;
        gateway::rows(site, database)
    }

    /// Its process, to be ended; the mock's is not given away.
    ///
    /// # Errors
    /// It is the mock.
    pub fn process(&mut self) -> Result<&mut Process> {
        self.process.as_mut().ok_or_else(|| "the mock is not to be ended".into())
    }

    /// The last lines it has logged.
    pub fn last_words(&self) -> String {
        self.process.as_ref().map(Process::last_words).unwrap_or_default()
    }
}
