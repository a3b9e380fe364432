//! Properties of every schedule, whatever is seen: bounds, hints and deadlines hold, and numbers
//! stay finite.

use std::time::Duration;

use bulkrail::schedule::internal::{
    BatchSchedule, Budget, DurationSamples, End, Fraction, NextPoll, PollResult, Reason,
};
use bulkrail::schedule::{IntervalBounds, Schedule};
use bulkrail::{DurationHistory, ErrorKind};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Result of a poll, and its delay after the due time.
#[derive(Debug, Clone)]
struct Poll {
    result: PollResult,
    hint: Option<Duration>,
    late: Duration,
    jitter: f64,
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => 0.0..1.0f64,
        1 => -1e9..1e9f64,
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0, f64::MIN_POSITIVE]),
    ]
}

fn progress() -> impl Strategy<Value = Option<Fraction>> {
    prop_oneof![
        (number(), number()).prop_map(|(done, step)| Fraction::new(done, step)),
        (any::<u64>(), any::<u64>()).prop_map(|(done, total)| Fraction::counted(done, total)),
        (0..120u64, Just(100)).prop_map(|(done, total)| Fraction::counted(done, total)),
        number().prop_map(|done| Fraction::percent(done * 100.0)),
    ]
}

fn poll() -> impl Strategy<Value = Poll> {
    let seen = prop_oneof![
        1 => Just(PollResult::queued()),
        6 => progress().prop_map(PollResult::running),
        1 => Just(PollResult::failed()),
        1 => Just(PollResult::throttled()),
    ];
    let hint = prop::option::weighted(0.2, prop_oneof![9 => 0..600u64, 1 => Just(1_000_000_000), 1 => Just(u64::MAX)]);
    let late = prop_oneof![9 => 0..5_000u64, 1 => 0..10_000_000u64];
    (seen, hint, late, number()).prop_map(|(seen, hint, late, jitter)| {
        let hint = hint.map(Duration::from_secs);
        Poll { result: seen.with_retry_after(hint), hint, late: Duration::from_millis(late), jitter }
    })
}

fn schedule() -> impl Strategy<Value = (Schedule, IntervalBounds)> {
    let rule = prop_oneof![
        4 => number().prop_map(|lag| Schedule::adaptive().lag_per_request(lag.abs() * 500.0)),
        1 => (0..100_000u64).prop_map(|ms| Schedule::fixed(Duration::from_millis(ms))),
        1 => (0..100_000u64, number(), 0..100_000u64).prop_map(|(first, factor, max)| {
            Schedule::exponential(Duration::from_millis(first), factor * 3.0, Duration::from_millis(max))
        }),
    ];
    let millis = || prop_oneof![9 => 0..200_000u64, 1 => Just(0), 1 => Just(u64::MAX)].prop_map(Duration::from_millis);
    (rule, millis(), millis(), millis(), millis()).prop_map(|(rule, initial_min, min, max, max_without_progress)| {
        let bounds = IntervalBounds::new()
            .with_initial_min(initial_min)
            .with_min(min)
            .with_max(max)
            .with_max_without_progress(max_without_progress);
        (rule.bounds(bounds), bounds)
    })
}

fn history() -> impl Strategy<Value = DurationSamples> {
    prop::collection::vec((prop::option::of(0..100_000u64), 0..4_000_000u64), 0..40).prop_map(|ends| {
        let mut history = DurationSamples::new();
        for (size, millis) in ends {
            history.add(size, Duration::from_millis(millis));
        }
        history
    })
}

/// Runs a wait from its first poll on; `each` gets every decision and its time.
fn wait(
    schedule: Schedule,
    polls: &[Poll],
    history: &mut DurationSamples,
    mut each: impl FnMut(Option<&Poll>, Duration, NextPoll) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut batch = BatchSchedule::new(schedule, Some(1_000), history);
    let first = batch.first(Some(Duration::ZERO), 0.5, history);
    each(None, Duration::ZERO, first)?;
    let mut now = first.wait;
    for poll in polls {
        now = now.saturating_add(poll.late);
        let decision = batch.after(poll.result, now, poll.jitter, history);
        batch.record_running(history);
        each(Some(poll), now, decision)?;
        let priority = batch.priority(now.saturating_add(decision.wait), history);
        prop_assert!(priority >= 0.0, "{priority}");
        now = now.saturating_add(decision.wait);
    }
    batch.ended(End::finished(), now, history);
    Ok(())
}

