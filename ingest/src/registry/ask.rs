//! One question to the registry, with everything that the schema refers to.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde::Deserialize;
use url::Url;

use super::RegistryOptions;
use super::address::Addresses;
use crate::decode::writer::{SchemaReference, Writer, WriterSchema};

const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const ANSWER_LIMIT_BYTES: usize = 8 << 20;
/// Most schemas that one refers to, by way of others too.
const REFERENCES_LIMIT: usize = 64;
const ACCEPT: &str = "application/vnd.schemaregistry.v1+json, application/json";

/// Who asks, and where. Holds secrets: without `Debug` on purpose.
pub(super) struct Asking {
    pub(super) addresses: Addresses,
    client: Client,
    identity: Identity,
}

enum Identity {
    Nobody,
    User { name: String, password: Option<String> },
    Bearer(String),
}

/// What the registry said of something.
pub(super) enum Answered<T = Writer> {
    Found(T),
    /// That it has no such thing.
    Absent,
}

/// What went wrong, without secrets.
type Trouble = String;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schema {
    schema: String,
    schema_type: Option<String>,
    references: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
struct Reference {
    name: String,
    subject: String,
    version: i64,
}

#[derive(Deserialize)]
struct Refusal {
    error_code: i64,
}

impl Asking {
    pub(super) fn new(options: &RegistryOptions) -> Result<Self, String> {
        let addresses = Addresses::parse(&options.url)?;
        let identity = match (&options.token, options.user.as_str(), &options.password) {
            (None, "", None) => Identity::Nobody,
            (None, "", Some(_)) => return Err("there is a password and no user".to_owned()),
            (None, name, password) => {
                Identity::User { name: name.to_owned(), password: password.clone() }
            }
            (Some(token), "", None) => Identity::Bearer(token.clone()),
            (Some(_), ..) => {
                return Err("there is a bearer token and a user; which one holds?".to_owned());
            }
        };
        let mut client = Client::builder()
            .user_agent("loadstar")
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN);
        if !options.ssl_ca_location.is_empty() {
            for certificate in certificates(Path::new(&options.ssl_ca_location))? {
                client = client.add_root_certificate(certificate);
            }
        }
        let client = client.build().map_err(|error| error.without_url().to_string())?;
        Ok(Self { addresses, client, identity })
    }

    /// The schema of an id, laid out for reading.
    pub(super) async fn schema(&self, id: u32) -> Result<Answered, Trouble> {
        let path = ["schemas", "ids", &id.to_string()];
        let Answered::Found(schema) = self.get::<Schema>(&path).await? else {
            return Ok(Answered::Absent);
        };
        let kind = schema.schema_type.unwrap_or_else(|| "AVRO".to_owned());
        // Only the registry checks messages against these.
        let wanted = if kind == "JSON" { None } else { schema.references };
        let references = match self.references(wanted.unwrap_or_default()).await? {
            Ok(references) => references,
            Err(why) => return Ok(Answered::Found(unusable(id, &why))),
        };
        let laid_out = tokio::task::spawn_blocking(move || {
            WriterSchema::parse(&kind, &schema.schema, &references)
        });
        Ok(Answered::Found(match laid_out.await {
            Ok(Ok(schema)) => Writer::Known(schema.into()),
            Ok(Err(why)) => unusable(id, &why),
            Err(_) => unusable(id, "reading it failed"),
        }))
    }

    /// All that a schema refers to; or why it cannot be had, which does not
    /// pass.
    async fn references(
        &self,
        first: Vec<Reference>,
    ) -> Result<Result<Vec<SchemaReference>, String>, Trouble> {
        let mut left = first;
        let mut seen = BTreeSet::new();
        let mut references = Vec::new();
        while let Some(Reference { name, subject, version }) = left.pop() {
            if !seen.insert((name.clone(), subject.clone(), version)) {
                continue;
            }
            if seen.len() > REFERENCES_LIMIT {
                return Ok(Err(format!("it refers to more than {REFERENCES_LIMIT} others")));
            }
            let path = ["subjects", &subject, "versions", &version.to_string()];
            match self.get::<Schema>(&path).await? {
                Answered::Found(schema) => {
                    left.extend(schema.references.unwrap_or_default());
                    references.push(SchemaReference { name, text: schema.schema });
                }
                // The registry has the one schema and not yet the other.
                Answered::Absent => {
                    return Err(format!(
                        "it refers to {subject}, version {version}, which {} \
                                        does not have",
                        self.addresses
                    ));
                }
            }
        }
        Ok(Ok(references))
    }

    /// Asks each address until one has it.
    async fn get<T: for<'de> Deserialize<'de>>(
        &self,
        path: &[&str],
    ) -> Result<Answered<T>, Trouble> {
        let mut absent = false;
        let mut troubles = Vec::new();
        for address in &self.addresses.0 {
            match self.get_from(address, path).await {
                Ok(Answered::Found(found)) => return Ok(Answered::Found(found)),
                Ok(Answered::Absent) => absent = true,
                Err(trouble) => troubles.push(trouble),
            }
        }
        if absent { Ok(Answered::Absent) } else { Err(troubles.join("; ")) }
    }

    async fn get_from<T: for<'de> Deserialize<'de>>(
        &self,
        address: &Url,
        path: &[&str],
    ) -> Result<Answered<T>, Trouble> {
        let shown = address.as_str().trim_end_matches('/');
        let mut url = address.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        // Schemas that others refer to stay readable when they are deleted.
        url.set_query(Some("deleted=true"));
        let request = self.client.get(url).header("accept", ACCEPT);
        let request = match &self.identity {
            Identity::Nobody => request,
            Identity::User { name, password } => request.basic_auth(name, password.as_deref()),
            Identity::Bearer(token) => request.bearer_auth(token),
        };
        let failed = |error: reqwest::Error| format!("{shown}: {}", cause(&error.without_url()));
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER_LIMIT_BYTES {
                let limit_mib = ANSWER_LIMIT_BYTES >> 20;
                return Err(format!("{shown} answered with more than {limit_mib} MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        // Answers are not repeated: what is between may put anything into them.
        if status.is_success() {
            let found = serde_json::from_slice(&body);
            let found =
                found.map_err(|_| format!("{shown} answered with something else than a schema"));
            return found.map(Answered::Found);
        }
        if status == StatusCode::NOT_FOUND {
            let refusal = serde_json::from_slice::<Refusal>(&body).ok();
            return match refusal {
                Some(Refusal { error_code: 40_400..=40_499 }) => Ok(Answered::Absent),
                _ => Err(format!("{shown} answered {status} as to a path it does not know")),
            };
        }
        Err(format!("{shown} answered {status}"))
    }
}

fn unusable(id: u32, why: &str) -> Writer {
    Writer::Unusable(format!("written with schema {id}, which cannot be used: {why}"))
}

fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, String> {
    let at = path.display();
    let pem = std::fs::read(path)
        .map_err(|error| format!("the certificates in ssl_ca_location {at}: {error}"))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() {
        return Err(format!("there is no PEM certificate in ssl_ca_location {at}"));
    }
    Ok(found)
}

/// The innermost of what went wrong: what a person can mend.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| error.to_string(), ToString::to_string)
}
