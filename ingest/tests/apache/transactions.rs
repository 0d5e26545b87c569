//! Messages of transactions: the committed land, the aborted do not, and the
//! marks that end them, which take offsets but are no messages, are no reason to
//! wait for more.

use std::collections::BTreeMap;
use std::time::Duration;

use loadstar_ingest::StoppedBy;
use loadstar_schema::Table;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::kafka::Kafka;
use crate::world::{Broker, Lake, expected, land, meter, payload, produce};

fn transaction(producer: &BaseProducer, broker: &Broker, sequences: std::ops::Range<i32>) {
    producer.begin_transaction().expect("begun");
    for sequence in sequences {
        let (key, payload) = (meter(sequence), payload(sequence));
        let record = BaseRecord::to(&broker.topic).key(&key).payload(&payload);
        producer.send(record).expect("sent");
    }
    producer.flush(Duration::from_secs(20)).expect("delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_transactions_what_is_committed_lands_and_the_end_is_reached() {
    let Some(kafka) = Kafka::shared() else { return };
    let (reads, weather) = (kafka.clone().topic(2), kafka.topic(2));
    produce(&reads, 0..100);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &reads.servers)
        .set("transactional.id", &reads.topic)
        .create()
        .expect("a producer");
    let within = Duration::from_secs(30);
    producer.init_transactions(within).expect("ready");
    transaction(&producer, &reads, 100..200);
    producer.commit_transaction(within).expect("committed");
    transaction(&producer, &reads, 200..300);
    producer.abort_transaction(within).expect("aborted");
    transaction(&producer, &weather, 0..30);
    producer.abort_transaction(within).expect("aborted");

    let lake = Lake::new();
    let mut options = lake.options(&reads);
    options.topics =
        BTreeMap::from([(Table::MeterReads, reads.topic), (Table::Weather, weather.topic)]);
    let summary = land(options).await.expect("landed");
    assert_eq!((summary.stopped_by, summary.total.messages), (StoppedBy::End, 200));
    assert_eq!(lake.found().await, expected(0..200));
}
