//! A drawing surface in points over the chart library's integer pixels.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle};

use super::Svg;
use crate::error::ReportError;
use crate::fonts::{FONTS, SVG_FAMILIES, printable};

/// Backend pixels in a point: coordinates are integers there, and at twenty to
/// the point a line's steps cannot be seen at any zoom a reader uses.
const PIXELS: f64 = 20.0;
/// The SVG backend divides font sizes by this.
const BACKEND_FONT_FACTOR: f64 = 1.24;

/// The colours of every page, few and calm; the template has the same.
pub(crate) mod ink {
    use plotters::style::RGBColor;

    pub(crate) const TEXT: RGBColor = RGBColor(0x1b, 0x27, 0x38);
    pub(crate) const MUTED: RGBColor = RGBColor(0x66, 0x73, 0x85);
    pub(crate) const FAINT: RGBColor = RGBColor(0xa9, 0xb3, 0xbf);
    pub(crate) const GRID: RGBColor = RGBColor(0xe6, 0xea, 0xee);
    pub(crate) const SHADE: RGBColor = RGBColor(0xf1, 0xf5, 0xf9);
    pub(crate) const BLUE: RGBColor = RGBColor(0x1d, 0x5c, 0x8f);
    pub(crate) const AMBER: RGBColor = RGBColor(0xc7, 0x7a, 0x11);
    pub(crate) const BAND: RGBColor = RGBColor(0xf9, 0xe2, 0xbd);
    pub(crate) const INNER_BAND: RGBColor = RGBColor(0xf2, 0xca, 0x8b);
    pub(crate) const RUST: RGBColor = RGBColor(0xb4, 0x4a, 0x33);
    pub(crate) const WHITE: RGBColor = RGBColor(0xff, 0xff, 0xff);
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy)]
pub(crate) enum Align {
    Left,
    Centre,
    Right,
}

/// How a text looks.
#[derive(Clone, Copy)]
pub(crate) struct Type {
    pub(crate) size_pt: f64,
    pub(crate) bold: bool,
    pub(crate) colour: RGBColor,
}

impl Type {
    pub(crate) const AXIS: Self = Self { size_pt: 7.0, bold: false, colour: ink::MUTED };
    pub(crate) const LABEL: Self = Self { size_pt: 7.5, bold: false, colour: ink::TEXT };
    pub(crate) const STRONG: Self = Self { size_pt: 7.5, bold: true, colour: ink::TEXT };

    pub(crate) const fn coloured(self, colour: RGBColor) -> Self {
        Self { colour, ..self }
    }

    pub(crate) fn width_pt(self, text: &str) -> f64 {
        FONTS.width_pt(text, self.size_pt, self.bold)
    }

    pub(crate) fn fit(self, text: &str, width_pt: f64) -> String {
        FONTS.fit(&printable(text), width_pt, self.size_pt, self.bold)
    }
}

pub(crate) type Drawn = Result<(), ReportError>;

/// Draws one chart; coordinates are points from the top left corner.
pub(crate) struct Canvas<'a> {
    chart: &'static str,
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl Svg {
    /// With an empty margin all round, for a picture that stands alone.
    pub(crate) fn with_margin(mut self, margin_pt: f64) -> Self {
        let bare = opening(self.width_pt, self.height_pt, 0.0);
        let framed = opening(self.width_pt, self.height_pt, margin_pt);
        self.text = self.text.replacen(&bare, &framed, 1);
        self.width_pt += 2.0 * margin_pt;
        self.height_pt += 2.0 * margin_pt;
        self
    }
}

/// The root element of a drawing of so many points and a margin around it.
fn opening(width_pt: f64, height_pt: f64, margin_pt: f64) -> String {
    let (width, height) = (width_pt + 2.0 * margin_pt, height_pt + 2.0 * margin_pt);
    let [from, across, down] = [-margin_pt, width, height].map(pixels);
    format!(
        "<svg width=\"{width}pt\" height=\"{height}pt\" \
         viewBox=\"{from} {from} {across} {down}\" xmlns=\"http://www.w3.org/2000/svg\">"
    )
}

