//! Times by percentile as a picture (SVG). Both axes are logarithmic, so that the slowest of a thousand can be read as
//! well as the median.

use std::fmt::Write as _;

use hdrhistogram::Histogram;

/// One curve.
pub(super) struct Series {
    /// What was timed.
    pub(super) name: &'static str,
    /// The times, in microseconds.
    pub(super) histogram: Histogram<u64>,
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 52.0;
/// The lowest quantile that the picture must contain. A few very fast times may lie below it: a decade more for them
/// would leave less room for the rest.
const FASTEST: f64 = 0.05;
/// Points of a curve in each decade of its x axis.
const POINTS: u32 = 40;
/// The colours of the curves. People with any kind of colour blindness can tell them apart (the palette of Okabe and
/// Ito).
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// The decades that are shown, and the position of a value in the picture.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// The end of the x axis, as a number of nines: 3 for 99.9 %.
    nines: f64,
    /// The ends of the y axis, as powers of ten milliseconds.
    low: f64,
    high: f64,
}

impl Scale {
    fn of(series: &[Series]) -> Scale {
        let most = series.iter().map(|one| one.histogram.len()).max();
        let filled = series.iter().filter(|one| !one.histogram.is_empty());
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for Series { histogram, .. } in filled {
            low = low.min((histogram.value_at_quantile(FASTEST).max(1) as f64 / 1000.0).log10());
            high = high.max((histogram.max().max(1) as f64 / 1000.0).log10());
        }
        if !low.is_finite() {
            (low, high) = (0.0, 1.0);
        }
        Scale {
            // At most the slowest of a million; with fewer times, at most the slowest of all.
            nines: (most.unwrap_or(1).max(10) as f64).log10().min(6.0),
            low: low.floor(),
            high: high.ceil().max(low.floor() + 1.0),
        }
    }

    fn x(self, nines: f64) -> f64 {
        LEFT + nines / self.nines * (WIDTH - LEFT - RIGHT)
    }

    fn y(self, millis: f64) -> f64 {
        let part = (millis.log10() - self.low) / (self.high - self.low);
        HEIGHT - BOTTOM - part.max(0.0) * (HEIGHT - TOP - BOTTOM)
    }
}

/// Draws the curves below a title.
pub(super) fn plot(title: &str, series: &[Series]) -> String {
    let scale = Scale::of(series);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="system-ui, sans-serif" font-size="13" fill="#333">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="26" font-size="16" fill="#111">{}</text>
"##,
        escape(title)
    );
    grid(&mut svg, scale);
    let mut legend = LEFT;
    for (number, one) in series.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            r#"<polyline fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round" points="{}"/>"#,
            curve(scale, &one.histogram)
        );
        let name = format!("{} ({})", one.name, one.histogram.len());
        let _ = writeln!(
            svg,
            r#"<rect x="{legend:.1}" y="41" width="14" height="4" fill="{colour}"/><text x="{:.1}" y="48">{}</text>"#,
            legend + 20.0,
            escape(&name)
        );
        legend += 44.0 + 7.0 * name.chars().count() as f64;
    }
    svg.push_str("</svg>\n");
    svg
}

fn grid(svg: &mut String, scale: Scale) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let mut line = |x1: f64, y1: f64, x2: f64, y2: f64, colour: &str| {
        let _ = writeln!(
            svg,
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}"/>"#
        );
    };
    let decades = scale.low as i32..=scale.high as i32;
    for decade in decades.clone() {
        for step in 1..10 {
            let y = scale.y(f64::from(step) * 10f64.powi(decade));
            if y >= TOP - 0.1 {
                line(LEFT, y, right, y, if step == 1 { "#bbb" } else { "#eee" });
            }
        }
    }
    let nines = 0..=scale.nines as i32;
    for nine in nines.clone() {
        let x = scale.x(f64::from(nine));
        line(x, TOP, x, bottom, "#bbb");
    }
    for decade in decades {
        let _ = writeln!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{} ms</text>"#,
            LEFT - 8.0,
            scale.y(10f64.powi(decade)) + 4.0,
            10f64.powi(decade)
        );
    }
    for nine in nines {
        let _ = writeln!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            scale.x(f64::from(nine)),
            bottom + 20.0,
            percentile(nine)
        );
    }
    let _ = writeln!(
        svg,
        r##"<text x="{right:.1}" y="{:.1}" text-anchor="end" fill="#777">so many took at most so long</text>"##,
        bottom + 42.0
    );
}

