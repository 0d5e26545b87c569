//! Who the customers are: each profile is one combination of voltage, tariff,
//! usage and industry, with a load shape and a size. Few profiles and few
//! regions keep the combinations of the five axes few.

use super::shape::Shape;

/// The eight districts, by their codes of the region axis.
pub(crate) const REGIONS: [&str; 8] =
    ["East", "South", "West", "North", "Harbor", "Lake", "Hill", "Plain"];

const HOMES: &[u8] = &[0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 5, 6, 7];
const COUNTIES: &[u8] = &[4, 5, 6, 7, 7];
const ALL: &[u8] = &[0, 0, 1, 1, 2, 3, 4, 5, 6, 7];
const CITY: &[u8] = &[0, 0, 1, 1, 2, 3];
const TOWNS: &[u8] = &[0, 1, 2, 3, 4, 7];

/// A kind of customer.
#[derive(Debug)]
pub(crate) struct Profile {
    /// Customers of this kind among 10,000.
    pub(crate) share: u32,
    /// Codes of the axes voltage, tariff, usage and industry.
    pub(crate) voltage: &'static str,
    pub(crate) tariff: &'static str,
    pub(crate) usage: &'static str,
    pub(crate) industry: &'static str,
    pub(crate) shape: Shape,
    /// Median consumption of a workday, kWh, and the spread of its logarithm.
    pub(crate) median_kwh: f64,
    pub(crate) spread: f64,
    /// Growth a year; industries in decline pay late and leave.
    pub(crate) trend: f64,
    /// Where it is found; repeats weigh.
    pub(crate) regions: &'static [u8],
}

