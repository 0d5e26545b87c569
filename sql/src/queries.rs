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
pub(crate) fn views() -> impl Iterator<Item = &'static Query> {
    BY_DAY.iter().chain(ROLLUPS).chain(ON_ROLLUPS).chain(ON_READS)
}

/// Customers and prices in force on each day, and reads by their time: what
/// rollups and features are made with.
const BY_DAY: &[Query] = queries!("views":
    "customers_history", "customers_current", "customers_by_day", "meters_by_day", "tariff_prices",
    "demand_reads",
);

pub(crate) const ROLLUPS: &[Query] = queries!("rollups": "consumption_daily", "consumption_hourly");

const ON_ROLLUPS: &[Query] = queries!("views":
    "sales_daily", "sales_weekly", "sales_monthly", "sales_by_axis", "load_hourly",
    "weather_hourly", "completeness_daily", "top_movers", "bills_current",
    "payment_allocations", "receivables",
    "receivables_open", "receivables_ageing", "collection_rate", "account_balances",
);

/// What is told from the reads themselves, and from what they contradict.
const ON_READS: &[Query] = queries!("views":
    "register_deltas", "register_consumption_monthly", "read_duplicates", "read_conflicts",
    "area_loss_daily", "area_link_suspects",
);

pub(crate) const FEATURES: &[Query] = queries!("features": "arrears", "churn", "churn_label");

pub(crate) const REPORTS: &[Query] = queries!("reports":
    "kpis", "daily_trend", "sales_by_axis", "load_curve", "ageing", "collection",
    "top_movers", "cutoff", "forecast", "at_risk",
);

/// Views of a session that shows an earlier instant beside its own.
pub(crate) const SINCE: &[Query] = queries!("since": "revisions");

pub(crate) const VEE: &[Query] = queries!("vee": "suspects", "reads", "outages", "known");

/// Every query that ships, with its folder: `views`, `rollups`, `features`,
/// `reports`, `since` or `vee`.
#[must_use]
pub fn catalogue() -> Vec<(&'static str, Query)> {
    let folder = |name, queries: &[Query]| {
        queries.iter().map(move |&query| (name, query)).collect::<Vec<_>>()
    };
    [
        folder("views", BY_DAY),
        folder("rollups", ROLLUPS),
        folder("views", ON_ROLLUPS),
        folder("views", ON_READS),
        folder("features", FEATURES),
        folder("reports", REPORTS),
        folder("since", SINCE),
        folder("vee", VEE),
    ]
    .concat()
}
