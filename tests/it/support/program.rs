//! The binary as a child process whose output is kept.
//!
//! Its environment holds nothing but what a test puts there; it never outlives the value.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::until;

/// A running or ended program.
pub struct Program {
    child: Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// What a program that ended has said.
pub struct Said {
    /// How it ended.
    pub code: Option<i32>,
    /// Everything on standard output.
    pub out: String,
    /// Everything on standard error.
    pub err: String,
}

impl Program {
    /// Starts the gateway's binary.
    pub fn start(folder: &Path, args: &[String], env: &[(String, String)]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_openai-api-route"));
        command.args(args).current_dir(folder).env_clear().envs(env.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (out, err) = (Arc::default(), Arc::default());
        let readers = vec![
            keep(child.stdout.take().unwrap(), Arc::clone(&out)),
            keep(child.stderr.take().unwrap(), Arc::clone(&err)),
        ];
        Program { child, out, err, readers }
    }

    /// Starts it and waits for its end.
    pub fn run(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Said {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let env: Vec<(String, String)> = env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Program::start(folder, &args, &env).ended()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far.
    pub fn out(&self) -> String {
        self.out.lock().unwrap().clone()
    }

    /// What it has written to standard error so far.
    pub fn err(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    /// Sends it a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success(), "kill -{name} finds the program");
    }

    /// How it ended, when it has.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Said {
        let status = until("the program ends", || self.status());
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        Said { code: status.code(), out: self.out(), err: self.err() }
    }

    /// Ends it at once, as a crash would.
    pub fn kill(mut self) {
        self.end();
    }

    /// How long it takes until it has ended.
    pub fn time_to_end(&mut self) -> Duration {
        let started = Instant::now();
        until("the program ends", || self.status());
        started.elapsed()
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

fn keep(from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}
