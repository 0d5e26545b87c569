//! Columns as bins of one byte: quantiles for numbers, one bin a category.

use super::sample::{self, Draw};
use crate::parallel;

/// The bin of missing values, and of categories that are not known.
pub(super) const MISSING: usize = 255;
/// Numbers of a greater size are refused: there has to be a cut above all.
pub(super) const LARGEST: f64 = 1e300;
/// Columns that lie together: eight bytes a row, read at once.
pub(super) const LANES: usize = 8;
/// Rows whose values decide the cuts.
const SAMPLE_ROWS: usize = 200_000;
const CHUNK_ROWS: usize = 16_384;

/// What turns a column's values into bins.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cuts {
    /// Bin `i` holds the values up to `cuts[i]`, the last bin those above.
    Numbers(Vec<f64>),
    /// Bin `i` holds the value `categories[i]`; ascending.
    Categories(Vec<f64>),
}

impl Cuts {
    #[inline]
    fn bin(&self, value: f64) -> u8 {
        let place = match self {
            _ if value.is_nan() => MISSING,
            Self::Numbers(cuts) => cuts.partition_point(|cut| *cut < value),
            Self::Categories(known) => category(known, value),
        };
        place as u8
    }

    /// Bins beside that of missing values.
    pub(super) fn bins(&self) -> usize {
        match self {
            Self::Numbers(cuts) => cuts.len() + 1,
            Self::Categories(known) => known.len(),
        }
    }
}

/// Bin of a category: its place among the known ones.
pub(super) fn category(known: &[f64], value: f64) -> usize {
    known.binary_search_by(|other| other.total_cmp(&(value + 0.0))).unwrap_or(MISSING)
}

/// All rows in bins, twice: a split parts its rows by one column, a histogram
/// reads whole rows.
#[derive(Debug)]
pub(super) struct Binned {
    /// Column by column.
    pub(super) columns: Vec<Vec<u8>>,
    /// Row by row, [`groups`](Self::groups) times [`LANES`] columns each.
    pub(super) rows: Vec<[u8; LANES]>,
    pub(super) groups: usize,
    pub(super) cuts: Vec<Cuts>,
}

impl Binned {
    /// Bins `values`, row after row of `columns` finite or NaN numbers. The rows
    /// `training` decide the cuts; of very many, as many as are enough.
    pub(super) fn new(
        values: &[f64],
        columns: usize,
        training: &[u32],
        categories: &[usize],
        max_bins: usize,
        threads: usize,
    ) -> Self {
        let rows = values.len() / columns;
        let taken = training.len().min(SAMPLE_ROWS);
        let step = training.len() as f64 / taken as f64;
        let place = |i: usize| match taken == training.len() {
            true => i,
            false => ((i as f64 + sample::uniform(0, Draw::Cuts, 0, i)) * step) as usize,
        };
        let sample: Vec<usize> =
            (0..taken).map(|i| training[place(i).min(training.len() - 1)] as usize).collect();
        let cuts = parallel::each((0..columns).collect(), threads, |column| {
            let present = sample.iter().map(|row| values[row * columns + column]);
            let mut present: Vec<f64> =
                present.filter(|value| !value.is_nan()).map(|value| value + 0.0).collect();
            present.sort_unstable_by(f64::total_cmp);
            match categories.contains(&column) {
                true => Cuts::Categories(commonest(&distinct(&present), max_bins)),
                false => Cuts::Numbers(cuts(&distinct(&present), max_bins)),
            }
        });
        let groups = columns.div_ceil(LANES);
        let mut binned = Self {
            columns: vec![vec![0; rows]; columns],
            rows: vec![[0; LANES]; rows * groups],
            groups,
            cuts,
        };
        let cuts = &binned.cuts;
        let pieces = values.chunks(CHUNK_ROWS * columns);
        let pieces = pieces.zip(binned.rows.chunks_mut(CHUNK_ROWS * groups)).collect();
        parallel::each(pieces, threads, |(values, bins)| {
            for (row, bins) in values.chunks_exact(columns).zip(bins.chunks_exact_mut(groups)) {
                for column in 0..columns {
                    bins[column / LANES][column % LANES] = cuts[column].bin(row[column]);
                }
            }
        });
        let by_row = &binned.rows;
        let pieces = binned.columns.iter_mut().enumerate().collect();
        parallel::each(pieces, threads, |(column, bins)| {
            let (group, lane) = (column / LANES, column % LANES);
            for row in 0..bins.len() {
                bins[row] = by_row[row * groups + group][lane];
            }
        });
        binned
    }
}

