//! Durations of your own, from a CSV file: `size` (rows, or empty), `duration_s`, `progress`
//! (`exact`, `percent` or `none`).

use serde_json::{Map, Value, json};

use crate::anchor::{AWS_SMITHY, AZURE30, FIXED30, GOOGLE_RUST};
use crate::job::Job;
use crate::report;
use crate::results::Results;
use crate::rng::Rng;
use crate::stats::{Lag, lag_at, requests_at};
use crate::workload::{counted, noisy, percent};

/// Seed of faults and of the noise of rates.
const SEED: u64 = 1;

/// 1,000 rows of a batch with exact progress whose size is not given.
const ROWS: f64 = 1_000.0;

/// 30 days: a longer duration is a mistake.
const MAX_DURATION: f64 = 30.0 * 86_400.0;

const COLUMNS: [&str; 3] = ["size", "duration_s", "progress"];

/// Prints a line per policy and one that compares them.
pub(crate) fn run(file: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let jobs = read(&text).map_err(|error| format!("{file}: {error}"))?;
    let count = jobs.len();
    let results = Results::of_jobs(vec![(SEED, jobs)]);
    for line in report::lines(file, &results) {
        println!("{line}");
    }
    let curve = results.curve(Lag::Mean, None);
    let mut against = Map::new();
    for anchor in [FIXED30, AZURE30, GOOGLE_RUST, AWS_SMITHY] {
        let other = results.anchor(&anchor, Lag::Mean, None);
        let lag = lag_at(&curve, other.requests).map(|lag| lag / other.lag);
        let requests = requests_at(&curve, other.lag).map(|requests| requests / other.requests);
        let figures =
            json!({ "lag_ratio_at_equal_requests": rounded(lag), "request_ratio_at_equal_lag": rounded(requests) });
        against.insert(anchor.name.to_owned(), figures);
    }
    println!("{}", json!({ "fixture": file, "jobs": count, "vs": against }));
    Ok(())
}

fn rounded(ratio: Option<f64>) -> Value {
    ratio.filter(|ratio| ratio.is_finite()).map_or(Value::Null, |ratio| json!((ratio * 1e4).round() / 1e4))
}

/// Returns the jobs of a file, or a message with the place of the mistake.
fn read(text: &str) -> Result<Vec<Job>, String> {
    let mut lines =
        text.trim_start_matches('\u{feff}').lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let (_, header) = lines.find(|(_, line)| !line.is_empty()).ok_or("the file is empty")?;
    let names: Vec<String> = cells(header).map(str::to_lowercase).collect();
    let mut indices = [0; 3];
    for (index, column) in indices.iter_mut().zip(COLUMNS) {
        *index = names
            .iter()
            .position(|name| name == column)
            .ok_or_else(|| format!("the header has no column `{column}`"))?;
    }
    let mut rng = Rng::new(&[SEED]);
    let mut jobs = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let row: Vec<&str> = cells(line).collect();
        if row.len() != names.len() {
            return Err(format!("line {number}: {} cells, but {} columns", row.len(), names.len()));
        }
        let [size, duration, progress] = indices.map(|index| row[index]);
        jobs.push(job(&mut rng, size, duration, progress).map_err(|error| format!("line {number}: {error}"))?);
    }
    if jobs.is_empty() { Err("the file has a header but no rows".to_owned()) } else { Ok(jobs) }
}

fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|cell| cell.trim().trim_matches('"').trim())
}

fn job(rng: &mut Rng, size: &str, duration: &str, progress: &str) -> Result<Job, String> {
    let size = match size {
        "" => None,
        size => Some(size.parse::<u64>().map_err(|_| format!("`size` is `{size}`, not a whole number"))?),
    };
    let seconds = duration.parse::<f64>().map_err(|_| format!("`duration_s` is `{duration}`, not a number"))?;
    if !(seconds > 0.0 && seconds <= MAX_DURATION) {
        return Err(format!("`duration_s` is {duration}; it has to be above 0 and at most {MAX_DURATION}"));
    }
    let end = ((seconds * 1000.0).round() as u64).max(1);
    let rows = size.map_or(ROWS, |size| size.max(1) as f64);
    // The file does not say how progress went: at a rate as noisy as in the workload `linear`.
    let job = match progress.to_lowercase().as_str() {
        "exact" => counted(rows, noisy(rng, 0.0, seconds), 0.0),
        "percent" => percent(noisy(rng, 0.0, seconds), 0.0, 0.0, 0.0),
        "none" => Job { end, fails: false, size, progress: None },
        other => return Err(format!("`progress` is `{other}`, expected exact, percent or none")),
    };
    Ok(Job { end, size, ..job })
}