impl Canvas<'_> {
    /// Runs `draw` on a surface of this size and gives back the SVG.
    pub(crate) fn draw(
        chart: &'static str,
        (width_pt, height_pt): (f64, f64),
        draw: impl FnOnce(&Canvas<'_>) -> Drawn,
    ) -> Result<Svg, ReportError> {
        // Parsing the fonts also makes them known to the chart library.
        std::sync::LazyLock::force(&FONTS);
        let mut text = String::new();
        let size = (pixels(width_pt) as u32, pixels(height_pt) as u32);
        {
            let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
            let canvas = Canvas { chart, area };
            draw(&canvas)?;
            canvas.area.present().map_err(|error| canvas.failed(&error))?;
        }
        // The drawing's own units are kept in the view box only, so that the
        // file opens at its size on paper.
        let begin = text.find("<svg").unwrap_or_default();
        let end = text[begin..].find('>').map_or(begin, |end| begin + end + 1);
        text.replace_range(begin..end, &opening(width_pt, height_pt, 0.0));
        Ok(Svg { text, width_pt, height_pt })
    }

    pub(crate) fn line(&self, points: &[(f64, f64)], colour: RGBColor, width_pt: f64) -> Drawn {
        if points.len() < 2 {
            return Ok(());
        }
        let path = points.iter().copied().map(at).collect::<Vec<_>>();
        self.put(&PathElement::new(path, stroke(colour, width_pt)))
    }

    pub(crate) fn dashed(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor) -> Drawn {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        let point = |at: f64| (from.0 + dx * at / length, from.1 + dy * at / length);
        let mut start = 0.0;
        while start < length {
            self.line(&[point(start), point((start + 2.5).min(length))], colour, 0.7)?;
            start += 4.5;
        }
        Ok(())
    }

    pub(crate) fn area(&self, outline: &[(f64, f64)], colour: RGBColor) -> Drawn {
        let path = outline.iter().copied().map(at).collect::<Vec<_>>();
        self.put(&Polygon::new(path, colour.filled()))
    }

    pub(crate) fn bar(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor) -> Drawn {
        self.put(&Rectangle::new([at(from), at(to)], colour.filled()))
    }

    /// A filled dot, or a ring with a white middle.
    pub(crate) fn dot(
        &self,
        centre: (f64, f64),
        radius_pt: f64,
        colour: RGBColor,
        ring: bool,
    ) -> Drawn {
        let radius = pixels(radius_pt);
        if ring {
            self.put(&Circle::new(at(centre), radius, ink::WHITE.filled()))?;
            self.put(&Circle::new(at(centre), radius, stroke(colour, 0.8)))
        } else {
            self.put(&Circle::new(at(centre), radius, colour.filled()))
        }
    }

    /// A text whose capitals are centred on `centre.1`.
    pub(crate) fn text(&self, text: &str, centre: (f64, f64), align: Align, look: Type) -> Drawn {
        let anchor = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = if look.bold { FontStyle::Bold } else { FontStyle::Normal };
        let size = look.size_pt * PIXELS * BACKEND_FONT_FACTOR;
        let font = (SVG_FAMILIES, size, style).into_font();
        let style = TextStyle::from(font).color(&look.colour).pos(Pos::new(anchor, VPos::Center));
        // "Center" puts the baseline 0.5 ex down; half the capitals' height is more.
        let down = look.size_pt * (0.366 - 0.25);
        self.put(&Text::new(printable(text), at((centre.0, centre.1 + down)), style))
    }

    fn put<'e, E>(&self, element: &'e E) -> Drawn
    where
        &'e E: plotters::element::PointCollection<'e, (i32, i32)>,
        E: for<'b> plotters::element::Drawable<SVGBackend<'b>>,
    {
        self.area.draw(element).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> ReportError {
        ReportError::Drawing { chart: self.chart, reason: error.to_string() }
    }
}

fn pixels(pt: f64) -> i32 {
    // A saturating cast: a value gone wrong lands off the page, not elsewhere.
    (pt * PIXELS).round() as i32
}

fn at(point: (f64, f64)) -> (i32, i32) {
    (pixels(point.0), pixels(point.1))
}

fn stroke(colour: RGBColor, width_pt: f64) -> ShapeStyle {
    colour.stroke_width((width_pt * PIXELS).round().max(1.0) as u32)
}