/// The different values of ascending `values`, each with its count.
fn distinct(values: &[f64]) -> Vec<(f64, usize)> {
    let mut found: Vec<(f64, usize)> = Vec::new();
    for &value in values {
        match found.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => found.push((value, 1)),
        }
    }
    found
}

fn commonest(found: &[(f64, usize)], most: usize) -> Vec<f64> {
    let mut found = found.to_vec();
    found.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.total_cmp(&b.0)));
    let mut kept: Vec<f64> = found.iter().take(most).map(|(value, _)| *value).collect();
    kept.sort_unstable_by(f64::total_cmp);
    kept
}

/// Bins of about equal counts; a value that fills one alone gets it alone.
/// After LightGBM's greedy binning.
fn cuts(found: &[(f64, usize)], most: usize) -> Vec<f64> {
    if found.len() <= most {
        return found.windows(2).map(|pair| between(pair[0].0, pair[1].0)).collect();
    }
    let total: usize = found.iter().map(|(_, count)| count).sum();
    let fills = |count: usize| count * most >= total;
    let (mut rows, mut bins) = (total, most);
    for (_, count) in found.iter().filter(|(_, count)| fills(*count)) {
        rows -= count;
        bins -= 1;
    }
    let mut size = rows as f64 / bins.max(1) as f64;
    let (mut cuts, mut held) = (Vec::new(), 0);
    for pair in found.windows(2) {
        let ((value, count), (next, next_count)) = (pair[0], pair[1]);
        held += count;
        if !fills(count) {
            rows -= count;
        }
        let full = held as f64 >= size;
        if fills(count) || full || (fills(next_count) && held as f64 >= 0.5 * size) {
            cuts.push(between(value, next));
            held = 0;
            if cuts.len() + 1 == most {
                break;
            }
            if !fills(count) {
                bins = bins.saturating_sub(1);
                size = rows as f64 / bins.max(1) as f64;
            }
        }
    }
    cuts
}

/// The shortest decimal between `low` and `high` near the middle: it reads well
/// and comes back from text unchanged. `low` itself if there is none.
fn between(low: f64, high: f64) -> f64 {
    let middle = 0.5 * low + 0.5 * high;
    (0..15)
        .map(|digits| decimal(middle, digits))
        .find(|cut| low < *cut && *cut < high)
        .unwrap_or(low)
}

/// `value` to so many digits after the first.
pub(super) fn decimal(value: f64, digits: usize) -> f64 {
    format!("{value:.digits$e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_bin_each_and_short_cuts() {
        let binned = Binned::new(&[0.1, 0.3, f64::NAN, 0.2, 0.1], 1, &[0, 1, 2, 3, 4], &[], 255, 1);
        assert_eq!(binned.cuts, [Cuts::Numbers(vec![0.15, 0.25])]);
        let bins: Vec<u8> = binned.columns[0].clone();
        assert_eq!(bins, [0, 2, 255, 1, 0]);
    }

    #[test]
    fn many_values_share_bins_evenly_and_a_heap_has_its_own() {
        let mut values: Vec<f64> = (0..10_000).map(f64::from).collect();
        values.extend(std::iter::repeat_n(5_000.0, 10_000));
        let rows: Vec<u32> = (0..20_000).collect();
        let binned = Binned::new(&values, 1, &rows, &[], 64, 2);
        let mut counts = [0; 256];
        for bin in &binned.columns[0] {
            counts[usize::from(*bin)] += 1;
        }
        assert!(binned.cuts[0].bins() <= 64 && binned.cuts[0].bins() >= 60);
        assert_eq!(counts.iter().filter(|count| **count >= 10_000).count(), 1);
        assert!(counts.iter().all(|count| *count < 400 || *count >= 10_000));
    }

    #[test]
    fn cuts_part_neighbours_however_close() {
        let close = 1.0 + f64::EPSILON;
        assert!(between(1.0, close) >= 1.0 && between(1.0, close) < close);
        assert_eq!(between(1.0, 2.0), 1.5);
        assert!(between(-f64::MAX, f64::MAX).is_finite());
    }
}
