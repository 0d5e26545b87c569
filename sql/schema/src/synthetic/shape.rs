//! Load shapes: how a kind of customer spreads its energy over day, week and
//! year, and what temperature adds.

use std::f64::consts::TAU;

use super::calendar::DayKind;

/// A kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Home,
    RuralHome,
    Retail,
    Catering,
    Office,
    School,
    Hospital,
    Continuous,
    OneShift,
    TwoShift,
    ThreeShift,
    StreetLight,
    Farm,
    Irrigation,
    Wholesale,
}

/// The day a shape is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct DayContext {
    pub(super) kind: DayKind,
    /// Of the Spring Festival's standstill, 0 to 1.
    pub(super) standstill: f64,
    /// Day of the year, from 0.
    pub(super) ordinal: u32,
}

#[rustfmt::skip]
const HOME: [f64; 24] = [0.55,0.48,0.44,0.42,0.42,0.48,0.75,0.95,0.90,0.80,0.82,1.00,1.05,0.90,0.82,0.85,1.00,1.35,1.80,2.05,2.00,1.75,1.30,0.82];
#[rustfmt::skip]
const HOME_WEEKEND: [f64; 24] = [0.60,0.52,0.46,0.43,0.42,0.45,0.62,0.90,1.10,1.15,1.18,1.35,1.30,1.12,1.05,1.08,1.18,1.45,1.85,2.08,2.02,1.80,1.38,0.90];
#[rustfmt::skip]
const SHOP: [f64; 24] = [0.30,0.28,0.27,0.27,0.27,0.30,0.40,0.60,0.95,1.30,1.50,1.55,1.50,1.45,1.45,1.45,1.50,1.60,1.75,1.80,1.70,1.30,0.75,0.40];
#[rustfmt::skip]
const CATERING: [f64; 24] = [0.45,0.38,0.35,0.34,0.36,0.45,0.70,0.90,0.90,1.00,1.35,1.65,1.55,1.15,0.95,0.95,1.20,1.70,1.95,1.85,1.55,1.20,0.85,0.60];
#[rustfmt::skip]
const OFFICE: [f64; 24] = [0.30,0.28,0.28,0.28,0.28,0.32,0.45,0.90,1.70,2.00,2.05,2.00,1.60,1.80,2.05,2.05,2.00,1.70,1.05,0.70,0.55,0.45,0.38,0.33];
#[rustfmt::skip]
const SCHOOL: [f64; 24] = [0.35,0.32,0.30,0.30,0.32,0.55,1.10,1.50,1.60,1.65,1.65,1.50,1.10,1.30,1.55,1.55,1.40,1.10,1.15,1.30,1.25,0.90,0.60,0.42];
#[rustfmt::skip]
const HOSPITAL: [f64; 24] = [0.68,0.65,0.63,0.62,0.63,0.70,0.85,1.10,1.35,1.45,1.45,1.40,1.25,1.25,1.38,1.38,1.30,1.12,1.00,0.95,0.90,0.85,0.78,0.72];
#[rustfmt::skip]
const ONE_SHIFT: [f64; 24] = [0.22,0.20,0.20,0.20,0.20,0.25,0.50,1.60,2.15,2.25,2.25,2.05,1.20,2.05,2.25,2.25,2.15,1.70,0.80,0.45,0.35,0.30,0.26,0.24];
#[rustfmt::skip]
const TWO_SHIFT: [f64; 24] = [0.42,0.38,0.36,0.36,0.38,0.50,0.95,1.40,1.50,1.52,1.50,1.38,1.20,1.42,1.50,1.50,1.46,1.35,1.30,1.28,1.22,1.12,0.75,0.52];
#[rustfmt::skip]
const THREE_SHIFT: [f64; 24] = [1.04,1.04,1.04,1.03,1.02,1.00,0.96,0.93,1.00,1.02,1.02,0.98,0.94,0.99,1.01,1.01,0.98,0.94,0.95,0.97,0.99,1.02,1.04,1.04];
#[rustfmt::skip]
const FARM: [f64; 24] = [0.70,0.65,0.62,0.62,0.70,0.95,1.20,1.30,1.30,1.25,1.20,1.15,1.10,1.10,1.15,1.20,1.25,1.25,1.15,1.00,0.92,0.85,0.78,0.72];
#[rustfmt::skip]
const PUMPING: [f64; 24] = [1.25,1.30,1.32,1.30,1.25,1.15,1.05,0.95,0.90,0.85,0.80,0.78,0.75,0.75,0.75,0.78,0.82,0.88,0.95,1.00,1.05,1.10,1.15,1.20];

impl Shape {
    /// Every shape, in the order of [`Shape::index`].
    pub(crate) const ALL: [Self; 15] = [
        Self::Home,
        Self::RuralHome,
        Self::Retail,
        Self::Catering,
        Self::Office,
        Self::School,
        Self::Hospital,
        Self::Continuous,
        Self::OneShift,
        Self::TwoShift,
        Self::ThreeShift,
        Self::StreetLight,
        Self::Farm,
        Self::Irrigation,
        Self::Wholesale,
    ];

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// Load of each hour relative to a workday's mean, without temperature.
    pub(super) fn hours(self, day: DayContext) -> [f64; 24] {
        let level = self.week_level(day) * self.season(day.ordinal);
        let free = day.kind != DayKind::Workday;
        let mut hours = match self {
            Self::Home | Self::RuralHome if free => HOME_WEEKEND,
            Self::Home | Self::RuralHome => HOME,
            Self::Retail => SHOP,
            Self::Catering => CATERING,
            // On a free day the standing load remains and the working day goes.
            Self::Office if free => flattened(OFFICE, 0.5),
            Self::Office => OFFICE,
            Self::School if free => flattened(SCHOOL, 0.5),
            Self::School => SCHOOL,
            Self::Hospital => HOSPITAL,
            Self::Continuous => flattened(THREE_SHIFT, 0.2),
            Self::OneShift if level < 0.5 => flattened(ONE_SHIFT, 0.4),
            Self::OneShift => ONE_SHIFT,
            Self::TwoShift => TWO_SHIFT,
            Self::ThreeShift => THREE_SHIFT,
            Self::StreetLight => lamps(day.ordinal),
            Self::Farm => FARM,
            Self::Irrigation => PUMPING,
            Self::Wholesale => std::array::from_fn(|hour| 0.6 * HOME[hour] + 0.4 * TWO_SHIFT[hour]),
        };
        for hour in &mut hours {
            *hour *= level;
        }
        hours
    }

