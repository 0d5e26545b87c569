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

    /// What the head says under a word such as `Question`, on one line; empty if
    /// it does not.
    #[must_use]
    pub fn says(&self, word: &str) -> String {
        let mut lines = self.about().into_iter().skip_while(|line| key(line) != Some(word));
        let Some(first) = lines.next() else { return String::new() };
        let more = lines.take_while(|line| !line.is_empty() && key(line).is_none());
        let text = std::iter::once(first[word.len() + 1..].trim()).chain(more);
        text.collect::<Vec<&str>>().join(" ")
    }

    /// The question in Chinese, in English where the file has it in that alone.
    #[must_use]
    pub fn question_zh(&self) -> String {
        let zh = self.says("问题");
        if zh.is_empty() { self.says("Question") } else { zh }
    }

    /// What the head says past its words and the columns: how it is to be
    /// understood.
    #[must_use]
    pub fn notes(&self) -> String {
        let lines = self.about().into_iter().skip_while(|line| !line.is_empty());
        let lines: Vec<&str> =
            lines.filter(|line| !line.is_empty() && key(line) != Some("Column")).collect();
        lines.join(" ")
    }

    /// The columns that the head describes, in its order.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        let told = self.sql.lines().take_while(|line| line.starts_with("--"));
        told.filter_map(|line| {
            let mut parts =
                line.trim_start_matches("--").trim().strip_prefix("Column:")?.splitn(3, '|');
            let mut next = || parts.next().map(str::trim).unwrap_or_default();
            Some(Column { name: next(), en: next(), zh: next() })
        })
        .collect()
    }
}

/// The word that a line of a head begins with, if it is one of the known.
fn key(line: &str) -> Option<&str> {
    let (word, _) = line.split_once(':')?;
    ["Question", "问题", "Grain", "Units", "Month", "Column"].contains(&word).then_some(word)
}

/// What a column of a view is, in the terms of the trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// In English, with its unit.
    pub en: &'static str,
    /// In Chinese.
    pub zh: &'static str,
}

/// A function of the business and its views.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The schema the views are in.
    pub name: &'static str,
    /// The function in English.
    pub en: &'static str,
    /// The function in Chinese.
    pub zh: &'static str,
    /// Its views, in the order of their names in listings.
    pub views: &'static [Query],
}

macro_rules! queries {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(Query {
            name: $name,
            sql: include_str!(concat!("../queries/", $folder, "/", $name, ".sql")),
        }),+]
    };
}

/// Views in the order they build on each other, the rollups among them.
pub(crate) fn views() -> impl Iterator<Item = &'static Query> {
    BY_DAY.iter().chain(ROLLUPS).chain(ON_ROLLUPS).chain(ON_READS)
}

/// Customers and prices in force on each day, and reads by their time: what
/// rollups and features are made with.
pub(crate) const BY_DAY: &[Query] = queries!("views":
    "customers_history", "customers_current", "customers_by_day", "meters_by_day", "tariff_prices",
    "demand_reads", "limits_by_day",
);

pub(crate) const ROLLUPS: &[Query] = queries!("rollups":
    "consumption_daily", "consumption_hourly", "consumption_by_axes", "consumption_by_axes_monthly",
);

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

pub(crate) const FEATURES: &[Query] =
    queries!("features": "arrears", "churn", "churn_label", "theft", "theft_label");

pub(crate) const REPORTS: &[Query] = queries!("reports":
    "kpis", "daily_trend", "sales_by_axis", "load_curve", "ageing", "collection",
    "top_movers", "cutoff", "forecast", "at_risk",
);

/// Views of a session that shows an earlier instant beside its own.
pub(crate) const SINCE: &[Query] = queries!("since": "revisions");

