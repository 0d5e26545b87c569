//! A store on the local disk that fails, loses replies, is slow, or keeps
//! another time than this machine.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use deltalake_core::logstore::{
    LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore,
    logstore_factories, object_store_factories,
};
use deltalake_core::{DeltaResult, DeltaTableError};
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _, iter, once};
use loadstar_ingest::LakeUrl;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use url::Url;

use crate::world::Lake;

/// What is wrong with a store; may change while it is in use.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// Of a thousand operations so many fail.
    pub(crate) failing: AtomicU32,
    /// Of a thousand puts so many take effect, and say that they failed.
    pub(crate) losing_replies: AtomicU32,
    /// So many of the next puts take effect, and say that they failed.
    pub(crate) losing_next: AtomicU32,
    /// Operations that failed or lost their reply.
    pub(crate) failed: AtomicUsize,
    /// How long a put takes, milliseconds.
    pub(crate) put_ms: AtomicU64,
    /// How far the store's clock is behind this machine's, days.
    pub(crate) days_behind: AtomicI64,
    random: Mutex<Pcg64Mcg>,
}

impl Trouble {
    /// A lake in a store without trouble as yet.
    pub(crate) fn lake(seed: u64) -> (Lake, Arc<Self>) {
        let mut lake = Lake::new();
        let (url, trouble) = Self::over(lake.dir.path(), seed);
        lake.url = url;
        (lake, trouble)
    }

    /// The lake in a folder, seen through a store without trouble as yet.
    pub(crate) fn over(folder: &std::path::Path, seed: u64) -> (LakeUrl, Arc<Self>) {
        let trouble = Arc::new(Self {
            failing: AtomicU32::new(0),
            losing_replies: AtomicU32::new(0),
            losing_next: AtomicU32::new(0),
            failed: AtomicUsize::new(0),
            put_ms: AtomicU64::new(0),
            days_behind: AtomicI64::new(0),
            random: Mutex::new(Pcg64Mcg::seed_from_u64(seed)),
        });
        let mut stores = STORES.stores.lock().expect("no panic");
        let bucket = format!("trouble-{}", stores.len());
        let url = format!("s3a://{bucket}/lake").parse().expect("a lake");
        let inner = LocalFileSystem::new_with_prefix(folder).expect("a folder");
        stores.insert(bucket, Arc::new(Store { inner, trouble: trouble.clone() }));
        (url, trouble)
    }

    fn happens(&self, of_a_thousand: &AtomicU32) -> Result<()> {
        let odds = of_a_thousand.load(Ordering::Relaxed);
        let happens = odds > self.random.lock().expect("no panic").random_range(0..1000);
        if happens { Err(self.failure()) } else { Ok(()) }
    }

    fn loses_reply(&self) -> Result<()> {
        let fewer = |left: u32| left.checked_sub(1);
        if self.losing_next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok() {
            return Err(self.failure());
        }
        self.happens(&self.losing_replies)
    }

    fn failure(&self) -> Error {
        self.failed.fetch_add(1, Ordering::Relaxed);
        Error::Generic { store: "troubled", source: "out of order".into() }
    }

    fn fails(&self) -> Result<()> {
        self.happens(&self.failing)
    }

    fn dated(&self, meta: ObjectMeta) -> ObjectMeta {
        let behind = TimeDelta::days(self.days_behind.load(Ordering::Relaxed));
        ObjectMeta { last_modified: meta.last_modified - behind, ..meta }
    }
}

/// The stores of this process, by the name of their bucket.
static STORES: LazyLock<Arc<Stores>> = LazyLock::new(|| {
    let stores = Arc::new(Stores::default());
    let scheme = Url::parse("s3a://").expect("an address");
    object_store_factories().insert(scheme.clone(), stores.clone());
    logstore_factories().insert(scheme, stores.clone());
    stores
});

#[derive(Default)]
struct Stores {
    stores: Mutex<HashMap<String, ObjectStoreRef>>,
}

impl ObjectStoreFactory for Stores {
    fn parse_url_opts(
        &self,
        url: &Url,
        _config: &StorageConfig,
    ) -> DeltaResult<(ObjectStoreRef, Path)> {
        let stores = self.stores.lock().expect("no panic");
        let store = stores.get(url.host_str().unwrap_or_default());
        let unknown = || DeltaTableError::InvalidTableLocation(url.to_string());
        Ok((store.ok_or_else(unknown)?.clone(), Path::from_url_path(url.path())?))
    }
}

impl LogStoreFactory for Stores {
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

#[derive(Debug)]
struct Store {
    inner: LocalFileSystem,
    trouble: Arc<Trouble>,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("troubled")
    }
}

#[async_trait]
impl ObjectStore for Store {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.trouble.fails()?;
        let slow = self.trouble.put_ms.load(Ordering::Relaxed);
        if slow > 0 {
            tokio::time::sleep(Duration::from_millis(slow)).await;
        }
        let put = self.inner.put_opts(location, payload, options).await?;
        self.trouble.loses_reply()?;
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.trouble.fails()?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.trouble.fails()?;
        let mut got = self.inner.get_opts(location, options).await?;
        got.meta = self.trouble.dated(got.meta);
        Ok(got)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if let Err(error) = self.trouble.fails() {
            return once(async { Err(error) }).boxed();
        }
        let (trouble, listed) = (self.trouble.clone(), self.inner.list(prefix));
        // As object stores do, and Delta counts on it of all but folders.
        let sorted = async move {
            let mut all: Vec<ObjectMeta> = listed.try_collect().await?;
            all.sort_by(|one, other| one.location.cmp(&other.location));
            Ok::<_, Error>(iter(all).map(move |meta| Ok(trouble.dated(meta))))
        };
        once(sorted).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.trouble.fails()?;
        let mut listed = self.inner.list_with_delimiter(prefix).await?;
        for meta in &mut listed.objects {
            *meta = self.trouble.dated(meta.clone());
        }
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.trouble.fails()?;
        self.inner.copy_opts(from, to, options).await
    }
}
