//! Where notices go, as the settings say.
//!
//! **May import:** nothing of the crate.

/// The channels' settings. Empty texts mean "not there".
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Channels {
    /// Feishu's webhook address.
    pub feishu_webhook: String,
    /// Feishu's signing secret.
    pub feishu_secret: String,
    /// The original's Matrix address: a simple POST.
    pub matrix_api: String,
    /// A Matrix homeserver's base URL.
    pub matrix_homeserver: String,
    /// The room's id, `!…:server`.
    pub matrix_room: String,
    /// The access token.
    pub matrix_token: String,
    /// An address of one's own that gets each notice's facts as JSON.
    pub webhook_url: String,
    /// What those are signed with.
    pub webhook_secret: String,
    /// At most one summary per upstream in this time, in ms.
    pub summary_every_ms: i64,
}
