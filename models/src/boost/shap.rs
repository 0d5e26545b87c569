//! Exact Shapley values of one tree, in the order of leaves times depth squared.
//!
//! Lundberg et al., Nature Machine Intelligence 2 (2020), algorithm 2: a path
//! keeps, for every number of columns known, the share of orders in which that
//! many of the path's columns come before.

use super::tree::Tree;

/// A column on the way from the root.
#[derive(Debug, Clone, Copy)]
struct Step {
    column: u32,
    /// Share of the training rows that go this way with the column unknown.
    unknown: f64,
    /// 1 if the row itself goes this way, else 0.
    known: f64,
    /// Share of orders with as many known columns as the step's place.
    orders: f64,
}

/// Adds what each column does to the row's leaf to `values`.
pub(super) fn add(tree: &Tree, row: &[f64], values: &mut [f64]) {
    let mut walk = Walk { tree, row, values, steps: Vec::new() };
    walk.visit(0, 0, (1.0, 1.0), u32::MAX);
}

struct Walk<'a> {
    tree: &'a Tree,
    row: &'a [f64],
    values: &'a mut [f64],
    /// The paths of the node and of those above it, one behind the other.
    steps: Vec<Step>,
}

impl Walk<'_> {
    /// Visits a node: the path of its parent begins at `above`.
    fn visit(&mut self, place: usize, above: usize, (unknown, known): (f64, f64), column: u32) {
        let start = self.steps.len();
        self.steps.extend_from_within(above..);
        self.extend(start, Step { column, unknown, known, orders: 0.0 });
        let tree = self.tree;
        let node = &tree.nodes[place];
        if tree.is_leaf(place) {
            let path = &self.steps[start..];
            for (i, step) in path.iter().enumerate().skip(1) {
                let change = (step.known - step.unknown) * node.value;
                self.values[step.column as usize] += orders_without(path, i) * change;
            }
        } else {
            let hot = node.next(self.row[node.column as usize]);
            let earlier = self.steps[start..].iter().skip(1).position(|s| s.column == node.column);
            let mut so_far = (1.0, 1.0);
            if let Some(i) = earlier {
                let step = self.steps[start + i + 1];
                so_far = (step.unknown, step.known);
                self.shorten(start, i + 1);
            }
            for child in node.children {
                let share = tree.weights[child as usize] / tree.weights[place];
                let known = if child == hot { so_far.1 } else { 0.0 };
                self.visit(child as usize, start, (so_far.0 * share, known), node.column);
            }
        }
        self.steps.truncate(start);
    }

    fn extend(&mut self, start: usize, mut step: Step) {
        let length = self.steps.len() - start;
        step.orders = if length == 0 { 1.0 } else { 0.0 };
        self.steps.push(step);
        let path = &mut self.steps[start..];
        let whole = (length + 1) as f64;
        for i in (0..length).rev() {
            let orders = path[i].orders;
            path[i + 1].orders += step.known * orders * (i + 1) as f64 / whole;
            path[i].orders = step.unknown * orders * (length - i) as f64 / whole;
        }
    }

    /// Takes step `gone` out of the path, as if it had never been there.
    fn shorten(&mut self, start: usize, gone: usize) {
        let path = &mut self.steps[start..];
        let Step { unknown, known, .. } = path[gone];
        let last = path.len() - 1;
        let whole = path.len() as f64;
        let mut rest = path[last].orders;
        for i in (0..last).rev() {
            if known > 0.0 {
                let orders = path[i].orders;
                path[i].orders = rest * whole / ((i + 1) as f64 * known);
                rest = orders - path[i].orders * unknown * (last - i) as f64 / whole;
            } else {
                path[i].orders *= whole / (unknown * (last - i) as f64);
            }
        }
        for i in gone..last {
            path[i] = Step { orders: path[i].orders, ..path[i + 1] };
        }
        self.steps.pop();
    }
}

/// Orders of all kinds, were step `gone` not in the path.
fn orders_without(path: &[Step], gone: usize) -> f64 {
    let Step { unknown, known, .. } = path[gone];
    let (last, whole) = (path.len() - 1, path.len() as f64);
    let (mut rest, mut sum) = (path[last].orders, 0.0);
    for i in (0..last).rev() {
        if known > 0.0 {
            let orders = rest * whole / ((i + 1) as f64 * known);
            sum += orders;
            rest = path[i].orders - orders * unknown * (last - i) as f64 / whole;
        } else {
            sum += path[i].orders * whole / (unknown * (last - i) as f64);
        }
    }
    sum
}
