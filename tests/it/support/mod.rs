//! The harness: a real gateway process, upstreams that play a script and remember, a client that sees every byte.
//!
//! Start reading at `gateway.rs`. Nothing here sleeps in place of a condition: what is awaited has a name and a deadline.

pub mod client;
pub mod database;
pub mod gateway;
pub mod http;
pub mod load;
pub mod postgres;
pub mod program;
pub mod proxy;
pub mod record;
pub mod reply;
pub mod row;
pub mod samples;
pub mod tls;
pub mod upstream;
pub mod visitor;

use std::thread;
use std::time::{Duration, Instant};

/// The client key every gateway under test accepts.
pub const KEY: &str = "client-key-for-tests-0001";
/// The admin password of every gateway under test.
pub const PASSWORD: &str = "admin-password-for-tests-0001";
/// How long anything awaited may take on a busy machine before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How soon a change made by another program acts (promised), so how long a test waits after making one.
pub const LIVE: Duration = Duration::from_millis(100);
/// How soon an upstream is told that the caller left (promised).
pub const CANCELLED_WITHIN: Duration = Duration::from_millis(1000);

/// Asks `probe` again and again until it gives something; fails the test with `what` when it never does.
pub fn until<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, probe)
}

/// Like [`until`] with a deadline of its own.
pub fn within<T>(limit: Duration, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(started.elapsed() < limit, "waited {limit:?} in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Bytes without a pattern that a wrong offset could hide in, the same for the same length.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ length as u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Turns each named function into two tests, `name::on_sqlite` and `name::on_postgres`.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        $(
            mod $name {
                use crate::support::database::Kind;

                #[test]
                fn on_sqlite() {
                    super::$name(Kind::Sqlite);
                }

                #[test]
                fn on_postgres() {
                    super::$name(Kind::Postgres);
                }
            }
        )+
    };
}
pub(crate) use on_both;
