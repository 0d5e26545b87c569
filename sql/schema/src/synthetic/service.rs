//! Requests that customers make: applications, complaints, faults; some lead
//! to something, many are daily noise.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, TimeDelta};

use super::draw::{Draw, Purpose};
use super::outbox::Outbox;
use super::population::Member;
use crate::event::ServiceRequest;
use crate::{Energy, Fixed, Table, day};

/// Days before its connection that a newcomer applies.
pub(super) const APPLICATION_DAYS: i32 = 30;

/// One stage of a request.
#[derive(Clone, Debug)]
struct Stage {
    request_id: String,
    request_type: &'static str,
    stage: &'static str,
    member: Option<usize>,
    region: &'static str,
    kva: Option<(i64, i64)>,
    outcome: Option<&'static str>,
}

/// The requests to come.
#[derive(Clone, Debug)]
pub(super) struct RequestBook {
    start: NaiveDate,
    draw: Draw,
    count: u32,
    agenda: BTreeMap<i32, Vec<Stage>>,
}

/// Stage, days after the first, outcome.
type Path = [(&'static str, i32, Option<&'static str>)];

impl RequestBook {
    /// Enters what the customers' fates bring.
    pub(super) fn new(seed: u64, start: NaiveDate, members: &[Member]) -> Self {
        let draw = Draw::new(seed, Purpose::Service, 0);
        let mut book = Self { start, draw, count: 0, agenda: BTreeMap::new() };
        for (index, member) in members.iter().enumerate() {
            book.enter_fate(index, member);
        }
        book
    }

    fn enter_fate(&mut self, index: usize, member: &Member) {
        let kva = member.capacity_kva;
        if let Some(day) = member.fate.joins {
            let path: &Path = &[
                ("accepted", -APPLICATION_DAYS, None),
                ("surveyed", -22, None),
                ("approved", -12, Some("approved")),
                ("connected", 0, None),
                ("closed", 1, Some("done")),
            ];
            self.enter("new_supply", Some(index), member, day, Some((0, kva)), path);
        }
        if let Some((day, factor)) = member.fate.enlarged {
            let path: &Path = &[
                ("accepted", -42, None),
                ("surveyed", -30, None),
                ("approved", -21, Some("approved")),
                ("connected", 0, None),
                ("closed", 1, Some("done")),
            ];
            let after = enlarged_kva(kva, factor);
            self.enter("capacity_increase", Some(index), member, day, Some((kva, after)), path);
        }
        if let Some(leaving) = member.fate.leaving {
            for on in leaving.complaints.into_iter().flatten() {
                let path: &Path = &[("accepted", 0, None), ("closed", 4, Some("unresolved"))];
                self.enter("complaint", Some(index), member, on, None, path);
            }
            if let Some(on) = leaving.capacity_request {
                let path: &Path = &[("accepted", 0, None), ("surveyed", 8, None)];
                let kva = Some((kva, (kva / 2).max(1)));
                self.enter("capacity_decrease", Some(index), member, on, kva, path);
            }
            let kind = if leaving.suspended { "suspension" } else { "closure" };
            let path: &Path = &[("accepted", -6, None), ("closed", 0, Some("done"))];
            self.enter(kind, Some(index), member, leaving.day, None, path);
        }
    }

    fn enter(
        &mut self,
        request_type: &'static str,
        index: Option<usize>,
        member: &Member,
        day: i32,
        kva: Option<(i64, i64)>,
        path: &Path,
    ) {
        self.count += 1;
        let request_id = format!("R{:06}", self.count);
        for &(stage, after, outcome) in path {
            let stage = Stage {
                request_id: request_id.clone(),
                request_type,
                stage,
                member: index,
                region: member.region_code(),
                kva,
                outcome,
            };
            // What came before the first day is history that no one sends.
            if day + after >= 0 {
                self.agenda.entry(day + after).or_default().push(stage);
            }
        }
    }

    /// Draws the day's ordinary requests and sends every stage reached.
    /// `storm` counts how rough the weather is, 0 on a calm day.
    pub(super) fn play(&mut self, day: i32, storm: f64, members: &[Member], outbox: &mut Outbox) {
        let size = members.len() as f64;
        let kinds: [(&'static str, f64, &Path); 5] = [
            ("complaint", 0.00015, &[("accepted", 0, None), ("closed", 3, Some("resolved"))]),
            (
                "fault_report",
                0.0002 * (1.0 + 3.0 * storm),
                &[("accepted", 0, None), ("closed", 1, Some("repaired"))],
            ),
            ("inquiry", 0.0006, &[("accepted", 0, None), ("closed", 0, Some("answered"))]),
            ("new_supply", 0.00003, &[("accepted", 0, None), ("closed", 14, Some("withdrawn"))]),
            (
                "capacity_decrease",
                0.00003,
                &[("accepted", 0, None), ("surveyed", 8, None), ("closed", 20, Some("withdrawn"))],
            ),
        ];
        for (kind, rate, path) in kinds {
            for _ in 0..self.draw.count(rate * size) {
                let index = self.draw.below(members.len());
                let member = &members[index];
                let gone = member.fate.leaving.is_some_and(|leaving| day >= leaving.day);
                let absent = member.fate.joins.is_some_and(|joins| day < joins);
                let kva = member.capacity_kva;
                match kind {
                    "new_supply" => self.enter(kind, None, member, day, Some((0, kva)), path),
                    _ if gone || absent => {}
                    "capacity_decrease" if member.profile().is_home() => {}
                    "capacity_decrease" => {
                        let kva = Some((kva, (kva * 3 / 4).max(1)));
                        self.enter(kind, Some(index), member, day, kva, path);
                    }
                    _ => self.enter(kind, Some(index), member, day, None, path),
                }
            }
        }
        let stages = self.agenda.remove(&day).unwrap_or_default();
        let (count, from) = (stages.len().max(1) as i64, 8 * 3600);
        for (place, stage) in stages.into_iter().enumerate() {
            // In order of entry over the working day, so that two stages of
            // one day keep their order.
            let slot = 12 * 3600 / count;
            let second = from + place as i64 * slot + self.draw.seconds(0, slot.max(1));
            let at =
                day::start(self.start + Days::new(day.max(0) as u64)) + TimeDelta::seconds(second);
            let kva = |kva: i64| -> Energy { Fixed(i128::from(kva) * 10_000) };
            let event = ServiceRequest {
                request_id: Cow::Borrowed(&stage.request_id),
                stage: Cow::Borrowed(stage.stage),
                version: 0,
                request_type: Cow::Borrowed(stage.request_type),
                stage_at: at,
                customer_id: stage.member.map(|member| members[member].customer_id.as_str().into()),
                region_code: Some(Cow::Borrowed(stage.region)),
                before_kva: stage.kva.map(|(before, _)| kva(before)),
                after_kva: stage.kva.map(|(_, after)| kva(after)),
                outcome: stage.outcome.map(Cow::Borrowed),
            };
            let at = at + TimeDelta::seconds(30);
            outbox.send_fact(Table::ServiceRequests, &stage.request_id, at, &event);
        }
    }
}

/// Capacity after an increase, kVA.
pub(super) fn enlarged_kva(before: i64, factor: f64) -> i64 {
    ((before as f64 * factor).ceil() as i64).max(before + 1)
}
