//! Sales by axis: one table, every axis adding up to the same first line.

use loadstar_schema::reference::Axis;
use loadstar_schema::{Energy, Money};
use serde_json::{Value, json};

use super::Page;
use crate::charts::{Bar, HALF_WIDTH_PT, PAGE_WIDTH_PT, bars_chart, price_chart};
use crate::error::ReportError;
use crate::fonts::FONTS;
use crate::format::{self, DASH};
use crate::labels::Label;
use crate::sales::{AxisSales, SalesRow, average_price};
use crate::weekly::{Absence, Change, KpiName, Section};

/// Classes of an axis that get a line; the smallest of a longer list are added up.
const MOST_ROWS: usize = 9;
/// Selects MWh or 万千瓦时 for a table too wide in kWh.
const WIDE_KWH: f64 = 1e6;
/// Classes shown in the chart of what moved the week.
const MOST_DRIVERS: usize = 7;

impl Page<'_> {
    /// The axes there are, in report order.
    fn axes(&self) -> Vec<&AxisSales> {
        let mut axes: Vec<&AxisSales> = match &self.report.sales {
            Section::Present(axes) => axes.iter().filter(|axis| !axis.rows.is_empty()).collect(),
            Section::Absent(_) => Vec::new(),
        };
        axes.sort_by_key(|axis| axis.axis);
        axes
    }

    pub(super) fn sales(&self) -> Value {
        let axes = self.axes();
        let Some(first) = axes.first() else {
            return match self.filled(&self.report.sales, Absence::NoReads) {
                Ok(_) => self.absent(Absence::NoReads),
                Err(absent) => absent,
            };
        };
        let any = |has: fn(&SalesRow) -> bool| axes.iter().flat_map(|axis| &axis.rows).any(has);
        let columns = Columns {
            revenue: any(|row| row.revenue.is_some()),
            customers: any(|row| row.customers.is_some()),
            week_on_week: any(|row| !matches!(row.week_on_week, Change::Unknown(_))),
            year_on_year: any(|row| !matches!(row.year_on_year, Change::Unknown(_))),
        };
        let all = Line::total(self.label(Label::Total).to_owned(), &first.rows);
        let all = Line { change: self.total_changes(all.change), ..all };
        // Whole kWh while they fit their column.
        let fits = all.energy.0.abs() < 10_i128.pow(4 + 8);
        let kwh = if fits { 0.0 } else { WIDE_KWH };
        let scale = format::Scale::energy(kwh, self.lang());
        let groups = axes.iter().map(|axis| {
            let whole: Energy = axis.rows.iter().map(|row| row.energy).sum();
            let lines = self.lines(axis);
            let lines = lines.iter().map(|line| self.cells(line, whole, scale));
            json!({ "name": self.label(axis_label(axis.axis)), "rows": lines.collect::<Vec<_>>() })
        });
        json!({
            "columns": {
                "energy_unit": scale.unit,
                "money_unit": self.money_unit(),
                "revenue": columns.revenue,
                "customers": columns.customers,
                "wow": columns.week_on_week,
                "yoy": columns.year_on_year,
            },
            "total": self.cells(&all, all.energy, scale),
            "groups": groups.collect::<Vec<_>>(),
        })
    }

    pub(super) fn money_unit(&self) -> String {
        match self.format.currency_unit() {
            "" => self.report.currency.clone(),
            unit => unit.to_owned(),
        }
    }

    /// The headline's changes are the total's, so that two pages agree; the sum
    /// of the rows stands in where there are none.
    fn total_changes(&self, of_rows: (Change, Change)) -> (Change, Change) {
        let headline = self.report.kpis.iter().find(|kpi| kpi.name == KpiName::EnergySold);
        let or = |headline: Option<Change>, of_rows| match headline {
            None | Some(Change::Unknown(_)) => of_rows,
            Some(known) => known,
        };
        (
            or(headline.map(|kpi| kpi.week_on_week), of_rows.0),
            or(headline.map(|kpi| kpi.year_on_year), of_rows.1),
        )
    }

    fn lines(&self, axis: &AxisSales) -> Vec<Line> {
        // A list one too long is shown whole: "Others (1)" would save nothing.
        let shown = if axis.rows.len() > MOST_ROWS + 1 { MOST_ROWS } else { MOST_ROWS + 1 };
        let mut by_size: Vec<usize> = (0..axis.rows.len()).collect();
        by_size.sort_by_key(|&place| std::cmp::Reverse(axis.rows[place].energy));
        by_size.truncate(shown);
        let (mut lines, mut rest) = (Vec::new(), Vec::new());
        for (place, row) in axis.rows.iter().enumerate() {
            if by_size.contains(&place) {
                lines.push(Line::of(row, row.name(self.lang())));
            } else {
                rest.push(row.clone());
            }
        }
        if !rest.is_empty() {
            let name = Label::OthersRow.fill(self.lang(), &[&rest.len().to_string()]);
            lines.push(Line::total(name, &rest));
        }
        lines
    }

    fn cells(&self, line: &Line, whole: Energy, scale: format::Scale) -> Value {
        let share_pct =
            if whole.0 == 0 { None } else { Some(line.energy.to_f64() / whole.to_f64() * 100.0) };
        let price = line.revenue.and_then(|revenue| average_price(revenue, line.energy));
        json!({
            "name": FONTS.fit(&line.name, 170.0, 8.0, false),
            "share": share_pct.map_or(0.0, |pct| pct.clamp(0.0, 100.0)),
            "share_text": share_pct.map_or_else(|| DASH.to_owned(), format::percent),
            "energy": self.format.energy_cell(line.energy, scale),
            "revenue": line.revenue.map_or_else(|| DASH.to_owned(), |money| self.format.cents(money)),
            "price": price.map_or_else(|| DASH.to_owned(), |price| format::decimal(price.0, 8, 4)),
            "customers": line.customers.map_or_else(|| DASH.to_owned(), format::count),
            "wow": self.change(line.change.0),
            "yoy": self.change(line.change.1),
        })
    }

    /// Energy gained and lost along the axis that says most, next to the price
    /// walk if there is one.
    pub(super) fn drivers(&mut self) -> Result<Value, ReportError> {
        let Some((axis, mut rows)) = self.driving_rows() else { return Ok(Value::Null) };
        rows.truncate(MOST_DRIVERS);
        let bars: Vec<Bar> = rows
            .iter()
            .map(|(row, kwh)| Bar {
                name: row.name(self.lang()).to_owned(),
                kwh: *kwh,
                remark: self.format.change(row.week_on_week),
            })
            .collect();
        let half = matches!(self.report.price, Section::Present(_));
        let width = if half { HALF_WIDTH_PT } else { PAGE_WIDTH_PT };
        let title = Label::Drivers.fill(self.lang(), &[&self.axis_in_text(axis)]);
        let drawn = bars_chart("drivers", &bars, width, self.format);
        let chart = self.chart("drivers.svg", Label::AltDrivers, drawn)?;
        Ok(json!({ "title": title, "chart": chart }))
    }

    /// The industry axis if there, else the one with most classes; its rows by
    /// what they gained or lost, largest first.
    pub(super) fn driving_rows(&self) -> Option<(Axis, Vec<(&SalesRow, f64)>)> {
        let report = self.report;
        let Section::Present(axes) = &report.sales else { return None };
        let told = |axis: &AxisSales| axis.rows.iter().filter_map(SalesRow::gained_kwh).count();
        let axis = axes
            .iter()
            .filter(|axis| told(axis) >= 2)
            .max_by_key(|axis| (axis.axis == Axis::Industry, told(axis)))?;
        let mut rows: Vec<_> =
            axis.rows.iter().filter_map(|row| Some((row, row.gained_kwh()?))).collect();
        rows.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        Some((axis.axis, rows))
    }

    pub(super) fn axis_in_text(&self, axis: Axis) -> String {
        self.label(axis_label(axis)).to_lowercase()
    }

    pub(super) fn price(&mut self) -> Result<Value, ReportError> {
        match &self.report.price {
            Section::Present(effects) => {
                let drawn = price_chart(effects, self.format);
                let chart = self.chart("price.svg", Label::AltPrice, drawn)?;
                Ok(json!({ "chart": chart }))
            }
            Section::Absent(_) => Ok(Value::Null),
        }
    }

    /// A sentence where the axes do not add up to one total, as they should.
    pub(super) fn totals_differ(&self) -> Option<String> {
        let totals: Vec<(Axis, Energy)> = self
            .axes()
            .iter()
            .map(|axis| (axis.axis, axis.rows.iter().map(|row| row.energy).sum()))
            .collect();
        if totals.windows(2).all(|pair| pair[0].1 == pair[1].1) {
            return None;
        }
        let unit = format::Scale::energy(0.0, self.lang()).unit;
        let list = totals.iter().map(|(axis, total)| {
            format!("{} {} {unit}", self.label(axis_label(*axis)), self.format.kwh(*total))
        });
        let separator = if self.lang() == crate::lang::Lang::Zh { "、" } else { ", " };
        let list = list.collect::<Vec<_>>().join(separator);
        Some(Label::TotalsDiffer.fill(self.lang(), &[&list]))
    }
}

