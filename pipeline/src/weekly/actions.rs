//! What the week's figures ask for. Each action follows from a figure on the
//! page and says which.

use chrono::Days;
use loadstar_reports::{Action, AgeingBucket, Bilingual, Risk, WeeklyReport};
use loadstar_schema::Money;

use crate::terminal::{grouped, thousands};

/// Below this share of expected reads, the collection system is looked at.
const COMPLETE_PCT: f64 = 99.0;
/// A probability worth a call.
const LIKELY: f64 = 0.5;
/// Of being found using past the meter: few are looked at, so few are found.
const WORTH_A_VISIT: f64 = 0.1;
/// Who sees to unpaid bills.
const COLLECTIONS: (&str, &str) = ("Collections", "电费回收");

/// At most four actions, each due within the week after.
pub(super) fn actions(report: &WeeklyReport) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut add = |en: String, zh: String, (owner_en, owner_zh): (&str, &str), days: u64| {
        let owner = Bilingual { en: owner_en.to_owned(), zh: owner_zh.to_owned() };
        let due = report.period_end.checked_add_days(Days::new(days));
        actions.push(Action { what: Bilingual { en, zh }, owner: Some(owner), due });
    };
    if let Some(pct) = report.quality.completeness_pct.filter(|pct| *pct < COMPLETE_PCT) {
        add(
            format!("Find the meters behind the missing {:.1}% of reads", 100.0 - pct),
            format!("排查缺失的 {:.1}% 抄表数据对应的电表", 100.0 - pct),
            ("Metering", "计量"),
            3,
        );
    }
    if let Some(receivables) = report.receivables.present() {
        let lawful = |held: &&loadstar_reports::AgeingAmount| held.bucket > AgeingBucket::Days30;
        let (mut bills, mut amount) = (0, Money::ZERO);
        for held in receivables.buckets.iter().filter(lawful) {
            bills += held.bills;
            amount += held.amount;
        }
        if bills > 0 {
            let (bills, amount) = (thousands(bills), grouped(&amount.to_string()));
            let currency = &report.currency;
            add(
                format!(
                    "Serve notice on the {bills} bills more than 30 days overdue \
                     ({currency}{amount})"
                ),
                format!("对逾期超过30天的 {bills} 笔电费（{amount} 元）发出停电通知"),
                COLLECTIONS,
                7,
            );
        }
    }
    for list in report.risks.present().into_iter().flatten() {
        let bar = if list.risk == Risk::Theft { WORTH_A_VISIT } else { LIKELY };
        let likely = list.rows.iter().filter(|row| row.probability >= bar).count();
        if likely == 0 {
            continue;
        }
        match list.risk {
            Risk::Arrears => add(
                format!("Remind the {likely} listed customers likely not to pay in time"),
                format!("提醒名单中 {likely} 户可能逾期的客户按时缴费"),
                COLLECTIONS,
                5,
            ),
            Risk::Churn => add(
                format!("Visit the {likely} listed customers likely to leave; offer tariff advice"),
                format!("走访名单中 {likely} 户可能流失的客户，提供电价咨询"),
                ("Customer service", "客户服务"),
                7,
            ),
            Risk::Theft => add(
                format!("Inspect the {likely} listed customers suspected of use past the meter"),
                format!("检查名单中 {likely} 户窃电嫌疑较高的客户"),
                ("Inspection", "用电检查"),
                7,
            ),
        }
    }
    actions
}
