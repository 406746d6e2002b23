//! A throw-away Postgres cluster, one per test run, started when the first test asks and gone when the run is; further ones
//! for tests that stop it.
//!
//! A small shell owns it: its standard input is a pipe that this process holds, so that the cluster is stopped and its
//! folder removed however this process ends. Nothing here skips: without Postgres the tests fail and say what to install.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;

/// A cluster and the shell that owns it.
pub struct Cluster {
    /// Its port.
    pub port: u16,
    owner: Child,
    lines: Mutex<Lines<BufReader<ChildStdout>>>,
}

const OWNER: &str = r#"
trap '' INT TERM HUP
folder=$(mktemp -d /tmp/openai-api-route-postgres.XXXXXX) || exit 1
{
    "$1/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync &&
    cat >>"$folder/data/postgresql.conf" <<EOF &&
listen_addresses = '127.0.0.1'
port = $2
unix_socket_directories = ''
max_connections = 300
shared_buffers = 32MB
fsync = off
synchronous_commit = $3
full_page_writes = off
EOF
    "$1/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 start </dev/null
} >"$folder/start" 2>&1 && echo ready || { cat "$folder/start" "$folder/log" 2>/dev/null; }
while read -r word; do
    case "$word" in
    stop) "$1/pg_ctl" -D "$folder/data" -m immediate -w stop ;;
    start) "$1/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 start </dev/null ;;
    esac >/dev/null 2>&1
    echo "$word"
done
"$1/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1
rm -rf "$folder"
"#;

impl Cluster {
    /// Starts one; `commit` is its `synchronous_commit`.
    pub fn start(commit: &str) -> Cluster {
        let mut told = String::new();
        // Somebody else may take the port between our asking for a free one and Postgres taking it.
        for _ in 0..3 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut owner = owner();
            owner.args(["-c", OWNER, "postgres-owner"]).arg(binaries()).arg(port.to_string()).arg(commit);
            owner.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
            let mut owner = owner.process_group(0).spawn().unwrap();
            let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
            told = lines.next().map_or_else(String::new, Result::unwrap);
            if told == "ready" {
                return Cluster { port, owner, lines: Mutex::new(lines) };
            }
            drop(owner.stdin.take());
            told.extend(lines.map(|line| format!("\n{}", line.unwrap_or_default())));
            let _ = owner.wait();
        }
        panic!("the Postgres cluster for the tests does not start:\n{told}");
    }

    /// Stops it at once, as a crash would.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Starts it again.
    pub fn start_again(&self) {
        self.order("start");
    }

    fn order(&self, word: &str) {
        let mut lines = self.lines.lock().unwrap();
        writeln!(self.owner.stdin.as_ref().unwrap(), "{word}").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), word);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.owner.stdin.take());
        let _ = self.owner.wait();
    }
}

/// A shell of somebody Postgres agrees to run as: not root.
fn owner() -> Command {
    let user = Command::new("id").arg("-u").output().unwrap();
    if user.stdout != b"0\n" {
        return Command::new("sh");
    }
    let exists = |name: &&str| Command::new("id").arg(name).output().is_ok_and(|id| id.status.success());
    let name = ["postgres", "nobody"].into_iter().find(exists).unwrap_or("nobody");
    let mut command = Command::new("runuser");
    command.args(["-u", name, "--", "sh"]);
    command
}

/// The folder with `initdb` and `pg_ctl`, the newest when there are several.
pub fn binaries() -> PathBuf {
    let asked = Command::new("pg_config").arg("--bindir").output().ok().filter(|said| said.status.success());
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        version.and_then(|version| version.parse::<u32>().ok())
    });
    folders.extend(asked.map(|said| PathBuf::from(String::from_utf8_lossy(&said.stdout).trim())));
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect::<Vec<_>>());
    let complete = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("pg_ctl").exists();
    folders
        .into_iter()
        .rfind(complete)
        .expect("the tests need Postgres: initdb and pg_ctl were not found; on Debian: apt-get install postgresql")
}
