//! The metadata of made-up requests: models, keys, addresses, statuses, times, as unequal as they are in life.
//! Start at [`Figures::facts`].

use openai_api_route::db::records::{Ending, Facts, NewRecord, Texts};

use crate::words::{Chance, Draw};

/// Between two requests: two hundred come in a second.
const STEP_US: i64 = 5_000;
/// How long ago the first request came in: all of them came in the last 24 hours, which is what pages show first.
const AGO_US: i64 = 12 * 3_600_000_000;

/// A day, but for what the benchmark takes until its pages are asked for.
const DAY_US: i64 = 23 * 3_600_000_000;

const MODELS: [&str; 12] = [
    "gpt-5-mini",
    "gpt-5",
    "gpt-4o-mini",
    "claude-sonnet-4-5",
    "deepseek-chat",
    "gpt-4.1",
    "qwen3-235b",
    "gpt-4o",
    "deepseek-reasoner",
    "claude-opus-4-1",
    "o4-mini",
    "llama-3.3-70b",
];
const AGENTS: [&str; 5] = [
    "OpenAI/Python 1.99.0",
    "OpenAI/JS 5.12.2",
    "AsyncOpenAI/Python 1.99.0",
    "python-httpx/0.28.1",
    "Go-http-client/2.0",
];
const KEYS: [(&str, &str); 8] = [
    ("search", "a1b2"),
    ("support", "Zk90"),
    ("intern", "77qw"),
    ("batch", "pP3d"),
    ("mobile", "0Lm2"),
    ("lab", "vv8c"),
    ("crawler", "Jd4e"),
    ("default", "9xYz"),
];
const STATUSES: [(i32, f64); 6] = [(200, 93.0), (429, 2.5), (500, 1.2), (502, 0.8), (400, 1.5), (499, 1.0)];

/// Draws facts.
pub struct Figures {
    models: Draw,
    keys: Draw,
    ips: Draw,
    agents: Draw,
    upstreams: Draw,
    statuses: Draw,
    first_us: i64,
    step_us: i64,
}

impl Figures {
    /// Prepares the draws.
    pub fn new() -> Figures {
        Figures {
            models: Draw::zipf(MODELS.len()),
            keys: Draw::zipf(KEYS.len()),
            ips: Draw::zipf(40),
            agents: Draw::zipf(AGENTS.len()),
            upstreams: Draw::zipf(5),
            statuses: Draw::weighted(&STATUSES.map(|(_, share)| share)),
            first_us: chrono::Utc::now().timestamp_micros() - AGO_US,
            step_us: STEP_US,
        }
    }

    /// The same with so many requests spread over the day that ends now.
    pub fn of_a_day(self, count: u64) -> Figures {
        let first_us = chrono::Utc::now().timestamp_micros() - DAY_US;
        Figures { first_us, step_us: DAY_US / count.max(1) as i64, ..self }
    }

