//! The pages in headless Chromium, driven over WebDriver: what only a browser can tell.
//!
//! Start at `harness.rs`; `pages.rs` lists the pages that every check looks at, so that a new page is one line.

mod access; // axe-core
mod conversations; // reading what was said
mod fingers; // narrow screens, sizes of what is hit
mod forms; // requests, settings, many upstreams without script
mod harness;
mod histogram; // a stretch of time by pointer
mod keyboard; // everything by keys alone
mod languages; // both languages, both themes
mod live; // new rows as they come
mod overview; // zones, an upstream that dies, charts
mod pages;
mod parts; // requests with every kind of part
mod pictures; // for the README, when asked for
mod requests; // requests: found and read
mod scriptless; // everything by links and forms
mod secrets; // a new key, and all others
mod shapes; // no text cut off, tables
mod tail; // the live tail under load
mod walls; // policy, console, network
