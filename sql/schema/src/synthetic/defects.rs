//! What goes wrong at a chosen rate: messages that are repeated or broken on
//! the way, meters that fail, areas without power.

use chrono::{Days, NaiveDate};

use super::UtilitySpec;
use super::draw::{Draw, Purpose};
use super::population::{City, area_id};
use super::truth::PlantedDefect;

/// Something that happens to a message besides its arrival.
#[derive(Clone, Debug)]
pub(super) enum Mishap {
    /// The same bytes once more.
    Repeated { delay_s: i64 },
    /// A broken version that is refused; the producer then sends the good one.
    Poison { reason: &'static str, payload: Vec<u8> },
}

/// Decides what happens to which message.
#[derive(Clone, Debug)]
pub(super) struct Saboteur {
    rate: f64,
    draw: Draw,
    /// Of the cases: what befalls them moves nothing of the other topics.
    cases: Draw,
}

impl Saboteur {
    pub(super) fn new(spec: &UtilitySpec) -> Self {
        let draw = |id| Draw::new(spec.seed, Purpose::Defect, id);
        Self { rate: spec.defect_rate, draw: draw(0), cases: draw(2) }
    }

    pub(super) fn strike(&mut self, topic: &str, payload: &[u8]) -> Option<Mishap> {
        let draw = if topic == "inspection_cases" { &mut self.cases } else { &mut self.draw };
        if self.rate <= 0.0 || !draw.chance(self.rate) {
            return None;
        }
        if draw.chance(0.5) {
            return Some(Mishap::Repeated { delay_s: draw.seconds(60, 86_400) });
        }
        let reasons =
            ["malformed_json", "missing_field", "wrong_type", "unknown_code", "impossible_value"];
        let reason = reasons[draw.below(reasons.len())];
        let text = std::str::from_utf8(payload).unwrap_or_default();
        let broken = match reason {
            "missing_field" => without_id(topic, text),
            "wrong_type" => with_wrong_type(topic, text),
            "unknown_code" => with_unknown_code(topic, text),
            "impossible_value" => with_impossible_value(topic, text, draw.below(3)),
            _ => None,
        };
        Some(match broken {
            Some(text) => Mishap::Poison { reason, payload: text.into_bytes() },
            // Cut off on the way; also for what has no code or range to break.
            None => {
                let payload = payload[..payload.len() * 3 / 5].to_vec();
                Mishap::Poison { reason: "malformed_json", payload }
            }
        })
    }
}

fn without_id(topic: &str, text: &str) -> Option<String> {
    let field = match topic {
        "meter_reads" => "\"meter_id\":",
        "customers" => "\"customer_id\":",
        "bills" => "\"bill_id\":",
        "payments" => "\"payment_id\":",
        "service_requests" => "\"request_id\":",
        "supply_reads" => "\"asset_id\":",
        "weather" => "\"cell\":",
        "inspection_cases" => "\"case_id\":",
        _ => return None,
    };
    text.contains(field).then(|| text.replacen(field, "\"was\":", 1))
}

fn with_wrong_type(topic: &str, text: &str) -> Option<String> {
    match topic {
        "meter_reads" => with_value(text, "interval_min", "true")
            .or_else(|| with_value(text, "multiplier", "true")),
        "customers" => with_value(text, "lsn", "true"),
        "bills" | "supply_reads" => with_value(text, "energy_kwh", "true"),
        "payments" => with_value(text, "amount", "true"),
        "service_requests" => with_value(text, "stage_at", "true"),
        "weather" => with_value(text, "temperature_c", "\"mild\""),
        "inspection_cases" => with_value(text, "opened_at", "true"),
        _ => None,
    }
}

fn with_unknown_code(topic: &str, text: &str) -> Option<String> {
    match topic {
        "meter_reads" => with_value(text, "channel", "\"sideways\"")
            .or_else(|| Some(format!("{{\"channel\":\"sideways\",{}", text.strip_prefix('{')?))),
        "customers" => with_value(text, "status", "\"vanished\""),
        "bills" => with_value(text, "kind", "\"MYSTERY\""),
        "payments" => with_value(text, "op", "\"GIVE\""),
        "supply_reads" => with_value(text, "asset_kind", "\"tower\""),
        "weather" => with_value(text, "kind", "\"rumour\""),
        "inspection_cases" => with_value(text, "kind", "\"whim\""),
        _ => None,
    }
}

fn with_impossible_value(topic: &str, text: &str, variant: usize) -> Option<String> {
    match topic {
        "meter_reads" => match text.split_once("\"values\":[") {
            Some((before, after)) => {
                let rest = &after[after.find([',', ']'])?..];
                let first = ["-5.5", "1000000000000", "0.5,0.5"][variant];
                Some(format!("{before}\"values\":[{first}{rest}"))
            }
            None => with_value(text, "energy_kwh", "-5.5")
                .or_else(|| with_value(text, "register_kwh", "-5.5")),
        },
        "customers" => with_value(text, "capacity_kva", "-100.0"),
        "payments" => with_value(text, "amount", "-5.5"),
        "supply_reads" => with_value(text, "energy_kwh", "-5.5"),
        "weather" => with_value(text, "temperature_c", "999.0"),
        _ => None,
    }
}

/// The first value of a field, a number or plain text, replaced.
fn with_value(text: &str, field: &str, value: &str) -> Option<String> {
    let label = format!("\"{field}\":");
    let from = text.find(&label)? + label.len();
    let to = from + text[from..].find([',', '}'])?;
    Some(format!("{}{value}{}", &text[..from], &text[to..]))
}

/// What is wrong with a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MeterDefect {
    /// Counts the same in every interval.
    Stuck,
    /// One interval reads fifty times too high; the register does not.
    Spike,
    /// The clock runs an interval fast.
    ClockDrift,
    /// The register passes its last digit.
    Rollover,
    /// Another meter takes its place.
    Replacement,
}

