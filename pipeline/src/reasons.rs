//! Reasons of the lake's own risk models, in the words of the trade.

use std::collections::HashMap;

use anyhow::Result;
use loadstar_models::risk::Reason;
use loadstar_schema::reference::Axis;
use loadstar_sql::{Lake, collect};

use crate::rows::rows;
use crate::terminal::grouped;

/// How a feature's value reads.
#[derive(Clone, Copy)]
enum Reads {
    /// At most two decimals: a reason is read, not computed with.
    Number,
    /// Whole days.
    Days,
    /// Currency, to the cent.
    Money,
    /// A share as per cent.
    Share,
    /// A relative change as signed per cent.
    Change,
    /// A code of an axis, by its name.
    Code(Axis),
}

use Reads::{Change, Code, Days, Money, Number, Share};

/// Features of `sql/queries/features`, in English and Chinese.
const NAMES: &[(&str, Reads, &str, &str)] = &[
    ("amount", Money, "bill amount", "本期电费"),
    ("bill_shock", Number, "bill against its mean", "电费相对均值"),
    ("bills_12m", Number, "bills in 12 months", "近12个月账单数"),
    ("late_count_12m", Number, "late payments in 12 months", "近12个月逾期次数"),
    ("late_share_12m", Share, "share paid late in 12 months", "近12个月逾期比例"),
    ("mean_days_late", Days, "mean days late", "平均逾期天数"),
    ("days_late_trend", Number, "trend of days late", "逾期天数趋势"),
    ("partial_share", Share, "share paid in part", "部分缴费比例"),
    ("reversals_12m", Number, "payments reversed in 12 months", "近12个月冲正次数"),
    ("open_amount_at_issue", Money, "owed when the bill was issued", "出账时欠费"),
    ("tenure_days", Days, "days as a customer", "用电天数"),
    ("prepaid", Number, "prepaid", "预付费"),
    ("capacity_kva", Number, "capacity, kVA", "合同容量（千伏安）"),
    ("channel", Number, "payment channel", "缴费渠道"),
    ("tariff_code", Code(Axis::Tariff), "tariff class", "电价分类"),
    ("industry_code", Code(Axis::Industry), "industry", "行业"),
    ("change_28d", Change, "change to the 28 days before", "近28天用电变化"),
    ("change_year", Change, "change to a year ago", "同比用电变化"),
    ("load_variation", Share, "variation of daily load", "日用电波动"),
    ("demand_to_capacity", Share, "peak over capacity", "最大负荷与容量比"),
    ("capacity_reductions_12m", Number, "capacity reductions in 12 months", "近12个月减容暂停次数"),
    ("complaints_6m", Number, "complaints in 6 months", "近6个月投诉次数"),
    ("requests_6m", Number, "service requests in 6 months", "近6个月服务请求数"),
    ("overdue_amount", Money, "overdue amount", "逾期金额"),
    ("days_overdue", Days, "days overdue", "逾期天数"),
    ("contract_days_left", Days, "days left of the contract", "合同剩余天数"),
    ("drop_share", Share, "use below what was to be expected", "低于预期电量比例"),
    (
        "loss_similarity",
        Share,
        "likeness of missing energy and rise of the area's loss",
        "缺失电量与台区损失增量相似度",
    ),
    ("area_loss_share", Share, "loss of the area", "台区线损率"),
    ("area_loss_change", Change, "change of the loss of the area", "台区线损率变化"),
    ("meter_events_180d", Number, "meter events in 180 days", "近180天计量告警"),
    ("register_faults_180d", Number, "register faults in 180 days", "近180天示数异常次数"),
    ("confirmed_before", Number, "cases confirmed before", "历史查实次数"),
    ("zero_day_share", Share, "days without use", "零电量天数比例"),
];

/// What reasons are worded with: the names of the lake's codes.
#[derive(Default)]
pub struct Wording {
    names: HashMap<(String, String), (String, String)>,
}

impl Wording {
    /// With the newest names of the table `reference`.
    pub async fn of(lake: &Lake) -> Result<Self> {
        let session = lake.at(None).await?;
        let query = "SELECT axis, code, name_en, name_zh FROM reference ORDER BY valid_from";
        let batches = collect(&session, query).await?;
        let mut names = HashMap::new();
        for row in rows(&batches) {
            let (axis, code) = (row.text("axis")?, row.text("code")?);
            let (en, zh) = (row.text("name_en")?, row.text("name_zh")?);
            if let (Some(axis), Some(code), Some(en), Some(zh)) = (axis, code, en, zh) {
                names.insert((axis, code), (en, zh));
            }
        }
        Ok(Self { names })
    }

    /// The reason in English and in Chinese. Its strength is in its place: the
    /// first of a row's reasons raises the risk most.
    pub fn both(&self, reason: &Reason) -> (String, String) {
        let feature = reason.feature.as_str();
        let named = NAMES.iter().find(|(name, ..)| *name == feature);
        let (reads, en, zh) =
            named.map_or((Number, feature, feature), |&(_, reads, en, zh)| (reads, en, zh));
        match &reason.value {
            None => (format!("{en} not known"), format!("{zh}未知")),
            Some(value) => {
                let (value_en, value_zh) = self.value(reads, value);
                (format!("{en}: {value_en}"), format!("{zh}：{value_zh}"))
            }
        }
    }

    fn value(&self, reads: Reads, value: &str) -> (String, String) {
        if let Code(axis) = reads {
            let names = self.names.get(&(axis.name().to_owned(), value.to_owned()));
            return names.cloned().unwrap_or_else(|| (value.to_owned(), value.to_owned()));
        }
        let Ok(number) = value.parse::<f64>() else { return (value.to_owned(), value.to_owned()) };
        let text = match reads {
            Money => grouped(&format!("{number:.2}")),
            Days => grouped(&format!("{number:.0}")),
            Share => format!("{:.0}%", number * 100.0),
            Change => format!("{:+.0}%", number * 100.0),
            Number | Code(_) if number.fract() == 0.0 => grouped(value),
            Number | Code(_) => grouped(&format!("{number:.2}")),
        };
        let text = text.replace('-', "\u{2212}");
        (text.clone(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(feature: &str, value: Option<&str>) -> (String, String) {
        let names = [(
            ("industry".to_owned(), "C17".to_owned()),
            ("Textiles".to_owned(), "纺织业".to_owned()),
        )];
        let reason = Reason {
            feature: feature.to_owned(),
            value: value.map(str::to_owned),
            contribution: 0.9,
        };
        Wording { names: names.into() }.both(&reason)
    }

    #[test]
    fn values_read_as_what_they_are() {
        let english = |feature, value| said(feature, Some(value)).0;
        assert_eq!(english("overdue_amount", "156304.9"), "overdue amount: 156,304.90");
        assert_eq!(english("late_share_12m", "0.8182"), "share paid late in 12 months: 82%");
        assert_eq!(english("change_28d", "-0.151"), "change to the 28 days before: −15%");
        assert_eq!(english("mean_days_late", "17.45"), "mean days late: 17");
        assert_eq!(english("industry_code", "C17"), "industry: Textiles");
        assert_eq!(english("industry_code", "C99"), "industry: C99");
        assert_eq!(english("complaints_6m", "2"), "complaints in 6 months: 2");
        assert_eq!(english("own_column", "0.125"), "own_column: 0.12");
    }

    #[test]
    fn chinese_and_unknown_values_have_words_too() {
        assert_eq!(said("industry_code", Some("C17")).1, "行业：纺织业");
        assert_eq!(
            said("channel", None),
            ("payment channel not known".to_owned(), "缴费渠道未知".to_owned())
        );
    }
}
