//! The city: its customers, their meters, and the network they hang on.

use chrono::{Datelike, Days, NaiveDate};

use super::UtilitySpec;
use super::draw::{Draw, Purpose};
use super::fate::{Fate, Odds};
use super::profile::{PROFILES, Profile, REGIONS};
use crate::codes::CustomerStatus;

/// Low-voltage customers that share a transformer.
const CUSTOMERS_PER_AREA: usize = 20;
/// Feeders in each district.
const FEEDERS_PER_REGION: usize = 2;

/// How a customer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayChannel {
    Counter,
    BankDebit,
    App,
    Wallet,
    Kiosk,
}

impl PayChannel {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::BankDebit => "bank_debit",
            Self::App => "app",
            Self::Wallet => "wechat_alipay",
            Self::Kiosk => "kiosk",
        }
    }
}

/// One customer with its account and meter.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) customer_id: String,
    pub(crate) account_id: String,
    pub(crate) meter_id: String,
    pub(crate) profile: usize,
    pub(crate) region: usize,
    /// The transformer it hangs on; none from 6 kV up.
    pub(crate) area: Option<usize>,
    /// The transformer the books say.
    pub(crate) booked_area: Option<usize>,
    pub(crate) feeder: usize,
    pub(crate) status: CustomerStatus,
    pub(crate) capacity_kva: i64,
    pub(crate) contract_kw: Option<i64>,
    /// Hundredths.
    pub(crate) pf_standard: Option<i64>,
    /// Reactive over active energy.
    pub(crate) reactive_ratio: f64,
    pub(crate) prepaid: bool,
    pub(crate) contract_end: Option<NaiveDate>,
    pub(crate) channel: PayChannel,
    pub(crate) stress: f64,
    pub(crate) slow_payer: bool,
    /// Energy of a workday at the start, kWh.
    pub(crate) size_kwh: f64,
    pub(crate) trend: f64,
    /// How strongly it reacts to temperature, against its kind.
    pub(crate) sensitivity: f64,
    /// Hours its day runs late.
    pub(crate) late_h: i32,
    /// Rooftop generation, kW at full sun; 0 for most.
    pub(crate) solar_kw: f64,
    pub(crate) multiplier: i64,
    /// The meter's resolution in 1e-4 kWh, a whole number of register steps.
    pub(crate) step: i64,
    /// What the register showed at first, in 1e-4 of its own units.
    pub(crate) register_start: i64,
    /// Sends single reads rather than curves one week in eight.
    pub(crate) single_reads: bool,
    pub(crate) fate: Fate,
}

impl Member {
    pub(crate) fn profile(&self) -> &'static Profile {
        &PROFILES[self.profile]
    }

    pub(crate) fn region_code(&self) -> &'static str {
        REGIONS[self.region]
    }

    /// Large industry with a demand contract pays for demand, others of the
    /// two-part tariff for capacity.
    pub(crate) fn demand_mode(&self) -> Option<&'static str> {
        match (self.profile().tariff, self.contract_kw) {
            ("LI", Some(_)) => Some("demand"),
            ("LI", None) => Some("capacity"),
            _ => None,
        }
    }
}

/// The customers and the network.
#[derive(Clone, Debug)]
pub(crate) struct City {
    pub(crate) members: Vec<Member>,
    /// The feeder of each transformer area.
    pub(crate) area_feeders: Vec<usize>,
    pub(crate) feeder_count: usize,
}

impl City {
    pub(crate) fn new(spec: &UtilitySpec, start: NaiveDate) -> Self {
        let joining = (spec.customers as f64 * 0.03 * f64::from(spec.days) / 365.0) as usize;
        let mut members: Vec<Member> = (0..spec.customers + joining)
            .map(|index| member(spec, start, index, index >= spec.customers))
            .collect();
        let area_feeders = wire(spec.seed, &mut members);
        Self { members, area_feeders, feeder_count: REGIONS.len() * FEEDERS_PER_REGION }
    }
}

pub(crate) fn area_id(area: usize) -> String {
    format!("T{:04}", area + 1)
}

