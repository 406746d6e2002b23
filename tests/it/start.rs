//! The command line and the first start: what is printed, what is refused, what is left untouched.

use std::fs;
use std::net::TcpListener;

use crate::support::client::Call;
use crate::support::database::{Database, Folder, Kind};
use crate::support::gateway::{Gateway, listening};
use crate::support::program::{Program, Said};
use crate::support::samples::{CHAT, good};
use crate::support::upstream::FakeUpstream;
use crate::support::{KEY, PASSWORD, on_both, until};

fn run(folder: &Folder, args: &[&str]) -> Said {
    Program::run(&folder.0, args, &[])
}

/// Starts on this database, waits for the address, and lets `look` see what was printed.
fn started<T>(
    folder: &Folder,
    database: &str,
    env: &[(&str, &str)],
    look: impl Fn(&str, std::net::SocketAddr) -> T,
) -> T {
    let args = ["-addr", "127.0.0.1:0", "-database", database].map(str::to_owned);
    let env: Vec<(String, String)> = env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let mut program = Program::start(&folder.0, &args, &env);
    let address = until("it listens", || {
        assert!(program.status().is_none(), "it runs: {}", program.err());
        listening(&program.out())
    });
    // What belongs to the start is printed together; whatever it says goes out before SIGTERM ends it.
    look(&program.out(), address);
    program.signal("TERM");
    let said = program.ended();
    assert_eq!(said.code, Some(0), "{}", said.err);
    look(&said.out, address)
}

/// All words of a text, without the marks around them.
fn words(text: &str) -> Vec<&str> {
    let split = text.split(|c: char| c.is_whitespace() || "\"'`,;()<>".contains(c));
    split.map(|word| word.trim_end_matches(['.', ':'])).filter(|word| word.len() >= 8).collect()
}

/// One line, not empty, and the code of a failure.
fn refuses(said: &Said, words: &[&str]) {
    assert!(said.code.is_some_and(|code| code != 0), "{:?} {} {}", said.code, said.out, said.err);
    let line = said.err.trim_end();
    assert_eq!(line.lines().count(), 1, "one line: {line:?}");
    assert!(!line.contains("panicked") && said.out.is_empty(), "{line:?} {:?}", said.out);
    for word in words {
        assert!(line.contains(word), "{word:?} in {line:?}");
    }
}

fn the_first_start_makes_and_prints_the_secrets_once(kind: Kind) {
    let folder = Folder::new();
    let database = Database::empty(kind, &folder);
    let args = ["-addr", "127.0.0.1:0", "-database", &database.location].map(str::to_owned);
    let program = Program::start(&folder.0, &args, &[]);
    let address = until("it listens", || listening(&program.out()));
    let out = until("everything is printed", || Some(program.out()).filter(|out| out.contains("-add ")));
    let key = database.sql("SELECT value FROM config_kvs WHERE key = 'authorization'");
    assert!(key.len() >= 20 && words(&out).contains(&key.as_str()), "the client key is printed:\n{out}");
    let password = words(&out).into_iter().find(|word| {
        let call =
            Call::get("/admin/upstreams").without("Authorization").header("Authorization", &format!("Bearer {word}"));
        call.send(address).status == 200
    });
    let password = password.unwrap_or_else(|| panic!("the admin password is printed:\n{out}")).to_owned();
    assert_ne!(password, key);
    assert!(out.contains(&format!("http://{address}")) && out.contains("-sk"), "{out}");
    program.signal("TERM");
    let said = program.ended();
    assert_eq!(said.out.matches(&key).count() + said.err.matches(&key).count(), 1, "printed once");
    assert_eq!(said.out.matches(&password).count() + said.err.matches(&password).count(), 1, "printed once");

    let later = started(&folder, &database.location, &[], |out, _| out.to_owned());
    assert!(!later.contains(&key) && !later.contains(&password), "later starts print no secret:\n{later}");
    assert_eq!(database.sql("SELECT value FROM config_kvs WHERE key = 'authorization'"), key);
    let everything = match kind {
        Kind::Sqlite => database.sql(".dump"),
        Kind::Postgres => database.sql("SELECT * FROM config_kvs"),
    };
    assert!(!everything.contains(&password), "the password itself is stored nowhere");
}

