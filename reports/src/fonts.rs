//! The one font family of pages and charts, inside the binary: Noto Sans CJK SC
//! cut down to what reports need (see `fonts/README.md`).

use std::sync::LazyLock;

use plotters::style::{FontStyle, register_font};
use typst::foundations::Bytes;
use typst::layout::Abs;
use typst::text::{Font, FontBook, FontInstance, FontVariant, FontVariations};
use typst::utils::LazyHash;

pub(crate) const FAMILY: &str = "Noto Sans CJK SC";
/// What an SVG names, so that a viewer without the font takes a like one.
pub(crate) const SVG_FAMILIES: &str = "Noto Sans CJK SC, Noto Sans SC, sans-serif";

const REGULAR: &[u8] = include_bytes!("../fonts/NotoSansCJKsc-Regular.otf");
const BOLD: &[u8] = include_bytes!("../fonts/NotoSansCJKsc-Bold.otf");
/// 下駄記号: what Chinese printers set where a character is missing.
const MISSING: char = '〓';

/// The parsed fonts; parsing them is most of a small chart's time.
pub(crate) static FONTS: LazyLock<Fonts> = LazyLock::new(Fonts::parse);

pub(crate) struct Fonts {
    pub(crate) book: LazyHash<FontBook>,
    pub(crate) fonts: Vec<Font>,
    measures: Vec<FontInstance>,
}

impl Fonts {
    fn parse() -> Self {
        let fonts: Vec<Font> =
            [REGULAR, BOLD].into_iter().filter_map(|data| Font::new(Bytes::new(data), 0)).collect();
        let measure = |font: &Font| {
            let variations = FontVariations::default();
            font.clone().instantiate(FontVariant::default(), Abs::pt(10.0), &variations)
        };
        let measures = fonts.iter().map(measure).collect();
        // The chart library measures with its own table of fonts. It only ever
        // lays out text that is anchored anyway, so a refusal changes nothing.
        for (style, data) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, BOLD)] {
            let _ = register_font(SVG_FAMILIES, style, data);
        }
        Self { book: LazyHash::new(FontBook::from_fonts(&fonts)), fonts, measures }
    }

    fn covers(&self, character: char) -> bool {
        self.fonts.iter().all(|font| font.info().coverage.contains(u32::from(character)))
    }

    /// Width of a line in points.
    pub(crate) fn width_pt(&self, text: &str, size_pt: f64, bold: bool) -> f64 {
        let Some(font) = self.measures.get(usize::from(bold)) else {
            return 0.0;
        };
        let em = |character| {
            let glyph = font.ttf().glyph_index(character)?;
            Some(font.x_advance(glyph.0)?.get())
        };
        text.chars().map(|character| em(character).unwrap_or(1.0)).sum::<f64>() * size_pt
    }

    /// `text`, cut with `...` where it is wider than `width_pt`.
    pub(crate) fn fit(&self, text: &str, width_pt: f64, size_pt: f64, bold: bool) -> String {
        let width = |text: &str| self.width_pt(text, size_pt, bold);
        if width(text) <= width_pt {
            return text.to_owned();
        }
        let mut kept = text.to_owned();
        while !kept.is_empty() && width(kept.trim_end()) + width("...") > width_pt {
            kept.pop();
        }
        format!("{}...", kept.trim_end())
    }
}

/// `text` with every character the font cannot show replaced by `〓`, and line
/// breaks and other controls by spaces.
pub(crate) fn printable(text: &str) -> String {
    let show = |character: char| match character {
        _ if character.is_control() => ' ',
        // Would break a line or show nothing, and PDF/A refuses one of them.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => ' ',
        _ if FONTS.covers(character) => character,
        _ => MISSING,
    };
    text.chars().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_carry_one_family() {
        assert_eq!(FONTS.fonts.len(), 2);
        for font in &FONTS.fonts {
            assert_eq!(font.info().family, FAMILY);
        }
        assert_eq!(FONTS.fonts[1].info().variant.weight.to_number(), 700);
    }

    #[test]
    fn labels_and_simplified_chinese_are_covered() {
        for &(_, en, zh) in crate::labels::Label::TABLE {
            assert_eq!(printable(en), en);
            assert_eq!(printable(zh), zh);
        }
        let text = "湘潭钢铁有限公司（二期）Üßéñøŏū€¥≤≥±→▲▼●";
        assert_eq!(printable(text), text);
    }

    #[test]
    fn what_cannot_be_shown_is_marked() {
        assert_eq!(printable("龘a😀\u{feff}\nb"), "〓a〓〓 b");
    }

    #[test]
    fn long_text_is_cut_to_its_width() {
        let fitted = FONTS.fit("Consolidated Manufacturing Holdings", 80.0, 8.0, false);
        assert!(fitted.ends_with("...") && FONTS.width_pt(&fitted, 8.0, false) <= 80.0, "{fitted}");
        assert_eq!(FONTS.fit("短", 80.0, 8.0, false), "短");
        assert!((FONTS.width_pt("中文", 10.0, false) - 20.0).abs() < 1e-6);
    }
}
