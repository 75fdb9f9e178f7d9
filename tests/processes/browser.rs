//! A real browser without a window, driven over its own debugging protocol as a person would drive
//! it: by what they see and press. Whatever the page complains of is kept.

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Debian's package first; whatever else there may be.
const PROGRAMS: [&str; 4] =
    ["chromium-headless-shell", "chromium", "google-chrome", "chromium-browser"];
/// LIMIT: what a page has not shown by then it will not show.
const PATIENCE: Duration = Duration::from_secs(30);

/// Finds what can be seen: a control by its label, or a button or link by its words.
const FINDERS: &str = r#"
    const seen = (element) => element.checkVisibility() && !element.closest("[inert]");
    const within = () => document.querySelector("dialog[open]") ?? document;
    const control = (label) => {
        const found = [...within().querySelectorAll("label")].find((one) => seen(one) && one.textContent.trim() === label);
        return found && (found.control ?? found.querySelector("input"));
    };
    const pressable = (words) => [...within().querySelectorAll("button, a, summary")]
        .find((one) => seen(one) && !one.disabled && one.textContent.trim() === words);
"#;

pub struct Browser {
    child: Child,
    socket: WebSocketStream<TcpStream>,
    session: String,
    next_id: u64,
    /// What pages complained of: errors in scripts, violations of their policy.
    pub complaints: Vec<String>,
}

