//! An issuer where people sign in: it publishes its endpoints and keys on loopback, knows one public client, gives codes with PKCE and
//! tokens for them, and counts what it was asked for. Whoever asks is signed in there already.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::auth::issuer::{AUDIENCE, Key, base64, bearer, claims, key_set};
use crate::scenario::Ledger;

/// The id of the client.
const CLIENT: &str = "explorer";

/// What people ask for.
const SCOPES: &str = "products/read products/audit";

pub struct PeopleIssuer {
    pub url: String,
    state: Arc<Mutex<IssuerState>>,
}

/// How it behaves, what it has given, and how often it was asked.
pub struct IssuerState {
    key: Key,
    url: String,
    /// Where it sends people back to, which has to be the address of the pages exactly.
    pages: String,
    /// The codes that it has given, with their challenges.
    codes: BTreeMap<String, String>,
    refresh_tokens: Vec<String>,
    given: usize,
    pub subject: String,
    pub scopes: String,
    /// For how many seconds a token is good.
    pub lifetime: i64,
    pub gives_refresh_tokens: bool,
    /// The error with which it answers instead of a code.
    pub refuses: Option<&'static str>,
    /// The state that it sends back instead of the one that it was given.
    pub forged: Option<&'static str>,
    pub is_down: bool,
    /// What it was asked for: `authorize`, `code`, `refresh`, `out`, and what was wrong with it.
    pub asked: Vec<String>,
}

type Shared = Arc<Mutex<IssuerState>>;
type Parameters = Query<BTreeMap<String, String>>;

fn lock(state: &Shared) -> MutexGuard<'_, IssuerState> {
    state.lock().unwrap()
}

impl PeopleIssuer {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(IssuerState {
            key: Key::ed("first"),
            url: url.clone(),
            pages: String::new(),
            codes: BTreeMap::new(),
            refresh_tokens: Vec::new(),
            given: 0,
            subject: "a.lindt".into(),
            scopes: SCOPES.into(),
            lifetime: 3600,
            gives_refresh_tokens: false,
            refuses: None,
            forged: None,
            is_down: false,
            asked: Vec::new(),
        }));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/jwks.json", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/out", get(out))
            .with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, state }
    }

    /// A ledger that believes it and whose pages it knows; driven with a token for everything.
    pub fn ledger(&self, further: &[&str]) -> Ledger {
        let keys = format!("{}/jwks.json", self.url);
        let mut arguments =
            vec!["--auth-jwks", &keys, "--auth-issuer", &self.url, "--auth-audience", AUDIENCE];
        arguments.extend(["--auth-client", CLIENT, "--auth-refresh-every", "1"]);
        arguments.extend(further);
        let mut ledger = Ledger::start_with(&arguments, &[]);
        self.know(&ledger.url);
        ledger.http = self.bearer();
        ledger
    }

    /// The pages at this address are those of the client.
    pub fn know(&self, url: &str) {
        self.now().pages = format!("{url}/");
    }

    /// A client with a token for everything.
    pub fn bearer(&self) -> reqwest::Client {
        let state = self.now();
        bearer(&state.key.token(&claims(json!({"iss": self.url}))))
    }

    /// What it is, to be changed or looked at.
    pub fn now(&self) -> MutexGuard<'_, IssuerState> {
        lock(&self.state)
    }

    /// Signs with another key from now on; tokens of the old one are not believed any more.
    pub fn withdraw_tokens(&self) {
        self.now().key = Key::ed("second");
    }

    /// How often it was asked for something.
    pub fn asked_for(&self, what: &str) -> usize {
        self.now().asked.iter().filter(|asked| *asked == what).count()
    }
}

impl IssuerState {
    /// A token of somebody, with some claims replaced.
    pub fn signed(&self, changes: Value) -> String {
        let now = crate::auth::issuer::now();
        let mut all =
            json!({"iss": self.url, "sub": self.subject, "scope": self.scopes, "exp": now + self.lifetime});
        let Value::Object(changes) = changes else { panic!("claims are an object") };
        all.as_object_mut().unwrap().extend(changes);
        self.key.token(&claims(all))
    }

    fn name(&mut self, kind: &str) -> String {
        self.given += 1;
        format!("{kind}-{}", self.given)
    }

