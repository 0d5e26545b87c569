//! Numbers, dates and quantities as a reader of each language writes them.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Timelike};
use loadstar_schema::{Energy, Money, Price};

use crate::lang::Lang;
use crate::weekly::Change;

/// U+2212, as wide as a digit.
const MINUS: char = '−';
pub(crate) const DASH: &str = "–";

/// A number and what it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quantity {
    pub(crate) number: String,
    pub(crate) unit: String,
}

impl Quantity {
    fn of(number: String, unit: &str) -> Self {
        Self { number, unit: unit.to_owned() }
    }

    /// In one line; Chinese sets no space before a unit written in hanzi.
    pub(crate) fn line(&self) -> String {
        let hanzi = self.unit.chars().next().is_some_and(|c| !c.is_ascii());
        let space = if hanzi || self.unit.is_empty() { "" } else { " " };
        format!("{}{space}{}", self.number, self.unit)
    }
}

/// A scale for energy or power: units of the quantity in one step, and its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    /// kWh or kW in one unit, as a power of ten.
    pub(crate) exponent: u32,
    pub(crate) unit: &'static str,
}

impl Scale {
    pub(crate) fn factor(self) -> f64 {
        10_f64.powi(self.exponent as i32)
    }

    /// For energies as large as `kwh`.
    pub(crate) fn energy(kwh: f64, lang: Lang) -> Self {
        let (exponent, unit) = match (lang, kwh.abs()) {
            (Lang::En, ..1e4) => (0, "kWh"),
            (Lang::En, ..1e7) => (3, "MWh"),
            (Lang::En, _) => (6, "GWh"),
            (Lang::Zh, ..1e4) => (0, "千瓦时"),
            (Lang::Zh, ..1e8) => (4, "万千瓦时"),
            (Lang::Zh, _) => (8, "亿千瓦时"),
        };
        Self { exponent, unit }
    }

    /// For loads as large as `kw`.
    pub(crate) fn power(kw: f64, lang: Lang) -> Self {
        let (exponent, unit) = match (lang, kw.abs()) {
            (Lang::En, ..1e4) => (0, "kW"),
            (Lang::En, ..1e7) => (3, "MW"),
            (Lang::En, _) => (6, "GW"),
            (Lang::Zh, ..1e5) => (0, "千瓦"),
            (Lang::Zh, _) => (4, "万千瓦"),
        };
        Self { exponent, unit }
    }
}

/// The formats of one language and currency.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format<'a> {
    pub(crate) lang: Lang,
    pub(crate) currency: &'a str,
}