fn secrets_of_the_environment_are_taken_at_the_first_start_and_never_overwrite(kind: Kind) {
    let folder = Folder::new();
    let database = Database::started(kind, &folder);
    let env =
        [("OPENAI_API_ROUTE_CLIENT_KEY", "other-key-5555"), ("OPENAI_API_ROUTE_ADMIN_PASSWORD", "other-password-5555")];
    let before = database.sql("SELECT key, value FROM config_kvs ORDER BY key");
    started(&folder, &database.location, &env, |_, address| {
        let admin = |password: &str| {
            let call = Call::get("/admin/upstreams").without("Authorization");
            // The second look comes after the end.
            std::net::TcpStream::connect(address).ok()?;
            Some(call.header("Authorization", &format!("Bearer {password}")).send(address).status)
        };
        assert!([None, Some(200)].contains(&admin(PASSWORD)));
        assert!([None, Some(401)].contains(&admin("other-password-5555")));
    });
    assert_eq!(database.sql("SELECT key, value FROM config_kvs ORDER BY key"), before);
    assert_eq!(database.sql("SELECT value FROM config_kvs WHERE key = 'authorization'"), KEY);
}

fn the_admin_password_can_be_reset(kind: Kind) {
    let mut gateway = Gateway::with(kind, []);
    gateway.signal("TERM");
    gateway.ended();
    let folder = Folder::new();
    let said = run(&folder, &["-reset-admin-password", "-database", &gateway.database.location]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    gateway.start_again();
    let status = |password: &str| {
        let call = Call::get("/admin/upstreams").without("Authorization");
        gateway.send(call.header("Authorization", &format!("Bearer {password}"))).status
    };
    assert_eq!(status(PASSWORD), 401);
    assert_eq!(words(&said.out).into_iter().filter(|word| status(word) == 200).count(), 1, "{}", said.out);
    assert_eq!(gateway.database.sql("SELECT value FROM config_kvs WHERE key = 'authorization'"), KEY);
}

fn upstreams_are_added_and_listed_from_the_command_line(kind: Kind) {
    let folder = Folder::new();
    let database = Database::started(kind, &folder).location;
    for (args, word) in [
        (&["-add"][..], "sk"),
        (&["-add", "-sk", ""], "sk"),
        (&["-add", "-sk", "sk-x", "-endpoint", "nonsense"], "endpoint"),
        (&["-add", "-sk", "sk-x", "-endpoint", "ftp://x.example/v1"], "endpoint"),
    ] {
        refuses(&run(&folder, &[args, &["-database", &database]].concat()), &[word]);
    }
    for args in [
        &["-add", "-sk", "sk-0123456789abcdef"][..],
        &["--add", "--sk", "sk-zyxwvutsrqponm", "--endpoint", "https://a.much.longer.example/openai/v1"],
    ] {
        let said = run(&folder, &[args, &["-database", &database]].concat());
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(!said.out.contains("0123456789") && !said.err.contains("0123456789"));
    }
    let twice = run(&folder, &["-add", "-sk", "sk-0123456789abcdef", "-database", &database]);
    refuses(&twice, &["https://api.openai.com/v1"]);
    assert!(!twice.err.contains("0123456789"), "{}", twice.err);

    let listed = run(&folder, &["-list", "-database", &database]);
    assert_eq!(listed.code, Some(0), "{}", listed.err);
    assert!(
        listed.out.contains("https://api.openai.com/v1")
            && listed.out.contains("https://a.much.longer.example/openai/v1")
    );
    assert!(!listed.out.contains("0123456789") && !listed.out.contains("zyxwvuts"), "keys are masked:\n{}", listed.out);
    assert!(listed.out.contains("cdef") && listed.out.contains("ponm"), "{}", listed.out);
    let columns: Vec<usize> = listed.out.lines().filter_map(|line| line.find("https://")).collect();
    assert!(columns.len() == 2 && columns[0] == columns[1], "an aligned table:\n{}", listed.out);
}

#[test]
fn flags_are_taken_with_one_dash_with_two_and_from_the_environment() {
    let folder = Folder::new();
    let upstream = FakeUpstream::always(good());
    let database = Database::started(Kind::Sqlite, &folder);
    database.sql(&upstream.row("a").insert());
    let anonymous = || Call::chat(CHAT).without("Authorization");
    let env =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
    for (args, env) in [
        (vec!["-addr", "127.0.0.1:0", "-database", &database.location, "-noauth"], env(&[])),
        (vec!["--addr", "127.0.0.1:0", "--database", &database.location, "--noauth"], env(&[])),
        (vec!["-addr=127.0.0.1:0", "-database=db.sqlite", "-noauth=true"], env(&[])),
        (
            vec![],
            env(&[
                ("OPENAI_API_ROUTE_ADDR", "127.0.0.1:0"),
                ("OPENAI_API_ROUTE_DATABASE", "sqlite://db.sqlite"),
                ("OPENAI_API_ROUTE_NOAUTH", "true"),
            ]),
        ),
    ] {
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        let program = Program::start(&folder.0, &args, &env);
        let address = until("it listens", || listening(&program.out()));
        assert_eq!(anonymous().send(address).status, 200, "{args:?} {env:?}");
    }
    assert_eq!(upstream.count(), 4);
}

#[test]
fn help_and_version_are_told() {
    let folder = Folder::new();
    for flag in ["--help", "-help", "-h"] {
        let said = run(&folder, &[flag]);
        assert_eq!(said.code, Some(0), "{flag}: {}", said.err);
        for word in ["-addr", "-database", "-noauth", "-add", "-sk", "-endpoint", "-list", "OPENAI_API_ROUTE_ADDR"] {
            assert!(said.out.contains(word), "{word} in\n{}", said.out);
        }
    }
    let said = run(&folder, &["--version"]);
    assert_eq!((said.code, said.out.trim()), (Some(0), concat!("openai-api-route ", env!("CARGO_PKG_VERSION"))));
    let said = run(&folder, &["-no-such-flag"]);
    assert!(said.code.is_some_and(|code| code != 0) && said.err.contains("unexpected argument"));
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0, "none of these makes a database");
}

