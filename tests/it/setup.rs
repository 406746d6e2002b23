//! The first start's password is printed; at `/admin/setup` it is the token for one of the operator's own.

use crate::support::client::{Answer, Call};
use crate::support::database::{Database, Folder, Kind};
use crate::support::gateway::{Gateway, listening};
use crate::support::program::Program;
use crate::support::visitor::{Visitor, browser, cookie_of, form};
use crate::support::{PASSWORD, on_both, until};

const OWN: &str = "a-password-of-my-own";

fn post(address: std::net::SocketAddr, token: &str, new: &str, again: &str) -> Answer {
    form("/admin/setup", &format!("token={token}&new={new}&again={again}")).send(address)
}

fn the_printed_password_is_replaced_by_ones_own_once(kind: Kind) {
    let folder = Folder::new();
    let database = Database::empty(kind, &folder);
    let args = ["-addr", "127.0.0.1:0", "-database", &database.location].map(str::to_owned);
    let program = Program::start(&folder.0, &args, &[]);
    let address = until("it listens", || listening(&program.out()));
    let out = until("everything is printed", || Some(program.out()).filter(|out| out.contains("-add ")));
    let line = out.lines().find(|line| line.contains("admin password:")).expect("it is printed");
    let printed = line.split_whitespace().last().unwrap().to_owned();
    let may = |password: &str| {
        let call = Call::get("/admin/upstreams").without("Authorization");
        call.header("Authorization", &format!("Bearer {password}")).send(address).status == 200
    };

    let page = browser("GET", "/admin/setup").send(address);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("name=\"token\"") && !page.text().contains(&printed), "{}", page.text());
    assert!(browser("GET", "/admin/login").send(address).text().contains("href=\"/admin/setup\""));
    for (token, new, again, status) in [
        ("wrong", OWN, OWN, 401),
        (&printed, "short", "short", 422),
        (&printed, OWN, "another-password", 422),
        (&printed, &printed, &printed, 422),
    ] {
        let answer = post(address, token, new, again);
        assert_eq!(answer.status, status, "{token} {new}: {}", answer.text());
        assert!(!answer.text().contains(&printed) && !answer.text().contains(OWN), "{}", answer.text());
    }
    let from_elsewhere = form("/admin/setup", &format!("token={printed}&new={OWN}&again={OWN}"));
    assert_eq!(from_elsewhere.header("Origin", "https://evil.example").send(address).status, 403);
    assert!(may(&printed), "nothing has changed yet");

    let answer = post(address, &printed, OWN, OWN);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/admin")), "{}", answer.text());
    let inside = browser("GET", "/admin").header("Cookie", &cookie_of(&answer)).send(address);
    assert_eq!(inside.status, 200, "whoever has set it is logged in");
    assert_eq!((may(&printed), may(OWN)), (false, true));
    let page = browser("GET", "/admin/setup").send(address).text();
    assert!(
        page.contains("This is done") && page.contains("href=\"/admin/login\"") && !page.contains("token"),
        "{page}"
    );
    assert!(!browser("GET", "/admin/login").send(address).text().contains("/admin/setup"));
    assert_eq!(post(address, OWN, "yet-another-password", "yet-another-password").status, 409);
    assert!(may(OWN));
    let audit = browser("GET", "/admin/settings?tab=audit").header("Cookie", &cookie_of(&answer)).send(address).text();
    assert!(audit.contains("set admin password") && !audit.contains(OWN) && !audit.contains(&printed), "{audit}");
}

on_both! { the_printed_password_is_replaced_by_ones_own_once }

#[test]
fn a_password_that_was_given_needs_no_setup_and_tokens_cannot_be_guessed() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    assert!(gateway.send(browser("GET", "/admin/setup")).text().contains("This is done"));
    gateway.database.sql("UPDATE config_kvs SET value = value || '$first' WHERE key = 'admin_password_hash'");
    assert!(gateway.send(browser("GET", "/admin/setup")).text().contains("name=\"token\""));
    let wrong = || post(gateway.address(), "wrong-token", OWN, OWN).status;
    assert!((0..10).all(|_| wrong() == 401));
    assert_eq!((wrong(), post(gateway.address(), PASSWORD, OWN, OWN).status), (429, 429), "guessing is limited");
}

#[test]
fn a_password_changed_in_settings_ends_the_setup() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    gateway.database.sql("UPDATE config_kvs SET value = value || '$first' WHERE key = 'admin_password_hash'");
    let visitor = Visitor::log_in(&gateway);
    visitor.send("/admin/settings/password", &format!("old={PASSWORD}&new={OWN}&again={OWN}"));
    assert!(gateway.send(browser("GET", "/admin/setup")).text().contains("This is done"));
    assert_eq!(post(gateway.address(), OWN, "yet-another-password", "yet-another-password").status, 409);
}
