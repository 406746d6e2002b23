//! A browser without script: it asks for pages, keeps its cookie, sends forms with the token of its pages.

use crate::support::PASSWORD;
use crate::support::client::{Answer, Call};
use crate::support::gateway::Gateway;

/// A browser without script that is logged in.
pub struct Visitor<'a> {
    /// Whom it asks.
    pub gateway: &'a Gateway,
    /// Its session's cookie.
    pub cookie: String,
    /// What its forms carry.
    pub token: String,
}

/// A request for a page.
pub fn browser(method: &str, target: &str) -> Call {
    Call::new(method, target).without("Authorization").header("Accept", "text/html,application/xhtml+xml")
}

/// A form.
pub fn form(target: &str, body: &str) -> Call {
    browser("POST", target).header("Content-Type", "application/x-www-form-urlencoded").body(body)
}

/// A text as one value of a form.
pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The first cookie of an answer.
pub fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").expect("a cookie").split(';').next().unwrap().to_owned()
}

/// What stands between two texts.
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map_or("", |(found, _)| found)
}

impl<'a> Visitor<'a> {
    /// Logs in.
    pub fn log_in(gateway: &'a Gateway) -> Visitor<'a> {
        let answer = gateway.send(form("/admin/login", &format!("password={PASSWORD}")));
        assert_eq!((answer.status, answer.header("location")), (303, Some("/admin")));
        let mut visitor = Visitor { gateway, cookie: cookie_of(&answer), token: String::new() };
        visitor.token = between(&visitor.page("/admin"), "name=\"csrf\" value=\"", "\"").to_owned();
        assert_eq!(visitor.token.len(), 64, "every page has the session's token");
        visitor
    }

    /// Asks for a page.
    pub fn get(&self, target: &str) -> Answer {
        self.gateway.send(browser("GET", target).header("Cookie", &self.cookie))
    }

    /// Asks for a page that must be there.
    pub fn page(&self, target: &str) -> String {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer.text()
    }

    /// Sends a form.
    pub fn post(&self, target: &str, body: &str) -> Answer {
        let body = format!("csrf={}&{body}", self.token);
        self.gateway.send(form(target, &body).header("Cookie", &self.cookie))
    }

    /// Sends a form that must be taken, and gives the page it leads to with the line that tells the result.
    pub fn send(&self, target: &str, body: &str) -> String {
        let answer = self.post(target, body);
        assert_eq!(answer.status, 303, "{target}: {}", answer.text());
        let said = cookie_of(&answer);
        let to = answer.header("location").unwrap().split('#').next().unwrap().to_owned();
        let page = self.gateway.send(browser("GET", &to).header("Cookie", &format!("{}; {said}", self.cookie)));
        assert_eq!(page.status, 200, "{to}: {}", page.text());
        page.text()
    }
}

/// The form for an upstream.
pub fn upstream_form(name: &str, endpoint: &str, sk: &str) -> String {
    format!("name={name}&endpoint={}&sk={sk}&enabled=1&priority=0&position=0&weight=1", encoded(endpoint))
}
