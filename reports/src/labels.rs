//! Every word of a report that does not come from its data, in both languages.
//!
//! `{0}`, `{1}` … stand for values, put in by [`Label::fill`].

use crate::lang::Lang;

macro_rules! labels {
    ($($name:ident $key:literal $en:literal $zh:literal)+; $($page:literal $page_en:literal $page_zh:literal)+) => {
        /// A text that the page's data is written with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Label { $($name,)+ }

        impl Label {
            /// Key in the template, English, Chinese: those with a variant, in
            /// its order, then those that only the template uses.
            pub(crate) const TABLE: &[(&str, &str, &str)] =
                &[$(($key, $en, $zh),)+ $(($page, $page_en, $page_zh),)+];
        }
    };
}

labels! {
    Title "title" "Weekly Sales Report" "电力营销周报"
    WeekOf "week_of" "Week {1} of {0}" "{0}年第{1}周"
    Drivers "drivers" "What moved the week: {0}" "电量变化来源：{0}"
    LoadCurve "load_curve" "The week as it was, the week to come" "本周负荷与下周预测"
    EnergyCurve "energy_curve" "Daily energy: the week as it was, the week to come" "本周日电量与下周预测"
    Arrears "arrears" "Risk of not paying in time" "欠费风险"
    Churn "churn" "Risk of leaving" "流失风险"
    Theft "theft" "Suspicion of use past the meter" "窃电嫌疑"

    EnergySold "energy_sold" "Energy sold" "售电量"
    Revenue "revenue" "Revenue" "售电收入"
    AveragePrice "average_price" "Average price" "平均售电价"
    Customers "customers" "Customers" "用电客户"
    PeakLoad "peak_load" "Peak load" "最大负荷"
    LoadFactor "load_factor" "Load factor" "负荷率"
    CollectionRate "collection_rate" "Collection rate" "电费回收率"
    CollectionDue "collection_due" "Collected, bills due" "到期电费回收率"
    OverdueDebt "overdue" "Overdue" "逾期欠费"
    Valley "valley" "Valley load" "最小负荷"
    PeakDay "peak_day" "Highest day" "最大日电量"
    ValleyDay "valley_day" "Lowest day" "最小日电量"
    EvenFactor "even_factor" "Mean over highest" "日均与最大日之比"
    PeakToValley "peak_to_valley" "Peak to valley" "峰谷差"

    Voltage "voltage" "Voltage level" "电压等级"
    Tariff "tariff" "Tariff class" "电价分类"
    Usage "usage" "Usage nature" "用电性质"
    Industry "industry" "Industry" "行业"
    Region "region" "Region" "区域"
    Total "total" "Total" "合计"
    VsWeek "vs_week" "on week" "环比"
    VsYear "vs_year" "on year" "同比"
    OthersRow "others_row" "Others ({0})" "其他（{0}项）"
    Points "points" "pp" "个百分点"

    Completeness "completeness" "Reads in" "采集完整率"
    Estimated "estimated" "Estimated" "估算占比"
    LateReads "late_reads" "Late reads" "迟到读数"
    RevisedReads "revised_reads" "Revised reads" "修订读数"
    RejectedRows "rejected_rows" "Rows set aside" "隔离记录"

    Scored "scored" "{0} customers scored" "共评分{0}户"
    More "more" "... and {0} more" "……另有{0}条"
    MoreCustomers "more_customers" "... and {0} more customers" "……另有{0}户"

    NotDue "not_due" "Not due" "未到期"
    Days30 "days_30" "1–30 days" "1–30天"
    Days60 "days_60" "31–60 days" "31–60天"
    Days90 "days_90" "61–90 days" "61–90天"
    Days180 "days_180" "91–180 days" "91–180天"
    Days365 "days_365" "181–365 days" "181–365天"
    Older "older" "Over 365 days" "365天以上"
    OwedTotal "owed_total" "Open in all" "应收余额"
    OwedOverdue "owed_overdue" "Overdue" "逾期金额"
    OwedOld "owed_old" "Overdue over 90 days" "逾期90天以上"
    OwedEarlier "owed_earlier" "From earlier years" "陈欠电费"
    CollectionOf "collection_of" "Collection rate, bills of {0}" "{0}应收电费回收率"
    AsOf "as_of" "As of {0}" "截至{0}"
    BillsCount "bills_count" "{0} bills" "{0}笔"

    ChartThisYear "chart_this_year" "This year" "今年"
    ChartYearAgo "chart_year_ago" "A year ago" "去年同期"
    ChartThisWeek "chart_this_week" "This week" "本周"
    ChartIncomplete "chart_incomplete" "○ reads still missing" "○ 读数未齐"
    ChartActual "chart_actual" "Actual" "实际"
    ChartLast "chart_last" "As forecast" "上期预测"
    ChartNext "chart_next" "Forecast" "预测"
    ChartBand "chart_band" "{0}% range" "{0}%区间"
    ChartRange "chart_range" "Range" "区间"
    ChartPeak "chart_peak" "Peak {0}" "最大 {0}"
    ChartBefore "chart_before" "Last week" "上周"
    ChartMix "chart_mix" "Mix" "结构"
    ChartPrice "chart_price" "Prices" "价格"
    ChartNow "chart_now" "This week" "本周"

    AltTrend "alt_trend" "Line chart: energy sold by day, this year and a year ago." "折线图：逐日售电量，今年与去年同期。"
    AltDrivers "alt_drivers" "Bar chart: energy gained or lost to the week before, by class." "条形图：各类较上周增减电量。"
    AltPrice "alt_price" "Bar chart: average price of last week, effect of mix, effect of prices, average price of this week." "瀑布图：上周均价、结构影响、价格影响、本周均价。"
    AltLoad "alt_load" "Line chart: load of the week with its forecast, and the forecast of the next week with its range." "折线图：本周负荷及其预测，下周预测及区间。"
    AltAgeing "alt_ageing" "Bar chart: open amounts by days past due." "条形图：按逾期天数划分的应收余额。"
    AltMovers "alt_movers" "Bar chart: energy gained or lost by customer." "条形图：各客户增减电量。"

    SaidEnergy "said_energy" "{0} were sold in the week{1}." "本周售电量{0}{1}。"
    SaidAgainst "said_against" ", {0} on the week before and {1} on the same week a year ago" "，环比{0}，同比{1}"
    SaidAgainstWeek "said_against_week" ", {0} on the week before" "，环比{0}"
    SaidAgainstYear "said_against_year" ", {0} on the same week a year ago" "，同比{0}"
    SaidDriver "said_driver" "By {0}, {1} made the largest difference to the week before: {2}." "按{0}看，{1}较上周变化最大：{2}。"
    SaidPrice "said_price" "The average price went from {0} to {1}: {2} by the mix of classes, {3} by prices." "平均售电价由{0}变为{1}，其中结构影响{2}，价格影响{3}。"
    SaidPeak "said_peak" "Load peaked at {0} on {1}; the load factor was {2}." "最大负荷{0}，出现在{1}；负荷率{2}。"
    SaidPeakDay "said_peak_day" "The highest day was {1} with {0}; the mean day reached {2} of it." "最大日电量{0}，出现在{1}；日均电量为其{2}。"
    SaidForecast "said_forecast" "{1} are expected for the {0} days to come." "预计未来{0}天用电{1}。"
    SaidForecastPeak "said_forecast_peak" "{1} are expected for the {0} days to come, with a peak of {2} on {3}." "预计未来{0}天用电{1}，最大负荷{2}，出现在{3}。"
    SaidDebt "said_debt" "{0} are overdue, {1} of what is open; {2} for more than 90 days." "逾期欠费{0}，占应收余额的{1}，其中逾期90天以上{2}。"
    SaidQuality "said_quality" "{0} of the reads due are in, so figures of this week may still move." "本周应采读数已到{0}，数据仍可能变化。"
    SaidBacktest "said_backtest" "The forecast against the past{0}: {1}." "预测回测{0}：{1}。"
    SaidMape "said_mape" "mean error {0}" "平均误差{0}"
    SaidNaive "said_naive" "seasonal naive {0}" "季节朴素法{0}"
    SaidCoverage "said_coverage" "{0} of values inside the {1} range" "{1}区间实际覆盖{0}"
    SaidCoverageBare "said_coverage_bare" "{0} of values inside the range" "区间实际覆盖{0}"
    Nothing "nothing" "There is nothing to report for this week yet." "本周尚无可报告的内容。"

    NoReads "no_reads" "Left out: there are no meter reads for it." "暂缺：没有电表读数。"
    NoHourlyReads "no_hourly_reads" "Left out: reads are daily, so the load within a day is not known." "暂缺：仅有日读数，无日内负荷。"
    NoBills "no_bills" "Left out: there are no bills." "暂缺：没有账单。"
    NoTariffs "no_tariffs" "Left out: there are no prices to value energy with." "暂缺：没有电价。"
    NoClasses "no_classes" "Left out: customers have no classes to sell by." "暂缺：客户没有分类信息。"
    NoForecast "no_forecast" "Left out: no forecast has been made." "暂缺：尚未生成预测。"
    NoModel "no_model" "Left out: no model has been fitted." "暂缺：尚未训练模型。"
    ShortHistory "short_history" "Left out: not enough history; a model learns from eleven months of it." "暂缺：历史数据不足，模型训练需十一个月。"
    NoHistory "no_history" "Left out: there is no data for the earlier period." "暂缺：没有往期数据。"
    PartialHistory "partial_history" "Left out: the earlier period is incomplete." "暂缺：往期数据不完整。"
    ZeroBase "zero_base" "Left out: the earlier period is zero." "暂缺：往期数值为零。"
    WhyNoReads "why_no_reads" "no reads" "无读数"
    WhyDaily "why_daily" "daily reads only" "仅有日读数"
    WhyNoBills "why_no_bills" "no bills" "无账单"
    WhyNoTariffs "why_no_tariffs" "no prices" "无电价"
    WhyNoForecast "why_no_forecast" "no forecast" "无预测"
    WhyNoHistory "why_no_history" "no earlier data" "无往期数据"
    WhyPartial "why_partial" "earlier data incomplete" "往期不完整"
    WhyZero "why_zero" "was zero" "往期为零"
    WhyUnknown "why_unknown" "not known" "未知"

    DefSales "def_sales" "Energy is metered kWh on settlement days, by the class a customer had at the time." "电量为按结算日统计的计量电量，按客户当时的分类归集。"
    DefRevenue "def_revenue" "Revenue values energy at the tariffs in force and is provisional until billed; average price is revenue over energy." "售电收入按现行电价估算，出账后核定；平均售电价＝收入÷电量。"
    DefCompare "def_compare" "“On week” compares with the week before, “on year” with the same ISO week of the year before. A dash means that the comparison cannot be made." "环比与上周相比，同比与上年同一周相比。“–”表示无法比较。"
    DefLoad "def_load" "Load factor is mean over peak load. Peak to valley is the difference of the highest and lowest load of the week." "负荷率＝平均负荷÷最大负荷；峰谷差为本周最大负荷与最小负荷之差。"
    DefDebt "def_debt" "Ages count the days past the due date of each open bill, after payments so far. The collection rate is received over receivable of the bill month; the headline takes the bills that fell due in the 28 days to the period's end." "账龄按每笔未结账单逾期天数计算，已扣除已收款。回收率＝实收÷应收（应收年月）；概览中为截至周末近28天到期账单的回收率。"
    DefRisk "def_risk" "Probabilities are calibrated estimates, not certainties; check the reasons before calling a customer." "概率为校准后的估计值，并非定论；联系客户前请核对原因。"
    DefCutoff "def_cutoff" "The report shows what was known by {0}." "本报告反映截至{0}的数据。"
    DefRun "def_run" "Run {0} makes the report again." "以运行编号{0}可复现本报告。"
    TotalsDiffer "totals_differ" "Not all axes add up to the same energy: {0}. Some customers lack a class." "各分类合计电量不一致：{0}。部分客户缺少分类。"

    ;

    "issued" "Issued" "编制时间"
    "cutoff" "Data known by" "数据截至"
    "run" "Run" "运行编号"
    "page" "Page {0} of {1}" "第{0}页，共{1}页"
    "headlines" "The week in figures" "本周概览"
    "trend" "Energy sold by day" "日售电量走势"
    "story" "What happened" "本周要点"
    "quality" "Behind the figures" "数据质量"
    "sales" "Sales by axis" "分类售电情况"
    "price_walk" "Why the average price moved" "平均售电价变动原因"
    "load" "Load and forecast" "负荷与预测"
    "days_past" "The week by day" "本周逐日"
    "days_next" "The week to come" "下周预测"
    "debt" "Receivables by age" "应收电费账龄"
    "movers" "Customers that changed most" "电量变化最大的客户"
    "risk" "Customers at risk" "风险客户"
    "actions" "What to do" "工作建议"
    "appendix" "How to read this report" "编制说明"
    "class" "Class" "类别"
    "share" "Share" "占比"
    "wow" "On week" "环比"
    "yoy" "On year" "同比"
    "day" "Day" "日期"
    "peak_short" "Peak" "最大负荷"
    "peak_hour" "At" "时刻"
    "error_short" "Forecast error" "预测误差"
    "band_short" "Peak range" "负荷区间"
    "energy_short" "Energy" "电量"
    "energy_range" "Range" "区间"
    "customer" "Customer" "客户"
    "increases" "Largest increases" "增幅最大"
    "decreases" "Largest decreases" "降幅最大"
    "probability" "Probability" "概率"
    "exposure" "Exposure" "涉及金额"
    "reasons" "Because of" "主要原因"
    "what" "What" "事项"
    "owner" "Who" "责任人"
    "due" "Until" "期限"
}

