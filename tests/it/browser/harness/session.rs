//! A browser's session: forms of its own, its cookie, and what it says and asks of the network.

use serde_json::{Value, json};

use crate::browser::harness::{Beside, Browser};

impl Browser {
    /// Sends a form of the session that the browser is in, and waits for the page that is its answer.
    pub fn send(&self, action: &str, fields: &str) {
        if self.script("return document.querySelector('[name=csrf]') === null") == true {
            self.go("/admin/settings?tab=about");
        }
        self.script(&format!(
            "window.left = false;
             const form = document.createElement('form');
             [form.method, form.action] = ['post', '{action}'];
             const fields = [['csrf', document.querySelector('[name=csrf]').value], ...new URLSearchParams('{fields}')];
             for (const [name, value] of fields) {{
                 const field = document.createElement('input');
                 [field.type, field.name, field.value] = ['hidden', name, value];
                 form.append(field);
             }}
             document.body.append(form);
             form.submit();"
        ));
        self.arrived(action);
    }

    /// Puts the session's cookie aside, or back again.
    pub fn signed_in(&self, wanted: bool) {
        let mut aside = self.aside.borrow_mut();
        if wanted == aside.is_none() {
            return;
        }
        if let Some(cookie) = aside.take() {
            let kept =
                ["name", "value", "domain", "path", "httpOnly", "sameSite"].map(|part| (part, cookie[part].clone()));
            self.devtools("Network.setCookie", kept.into_iter().collect());
            return;
        }
        let all = self.devtools("Network.getCookies", json!({}));
        let session = all["cookies"]
            .as_array()
            .expect("cookies")
            .iter()
            .find(|one| one["httpOnly"] == true && one["value"].as_str().is_some_and(|value| value.len() > 20));
        let session = session.expect("a session's cookie").clone();
        self.devtools("Network.deleteCookies", json!({"name": session["name"], "domain": session["domain"]}));
        *aside = Some(session);
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        let asking = self.client().issue_cmd(Beside { path: "se/log", body: json!({"type": kind}) });
        self.runtime.block_on(asking).unwrap().as_array().expect("a list of entries").clone()
    }

    /// Warnings and errors of the console since this was last asked.
    pub fn complaints(&self) -> Vec<String> {
        let is_bad = |entry: &Value| ["WARNING", "SEVERE"].contains(&entry["level"].as_str().unwrap_or_default());
        self.log("browser").iter().filter(|entry| is_bad(entry)).map(ToString::to_string).collect()
    }

    /// What a window that notes it has asked the network for since this was last asked: kind and address. What one was
    /// redirected to is the same request.
    pub fn requests(&self) -> Vec<(String, String)> {
        let sent = |entry: &Value| {
            let told: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let (event, told) = (&told["message"]["method"], &told["message"]["params"]);
            let is_first = event == "Network.requestWillBeSent" && told["redirectResponse"].is_null();
            is_first.then(|| {
                (
                    told["type"].as_str().unwrap_or_default().to_owned(),
                    told["request"]["url"].as_str().unwrap_or_default().to_owned(),
                )
            })
        };
        self.log("performance").iter().filter_map(sent).collect()
    }

    /// Where the gateway is.
    pub fn base(&self) -> &str {
        &self.base
    }
}