/// The functions of the business. Their views are planned when first used, so
/// that their order is the reader's, not that in which they build on each other.
#[rustfmt::skip]
pub const SCHEMAS: &[Function] = &[
    Function {
        name: "sales", en: "Sales analysis", zh: "售电分析",
        views: queries!("sales":
            "cube", "crossed", "axis_levels", "issued", "unbilled", "price_change",
            "price_change_by_class",
            "top_customers", "top_movers",
        ),
    },
    Function {
        name: "billing", en: "Billing", zh: "电费核算",
        views: queries!("billing": "recomputed", "audit", "summary", "reissues", "checked", "reckoning",
            "evidence", "rules"),
    },
    Function {
        name: "cash", en: "Collection and cash", zh: "电费回收",
        views: queries!("cash":
            "receivables", "ageing", "ageing_lines", "collection", "prior_year_debt",
            "prepayments", "channels", "reconciliation",
        ),
    },
    Function {
        name: "load", en: "Load", zh: "负荷分析",
        views: queries!("load": "hourly", "quarter_hourly", "daily", "periods", "monthly", "annual",
            "forecast_errors", "forecast_accuracy"),
    },
    Function {
        name: "loss", en: "Line loss", zh: "线损管理",
        views: queries!("loss": "daily", "monthly", "watchlist", "link_suspects", "sold_daily"),
    },
    Function {
        name: "metering", en: "Metering", zh: "电能计量",
        views: queries!("metering": "completeness", "meter_health", "fault_rates"),
    },
    Function {
        name: "inspection", en: "Inspection", zh: "用电检查",
        views: queries!("inspection": "suspects", "outcomes", "hit_rate"),
    },
    Function {
        name: "expansion", en: "New connections and expansion", zh: "业扩报装",
        views: queries!("expansion": "applications", "funnel", "net_capacity", "load_to_come"),
    },
    Function {
        name: "changes", en: "Changes of customers", zh: "变更用电",
        views: queries!("changes": "monthly", "in_books"),
    },
    Function {
        name: "service", en: "Customer service", zh: "客户服务",
        views: queries!("service": "requests", "contacts_monthly", "repeat_complaints", "outage_clusters"),
    },
    Function {
        name: "contracts", en: "Contracts", zh: "供用电合同",
        views: queries!("contracts": "status", "demand_monthly", "basic_charge_advice"),
    },
    Function {
        name: "market", en: "Market", zh: "市场分析",
        views: queries!("market": "share", "growth_monthly", "load_segments"),
    },
];

/// The views of one of these.
pub(crate) fn of_schema(name: &str) -> impl Iterator<Item = &'static Query> + use<> {
    let views = SCHEMAS.iter().find(|schema| schema.name == name).map(|schema| schema.views);
    views.unwrap_or_default().iter()
}

/// Every view that a session shows, with its schema.
pub fn session_views() -> impl Iterator<Item = (&'static str, &'static Query)> {
    let business =
        SCHEMAS.iter().flat_map(|schema| schema.views.iter().map(|query| (schema.name, query)));
    views().map(|query| ("public", query)).chain(business)
}

/// Questions as an analyst asks them, over the tables and views of a session:
/// what the bench of that name measures.
pub const ANALYST: &[Query] = queries!("analyst":
    "sales_by_tariff", "sales_by_region_and_week", "sales_by_voltage_and_industry",
    "price_by_class_and_month", "peak_day_by_region", "weekday_profile",
    "greatest_customers", "daily_energy_percentiles", "halved_customers",
    "raw_energy_by_day", "raw_energy_by_quality", "reads_of_a_meter",
);

pub(crate) const VEE: &[Query] = queries!("vee": "suspects", "reads", "outages", "known");

/// Every query that ships, with its folder: `views`, `rollups`, `features`,
/// `reports`, `since`, `vee`, `analyst` or the schema of its function.
#[must_use]
pub fn catalogue() -> Vec<(&'static str, Query)> {
    let folder = |name, queries: &[Query]| {
        queries.iter().map(move |&query| (name, query)).collect::<Vec<_>>()
    };
    let business = SCHEMAS.iter().flat_map(|schema| folder(schema.name, schema.views));
    let others = [
        folder("views", BY_DAY),
        folder("rollups", ROLLUPS),
        folder("views", ON_ROLLUPS),
        folder("views", ON_READS),
        folder("features", FEATURES),
        folder("reports", REPORTS),
        folder("since", SINCE),
        folder("vee", VEE),
        folder("analyst", ANALYST),
    ]
    .concat();
    others.into_iter().chain(business).collect()
}