pub(crate) fn feeder_id(feeder: usize) -> String {
    format!("F{:02}", feeder + 1)
}

fn member(spec: &UtilitySpec, start: NaiveDate, index: usize, joins: bool) -> Member {
    let mut draw = Draw::new(spec.seed, Purpose::Attributes, index as u64);
    // Steps of the golden ratio spread the kinds evenly even over few customers.
    let place = ((index as f64 + 0.5) * 0.618_033_988_749_894_9).fract() * 10_000.0;
    let mut upto = 0.0;
    let found = PROFILES.iter().position(|profile| {
        upto += f64::from(profile.share);
        place < upto
    });
    let profile_index = found.unwrap_or(0);
    let profile = &PROFILES[profile_index];
    let region = usize::from(profile.regions[draw.below(profile.regions.len())]);
    let size_kwh = profile.median_kwh * (profile.spread * draw.gaussian()).exp();

    let stress = draw.gaussian();
    let home = profile.is_home();
    let debit = draw.unit();
    let channel = match debit {
        x if x < if home { 0.25 } else { 0.5 } => PayChannel::BankDebit,
        x if x < 0.60 => PayChannel::Wallet,
        x if x < 0.80 => PayChannel::App,
        x if x < 0.93 => PayChannel::Counter,
        _ => PayChannel::Kiosk,
    };
    let prepaid = profile.is_low_voltage() && draw.chance(if home { 0.08 } else { 0.15 });
    let slow_odds = -2.5 + 0.9 * stress - 9.0 * profile.trend
        + if channel == PayChannel::Counter { 0.7 } else { 0.0 }
        - if channel == PayChannel::BankDebit { 0.9 } else { 0.0 };
    let slow_payer = draw.chance(1.0 / (1.0 + (-slow_odds).exp())) && !prepaid;

    let peak_kw = size_kwh / 24.0 * if profile.is_low_voltage() { 3.2 } else { 2.3 };
    let capacity_kva = capacity(profile, peak_kw / draw.range(0.55, 0.8));
    let demand = draw.chance(0.4);
    let contract_kw = (profile.tariff == "LI" && demand)
        .then_some(((peak_kw * 1.05 / 10.0).ceil() * 10.0) as i64);
    let power_factor = (0.90 + 0.05 * draw.normal()).clamp(0.74, 0.985);
    let multiplier = multiplier(profile, size_kwh);
    let solar = home && draw.chance(0.05);
    let solar_kw = if solar { draw.range(3.0, 8.0) } else { 0.0 };
    let contract_end = start + Days::new(draw.between(60, 1500) as u64);

    let mut fates = Draw::new(spec.seed, Purpose::Fate, index as u64);
    let days = spec.days as i32;
    let fate = if joins {
        Fate::newcomer(fates.between(25.min(days), days.max(26)))
    } else {
        let odds = Odds { stress, slow_payer, leaving_mean: 0.066 * f64::from(days + 60) / 365.0 };
        on_first_of_month(Fate::new(&mut fates, profile, odds, days), start)
    };
    Member {
        customer_id: format!("C{:06}", index + 1),
        account_id: format!("A{:06}", index + 1),
        meter_id: format!("M{:06}", index + 1),
        profile: profile_index,
        region,
        area: None,
        booked_area: None,
        feeder: region * FEEDERS_PER_REGION + draw.below(FEEDERS_PER_REGION),
        status: if joins { CustomerStatus::Pending } else { CustomerStatus::Active },
        capacity_kva,
        contract_kw,
        pf_standard: pf_standard(profile, capacity_kva),
        reactive_ratio: (1.0 / (power_factor * power_factor) - 1.0).sqrt(),
        prepaid,
        contract_end: (!home).then_some(contract_end),
        channel,
        stress,
        slow_payer,
        size_kwh,
        trend: profile.trend + 0.03 * draw.normal(),
        sensitivity: (0.3 * draw.normal()).exp(),
        late_h: if home { draw.between(-1, 1) } else { 0 },
        solar_kw,
        multiplier,
        step: if multiplier == 1 { 10 } else { multiplier },
        register_start: draw.between(0, 400_000_000) as i64 / 100 * 100,
        single_reads: index % 97 == 13,
        fate,
    }
}