#[test]
fn a_busy_port_is_told_in_one_line() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let database = Database::started(Kind::Sqlite, &folder);
    refuses(&run(&folder, &["-addr", &address, "-database", &database.location]), &[&address]);
}

#[test]
fn a_file_that_is_no_database_of_ours_is_told_and_left_untouched() {
    let folder = Folder::new();
    let notes = folder.file("notes.txt");
    fs::write(
        &notes,
        "Dear diary, this is no database at all, but it is longer than a hundred bytes, which is what matters here.\n",
    )
    .unwrap();
    let others = folder.file("others.sqlite");
    let other = Database { kind: Kind::Sqlite, location: others.to_str().unwrap().to_owned() };
    other.sql("CREATE TABLE users (name text); INSERT INTO users VALUES ('somebody')");
    for file in [&notes, &others] {
        let before = fs::read(file).unwrap();
        let said = run(&folder, &["-addr", "127.0.0.1:0", "-database", file.to_str().unwrap()]);
        refuses(&said, &[file.file_name().unwrap().to_str().unwrap()]);
        assert!(fs::read(file).unwrap() == before, "{file:?} is untouched");
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2, "and nothing is put beside it");
}

#[test]
fn a_place_where_no_database_can_be_is_told_in_one_line() {
    let folder = Folder::new();
    fs::create_dir(folder.file("a-folder")).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (database, word) in [
        ("a-folder", "a-folder"),
        ("no/such/folder/db.sqlite", "no/such/folder"),
        ("mysql://root@127.0.0.1/x", "mysql"),
        (&format!("postgres://u:pg-secret-word@127.0.0.1:{port}/x"), "127.0.0.1"),
    ] {
        let said = run(&folder, &["-addr", "127.0.0.1:0", "-database", database]);
        refuses(&said, &[word]);
        assert!(!said.err.contains("pg-secret-word"), "{}", said.err);
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing is created");
}

#[test]
fn a_relative_path_and_a_url_name_the_same_file() {
    let folder = Folder::new();
    let file = folder.file("here.sqlite");
    for database in [
        "here.sqlite",
        "./here.sqlite",
        "sqlite://here.sqlite",
        file.to_str().unwrap(),
        &format!("sqlite://{}", file.display()),
    ] {
        let said = run(&folder, &["-list", "-database", database]);
        assert_eq!(said.code, Some(0), "{database}: {}", said.err);
    }
    let databases = fs::read_dir(&folder.0)
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "sqlite"));
    assert!(databases.count() <= 1);
}

#[test]
fn all_interfaces_are_listened_on_when_no_host_is_given() {
    let folder = Folder::new();
    let database = Database::started(Kind::Sqlite, &folder);
    let port = TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let args = ["-addr".to_owned(), format!(":{port}"), "-database".to_owned(), database.location];
    let program = Program::start(&folder.0, &args, &[]);
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    until("it listens", || std::net::TcpStream::connect(address).ok());
    assert_eq!(Call::get("/v1/models").without("Authorization").send(address).status, 403);
    until("it says so", || program.out().contains(&format!(":{port}")).then_some(()));
}

on_both! {
    the_first_start_makes_and_prints_the_secrets_once,
    secrets_of_the_environment_are_taken_at_the_first_start_and_never_overwrite,
    the_admin_password_can_be_reset,
    upstreams_are_added_and_listed_from_the_command_line,
}
