//! A schema registry for the tests: Confluent's REST paths over schemas in
//! memory, and every way to fail.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONNECTION};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use loadstar_ingest::{Registry, RegistryOptions};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// With this status, to everything.
    Refusing(StatusCode),
    /// As a server that is no registry does to a path it does not know.
    Elsewhere,
    /// Not at all.
    Silent,
}

struct Shelf {
    mood: Mood,
    /// Answers, by path.
    answers: BTreeMap<String, Value>,
    /// Paths asked for, in order.
    asked: Vec<String>,
    /// Of the newest question.
    authorization: Option<String>,
}

pub(crate) struct SchemaRegistry {
    address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
    serving: Option<JoinHandle<()>>,
}

impl SchemaRegistry {
    /// One that has an address and does not answer there yet.
    pub(crate) async fn down() -> Self {
        let mut registry = Self::up().await;
        registry.stop().await;
        registry
    }

    pub(crate) async fn up() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (answers, asked) = (BTreeMap::new(), Vec::new());
        let shelf = Shelf { mood: Mood::Well, answers, asked, authorization: None };
        let mut registry = Self { address, shelf: Arc::new(Mutex::new(shelf)), serving: None };
        registry.serve(listener);
        registry
    }

    fn serve(&mut self, listener: TcpListener) {
        let router = Router::new().fallback(answer).with_state(self.shelf.clone());
        let serving = async move { axum::serve(listener, router).await.expect("served") };
        self.serving = Some(tokio::spawn(serving));
    }

    /// From now on, connections are refused.
    pub(crate) async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            assert!(serving.await.expect_err("aborted").is_cancelled());
        }
    }

    pub(crate) async fn start(&mut self) {
        self.serve(TcpListener::bind(self.address).await.expect("the port it had"));
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().expect("no panic")
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        self.shelf().mood = mood;
    }

    /// Registers a schema; `references` are name, subject and version.
    pub(crate) fn register(
        &self,
        id: u32,
        kind: Option<&str>,
        schema: &str,
        references: &[(&str, &str, u32)],
    ) {
        self.put(format!("/schemas/ids/{id}"), kind, schema, references);
    }

    /// Registers what others refer to.
    pub(crate) fn register_subject(&self, path: &str, schema: &str) {
        self.put(path.to_owned(), None, schema, &[]);
    }

    fn put(
        &self,
        path: String,
        kind: Option<&str>,
        schema: &str,
        references: &[(&str, &str, u32)],
    ) {
        let mut answer = json!({ "schema": schema });
        if let Some(kind) = kind {
            answer["schemaType"] = kind.into();
        }
        let references = references.iter().map(|(name, subject, version)| {
            json!({ "name": name, "subject": subject, "version": version })
        });
        answer["references"] = references.collect();
        self.shelf().answers.insert(path, answer);
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.shelf().asked.iter().filter(|asked| *asked == path).count()
    }

    pub(crate) fn authorization(&self) -> Option<String> {
        self.shelf().authorization.clone()
    }

    pub(crate) fn options(&self) -> RegistryOptions {
        RegistryOptions { url: format!("http://{}", self.address), ..RegistryOptions::default() }
    }

    /// A client that knows nothing yet.
    pub(crate) fn client(&self) -> Registry {
        Registry::new(&self.options()).expect("options")
    }
}

impl Drop for SchemaRegistry {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

async fn answer(State(shelf): State<Arc<Mutex<Shelf>>>, uri: Uri, headers: HeaderMap) -> Response {
    let (mood, found) = {
        let mut shelf = shelf.lock().expect("no panic");
        shelf.asked.push(uri.path().to_owned());
        let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        shelf.authorization = authorization.map(str::to_owned);
        (shelf.mood, shelf.answers.get(uri.path()).cloned())
    };
    // What a stopped registry would answer on a connection left open.
    let close = [(CONNECTION, "close")];
    match (mood, found) {
        (Mood::Silent, _) => std::future::pending().await,
        (Mood::Elsewhere, _) => (StatusCode::NOT_FOUND, close, "<h1>not here</h1>").into_response(),
        (Mood::Refusing(status), _) => {
            // Some proxies repeat what they were sent.
            (status, close, format!("{headers:?}")).into_response()
        }
        (Mood::Well, Some(found)) => (close, found.to_string()).into_response(),
        (Mood::Well, None) => {
            let refusal = json!({ "error_code": 40403, "message": "Schema not found" });
            (StatusCode::NOT_FOUND, close, refusal.to_string()).into_response()
        }
    }
}
