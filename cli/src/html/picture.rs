//! Pictures of a page: inline SVG, whose positions are percentages. Texts and points keep their size at any width.

use std::time::Duration;

use bulkrail::Outcome;
use maud::{Markup, html};

use super::polls::PollLog;
use super::section::{Counts, Section};

/// 1.5 percent of a bar for a count above 0, so that one row of 5,000 is seen.
const MIN_PERCENT: f64 = 1.5;

/// At most three ticks after the 0 on the axis of time: as many as fit on a phone.
const MAX_TICKS: u64 = 3;

/// Times between two ticks, in milliseconds.
const TICK_STEPS: [u64; 26] = [
    10, 20, 50, 100, 200, 250, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000, 300_000,
    600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
];

/// Part of a bar.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// Name of the part, also of its style.
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) rows: u64,
}

/// Returns the parts into which the outcome divides a batch; empty where the provider does not count rows.
pub(super) fn parts(counts: &Counts, has_ended: bool) -> Vec<Part> {
    let known = counts.succeeded.unwrap_or(0).saturating_add(counts.failed.unwrap_or(0));
    let rest = counts.total.map_or(0, |total| total.saturating_sub(known));
    let (rest_name, rest_label) =
        if has_ended { ("unaccounted", "unaccounted for") } else { ("open", "not processed yet") };
    let parts = [
        ("succeeded", "succeeded", counts.succeeded.unwrap_or(0)),
        ("failed", "failed", counts.failed.unwrap_or(0)),
        (rest_name, rest_label, rest),
    ];
    let is_known = counts.succeeded.is_some() || counts.failed.is_some();
    if parts.iter().all(|(.., rows)| *rows == 0) || !is_known {
        return Vec::new();
    }
    parts.into_iter().map(|(name, label, rows)| Part { name, label, rows }).collect()
}

/// Returns the position and the width of each part, in percent.
fn widths(parts: &[Part]) -> Vec<(f64, f64)> {
    let total: f64 = parts.iter().map(|part| part.rows as f64).sum();
    let share = |part: &Part| part.rows as f64 * 100.0 / total.max(1.0);
    let width = |part: &Part| if part.rows == 0 { 0.0 } else { share(part).max(MIN_PERCENT) };
    let sum: f64 = parts.iter().map(width).sum();
    let mut start = 0.0;
    let positions = parts.iter().map(|part| {
        let width = width(part) * 100.0 / sum.max(1.0);
        let position = (start, width);
        start += width;
        position
    });
    positions.collect()
}

/// Draws the outcome as a bar.
pub(super) fn bar(parts: &[Part], description: &str, class: &'static str) -> Markup {
    html! {
        svg.bar.(class) role="img" aria-label=(description) {
            @for (part, (x, width)) in parts.iter().zip(widths(parts)) {
                @if width > 0.0 {
                    rect.part.(part.name) x=(percent(x)) width=(percent(width)) height="100%" {
                        title { (grouped(part.rows)) " " (part.label) }
                    }
                }
            }
        }
    }
}

/// Draws a whole bar in the colour of `outcome`, for batches without counts.
pub(super) fn whole_bar(outcome: Outcome, class: &'static str) -> Markup {
    html! {
        svg.bar.(class) role="img" aria-label={ "The batch as a whole: " (outcome.as_str()) } {
            rect.part.(outcome.as_str()) x="0" width="100%" height="100%" {}
        }
    }
}

/// Returns the swatch of a legend.
pub(super) fn swatch(name: &'static str) -> Markup {
    html! { svg.swatch width="14" height="14" aria-hidden="true" { rect.part.(name) width="14" height="14" {} } }
}

/// Draws the progress of a wait against its time, with a point for each poll; nothing where there was one poll or none.
pub(super) fn progress(section: &Section) -> Option<Markup> {
    let points = points(&section.polls);
    let last = points.last().filter(|_| points.len() > 1)?;
    let end = section.elapsed.unwrap_or_default().max(last.elapsed).max(Duration::from_millis(10));
    let x = |elapsed: Duration| percent(elapsed.as_secs_f64() * 100.0 / end.as_secs_f64());
    let y = |value: f64| percent(100.0 - value);
    let known: Vec<_> = points.iter().filter_map(|point| Some((point, point.percent?))).collect();
    let description = format!(
        "Progress against time: {} {} in {}{}.",
        grouped(section.polls.count.into()),
        if section.polls.count == 1 { "poll" } else { "polls" },
        duration(end),
        match known.last() {
            Some((_, value)) => format!(", the last one at {value:.0} percent"),
            None => String::new(),
        }
    );
    Some(html! {
        svg.progress role="img" aria-label=(description) {
            @for value in [0.0, 50.0, 100.0] {
                line.grid x1="0" x2="100%" y1=(y(value)) y2=(y(value)) {}
                text.tick x="0" y=(y(value)) dx="-8" dy="4" text-anchor="end" { (format!("{value:.0} %")) }
            }
            @for tick in ticks(end) {
                line.grid x1=(x(tick)) x2=(x(tick)) y1="0" y2="100%" {}
                text.tick x=(x(tick)) y="100%" dy="20" text-anchor="middle" { (tick_label(tick)) }
            }
            @for pair in known.windows(2) {
                @let ((from, before), (to, after)) = (pair[0], pair[1]);
                line.curve x1=(x(from.elapsed)) y1=(y(before)) x2=(x(to.elapsed)) y2=(y(after)) {}
            }
            @for point in &points {
                @let value = point.percent.or(point.before).unwrap_or(0.0);
                circle.(point.class()) cx=(x(point.elapsed)) cy=(y(value)) r=(point.radius()) {
                    title { (point.title) }
                }
            }
        }
    })
}

