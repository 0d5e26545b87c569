//! The same guarantees from Apache Kafka into a bucket, whose commits rest on
//! conditional put.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use loadstar_ingest::register_s3;

use crate::broker;
use crate::ministack::S3;
use crate::world::Lake;

#[path = "../landing/compaction.rs"]
mod compaction;
#[path = "../landing/exactly_once.rs"]
mod exactly_once;

/// A lake in a bucket of its own: connections are a bucket's, and end with the
/// test that made them. On the local disk, said in words, where there is no
/// server.
fn lake() -> Lake {
    static SERVER: OnceLock<Option<S3>> = OnceLock::new();
    static LAKES: AtomicUsize = AtomicUsize::new(0);
    let server = SERVER.get_or_init(|| {
        let server = S3::start()?;
        let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let options = HashMap::from([
            option("aws_endpoint_url", &format!("http://{}", server.address)),
            option("aws_region", "us-east-1"),
            option("aws_allow_http", "true"),
            option("aws_access_key_id", "key"),
            option("aws_secret_access_key", "hunter2"),
        ]);
        register_s3(&options).expect("settings");
        Some(server)
    });
    let mut lake = Lake::new();
    if let Some(server) = server {
        let bucket = format!("lake-{}", LAKES.fetch_add(1, Ordering::Relaxed));
        server.make_bucket(&bucket);
        lake.url = format!("s3://{bucket}/").parse().expect("a lake");
    }
    lake
}