const fn row(
    share: u32,
    codes: [&'static str; 4],
    shape: Shape,
    median_kwh: f64,
    spread: f64,
    trend: f64,
    regions: &'static [u8],
) -> Profile {
    let [voltage, tariff, usage, industry] = codes;
    Profile { share, voltage, tariff, usage, industry, shape, median_kwh, spread, trend, regions }
}

/// The first two are households. Shares add up to 10,000.
pub(crate) const PROFILES: &[Profile] = &[
    row(4700, ["220V", "RES", "HOME", "URB"], Shape::Home, 10.0, 0.45, 0.03, HOMES),
    row(2140, ["220V", "RES", "HOME", "RUR"], Shape::RuralHome, 7.0, 0.50, 0.04, COUNTIES),
    row(500, ["380V", "GCI", "COM", "F"], Shape::Retail, 42.0, 0.8, 0.00, ALL),
    row(320, ["220V", "GCI", "COM", "F"], Shape::Retail, 14.0, 0.5, -0.02, ALL),
    row(300, ["380V", "GCI", "COM", "H"], Shape::Catering, 65.0, 0.7, 0.01, ALL),
    row(40, ["10kV", "GCI", "COM", "H"], Shape::Catering, 900.0, 0.6, 0.02, CITY),
    row(150, ["380V", "GCI", "COM", "L"], Shape::Office, 140.0, 0.7, 0.04, CITY),
    row(80, ["380V", "GCI", "COM", "J"], Shape::Office, 120.0, 0.4, 0.00, CITY),
    row(100, ["10kV", "GCI", "LIGHT", "K"], Shape::Office, 520.0, 0.6, -0.04, CITY),
    row(50, ["10kV", "GCI", "COM", "I"], Shape::Continuous, 1300.0, 0.7, 0.12, CITY),
    row(120, ["10kV", "RES", "LIGHT", "P"], Shape::School, 420.0, 0.6, 0.02, TOWNS),
    row(70, ["10kV", "GCI", "NIND", "Q"], Shape::Hospital, 950.0, 0.6, 0.04, TOWNS),
    row(150, ["380V", "GCI", "LIGHT", "S"], Shape::Office, 110.0, 0.6, 0.01, ALL),
    row(200, ["220V", "GCI", "COM", "O"], Shape::Retail, 16.0, 0.6, 0.02, ALL),
    row(100, ["380V", "GCI", "NIND", "G"], Shape::TwoShift, 120.0, 0.7, 0.05, ALL),
    row(100, ["380V", "GCI", "LIGHT", "N"], Shape::StreetLight, 70.0, 0.5, 0.02, CITY),
    row(80, ["380V", "GCI", "NIND", "E"], Shape::OneShift, 150.0, 0.7, -0.10, CITY),
    row(40, ["380V", "GCI", "COM", "R"], Shape::Retail, 80.0, 0.7, 0.03, CITY),
    row(120, ["380V", "GCI", "SIND", "C13"], Shape::OneShift, 190.0, 0.6, 0.02, TOWNS),
    row(80, ["380V", "GCI", "SIND", "C17"], Shape::TwoShift, 240.0, 0.6, -0.09, TOWNS),
    row(60, ["10kV", "GCI", "SIND", "C39"], Shape::TwoShift, 500.0, 0.6, 0.09, CITY),
    row(50, ["10kV", "GCI", "SIND", "C30"], Shape::TwoShift, 650.0, 0.6, -0.06, TOWNS),
    row(30, ["10kV", "LI", "LIND", "C13"], Shape::TwoShift, 900.0, 0.6, 0.02, &[4, 5, 7]),
    row(30, ["10kV", "LI", "LIND", "C17"], Shape::ThreeShift, 1000.0, 0.6, -0.08, &[2, 4, 7]),
    row(30, ["35kV", "LI", "LIND", "C26"], Shape::ThreeShift, 2300.0, 0.6, 0.03, &[4, 3]),
    row(20, ["35kV", "LI", "LIND", "C30"], Shape::ThreeShift, 2400.0, 0.6, -0.05, &[6, 3]),
    row(15, ["110kV", "LI", "LIND", "C31"], Shape::ThreeShift, 4500.0, 0.6, -0.03, &[4]),
    row(40, ["10kV", "LI", "LIND", "C39"], Shape::ThreeShift, 1200.0, 0.7, 0.10, &[0, 1]),
    row(10, ["35kV", "LI", "LIND", "B"], Shape::TwoShift, 2000.0, 0.5, -0.04, &[6]),
    row(20, ["10kV", "LI", "LIND", "D"], Shape::Continuous, 1000.0, 0.5, 0.02, &[0, 3, 5]),
    row(130, ["380V", "AGR", "AGP", "A"], Shape::Farm, 30.0, 0.7, 0.02, COUNTIES),
    row(30, ["10kV", "AGR", "AGP", "A"], Shape::Farm, 300.0, 0.6, 0.03, COUNTIES),
    row(70, ["380V", "IRR", "PUMP", "A"], Shape::Irrigation, 45.0, 0.7, 0.00, COUNTIES),
    row(15, ["10kV", "IRR", "PUMP", "A"], Shape::Irrigation, 350.0, 0.5, 0.00, COUNTIES),
    row(10, ["35kV", "WHS", "NIND", "D"], Shape::Wholesale, 2800.0, 0.3, 0.02, &[7]),
];

impl Profile {
    pub(crate) fn is_home(&self) -> bool {
        self.tariff == "RES" && self.usage == "HOME"
    }

    /// Fed from a transformer area rather than from the feeder itself.
    pub(crate) fn is_low_voltage(&self) -> bool {
        matches!(self.voltage, "220V" | "380V")
    }

    /// The price band of its voltage, as the shipped tariff has them.
    pub(crate) fn price_band(&self) -> &'static str {
        match self.voltage {
            "220V" | "380V" => "LV",
            "35kV" => "HV35",
            "110kV" => "HV110",
            _ => "MV",
        }
    }

    /// Where a customer of this profile goes when its class is put right: the
    /// tariff or industry changes, the wires stay.
    pub(crate) fn reclassified(&self) -> Option<usize> {
        let to = |voltage, tariff, industry| {
            PROFILES.iter().position(|profile| {
                (profile.voltage, profile.tariff, profile.industry) == (voltage, tariff, industry)
            })
        };
        match (self.voltage, self.tariff, self.industry) {
            ("220V", "RES", "URB") => to("220V", "GCI", "O"),
            ("220V", "RES", "RUR") => to("220V", "GCI", "F"),
            ("220V", "GCI", "F") => to("220V", "GCI", "O"),
            ("380V", "GCI", "F") => to("380V", "GCI", "H"),
            ("380V", "GCI", "C17") => to("380V", "GCI", "C13"),
            ("10kV", "GCI", "C39") => to("10kV", "LI", "C39"),
            ("380V", "GCI", "L") => to("380V", "GCI", "J"),
            ("380V", "AGR", "A") => to("380V", "IRR", "A"),
            _ => None,
        }
    }
}
