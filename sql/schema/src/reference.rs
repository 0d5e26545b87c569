//! The reference data that ships with Loadstar: the code lists of the five
//! axes, a tariff, a calendar, the thresholds of validation and the limits that
//! views judge by. A lake starts with these; a utility loads its
//! own beside or over them with `loadstar load reference FILE`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use arrow::array::{Array, RecordBatch, StringArray};
use arrow::csv::ReaderBuilder;
use arrow::error::ArrowError;

use crate::Table;

/// One of the five axes that sales are classified by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Axis {
    /// 电压等级
    Voltage,
    /// 电价分类
    Tariff,
    /// 用电性质
    Usage,
    /// 行业
    Industry,
    /// 区域
    Region,
}

impl Axis {
    /// The five, in report order.
    pub const ALL: &'static [Self] =
        &[Self::Voltage, Self::Tariff, Self::Usage, Self::Industry, Self::Region];

    /// Its name in the `axis` column and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Voltage => "voltage",
            Self::Tariff => "tariff",
            Self::Usage => "usage",
            Self::Industry => "industry",
            Self::Region => "region",
        }
    }

    /// The column of customers and rollups that holds its code.
    #[must_use]
    pub const fn column(self) -> &'static str {
        match self {
            Self::Voltage => "voltage_code",
            Self::Tariff => "tariff_code",
            Self::Usage => "usage_code",
            Self::Industry => "industry_code",
            Self::Region => "region_code",
        }
    }

    /// The axis of a name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|axis| axis.name() == name)
    }
}

/// The rows a new lake's table starts with; `None` for tables without any.
///
/// # Errors
/// Arrow's, if the shipped file does not fit the table's schema.
pub fn shipped(table: Table) -> Result<Option<RecordBatch>, ArrowError> {
    let csv = match table {
        Table::Reference => include_str!("../reference/reference.csv"),
        Table::Tariffs => include_str!("../reference/tariffs.csv"),
        Table::TariffRules => include_str!("../reference/tariff_rules.csv"),
        Table::Calendar => include_str!("../reference/calendar.csv"),
        Table::VeeRules => include_str!("../reference/vee_rules.csv"),
        Table::Limits => include_str!("../reference/limits.csv"),
        _ => return Ok(None),
    };
    let rows = ReaderBuilder::new(table.schema())
        .with_header(true)
        .with_batch_size(65_536)
        .build(Cursor::new(csv))?
        .next();
    rows.transpose()
}

/// The numbers that can be set in `vee_rules` or `limits`: the parameters of each
/// rule or view, as they ship.
#[must_use]
pub fn parameters(table: Table) -> BTreeMap<String, BTreeSet<String>> {
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let rows = shipped(table).ok().flatten();
    let text = |place: usize| rows.as_ref()?.column(place).as_any().downcast_ref::<StringArray>();
    if let (Some(owners), Some(parameters)) = (text(0), text(1)) {
        for (owner, parameter) in owners.iter().zip(parameters).filter_map(|(a, b)| a.zip(b)) {
            known.entry(owner.to_owned()).or_default().insert(parameter.to_owned());
        }
    }
    known
}

/// The codes of one axis in a `reference` batch, of any date.
#[must_use]
pub fn codes(reference: &RecordBatch, axis: Axis) -> Vec<String> {
    let column = |name: &str| {
        reference
            .column_by_name(name)
            .and_then(|column| column.as_any().downcast_ref::<StringArray>())
    };
    let (Some(axes), Some(codes)) = (column("axis"), column("code")) else {
        return Vec::new();
    };
    (0..reference.num_rows())
        .filter(|&row| axes.value(row) == axis.name())
        .map(|row| codes.value(row).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_shipped_file_fits_its_schema() {
        for &table in Table::DATED {
            let Some(batch) = shipped(table).expect("fits") else {
                assert_eq!(table, Table::MarketTotals, "nobody else's numbers ship");
                continue;
            };
            assert!(batch.num_rows() > 15, "{}", table.name());
        }
        assert!(shipped(Table::Bills).expect("none is fine").is_none());
    }

    #[test]
    fn parents_and_price_bands_are_codes() {
        let reference = shipped(Table::Reference).expect("fits").expect("rows");
        let text = |name: &str| {
            let column = reference.column_by_name(name).expect(name);
            column.as_any().downcast_ref::<StringArray>().expect(name).clone()
        };
        let (axes, parents) = (text("axis"), text("parent_code"));
        for &axis in Axis::ALL {
            let codes: HashSet<String> = super::codes(&reference, axis).into_iter().collect();
            assert!(codes.len() >= 6, "{}", axis.name());
            for row in (0..axes.len()).filter(|&row| axes.value(row) == axis.name()) {
                if parents.is_valid(row) {
                    assert!(codes.contains(parents.value(row)), "{}", parents.value(row));
                }
            }
        }
        let bands: HashSet<String> = super::codes(&reference, Axis::Voltage).into_iter().collect();
        let tariffs = shipped(Table::Tariffs).expect("fits").expect("rows");
        let column = tariffs.column_by_name("price_band").expect("price_band");
        let column = column.as_any().downcast_ref::<StringArray>().expect("text");
        assert!(column.iter().flatten().all(|band| bands.contains(band)));
    }
}
