//! What the rows of a history come to, kept from one fit to the next.

use std::ops::Range;

use ndarray::{Array1, Array2};

use super::design::{Design, Group, Row};
use super::known::{History, Prepared};
use super::moments::Moments;
use super::transform::Transform;
use crate::parallel;

/// A row's weight relative to the next day's.
const DECAY_PER_DAY: f64 = 0.9985;
/// A lesson is learnt anew once the history is so much longer: its knots are old.
const LONGER: f64 = 1.5;

/// Rows of one slot of the day.
pub(crate) struct Rows {
    pub(crate) x: Array2<f64>,
    /// Relative to `levels`.
    pub(crate) y: Array1<f64>,
    pub(crate) weights: Array1<f64>,
    pub(crate) cells: Vec<usize>,
    pub(crate) levels: Vec<f64>,
}

/// All rows of one range of leads, slot by slot.
pub(crate) struct Lesson {
    pub(crate) design: Design,
    pub(crate) groups: Vec<Group>,
    pub(crate) by_slot: Vec<Moments>,
    transform: Transform,
    first_end: usize,
    /// Rows of cells before this are in.
    end: usize,
}

/// Those of earlier fits, if they are wanted again.
pub(crate) struct Lessons {
    kept: Option<Vec<Lesson>>,
}

impl Lessons {
    /// For a fit that no other follows.
    pub(crate) const fn unkept() -> Self {
        Self { kept: None }
    }

    /// For fits on a history that grows.
    pub(crate) const fn kept() -> Self {
        Self { kept: Some(Vec::new()) }
    }

    /// What `history` teaches; of a lesson kept, only what came since is new.
    pub(crate) fn learn(
        &mut self,
        prepared: &Prepared<'_>,
        history: &History,
        transform: Transform,
        design: Design,
        threads: usize,
    ) -> Lesson {
        let end = end_of(history);
        let serves = |lesson: &Lesson| {
            lesson.design.is_like(&design)
                && lesson.transform == transform
                && lesson.end <= end
                && end as f64 <= LONGER * lesson.first_end as f64
        };
        let kept = self.kept.as_mut();
        let known = kept.and_then(|kept| {
            let place = kept.iter().position(serves)?;
            Some(kept.swap_remove(place))
        });
        match known {
            Some(lesson) => lesson.go_on(prepared, history, threads, None),
            None => Lesson::begin(prepared, history, transform, design, threads),
        }
    }

    /// Keeps it for the next fit, if there is one.
    pub(crate) fn keep(&mut self, lesson: Lesson) {
        if let Some(kept) = &mut self.kept {
            kept.retain(|old| !old.design.is_like(&lesson.design));
            kept.push(lesson);
        }
    }
}

impl Lesson {
    fn begin(
        prepared: &Prepared<'_>,
        history: &History,
        transform: Transform,
        design: Design,
        threads: usize,
    ) -> Self {
        let (slots, end) = (design.slots, end_of(history));
        let groups = groups(prepared, history, &design);
        let mut lesson =
            Self { design, groups, by_slot: Vec::new(), transform, first_end: end, end: 0 };
        let middle = (slots / 2, lesson.rows(prepared, history, slots / 2, 0..end));
        lesson.by_slot = vec![Moments::about(middle.1.x.view()); slots];
        lesson.go_on(prepared, history, threads, Some(&middle))
    }

    /// Takes in what came since; `made` are rows of a slot that are there already.
    fn go_on(
        mut self,
        prepared: &Prepared<'_>,
        history: &History,
        threads: usize,
        made: Option<&(usize, Rows)>,
    ) -> Self {
        let (slots, end) = (self.design.slots, end_of(history));
        let days = (end / slots).saturating_sub(self.end / slots);
        let fade = DECAY_PER_DAY.powi(i32::try_from(days).unwrap_or(i32::MAX));
        let fresh = parallel::map(slots, threads, |slot| {
            let own;
            let rows = match made {
                Some((of, rows)) if *of == slot => rows,
                _ => {
                    own = self.rows(prepared, history, slot, self.end..end);
                    &own
                }
            };
            let mut moments = self.by_slot[slot].clone();
            moments.fade(fade);
            moments.add(rows.x.view(), rows.y.view(), rows.weights.view());
            moments
        });
        (self.by_slot, self.end) = (fresh, end);
        self
    }

    /// Rows of a slot within some cells, their weights as of the history's end.
    pub(crate) fn rows(
        &self,
        prepared: &Prepared<'_>,
        history: &History,
        slot: usize,
        cells: Range<usize>,
    ) -> Rows {
        let (design, columns) = (&self.design, self.groups.len());
        let slots = design.slots;
        let first_day = history.first.div_ceil(slots) + design.reach_days();
        let first_day = first_day.max((cells.start.saturating_sub(slot)).div_ceil(slots));
        let (mut values, mut y, mut kept, mut levels) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut row = Row { values: Vec::with_capacity(columns), groups: None };
        for cell in (first_day * slots + slot..cells.end).step_by(slots) {
            if !history.actual[cell].is_finite() {
                continue;
            }
            let level = design.write(prepared, history, cell, &mut row);
            if level.is_finite() && row.values.iter().all(|v| v.is_finite()) {
                values.extend_from_slice(&row.values);
                y.push(history.actual[cell] - level);
                kept.push(cell);
                levels.push(level);
            }
        }
        let last_day = end_of(history) / slots;
        let age = |cell: &usize| i32::try_from(last_day - cell / slots).unwrap_or(i32::MAX);
        let weights = kept.iter().map(|cell| DECAY_PER_DAY.powi(age(cell))).collect();
        let x = Array2::from_shape_vec((kept.len(), columns), values)
            .unwrap_or_else(|_| Array2::zeros((0, columns)));
        Rows { x, y: y.into(), weights, cells: kept, levels }
    }
}

/// The cell after the last known.
pub(crate) fn end_of(history: &History) -> usize {
    history.actual.iter().rposition(|v| v.is_finite()).map_or(0, |last| last + 1)
}

fn groups(prepared: &Prepared<'_>, history: &History, design: &Design) -> Vec<Group> {
    let mut row = Row { values: Vec::new(), groups: Some(Vec::new()) };
    // The columns are the same for every cell; take one with a past.
    let cell = (design.reach_days() * design.slots).min(history.filled.len().saturating_sub(1));
    if design.virtual_origin(cell) > 0 && design.virtual_origin(cell) < history.filled.len() {
        design.write(prepared, history, cell, &mut row);
    }
    row.groups.unwrap_or_default()
}
