//! Which fold a row belongs to: by its id and the seed, never by its place.

use std::collections::HashMap;

use crate::random::{STEP, finish};

/// A well-mixed 64-bit key of an id: FNV-1a, finished with SplitMix64.
pub(super) fn shuffle_key(id: &str, seed: u64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(STEP);
    for byte in id.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    finish(hash)
}

/// The rows in an order that depends on their ids and the seed alone, so that
/// a query returning them in another order gives the same result.
pub(super) fn canonical_order(ids: &[String], rows: &[usize], seed: u64) -> Vec<usize> {
    let mut keyed: Vec<(u64, usize)> =
        rows.iter().map(|&row| (shuffle_key(&ids[row], seed), row)).collect();
    keyed.sort_unstable_by(|a, b| (a.0, &ids[a.1], a.1).cmp(&(b.0, &ids[b.1], b.1)));
    keyed.into_iter().map(|(_, row)| row).collect()
}

/// Fold of each row of `order` (canonical), 0 to `folds` − 1. Rows that share
/// an id share a fold; ids with and without a positive row are dealt out
/// separately, so that the folds agree in size and in base rate.
pub(super) fn stratified(
    ids: &[String],
    labels: &[bool],
    order: &[usize],
    folds: usize,
) -> Vec<usize> {
    let mut risky: HashMap<&str, bool> = HashMap::with_capacity(order.len());
    for &row in order {
        *risky.entry(&ids[row]).or_default() |= labels[row];
    }
    let mut dealt = [0usize; 2];
    let mut fold_of: HashMap<&str, usize> = HashMap::with_capacity(risky.len());
    order
        .iter()
        .map(|&row| {
            let id = ids[row].as_str();
            *fold_of.entry(id).or_insert_with(|| {
                let class = usize::from(risky[id]);
                dealt[class] += 1;
                (dealt[class] - 1) % folds
            })
        })
        .collect()
}
