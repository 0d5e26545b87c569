//! Cases of inspection: of some who steal, and of some who are suspected for
//! nothing. What a visit finds is what is so. Meters count on as before: the
//! truth of reads does not depend on who was found.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, TimeDelta};

use super::draw::{Draw, Purpose};
use super::outbox::Outbox;
use super::population::{Member, area_id};
use crate::codes::{CaseBasis, CaseKind, CaseOutcome};
use crate::event::InspectionCase;
use crate::{Energy, Fixed, Money, Table, day};

/// Energy past the meter is charged for at most so many days.
const CHARGED_DAYS: i32 = 180;
/// Of a kWh at low voltage, in hundredths.
const PRICE_CENTS: i128 = 60;

/// A case and how it will end.
#[derive(Clone, Debug)]
struct Case {
    case_id: String,
    member: usize,
    kind: CaseKind,
    basis: CaseBasis,
    /// Place and points in the ranking, where that is the basis.
    rank: Option<(i32, Money)>,
    opened_on: i32,
    inspected_on: i32,
    outcome: CaseOutcome,
    energy: Option<Energy>,
    /// What is charged, and the penalty.
    amounts: Option<(Money, Money)>,
}

/// The cases to come, by the days on which something happens to them.
#[derive(Clone, Debug)]
pub(super) struct CaseBook {
    start: NaiveDate,
    draw: Draw,
    cases: Vec<Case>,
    agenda: BTreeMap<i32, Vec<usize>>,
}

impl CaseBook {
    /// Three of four thieves are suspected sooner or later, and in the long run
    /// about as many others again; at least one.
    pub(super) fn new(seed: u64, start: NaiveDate, days: i32, members: &[Member]) -> Self {
        let draw = Draw::new(seed, Purpose::Inspection, 0);
        let mut book = Self { start, draw, cases: Vec::new(), agenda: BTreeMap::new() };
        for (index, member) in members.iter().enumerate() {
            if let Some((from, share)) = member.fate.theft
                && book.draw.chance(0.75)
            {
                book.suspect_thief(index, member, from, share, days);
            }
        }
        for _ in 0..(members.len() / 60).max(1) {
            let index = book.draw.below(members.len());
            let opened_on = book.draw.between(0, days - 1);
            if members.get(index).is_some_and(|member| member.fate.theft.is_none()) {
                book.suspect_other(index, opened_on);
            }
        }
        if book.cases.is_empty() {
            book.suspect_other(0, 0);
        }
        for (index, case) in book.cases.iter().enumerate() {
            for day in [case.opened_on, case.inspected_on] {
                book.agenda.entry(day).or_default().push(index);
            }
        }
        book
    }

    fn suspect_thief(&mut self, index: usize, member: &Member, from: i32, share: f64, days: i32) {
        let opened_on = from + self.draw.between(15, 90);
        if opened_on >= days {
            return;
        }
        let confirmed = self.draw.chance(0.88);
        let outcome = if confirmed { CaseOutcome::Confirmed } else { CaseOutcome::NoAccess };
        let case = self.enter(index, CaseKind::Theft, opened_on, outcome, true);
        if confirmed {
            let charged_days = (case.inspected_on - from).min(CHARGED_DAYS);
            let kwh = member.size_kwh * share * f64::from(charged_days);
            let energy = (kwh * 10_000.0).round() as i128;
            let amount = (energy * PRICE_CENTS + 5_000) / 10_000;
            case.energy = Some(Fixed(energy));
            // Three times what was not paid.
            case.amounts = Some((Fixed(amount), Fixed(3 * amount)));
        }
    }

    /// Nothing is stolen; use against the contract is found now and then.
    fn suspect_other(&mut self, index: usize, opened_on: i32) {
        let breach = self.draw.chance(0.4);
        let found = self.draw.unit();
        let outcome = match found {
            _ if found < 0.1 => CaseOutcome::NoAccess,
            _ if breach && found < 0.5 => CaseOutcome::Confirmed,
            _ => CaseOutcome::Cleared,
        };
        let amount = i128::from(self.draw.between(5_000, 400_000));
        let kind = if breach { CaseKind::Breach } else { CaseKind::Theft };
        let case = self.enter(index, kind, opened_on, outcome, false);
        if outcome == CaseOutcome::Confirmed {
            // Twice the difference of price.
            case.amounts = Some((Fixed(amount), Fixed(2 * amount)));
        }
    }