/// Point of the picture of a progress.
struct Point {
    elapsed: Duration,
    is_failure: bool,
    percent: Option<f64>,
    /// The percentage that was known before.
    before: Option<f64>,
    title: String,
}

impl Point {
    fn class(&self) -> &'static str {
        match (self.is_failure, self.percent) {
            (true, _) => "poll-failed",
            (false, Some(_)) => "poll",
            (false, None) => "poll-without-percent",
        }
    }

    fn radius(&self) -> &'static str {
        if self.is_failure { "5" } else { "4" }
    }
}

fn points(polls: &PollLog) -> Vec<Point> {
    let mut before = None;
    let point = |poll: &super::polls::Poll| {
        let (is_failure, percent, seen) = match &poll.result {
            Ok(seen) if seen.is_terminal => (false, Some(seen.percent.unwrap_or(100.0)), seen.state.to_owned()),
            Ok(seen) => (false, seen.percent, seen.state.to_owned()),
            Err(kind) => (true, None, format!("failed ({kind})")),
        };
        let share = percent.map_or_else(String::new, |percent| format!(", {percent:.0} %"));
        let title = format!("poll {} after {}: {seen}{share}", poll.number, duration(poll.elapsed));
        let point = Point { elapsed: poll.elapsed, is_failure, percent, before, title };
        before = percent.or(before);
        point
    };
    polls.iter().map(point).collect()
}

fn ticks(end: Duration) -> impl Iterator<Item = Duration> {
    let end = u64::try_from(end.as_millis()).unwrap_or(u64::MAX);
    let step = TICK_STEPS.into_iter().find(|step| end / step <= MAX_TICKS);
    // Longer than four days: whole days.
    let step = step.unwrap_or_else(|| (end / 86_400_000 / MAX_TICKS + 1) * 86_400_000);
    (0..=end / step).map(move |number| Duration::from_millis(number * step))
}

fn tick_label(tick: Duration) -> String {
    match (tick.as_millis(), tick.as_secs()) {
        (0, _) => "0".to_owned(),
        (millis @ ..1_000, _) => format!("{millis} ms"),
        (_, seconds) if seconds % 86_400 == 0 => format!("{} d", seconds / 86_400),
        (_, seconds) if seconds % 3_600 == 0 => format!("{} h", seconds / 3_600),
        (_, seconds) if seconds % 60 == 0 => format!("{} min", seconds / 60),
        (millis, seconds) if millis % 1_000 == 0 => format!("{seconds} s"),
        (millis, _) => format!("{:.1} s", millis as f64 / 1_000.0),
    }
}

/// Returns a time as text: to a tenth of a second below a minute, to a second below an hour.
pub(super) fn duration(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64().min(59.9)),
        seconds @ 60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// Returns a number with commas between its thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(total: u64, succeeded: u64, failed: u64) -> Counts {
        Counts { total: Some(total), succeeded: Some(succeeded), failed: Some(failed), unaccounted: None }
    }

    #[test]
    fn parts_are_counts_that_add_up_to_the_total() {
        let rows =
            |counts, has_ended| parts(&counts, has_ended).iter().map(|part| (part.name, part.rows)).collect::<Vec<_>>();
        assert_eq!(rows(counts(10, 7, 2), true), [("succeeded", 7), ("failed", 2), ("unaccounted", 1)]);
        assert_eq!(rows(counts(10, 7, 2), false), [("succeeded", 7), ("failed", 2), ("open", 1)]);
        assert_eq!(rows(Counts::default(), true), []);
        assert_eq!(rows(Counts { total: Some(10), ..Counts::default() }, true), [], "only the total is known");
        assert_eq!(rows(counts(0, 0, 0), true), []);
        assert_eq!(rows(counts(1, u64::MAX, u64::MAX), true).len(), 3);
    }

    #[test]
    fn widths_show_one_row_of_many_and_fill_the_bar() {
        for counts in [counts(5_000, 4_999, 1), counts(3, 1, 1), counts(u64::MAX, 1, 1), counts(7, 7, 0)] {
            let parts = parts(&counts, true);
            let widths = widths(&parts);
            let sum: f64 = widths.iter().map(|(_, width)| width).sum();
            assert!((sum - 100.0).abs() < 0.001, "{widths:?}");
            for (part, (_, width)) in parts.iter().zip(&widths) {
                assert_eq!(part.rows > 0, *width > 1.0, "{counts:?}: {widths:?}");
            }
        }
    }

    #[test]
    fn ticks_are_few_and_round() {
        let labels = |end| ticks(end).map(tick_label).collect::<Vec<_>>();
        assert_eq!(labels(Duration::from_millis(7_000)), ["0", "2 s", "4 s", "6 s"]);
        assert_eq!(labels(Duration::from_millis(750)), ["0", "200 ms", "400 ms", "600 ms"]);
        assert_eq!(labels(Duration::from_secs(70)), ["0", "20 s", "40 s", "1 min"]);
        assert_eq!(labels(Duration::from_secs(3_600)), ["0", "30 min", "1 h"]);
        assert_eq!(labels(Duration::from_secs(86_400 * 365)), ["0", "122 d", "244 d"]);
        assert!(ticks(Duration::MAX).count() <= 4);
    }

    #[test]
    fn texts_of_numbers_and_times() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        for (millis, text) in [(0, "0.0 s"), (59_999, "59.9 s"), (61_000, "1 min 1 s"), (3_660_000, "1 h 1 min")] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