impl Format<'_> {
    /// Energy at the scale that suits it.
    pub(crate) fn energy(self, energy: Energy) -> Quantity {
        let scale = Scale::energy(energy.to_f64(), self.lang);
        Quantity::of(three_digits(energy.0, 4 + scale.exponent), scale.unit)
    }

    /// Energy in whole kWh, for tables that have the unit in their head.
    pub(crate) fn kwh(self, energy: Energy) -> String {
        decimal(energy.0, 4, u32::from(energy.0.abs() < 10_000_000))
    }

    /// Energy from a chart or forecast.
    pub(crate) fn energy_kwh(self, kwh: f64) -> Quantity {
        scaled(kwh, Scale::energy(kwh, self.lang))
    }

    /// Load.
    pub(crate) fn power(self, kw: f64) -> Quantity {
        scaled(kw, Scale::power(kw, self.lang))
    }

    /// A value at the scale of another, so that the two compare at a glance.
    pub(crate) fn at_scale(self, value: f64, scale: Scale) -> Quantity {
        scaled(value, scale)
    }

    /// Energy in a table that has the unit in its head.
    pub(crate) fn energy_cell(self, energy: Energy, scale: Scale) -> String {
        if scale.exponent == 0 {
            return self.kwh(energy);
        }
        decimal(energy.0, 4 + scale.exponent, 1)
    }

    /// Money to the cent.
    pub(crate) fn money(self, money: Money) -> String {
        self.signed_currency(&decimal(money.0, 2, 2))
    }

    /// Money to the cent without its currency, for tables that have it in their head.
    pub(crate) fn cents(self, money: Money) -> String {
        decimal(money.0, 2, 2)
    }

    /// Money at the scale that suits it.
    pub(crate) fn money_rounded(self, money: Money) -> Quantity {
        let (exponent, unit) = match (self.lang, money.0.unsigned_abs()) {
            (Lang::En, ..100_000_000) => (2, ""),
            (Lang::En, ..100_000_000_000) => (8, "million"),
            (Lang::En, _) => (11, "billion"),
            (Lang::Zh, ..1_000_000) => (2, ""),
            (Lang::Zh, ..10_000_000_000) => (6, "万"),
            (Lang::Zh, _) => (10, "亿"),
        };
        let number =
            if exponent == 2 { decimal(money.0, 2, 0) } else { three_digits(money.0, exponent) };
        if self.writes_yuan() {
            Quantity::of(number, &format!("{unit}元"))
        } else {
            Quantity::of(self.signed_currency(&number), unit)
        }
    }

    /// A price per kWh, four places.
    pub(crate) fn price(self, price: Price) -> Quantity {
        let number = decimal(price.0, 8, 4);
        if self.writes_yuan() {
            Quantity::of(number, "元/千瓦时")
        } else {
            let per = if self.lang == Lang::Zh { "/千瓦时" } else { "/kWh" };
            Quantity::of(self.signed_currency(&number), per)
        }
    }

    /// What a price is per: `¥/kWh`, `元/千瓦时`.
    pub(crate) fn price_unit(self) -> String {
        match self.lang {
            Lang::En => format!("{}/kWh", self.currency),
            Lang::Zh if self.writes_yuan() => "元/千瓦时".to_owned(),
            Lang::Zh => format!("{}/千瓦时", self.currency),
        }
    }

    /// A difference of prices, with its sign.
    pub(crate) fn price_change(self, price: Price) -> String {
        with_sign(decimal(price.0, 8, 4))
    }

    /// What a money column is headed with.
    pub(crate) fn currency_unit(self) -> &'static str {
        if self.writes_yuan() { "元" } else { "" }
    }

    fn writes_yuan(self) -> bool {
        self.lang == Lang::Zh && matches!(self.currency, "¥" | "￥" | "CNY" | "元")
    }

    fn signed_currency(self, number: &str) -> String {
        if self.writes_yuan() {
            return format!("{number}元");
        }
        match number.strip_prefix(MINUS) {
            Some(digits) => format!("{MINUS}{}{digits}", self.currency),
            None => format!("{}{number}", self.currency),
        }
    }

    /// A change with its sign; a dash if unknown.
    pub(crate) fn change(self, change: Change) -> String {
        match change {
            Change::Percent(pct) if pct.is_finite() => format!("{}%", with_sign(number(pct, 1))),
            Change::Points(points) if points.is_finite() => {
                let unit = crate::labels::Label::Points.text(self.lang);
                Quantity::of(with_sign(number(points, 1)), unit).line()
            }
            _ => DASH.to_owned(),
        }
    }

    /// `16–22 November 2026`, `2026年11月16日—22日`.
    pub(crate) fn period(self, start: NaiveDate, end: NaiveDate) -> String {
        let same_year = start.year() == end.year();
        let same_month = same_year && start.month() == end.month();
        match self.lang {
            Lang::En => {
                let from = match (same_year, same_month) {
                    (_, true) => start.format("%-d"),
                    (true, _) => start.format("%-d %B"),
                    _ => start.format("%-d %B %Y"),
                };
                let space = if same_month { "" } else { " " };
                format!("{from}{space}–{space}{}", end.format("%-d %B %Y"))
            }
            Lang::Zh => {
                let to = match (same_year, same_month) {
                    (_, true) => end.format("%-d日"),
                    (true, _) => end.format("%-m月%-d日"),
                    _ => end.format("%Y年%-m月%-d日"),
                };
                format!("{}至{to}", start.format("%Y年%-m月%-d日"))
            }
        }
    }

    /// `2026-11-22` as `22 November 2026`, `2026年11月22日`.
    pub(crate) fn date(self, day: NaiveDate) -> String {
        let pattern = if self.lang == Lang::Zh { "%Y年%-m月%-d日" } else { "%-d %B %Y" };
        day.format(pattern).to_string()
    }

    /// `28 Sep`, `9月28日`.
    pub(crate) fn short_day(self, day: NaiveDate) -> String {
        let pattern = if self.lang == Lang::Zh { "%-m月%-d日" } else { "%-d %b" };
        day.format(pattern).to_string()
    }

    /// `Thu 19 Nov`, `11月19日 周四`.
    pub(crate) fn weekday(self, day: NaiveDate) -> String {
        match self.lang {
            Lang::En => day.format("%a %-d %b").to_string(),
            Lang::Zh => format!("{} {}", self.short_day(day), self.weekday_name(day)),
        }
    }

    /// `Thu 19 Nov`, `11/19 周四`: for a narrow column.
    pub(crate) fn table_day(self, day: NaiveDate) -> String {
        match self.lang {
            Lang::En => self.weekday(day),
            Lang::Zh => format!("{} {}", day.format("%-m/%-d"), self.weekday_name(day)),
        }
    }

    /// `Thu`, `周四`.
    pub(crate) fn weekday_name(self, day: NaiveDate) -> String {
        const ZH: [&str; 7] = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
        match self.lang {
            Lang::En => day.format("%a").to_string(),
            Lang::Zh => ZH[day.weekday().num_days_from_monday() as usize].to_owned(),
        }
    }

    /// `19 November, 19:00`, `11月19日19:00`.
    pub(crate) fn moment(self, at: NaiveDateTime) -> String {
        let pattern = if self.lang == Lang::Zh { "%-m月%-d日%H:%M" } else { "%a %-d %b, %H:%M" };
        at.format(pattern).to_string()
    }

    /// With the year and the distance to UTC.
    pub(crate) fn instant(self, at: DateTime<FixedOffset>) -> String {
        let offset_min = at.offset().local_minus_utc() / 60;
        let sign = if offset_min < 0 { MINUS } else { '+' };
        let (hours, minutes) = (offset_min.abs() / 60, offset_min.abs() % 60);
        let zone = match (offset_min, minutes) {
            (0, _) => "UTC".to_owned(),
            (_, 0) => format!("UTC{sign}{hours}"),
            _ => format!("UTC{sign}{hours}:{minutes:02}"),
        };
        let time = format!("{:02}:{:02}", at.hour(), at.minute());
        match self.lang {
            Lang::En => format!("{} {time} {zone}", at.format("%-d %b %Y")),
            Lang::Zh => format!("{} {time}（{zone}）", at.format("%Y年%-m月%-d日")),
        }
    }

    /// `2026-10` as `October 2026`, `2026年10月`; anything else as it is.
    pub(crate) fn month(self, month: &str) -> String {
        NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").map_or_else(
            |_| month.to_owned(),
            |day| {
                let pattern = if self.lang == Lang::Zh { "%Y年%-m月" } else { "%B %Y" };
                day.format(pattern).to_string()
            },
        )
    }
}

