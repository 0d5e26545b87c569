//! S3 through object_store's own client, so that the AWS SDK stays out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use deltalake_core::logstore::{
    LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore,
    logstore_factories, object_store_factories,
};
use deltalake_core::{DeltaResult, DeltaTableError};
use object_store::ObjectStoreScheme;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::path::Path;
use url::Url;

use crate::IngestError;

/// Makes `s3://` lakes open, for this process, with `options`: the names that
/// AWS tools know, such as `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
/// `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`.
///
/// Commits rely on conditional put (`If-None-Match: *`), which the server must
/// honour: two writers of one table version must not both succeed.
///
/// # Errors
/// [`IngestError::Options`] for a name that is not one of these; values are
/// never part of the message.
pub fn register_s3(options: &HashMap<String, String>) -> Result<(), IngestError> {
    let mut known = Vec::with_capacity(options.len());
    for (name, value) in options {
        let key: AmazonS3ConfigKey = name.to_ascii_lowercase().parse().map_err(|_| {
            IngestError::Options { option: "s3", reason: format!("no S3 setting is called {name}") }
        })?;
        known.push((key, value.clone()));
    }
    let factory = Arc::new(S3 { options: known, stores: Mutex::default() });
    for scheme in ["s3://", "s3a://"] {
        let url = Url::parse(scheme)
            .map_err(|error| IngestError::Options { option: "s3", reason: error.to_string() })?;
        object_store_factories().insert(url.clone(), factory.clone());
        logstore_factories().insert(url, factory.clone());
    }
    Ok(())
}

/// Holds credentials: without `Debug` on purpose.
struct S3 {
    options: Vec<(AmazonS3ConfigKey, String)>,
    /// One client, and so one pool of connections, a bucket.
    stores: Mutex<HashMap<String, ObjectStoreRef>>,
}

impl ObjectStoreFactory for S3 {
    fn parse_url_opts(
        &self,
        url: &Url,
        _config: &StorageConfig,
    ) -> DeltaResult<(ObjectStoreRef, Path)> {
        let (_, path) = ObjectStoreScheme::parse(url)
            .map_err(|_| DeltaTableError::InvalidTableLocation(url.to_string()))?;
        let bucket = url.host_str().unwrap_or_default().to_owned();
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = stores.get(&bucket) {
            return Ok((store.clone(), path));
        }
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket)
            .with_conditional_put(S3ConditionalPut::ETagMatch);
        for (key, value) in &self.options {
            builder = builder.with_config(*key, value);
        }
        let store: ObjectStoreRef = Arc::new(builder.build()?);
        stores.insert(bucket, store.clone());
        Ok((store, path))
    }
}

impl LogStoreFactory for S3 {
    fn with_options(
        &self,
        prefixed_store: ObjectStoreRef,
        root_store: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(prefixed_store, root_store, location, options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_setting_is_refused_without_its_value() {
        let options = HashMap::from([("AWS_SECRET".to_owned(), "hunter2".to_owned())]);
        let error = register_s3(&options).expect_err("no such setting").to_string();
        assert!(error.contains("AWS_SECRET") && !error.contains("hunter2"), "{error}");
    }
}
