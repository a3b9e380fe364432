//! Reads recommendations for polling from the prose of a page, or from `x-poll-advice` of a spec.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// Maximum number of words of a sentence that are read.
const MAX_WORDS: usize = 60;

/// Words around the states in "stop polling once the status is completed or failed".
const NOT_STATES: [&str; 24] = [
    "a", "an", "and", "any", "as", "at", "batch", "becomes", "either", "has", "if", "in", "is", "it", "job", "of",
    "once", "or", "polling", "reached", "reaches", "status", "the", "when",
];

/// Recommendations for polling. Durations are ranges in seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Polling {
    initial: Option<Range>,
    interval: Option<Range>,
    timeout: Option<Range>,
    /// Durations of sentences that do not agree with the first of their kind.
    others: BTreeSet<Range>,
    /// States in which to go on.
    active: BTreeSet<String>,
    /// States in which to stop.
    terminal: BTreeSet<String>,
    /// Line on the page.
    pub(crate) line: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    min: u64,
    max: u64,
}

impl Polling {
    /// Reads `x-poll-advice`, or the description if the operation does not have it.
    pub(crate) fn from_description(operation: &Value, line: Option<usize>) -> Option<Self> {
        let Some(known) = operation.get("x-poll-advice") else {
            let prose = operation["description"].as_str().unwrap_or_default();
            return Self::from_lines(prose.lines().map(|text| (0, text))).map(|polling| Self { line, ..polling });
        };
        let range = |key: &str| {
            let numbers: Vec<u64> = match &known[key] {
                Value::Array(list) => list.iter().filter_map(Value::as_u64).collect(),
                single => single.as_u64().into_iter().collect(),
            };
            Some(Range { min: *numbers.first()?, max: *numbers.last()? })
        };
        let words =
            |key: &str| known[key].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Some(Self {
            initial: range("first_delay_s"),
            interval: range("interval_s"),
            timeout: range("timeout_s"),
            others: BTreeSet::new(),
            active: words("while").collect(),
            terminal: words("stop_at").collect(),
            line,
        })
    }

    /// Reads the sentences of numbered lines. Returns `None` if none of them recommends how to poll.
    pub(crate) fn from_lines<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Option<Self> {
        let mut polling = Self::default();
        let mut is_section = false;
        for (number, line) in lines {
            let line = line.trim();
            let is_item = line.starts_with(['-', '*', '•']);
            if !is_item && !line.is_empty() {
                is_section = line.ends_with(':') && mentions_polling(&line.to_ascii_lowercase());
            }
            let before = polling.clone();
            line.split_inclusive(['.', ';']).for_each(|sentence| polling.add_sentence(sentence, is_section));
            if polling != before && polling.line.is_none() {
                polling.line = Some(number);
            }
        }
        (polling != Self::default()).then_some(polling)
    }

    fn add_sentence(&mut self, sentence: &str, is_section: bool) {
        let sentence = sentence.to_ascii_lowercase();
        let is_about_polling = is_section || mentions_polling(&sentence);
        let has = |phrases: &[&str]| phrases.iter().any(|phrase| sentence.contains(phrase));
        // "Wait 60 seconds between requests" is about polling, "60 requests per minute" is not.
        let is_request = has(&["check", "status"]) || (has(&["requests", "calls"]) && has(&["between", "apart"]));
        let words: Vec<&str> =
            sentence.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_')).take(MAX_WORDS).collect();
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        if let Some(range) = duration(&words) {
            if (is_about_polling || is_request)
                && has(&[
                    "before first",
                    "before the first",
                    "before polling",
                    "first check",
                    "first poll",
                    "after upload",
                ])
            {
                Self::set(&mut self.initial, &mut self.others, range);
            } else if is_about_polling && has(&["timeout", "time out", "give up", "in total"]) {
                Self::set(&mut self.timeout, &mut self.others, range);
            } else if (is_about_polling || is_request)
                && has(&["every", "interval", " per ", "between", "apart", "wait"])
                && (is_about_polling || has(&["every", "between", "apart", "wait"]))
            {
                Self::set(&mut self.interval, &mut self.others, range);
            }
        }
        if is_about_polling && let Some(start) = words.iter().position(|word| *word == "stop") {
            self.terminal.extend(states(&words[start + 1..]));
        } else if is_about_polling && let Some(start) = words.iter().position(|word| *word == "while") {
            self.active.extend(states(&words[start + 1..]));
        }
    }