    fn week_level(self, day: DayContext) -> f64 {
        use DayKind::{Holiday, Saturday, SpringFestival, Sunday, Workday};
        let level = |saturday, sunday, holiday, festival| match day.kind {
            Workday => 1.0,
            Saturday => saturday,
            Sunday => sunday,
            Holiday => holiday,
            SpringFestival => festival,
        };
        let idle = |saturday, sunday, holiday, at_standstill: f64| {
            level(saturday, sunday, holiday, 1.0) * (1.0 - (1.0 - at_standstill) * day.standstill)
        };
        match self {
            Self::Home => level(1.0, 1.02, 1.0, 1.02),
            Self::RuralHome => level(1.0, 1.02, 1.1, 1.3) * (1.0 + 0.15 * day.standstill),
            Self::Retail => level(1.08, 1.10, 1.15, 0.75),
            Self::Catering => level(1.10, 1.08, 1.15, 0.95),
            Self::Office => level(0.52, 0.44, 0.40, 0.32),
            Self::School => level(0.55, 0.50, 0.40, 0.25),
            Self::Hospital => level(0.88, 0.84, 0.82, 0.75),
            Self::Continuous => level(0.99, 0.985, 0.98, 0.96),
            Self::OneShift => idle(0.75, 0.42, 0.35, 0.20),
            Self::TwoShift => idle(0.92, 0.75, 0.62, 0.30),
            Self::ThreeShift => idle(0.99, 0.96, 0.92, 0.68),
            Self::StreetLight => 1.0,
            Self::Farm => level(1.0, 1.0, 1.0, 0.9),
            Self::Irrigation => 1.0,
            Self::Wholesale => level(0.98, 0.95, 0.95, 1.0),
        }
    }

    /// What the time of year does beyond temperature.
    fn season(self, ordinal: u32) -> f64 {
        let year = |peak_day: f64| (TAU * (f64::from(ordinal) - peak_day) / 365.25).cos();
        match self {
            Self::School if (186..243).contains(&ordinal) || (20..48).contains(&ordinal) => 0.4,
            Self::Irrigation => {
                let from_peak = (f64::from(ordinal) - 205.0) / 38.0;
                0.06 + 1.6 * (-0.5 * from_peak * from_peak).exp()
            }
            Self::Farm => 1.0 + 0.15 * year(190.0),
            Self::OneShift | Self::TwoShift => 1.0 + 0.04 * year(310.0),
            Self::Home | Self::RuralHome => 1.0 + 0.06 * year(15.0),
            _ => 1.0,
        }
    }

    /// Load added per °C above 24 and per °C below 16, as shares of the load.
    pub(super) fn response_per_c(self) -> (f64, f64) {
        match self {
            Self::Home => (0.120, 0.050),
            Self::RuralHome => (0.090, 0.040),
            Self::Retail => (0.045, 0.018),
            Self::Catering => (0.032, 0.018),
            Self::Office => (0.050, 0.028),
            Self::School => (0.040, 0.022),
            Self::Hospital => (0.030, 0.018),
            Self::Continuous => (0.008, 0.000),
            Self::OneShift => (0.010, 0.005),
            Self::TwoShift => (0.007, 0.003),
            Self::ThreeShift => (0.004, 0.001),
            Self::StreetLight => (0.000, 0.000),
            Self::Farm => (0.012, 0.010),
            Self::Irrigation => (0.040, 0.000),
            Self::Wholesale => (0.050, 0.025),
        }
    }

    /// Standard deviation of a customer's day-to-day and hour-to-hour noise.
    pub(super) fn noise(self) -> (f64, f64) {
        match self {
            Self::Home | Self::RuralHome => (0.14, 0.22),
            Self::Retail | Self::Catering => (0.07, 0.08),
            Self::Office | Self::School | Self::Hospital => (0.035, 0.05),
            Self::Continuous | Self::ThreeShift => (0.03, 0.02),
            Self::StreetLight => (0.01, 0.01),
            Self::OneShift | Self::TwoShift => (0.05, 0.05),
            Self::Farm | Self::Irrigation => (0.10, 0.10),
            Self::Wholesale => (0.025, 0.02),
        }
    }
}

/// `hours` moved towards its own mean by `share`.
fn flattened(hours: [f64; 24], share: f64) -> [f64; 24] {
    let mean = hours.iter().sum::<f64>() / 24.0;
    hours.map(|hour| hour + share * (mean - hour))
}

/// Street lighting burns from dusk to dawn.
fn lamps(ordinal: u32) -> [f64; 24] {
    let night = (TAU * (f64::from(ordinal) + 10.0) / 365.25).cos();
    let (dawn, dusk) = (6.3 + 0.8 * night, 18.6 - 1.1 * night);
    std::array::from_fn(|hour| {
        let (from, to) = (hour as f64, hour as f64 + 1.0);
        let lit = (dawn.min(to) - from).max(0.0) + (to - dusk.max(from)).max(0.0);
        0.03 + 2.0 * lit
    })
}
