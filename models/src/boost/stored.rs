//! A model as read back, before it is trusted.

use serde::Deserialize;

use super::loss::Loss;
use super::model::{Boost, Categories};
use super::tree::{MAX_DEPTH, Tree};

/// A [`Boost`] that may be damaged.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    loss: Loss,
    columns: usize,
    start: f64,
    categories: Vec<Categories>,
    trees: Vec<Tree>,
    validation_losses: Vec<f64>,
}

impl TryFrom<Stored> for Boost {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let Stored { loss, columns, start, categories, trees, validation_losses } = stored;
        if columns == 0 {
            return Err("the boosted model has no columns: fit it again".into());
        }
        if categories.iter().any(|categories| categories.column >= columns) {
            return Err(format!("a categorical column is not among {columns}: fit it again"));
        }
        if let Some(place) = trees.iter().position(|tree| !sound(tree, columns)) {
            return Err(format!("tree {place} of the boosted model is damaged: fit it again"));
        }
        Ok(Self { loss, columns, start, categories, trees, validation_losses })
    }
}

/// Whether every row of so many columns comes to a leaf.
fn sound(tree: &Tree, columns: usize) -> bool {
    let count = tree.nodes.len();
    let mut depths = vec![0; count];
    for (place, node) in tree.nodes.iter().enumerate() {
        let children = node.children.map(|child| child as usize);
        let is_leaf = children == [place; 2];
        let behind = children.iter().all(|child| (place + 1..count).contains(child));
        if node.column as usize >= columns || !(is_leaf || behind) {
            return false;
        }
        if !is_leaf {
            children.iter().for_each(|child| depths[*child] = depths[place] + 1);
        }
    }
    count > 0
        && tree.weights.len() == count
        && tree.gains.len() == count
        && depths.iter().all(|depth| *depth <= MAX_DEPTH)
}
