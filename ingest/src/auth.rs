//! Who the process is to the brokers: properties as Kafka's own clients name
//! them, and bearer tokens fetched when the client library wants one.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use rdkafka::ClientConfig;
use rdkafka::client::OAuthToken;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;
use serde::Deserialize;
use url::Url;

use crate::IngestError;

/// Where tokens come from: `https://…` by client credentials, or `file:///…`.
const ENDPOINT: &str = "sasl.oauthbearer.token.endpoint.url";
const CLIENT_ID: &str = "sasl.oauthbearer.client.id";
const CLIENT_SECRET: &str = "sasl.oauthbearer.client.secret";
const SCOPE: &str = "sasl.oauthbearer.scope";
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// For a token that does not say when it ends.
const LIFETIME: Duration = Duration::from_secs(300);

/// Bearer tokens for `sasl.mechanism=OAUTHBEARER`. Holds a secret: without
/// `Debug` on purpose.
pub(crate) enum Tokens {
    /// Another mechanism, or none.
    None,
    /// A file that somebody keeps fresh, read each time.
    File(PathBuf),
    /// OAuth 2.0 client credentials (RFC 6749, section 4.4).
    ClientCredentials { endpoint: Url, id: String, secret: String, scope: Option<String> },
}

/// Sets the properties, but for those of bearer tokens, which are returned.
pub(crate) fn configure(
    config: &mut ClientConfig,
    properties: &BTreeMap<String, String>,
) -> Result<Tokens, IngestError> {
    let own = [ENDPOINT, CLIENT_ID, CLIENT_SECRET, SCOPE];
    for (name, value) in properties.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
        config.set(name, value);
    }
    let mechanism = ["sasl.mechanism", "sasl.mechanisms"].iter().find_map(|n| properties.get(*n));
    if mechanism.is_none_or(|mechanism| mechanism != "OAUTHBEARER") {
        return Ok(Tokens::None);
    }
    let refuse = |reason: String| IngestError::Options { option: "properties", reason };
    let property = |name: &str| {
        let missing = || refuse(format!("{name} is missing, which OAUTHBEARER needs"));
        properties.get(name).cloned().ok_or_else(missing)
    };
    let text = property(ENDPOINT)?;
    let endpoint = Url::parse(&text)
        .map_err(|error| refuse(format!("{ENDPOINT} {text:?} is not an address: {error}")))?;
    match endpoint.scheme() {
        "file" => endpoint.to_file_path().map(Tokens::File).map_err(|()| {
            refuse(format!("{ENDPOINT} {text:?} is no local file; write file:///path/of/it"))
        }),
        "http" | "https" => Ok(Tokens::ClientCredentials {
            endpoint,
            id: property(CLIENT_ID)?,
            secret: property(CLIENT_SECRET)?,
            scope: properties.get(SCOPE).cloned(),
        }),
        _ => Err(refuse(format!("{ENDPOINT} is {text:?}; write https://… or file:///…"))),
    }
}

/// The client library's error about a property, without a value that may be
/// secret.
pub(crate) fn without_secrets(error: KafkaError) -> KafkaError {
    match error {
        KafkaError::ClientConfig(code, detail, name, value) => {
            let secret = ["password", "secret", "token", "key", "jaas", "config"];
            // The name of a property that there is not may be a secret's, mistyped.
            let hide = code == RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN
                || secret.iter().any(|word| name.contains(word));
            let value = if hide { "(hidden)".to_owned() } else { value };
            KafkaError::ClientConfig(code, detail, name, value)
        }
        other => other,
    }
}

