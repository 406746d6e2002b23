//! One message to one channel, tried a few times.
//!
//! Sources: Feishu's "custom bot" guide (text messages, signature), Matrix client-server API v1.11
//! (`PUT /rooms/{roomId}/send/{eventType}/{txnId}`), the original's `matrix.go`; the webhook's signature is made as GitHub's
//! "validating webhook deliveries" has it.
//! **Invariant:** no address, token or secret is ever logged. **May import:** `connector`.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use log::warn;
use openssl::base64;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::connector::{Endpoint, Outbound};
use crate::notify::Channels;
use crate::notify::news::News;

/// Pauses between the attempts to deliver one message.
const PAUSES_S: [u64; 3] = [1, 5, 25];
/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_MS: u64 = 5000;
/// How much of a channel's answer is read.
const ANSWER_BYTES: usize = 64 << 10;

/// The channel that is nobody's in particular.
const WEBHOOK: &str = "Webhook";
/// What its messages are signed in: `sha256=` and the hex HMAC-SHA256 of the body under its secret.
const SIGNATURE: HeaderName = HeaderName::from_static("x-signature-256");

/// Makes the ids of Matrix transactions differ within one millisecond.
static TRANSACTIONS: AtomicU64 = AtomicU64::new(0);

/// A message ready to go.
pub(super) struct Post {
    channel: &'static str,
    method: Method,
    url: String,
    bearer: String,
    body: Value,
    /// What the body is signed with; empty for nothing.
    secret: String,
}

impl Post {
    /// One message for each channel that is set.
    pub(super) fn all(channels: &Channels, news: &News) -> Vec<Post> {
        let (text, now_ms) = (&*news.text, news.at_ms);
        let mut posts = Vec::new();
        let post = |channel, url: &str, body| Post {
            channel,
            method: Method::POST,
            url: url.to_owned(),
            bearer: String::new(),
            body,
            secret: String::new(),
        };
        if !channels.feishu_webhook.is_empty() {
            posts.push(post("Feishu", &channels.feishu_webhook, feishu(text, &channels.feishu_secret, now_ms / 1000)));
        }
        if !channels.matrix_api.is_empty() {
            posts.push(post("Matrix (simple)", &channels.matrix_api, json!({"message": "m.text", "body": text})));
        }
        if !channels.matrix_homeserver.is_empty() && !channels.matrix_room.is_empty() {
            let transaction = TRANSACTIONS.fetch_add(1, Ordering::Relaxed);
            let url = format!(
                "{}/_matrix/client/v3/rooms/{}/send/m.room.message/oar-{now_ms}-{transaction}",
                channels.matrix_homeserver.trim_end_matches('/'),
                escaped(&channels.matrix_room),
            );
            let body = json!({"msgtype": "m.text", "body": text});
            posts.push(Post {
                channel: "Matrix",
                method: Method::PUT,
                url,
                bearer: channels.matrix_token.clone(),
                body,
                secret: String::new(),
            });
        }
        if !channels.webhook_url.is_empty() {
            let secret = channels.webhook_secret.clone();
            posts.push(Post { secret, ..post(WEBHOOK, &channels.webhook_url, news.json()) });
        }
        posts
    }

    /// Tries until it is taken; says so once when it never is.
    pub(super) async fn deliver(self, outbound: Rc<Outbound>) {
        let mut problem = String::new();
        for pause_s in std::iter::once(0).chain(PAUSES_S) {
            sleep(Duration::from_secs(pause_s)).await;
            match self.try_once(&outbound).await {
                Ok(()) => return,
                Err(what) => problem = what,
            }
            warn!("a notice to {} was not taken: {problem}", self.channel);
        }
        warn!("a notice to {} is given up: {problem}", self.channel);
    }

