//! What becomes of a customer: joining, leaving, stealing, growing, being
//! reclassified. Drawn before the first day, so that what leads up to it can
//! show beforehand. Days are counted from the utility's first.

use super::draw::Draw;
use super::profile::Profile;

/// Why a customer leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    IndustryDecline,
    Arrears,
    Dissatisfaction,
    Relocation,
}

impl Cause {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::IndustryDecline => "industry_decline",
            Self::Arrears => "arrears",
            Self::Dissatisfaction => "dissatisfaction",
            Self::Relocation => "relocation",
        }
    }
}

/// A customer's leaving and what shows before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaving {
    /// First day without supply; may lie beyond the last day.
    pub(crate) day: i32,
    /// Since when signals show.
    pub(crate) from: i32,
    pub(crate) cause: Cause,
    /// Suspended for long rather than closed.
    pub(crate) suspended: bool,
    /// What is left of the load at the end.
    pub(crate) remainder: f64,
    /// Days on which it complains, and one on which it asks for less capacity.
    pub(crate) complaints: [Option<i32>; 3],
    pub(crate) capacity_request: Option<i32>,
    /// Stops paying in time before it leaves.
    pub(crate) stops_paying: bool,
}

/// Everything that is to happen to one customer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate {
    /// Day of connection, for those who join later.
    pub(crate) joins: Option<i32>,
    pub(crate) leaving: Option<Leaving>,
    /// From when it steals, and the share of its use that the meter misses.
    pub(crate) theft: Option<(i32, f64)>,
    /// From when it has the class of another profile.
    pub(crate) reclassified: Option<(i32, usize)>,
    /// From when it draws this many times its load, with capacity to match.
    pub(crate) enlarged: Option<(i32, f64)>,
    /// A quiet spell that ends well: from, to, level.
    pub(crate) lull: Option<(i32, i32, f64)>,
}

/// What the odds of leaving depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Odds {
    /// Money troubles, standard normal before the industry's share.
    pub(super) stress: f64,
    pub(super) slow_payer: bool,
    /// A year's share of customers times the days in question.
    pub(super) leaving_mean: f64,
}

impl Fate {
    pub(super) fn new(draw: &mut Draw, profile: &Profile, odds: Odds, days: i32) -> Self {
        // Each draw is made whether or not it is used, so that one outcome does
        // not move the others.
        let [leaves, steals, moves, grows, rests] = std::array::from_fn(|_| draw.unit());
        let leaving = leaving(draw, profile, odds, days);
        let theft_day = draw.between(days / 5, days * 4 / 5);
        let theft_share = draw.range(0.3, 0.7);
        let month = draw.between(20, days.max(21));
        let factor = draw.range(1.25, 1.6);
        let (rest_from, rest_days) = (draw.between(0, days), draw.between(25, 80));
        let rest_level = draw.range(0.35, 0.7);

        let weight = relative_odds(profile, odds);
        let mut fate = Self::default();
        if leaves < (odds.leaving_mean * weight).min(0.8) {
            fate.leaving = Some(leaving);
            return fate;
        }
        let can_steal = profile.is_low_voltage() && !matches!(profile.usage, "LIGHT" | "PUMP");
        if can_steal && steals < 0.016 {
            fate.theft = Some((theft_day, theft_share));
        }
        if moves < 0.02 {
            fate.reclassified = profile.reclassified().map(|to| (month, to));
        } else if !profile.is_home() && grows < 0.025 {
            fate.enlarged = Some((month, factor));
        }
        if rests < 0.05 {
            fate.lull = Some((rest_from, rest_from + rest_days, rest_level));
        }
        fate
    }

    /// A customer who joins and stays.
    pub(super) fn newcomer(day: i32) -> Self {
        Self { joins: Some(day), ..Self::default() }
    }

    /// Load on a day relative to what it would be without all this.
    pub(crate) fn level(&self, day: i32) -> f64 {
        let mut level = 1.0;
        if let Some(joins) = self.joins {
            // New machines come into use over the first two months.
            level *= (0.5 + 0.5 * f64::from(day - joins) / 60.0).clamp(0.0, 1.0);
        }
        if let Some(leaving) = self.leaving {
            let whole = f64::from((leaving.day - leaving.from).max(1));
            let part = (f64::from(day - leaving.from) / (0.8 * whole)).clamp(0.0, 1.0);
            level *= 1.0 + (leaving.remainder - 1.0) * part;
        }
        if let Some((from, factor)) = self.enlarged {
            level *= 1.0 + (factor - 1.0) * (f64::from(day - from) / 45.0).clamp(0.0, 1.0);
        }
        if let Some((from, to, rest)) = self.lull
            && (from..to).contains(&day)
        {
            level *= rest;
        }
        level
    }

    /// Share of the true use that the meter counts.
    pub(crate) fn metered(&self, day: i32) -> f64 {
        match self.theft {
            Some((from, share)) if day >= from => 1.0 - share,
            _ => 1.0,
        }
    }
}

/// Odds of leaving against the average customer's, by what can be seen.
fn relative_odds(profile: &Profile, odds: Odds) -> f64 {
    let kind = match (profile.tariff, profile.usage) {
        ("RES", "HOME") => 0.62,
        ("GCI", "COM") => 1.7,
        ("GCI", _) => 1.4,
        _ => 0.8,
    };
    let slow = if odds.slow_payer { 1.8 } else { 0.9 };
    kind * slow * (-7.0 * profile.trend).exp() * (0.35 * odds.stress).exp()
}

fn leaving(draw: &mut Draw, profile: &Profile, odds: Odds, days: i32) -> Leaving {
    // Half a quarter beyond the end, so that some leave after the last day and
    // already show it.
    let day = draw.between(30.min(days), days + 60);
    let from = day - draw.between(95, 165);
    let whim = draw.unit();
    let cause = if odds.slow_payer && whim < 0.7 {
        Cause::Arrears
    } else if profile.trend < -0.015 && whim < 0.75 {
        Cause::IndustryDecline
    } else if whim < 0.5 {
        Cause::Dissatisfaction
    } else {
        Cause::Relocation
    };
    let fades = draw.chance(0.87);
    let remainder = if fades { draw.range(0.2, 0.6) } else { draw.range(0.85, 1.0) };
    let complains = if cause == Cause::Dissatisfaction { 0.75 } else { 0.25 };
    let complaints = std::array::from_fn(|_| {
        let on = day - draw.between(8, 110);
        draw.chance(complains).then_some(on)
    });
    let request_on = day - draw.between(35, 100);
    let asks = draw.chance(0.6) && !profile.is_home();
    Leaving {
        day,
        from,
        cause,
        suspended: draw.chance(0.3),
        remainder,
        complaints,
        capacity_request: asks.then_some(request_on),
        stops_paying: draw.chance(if cause == Cause::Arrears { 1.0 } else { 0.35 }),
    }
}