impl Label {
    /// The text in `lang`.
    pub(crate) fn text(self, lang: Lang) -> &'static str {
        let (_, en, zh) = Self::TABLE[self as usize];
        match lang {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }

    /// The text in `lang` with `{0}`, `{1}` … replaced.
    pub(crate) fn fill(self, lang: Lang, values: &[&str]) -> String {
        let mut filled = String::new();
        let mut rest = self.text(lang);
        // One pass over the label, so that braces inside a value stay as they are.
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((place, tail)) = after.split_once('}') else {
                break;
            };
            filled.push_str(place.parse().ok().and_then(|n: usize| values.get(n)).unwrap_or(&""));
            rest = tail;
        }
        filled.push_str(rest);
        filled
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|part| part.split('}').next()).collect()
    }

    #[test]
    fn every_label_exists_in_both_languages() {
        let mut keys = BTreeSet::new();
        for &(key, en, zh) in Label::TABLE {
            assert!(keys.insert(key), "{key} twice");
            assert!(!en.is_empty() && en.chars().all(|c| (c as u32) < 0x2e80), "{key}: {en}");
            assert!(zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{key}: {zh}");
            assert_eq!(places(en), places(zh), "{key}");
        }
    }

    #[test]
    fn the_template_uses_keys_of_the_table_and_all_of_its_own() {
        let template = include_str!("../templates/weekly.typ");
        let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let used: BTreeSet<&str> = template
            .split(|c: char| !(is_key(c) || matches!(c, '.' | '-')))
            .filter_map(|word| word.strip_prefix("t."))
            .collect();
        let keys = |rows: &[(&'static str, _, _)]| -> BTreeSet<&str> {
            rows.iter().map(|row| row.0).collect()
        };
        let unknown: Vec<_> = used.difference(&keys(Label::TABLE)).copied().collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let own = &Label::TABLE[Label::TotalsDiffer as usize + 1..];
        let idle: Vec<_> = keys(own).difference(&used).copied().collect();
        assert!(idle.is_empty(), "{idle:?}");
    }

    #[test]
    fn values_with_braces_are_not_filled_again() {
        assert_eq!(
            Label::CollectionOf.fill(Lang::En, &["{0}{1}"]),
            "Collection rate, bills of {0}{1}"
        );
        assert_eq!(Label::WeekOf.fill(Lang::Zh, &["2026", "47"]), "2026年第47周");
    }
}
