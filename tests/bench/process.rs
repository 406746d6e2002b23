//! Child processes that never outlive the benchmark, the tools it needs, and its folder.
//! Start at [`Process::start`]. Everything started here is ended by its own process id, on drop at the latest.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Result;

/// Open files the benchmark and its children may have: 2,000 streams need two sockets each.
const OPEN_FILES: u32 = 65_536;
/// Set in the environment once the limit has been raised.
const RAISED: &str = "GATEWAY_BENCH_LIMIT_RAISED";

/// A running child.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output in the file `log`. The kernel ends it when the benchmark dies.
    ///
    /// # Errors
    /// The program cannot be run.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let output = File::create(log)?;
        let mut bound = Command::new("setpriv");
        bound.args(["--pdeathsig", "TERM", "--"]);
        bound.arg(command.get_program()).args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            bound.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                bound.env(name, value);
            }
        }
        let child = bound.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn()?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The last lines of its output.
    pub fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Waits until somebody accepts connections at `addr`.
    ///
    /// # Errors
    /// The process ended, or 20 s went by.
    pub fn wait_for(&mut self, addr: SocketAddr) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect_timeout(&addr, Duration::from_secs(1)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("it ended at its start ({status}):\n{}", self.last_words()).into());
            }
            if Instant::now() > deadline {
                return Err(format!("nobody listens at {addr}:\n{}", self.last_words()).into());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Sends SIGTERM and returns at once.
    ///
    /// # Errors
    /// No shell.
    pub fn send_term(&self) -> Result<()> {
        Command::new("sh").args(["-c", &format!("kill -TERM {}", self.pid())]).stderr(Stdio::null()).status()?;
        Ok(())
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    /// It is gone already.
    pub fn crash(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for the end; `None` when it has not come within `limit`.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub fn wait_end(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() > deadline {
                return Ok(None);
            }
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let is_running = matches!(self.child.try_wait(), Ok(None));
        if is_running && self.send_term().is_ok() && !matches!(self.wait_end(Duration::from_secs(10)), Ok(Some(_))) {
            // Nothing is left to be done when even this fails.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// The folder of one run, on the disk that holds the build, removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty folder.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn make() -> Result<Self> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("gateway-bench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Makes an empty folder within.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn within(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        fs::create_dir(&path)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Starts this program again with more open files allowed, unless that has been done.
///
/// # Errors
/// No shell.
pub fn raise_open_files() -> Result<()> {
    if std::env::var_os(RAISED).is_some() {
        return Ok(());
    }
    let script = format!("ulimit -n {OPEN_FILES} 2>/dev/null || ulimit -n $(ulimit -Hn); exec \"$@\"");
    let failure = Command::new("sh")
        .args(["-c", &script, "sh"])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(RAISED, "1")
        .exec();
    Err(failure.into())
}

/// Finds a program, installing Debian's `package` when it is missing and we may.
///
/// # Errors
/// The program is missing and cannot be installed.
pub fn tool(program: &str, package: &str) -> Result<PathBuf> {
    if let Some(path) = find(program) {
        return Ok(path);
    }
    eprintln!("{program} is missing: installing Debian's package {package}");
    // The run level keeps the package from starting a service of its own.
    let install = format!(
        "[ \"$(id -u)\" = 0 ] && apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
         apt-get install -y -qq --no-install-recommends {package} >&2"
    );
    let installed = Command::new("sh").args(["-c", &install]).status()?;
    find(program)
        .filter(|_| installed.success())
        .ok_or_else(|| format!("the benchmark needs {program}: as root, apt-get install {package}").into())
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/sbin", "/usr/bin"])
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.is_file())
}

/// An address nobody listens at.
///
/// # Errors
/// No port is free.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The first line of what a program says about its version.
///
/// # Errors
/// It cannot be run.
pub fn version(program: &Path, flag: &str) -> Result<String> {
    let output = Command::new(program).arg(flag).output()?;
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text)
        .lines()
        .next()
        .unwrap_or("unknown")
        .trim_start_matches("nginx version: ")
        .to_owned())
}
