//! Growing one tree, best leaf first.

use std::cmp::Ordering;

use super::bins::{Binned, Cuts, LANES, LARGEST, MISSING, decimal};
use super::fit::DIGITS;
use super::histogram::{self, Derivatives, Group, Histogram, Sum};
use super::params::BoostValidParams;
use super::split::{Leaf, LeftBins, Search, Split};
use super::tree::{MAX_DEPTH, Node, Tree};
use crate::parallel;

/// Fewest rows worth a thread when they are parted.
const THREAD_ROWS: usize = 1 << 16;
/// Fewest columns worth a thread when splits are sought.
const THREAD_COLUMNS: usize = 64;

/// A tree, and which rows came to which leaf.
#[derive(Debug)]
pub(super) struct Grown {
    pub(super) tree: Tree,
    /// Leaf, its rows among [`Grower::rows`], the bounds of its value.
    pub(super) leaves: Vec<(usize, std::ops::Range<usize>, (f64, f64))>,
}

/// Grows trees on one binned data set, keeping its memory between them.
#[derive(Debug)]
pub(super) struct Grower<'a> {
    binned: &'a Binned,
    params: &'a BoostValidParams,
    threads: usize,
    /// The rows of the tree; those of a leaf lie together, in ascending order.
    pub(super) rows: Vec<u32>,
    scratch: Vec<u32>,
    pool: Vec<Histogram>,
}

/// A leaf that may still be split.
#[derive(Debug)]
struct Open {
    node: usize,
    rows: std::ops::Range<usize>,
    depth: usize,
    leaf: Leaf,
    histogram: Histogram,
    split: Option<Split>,
}

impl<'a> Grower<'a> {
    pub(super) fn new(binned: &'a Binned, params: &'a BoostValidParams, threads: usize) -> Self {
        let (rows, scratch, pool) = (Vec::new(), Vec::new(), Vec::new());
        Self { binned, params, threads, rows, scratch, pool }
    }

    /// Grows a tree on `self.rows` with the columns for which `open` is true.
    /// Leaf values are not yet shrunk.
    pub(super) fn grow(&mut self, derivatives: &Derivatives, open: &[bool]) -> Grown {
        let search = Search { params: self.params, units: derivatives.units };
        let leaf = Leaf {
            total: derivatives.total(&self.rows),
            bounds: (f64::NEG_INFINITY, f64::INFINITY),
        };
        self.scratch.resize(self.rows.len(), 0);
        let mut histogram = self.build(derivatives, 0..self.rows.len());
        let (_, split) = self.seek(&search, open, None, (&mut histogram, Some(leaf)));
        let (mut nodes, mut gains) = (vec![Node::leaf(0, 0.0)], vec![0.0]);
        let rows = 0..self.rows.len();
        let mut leaves = vec![Open { node: 0, rows, depth: 0, leaf, histogram, split }];
        while leaves.len() < self.params.max_leaves {
            let gain = |open: &Open| open.split.as_ref().map_or(0.0, |split| split.gain);
            let best = (0..leaves.len()).reduce(|best, other| {
                if gain(&leaves[other]) > gain(&leaves[best]) { other } else { best }
            });
            let Some(best) = best else { break };
            let Some(split) = leaves[best].split.take() else { break };
            let parent = leaves.swap_remove(best);
            let children = [nodes.len(), nodes.len() + 1];
            nodes[parent.node] = self.node(&split, children);
            gains[parent.node] = decimal(split.gain, DIGITS);
            for child in children {
                nodes.push(Node::leaf(child, 0.0));
                gains.push(0.0);
            }
            let more = leaves.len() + 2 < self.params.max_leaves;
            leaves.extend(self.part(&search, derivatives, open, parent, &split, children, more));
        }
        leaves.sort_by_key(|open| open.rows.start);
        for open in &leaves {
            nodes[open.node].value = search.value(open.leaf.total, open.leaf.bounds);
        }
        let found = leaves.iter().map(|open| (open.node, open.rows.clone(), open.leaf.bounds));
        let leaves_found = found.collect();
        self.pool.extend(leaves.into_iter().map(|open| open.histogram));
        self.pool.retain(|histogram| !histogram.is_empty());
        let weights = vec![0.0; nodes.len()];
        Grown { tree: Tree { nodes, weights, gains }, leaves: leaves_found }
    }

    /// Carries out a split: two leaves, with their own best splits if there may
    /// be `more`.
    #[expect(clippy::too_many_arguments, reason = "the state of one step")]
    fn part(
        &mut self,
        search: &Search<'_>,
        derivatives: &Derivatives,
        open: &[bool],
        parent: Open,
        split: &Split,
        children: [usize; 2],
        more: bool,
    ) -> [Open; 2] {
        let (start, end, depth) = (parent.rows.start, parent.rows.end, parent.depth + 1);
        let middle = start + self.partition(parent.rows, split.column, &split.left_bins);
        let right = parent.leaf.total.minus(split.left);
        let bounds = bounds_below(search, parent.leaf.bounds, split, right);
        let leaves = [(split.left, bounds[0]), (right, bounds[1])];
        let [left, right] = leaves.map(|(total, bounds)| Leaf { total, bounds });
        let deepest = match self.params.max_depth {
            0 => MAX_DEPTH,
            asked => asked.min(MAX_DEPTH),
        };
        let may = |leaf: Leaf| {
            let rows = search.units.rows(leaf.total);
            (more && depth < deepest && rows >= 2 * self.params.min_leaf_rows).then_some(leaf)
        };
        let left_is_small = middle - start <= end - middle;
        let (small_rows, small, large) = match left_is_small {
            true => (start..middle, may(left), may(right)),
            false => (middle..end, may(right), may(left)),
        };
        let mut of_large = parent.histogram;
        let (mut of_small, mut splits) = (Histogram::new(), (None, None));
        if small.is_some() || large.is_some() {
            of_small = self.build(derivatives, small_rows);
            let child = Some((of_small.as_slice(), small));
            splits = self.seek(search, open, child, (&mut of_large, large));
        }
        let (mut histograms, mut splits) = ([of_small, of_large], [splits.0, splits.1]);
        if !left_is_small {
            histograms.reverse();
            splits.reverse();
        }
        let ([left_sums, right_sums], [left_split, right_split]) = (histograms, splits);
        [
            Open {
                node: children[0],
                rows: start..middle,
                depth,
                leaf: left,
                histogram: left_sums,
                split: left_split,
            },
            Open {
                node: children[1],
                rows: middle..end,
                depth,
                leaf: right,
                histogram: right_sums,
                split: right_split,
            },
        ]
    }

