//! Colours that can be told from white and from a dark page, and from each other.

use plotters::style::RGBColor;

/// Text.
pub const TEXT: RGBColor = RGBColor(118, 122, 130);
/// Lines that only guide the eye.
pub const GUIDE: RGBColor = RGBColor(128, 132, 140);

/// One for each series, in turn.
pub const SERIES: [RGBColor; 8] = [
    RGBColor(214, 76, 60),
    RGBColor(232, 128, 110),
    RGBColor(52, 120, 216),
    RGBColor(96, 150, 220),
    RGBColor(42, 142, 78),
    RGBColor(84, 164, 96),
    RGBColor(156, 92, 200),
    RGBColor(184, 128, 212),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance as WCAG 2 defines it.
    fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
        let linear = |channel: u8| match f64::from(channel) / 255.0 {
            dark if dark <= 0.040_45 => dark / 12.92,
            light => ((light + 0.055) / 1.055).powf(2.4),
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(one: RGBColor, other: RGBColor) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_colour_is_legible_on_white_and_on_a_dark_page() {
        for page in [RGBColor(255, 255, 255), RGBColor(13, 17, 23)] {
            assert!(contrast(TEXT, page) >= 4.0, "text on {page:?}: {}", contrast(TEXT, page));
            for colour in SERIES {
                assert!(contrast(colour, page) >= 2.5, "{colour:?} on {page:?}: {}", contrast(colour, page));
            }
        }
    }
}