impl Browser {
    pub async fn start(dir: &Path) -> Result<Browser> {
        let program = program()?;
        let mut command = Command::new(&program);
        command.args([
            "--headless",
            "--remote-debugging-port=0",
            "--no-first-run",
            "--disable-gpu",
        ]);
        command.args(["--disable-background-networking", "--disable-dev-shm-usage"]);
        // Its own sandbox needs rights that a container has not; it sees our pages only.
        command.arg("--no-sandbox");
        command.arg(format!("--user-data-dir={}", dir.join("browser").display()));
        // Debian's program is a script that starts the browser: both end together.
        command.process_group(0);
        command
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("start {}", program.display()))?;
        let address = tokio::task::block_in_place(|| listening_at(&mut child))?;
        let server = address.trim_start_matches("ws://").split('/').next().context("a server")?;
        let stream = TcpStream::connect(server).await?;
        let (socket, _) = tokio_tungstenite::client_async(&address, stream).await?;
        let (session, complaints) = (String::new(), Vec::new());
        let mut browser = Browser { child, socket, session, next_id: 0, complaints };
        browser.attach().await?;
        Ok(browser)
    }

    async fn attach(&mut self) -> Result<()> {
        let target = self.ask("Target.createTarget", json!({"url": "about:blank"})).await?;
        let wanted = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.ask("Target.attachToTarget", wanted).await?;
        self.session = attached["sessionId"].as_str().context("a session")?.to_owned();
        for domain in ["Page", "Runtime", "Log", "DOM"] {
            self.ask(&format!("{domain}.enable"), json!({})).await?;
        }
        Ok(())
    }

    /// Asks the browser, and hears out what it has to say before it answers.
    pub async fn ask(&mut self, method: &str, params: Value) -> Result<Value> {
        self.next_id += 1;
        let id = self.next_id;
        let mut request = json!({"id": id, "method": method, "params": params});
        if !self.session.is_empty() {
            request["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(request.to_string())).await?;
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            let message = message.with_context(|| format!("{method} is not answered"))?;
            let Message::Text(text) = message.context("the browser has ended")?? else { continue };
            let told: Value = serde_json::from_str(&text)?;
            if told["id"] == json!(id) {
                ensure!(told["error"].is_null(), "{method}: {}", told["error"]);
                return Ok(told["result"].clone());
            }
            self.hear(&told);
        }
    }

    fn hear(&mut self, told: &Value) {
        let params = &told["params"];
        let complaint = match told["method"].as_str() {
            Some("Runtime.exceptionThrown") => params["exceptionDetails"].to_string(),
            Some("Runtime.consoleAPICalled") if params["type"] == "error" => {
                params["args"].to_string()
            }
            // A request that was refused is the server's business.
            Some("Log.entryAdded")
                if params["entry"]["level"] == "error"
                    && params["entry"]["source"] != "network" =>
            {
                params["entry"].to_string()
            }
            Some("Page.javascriptDialogOpening") => format!("a script opened {params}"),
            _ => return,
        };
        self.complaints.push(complaint);
    }

    pub async fn open(&mut self, url: &str) -> Result<()> {
        self.ask("Page.navigate", json!({"url": url})).await.map(drop)
    }

    /// The value of an expression in the page.
    pub async fn value(&mut self, expression: &str) -> Result<Value> {
        let expression = format!("(() => {{ {FINDERS} return ({expression}); }})()");
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true});
        let answer = self.ask("Runtime.evaluate", params).await?;
        ensure!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression is true.
    pub async fn until(&mut self, expression: &str) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            // A page that is just being loaded has nothing to ask.
            if self.value(&format!("Boolean({expression})")).await.is_ok_and(|value| value == true)
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let page = self.text().await?;
        let complaints = &self.complaints;
        bail!("still not so: {expression}; complaints: {complaints:?}; the page: {page}")
    }

    /// Everything that can be read.
    pub async fn text(&mut self) -> Result<String> {
        Ok(self.value("document.body.innerText").await?.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until this can be read.
    pub async fn reads(&mut self, text: &str) -> Result<()> {
        self.until(&format!("document.body.innerText.includes({})", json!(text))).await
    }

    /// Presses the button or link with these words.
    pub async fn press(&mut self, words: &str) -> Result<()> {
        let words = json!(words);
        self.until(&format!("pressable({words})")).await?;
        self.value(&format!("pressable({words}).click()")).await.map(drop)
    }

    /// Enters a value into the control with this label.
    pub async fn enter(&mut self, label: &str, value: &str) -> Result<()> {
        let label = json!(label);
        self.until(&format!("control({label})")).await?;
        let set = format!(
            "(() => {{ const one = control({label}); one.focus(); one.value = {}; \
             for (const kind of ['input', 'change']) one.dispatchEvent(new Event(kind, {{bubbles: true}})); \
             return one.value; }})()",
            json!(value)
        );
        let entered = self.value(&set).await?;
        ensure!(entered == value, "{label} has become {entered}");
        Ok(())
    }

    /// Types on the keyboard what a field with the focus takes, and a key after it.
    pub async fn type_and_press(&mut self, text: &str, key: &str) -> Result<()> {
        self.ask("Input.insertText", json!({"text": text})).await?;
        let letter = if key == "Enter" { "\r" } else { "" };
        let code = if key == "Enter" { 13 } else { 27 };
        for kind in ["keyDown", "keyUp"] {
            let params = json!({"type": kind, "key": key, "code": key, "text": letter, "windowsVirtualKeyCode": code});
            self.ask("Input.dispatchKeyEvent", params).await?;
        }
        Ok(())
    }

    /// Chooses a file, as its dialogue would.
    pub async fn choose_file(&mut self, file: &Path) -> Result<()> {
        self.until("document.querySelector('input[type=file]')").await?;
        let params = json!({"expression": "document.querySelector('input[type=file]')"});
        let found = self.ask("Runtime.evaluate", params).await?;
        let params = json!({"files": [file], "objectId": found["result"]["objectId"]});
        self.ask("DOM.setFileInputFiles", params).await.map(drop)
    }

    /// A picture of the whole page, for people to look at, where they name a directory.
    pub async fn picture(&mut self, name: &str) -> Result<()> {
        let Some(dir) = std::env::var_os("CONSOLE_PICTURES") else { return Ok(()) };
        self.until("!document.querySelector('[aria-busy]')").await?;
        for (kind, width, scheme) in
            [("", 1280, "light"), ("-dark", 1280, "dark"), ("-phone", 390, "light")]
        {
            let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
            self.ask("Emulation.setDeviceMetricsOverride", size).await?;
            let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
            self.ask("Emulation.setEmulatedMedia", media).await?;
            let metrics = self.ask("Page.getLayoutMetrics", json!({})).await?;
            let height = &metrics["cssContentSize"]["height"];
            let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
            let params = json!({"captureBeyondViewport": true, "clip": clip});
            let taken = self.ask("Page.captureScreenshot", params).await?;
            let data = taken["data"].as_str().context("a picture")?;
            let file = Path::new(&dir).join(format!("{name}{kind}.png.base64"));
            std::fs::write(file, data)?;
        }
        let size = json!({"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", size).await.map(drop)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

fn program() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = PROGRAMS
        .iter()
        .flat_map(|program| std::env::split_paths(&path).map(move |dir| dir.join(program)))
        .find(|program| program.exists());
    found.context("there is no Chromium: run `make setup`, which installs chromium-headless-shell")
}

/// Where the browser says that it listens.
fn listening_at(child: &mut Child) -> Result<String> {
    let told = BufReader::new(child.stderr.take().context("its messages")?);
    let mut lines = told.lines();
    // Ends with the browser.
    for line in lines.by_ref() {
        if let Some((_, address)) = line?.split_once("DevTools listening on ") {
            let address = address.trim().to_owned();
            // It goes on talking, and must not wait for a reader.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(address);
        }
    }
    bail!("the browser ended before it listened")
}