impl Tokens {
    /// Whether the library will ask.
    pub(crate) fn wanted(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// A fresh token. Blocks; what goes wrong is said without the secret.
    pub(crate) fn fetch(&self) -> Result<OAuthToken, Box<dyn Error>> {
        let (token, lifetime, fallback) = match self {
            Self::None => return Err("no source of bearer tokens is configured".into()),
            Self::File(path) => {
                let read = std::fs::read_to_string(path);
                let token =
                    read.map_err(|error| format!("the token in {}: {error}", path.display()))?;
                (token.trim().to_owned(), None, "file")
            }
            Self::ClientCredentials { endpoint, id, secret, scope } => {
                let answer = ask(endpoint, id, secret, scope.as_deref())?;
                (answer.access_token, answer.expires_in.map(Duration::from_secs), id.as_str())
            }
        };
        let claims = claims(&token).unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ends = claims.exp.map_or_else(
            || now + lifetime.unwrap_or(LIFETIME),
            |seconds| Duration::from_secs_f64(seconds.clamp(0.0, 1e11)),
        );
        Ok(OAuthToken {
            principal_name: claims.sub.unwrap_or_else(|| fallback.to_owned()),
            lifetime_ms: i64::try_from(ends.as_millis()).unwrap_or(i64::MAX),
            token,
        })
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<u64>,
}

fn ask(
    endpoint: &Url,
    id: &str,
    secret: &str,
    scope: Option<&str>,
) -> Result<Answer, Box<dyn Error>> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if let Some(scope) = scope {
        form.append_pair("scope", scope);
    }
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = BASE64_STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
    let request = reqwest::Client::builder()
        .timeout(ANSWER_WITHIN)
        .build()?
        .post(endpoint.clone())
        .header("authorization", format!("Basic {credentials}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.finish());
    let asking = async move {
        let response = request.send().await?;
        let status = response.status();
        Ok::<_, reqwest::Error>((status, response.bytes().await?))
    };
    // A thread of its own: the library asks from whatever thread polls.
    let answered = std::thread::scope(|scope| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let asked = scope.spawn(move || runtime.block_on(asking)).join();
        Ok::<_, std::io::Error>(asked)
    })?;
    let (status, body) = answered.map_err(|_| "asking for a token panicked")??;
    if !status.is_success() {
        let body = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        return Err(format!("{endpoint} answered {status} to client {id}: {body}").into());
    }
    serde_json::from_slice(&body)
        // The answer may hold a token: it is not shown.
        .map_err(|_| format!("{endpoint} did not answer with an access_token").into())
}

#[derive(Default, Deserialize)]
struct Claims {
    exp: Option<f64>,
    sub: Option<String>,
}

/// The claims of a JWT; `None` for a token that is none.
fn claims(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(properties: &[(&str, &str)]) -> Result<Tokens, IngestError> {
        let properties = properties.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        configure(&mut ClientConfig::new(), &properties.collect())
    }

    #[test]
    fn a_token_file_is_read_each_time() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let address = Url::from_file_path(file.path()).expect("an address");
        let tokens = configured(&[("sasl.mechanism", "OAUTHBEARER"), (ENDPOINT, address.as_str())]);
        let tokens = tokens.expect("a source");
        let jwt = |sub: &str| {
            let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
            let claims = format!(r#"{{"sub":"{sub}","exp":1900000000}}"#);
            format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&claims))
        };
        for sub in ["alice", "bob"] {
            std::fs::write(file.path(), format!("{}\n", jwt(sub))).expect("written");
            let token = tokens.fetch().expect("a token");
            assert_eq!((token.principal_name, token.lifetime_ms), (sub.into(), 1_900_000_000_000));
            assert_eq!(token.token, jwt(sub));
        }
    }

    #[test]
    fn what_is_missing_is_named_and_no_secret_is() {
        let bearer = ("sasl.mechanism", "OAUTHBEARER");
        let error = configured(&[bearer]).err().expect("incomplete").to_string();
        assert!(error.contains(ENDPOINT), "{error}");
        let endpoint = (ENDPOINT, "https://id.example/token");
        let error = configured(&[bearer, endpoint, (CLIENT_SECRET, "hunter2")]);
        let error = error.err().expect("incomplete").to_string();
        assert!(error.contains(CLIENT_ID) && !error.contains("hunter2"), "{error}");
        let mut config = ClientConfig::new();
        config.set("sasl.password", "hunter2").set("ssl.key.password", "hunter2");
        config.set("sasl.passwort", "hunter2");
        let error = config.create_native_config().err().map(without_secrets).expect("unknown");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