/// Change of a document at a place, given as a fraction of its length.
#[derive(Debug, Clone)]
enum Mutation {
    /// Removes up to so many characters.
    Remove(f64, usize),
    /// Inserts a text.
    Insert(f64, &'static str),
    /// Replaces the next number by a text.
    Number(f64, &'static str),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let json =
        ["[", "]", "{", "}", ",", ":", "\"", "0", "1", "-", "null", "[7,7]", "\u{e9}", "\"p-0\":{\"version\":1},"];
    let numbers = ["-1", "0", "2", "1e300", "1.5", "2592000000", "2592000001", "99999999999999999999", "null", "\"1\""];
    prop_oneof![
        1 => (0.0..1.0f64, 1usize..20).prop_map(|(place, count)| Mutation::Remove(place, count)),
        1 => (0.0..1.0f64, prop::sample::select(json.to_vec())).prop_map(|(place, text)| Mutation::Insert(place, text)),
        4 => (0.0..1.0f64, prop::sample::select(numbers.to_vec())).prop_map(|(place, text)| Mutation::Number(place, text)),
    ]
}

impl Mutation {
    fn apply(&self, document: &str) -> String {
        let (Self::Remove(place, _) | Self::Insert(place, _) | Self::Number(place, _)) = *self;
        let characters: Vec<char> = document.chars().collect();
        let start = (place * characters.len() as f64) as usize;
        let number = |from: usize| {
            let begin = from + characters[from..].iter().take_while(|character| !character.is_ascii_digit()).count();
            let digits = characters[begin..].iter().take_while(|character| character.is_ascii_digit()).count();
            begin..begin + digits
        };
        let (replaced, text) = match *self {
            Self::Remove(_, count) => (start..(start + count).min(characters.len()), ""),
            Self::Insert(_, text) => (start..start, text),
            Self::Number(_, text) => (number(start), text),
        };
        let (before, after) = (&characters[..replaced.start], &characters[replaced.end..]);
        before.iter().copied().chain(text.chars()).chain(after.iter().copied()).collect()
    }
}

/// Checks that `text` is refused without a trace, or restored to exactly the durations in it that
/// can be true.
fn check_import(text: &str) -> Result<(), TestCaseError> {
    const KNOWN: &str = r#"{"known":{"version":1,"finished":[[3,9000]],"failed":[[1,500]]}}"#;
    let parse = |document: &str| serde_json::from_str::<Value>(document);
    let history = DurationHistory::default();
    history.import(KNOWN).expect("a document");
    let before = history.export();
    if let Err(error) = history.import(text) {
        prop_assert_eq!(error.kind(), ErrorKind::Usage);
        prop_assert_eq!(history.export(), before, "a text that is refused changes nothing");
        return Ok(());
    }
    let exported = history.export();
    let restored = DurationHistory::default();
    restored.import(&exported).expect("our own document");
    prop_assert_eq!(restored.export(), exported.clone());

    let (given, exported) = (parse(text).expect("JSON"), parse(&exported).expect("JSON"));
    let given = given.as_object().expect("providers");
    prop_assert_eq!(&exported["known"]["finished"], &json!([[3, 9000]]), "other providers stay");
    prop_assert_eq!(exported.as_object().map(serde_json::Map::len), Some(given.len() + 1));
    for (provider, given) in given {
        for list in ["finished", "failed"] {
            let pairs = given[list].as_array().into_iter().flatten().filter_map(plausible);
            let pairs: Vec<_> = pairs.collect();
            let kept = &pairs[pairs.len().saturating_sub(DurationSamples::CAPACITY)..];
            prop_assert_eq!(&exported[provider][list], &json!(kept), "{} of {}", list, provider);
        }
        let calibration = exported[provider]["calibration"].as_array().expect("four numbers");
        prop_assert!(calibration.len() == 4 && calibration.iter().all(Value::is_number), "{:?}", calibration);
    }
    Ok(())
}

/// Returns rows and milliseconds of a batch, where it took from 1 ms to 30 days.
fn plausible(pair: &Value) -> Option<[u64; 2]> {
    let pair = pair.as_array().filter(|pair| pair.len() == 2)?;
    let (rows, millis) = (pair[0].as_u64()?, pair[1].as_u64()?);
    (1..=2_592_000_000).contains(&millis).then_some([rows, millis])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn schedule_keeps_bounds_hints_and_deadline(
        (schedule, bounds) in schedule(),
        polls in prop::collection::vec(poll(), 0..30),
        mut history in history(),
        deadline in 0..100_000_000u64,
    ) {
        let deadline = Duration::from_millis(deadline);
        wait(schedule, &polls, &mut history, |poll, now, decision| {
            let hint = poll.and_then(|poll| poll.hint).unwrap_or_default();
            let first = if poll.is_none() { bounds.initial_min() } else { Duration::ZERO };
            let floor = bounds.min().max(first).max(hint);
            prop_assert!(decision.wait >= floor, "{decision:?} under {floor:?}");
            prop_assert!(!decision.wait.is_zero());
            let jittered = |floor: Duration| floor.saturating_add(floor.mul_f64(BatchSchedule::JITTER)).saturating_add(Duration::from_millis(2));
            let most = bounds.max().max(bounds.min()).max(Duration::from_millis(1));
            // A floor of the provider may be longer than the longest interval.
            let most = if floor > Duration::from_secs(1 << 40) { Duration::MAX } else { most.max(jittered(hint.max(first))) };
            // After a failed poll the limit is half a minute.
            let most = if matches!(decision.reason, Reason::Retry | Reason::Throttled) { most.max(Duration::from_secs(30)) } else { most };
            prop_assert!(decision.wait <= most, "{decision:?} over {most:?}");
            prop_assert!(decision.priority >= 0.0);
            for number in [decision.remaining, decision.spread].into_iter().flatten() {
                prop_assert!(number.is_finite() && number > 0.0, "{decision:?}");
            }
            let left = deadline.saturating_sub(now);
            prop_assert!(decision.within(left).wait <= left);
            Ok(())
        })?;
    }

    #[test]
    fn schedule_repeats_itself_for_the_same_polls(
        (schedule, _) in schedule(),
        polls in prop::collection::vec(poll(), 0..30),
        history in history(),
    ) {
        let waits = |mut history: DurationSamples| {
            let mut waits = Vec::new();
            wait(schedule, &polls, &mut history, |_, _, decision| {
                waits.push((decision.wait, decision.reason));
                Ok(())
            })?;
            Ok::<_, TestCaseError>((waits, history.export()))
        };
        prop_assert_eq!(waits(history.clone())?, waits(history)?);
    }

    #[test]
    fn samples_survive_export_and_import(mut history in history(), polls in prop::collection::vec(poll(), 0..20)) {
        wait(Schedule::adaptive(), &polls, &mut history, |_, _, _| Ok(()))?;
        let document = history.export();
        let back = DurationSamples::import(&document).expect("our own document");
        prop_assert_eq!(back.export(), document);
        prop_assert_eq!(back.len(), history.len());
    }

    #[test]
    fn history_import_restores_or_refuses_any_text(
        text in ".{0,200}",
        cells in prop::collection::vec(number(), 0..12),
        real in prop::collection::vec(history(), 1..4),
        mutations in prop::collection::vec(mutation(), 0..4),
    ) {
        check_import(&text)?;
        let pairs: Vec<String> = cells.chunks(2).map(|pair| format!("{pair:?}")).collect();
        let finished = pairs.join(",");
        check_import(&format!(r#"{{"reap":{{"version":1,"finished":[{finished}],"calibration":{cells:?}}}}}"#))?;
        let documents = real.iter().enumerate().map(|(index, samples)| format!("\"p-{index}\":{}", samples.export()));
        let document = format!("{{{}}}", documents.collect::<Vec<_>>().join(","));
        check_import(&document)?;
        check_import(&mutations.iter().fold(document, |document, mutation| mutation.apply(&document)))?;
    }

    #[test]
    fn budget_never_allows_more_than_its_rate(
        rate in 0.1..50.0f64,
        steps in prop::collection::vec((0..3_000u64, 0..20u32, any::<bool>()), 1..60),
    ) {
        let mut budget = Budget::new(rate);
        let (mut now, mut sent, mut paused) = (Duration::ZERO, 0, Duration::ZERO);
        for (passed, asked, refused) in steps {
            now += Duration::from_millis(passed);
            for _ in 0..asked {
                let free = budget.wait(now).is_zero();
                let taken = budget.take(now);
                prop_assert_eq!(free, taken);
                prop_assert!(!taken || now >= paused);
                sent += u32::from(taken);
            }
            if refused {
                budget.throttled(now, Some(Duration::from_secs(2)));
                paused = now + Duration::from_secs(2);
            }
            prop_assert!(budget.rate() <= rate && budget.rate() > 0.0);
            let most = 2.0f64.max(rate * budget.burst()) + rate * now.as_secs_f64();
            prop_assert!(f64::from(sent) <= most + 1e-6, "{sent} by {now:?}");
        }
        // A caller that waits as long as the budget says gets a request.
        let wait = budget.wait(now);
        prop_assert!(budget.take(now + wait));
    }
}

#[test]
fn samples_drop_implausible_entries() {
    let document = r#"{"version":1,"extra":[1],"calibration":[3,"x",null],
        "finished":[[10,5000],[-1,5000],[10,-5],[10,0],[1,1e300],[10,99999999999999],null,"x",[1],[1,2,3],{},[0,7000]],
        "failed":[[1,null]]}"#;
    let history = DurationSamples::import(document).expect("a history");
    assert_eq!(history.len(), 2, "{}", history.export());
    let written: serde_json::Value = serde_json::from_str(&history.export()).expect("JSON");
    assert_eq!(written["finished"], serde_json::json!([[10, 5000], [0, 7000]]));
    assert_eq!(written["failed"], serde_json::json!([]));
}

#[test]
fn samples_are_bounded_and_refuse_later_versions() {
    let long: Vec<[u64; 2]> = (1..10_000).map(|millis| [1, millis]).collect();
    let document = serde_json::json!({ "version": 1, "finished": long }).to_string();
    let history = DurationSamples::import(&document).expect("a history");
    assert_eq!(history.len(), DurationSamples::CAPACITY);
    assert!(history.export().len() < 8_000);
    let error = DurationSamples::import(r#"{"version":2}"#).expect_err("a later version");
    assert_eq!(error.to_string(), "a history of version 2; only version 1 can be read");
    assert!(!DurationSamples::import("[\"secret\"]").expect_err("no history").to_string().contains("secret"));
}

#[test]
fn samples_of_several_operations_are_one_document() {
    let mut kept = std::collections::BTreeMap::from([("import", DurationSamples::new())]);
    kept.entry("import").or_default().add(Some(5), Duration::from_secs(9));
    let text = serde_json::to_string(&kept).expect("JSON");
    let back: std::collections::BTreeMap<String, DurationSamples> = serde_json::from_str(&text).expect("its own JSON");
    assert_eq!(back["import"].len(), 1);
}

#[test]
fn schedule_waits_for_a_learned_duration() {
    let mut history = DurationSamples::new();
    for i in 0..50 {
        history.add(None, Duration::from_millis(300_000 + 200 * i));
    }
    let schedule = Schedule::adaptive();
    let cold = BatchSchedule::new(schedule, None, &DurationSamples::new()).first(
        Some(Duration::ZERO),
        0.5,
        &DurationSamples::new(),
    );
    let warm = BatchSchedule::new(schedule, None, &history).first(Some(Duration::ZERO), 0.5, &history);
    assert!(warm.wait > 5 * cold.wait, "{warm:?} and {cold:?}");
    assert_eq!(warm.reason, Reason::NoProgress);
}

#[test]
fn first_poll_comes_earlier_where_progress_is_expected() {
    let first = |schedule: Schedule| {
        let samples = DurationSamples::new();
        BatchSchedule::new(schedule, None, &samples).first(Some(Duration::ZERO), 0.5, &samples).wait
    };
    for price in [2.0, 8.0, 40.0] {
        let schedule = Schedule::adaptive().lag_per_request(price);
        assert!(first(schedule.expect_progress()) < first(schedule), "{price}");
    }
    let advised = Schedule::adaptive().bounds(IntervalBounds::new().with_initial_min(Duration::from_secs(90)));
    assert!(first(advised.expect_progress()) >= Duration::from_secs(90));
}

#[test]
fn cold_start_polls_at_one_interval_for_15_minutes() {
    let samples = &mut DurationSamples::new();
    let mut batch = BatchSchedule::new(Schedule::adaptive(), None, samples);
    let first = batch.first(Some(Duration::ZERO), 0.5, samples).wait;
    let mut wait =
        |seconds: u64| batch.after(PollResult::running(None), Duration::from_secs(seconds), 0.5, samples).wait;
    assert_eq!([wait(30), wait(300), wait(899)], [first; 3]);
    assert!(
        wait(3600).abs_diff(2 * first) < Duration::from_millis(2),
        "intervals grow with the square root of time: {:?}",
        wait(3600)
    );
}

/// Of a hundred batches that began together three have ended. The others show that most last longer.
#[test]
fn running_batches_keep_short_ones_from_deciding_alone() {
    let wait = |running: u64| {
        let mut samples = DurationSamples::new();
        let mut batches: Vec<_> =
            (0..running).map(|_| BatchSchedule::new(Schedule::adaptive(), None, &samples)).collect();
        for batch in &mut batches {
            batch.first(Some(Duration::ZERO), 0.5, &samples);
            batch.after(PollResult::running(None), Duration::from_secs(20), 0.5, &samples);
            batch.record_running(&mut samples);
        }
        for millis in [9_000, 9_500, 10_000] {
            samples.add(None, Duration::from_millis(millis));
        }
        let mut batch = BatchSchedule::new(Schedule::adaptive(), None, &samples);
        batch.first(Some(Duration::ZERO), 0.5, &samples).wait
    };
    let (alone, among_running) = (wait(0), wait(97));
    assert!(alone < Duration::from_secs(10), "{alone:?}");
    assert!(among_running > Duration::from_secs(15), "{among_running:?}");
}

#[test]
fn stopped_batch_is_no_running_one() {
    let mut samples = DurationSamples::new();
    let untouched = samples.clone();
    let mut batch = BatchSchedule::new(Schedule::adaptive(), None, &samples);
    batch.first(Some(Duration::ZERO), 0.5, &samples);
    batch.after(PollResult::queued(), Duration::from_secs(1), 0.5, &samples);
    batch.record_running(&mut samples);
    assert_eq!(samples.running(), 1);
    batch.stopped(&mut samples);
    assert_eq!((samples.running(), samples.export()), (0, untouched.export()));
}

#[test]
fn schedule_polls_a_late_wait_at_once() {
    let history = DurationSamples::new();
    for age in [Some(Duration::from_secs(600)), None] {
        let first = |jitter| BatchSchedule::new(Schedule::adaptive(), None, &history).first(age, jitter, &history).wait;
        assert_eq!(first(0.0), Duration::ZERO);
        assert_eq!(first(1.0), Duration::from_secs(1), "spread among waits that begin together");
    }
}

#[test]
fn samples_learn_nothing_from_interrupted_waits() {
    let mut history = DurationSamples::new();
    let mut joined = BatchSchedule::new(Schedule::adaptive(), None, &history);
    joined.first(None, 0.5, &history);
    joined.after(PollResult::running(None), Duration::ZERO, 0.5, &history);
    joined.ended(End::finished(), Duration::from_secs(5), &mut history);
    let mut interrupted = BatchSchedule::new(Schedule::adaptive(), None, &history);
    interrupted.first(Some(Duration::from_secs(36_000)), 0.5, &history);
    interrupted.ended(End::finished(), Duration::from_secs(36_000), &mut history);
    assert!(history.is_empty());
    // The end is known where the provider reports it.
    let ended = End::finished().at(Some(Duration::from_secs(60)));
    interrupted.ended(ended, Duration::from_secs(36_000), &mut history);
    assert_eq!(history.len(), 1);
}

#[test]
fn samples_learn_from_a_batch_without_a_time_of_submission_that_was_first_seen_queued() {
    let mut history = DurationSamples::new();
    let mut batch = BatchSchedule::new(Schedule::adaptive(), None, &history);
    batch.first(None, 0.5, &history);
    batch.after(PollResult::failed(), Duration::ZERO, 0.5, &history);
    batch.after(PollResult::queued(), Duration::from_secs(1), 0.5, &history);
    batch.ended(End::finished(), Duration::from_secs(40), &mut history);
    assert_eq!(history.len(), 1);
}

#[test]
fn budget_halves_after_a_refusal_and_recovers() {
    let mut budget = Budget::new(4.0);
    budget.throttled(Duration::from_secs(10), None);
    budget.throttled(Duration::from_millis(10_100), None);
    assert!((budget.rate() - 2.0).abs() < 0.01, "one cut for what was under way together: {}", budget.rate());
    assert!(budget.take(Duration::from_secs(65)));
    assert!((budget.rate() - 4.0).abs() < 1e-9);
}

#[test]
fn budget_clamps_unusable_rates() {
    for (rate, expected) in [(f64::INFINITY, 1e6), (f64::NAN, 0.001), (-1.0, 0.001), (0.0, 0.001), (2.0, 2.0)] {
        assert!((Budget::new(rate).rate() - expected).abs() < 1e-9, "{rate}");
    }
}
