//! One Chromium at a time, with a fresh profile, in front of a gateway. Needs Debian's `chromium` and `chromium-driver`.
//!
//! **Invariant:** one driver on a free port for all tests that overlap; it ends, by its own process, with the last of them.

mod session;

use std::cell::RefCell;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction, TouchActions};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::support::database::Folder;
use crate::support::gateway::Gateway;
use crate::support::{PASSWORD, until};

/// What Chromium is started with: headless, and talking to nobody but the gateway.
const SWITCHES: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

static DRIVER: Mutex<Weak<Driver>> = Mutex::new(Weak::new());
/// Browsers take turns: several at once need more memory than small machines have.
static TURN: Mutex<()> = Mutex::new(());

struct Driver {
    child: Child,
    url: String,
}

impl Driver {
    fn shared() -> Arc<Driver> {
        let mut shared = DRIVER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(driver) = shared.upgrade() {
            return driver;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("chromedriver starts; `bash tests/run` installs what is missing");
        let driver = Arc::new(Driver { child, url: format!("http://127.0.0.1:{port}") });
        until("chromedriver listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        *shared = Arc::downgrade(&driver);
        driver
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command beside the standard: the DevTools protocol, the console's log.
#[derive(Debug)]
struct Beside {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Beside {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// A browser window. Fields are dropped in order: first the session, then its profile, the driver, the turn.
pub struct Browser {
    client: Option<Client>,
    runtime: Runtime,
    _profile: Folder,
    _driver: Arc<Driver>,
    _turn: MutexGuard<'static, ()>,
    base: String,
    /// The session's cookie while it is put aside.
    aside: RefCell<Option<Value>>,
}

impl Browser {
    /// A window that knows nothing yet, with the pages' script switched on or off.
    pub fn new(gateway: &Gateway, script: bool) -> Browser {
        Browser::open(gateway, script, json!({"browser": "ALL"}))
    }

    /// A window whose user is logged in, and which notes what goes over the network.
    pub fn noting_requests(gateway: &Gateway) -> Browser {
        let browser = Browser::open(gateway, true, json!({"browser": "ALL", "performance": "ALL"}));
        browser.log_in();
        browser
    }

    fn open(gateway: &Gateway, script: bool, logs: Value) -> Browser {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (driver, profile) = (Driver::shared(), Folder::new());
        let mut switches: Vec<String> = SWITCHES.iter().map(|switch| (*switch).to_owned()).collect();
        switches.push(format!("--user-data-dir={}", profile.0.display()));
        let allowed = if script { 1 } else { 2 };
        let options = json!({
            "args": switches,
            "prefs": {"profile.managed_default_content_settings.javascript": allowed, "intl.accept_languages": "en"},
        });
        let mut wishes = serde_json::Map::new();
        wishes.insert("goog:chromeOptions".to_owned(), options);
        wishes.insert("goog:loggingPrefs".to_owned(), logs);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let connecting =
            async { ClientBuilder::new(HttpConnector::new()).capabilities(wishes).connect(&driver.url).await };
        let client = runtime.block_on(connecting).expect("Chromium starts");
        let base = format!("http://{}", gateway.address());
        let browser = Browser {
            client: Some(client),
            runtime,
            _profile: profile,
            _driver: driver,
            _turn: turn,
            base,
            aside: RefCell::default(),
        };
        // What the policy forbids is told to the page itself; nothing of it is in the console's log for certain.
        browser.devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({"source": "window.violations = []; addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample));"}),
        );
        browser.size(1366, 900);
        browser
    }

    /// A window whose user is logged in.
    pub fn logged_in(gateway: &Gateway, script: bool) -> Browser {
        let browser = Browser::new(gateway, script);
        browser.log_in();
        browser
    }

    fn log_in(&self) {
        self.go("/admin");
        assert!(self.path().starts_with("/admin/login"), "{}", self.path());
        self.fill("#password", PASSWORD);
        self.follow("main button");
        assert_eq!(self.path(), "/admin");
    }

    fn client(&self) -> &Client {
        self.client.as_ref().expect("the session is open")
    }

    /// Loads a page of the gateway.
    pub fn go(&self, path: &str) {
        self.runtime.block_on(self.client().goto(&format!("{}{path}", self.base))).unwrap();
    }

    /// Path and query of the page that is shown.
    pub fn path(&self) -> String {
        let url = self.runtime.block_on(self.client().current_url()).unwrap();
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// The page's source.
    pub fn source(&self) -> String {
        self.runtime.block_on(self.client().source()).unwrap()
    }

    /// What a script of ours gives; it runs whether or not the page's own may.
    pub fn script(&self, script: &str) -> Value {
        self.runtime.block_on(self.client().execute(script, Vec::new())).unwrap()
    }

    /// What a script gives that calls back when it is done.
    pub fn script_later(&self, script: &str) -> Value {
        self.runtime.block_on(self.client().execute_async(script, Vec::new())).unwrap()
    }

    /// What is seen, as PNG.
    pub fn picture(&self) -> Vec<u8> {
        self.runtime.block_on(self.client().screenshot()).unwrap()
    }

    /// A script's text.
    pub fn text(&self, script: &str) -> String {
        self.script(script).as_str().unwrap_or_default().to_owned()
    }

    /// Clicks what leads to another page, and waits until that is there.
    pub fn follow(&self, selector: &str) {
        self.script("window.left = false");
        self.click(selector);
        self.arrived(selector);
    }

    /// Waits until another page is there.
    fn arrived(&self, what: &str) {
        let arrived = "return window.left === undefined && document.readyState === 'complete'";
        until(&format!("{what} leads to a page"), || (self.script(arrived) == true).then_some(()));
    }

    /// Clicks what a selector finds first.
    pub fn click(&self, selector: &str) {
        let clicking = async { self.client().find(Locator::Css(selector)).await?.click().await };
        self.runtime.block_on(clicking).unwrap_or_else(|error| panic!("{selector} on {}: {error}", self.path()));
    }

    /// Types into a field in place of what stands there.
    pub fn fill(&self, selector: &str, text: &str) {
        let typing = async {
            let field = self.client().find(Locator::Css(selector)).await?;
            field.clear().await?;
            field.send_keys(text).await
        };
        self.runtime.block_on(typing).unwrap_or_else(|error| panic!("{selector} on {}: {error}", self.path()));
    }

    /// Presses a key where the focus is.
    pub fn press(&self, key: char) {
        let pressing = async { self.client().active_element().await?.send_keys(&key.to_string()).await };
        self.runtime.block_on(pressing).unwrap();
    }

    /// Presses a key that leads to another page, and waits until that is there.
    pub fn follow_key(&self, key: char) {
        self.script("window.left = false");
        self.press(key);
        self.arrived("a key");
    }

    /// Drags a finger, or else the mouse, from one point of the screen to another, and waits for the page that leads to.
    pub fn drag(&self, finger: bool, from: (f64, f64), to: (f64, f64)) {
        let at = |duration, (x, y)| PointerAction::MoveTo { duration, x, y };
        let while_it_moves = Some(Duration::from_millis(200));
        let steps = [
            at(None, from),
            PointerAction::Down { button: MOUSE_BUTTON_LEFT },
            at(while_it_moves, to),
            PointerAction::Up { button: MOUSE_BUTTON_LEFT },
        ];
        let dragging = async {
            if finger {
                let touch = steps.into_iter().fold(TouchActions::new("finger".to_owned()), TouchActions::then);
                self.client().perform_actions(touch).await
            } else {
                let mouse = steps.into_iter().fold(MouseActions::new("mouse".to_owned()), MouseActions::then);
                self.client().perform_actions(mouse).await
            }
        };
        self.script("window.left = false");
        self.runtime.block_on(dragging).unwrap();
        self.arrived("a drag");
    }

    /// A command of the DevTools protocol.
    pub fn devtools(&self, command: &str, arguments: Value) -> Value {
        let body = json!({"cmd": command, "params": arguments});
        self.runtime.block_on(self.client().issue_cmd(Beside { path: "goog/cdp/execute", body })).unwrap()
    }

    /// Moves the pointer to a place on the screen.
    pub fn point(&self, x: f64, y: f64) {
        self.devtools("Input.dispatchMouseEvent", json!({"type": "mouseMoved", "x": x, "y": y}));
    }

    /// What `work` gives while another tab is in front of this one.
    pub fn behind<T>(&self, work: impl FnOnce() -> T) -> T {
        let hidden = |hidden: bool| {
            until("the tab is seen or not", || (self.script("return document.hidden") == hidden).then_some(()))
        };
        let other = self.devtools("Target.createTarget", json!({"url": "about:blank"}));
        self.devtools("Target.activateTarget", json!({"targetId": other["targetId"]}));
        hidden(true);
        let done = work();
        self.devtools("Page.bringToFront", json!({}));
        hidden(false);
        self.devtools("Target.closeTarget", json!({"targetId": other["targetId"]}));
        done
    }

    /// The screen's size; a window cannot be made so narrow.
    pub fn size(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size);
    }

    /// Whether the system is `light` or `dark`.
    pub fn scheme(&self, scheme: &str) {
        let feature = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", feature);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let _ = self.runtime.block_on(client.close());
        }
    }
}
