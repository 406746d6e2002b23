//! What a browser remembers for its user: theme, language, single keys. Cookies, no rows.
//!
//! **May import:** nothing of the crate but the room.

use actix_web::HttpResponse;

use crate::dashboard::form::{Form, see};
use crate::dashboard::frame::theme_cookie;
use crate::dashboard::pages::login::local;
use crate::dashboard::visit::Visit;

/// `POST /admin/theme`.
pub(super) async fn theme(_visit: Visit, form: Form) -> HttpResponse {
    let mut response = see(local(form.text("back")));
    let _ = response.add_cookie(&theme_cookie(form.text("theme")));
    response
}