fn scaled(value: f64, scale: Scale) -> Quantity {
    let value = value / scale.factor();
    let places = match value.abs() {
        _ if scale.exponent == 0 && value.abs() >= 100.0 => 0,
        ..10.0 => 2,
        ..1000.0 => 1,
        _ => 0,
    };
    Quantity::of(number(value, places), scale.unit)
}

/// `value × 10^-exponent` with so many places that at least three digits show.
fn three_digits(value: i128, exponent: u32) -> String {
    let whole = value.unsigned_abs() / 10_u128.pow(exponent);
    let places = match whole {
        0..10 => 2,
        10..1000 => 1,
        _ => 0,
    };
    decimal(value, exponent, places)
}

/// `value × 10^-exponent`, rounded half away from zero, thousands apart.
pub(crate) fn decimal(value: i128, exponent: u32, places: u32) -> String {
    let units = if exponent >= places {
        let by = 10_i128.pow(exponent - places);
        (value + value.signum() * by / 2) / by
    } else {
        value * 10_i128.pow(places - exponent)
    };
    let one = 10_u128.pow(places);
    let digits = group(units.unsigned_abs() / one);
    let sign = if units < 0 { MINUS.to_string() } else { String::new() };
    if places == 0 {
        format!("{sign}{digits}")
    } else {
        let fraction = units.unsigned_abs() % one;
        format!("{sign}{digits}.{fraction:0width$}", width = places as usize)
    }
}

