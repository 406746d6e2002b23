//! The integration suite: the real binary over real sockets, against upstreams that play a script.
//!
//! Every test that touches the database runs on SQLite and on Postgres. Names are sentences; what a test expects is
//! written out. Run one with `cargo test --test it -- the_name_of_it`.

// clippy.toml allows these within `#[test]`; the harness is nothing but test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod addresses; // parameters of all pages
mod admin; // the admin API as JSON
mod audit; // who changed and who read what
mod bodies; // bodies both ways, byte for byte; streams; large uploads
mod browser; // the pages in headless Chromium
mod callers; // keys, refusals, CORS
mod clocks; // connect, first byte, first content, silence
mod command_line; // -search, -export
mod commands; // a recorded request as a curl command, run
mod conversations; // which requests belong together
mod costs; // prices, sums and percentiles
mod crashes; // kill -9: what stands there afterwards
mod cut; // an upstream that breaks off in the middle
mod details; // hits in errors, what is missing, what only a service keeps
mod exports; // one record, all that match as a file, counts
mod failover; // each way to fail, and what is said when all do
mod forwarding; // methods, paths, headers
mod hangups; // a caller that leaves, in each phase
mod harness; // the harness proves itself, without a gateway
mod heads; // headers in the record
mod health; // cool-down, bad keys, the breaker
mod hits; // where a word was said
mod keys; // client keys: replaced, disabled, found, deleted
mod lifetime; // signals, crashes, outages of the database
mod live; // edits by other programs under load
mod live_tail; // requests as they come
mod metrics; // /metrics and the overview
mod notices; // Feishu, Matrix, the webhook
mod one_request; // its stream, what is searched for in it, how long each step took
mod outages; // databases that are locked, full or stopped, under load
mod overview_pages; // alert lines, links, numbers that are behind
mod page_sizes; // how large pages are
mod pages; // what a browser sees
mod poison; // records that cannot be stored as they are
mod policies; // who is asked first
mod query_box; // the box of both lists, what an empty list tells, tidy addresses
mod record_levels; // how much is recorded: by setting, key, upstream and header
mod recording; // what stands in the database afterwards
mod redaction; // what is taken out before anything is stored
mod removal; // what is removed is gone, and nothing else
mod replays; // a request sent again from the dashboard
mod request_lists; // what stands around the list of requests, addresses that only take forms
mod request_pages; // requests in the browser
mod retention; // what has had its time, what is stored once
mod search; // the query language, pages
mod settings_pages; // keys, models, settings in the browser
mod setup; // the first start's password becomes one's own
mod standing; // the state of an upstream, in a word, and what its strip and success say
mod start; // flags, first start, what is refused
mod strips; // what health strips tell, and shares
mod support; // gateway, fake upstream, client, databases
mod takeover; // databases of the original Go program
mod tidy; // rules that can be read off the sources
mod upstream_auth; // which header holds an upstream's key, or none
mod upstream_extras; // headers, names of models and proxies of single upstreams
mod upstream_order; // where a new one stands
mod upstream_pages; // upstreams in the browser
mod usage; // the usage of streams whose callers did not ask
mod usage_pages; // usage by status and host, speed, links
mod zones; // the one zone of all pages
