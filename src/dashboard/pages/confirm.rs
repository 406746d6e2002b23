//! A page that asks before something is taken away that holds no records: its name, one button, a way back.
//!
//! **Invariant:** the page itself changes nothing. **May import:** nothing of the crate.

use askama::Template;

use crate::dashboard::frame::Frame;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm<'a> {
    f: &'a Frame,
    title: Key,
    what: String,
    action: &'a str,
    id: i64,
    back: &'static str,
}

/// Asks whether `what` is meant; the button sends `id` to `action`, and is called as the page is.
pub(super) fn ask(visit: &Visit, title: Key, what: String, (action, id): (&str, i64), back: &'static str) -> Page {
    visit.page(&Confirm { f: &visit.frame, title, what, action, id, back })
}
