//! Open amounts by days past due.

use plotters::style::RGBColor;

use super::canvas::{Align, Canvas, Drawn, Type};
use super::scale::Scale;
use super::{HALF_WIDTH_PT, Svg};
use crate::error::ReportError;
use crate::format::{self, Format};
use crate::labels::Label;
use crate::watch::{AgeingBucket, Receivables};

const ROW_PT: f64 = 14.5;
/// Between an amount and its share.
const GAP_PT: f64 = 4.0;
/// From what is merely open to what may never come.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0xb9, 0xc7, 0xd6),
    RGBColor(0xe8, 0xc4, 0x92),
    RGBColor(0xdf, 0xa4, 0x6a),
    RGBColor(0xd2, 0x86, 0x4f),
    RGBColor(0xc2, 0x69, 0x40),
    RGBColor(0xa6, 0x4a, 0x35),
    RGBColor(0x83, 0x30, 0x2a),
];

/// One bar per bucket, youngest first, with amount and share.
pub(crate) fn ageing_chart(owed: &Receivables, format: Format<'_>) -> Result<Svg, ReportError> {
    let size = (HALF_WIDTH_PT + 36.0, AgeingBucket::ALL.len() as f64 * ROW_PT + 2.0);
    Canvas::draw("ageing", size, |canvas| plot(canvas, owed, size, format))
}

fn plot(canvas: &Canvas<'_>, owed: &Receivables, size: (f64, f64), format: Format<'_>) -> Drawn {
    let amounts = AgeingBucket::ALL.map(|bucket| owed.amount(bucket));
    let total: f64 = amounts.iter().map(|amount| amount.to_f64()).sum();
    let largest = amounts.iter().map(|amount| amount.to_f64()).fold(0.0, f64::max);
    let names = AgeingBucket::ALL.map(|bucket| bucket_label(bucket).text(format.lang));
    let left = names.iter().map(|name| Type::LABEL.width_pt(name)).fold(0.0, f64::max) + 8.0;
    let texts = amounts.map(|amount| {
        let share = if total > 0.0 { amount.to_f64() / total * 100.0 } else { 0.0 };
        (format.money_rounded(amount).line(), format::percent(share))
    });
    let room = texts
        .iter()
        .map(|(text, share)| Type::STRONG.width_pt(text) + Type::AXIS.width_pt(share) + GAP_PT);
    let x = Scale::exact(0.0, largest, left, size.0 - room.fold(0.0, f64::max) - 6.0);
    for (row, ((text, share), amount)) in texts.iter().zip(amounts).enumerate() {
        let middle = (row as f64 + 0.5) * ROW_PT + 1.0;
        let end = x.at(amount.to_f64().max(0.0));
        canvas.text(names[row], (0.0, middle), Align::Left, Type::LABEL)?;
        if amount.0 > 0 {
            canvas.bar((left, middle - 4.2), (end.max(left + 0.6), middle + 4.2), COLOURS[row])?;
        }
        canvas.text(text, (end + 4.0, middle), Align::Left, Type::STRONG)?;
        let after = end + 4.0 + Type::STRONG.width_pt(text) + GAP_PT;
        canvas.text(share, (after, middle), Align::Left, Type::AXIS)?;
    }
    Ok(())
}

pub(crate) const fn bucket_label(bucket: AgeingBucket) -> Label {
    match bucket {
        AgeingBucket::NotDue => Label::NotDue,
        AgeingBucket::Days30 => Label::Days30,
        AgeingBucket::Days60 => Label::Days60,
        AgeingBucket::Days90 => Label::Days90,
        AgeingBucket::Days180 => Label::Days180,
        AgeingBucket::Days365 => Label::Days365,
        AgeingBucket::Older => Label::Older,
    }
}
