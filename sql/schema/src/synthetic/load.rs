//! What customers draw: their shape, the temperature, and noise of which part
//! is shared by the city, part by the kind, part their own.

use super::calendar::Calendar;
use super::draw::{Draw, Purpose};
use super::population::Member;
use super::profile::REGIONS;
use super::shape::{DayContext, Shape};
use super::weather::{Climate, Hour};
use chrono::{Datelike, NaiveDate};

const SHAPES: usize = Shape::ALL.len();

/// Noise that many customers share.
#[derive(Clone, Debug)]
pub(super) struct CommonNoise {
    draw: Draw,
    kinds: [f64; SHAPES],
    city: f64,
}

impl CommonNoise {
    pub(super) fn new(seed: u64) -> Self {
        Self { draw: Draw::new(seed, Purpose::City, 1), kinds: [0.0; SHAPES], city: 0.0 }
    }
}

/// Expected load of every shape in every district on one day, relative to a
/// customer's size: `base × (1 + sensitivity × thermal)` by interval.
#[derive(Debug)]
pub(super) struct DayLoad {
    slots: usize,
    base: Vec<f64>,
    thermal: Vec<f64>,
    sun: Vec<f64>,
}

impl DayLoad {
    pub(super) fn new(
        index: u32,
        date: NaiveDate,
        slots: usize,
        calendar: &Calendar,
        climate: &Climate,
        noise: &mut CommonNoise,
    ) -> Self {
        let day = DayContext {
            kind: calendar.kind(date),
            standstill: calendar.standstill(date),
            ordinal: date.ordinal0(),
        };
        let mut load = Self {
            slots,
            base: Vec::with_capacity(SHAPES * slots),
            thermal: Vec::with_capacity(REGIONS.len() * SHAPES * slots),
            sun: Vec::with_capacity(REGIONS.len() * slots),
        };
        let city: [f64; 24] = std::array::from_fn(|_| {
            noise.city = 0.9 * noise.city + 0.0065 * noise.draw.normal();
            noise.city
        });
        for shape in Shape::ALL {
            let kind = &mut noise.kinds[shape.index()];
            *kind = 0.75 * *kind + 0.014 * noise.draw.normal();
            let mut hours = shape.hours(day);
            for (hour, shared) in hours.iter_mut().zip(&city) {
                *hour *= (1.0 + *kind + shared) / slots as f64;
            }
            expand(&hours, slots, &mut load.base);
        }
        let weather: &[[Hour; 8]] = climate.day(index);
        for place in 0..REGIONS.len() {
            let felt: [f64; 24] = std::array::from_fn(|hour| {
                let now = weather.get(hour).map_or(20.0, |hour| hour[place].temperature_c);
                0.7 * now + 0.3 * climate.mean_of_day_before(index, hour, place)
            });
            for shape in Shape::ALL {
                let (hot, cold) = shape.response_per_c();
                let extra = felt.map(|t| hot * (t - 24.0).max(0.0) + cold * (16.0 - t).max(0.0));
                expand(&extra, slots, &mut load.thermal);
            }
            let sun: [f64; 24] = std::array::from_fn(|hour| {
                weather.get(hour).map_or(0.0, |hour| hour[place].radiation_wm2) / 1000.0
            });
            expand(&sun, slots, &mut load.sun);
        }
        load
    }
}

/// Hours to intervals, straight lines between the middles of the hours.
fn expand(hours: &[f64; 24], slots: usize, out: &mut Vec<f64>) {
    let per_hour = slots / 24;
    if per_hour == 1 {
        out.extend_from_slice(hours);
        return;
    }
    out.extend((0..slots).map(|slot| {
        let place = ((slot as f64 + 0.5) / per_hour as f64 - 0.5).clamp(0.0, 23.0);
        let hour = place as usize;
        let next = hours[(hour + 1).min(23)];
        hours[hour] + (next - hours[hour]) * (place - hour as f64)
    }));
}

/// A customer's own noise, carried from day to day.
#[derive(Clone, Debug)]
pub(super) struct OwnNoise {
    draw: Draw,
    day: f64,
    hour: f64,
    stopped_until: i32,
}

impl OwnNoise {
    pub(super) fn new(seed: u64, index: usize) -> Self {
        let draw = Draw::new(seed, Purpose::Noise, index as u64);
        Self { draw, day: 0.0, hour: 0.0, stopped_until: -1 }
    }

    /// Energy used in each interval of a day, in 1e-4 kWh; with solar, what is
    /// left over goes to `export`.
    pub(super) fn fill(
        &mut self,
        member: &Member,
        day: i32,
        load: &DayLoad,
        import: &mut [i64],
        export: &mut [i64],
    ) {
        let slots = load.slots;
        let shape = member.profile().shape;
        let (day_spread, hour_spread) = shape.noise();
        self.day = 0.8 * self.day + 0.6 * day_spread * self.draw.normal();
        if day > self.stopped_until
            && matches!(shape, Shape::TwoShift | Shape::ThreeShift)
            && self.draw.chance(0.0015)
        {
            // A machine stands still for repair.
            self.stopped_until = day + self.draw.between(0, 2);
        }
        let running = if day <= self.stopped_until { 0.45 } else { 1.0 };
        let growth = 1.0 + member.trend * f64::from(day) / 365.0;
        let scale = member.size_kwh * growth * member.fate.level(day) * running * 10_000.0;
        let steady = (1.0 + self.day).max(0.15);
        let base = &load.base[shape.index() * slots..][..slots];
        let thermal = &load.thermal[(member.region * SHAPES + shape.index()) * slots..][..slots];
        let shift = (member.late_h * (slots as i32 / 24)).rem_euclid(slots as i32) as usize;
        let keep = 1.0 - 0.35 * 24.0 / slots as f64;
        let push = hour_spread * (1.0 - keep * keep).sqrt();
        for (slot, energy) in import.iter_mut().enumerate() {
            self.hour = keep * self.hour + push * self.draw.normal();
            // Running late, at noon one does what others did an hour before.
            let at = slot + slots - shift;
            let at = if at >= slots { at - slots } else { at };
            let expected = base[at] * (1.0 + member.sensitivity * thermal[slot]);
            *energy = (scale * expected * (steady + self.hour).max(0.05)) as i64;
        }
        if member.solar_kw > 0.0 {
            let sun = &load.sun[member.region * slots..][..slots];
            let full = member.solar_kw * 0.8 * 24.0 / slots as f64 * 10_000.0;
            for ((used, fed), sun) in import.iter_mut().zip(export).zip(sun) {
                let made = (full * sun) as i64;
                *fed = (made - *used).max(0);
                *used = (*used - made).max(0);
            }
        }
    }
}
