//! The schema registry: schemas by their ids, over the REST interface that
//! Confluent's has and others speak.
//!
//! Schemas never change, so one that was found is kept for ever. A registry
//! that does not answer is asked again and again; whoever needs the schema
//! waits. Only a registry that says itself that it has no such schema is
//! believed, after a few times: registries copy each other's with a delay.

mod address;
mod ask;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use self::address::Addresses;
use self::ask::{Answered, Asking};
use crate::IngestError;
use crate::decode::writer::Writer;

/// How often a registry has to say that there is no such schema.
const TRIES: u32 = 4;
/// Once it said so of that many ids, once is enough: they are not schemas'.
const MANY_ABSENT: usize = 8;
/// How long it is believed.
const ABSENT_FOR: Duration = Duration::from_secs(30);
const WAIT_FIRST: Duration = Duration::from_millis(250);
const WAIT_MOST: Duration = Duration::from_secs(5);
/// Time between two log lines about the same trouble.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Where the registry is, and who asks. Shows no secret.
#[derive(Clone, Default)]
pub struct RegistryOptions {
    /// Addresses of one registry, comma-separated, tried in this order.
    pub url: String,
    /// With `password`, for basic authentication; empty for none.
    pub user: String,
    /// The user's.
    pub password: Option<String>,
    /// A bearer token, in place of a user.
    pub token: Option<String>,
    /// A PEM file of certificates to trust besides the system's; empty for none.
    pub ssl_ca_location: String,
}

impl RegistryOptions {
    /// Whether the addresses can be used.
    ///
    /// # Errors
    /// [`IngestError::Options`] if not; it does not repeat what may be a secret.
    pub fn check(&self) -> Result<(), IngestError> {
        Addresses::parse(&self.url).map(drop).map_err(refused)
    }
}

fn refused(reason: String) -> IngestError {
    IngestError::Options { option: "schema_registry", reason }
}

impl fmt::Debug for RegistryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Addresses::parse(&self.url).map(|addresses| addresses.to_string());
        f.debug_struct("RegistryOptions")
            .field("url", &url.as_deref().unwrap_or("(refused)"))
            .field("user", &self.user)
            .field("ssl_ca_location", &self.ssl_ca_location)
            .finish_non_exhaustive()
    }
}

/// A schema registry, and the schemas it has told of. Clones share them.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    asking: Asking,
    /// Where questions are asked: whoever needs a schema has a thread to poll.
    runtime: Handle,
    schemas: Mutex<HashMap<u32, Known>>,
    trouble: Mutex<Trouble>,
    /// Counts what was learned.
    learned: watch::Sender<u64>,
}

enum Known {
    Asked,
    Found(Writer),
    Absent { writer: Writer, until: Instant },
}

#[derive(Default)]
struct Trouble {
    now: Option<String>,
    said: Option<Instant>,
}

impl Registry {
    /// A registry that is asked from the runtime this is called in. It need not
    /// answer yet.
    ///
    /// # Errors
    /// [`IngestError::Options`] for an address, a user or a certificate that
    /// cannot be used; it shows no secret.
    pub fn new(options: &RegistryOptions) -> Result<Self, IngestError> {
        Ok(Self(Arc::new(Inner {
            asking: Asking::new(options).map_err(refused)?,
            runtime: Handle::try_current().map_err(|error| refused(error.to_string()))?,
            schemas: Mutex::default(),
            trouble: Mutex::default(),
            learned: watch::channel(0).0,
        })))
    }

    /// What is known of a schema. If nothing is yet, it is asked for.
    pub(crate) fn writer(&self, id: u32) -> Option<Writer> {
        let mut schemas = self.0.schemas();
        match schemas.get(&id) {
            Some(Known::Found(writer)) => return Some(writer.clone()),
            Some(Known::Absent { writer, until }) if *until > Instant::now() => {
                return Some(writer.clone());
            }
            Some(Known::Asked) => return None,
            Some(Known::Absent { .. }) | None => {}
        }
        // Ids that are none come in any number.
        schemas.retain(
            |_, known| !matches!(known, Known::Absent { until, .. } if *until <= Instant::now()),
        );
        schemas.insert(id, Known::Asked);
        self.0.runtime.spawn(learn(Arc::downgrade(&self.0), id));
        None
    }

    /// What is known of some schemas, once it is.
    ///
    /// # Errors
    /// [`IngestError::RegistryUnreachable`] if it is not known in time.
    pub async fn writers(
        &self,
        ids: impl IntoIterator<Item = u32>,
        patience: Duration,
    ) -> Result<BTreeMap<u32, Writer>, IngestError> {
        let mut learned = self.0.learned.subscribe();
        let mut left: Vec<u32> = ids.into_iter().collect();
        let mut writers = BTreeMap::new();
        let all = async {
            loop {
                learned.mark_unchanged();
                left.retain(|id| match self.writer(*id) {
                    Some(writer) => {
                        writers.insert(*id, writer);
                        false
                    }
                    None => true,
                });
                if left.is_empty() || learned.changed().await.is_err() {
                    break;
                }
            }
        };
        match tokio::time::timeout(patience, all).await {
            Ok(()) => Ok(writers),
            Err(_) => Err(IngestError::RegistryUnreachable {
                addresses: self.to_string(),
                waited: patience,
                detail: self.trouble().unwrap_or_else(|| "no answer".to_owned()),
            }),
        }
    }

    /// Why schemas asked for have not come.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.0.trouble().now.clone()
    }
}

/// Its addresses.
impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.asking.addresses.fmt(f)
    }
}

/// Without its secrets.
impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({self})")
    }
}

impl Inner {
    fn schemas(&self) -> MutexGuard<'_, HashMap<u32, Known>> {
        self.schemas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, id: u32, known: Known) {
        self.trouble().now = None;
        self.schemas().insert(id, known);
        self.learned.send_modify(|learned| *learned += 1);
    }

    /// Whether a registry that has no schema `id` need not be asked again.
    fn is_believed(&self, times: u32) -> bool {
        let absent = |known: &&Known| matches!(known, Known::Absent { .. });
        times >= TRIES || self.schemas().values().filter(absent).count() >= MANY_ABSENT
    }

    fn absent(&self, id: u32) -> Known {
        let detail = format!(
            "written with schema {id}, which the schema registry at {} does not have; \
             register it and replay",
            self.asking.addresses
        );
        Known::Absent { writer: Writer::Unknown(detail), until: Instant::now() + ABSENT_FOR }
    }

    fn complain(&self, id: u32, detail: String) {
        let mut trouble = self.trouble();
        if trouble.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            trouble.said = Some(Instant::now());
            let registry = self.asking.addresses.to_string();
            tracing::warn!(registry, schema = id, detail, "no schema yet, asking on");
        }
        trouble.now = Some(detail);
    }
}

/// Asks for a schema until it is known, or nobody is there to know it.
async fn learn(registry: Weak<Inner>, id: u32) {
    let mut wait = WAIT_FIRST;
    let mut absent = 0;
    while let Some(registry) = registry.upgrade() {
        match registry.asking.schema(id).await {
            Ok(Answered::Found(writer)) => return registry.settle(id, Known::Found(writer)),
            Ok(Answered::Absent) => {
                absent += 1;
                if registry.is_believed(absent) {
                    let known = registry.absent(id);
                    return registry.settle(id, known);
                }
            }
            Err(trouble) => registry.complain(id, trouble),
        }
        drop(registry);
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(WAIT_MOST);
    }
}
