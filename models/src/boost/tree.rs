//! A grown tree: flat nodes, thresholds as values.

use serde::{Deserialize, Serialize};

/// Rows that go down a tree side by side, so that their waits overlap.
const ABREAST: usize = 8;

/// Most splits between root and leaf of any tree.
pub(super) const MAX_DEPTH: usize = 512;

/// A regression tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    /// The root first; children behind their parent.
    pub(super) nodes: Vec<Node>,
    /// Weight of the training rows at each node.
    pub(super) weights: Vec<f64>,
    /// Gain of each node's split, 0 for a leaf.
    pub(super) gains: Vec<f64>,
}

/// A split, or a leaf: the one whose children are itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Node {
    /// Greatest number that goes left; in a leaf, what it adds to the score.
    pub(super) value: f64,
    pub(super) column: u32,
    /// Left and right.
    pub(super) children: [u32; 2],
    /// Whether a missing number goes right.
    pub(super) missing_right: bool,
    /// For a categorical column, the bins that go left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left_bins: Option<Box<[u64; 4]>>,
}

impl Node {
    pub(super) fn leaf(place: usize, value: f64) -> Self {
        let children = [place as u32; 2];
        Self { value, column: 0, children, missing_right: false, left_bins: None }
    }

    /// The child that a row with `x` in this node's column goes to.
    #[inline]
    pub(super) fn next(&self, x: f64) -> u32 {
        let right = match &self.left_bins {
            None => (x > self.value) | (x.is_nan() & self.missing_right),
            Some(bins) => {
                let bin = x as u8;
                bins[usize::from(bin >> 6)] >> (bin & 63) & 1 == 0
            }
        };
        self.children[usize::from(right)]
    }
}

impl Tree {
    pub(super) fn is_leaf(&self, place: usize) -> bool {
        self.nodes[place].children[0] as usize == place
    }

    /// Adds each row's leaf to its score. `rows` lie behind each other, `width`
    /// columns each; categories are given by their bins.
    pub(super) fn add(&self, rows: &[f64], width: usize, scores: &mut [f64]) {
        let mut blocks = rows.chunks_exact(ABREAST * width);
        let mut outputs = scores.chunks_exact_mut(ABREAST);
        for (block, scores) in blocks.by_ref().zip(outputs.by_ref()) {
            let mut at = [0_u32; ABREAST];
            loop {
                let mut moved = 0;
                for (i, at) in at.iter_mut().enumerate() {
                    let node = &self.nodes[*at as usize];
                    let next = node.next(block[i * width + node.column as usize]);
                    moved |= next ^ *at;
                    *at = next;
                }
                if moved == 0 {
                    break;
                }
            }
            for (score, at) in scores.iter_mut().zip(at) {
                *score += self.nodes[at as usize].value;
            }
        }
        let rest = blocks.remainder().chunks_exact(width);
        for (row, score) in rest.zip(outputs.into_remainder()) {
            *score += self.nodes[self.leaf_of(row)].value;
        }
    }

    /// Place of the leaf that `row` comes to.
    pub(super) fn leaf_of(&self, row: &[f64]) -> usize {
        let mut place = 0;
        loop {
            let node = &self.nodes[place];
            let next = node.next(row[node.column as usize]) as usize;
            if next == place {
                return place;
            }
            place = next;
        }
    }

    /// Mean of the leaves over the training rows.
    pub(super) fn expectation(&self) -> f64 {
        self.expectations()[0]
    }

    /// Mean of the leaves below each node over the training rows.
    pub(super) fn expectations(&self) -> Vec<f64> {
        let mut means: Vec<f64> = self.nodes.iter().map(|node| node.value).collect();
        for place in (0..self.nodes.len()).rev().filter(|&place| !self.is_leaf(place)) {
            let children = self.nodes[place].children.map(|child| child as usize);
            let sum: f64 = children.iter().map(|&child| means[child] * self.weights[child]).sum();
            means[place] = sum / self.weights[place];
        }
        means
    }

    /// Adds to the column of each split on the row's way by how much the mean
    /// changes there.
    pub(super) fn add_way(&self, expectations: &[f64], row: &[f64], values: &mut [f64]) {
        let mut place = 0;
        loop {
            let node = &self.nodes[place];
            let next = node.next(row[node.column as usize]) as usize;
            if next == place {
                return;
            }
            values[node.column as usize] += expectations[next] - expectations[place];
            place = next;
        }
    }
}