/// The label of the percentile with so many nines.
fn percentile(nines: i32) -> String {
    match nines {
        0 => "0 %".to_owned(),
        1 => "90 %".to_owned(),
        2 => "99 %".to_owned(),
        more => format!("99.{} %", "9".repeat(more as usize - 2)),
    }
}

/// The points of a curve, from the fastest time to the slowest.
fn curve(scale: Scale, histogram: &Histogram<u64>) -> String {
    let last = (histogram.len().max(1) as f64).log10().min(scale.nines);
    let steps = (last * f64::from(POINTS)).ceil().max(1.0) as u32;
    let mut points = String::new();
    for step in 0..=steps {
        let nines = last * f64::from(step) / f64::from(steps);
        let micros = histogram.value_at_quantile(1.0 - 10f64.powf(-nines));
        let millis = micros.max(1) as f64 / 1000.0;
        let _ = write!(points, "{:.1},{:.1} ", scale.x(nines), scale.y(millis));
    }
    points.truncate(points.trim_end().len());
    points
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &'static str, micros: impl IntoIterator<Item = u64>) -> Series {
        let mut histogram = Histogram::new_with_bounds(1, 600_000_000, 3).unwrap();
        for micros in micros {
            histogram.record(micros).unwrap();
        }
        Series { name, histogram }
    }

    /// The points of each curve.
    fn curves(svg: &str) -> Vec<Vec<(f64, f64)>> {
        svg.lines()
            .filter_map(|line| line.split_once("points=\"")?.1.split_once('"'))
            .map(|(points, _)| {
                let point = |text: &str| {
                    let (x, y) = text.split_once(',').unwrap();
                    (x.parse().unwrap(), y.parse().unwrap())
                };
                points.split(' ').map(point).collect()
            })
            .collect()
    }

    #[test]
    fn curves_rise_and_stay_in_the_plot() {
        let svg = plot(
            "a < b & c",
            &[
                series("fast", 100..2000),
                series("slow", (1..50).map(|n| n * 10_000)),
            ],
        );
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("fast (1900)"));
        let curves = curves(&svg);
        assert_eq!(curves.len(), 2);
        for curve in &curves {
            for pair in curve.windows(2) {
                assert!(pair[0].0 < pair[1].0 && pair[0].1 >= pair[1].1, "{pair:?}");
            }
            for (x, y) in curve {
                assert!((LEFT..=WIDTH - RIGHT).contains(x), "{x}");
                assert!((TOP - 0.1..=HEIGHT - BOTTOM + 0.1).contains(y), "{y}");
            }
        }
        // The slower curve is higher, and ends further left since it has only 49 times.
        assert!(curves[1][0].1 < curves[0][0].1);
        assert!(curves[1].last().unwrap().0 < curves[0].last().unwrap().0);
    }

    #[test]
    fn both_axes_are_labelled() {
        let svg = plot("t", &[series("one", 1000..30_000)]);
        for word in [
            ">1 ms<",
            ">10 ms<",
            ">1 ms<",
            ">100 ms<",
            ">90 %<",
            ">99.9 %<",
            ">99.99 %<",
        ] {
            assert!(svg.contains(word), "{word} in {svg}");
        }
    }

    #[test]
    fn empty_and_single_series_are_drawn() {
        for series in [vec![], vec![series("none", [])], vec![series("one", [700])]] {
            let svg = plot("t", &series);
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
