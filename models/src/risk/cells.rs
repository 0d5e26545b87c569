//! The finest division of a feature, made without looking at the outcome:
//! about sixty ordered cells, or a cell per category.
//!
//! Cells are what cross-fitting counts. Whatever the fold, the weights are
//! computed from cell counts alone, so that a fold costs a pass over the cells
//! and not over the rows.

use std::collections::HashMap;

use super::column::{Column, MISSING, Values};

/// Cell of missing values.
pub(super) const MISSING_CELL: u32 = 0;

/// Cell of rare categories.
pub(super) const RARE_CELL: u32 = 1;

const ORDERED_CELLS: usize = 64;

/// How the cells of a feature are told apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Division {
    /// Cell 1 + i holds values up to and including `upper[i]`, the last one the
    /// rest.
    Ordered { upper: Vec<f64> },
    /// Cell 2 + i holds the category `names[i]`.
    Named { names: Vec<String> },
}

/// A divided feature, and the cell of each row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cells {
    pub(super) division: Division,
    pub(super) count: usize,
    pub(super) of_row: Vec<u32>,
}

impl Cells {
    /// Divides `column` by what it holds in `rows`.
    pub(super) fn new(column: &Column, rows: &[usize], min_category_rows: usize) -> Self {
        match &column.values {
            Values::Number(values) => Self::ordered(values, rows),
            Values::Text { codes, names } => Self::named(codes, names, rows, min_category_rows),
        }
    }

    fn ordered(values: &[f64], rows: &[usize]) -> Self {
        let mut sorted: Vec<f64> =
            rows.iter().map(|&row| values[row]).filter(|value| !value.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let upper = quantile_borders(&sorted);
        let of_row = rows.iter().map(|&row| ordered_cell(&upper, values[row])).collect();
        Self { count: upper.len() + 2, division: Division::Ordered { upper }, of_row }
    }

    fn named(codes: &[u32], names: &[String], rows: &[usize], min_rows: usize) -> Self {
        let mut seen = vec![0usize; names.len()];
        for &row in rows {
            if let Some(count) = seen.get_mut(codes[row] as usize) {
                *count += 1;
            }
        }
        let mut frequent: Vec<usize> =
            (0..names.len()).filter(|&code| seen[code] >= min_rows).collect();
        frequent.sort_unstable_by(|&a, &b| names[a].cmp(&names[b]));
        let mut cell_of = vec![RARE_CELL; names.len()];
        for (place, &code) in frequent.iter().enumerate() {
            cell_of[code] = place as u32 + 2;
        }
        let of_row = rows
            .iter()
            .map(|&row| match codes[row] {
                MISSING => MISSING_CELL,
                code => cell_of[code as usize],
            })
            .collect();
        let names: Vec<String> = frequent.into_iter().map(|code| names[code].clone()).collect();
        Self { count: names.len() + 2, division: Division::Named { names }, of_row }
    }
}

/// Cell of a value under ordered borders.
pub(super) fn ordered_cell(upper: &[f64], value: f64) -> u32 {
    if value.is_nan() {
        return MISSING_CELL;
    }
    1 + upper.partition_point(|&border| border < value) as u32
}

/// Place of each code of a text column among sorted `names`.
pub(super) fn places(column_names: &[String], names: &[String]) -> Vec<Option<usize>> {
    let at: HashMap<&str, usize> =
        names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    column_names.iter().map(|name| at.get(name.as_str()).copied()).collect()
}

/// Borders between about equally filled cells of sorted values. A value that
/// fills a cell by itself gets one to itself, as zero often does.
fn quantile_borders(sorted: &[f64]) -> Vec<f64> {
    let mut distinct = sorted.to_vec();
    distinct.dedup();
    if distinct.len() <= ORDERED_CELLS {
        return distinct.windows(2).map(|pair| between(pair[0], pair[1])).collect();
    }
    let wanted = sorted.len().div_ceil(ORDERED_CELLS);
    let mut borders = Vec::with_capacity(ORDERED_CELLS);
    let (mut start, mut filled) = (0, 0);
    while start < sorted.len() {
        let run = sorted[start..].iter().take_while(|&&value| value == sorted[start]).count();
        if filled > 0 && run >= wanted {
            borders.push(between(sorted[start - 1], sorted[start]));
            filled = 0;
        }
        filled += run;
        start += run;
        if filled >= wanted && start < sorted.len() {
            borders.push(between(sorted[start - 1], sorted[start]));
            filled = 0;
        }
    }
    borders
}

/// A finite border with `low` on or below it and `high` above: the middle, in
/// as few digits as keep the two apart.
fn between(low: f64, high: f64) -> f64 {
    let low = low.max(f64::MIN);
    let middle = low + (high.min(f64::MAX) / 2.0 - low / 2.0);
    (3..=12)
        .filter_map(|digits| format!("{middle:.digits$e}").parse::<f64>().ok())
        .find(|&short| low <= short && short < high && short.is_finite())
        .unwrap_or(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_separate_neighbours_however_close_or_far() {
        let next = f64::from_bits(1.0_f64.to_bits() + 1);
        for (low, high) in [
            (1.0, next),
            (0.0, f64::MIN_POSITIVE),
            (f64::NEG_INFINITY, f64::INFINITY),
            (f64::MIN, f64::MAX),
            (-3.0, 5.0),
            (f64::MAX, f64::INFINITY),
        ] {
            let border = between(low, high);
            assert!(border.is_finite(), "{low} {high} {border}");
            assert_eq!(ordered_cell(&[border], low), 1, "{low} {high} {border}");
            assert_eq!(ordered_cell(&[border], high), 2, "{low} {high} {border}");
        }
    }

    #[test]
    fn a_frequent_value_keeps_a_cell_to_itself() {
        let mut values = vec![0.0; 500];
        values.extend((1..=500).map(f64::from));
        let rows: Vec<usize> = (0..values.len()).collect();
        let cells = Cells::ordered(&values, &rows);
        assert!(cells.of_row[..500].iter().all(|&cell| cell == 1));
        assert!(cells.of_row[500..].iter().all(|&cell| cell > 1));
        assert!(cells.count <= ORDERED_CELLS + 2, "{}", cells.count);
    }
}
