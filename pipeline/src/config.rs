//! Configuration in layers: the embedded `default.toml`, then the user's file,
//! then the environment for secrets.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use loadstar_ingest::RegistryOptions;
use serde::Deserialize;
use toml::{Table, Value};

const DEFAULTS: &str = include_str!("default.toml");

/// Tables whose keys are somebody else's: passed on as they are.
const OPEN_TABLES: &[&str] = &["lake.s3", "kafka.properties"];

/// The whole configuration.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    pub lake: LakeConfig,
    pub kafka: KafkaConfig,
    pub ingest: IngestConfig,
    pub serve: ServeConfig,
    pub forecast: ForecastConfig,
    pub report: ReportConfig,
    pub retention: RetentionConfig,
    pub schedule: ScheduleConfig,
    #[serde(skip)]
    pub secrets: Secrets,
}

#[derive(Clone, Debug, Deserialize)]
pub struct LakeConfig {
    pub url: String,
    pub memory_limit_mib: usize,
    pub s3: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct KafkaConfig {
    pub brokers: String,
    pub group: String,
    pub group_protocol: String,
    pub pipeline: String,
    pub connect_timeout_s: u64,
    pub topics: BTreeMap<String, String>,
    pub schema_registry: SchemaRegistryConfig,
    pub properties: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct SchemaRegistryConfig {
    pub url: String,
    pub user: String,
    pub ssl_ca_location: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct IngestConfig {
    pub flush_after_ms: u64,
    pub flush_rows: usize,
    pub memory_limit_mib: usize,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ServeConfig {
    pub postgres: String,
    pub http: String,
    pub user: String,
    pub tls_certificate: String,
    pub tls_key: String,
    pub refresh_s: u64,
    pub max_connections: usize,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ForecastConfig {
    pub horizon: String,
    pub quantiles: Vec<f64>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ReportConfig {
    pub organization_en: String,
    pub organization_zh: String,
    pub languages: Vec<String>,
    pub folder: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ScheduleConfig {
    pub rollup_every: String,
    pub vee_every: String,
    pub compact_every: String,
    pub vacuum_every: String,
    pub vacuum_keep: String,
    pub models_at: String,
    pub report_at: String,
    pub report_weekday: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub struct RetentionConfig {
    pub dead_letters: String,
}

impl RetentionConfig {
    /// How long dead letters are kept; `None` is for good.
    pub fn dead_letters(&self) -> Result<Option<std::time::Duration>> {
        let text = &self.dead_letters;
        if text.is_empty() {
            return Ok(None);
        }
        let span = humantime::parse_duration(text).with_context(|| {
            format!("retention.dead_letters: `{text}` is not a span such as 365d")
        })?;
        if span < std::time::Duration::from_secs(24 * 3600) {
            bail!("retention.dead_letters: {text} is less than a day, in which nobody mends them");
        }
        Ok(Some(span))
    }
}

/// What comes from the environment alone. Its `Debug` shows nothing.
#[derive(Clone, Default)]
pub struct Secrets {
    pub postgres_password: Option<String>,
    pub s3_access_key_id: Option<String>,
    pub s3_secret_access_key: Option<String>,
    pub schema_registry_password: Option<String>,
    pub schema_registry_token: Option<String>,
    /// Secret properties of the Kafka client, by name.
    pub kafka: BTreeMap<String, String>,
}

/// Properties of the Kafka client that are secret, and where they come from.
const SECRET_PROPERTIES: &[(&str, &str)] = &[
    ("sasl.password", "LOADSTAR_KAFKA_PASSWORD"),
    ("sasl.oauthbearer.client.secret", "LOADSTAR_KAFKA_CLIENT_SECRET"),
    ("ssl.key.password", "LOADSTAR_KAFKA_KEY_PASSWORD"),
    ("ssl.keystore.password", "LOADSTAR_KAFKA_KEYSTORE_PASSWORD"),
];

/// A secret from the environment, or from the file that it names.
fn secret(name: &str, env: impl Fn(&str) -> Option<String>) -> Result<Option<String>> {
    let file = format!("{name}_FILE");
    match (env(name), env(&file)) {
        (Some(_), Some(_)) => bail!("{name} and {file} are both set; which one holds?"),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {path}, which {file} names"))?;
            // Editors end files with a newline.
            Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        (value, None) => Ok(value),
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Config {
    /// Reads the layers. `env` looks a variable up.
    pub fn load(file: Option<&Path>, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut layers = defaults()?;
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).with_context(|| {
                format!("cannot read the configuration file {}", path.display())
            })?;
            let table: Table = toml::from_str(&text)
                .with_context(|| format!("{} is not valid TOML", path.display()))?;
            overlay(&mut layers, table, "")
                .with_context(|| format!("in the configuration file {}", path.display()))?;
        }
        let mut config: Self = layers.try_into().map_err(|error: toml::de::Error| {
            let place = file.map_or("the defaults".into(), |path| path.display().to_string());
            anyhow::anyhow!("{place}: {}", error.message())
        })?;
        let misplaced = |(name, _): &&(&str, &str)| config.kafka.properties.contains_key(*name);
        if let Some((name, variable)) = SECRET_PROPERTIES.iter().find(misplaced) {
            bail!(
                "kafka.properties.{name} is a secret, which does not belong in a configuration \
                 file: put it into the environment as {variable}, or its file's path as \
                 {variable}_FILE"
            );
        }
        if !config.kafka.schema_registry.url.is_empty() {
            config.registry_options().check().context("kafka.schema_registry")?;
        }
        let secret = |name: &str| secret(name, &env);
        config.secrets = Secrets {
            postgres_password: secret("LOADSTAR_POSTGRES_PASSWORD")?,
            s3_access_key_id: secret("LOADSTAR_S3_ACCESS_KEY_ID")?,
            s3_secret_access_key: secret("LOADSTAR_S3_SECRET_ACCESS_KEY")?,
            schema_registry_password: secret("LOADSTAR_SCHEMA_REGISTRY_PASSWORD")?,
            schema_registry_token: secret("LOADSTAR_SCHEMA_REGISTRY_TOKEN")?,
            kafka: (SECRET_PROPERTIES.iter())
                .filter_map(|(name, variable)| {
                    Some(secret(variable).transpose()?.map(|value| ((*name).to_owned(), value)))
                })
                .collect::<Result<_>>()?,
        };
        Ok(config)
    }

    /// The Kafka client's properties, secrets among them: never print these.
    pub fn kafka_properties(&self) -> BTreeMap<String, String> {
        let mut properties = self.kafka.properties.clone();
        properties.extend(self.secrets.kafka.clone());
        properties
    }

    /// Where the schema registry is, and who asks.
    pub fn registry_options(&self) -> RegistryOptions {
        let SchemaRegistryConfig { url, user, ssl_ca_location } =
            self.kafka.schema_registry.clone();
        RegistryOptions {
            url,
            user,
            password: self.secrets.schema_registry_password.clone(),
            token: self.secrets.schema_registry_token.clone(),
            ssl_ca_location,
        }
    }

    /// The S3 client's options, secrets among them: never print these.
    pub fn s3_options(&self) -> HashMap<String, String> {
        let mut options: HashMap<_, _> = self.lake.s3.clone().into_iter().collect();
        let secrets = [
            ("access_key_id", &self.secrets.s3_access_key_id),
            ("secret_access_key", &self.secrets.s3_secret_access_key),
        ];
        for (key, secret) in secrets {
            if let Some(secret) = secret {
                options.insert(key.into(), secret.clone());
            }
        }
        options
    }
}

/// The effective configuration as TOML, with values that look secret masked.
pub fn effective(file: Option<&Path>) -> Result<String> {
    let mut layers = defaults()?;
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        overlay(&mut layers, toml::from_str(&text)?, "")?;
    }
    // It may hold a secret that belongs elsewhere.
    let url = layers["kafka"]["schema_registry"]["url"].as_str().unwrap_or_default().to_owned();
    if !url.is_empty() {
        let options = RegistryOptions { url, ..RegistryOptions::default() };
        options.check().context("kafka.schema_registry")?;
    }
    mask(&mut layers);
    Ok(toml::to_string_pretty(&layers)?)
}

fn mask(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        let key = key.to_lowercase();
        let secret = ["password", "secret", "token", "access_key", "jaas"];
        match value {
            Value::Table(inner) => mask(inner),
            Value::String(text) if secret.iter().any(|word| key.contains(word)) => {
                *text = "(hidden)".into();
            }
            _ => {}
        }
    }
}

fn defaults() -> Result<Table> {
    toml::from_str(DEFAULTS).context("the built-in default.toml")
}

/// Lays `over` onto `base`; a key that `base` does not have is refused.
fn overlay(base: &mut Table, over: Table, place: &str) -> Result<()> {
    for (key, value) in over {
        let path = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(over)) if OPEN_TABLES.contains(&&*path) => {
                base.extend(over.into_iter().map(|(key, value)| (key, as_text(value))));
            }
            (Some(Value::Table(base)), Value::Table(over)) => overlay(base, over, &path)?,
            (Some(slot), value) if slot.same_type(&value) => *slot = value,
            (Some(slot), value) => bail!(
                "{path} must be of type {}, not {}; see `loadstar config` for the defaults",
                slot.type_str(),
                value.type_str()
            ),
            (None, _) => {
                let nearest = base
                    .keys()
                    .map(|known| (strsim::damerau_levenshtein(known, &key), known))
                    .filter(|(distance, known)| *distance <= known.len().max(3) / 2)
                    .min();
                let known = base.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                match nearest {
                    Some((_, nearest)) => {
                        bail!("unknown key {path}; did you mean `{nearest}`? (known here: {known})")
                    }
                    None => bail!("unknown key {path}; known here: {known}"),
                }
            }
        }
    }
    Ok(())
}

/// Clients take their options as text.
fn as_text(value: Value) -> Value {
    match value {
        Value::String(_) => value,
        other => Value::String(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Config> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        Config::load(Some(file.path()), |_| None)
    }

    #[test]
    fn defaults_are_complete() {
        let config = Config::load(None, |_| None).expect("defaults");
        assert_eq!(config.kafka.topics["bills"], "bills");
        assert!(config.secrets.postgres_password.is_none());
    }

    #[test]
    fn a_file_overrides_only_what_it_names() {
        let config =
            with("[kafka]\nbrokers = \"a:1\"\n[kafka.properties]\n\"fetch.min.bytes\" = 5\n")
                .expect("a good file");
        assert_eq!(config.kafka.brokers, "a:1");
        assert_eq!(config.kafka.properties["fetch.min.bytes"], "5");
        assert_eq!(config.kafka.group, "loadstar");
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        let error = format!("{:#}", with("[kafka]\nbroker = \"a:1\"\n").expect_err("unknown"));
        assert!(error.contains("unknown key kafka.broker; did you mean `brokers`?"), "{error}");
    }

    #[test]
    fn a_wrong_type_names_both() {
        let error = format!("{:#}", with("[ingest]\nflush_rows = \"many\"\n").expect_err("type"));
        assert!(error.contains("ingest.flush_rows must be of type integer, not string"), "{error}");
    }

    #[test]
    fn a_secret_may_be_in_a_file_of_its_own_and_in_no_other() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "hunter2\n").expect("written");
        let path = file.path().display().to_string();
        let env = |name: &str| (name == "LOADSTAR_KAFKA_PASSWORD_FILE").then(|| path.clone());
        let config = Config::load(None, env).expect("defaults");
        assert_eq!(config.kafka_properties()["sasl.password"], "hunter2");
        assert!(!format!("{config:?}").contains("hunter2"));
        let text = "[kafka.properties]\n\"sasl.password\" = \"hunter2\"\n";
        let error = format!("{:#}", with(text).expect_err("misplaced"));
        assert!(error.contains("LOADSTAR_KAFKA_PASSWORD_FILE"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_secret_within_the_registrys_address_is_refused_and_not_repeated() {
        let text = "[kafka.schema_registry]\nurl = \"http://kim:hunter2@registry:8081\"\n";
        let error = format!("{:#}", with(text).expect_err("misplaced"));
        assert!(error.contains("LOADSTAR_SCHEMA_REGISTRY_PASSWORD"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        let error = format!("{:#}", effective(Some(file.path())).expect_err("misplaced"));
        assert!(!error.contains("hunter2"), "{error}");
        let config = Config::load(None, |name| {
            (name == "LOADSTAR_SCHEMA_REGISTRY_TOKEN").then(|| "hunter2".to_owned())
        });
        let config = config.expect("defaults");
        assert_eq!(config.registry_options().token.as_deref(), Some("hunter2"));
        assert!(!format!("{config:?} {:?}", config.registry_options()).contains("hunter2"));
    }

    #[test]
    fn dead_letters_are_kept_for_good_unless_a_span_says_otherwise() {
        let kept = |text: &str| {
            let text = format!("[retention]\ndead_letters = \"{text}\"\n");
            with(&text).expect("a good file").retention.dead_letters()
        };
        assert_eq!(kept("").expect("off"), None);
        let year = std::time::Duration::from_secs(365 * 24 * 3600);
        assert_eq!(kept("365d").expect("a span"), Some(year));
        for text in ["a year", "1h"] {
            let error = format!("{:#}", kept(text).expect_err(text));
            assert!(error.contains("retention.dead_letters") && error.contains(text), "{error}");
        }
    }

    #[test]
    fn secrets_come_from_the_environment_and_stay_out_of_debug() {
        let config = Config::load(None, |name| {
            (name == "LOADSTAR_POSTGRES_PASSWORD").then(|| "hunter2".to_owned())
        })
        .expect("defaults");
        assert_eq!(config.secrets.postgres_password.as_deref(), Some("hunter2"));
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
