//! Cutting an ordered feature into segments of like risk.
//!
//! The cut is the one with the greatest penalised likelihood: each segment is
//! a binomial with its own rate, and each costs a fixed amount of
//! log-likelihood, so a segment exists only where the data pay for it. Among
//! cuts, a monotone one is preferred unless a free one explains clearly more.

/// Rows of both classes that fall into one cell of a feature.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Count {
    pub(super) negatives: f64,
    pub(super) positives: f64,
}

impl Count {
    pub(super) fn rows(self) -> f64 {
        self.negatives + self.positives
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            negatives: self.negatives + other.negatives,
            positives: self.positives + other.positives,
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            negatives: self.negatives - other.negatives,
            positives: self.positives - other.positives,
        }
    }

    fn rate(self) -> f64 {
        self.positives / self.rows().max(f64::MIN_POSITIVE)
    }

    /// Log-likelihood of the cell under its own rate, in nats; 0 for a cell
    /// that is empty or of one class.
    fn log_likelihood(self) -> f64 {
        let term = |part: f64| {
            if part > 0.0 { part * (part / self.rows()).ln() } else { 0.0 }
        };
        term(self.negatives) + term(self.positives)
    }
}

/// How the risk moves along the segments of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Rising,
    Falling,
    Free,
}

/// What a cut has to observe.
#[derive(Debug, Clone, Copy)]
pub(super) struct CutRule {
    /// Log-likelihood, in nats, that one more segment of a monotone cut has to
    /// earn.
    pub(super) penalty: f64,
    /// The same for a cut that may turn, which finds chance patterns more
    /// easily.
    pub(super) free_penalty: f64,
    /// Log-likelihood, in nats, by which a free cut has to beat a monotone one.
    pub(super) monotone_margin: f64,
    /// Rows below which a segment does not stand alone.
    pub(super) min_rows: f64,
}

/// Cuts `cells`, ordered by feature value, into segments. Returns the start of
/// each segment (the first is 0) and the shape of the risk along them. Empty
/// input gives no segment.
pub(super) fn cut(cells: &[Count], rule: CutRule) -> (Vec<usize>, Shape) {
    let each: Vec<usize> = (0..cells.len()).collect();
    let best = |starts: &[usize], penalty| best_partition(cells, starts, penalty, rule.min_rows);
    let (free_gain, free) = best(&each, rule.free_penalty);
    let (rising_gain, rising) = best(&pooled(cells, 1.0), rule.penalty);
    let (falling_gain, falling) = best(&pooled(cells, -1.0), rule.penalty);
    let (monotone_gain, monotone, shape) = if rising_gain >= falling_gain {
        (rising_gain, rising, Shape::Rising)
    } else {
        (falling_gain, falling, Shape::Falling)
    };
    if free_gain > monotone_gain + rule.monotone_margin {
        (free, Shape::Free)
    } else {
        (monotone, shape)
    }
}

/// Pool-adjacent-violators: the starts of the blocks whose rates rise
/// (`direction` 1) or fall (`direction` -1).
fn pooled(cells: &[Count], direction: f64) -> Vec<usize> {
    let mut blocks: Vec<(usize, Count)> = Vec::with_capacity(cells.len());
    for (start, &cell) in cells.iter().enumerate() {
        let mut block = (start, cell);
        while let Some(&(before, total)) = blocks.last() {
            if direction * (block.1.rate() - total.rate()) > 0.0 {
                break;
            }
            block = (before, total.plus(block.1));
            blocks.pop();
        }
        blocks.push(block);
    }
    blocks.into_iter().map(|(start, _)| start).collect()
}

/// Joins neighbouring blocks so that the penalised likelihood is greatest, by
/// dynamic programming over block ends. When no partition observes `min_rows`
/// everything is one segment.
fn best_partition(
    cells: &[Count],
    starts: &[usize],
    penalty: f64,
    min_rows: f64,
) -> (f64, Vec<usize>) {
    if starts.is_empty() {
        return (0.0, Vec::new());
    }
    let mut cumulative = vec![Count::default()];
    for (block, &start) in starts.iter().enumerate() {
        let end = starts.get(block + 1).copied().unwrap_or(cells.len());
        let before = cumulative[block];
        cumulative.push(cells[start..end].iter().fold(before, |sum, c| sum.plus(*c)));
    }
    let blocks = starts.len();
    let mut best = vec![(f64::NEG_INFINITY, 0usize); blocks + 1];
    best[0].0 = 0.0;
    for end in 1..=blocks {
        for start in 0..end {
            let cell = cumulative[end].minus(cumulative[start]);
            if best[start].0 == f64::NEG_INFINITY || cell.rows() < min_rows {
                continue;
            }
            let gain = best[start].0 + cell.log_likelihood() - penalty;
            if gain > best[end].0 {
                best[end] = (gain, start);
            }
        }
    }
    if best[blocks].0 == f64::NEG_INFINITY {
        let whole = cumulative[blocks].log_likelihood() - penalty;
        return (whole, vec![0]);
    }
    let mut chosen = Vec::new();
    let mut end = blocks;
    while end > 0 {
        end = best[end].1;
        chosen.push(starts[end]);
    }
    chosen.reverse();
    (best[blocks].0, chosen)
}
