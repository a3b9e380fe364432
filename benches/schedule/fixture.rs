//! Durations of one's own, from a CSV file: `size` (rows, or empty), `duration_s`, `progress` (`exact`, `percent` or `none`).

use serde_json::{Map, Value, json};

use crate::anchor::{AWS_SMITHY, AZURE30, FIXED30, GOOGLE_RUST};
use crate::job::{Job, Shows};
use crate::lab::Lab;
use crate::report;
use crate::rng::Rng;
use crate::stats::{Of, lag_at, requests_at};
use crate::workload::{counting, noisy, percent};

/// Faults, and the noise of the rates, are drawn from it.
const SEED: u64 = 1;

/// Rows of a batch whose size is not said, where its progress is told exactly.
const ROWS: f64 = 1_000.0;

/// Nobody waits longer than 30 days.
const MAX: f64 = 30.0 * 86_400.0;

const COLUMNS: [&str; 3] = ["size", "duration_s", "progress"];

/// Prints a line for every policy and one that compares them.
pub(crate) fn run(file: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let jobs = read(&text).map_err(|error| format!("{file}: {error}"))?;
    let count = jobs.len();
    let lab = Lab::measure(vec![(SEED, jobs)]);
    for line in report::lines(file, &lab) {
        println!("{line}");
    }
    let curve = lab.curve(Of::Mean, None);
    let mut against = Map::new();
    for anchor in [FIXED30, AZURE30, GOOGLE_RUST, AWS_SMITHY] {
        let theirs = lab.anchor(&anchor, Of::Mean, None);
        let lag = lag_at(&curve, theirs.requests).map(|lag| lag / theirs.lag);
        let requests = requests_at(&curve, theirs.lag).map(|requests| requests / theirs.requests);
        let figures =
            json!({ "lag_ratio_at_equal_requests": known(lag), "request_ratio_at_equal_lag": known(requests) });
        against.insert(anchor.name.to_owned(), figures);
    }
    println!("{}", json!({ "fixture": file, "jobs": count, "vs": against }));
    Ok(())
}

fn known(ratio: Option<f64>) -> Value {
    ratio.filter(|ratio| ratio.is_finite()).map_or(Value::Null, |ratio| json!((ratio * 1e4).round() / 1e4))
}

/// The jobs of a file, or what is wrong with it and where.
fn read(text: &str) -> Result<Vec<Job>, String> {
    let mut lines =
        text.trim_start_matches('\u{feff}').lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let (_, header) = lines.find(|(_, line)| !line.is_empty()).ok_or("the file is empty")?;
    let names: Vec<String> = cells(header).map(str::to_lowercase).collect();
    let mut places = [0; 3];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        *place = names
            .iter()
            .position(|name| name == column)
            .ok_or_else(|| format!("no column `{column}` in the header"))?;
    }
    let mut rng = Rng::new(&[SEED]);
    let mut jobs = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let row: Vec<&str> = cells(line).collect();
        if row.len() != names.len() {
            return Err(format!("line {number}: {} cells under {} columns", row.len(), names.len()));
        }
        let [size, duration, progress] = places.map(|place| row[place]);
        jobs.push(job(&mut rng, size, duration, progress).map_err(|error| format!("line {number}: {error}"))?);
    }
    if jobs.is_empty() { Err("there is a header and no row".to_owned()) } else { Ok(jobs) }
}

fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|cell| cell.trim().trim_matches('"').trim())
}

fn job(rng: &mut Rng, size: &str, duration: &str, progress: &str) -> Result<Job, String> {
    let size = match size {
        "" => None,
        size => Some(size.parse::<u64>().map_err(|_| format!("`size` is `{size}`, not a bytes number"))?),
    };
    let seconds = duration.parse::<f64>().map_err(|_| format!("`duration_s` is `{duration}`, not a number"))?;
    if !(seconds > 0.0 && seconds <= MAX) {
        return Err(format!("`duration_s` is {duration}; it has to be above 0 and at most {MAX}"));
    }
    let ends = ((seconds * 1000.0).round() as u64).max(1);
    let rows = size.map_or(ROWS, |size| size.max(1) as f64);
    // How the progress went nobody wrote down: at a rate as noisy as in the workload `linear`.
    let job = match progress.to_lowercase().as_str() {
        "exact" => counting(rows, noisy(rng, 0.0, seconds), 0.0),
        "percent" => percent(noisy(rng, 0.0, seconds), 0.0, 0.0, 0.0),
        "none" => Job { ends, fails: false, size, shows: Shows::Nothing },
        other => return Err(format!("`progress` is `{other}`, none of exact, percent, none")),
    };
    Ok(Job { ends, size, ..job })
}
