//! The closed enumerations: codes whose meaning the code itself depends on.
//! Open lists (voltage, tariff, usage, industry, region) are dated data, see
//! [`crate::reference`].

use serde::{Deserialize, Serialize};

/// Declares an enumeration with the code each variant has on the wire and in
/// the lake.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $code)] $variant,)+ }

        impl $name {
            /// Every variant, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code on the wire and in the lake.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The variant of a code, if there is one.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

codes! {
    /// Time-of-use period.
    TouPeriod {
        /// 尖
        Critical = "critical",
        /// 峰
        Peak = "peak",
        /// 平
        Flat = "flat",
        /// 谷
        Valley = "valley",
        /// 深谷
        DeepValley = "deep_valley",
        /// All periods together.
        Total = "total",
    }
}

codes! {
    /// What a channel of a meter measures.
    ReadChannel {
        /// Active energy drawn from the grid, kWh.
        Import = "import",
        /// Active energy fed into the grid, kWh.
        Export = "export",
        /// Reactive energy drawn, kvarh.
        ReactiveImport = "reactive_import",
        /// Reactive energy fed in, kvarh.
        ReactiveExport = "reactive_export",
    }
}

codes! {
    /// Which version of a bill this is.
    BillKind {
        /// First issue.
        Original = "ORIGINAL",
        /// Withdraws the bill it refers to.
        Cancel = "CANCEL",
        /// Replaces a cancelled bill.
        Rebill = "REBILL",
        /// Adds to or takes from an issued bill.
        Adjust = "ADJUST",
    }
}

codes! {
    /// What a payment event does.
    PaymentOp {
        /// Money received for bills.
        Pay = "PAY",
        /// An earlier payment taken back.
        Reverse = "REVERSE",
        /// Money returned.
        Refund = "REFUND",
        /// Money received ahead of bills.
        Prepay = "PREPAY",
    }
}

codes! {
    /// A customer's state of supply.
    CustomerStatus {
        /// 在办: applied, not connected yet.
        Pending = "pending",
        /// 正常
        Active = "active",
        /// 暂停: capacity suspended at the customer's request.
        Suspended = "suspended",
        /// 欠费停电: cut off for arrears.
        CutOff = "cut_off",
        /// 暂拆: meter removed for a time.
        Removed = "removed",
        /// 销户: contract ended.
        Closed = "closed",
    }
}

codes! {
    /// What change-data-capture did to the row.
    ChangeOp {
        /// Row created.
        Create = "c",
        /// Row updated.
        Update = "u",
        /// Row deleted.
        Delete = "d",
    }
}

codes! {
    /// Which way energy flows through a supply point.
    Direction {
        /// Into the asset.
        In = "in",
        /// Out of the asset.
        Out = "out",
    }
}

codes! {
    /// What a supply meter measures.
    AssetKind {
        /// The gate to the transmission grid.
        Gate = "gate",
        /// A feeder (线路).
        Feeder = "feeder",
        /// A transformer area (台区).
        Area = "area",
    }
}

codes! {
    /// Whether a weather row was measured or predicted.
    WeatherKind {
        /// Measured.
        Observation = "obs",
        /// Predicted, as issued at `issued_at`.
        Forecast = "forecast",
    }
}

codes! {
    /// What a meter reports about itself.
    MeterEventKind {
        /// 停电: no supply.
        Outage = "outage",
        /// 开盖: the cover was opened.
        CoverOpen = "cover_open",
        /// 失压: voltage lost on a phase.
        VoltageLoss = "voltage_loss",
        /// 反向: energy flowed the other way.
        ReverseFlow = "reverse_flow",
        /// 对时: the clock was set.
        ClockSet = "clock_set",
    }
}

codes! {
    /// What an inspection looks into.
    CaseKind {
        /// 窃电: energy drawn past the meter.
        Theft = "theft",
        /// 违约用电: use against the contract.
        Breach = "breach",
    }
}

codes! {
    /// What made an inspection look there.
    CaseBasis {
        /// 嫌疑排名: the place in `inspection.suspects`.
        Ranking = "ranking",
        /// 计量告警: what a meter said about itself.
        Alarm = "alarm",
        /// 举报: somebody told.
        Tip = "tip",
        /// 例行检查: it was its turn.
        Routine = "routine",
    }
}

codes! {
    /// How an inspection ended.
    CaseOutcome {
        /// 属实: found as suspected.
        Confirmed = "confirmed",
        /// 排除: nothing found.
        Cleared = "cleared",
        /// 未能检查: nobody let the inspector in.
        NoAccess = "no_access",
    }
}

codes! {
    /// What validation did about what it found.
    VeeAction {
        /// Values were put in place of missing or wrong ones.
        Edited = "edited",
        /// Values were kept and marked questionable.
        Flagged = "flagged",
        /// It is only said.
        Noted = "noted",
    }
}

codes! {
    /// What interval reads are validated and estimated by; in `edit_rule` of
    /// the reads that a rule edited.
    VeeRule {
        /// 时钟: a read off the grid of its intervals, seen at landing.
        Clock = "clock",
        /// 停电: no supply, so nothing was drawn.
        Outage = "outage",
        /// 缺数: intervals without a read.
        Gap = "gap",
        /// 连续零: zeros for longer than the meter is used to.
        ZeroRun = "zero_run",
        /// 突变: one interval far above all others.
        Spike = "spike",
        /// 示数差: the intervals against the register.
        SumCheck = "sum_check",
        /// 相邻跳变: a step from one interval to the next.
        DemandChange = "demand_change",
        /// 超容: more power than the connection can carry.
        Capacity = "capacity",
        /// A day far from the days like it.
        HighLow = "high_low",
        /// 无功: reactive energy that the active does not explain.
        KvarhVsKwh = "kvarh_vs_kwh",
        /// An earlier edit taken back: the value as it came.
        Withdrawn = "withdrawn",
    }
}

/// Read quality, the numbers of the Energy Service Provider Interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quality(pub i16);

impl Quality {
    /// Valid as read.
    pub const VALID: Self = Self(0);
    /// Edited by a person.
    pub const EDITED: Self = Self(7);
    /// Estimated from a reference day.
    pub const ESTIMATED_REFERENCE_DAY: Self = Self(8);
    /// Estimated by interpolation.
    pub const ESTIMATED_INTERPOLATION: Self = Self(9);
    /// Questionable.
    pub const QUESTIONABLE: Self = Self(10);
    /// Derived from other measurements, such as a register.
    pub const DERIVED: Self = Self(11);

    /// Is this one of the numbers the standard defines?
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self.0, 0 | 7..=19)
    }

    /// Does the number stand for an estimate, for "% estimated"?
    #[must_use]
    pub const fn is_estimated(self) -> bool {
        matches!(self.0, 8 | 9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip_and_match_serde() {
        for &kind in BillKind::ALL {
            assert_eq!(BillKind::from_code(kind.code()), Some(kind));
            assert_eq!(serde_json::to_value(kind).expect("json"), kind.code());
        }
        assert_eq!(BillKind::from_code("original"), None);
    }

    #[test]
    fn quality_numbers_are_the_standard_ones() {
        assert!(Quality(0).is_known() && Quality(19).is_known());
        assert!(!Quality(3).is_known() && !Quality(-1).is_known());
        assert!(Quality::ESTIMATED_INTERPOLATION.is_estimated());
        assert!(!Quality::VALID.is_estimated());
    }
}
