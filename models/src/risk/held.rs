//! Which rows are learnt from, and which judged by.
//!
//! Rows that share an id share a fold. Where the rows have instants, only the last
//! of these are judged, by what other ids were known for an embargo before them:
//! then no outcome is learnt from that came in while one is being foretold.

use super::error::{Result, RiskError};
use super::folds::stratified;
use super::table::RiskTable;

/// Share of the rows that the held out instants have to make up, and that has to
/// be left before them.
const MIN_TIME_SHARE: f64 = 0.15;
/// Rows of the scarcer outcome that the held out instants have to have.
const MIN_LATE_ROWS: usize = 30;

/// What each fold learns from and is judged on.
pub(super) struct Held {
    /// Rows learnt from, and rows judged.
    pub(super) folds: Vec<(Vec<usize>, Vec<usize>)>,
    /// First instant judged; `None` where all rows are, whatever their instant.
    pub(super) from: Option<i64>,
}

impl Held {
    /// The rows of `order` (canonical) in `folds`, with `embargo_days` between
    /// what is learnt from and what is judged. Without enough rows before and
    /// after an embargo time plays no part.
    ///
    /// # Errors
    /// `TooFewOfClass` unless both outcomes occur in every part.
    pub(super) fn of(
        table: &RiskTable,
        labels: &[bool],
        order: &[usize],
        (folds, embargo_days): (usize, i64),
    ) -> Result<Self> {
        let fold_of = stratified(table.ids(), labels, order, folds);
        let part = |fold: usize, cut: Option<(&[i64], i64)>| {
            let dealt = || order.iter().zip(&fold_of);
            let early =
                |row: usize| cut.is_none_or(|(instants, from)| instants[row] < from - embargo_days);
            let late = |row: usize| cut.is_none_or(|(instants, from)| instants[row] >= from);
            let learnt = dealt().filter(|&(&row, &of)| of != fold && early(row));
            let judged = dealt().filter(|&(&row, &of)| of == fold && late(row));
            (learnt.map(|(&row, _)| row).collect(), judged.map(|(&row, _)| row).collect())
        };
        let parts = |cut| (0..folds).map(|fold| part(fold, cut)).collect::<Vec<_>>();
        let lacking = |folds: &[(Vec<usize>, Vec<usize>)]| {
            let both = folds.iter().flat_map(|(learnt, judged)| [learnt, judged]);
            let without =
                |label: bool| both.clone().any(|rows| rows.iter().all(|&row| labels[row] != label));
            [true, false].into_iter().find(|&label| without(label))
        };
        let cut = table.instants().and_then(|instants| {
            cut(order, instants, labels, embargo_days).map(|from| (instants, from))
        });
        if let Some((instants, from)) = cut {
            let folds = parts(Some((instants, from)));
            if lacking(&folds).is_none() {
                return Ok(Self { folds, from: Some(from) });
            }
        }
        let dealt = parts(None);
        if let Some(label) = lacking(&dealt) {
            let have = order.iter().filter(|&&row| labels[row] == label).count();
            return Err(RiskError::TooFewOfClass { label, have, rows: order.len(), need: folds });
        }
        Ok(Self { folds: dealt, from: None })
    }

    /// All rows judged, fold by fold.
    pub(super) fn judged(&self) -> impl Iterator<Item = usize> {
        self.folds.iter().flat_map(|(_, judged)| judged.iter().copied())
    }
}

/// The latest instant from which on enough rows are held out, with enough left
/// before the embargo; `None` if there is none.
fn cut(order: &[usize], instants: &[i64], labels: &[bool], embargo_days: i64) -> Option<i64> {
    let mut distinct: Vec<i64> = order.iter().map(|&row| instants[row]).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let enough = |is_in: &dyn Fn(i64) -> bool| {
        let rows = || order.iter().filter(|&&row| is_in(instants[row]));
        let positives = rows().filter(|&&row| labels[row]).count();
        let count = rows().count();
        count as f64 >= MIN_TIME_SHARE * order.len() as f64
            && positives.min(count - positives) >= MIN_LATE_ROWS
    };
    distinct.into_iter().rev().find(|&from| {
        enough(&|instant| instant >= from) && enough(&|instant| instant < from - embargo_days)
    })
}