/// A float with thousands apart; a dash if it is none.
pub(crate) fn number(value: f64, places: u32) -> String {
    let units = (value * 10_f64.powi(places as i32)).round();
    if units.is_finite() && units.abs() < 1e30 {
        decimal(units as i128, places, places)
    } else {
        DASH.to_owned()
    }
}

/// Per cent, one place.
pub(crate) fn percent(value: f64) -> String {
    if value.is_finite() { format!("{}%", number(value, 1)) } else { DASH.to_owned() }
}

/// A count with thousands apart.
pub(crate) fn count(value: u64) -> String {
    group(u128::from(value))
}

/// A plus before what is neither negative nor zero.
pub(crate) fn with_sign(number: String) -> String {
    let zero = number.chars().all(|c| matches!(c, '0' | '.'));
    if zero || number.starts_with(MINUS) || number == DASH { number } else { format!("+{number}") }
}

fn group(value: u128) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadstar_schema::Fixed;

    const EN: Format<'_> = Format { lang: Lang::En, currency: "¥" };
    const ZH: Format<'_> = Format { lang: Lang::Zh, currency: "¥" };

    #[test]
    fn decimals_round_half_away_and_group() {
        assert_eq!(decimal(123_456_789, 2, 2), "1,234,567.89");
        assert_eq!(decimal(-5, 1, 0), "−1");
        assert_eq!(decimal(4, 1, 0), "0");
        assert_eq!(decimal(-4, 1, 0), "0", "no minus before nothing");
        assert_eq!(decimal(7, 0, 2), "7.00");
        assert_eq!(number(f64::NAN, 1), "–");
        assert_eq!(number(-1234.56, 1), "−1,234.6");
    }

    #[test]
    fn units_follow_language_and_size() {
        let energy = Fixed(34_567_891_234);
        assert_eq!(EN.energy(energy).line(), "3,457 MWh");
        assert_eq!(ZH.energy(energy).line(), "345.7万千瓦时");
        assert_eq!(EN.kwh(energy), "3,456,789");
        assert_eq!(EN.kwh(Fixed(12_345)), "1.2");
        assert_eq!(EN.money_rounded(Fixed(223_456_789)).line(), "¥2.23 million");
        assert_eq!(ZH.money_rounded(Fixed(223_456_789)).line(), "223.5万元");
        assert_eq!(EN.money(Fixed(-223_456_789)), "−¥2,234,567.89");
        assert_eq!(ZH.money(Fixed(223_456_789)), "2,234,567.89元");
        assert_eq!(ZH.price(Fixed(64_370_000)).line(), "0.6437元/千瓦时");
        assert_eq!(EN.price(Fixed(64_370_000)).line(), "¥0.6437 /kWh");
        assert_eq!(EN.power(15_234.0).line(), "15.2 MW");
        assert_eq!(ZH.power(15_234.0).line(), "15,234千瓦");
        let dollars = Format { lang: Lang::Zh, currency: "$" };
        assert_eq!(dollars.money(Fixed(100)), "$1.00");
    }

    #[test]
    fn changes_carry_their_sign() {
        assert_eq!(EN.change(Change::Percent(3.24)), "+3.2%");
        assert_eq!(EN.change(Change::Percent(-0.04)), "0.0%");
        assert_eq!(ZH.change(Change::Points(-1.25)), "−1.3个百分点");
        assert_eq!(EN.change(Change::Percent(f64::INFINITY)), "–");
    }

    #[test]
    fn dates_of_both_languages() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("date");
        assert_eq!(EN.period(day("2026-11-16"), day("2026-11-22")), "16–22 November 2026");
        assert_eq!(
            EN.period(day("2026-12-28"), day("2027-01-03")),
            "28 December 2026 – 3 January 2027"
        );
        assert_eq!(ZH.period(day("2026-11-30"), day("2026-12-06")), "2026年11月30日至12月6日");
        assert_eq!(ZH.weekday(day("2026-11-19")), "11月19日 周四");
        assert_eq!(EN.month("2026-10"), "October 2026");
        assert_eq!(EN.month("last"), "last");
        let at = DateTime::parse_from_rfc3339("2026-11-23T06:05:00+05:30").expect("time");
        assert_eq!(EN.instant(at), "23 Nov 2026 06:05 UTC+5:30");
        assert_eq!(ZH.instant(at), "2026年11月23日 06:05（UTC+5:30）");
    }
}