    /// Sets a duration; one that is set already stays, and another one is kept beside it.
    fn set(first: &mut Option<Range>, others: &mut BTreeSet<Range>, range: Range) {
        if *first.get_or_insert(range) != range {
            others.insert(range);
        }
    }

    /// Returns whether both recommend the same. States count only if `known` names them.
    pub(crate) fn is_same(&self, known: &Self) -> bool {
        let durations = |polling: &Self| (polling.initial, polling.interval, polling.timeout);
        durations(self) == durations(known)
            && self.others == known.others
            && (known.active.is_empty() || self.active == known.active)
            && (known.terminal.is_empty() || self.terminal == known.terminal)
    }
}

impl fmt::Display for Polling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (name, range) in [("first after", self.initial), ("every", self.interval), ("for at most", self.timeout)] {
            if let Some(range) = range {
                parts.push(format!("{name} {range}"));
            }
        }
        parts.extend(self.others.iter().map(|range| format!("also {range}")));
        for (name, states) in [("while", &self.active), ("until", &self.terminal)] {
            if !states.is_empty() {
                parts.push(format!("{name} {}", states.iter().map(String::as_str).collect::<Vec<_>>().join(" or ")));
            }
        }
        f.write_str(&parts.join(", "))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, max } = self;
        if min == max { write!(f, "{min} s") } else { write!(f, "{min} to {max} s") }
    }
}

fn mentions_polling(sentence: &str) -> bool {
    sentence
        .split(|char: char| !char.is_ascii_alphanumeric())
        .any(|word| matches!(word, "poll" | "polls" | "polled" | "polling"))
}

/// Returns the first duration of a sentence: `30 to 60 seconds`, `1 2 minutes` (for 1-2), `every
/// minute`.
fn duration(words: &[&str]) -> Option<Range> {
    for (index, word) in words.iter().enumerate() {
        let (number, attached) = word.split_at(word.find(|char: char| !char.is_ascii_digit()).unwrap_or(word.len()));
        if let (Ok(number), Some(unit)) = (number.parse::<u64>(), unit(attached)) {
            let seconds = number.saturating_mul(unit);
            return Some(Range { min: seconds, max: seconds });
        }
        if let Some(unit) = unit(word).filter(|_| index > 0) {
            let number = |back: usize| index.checked_sub(back).and_then(|index| words[index].parse::<u64>().ok());
            let max = match number(1) {
                Some(max) => max,
                None if matches!(words[index - 1], "every" | "per" | "each" | "a" | "one") => 1,
                None => continue,
            };
            let is_joint = |word: &str| matches!(word, "to" | "and" | "or");
            let min = match index.checked_sub(2).map(|before| words[before]) {
                Some(word) if is_joint(word) => number(3),
                Some(_) => number(2),
                None => None,
            };
            let seconds = |number: u64| number.saturating_mul(unit);
            return Some(Range { min: seconds(min.unwrap_or(max)), max: seconds(max) });
        }
    }
    None
}

/// Returns the seconds in a unit.
fn unit(word: &str) -> Option<u64> {
    match word {
        "s" | "sec" | "secs" | "second" | "seconds" => Some(1),
        "min" | "mins" | "minute" | "minutes" => Some(60),
        "h" | "hr" | "hour" | "hours" => Some(3600),
        _ => None,
    }
}

fn states(words: &[&str]) -> Vec<String> {
    words.iter().filter(|word| !NOT_STATES.contains(word)).map(|word| (*word).to_owned()).collect()
}
