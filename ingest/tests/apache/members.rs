//! Groups whose members the broker tells apart by itself (KIP-848), which the
//! embedded broker does only half: a member of it cannot leave.

use loadstar_ingest::GroupProtocol;

use crate::formats::a_partition_moves_while_it_waits_by;
use crate::groups::{members_come_and_go, members_die_in_rebalances};
use crate::kafka::Kafka;

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_where_the_broker_assigns() {
    // Keeps the node that the others use; without one there is no such test.
    let Some(_kafka) = Kafka::shared() else { return };
    members_come_and_go(GroupProtocol::Consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_die_in_rebalances_where_the_broker_assigns() {
    let Some(_kafka) = Kafka::shared() else { return };
    members_die_in_rebalances(GroupProtocol::Consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_find_out_what_the_broker_offers() {
    let Some(_kafka) = Kafka::shared() else { return };
    members_come_and_go(GroupProtocol::Auto).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_moves_while_it_waits_where_the_broker_assigns() {
    let Some(_kafka) = Kafka::shared() else { return };
    a_partition_moves_while_it_waits_by(GroupProtocol::Consumer).await;
}
