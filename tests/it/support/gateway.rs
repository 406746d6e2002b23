//! A gateway under test: its process, its database, its admin API.
//!
//! **Invariant, asserted whenever one goes:** it never panicked and wrote no secret to its log.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::client::{Answer, Call};
use crate::support::database::{Database, Folder, Kind, setting};
use crate::support::program::{Program, Said};
use crate::support::record::Record;
use crate::support::row::Row;
use crate::support::{KEY, LIVE, PASSWORD, PATIENCE, within};

/// What a gateway is started with.
pub struct Plan {
    kind: Kind,
    args: Vec<String>,
    env: Vec<(String, String)>,
    sql: String,
    secrets: Vec<String>,
    position: usize,
}

/// A running gateway.
pub struct Gateway {
    program: Option<Program>,
    address: SocketAddr,
    /// Its database.
    pub database: Database,
    folder: Folder,
    args: Vec<String>,
    env: Vec<(String, String)>,
    secrets: Vec<String>,
}

impl Gateway {
    /// A plan for one on this database; upstreams are tried in the order they are given.
    pub fn on(kind: Kind) -> Plan {
        let secrets = vec![KEY.to_owned(), PASSWORD.to_owned()];
        let plan = Plan { kind, args: Vec::new(), env: Vec::new(), sql: String::new(), secrets, position: 0 };
        plan.setting("policy", "order")
    }

    /// The plan of most tests: this database and these upstreams.
    pub fn with(kind: Kind, rows: impl IntoIterator<Item = Row>) -> Gateway {
        rows.into_iter().fold(Gateway::on(kind), Plan::upstream).start()
    }
}

impl Plan {
    /// Adds an upstream, behind those already there.
    pub fn upstream(mut self, row: Row) -> Plan {
        self.position += 1;
        if !["", "asis"].contains(&row.get("sk")) {
            self.secrets.push(row.get("sk").to_owned());
        }
        let row = if row.get("position").is_empty() { row.set("position", self.position) } else { row };
        self.sql.push_str(&row.insert());
        self
    }

    /// Writes a setting before the start.
    pub fn setting(mut self, key: &str, value: &str) -> Plan {
        self.sql.push_str(&setting(key, value));
        self
    }

