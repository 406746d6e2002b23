//! What people are told: the facts of an incident, and the same in words.
//!
//! Start at [`News::of`]. **Invariant:** no secret comes here: labels, models and the words of errors have none.
//! **May import:** `balance`.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use crate::balance::incident::Notice;

/// What an incident is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    /// Of an upstream its number and its name; `None` means recording.
    pub(super) upstream: Option<(i64, String)>,
    /// The model whose request failed last.
    pub(super) model: Option<String>,
}

/// One thing to tell.
#[derive(Clone, Debug)]
pub(super) struct News {
    /// `failed`, `still_failing`, `recovered` or `test`.
    event: &'static str,
    title: String,
    /// In words, both languages in one line.
    pub(super) text: String,
    subject: Subject,
    /// When it is told, Unix milliseconds.
    pub(super) at_ms: i64,
    /// Failures that this tells of.
    count: u64,
    /// How long it has failed, in ms.
    lasted_ms: i64,
}

impl News {
    /// A notice of an incident.
    pub(super) fn of(subject: &Subject, notice: &Notice, now_ms: i64) -> News {
        let (event, count, lasted_ms) = match notice {
            Notice::First { untold, .. } => ("failed", untold + 1, 0),
            Notice::Summary { failures, since_ms } => ("still_failing", *failures, (now_ms - since_ms).max(0)),
            Notice::Recovered { after_ms, failures } => ("recovered", *failures, *after_ms),
        };
        let name = match &subject.upstream {
            Some((id, label)) => format!("upstream {label} (#{id})"),
            None => "recording".to_owned(),
        };
        let upstream =
            |zh: &str| if subject.upstream.is_none() { zh.replace("上游", "记录") } else { zh.to_owned() };
        let (title, zh, rest) = match notice {
            Notice::First { text, untold: 0 } => (format!("{name} failed"), upstream("上游出错"), format!(": {text}")),
            Notice::First { text, untold } => {
                let more = format!(": {text} ({untold} more failures since the last notice)");
                (format!("{name} failed"), upstream("上游出错"), more)
            }
            Notice::Summary { .. } => {
                let more = format!(": {count} more failures, for {} now", duration(lasted_ms));
                (format!("{name} still fails"), upstream("上游仍在出错"), more)
            }
            Notice::Recovered { .. } => {
                let more = format!(" after {} and {count} failures", duration(lasted_ms));
                (format!("{name} recovered"), upstream("上游已恢复"), more)
            }
        };
        let text = format!("[openai-api-route] {zh} {title}{rest}");
        News { event, title, text, subject: subject.clone(), at_ms: now_ms, count, lasted_ms }
    }

    /// A line that only shows that it arrives.
    pub(super) fn test(text: &str, now_ms: i64) -> News {
        let (title, text) = ("test".to_owned(), text.to_owned());
        News { event: "test", title, text, subject: Subject::default(), at_ms: now_ms, count: 0, lasted_ms: 0 }
    }

    /// The facts, for programs.
    pub(super) fn json(&self) -> Value {
        let at = DateTime::from_timestamp_millis(self.at_ms).unwrap_or_default();
        json!({
            "event": self.event,
            "title": self.title,
            "text": self.text,
            "upstream": self.subject.upstream.as_ref().map(|(_, label)| label),
            "upstream_id": self.subject.upstream.as_ref().map(|(id, _)| id),
            "model": self.subject.model,
            "at": at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "count": self.count,
            "lasted_ms": self.lasted_ms,
        })
    }
}

/// `0.8 s`, `42 s`, `3 min 7 s`, `2 h 5 min`.
fn duration(ms: i64) -> String {
    match ms.max(0) {
        ms @ 0..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        ms @ 10_000..60_000 => format!("{} s", ms / 1000),
        ms @ 60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
        ms => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::balance::incident::Notice;
    use crate::notify::news::{News, Subject, duration};

    #[test]
    fn a_recovery_says_after_how_long() {
        let subject = Subject { upstream: Some((1, "main".to_owned())), model: Some("gpt-4o".to_owned()) };
        let news = News::of(&subject, &Notice::Recovered { after_ms: 187_000, failures: 4 }, 1_795_278_600_500);
        let text = "[openai-api-route] 上游已恢复 upstream main (#1) recovered after 3 min 7 s and 4 failures";
        assert_eq!(news.text, text);
        assert_eq!(
            news.json(),
            json!({"event": "recovered", "title": "upstream main (#1) recovered", "text": text, "upstream": "main",
                "upstream_id": 1, "model": "gpt-4o", "at": "2026-11-21T16:30:00.500Z", "count": 4, "lasted_ms": 187_000})
        );
        let notice = Notice::First { text: "2 records are lost".to_owned(), untold: 0 };
        let told = News::of(&Subject::default(), &notice, 0);
        assert_eq!(told.text, "[openai-api-route] 记录出错 recording failed: 2 records are lost");
        assert_eq!((told.json()["upstream"].clone(), told.json()["count"].clone()), (json!(null), json!(1)));
        let summary = News::of(&subject, &Notice::Summary { failures: 3, since_ms: 0 }, 42_000);
        assert!(summary.text.ends_with("upstream main (#1) still fails: 3 more failures, for 42 s now"));
        assert_eq!(duration(7_500_000), "2 h 5 min");
        assert_eq!(duration(850), "0.8 s");
    }
}