    /// The channel's name.
    pub(super) fn channel(&self) -> &'static str {
        self.channel
    }

    /// Tries once, for as long as one attempt may take.
    pub(super) async fn try_once(&self, outbound: &Outbound) -> Result<(), String> {
        timeout(PATIENCE, self.once(outbound)).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    async fn once(&self, outbound: &Outbound) -> Result<(), String> {
        let endpoint = Endpoint::parse(&self.url, CONNECT_MS).map_err(|bad| format!("its address {bad}"))?;
        let query = endpoint.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let path = if endpoint.base_path.is_empty() { "/" } else { &endpoint.base_path };
        let path = format!("{path}{query}").try_into().map_err(|_| "its address makes no path".to_owned())?;
        let mut request =
            outbound.request(&endpoint.target, self.method.clone(), path, true).ok_or("its address makes no URL")?;
        request.headers_mut().insert(HOST, endpoint.host.clone());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if !self.bearer.is_empty() {
            let value = HeaderValue::from_str(&format!("Bearer {}", self.bearer))
                .map_err(|_| "its token holds control characters")?;
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let body = self.body.to_string();
        if !self.secret.is_empty() {
            let signature = hmac(&self.secret, body.as_bytes()).ok_or("it cannot be signed")?;
            let hex = signature.iter().fold("sha256=".to_owned(), |out, byte| out + &format!("{byte:02x}"));
            let value = HeaderValue::from_str(&hex).map_err(|_| "it cannot be signed")?;
            request.headers_mut().insert(SIGNATURE, value);
        }
        let mut response = request.send_body(body).await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("status {}", response.status().as_u16()));
        }
        let answer = response.body().limit(ANSWER_BYTES).await.unwrap_or_default();
        if self.channel == WEBHOOK {
            return Ok(());
        }
        // Feishu says 200 to everything and its refusals in the body.
        match serde_json::from_slice::<Value>(&answer).ok().and_then(|answer| answer.get("code")?.as_i64()) {
            Some(code) if code != 0 => Err(format!("code {code}")),
            Some(_) | None => Ok(()),
        }
    }
}

/// A text message; signed when there is a secret: HMAC-SHA256 of nothing under "timestamp\nsecret", in Base64.
fn feishu(text: &str, secret: &str, now_s: i64) -> Value {
    let mut body = json!({"msg_type": "text", "content": {"text": text}});
    if !secret.is_empty()
        && let Some(sign) = sign(&format!("{now_s}\n{secret}"))
    {
        body["timestamp"] = json!(now_s.to_string());
        body["sign"] = json!(sign);
    }
    body
}

fn sign(key: &str) -> Option<String> {
    hmac(key, b"").map(|signature| base64::encode_block(&signature))
}

/// HMAC-SHA256.
fn hmac(key: &str, text: &[u8]) -> Option<Vec<u8>> {
    let key = PKey::hmac(key.as_bytes()).ok()?;
    Signer::new(MessageDigest::sha256(), &key).ok()?.sign_oneshot_to_vec(text).ok()
}

/// A room's id as one path segment (RFC 3986 §2.3: unreserved characters stay).
fn escaped(room: &str) -> String {
    let mut out = String::new();
    for byte in room.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::notify::Channels;
    use crate::notify::news::News;
    use crate::notify::send::{Post, feishu};

    #[test]
    fn a_feishu_message_is_signed_when_there_is_a_secret() {
        let body = feishu("hi", "secret", 1_599_360_473);
        assert_eq!(body["timestamp"], "1599360473");
        // echo -n | openssl dgst -sha256 -hmac $'1599360473\nsecret' -binary | base64
        assert_eq!(body["sign"], "q4jswNiMy51J5JuQV566yJat0/lQ/c+22kINzUgKsGU=");
        assert_eq!(feishu("hi", "", 1).to_string(), r#"{"content":{"text":"hi"},"msg_type":"text"}"#);
    }

    #[test]
    fn a_matrix_room_becomes_one_path_segment() {
        let channels = Channels {
            matrix_homeserver: "https://m.example/".into(),
            matrix_room: "!abc:m.example".into(),
            matrix_token: "t".into(),
            ..Channels::default()
        };
        let posts = Post::all(&channels, &News::test("hi", 5));
        assert!(
            posts[0]
                .url
                .starts_with("https://m.example/_matrix/client/v3/rooms/%21abc%3Am.example/send/m.room.message/oar-5-")
        );
    }
}
