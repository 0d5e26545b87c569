//! The `.sql` files of `queries/`, embedded. Each opens with the question it
//! answers, its grain, units, and the month it speaks of.

/// A query that ships with Loadstar.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// The view's or query's name, as of its file.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
}

impl Query {
    /// What the file says about itself: the lines of its opening comment.
    #[must_use]
    pub fn about(&self) -> Vec<&'static str> {
        let comment = self.sql.lines().take_while(|line| line.starts_with("--"));
        comment.map(|line| line.trim_start_matches("--").trim()).collect()
    }
}

macro_rules! queries {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(Query {
            name: $name,
            sql: include_str!(concat!("../queries/", $folder, "/", $name, ".sql")),
        }),+]
    };
}

/// Views in the order they build on each other, the two rollups among them.
pub(crate) const VIEWS: &[Query] = &[
    BY_DAY[0],
    BY_DAY[1],
    BY_DAY[2],
    BY_DAY[3],
    BY_DAY[4],
    ROLLUPS[0],
    ROLLUPS[1],
    ON_ROLLUPS[0],
    ON_ROLLUPS[1],
    ON_ROLLUPS[2],
    ON_ROLLUPS[3],
    ON_ROLLUPS[4],
    ON_ROLLUPS[5],
    ON_ROLLUPS[6],
    ON_ROLLUPS[7],
    ON_ROLLUPS[8],
    ON_ROLLUPS[9],
    ON_ROLLUPS[10],
    ON_ROLLUPS[11],
    ON_ROLLUPS[12],
    ON_ROLLUPS[13],
];

/// Customers and prices in force on each day: what rollups are made with.
const BY_DAY: &[Query] = queries!("views":
    "customers_history", "customers_current", "customers_by_day", "meters_by_day", "tariff_prices",
);

pub(crate) const ROLLUPS: &[Query] = queries!("rollups": "consumption_daily", "consumption_hourly");

const ON_ROLLUPS: &[Query] = queries!("views":
    "sales_daily", "sales_weekly", "sales_monthly", "sales_by_axis", "load_hourly",
    "weather_hourly", "completeness_daily", "top_movers", "bills_current",
    "payment_allocations", "receivables",
    "receivables_open", "receivables_ageing", "collection_rate",
);

pub(crate) const FEATURES: &[Query] = queries!("features": "arrears", "churn", "churn_label");

pub(crate) const REPORTS: &[Query] = queries!("reports":
    "kpis", "daily_trend", "sales_by_axis", "load_curve", "ageing", "collection",
    "top_movers", "cutoff", "forecast", "at_risk",
);

/// Every query that ships, with its folder: `views`, `rollups`, `features` or
/// `reports`.
#[must_use]
pub fn catalogue() -> Vec<(&'static str, Query)> {
    let folder = |name, queries: &[Query]| {
        queries.iter().map(move |&query| (name, query)).collect::<Vec<_>>()
    };
    [
        folder("views", BY_DAY),
        folder("rollups", ROLLUPS),
        folder("views", ON_ROLLUPS),
        folder("features", FEATURES),
        folder("reports", REPORTS),
    ]
    .concat()
}