/// Classes and capacities change with a billing month.
fn on_first_of_month(mut fate: Fate, start: NaiveDate) -> Fate {
    let first = |day: i32| {
        let date = start + Days::new(day.max(0) as u64);
        day - date.day0() as i32
    };
    fate.reclassified = fate.reclassified.map(|(day, to)| (first(day), to)).filter(|at| at.0 > 0);
    fate.enlarged = fate.enlarged.map(|(day, factor)| (first(day), factor)).filter(|at| at.0 > 0);
    fate
}

/// Contracted capacity, the next size that is made.
fn capacity(profile: &Profile, kva: f64) -> i64 {
    const SIZES: [i64; 26] = [
        4, 8, 12, 16, 25, 40, 63, 100, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600,
        2000, 2500, 3150, 4000, 5000, 6300, 8000,
    ];
    let least = match profile.tariff {
        "LI" => 315,
        _ if !profile.is_low_voltage() => 100,
        _ if profile.is_home() => 8,
        _ => 4,
    };
    let needed = (kva.ceil() as i64).max(least);
    let size = SIZES.iter().copied().find(|&size| size >= needed);
    size.unwrap_or((needed + 999) / 1000 * 1000)
}

/// CT × PT ratio that keeps a year's register below a fifth of its range.
fn multiplier(profile: &Profile, size_kwh: f64) -> i64 {
    const RATIOS: [i64; 13] = [1, 20, 40, 60, 80, 100, 200, 500, 1000, 2000, 3000, 6000, 10_000];
    let least = match profile.voltage {
        "220V" => 1,
        "380V" if size_kwh < 60.0 => 1,
        "380V" => 20,
        "35kV" => 1000,
        "110kV" => 2000,
        _ => 100,
    };
    let ratio = RATIOS.iter().copied();
    ratio
        .into_iter()
        .find(|&r| r >= least && size_kwh * 800.0 / (r as f64) < 200_000.0)
        .unwrap_or(10_000)
}

/// DOMAIN's rule: 0.90 above 160 kVA in high-voltage industry, 0.80 in
/// agriculture and wholesale, 0.85 for others from 100 kVA.
fn pf_standard(profile: &Profile, capacity_kva: i64) -> Option<i64> {
    match profile.tariff {
        _ if capacity_kva < 100 || profile.tariff == "RES" => None,
        "AGR" | "IRR" | "WHS" => Some(80),
        "LI" if capacity_kva > 160 => Some(90),
        _ if profile.usage == "SIND" && !profile.is_low_voltage() && capacity_kva > 160 => Some(90),
        _ => Some(85),
    }
}

/// Hangs low-voltage customers on transformers of their district, and puts a
/// few into the books of the neighbouring one. Gives each area's feeder.
fn wire(seed: u64, members: &mut [Member]) -> Vec<usize> {
    let mut area_feeders = Vec::new();
    let mut draw = Draw::new(seed, Purpose::City, 0);
    for region in 0..REGIONS.len() {
        let homes: Vec<usize> = (0..members.len())
            .filter(|&m| members[m].region == region && members[m].profile().is_low_voltage())
            .collect();
        if homes.is_empty() {
            continue;
        }
        let first = area_feeders.len();
        let count = homes.len().div_ceil(CUSTOMERS_PER_AREA);
        area_feeders
            .extend((0..count).map(|area| region * FEEDERS_PER_REGION + area % FEEDERS_PER_REGION));
        for index in homes {
            let area = first + draw.below(count);
            let wrong = draw.chance(0.003) && count > FEEDERS_PER_REGION;
            let member = &mut members[index];
            member.area = Some(area);
            member.feeder = area_feeders[area];
            let neighbour = if area >= first + FEEDERS_PER_REGION {
                area - FEEDERS_PER_REGION
            } else {
                (area + FEEDERS_PER_REGION).min(first + count - 1)
            };
            let wrong = wrong && area_feeders[neighbour] == area_feeders[area];
            member.booked_area = Some(if wrong { neighbour } else { area });
        }
    }
    area_feeders
}
