//! Bills that go wrong and stand: one mistake in each, so that an audit has
//! something to find.

use super::billing::{Line, Prices, Usage};
use super::draw::{Draw, Purpose};
use super::population::Member;

/// Who makes the mistakes, and how often.
#[derive(Clone, Debug)]
pub(super) struct Mistakes {
    draw: Draw,
    rate: f64,
}

/// A bill as it went out wrong.
#[derive(Clone, Debug)]
pub(super) struct Mischarged {
    pub(super) reason: &'static str,
    pub(super) tariff_version: Option<String>,
    pub(super) lines: Vec<Line>,
}

impl Mistakes {
    pub(super) fn new(seed: u64, rate: f64) -> Self {
        Self { draw: Draw::new(seed, Purpose::Billing, 2), rate }
    }

    /// What a bill of these lines goes out as, if it goes out wrong.
    pub(super) fn make(
        &mut self,
        member: &Member,
        usage: Usage,
        prices: &Prices,
        right: &[Line],
    ) -> Option<Mischarged> {
        let (struck, choice) = (self.draw.chance(self.rate), self.draw.unit());
        if !struck || usage.energy <= 0 {
            return None;
        }
        let wrong = |reason, lines: Vec<Line>| Mischarged { reason, tariff_version: None, lines };
        let mut choices = Vec::new();
        let with = |component: &str, change: fn(Line) -> Line| {
            let changed =
                |&line: &Line| if line.component == component { change(line) } else { line };
            right.iter().map(changed).collect::<Vec<Line>>()
        };
        let without = |component: &str| {
            right.iter().copied().filter(|line| line.component != component).collect::<Vec<Line>>()
        };
        let has = |component: &str| right.iter().any(|line| line.component == component);
        choices.push(wrong("rounding", with("energy", Line::misrounded)));
        choices.push(Mischarged {
            tariff_version: Some(prices.superseded_version.clone()),
            ..wrong("wrong_price_version", prices.superseded_lines(member, usage))
        });
        if has("basic") {
            choices.push(wrong("missing_line", without("basic")));
        } else {
            let others = prices.misclassified_lines(member, usage);
            choices.extend(others.into_iter().map(|lines| wrong("wrong_class", lines)));
        }
        if has("power_factor") {
            choices.push(wrong("missing_line", without("power_factor")));
            choices.push(wrong("power_factor", with("power_factor", Line::penalised)));
        }
        let amount = |lines: &[Line]| lines.iter().map(|line| line.amount).sum::<i128>();
        let chosen = choices.swap_remove((choice * choices.len() as f64) as usize);
        // A bill of next to nothing can come to the same at another price.
        (amount(&chosen.lines) > 0 && amount(&chosen.lines) != amount(right)).then_some(chosen)
    }
}
