//! All rules on one day, and what they change of what is there.

use chrono::{DateTime, Utc};
use loadstar_schema::codes::{Quality, VeeRule};
use loadstar_schema::{Energy, Thresholds};

use crate::case::{Case, Read, Slot};
use crate::finding::{Finding, together};
use crate::plan::{Plan, Value};
use crate::{day_level, flags, gap, spike, sum_check, zero_run};

/// The revision of an estimate of what never came: any read supersedes it.
const OF_NOTHING: i32 = -1;

/// A row to add to the reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// End of the interval.
    pub read_at: DateTime<Utc>,
    /// Its energy.
    pub energy: Energy,
    /// How far to trust it.
    pub quality: Quality,
    /// That of the read it edits, −1 where there is none.
    pub revision: i32,
    /// Which rule wants it.
    pub rule: VeeRule,
    /// Why.
    pub reason: String,
}

/// What the rules make of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is to change, in the order of time: nothing where an earlier run did
    /// the same.
    pub edits: Vec<Edit>,
    /// What is to be said, whether it was said before or not; one a rule and
    /// action.
    pub findings: Vec<Finding>,
}

/// Looks at a day by all rules.
///
/// Estimates come first, since spikes and steps are seen among neighbours; the
/// register has the last word on energies, the day as a whole is looked at last.
/// What is fed in goes by the weather, so days are not compared of it.
#[must_use]
pub fn examine(case: &Case, thresholds: &Thresholds) -> Outcome {
    let mut plan = Plan::new(case, thresholds);
    day_level::clock(&mut plan);
    gap::fill(&mut plan);
    if case.is_drawn() {
        zero_run::mark(&mut plan);
    }
    if case.is_active() {
        spike::settle(&mut plan);
    }
    if case.is_drawn() {
        flags::demand_change(&mut plan);
    }
    if case.is_active() {
        flags::capacity(&mut plan);
    }
    sum_check::reconcile(&mut plan);
    if case.is_drawn() {
        day_level::high_low(&mut plan);
    }
    if !case.is_active() {
        day_level::kvarh_vs_kwh(&mut plan);
    }
    let wanted = case.slots.iter().zip(plan.values).enumerate();
    let edits = wanted.filter_map(|(slot, (told, wanted))| edit(case, slot, told, wanted?));
    Outcome { edits: edits.collect(), findings: together(plan.findings) }
}

/// The row that makes of a slot what is wanted of it, unless it is so already.
fn edit(case: &Case, slot: usize, told: &Slot, wanted: Value) -> Option<Edit> {
    let is_so = |now: &Read| (now.energy, now.quality) == (wanted.energy, wanted.quality);
    if told.now.as_ref().is_some_and(is_so) {
        return None;
    }
    let (rule, reason) = wanted.edit.unwrap_or_else(|| {
        (VeeRule::Withdrawn, "what an earlier edit was made for no longer holds".to_owned())
    });
    Some(Edit {
        read_at: case.read_at(slot),
        energy: wanted.energy,
        quality: wanted.quality,
        revision: told.came.map_or(OF_NOTHING, |read| read.revision),
        rule,
        reason,
    })
}