/// A defect of a member's meter, days counted from the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planted {
    pub(super) member: usize,
    pub(super) defect: MeterDefect,
    pub(super) from: i32,
    pub(super) to: i32,
}

/// A transformer area without power, hours `from_hour..to_hour` of one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) area: usize,
    pub(super) day: i32,
    pub(super) from_hour: usize,
    pub(super) to_hour: usize,
}

/// All that is planted; nothing at rate 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) meters: Vec<Planted>,
    pub(super) outages: Vec<Outage>,
}

impl Plan {
    pub(super) fn new(spec: &UtilitySpec, city: &City) -> Self {
        let mut plan = Self::default();
        if spec.defect_rate <= 0.0 {
            return plan;
        }
        let mut draw = Draw::new(spec.seed, Purpose::Defect, 1);
        let days = spec.days as i32;
        let each = (spec.customers as f64 * spec.defect_rate.min(0.2) / 2.0).ceil() as usize;
        let mut free: Vec<usize> = (0..spec.customers)
            .filter(|&m| {
                let fate = &city.members[m].fate;
                fate.leaving.is_none() && fate.joins.is_none() && fate.theft.is_none()
            })
            .collect();
        use MeterDefect::{ClockDrift, Replacement, Rollover, Spike, Stuck};
        for defect in [Stuck, Spike, ClockDrift, Rollover, Replacement] {
            for _ in 0..each {
                if free.is_empty() {
                    break;
                }
                let member = free.swap_remove(draw.below(free.len()));
                let from = draw.between(1, (days - 1).max(1));
                let to = match defect {
                    Stuck | ClockDrift => (from + draw.between(5, 40)).min(days - 1),
                    Spike | Replacement => from,
                    Rollover => days - 1,
                };
                let from = if defect == Rollover { 0 } else { from };
                plan.meters.push(Planted { member, defect, from, to });
            }
        }
        let areas = city.area_feeders.len();
        let outages = (areas as f64 * spec.defect_rate * f64::from(days) / 30.0).ceil() as usize;
        for _ in 0..if areas == 0 { 0 } else { outages } {
            let from_hour = draw.below(20);
            plan.outages.push(Outage {
                area: draw.below(areas),
                day: draw.between(0, days - 1),
                from_hour,
                to_hour: (from_hour + 1 + draw.below(5)).min(24),
            });
        }
        plan
    }

    pub(super) fn truth(&self, city: &City, start: NaiveDate) -> Vec<PlantedDefect> {
        let date = |day: i32| start + Days::new(day.max(0) as u64);
        let meters = self.meters.iter().map(|planted| PlantedDefect {
            id: city.members[planted.member].meter_id.clone(),
            kind: match planted.defect {
                MeterDefect::Stuck => "stuck",
                MeterDefect::Spike => "spike",
                MeterDefect::ClockDrift => "clock_drift",
                MeterDefect::Rollover => "rollover",
                MeterDefect::Replacement => "replacement",
            }
            .to_owned(),
            from: date(planted.from),
            to: date(planted.to),
        });
        let outages = self.outages.iter().map(|outage| PlantedDefect {
            id: area_id(outage.area),
            kind: "outage".to_owned(),
            from: date(outage.day),
            to: date(outage.day),
        });
        meters.chain(outages).collect()
    }
}