    /// Adds command line arguments.
    pub fn args(mut self, args: &[&str]) -> Plan {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Plan {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Names one more text that must never be in the log.
    pub fn secret(mut self, secret: &str) -> Plan {
        self.secrets.push(secret.to_owned());
        self
    }

    /// Starts it and waits until it listens.
    pub fn start(self) -> Gateway {
        let folder = Folder::new();
        let database = Database::started(self.kind, &folder);
        database.sql(&self.sql);
        let mut args = vec!["-addr".into(), "127.0.0.1:0".into(), "-database".into(), database.location.clone()];
        args.extend(self.args);
        let (program, address) = launch(&folder.0, &args, &self.env);
        Gateway { program: Some(program), address, database, folder, args, env: self.env, secrets: self.secrets }
    }
}

fn launch(folder: &Path, args: &[String], env: &[(String, String)]) -> (Program, SocketAddr) {
    let mut program = Program::start(folder, args, env);
    let started = Instant::now();
    loop {
        if let Some(address) = listening(&program.out()) {
            return (program, address);
        }
        let over = program.status();
        assert!(
            over.is_none() && started.elapsed() < PATIENCE,
            "the gateway does not start ({over:?}):\n{}{}",
            program.out(),
            program.err()
        );
        thread::sleep(Duration::from_millis(2));
    }
}

/// The address in the line that says so, once that line is whole.
pub fn listening(out: &str) -> Option<SocketAddr> {
    let (_, rest) = out.split_once("listening on http://")?;
    let (line, _) = rest.split_once('\n')?;
    line.split_whitespace().next()?.trim_end_matches('/').parse().ok()
}

impl Gateway {
    /// Where it runs.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything it logged so far.
    pub fn log(&self) -> String {
        self.program().err()
    }

    fn program(&self) -> &Program {
        self.program.as_ref().expect("the gateway runs")
    }

    /// The most memory its process ever held, in KiB.
    pub fn peak_memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program().id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells the peak");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sends its process a signal.
    pub fn signal(&self, name: &str) {
        self.program().signal(name);
    }

    /// Waits for the end of its process.
    pub fn ended(&mut self) -> Said {
        self.program.take().expect("the gateway runs").ended()
    }

    /// How long it takes until its process has ended.
    pub fn time_to_end(&mut self) -> Duration {
        self.program.as_mut().expect("the gateway runs").time_to_end()
    }

    /// Ends it as a crash would.
    pub fn crash(&mut self) {
        self.program.take().expect("the gateway runs").kill();
    }

    /// Starts it again on the same database after [`Gateway::ended`] or [`Gateway::crash`].
    pub fn start_again(&mut self) {
        assert!(self.program.is_none(), "it has ended before it starts again");
        let (program, address) = launch(&self.folder.0, &self.args, &self.env);
        (self.program, self.address) = (Some(program), address);
    }

    /// One more on the same database, as a replica; it goes first.
    pub fn another(&self) -> Gateway {
        let folder = Folder::new();
        let (program, address) = launch(&folder.0, &self.args, &self.env);
        let (database, secrets) = (self.database.clone(), self.secrets.clone());
        Gateway {
            program: Some(program),
            address,
            database,
            folder,
            args: self.args.clone(),
            env: self.env.clone(),
            secrets,
        }
    }

    /// Changes its database as another program would, and waits for as long as that may take to act.
    pub fn edit(&self, sql: &str) {
        self.database.sql(sql);
        // The promise itself is measured in `live.rs`; here a machine with too few cores gets some grace.
        thread::sleep(LIVE * 3);
    }

    /// Changes a setting as another program would, and waits for as long as that may take to act.
    pub fn set(&self, key: &str, value: &str) {
        self.edit(&setting(key, value));
    }

    /// Sends a call and reads the whole answer.
    pub fn send(&self, call: Call) -> Answer {
        call.send(self.address)
    }

    /// Calls the admin API as its owner, with a JSON body when there is one.
    pub fn admin(&self, method: &str, target: &str, body: &str) -> Answer {
        let call =
            Call::new(method, target).without("Authorization").header("Authorization", &format!("Bearer {PASSWORD}"));
        self.send(if body.is_empty() { call } else { call.json(body) })
    }

    /// All records of the first page, newest first.
    pub fn records(&self) -> Vec<Record> {
        let answer = self.admin("GET", "/admin/request_records?limit=1000", "");
        assert_eq!(answer.status, 200, "the records are shown: {}", answer.text());
        let all = answer.json();
        all.as_array().expect("an array of records").iter().cloned().map(Record).collect()
    }

    /// Waits until there are this many records; more than that is a failure.
    pub fn records_when(&self, count: usize) -> Vec<Record> {
        let records = within(PATIENCE, &format!("{count} records"), || {
            let records = self.records();
            (records.len() >= count).then_some(records)
        });
        assert_eq!(records.len(), count, "exactly one record per request");
        records
    }

    /// Waits for the record of the only request.
    pub fn record(&self) -> Record {
        self.records_when(1).remove(0)
    }

    /// The id of the upstream of this name.
    pub fn upstream_id(&self, name: &str) -> String {
        self.database.sql(&format!("SELECT id FROM openai_upstreams WHERE name = '{name}'"))
    }

    /// One column of the upstream of this name.
    pub fn upstream_column(&self, name: &str, column: &str) -> String {
        self.database.sql(&format!("SELECT {column} FROM openai_upstreams WHERE name = '{name}'"))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let Some(program) = self.program.take() else {
            return;
        };
        let (out, log) = (program.out(), program.err());
        program.kill();
        if thread::panicking() {
            eprintln!("--- the gateway's output:\n{out}--- its log:\n{log}---");
            return;
        }
        assert!(!log.contains("panicked at"), "the gateway panicked:\n{log}");
        for secret in &self.secrets {
            assert!(!log.contains(secret) && !out.contains(secret), "the secret {secret} is in the log:\n{out}{log}");
        }
    }
}