    /// The answer with tokens.
    fn granted(&mut self) -> Value {
        let mut answer = json!({"access_token": self.signed(json!({})), "token_type": "Bearer", "expires_in": self.lifetime});
        if self.gives_refresh_tokens {
            let refresh = self.name("refresh");
            answer["refresh_token"] = json!(refresh);
            self.refresh_tokens.push(refresh);
        }
        answer
    }

    /// Checks a request for tokens (RFC 6749, section 4.1.3; RFC 7636, section 4.6).
    fn exchange(&mut self, given: &BTreeMap<String, String>) -> Result<Value, String> {
        let named = |name: &str| given.get(name).cloned().unwrap_or_default();
        if named("client_id") != CLIENT {
            return Err(format!("the client is {}", named("client_id")));
        }
        if named("grant_type") == "refresh_token" {
            self.asked.push("refresh".into());
            let known = self.refresh_tokens.iter().position(|known| *known == named("refresh_token"));
            // Each is good once.
            self.refresh_tokens.remove(known.ok_or("the refresh token is not known")?);
            return Ok(self.granted());
        }
        self.asked.push("code".into());
        let challenge = self.codes.remove(&named("code")).ok_or("the code is not known")?;
        let verifier = named("code_verifier");
        if verifier.len() < 43 || base64(digest(&SHA256, verifier.as_bytes()).as_ref()) != challenge {
            return Err("the verifier does not fit the challenge".into());
        }
        if named("redirect_uri") != self.pages {
            return Err(format!("the redirect URI is {}", named("redirect_uri")));
        }
        Ok(self.granted())
    }
}

async fn document(State(state): State<Shared>) -> Response {
    let state = lock(&state);
    if state.is_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let url = &state.url;
    let document = json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"), "end_session_endpoint": format!("{url}/out"),
    });
    document.to_string().into_response()
}

async fn keys(State(state): State<Shared>) -> String {
    key_set(&[&lock(&state).key])
}

async fn authorize(State(state): State<Shared>, Query(given): Parameters) -> Response {
    let mut state = lock(&state);
    state.asked.push("authorize".into());
    let pages = state.pages.clone();
    let expected = [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", &pages),
        ("scope", SCOPES),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in expected {
        if given.get(name).is_none_or(|given| given != value) {
            return (StatusCode::BAD_REQUEST, format!("{name} is {:?}", given.get(name))).into_response();
        }
    }
    let sent = state.forged.map_or(given["state"].clone(), str::to_owned);
    let answer = if let Some(error) = state.refuses {
        [("error", error.to_owned()), ("state", sent)]
    } else {
        let code = state.name("code");
        state.codes.insert(code.clone(), given["code_challenge"].clone());
        [("code", code), ("state", sent)]
    };
    let back = reqwest::Url::parse_with_params(&state.pages, answer).unwrap();
    Redirect::to(back.as_str()).into_response()
}

async fn token(State(state): State<Shared>, body: String) -> Response {
    let mut state = lock(&state);
    let form = reqwest::Url::parse(&format!("http://form.invalid/?{body}")).unwrap();
    let given: BTreeMap<String, String> = form.query_pairs().into_owned().collect();
    let pages = (header::ACCESS_CONTROL_ALLOW_ORIGIN, state.pages.trim_end_matches('/').to_owned());
    match state.exchange(&given) {
        Ok(tokens) => ([pages], tokens.to_string()).into_response(),
        Err(wrong) => {
            state.asked.push(wrong);
            let answer = json!({"error": "invalid_grant"}).to_string();
            (StatusCode::BAD_REQUEST, [pages], answer).into_response()
        }
    }
}

async fn out(State(state): State<Shared>, Query(given): Parameters) -> Response {
    let mut state = lock(&state);
    state.asked.push("out".into());
    let wrong = ["post_logout_redirect_uri", "logout_uri"]
        .into_iter()
        .find(|name| given.get(*name) != Some(&state.pages));
    match wrong {
        Some(name) => (StatusCode::BAD_REQUEST, format!("{name} is {:?}", given.get(name))).into_response(),
        None => Redirect::to(&state.pages).into_response(),
    }
}