    fn enter(
        &mut self,
        member: usize,
        kind: CaseKind,
        opened_on: i32,
        outcome: CaseOutcome,
        thief: bool,
    ) -> &mut Case {
        let whim = self.draw.unit();
        let basis = match whim {
            _ if whim < 0.55 => CaseBasis::Ranking,
            _ if whim < 0.7 => CaseBasis::Alarm,
            _ if whim < 0.9 => CaseBasis::Tip,
            _ => CaseBasis::Routine,
        };
        // Those who steal stand higher, mostly.
        let (lowest_place, points) = if thief { (30, 3_500..9_000) } else { (120, 1_500..6_000) };
        let place = self.draw.between(1, lowest_place);
        let points = self.draw.between(points.start, points.end);
        let rank = (basis == CaseBasis::Ranking).then_some((place, Fixed(i128::from(points))));
        let inspected_on = opened_on + self.draw.between(2, 20);
        let at = self.cases.len();
        self.cases.push(Case {
            case_id: format!("I{:05}", at + 1),
            member,
            kind,
            basis,
            rank,
            opened_on,
            inspected_on,
            outcome,
            energy: None,
            amounts: None,
        });
        &mut self.cases[at]
    }

    /// Opens and ends the cases of a day.
    pub(super) fn play(&mut self, today: i32, members: &[Member], outbox: &mut Outbox) {
        let date = self.start + Days::new(today.max(0) as u64);
        for index in self.agenda.remove(&today).unwrap_or_default() {
            let case = &self.cases[index];
            let member = &members[case.member];
            let at = |on: i32, hour: i64| {
                let date = self.start + Days::new(on.max(0) as u64);
                day::start(date) + TimeDelta::hours(hour) + TimeDelta::seconds(index as i64 % 3_600)
            };
            let ended = today == case.inspected_on;
            let inspected_at = ended.then(|| at(case.inspected_on, 14));
            let event = InspectionCase {
                case_id: Cow::Borrowed(&case.case_id),
                version: i32::from(ended),
                kind: Cow::Borrowed(case.kind.code()),
                basis: Cow::Borrowed(case.basis.code()),
                place: case.rank.map(|(place, _)| place),
                score: case.rank.map(|(_, points)| points),
                customer_id: Some(Cow::Borrowed(member.customer_id.as_str())),
                meter_id: Some(Cow::Borrowed(member.meter_id.as_str())),
                area_id: member.booked_area.map(|area| Cow::Owned(area_id(area))),
                opened_at: at(case.opened_on, 9),
                inspected_at,
                outcome: ended.then(|| Cow::Borrowed(case.outcome.code())),
                recovered_energy_kwh: case.energy.filter(|_| ended),
                recovered_amount: case.amounts.filter(|_| ended).map(|(amount, _)| amount),
                penalty_amount: case.amounts.filter(|_| ended).map(|(_, penalty)| penalty),
            };
            let sent_at = inspected_at.unwrap_or(event.opened_at) + TimeDelta::seconds(90);
            let table = Table::InspectionCases;
            if !outbox.send_version(table, &case.case_id, sent_at, &event, !ended) {
                continue;
            }
            let sums = outbox.ledger.cases(date, case.kind.code());
            if !ended {
                sums.opened += 1;
                continue;
            }
            match case.outcome {
                CaseOutcome::Confirmed => sums.confirmed += 1,
                CaseOutcome::Cleared => sums.cleared += 1,
                CaseOutcome::NoAccess => sums.no_access += 1,
            }
            let (amount, penalty) = case.amounts.unwrap_or_default();
            sums.energy += case.energy.unwrap_or_default().0;
            sums.amount += amount.0;
            sums.penalty += penalty.0;
        }
    }
}