struct Columns {
    revenue: bool,
    customers: bool,
    week_on_week: bool,
    year_on_year: bool,
}

/// A line of the table: one class, or several added up.
struct Line {
    name: String,
    energy: Energy,
    revenue: Option<Money>,
    customers: Option<u64>,
    change: (Change, Change),
}

impl Line {
    fn of(row: &SalesRow, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            energy: row.energy,
            revenue: row.revenue,
            customers: row.customers,
            change: (row.week_on_week, row.year_on_year),
        }
    }

    fn total(name: String, rows: &[SalesRow]) -> Self {
        Self {
            name,
            energy: rows.iter().map(|row| row.energy).sum(),
            revenue: rows.iter().map(|row| row.revenue).sum(),
            customers: rows.iter().map(|row| row.customers).sum(),
            change: (
                sum_change(rows.iter().map(|row| (row.energy, row.week_on_week))),
                sum_change(rows.iter().map(|row| (row.energy, row.year_on_year))),
            ),
        }
    }
}

/// The change of a sum: of Σ energy to Σ of what each change says was before.
/// Known only if every part's is.
fn sum_change(parts: impl Iterator<Item = (Energy, Change)>) -> Change {
    let (mut now, mut before) = (0.0, 0.0);
    for (energy, change) in parts {
        let Change::Percent(pct) = change else {
            return Change::Unknown(Absence::PartialHistory);
        };
        if pct <= -100.0 {
            return Change::Unknown(Absence::PartialHistory);
        }
        now += energy.to_f64();
        before += energy.to_f64() / (1.0 + pct / 100.0);
    }
    if before == 0.0 {
        Change::Unknown(Absence::ZeroBase)
    } else {
        Change::Percent((now / before - 1.0) * 100.0)
    }
}

pub(super) const fn axis_label(axis: Axis) -> Label {
    match axis {
        Axis::Voltage => Label::Voltage,
        Axis::Tariff => Label::Tariff,
        Axis::Usage => Label::Usage,
        Axis::Industry => Label::Industry,
        Axis::Region => Label::Region,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadstar_schema::Fixed;

    #[test]
    fn a_sum_changes_by_its_parts_and_not_by_their_mean() {
        let part = |kwh: i128, pct| (Fixed(kwh * 10_000), Change::Percent(pct));
        let Change::Percent(pct) = sum_change([part(110, 10.0), part(900, -10.0)].into_iter())
        else {
            panic!("known");
        };
        assert!((pct - (1010.0 / 1100.0 - 1.0) * 100.0).abs() < 1e-9);
        let unknown = (Fixed(1), Change::default());
        assert!(matches!(sum_change([part(1, 1.0), unknown].into_iter()), Change::Unknown(_)));
    }
}