    fn build(&mut self, derivatives: &Derivatives, rows: std::ops::Range<usize>) -> Histogram {
        let rows = &self.rows[rows];
        histogram::build(self.binned, derivatives, rows, &mut self.pool, self.threads)
    }

    /// Best splits of a smaller child, if one is given, and of the other: its
    /// histogram comes in as the parent's.
    fn seek(
        &self,
        search: &Search<'_>,
        open: &[bool],
        small: Option<(&[Group], Option<Leaf>)>,
        (large, large_leaf): (&mut [Group], Option<Leaf>),
    ) -> (Option<Split>, Option<Split>) {
        let threads = self.threads.min(self.binned.cuts.len() / THREAD_COLUMNS);
        let groups = large.iter_mut().enumerate().collect();
        let found = parallel::each(groups, threads, |(place, group)| {
            let of_small = small.and_then(|(histogram, leaf)| {
                histogram::subtract(group, &histogram[place]);
                self.best_of_group(search, open, place, &histogram[place], leaf?)
            });
            let of_large =
                large_leaf.and_then(|leaf| self.best_of_group(search, open, place, group, leaf));
            (of_small, of_large)
        });
        found.into_iter().reduce(|a, b| (better(a.0, b.0), better(a.1, b.1))).unwrap_or_default()
    }

    fn best_of_group(
        &self,
        search: &Search<'_>,
        open: &[bool],
        place: usize,
        group: &Group,
        leaf: Leaf,
    ) -> Option<Split> {
        let columns = (place * LANES..self.binned.cuts.len()).zip(group);
        let open = columns.filter(|(column, _)| open[*column]);
        let splits =
            open.map(|(column, sums)| search.best(leaf, column, &self.binned.cuts[column], sums));
        splits.reduce(better).flatten()
    }

    /// Rows of the left child to the front, both sides in their old order.
    /// Returns how many go left.
    fn partition(
        &mut self,
        rows: std::ops::Range<usize>,
        column: usize,
        left_bins: &LeftBins,
    ) -> usize {
        let bins = &self.binned.columns[column];
        let (rows, scratch) = (&mut self.rows[rows.clone()], &mut self.scratch[rows]);
        let size = rows.len().div_ceil(self.threads).max(THREAD_ROWS);
        let parts = rows.chunks_mut(size).zip(scratch.chunks_mut(size)).collect();
        let lefts = parallel::each(parts, self.threads, |(rows, scratch)| {
            let (mut left, mut right) = (0, 0);
            for i in 0..rows.len() {
                let row = rows[i];
                let goes_left = left_bins[usize::from(bins[row as usize])];
                rows[left] = row;
                scratch[right] = row;
                left += usize::from(goes_left);
                right += usize::from(!goes_left);
            }
            rows[left..].copy_from_slice(&scratch[..right]);
            left
        });
        let mut left = 0;
        for (part, count) in lefts.into_iter().enumerate() {
            let start = part * size;
            rows[left..start + count].rotate_left(start - left);
            left += count;
        }
        left
    }

    fn node(&self, split: &Split, children: [usize; 2]) -> Node {
        let (value, left_bins) = match &self.binned.cuts[split.column] {
            // A split of missing values from all others is above every number.
            Cuts::Numbers(cuts) => (cuts.get(split.last_bin).copied().unwrap_or(LARGEST), None),
            Cuts::Categories(_) => {
                let mut bits = Box::new([0_u64; 4]);
                for bin in (0..256).filter(|bin| split.left_bins[*bin]) {
                    bits[bin / 64] |= 1 << (bin % 64);
                }
                (0.0, Some(bits))
            }
        };
        Node {
            value,
            column: split.column as u32,
            children: children.map(|child| child as u32),
            missing_right: !split.left_bins[MISSING],
            left_bins,
        }
    }
}

/// The split that gains more; of equals, the first.
fn better(a: Option<Split>, b: Option<Split>) -> Option<Split> {
    match (&a, &b) {
        (Some(first), Some(second)) if second.gain > first.gain => b,
        (None, _) => b,
        _ => a,
    }
}

/// Bounds of both children's values: a monotone column's children meet in the
/// middle, so that no later split puts them out of order.
fn bounds_below(
    search: &Search<'_>,
    bounds: (f64, f64),
    split: &Split,
    right: Sum,
) -> [(f64, f64); 2] {
    let middle = 0.5 * (search.value(split.left, bounds) + search.value(right, bounds));
    let (below, above) = ((bounds.0, middle), (middle, bounds.1));
    match search.direction(split.column) {
        Ordering::Greater => [below, above],
        Ordering::Less => [above, below],
        Ordering::Equal => [bounds; 2],
    }
}