    /// The facts of request `at`, all but its sizes and tokens; times ascend.
    pub fn facts(&self, chance: &mut Chance, at: u64) -> Facts {
        let started_us = self.first_us + at as i64 * self.step_us + chance.below(self.step_us as usize) as i64;
        let model = MODELS[self.models.one(chance)];
        let (key_name, key_last4) = KEYS[self.keys.one(chance)];
        let ip = self.ips.one(chance);
        let (status, _) = STATUSES[self.statuses.one(chance)];
        let streamed = status < 400 && chance.happens(50.0);
        let first_byte_us = chance.around(420_000.0, 0.6) as i64;
        let total_us = first_byte_us + chance.around(2_600_000.0, 0.8) as i64;
        let upstream_id = 1 + self.upstreams.one(chance) as i64;
        let attempt = |upstream: i64, status: i32, began_us: i64, took_us: i64| {
            format!(r#"{{"upstream_id":{upstream},"began_us":{began_us},"took_us":{took_us},"status":{status}}}"#)
        };
        let last = attempt(upstream_id, if status == 499 { 200 } else { status }, 150, first_byte_us);
        let attempts = match chance.happens(4.0) {
            true => format!("[{},{last}]", attempt(upstream_id % 5 + 1, 503, 140, 9_000)),
            false => format!("[{last}]"),
        };
        Facts {
            started_us,
            key_name: key_name.to_owned(),
            key_last4: key_last4.to_owned(),
            ip: format!("10.1.{}.{}", ip % 4, 10 + ip),
            user_agent: AGENTS[self.agents.one(chance)].to_owned(),
            host: "llm.example.com".to_owned(),
            method: "POST".to_owned(),
            path: "/v1/chat/completions".to_owned(),
            model: Some(model.to_owned()),
            model_sent: Some(model.to_owned()),
            model_answered: (status < 400).then(|| format!("{model}-2026-08-07")),
            status,
            upstream_id: Some(upstream_id),
            streamed,
            first_byte_us: Some(first_byte_us),
            first_content_us: (status < 400).then_some(first_byte_us + 30_000),
            total_us,
            attempts,
            ending: if status == 499 { Ending::Left } else { Ending::Complete },
            ..Facts::default()
        }
    }
}

/// The record of a request with these bodies, and with headers of its own.
pub fn record(chance: &mut Chance, facts: Facts, body: String, reply: String) -> NewRecord {
    let (request_bytes, reply_bytes) = (body.len() as i64, reply.len() as i64);
    let facts = Facts { request_bytes, reply_bytes, ..facts };
    let response_note = facts.streamed.then(|| "assembled".to_owned());
    let headers = Some(heads(chance, &facts));
    let (body, response) = (Some(body.into_bytes()), Some(reply.into_bytes()));
    let texts = Texts { body, body_note: None, response, response_note, headers };
    NewRecord { facts, texts, session: None, replay_of: None }
}

/// The headers of both sides as OpenAI's clients and OpenAI send them, and as the gateway keeps them.
fn heads(chance: &mut Chance, facts: &Facts) -> Vec<u8> {
    let at = chrono::DateTime::from_timestamp_micros(facts.started_us).unwrap_or_default();
    let agent = facts.user_agent.split(' ').next().unwrap_or_default();
    format!(
        "host: {}\naccept-encoding: gzip, deflate\nconnection: keep-alive\naccept: application/json\ncontent-type: \
         application/json\nuser-agent: {}\nx-stainless-lang: {}\nx-stainless-package-version: 1.99.0\nx-stainless-os: \
         Linux\nx-stainless-arch: x64\nx-stainless-runtime: CPython\nx-stainless-runtime-version: 3.12.4\nauthorization: \
         [redacted]\nx-stainless-async: false\nx-stainless-retry-count: 0\nx-stainless-read-timeout: 600\ncontent-length: \
         {}\n\ndate: {}\ncontent-type: application/json\ncontent-length: {}\naccess-control-expose-headers: \
         X-Request-ID\nopenai-processing-ms: {}\nopenai-version: 2020-10-01\nx-ratelimit-limit-requests: \
         10000\nx-ratelimit-limit-tokens: 200000\nx-ratelimit-remaining-requests: {}\nx-ratelimit-remaining-tokens: \
         {}\nx-request-id: req_{:016x}{:016x}\nstrict-transport-security: max-age=31536000; includeSubDomains; \
         preload\nx-content-type-options: nosniff\nserver: cloudflare\ncf-ray: {:016x}-SJC\nalt-svc: h3=\":443\"; \
         ma=86400\n",
        facts.host,
        facts.user_agent,
        if agent.contains("JS") { "js" } else { "python" },
        facts.request_bytes,
        at.format("%a, %d %b %Y %H:%M:%S GMT"),
        facts.reply_bytes,
        facts.first_byte_us.unwrap_or_default() / 1000,
        9_000 + chance.below(1_000),
        100_000 + chance.below(100_000),
        chance.next(),
        chance.next(),
        chance.next(),
    )
    .into_bytes()
}
