//! What is said about a day, and what of it is new.

use chrono::{DateTime, NaiveDate, Utc};
use loadstar_schema::codes::{VeeAction, VeeRule};

/// What one rule found on a day and did about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: VeeRule,
    /// What was done.
    pub action: VeeAction,
    /// Intervals it is about; 0 says that an earlier finding no longer holds.
    pub interval_count: i32,
    /// End of the first of them.
    pub first_read_at: Option<DateTime<Utc>>,
    /// What was seen, for a person.
    pub detail: String,
    /// From when the threshold is that decided.
    pub rule_valid_from: NaiveDate,
}

/// A finding that is in the lake, in its newest revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What it says.
    pub finding: Finding,
    /// Its revision.
    pub revision: i32,
}

/// Details of one rule on one day that are told.
const DETAILS: usize = 3;

/// One finding a rule and action.
pub(crate) fn together(findings: Vec<Finding>) -> Vec<Finding> {
    let mut together: Vec<(Finding, usize)> = Vec::new();
    for finding in findings {
        let same = |(other, _): &&mut (Finding, usize)| {
            (other.rule, other.action) == (finding.rule, finding.action)
        };
        let Some((first, times)) = together.iter_mut().find(same) else {
            together.push((finding, 1));
            continue;
        };
        *times += 1;
        first.interval_count += finding.interval_count;
        first.first_read_at = first.first_read_at.min(finding.first_read_at);
        if *times <= DETAILS {
            first.detail = format!("{}; {}", first.detail, finding.detail);
        }
    }
    let told = |(mut finding, times): (Finding, usize)| {
        if times > DETAILS {
            finding.detail = format!("{}; and {} more", finding.detail, times - DETAILS);
        }
        finding
    };
    together.into_iter().map(told).collect()
}

/// The findings that say something new, each with its revision; those that no
/// longer hold among them, about no interval.
#[must_use]
pub fn changes(known: &[Known], found: &[Finding]) -> Vec<Known> {
    let same = |a: &Finding, b: &Finding| (a.rule, a.action) == (b.rule, b.action);
    let mut changes = Vec::new();
    for finding in found {
        let before = known.iter().find(|known| same(&known.finding, finding));
        if before.is_none_or(|before| before.finding != *finding) {
            let revision = before.map_or(0, |before| before.revision + 1);
            changes.push(Known { finding: finding.clone(), revision });
        }
    }
    for Known { finding, revision } in known {
        if finding.interval_count > 0 && !found.iter().any(|other| same(other, finding)) {
            let detail = "no longer so".to_owned();
            let finding =
                Finding { interval_count: 0, first_read_at: None, detail, ..finding.clone() };
            changes.push(Known { finding, revision: revision + 1 });
        }
    }
    changes
}
