//! Rows are paired by reference, never by position, and counts that do not add up are reported.

use std::collections::{BTreeMap, BTreeSet};

use bulkrail::{Progress, Reconciler, Row, RowOutcome, SubmittedRows};
use proptest::prelude::*;

/// Row that the provider lists.
#[derive(Debug, Clone)]
struct Listed {
    reference: Option<u8>,
    outcome: RowOutcome,
}

fn row(index: usize, listed: &Listed) -> Row {
    let mut row = Row::new(listed.outcome);
    row.index = Some(index as u64);
    row.reference = listed.reference.map(|reference| format!("ref-{reference}"));
    // Marks the reference that the row was listed for, so that a wrong pairing shows.
    row.account_id = listed.reference.map(|reference| format!("account of ref-{reference}"));
    row
}

fn listed() -> impl Strategy<Value = Listed> {
    let outcome = prop_oneof![Just(RowOutcome::Succeeded), Just(RowOutcome::Failed), Just(RowOutcome::Unaccounted)];
    (prop::option::weighted(0.9, 0u8..30), outcome).prop_map(|(reference, outcome)| Listed { reference, outcome })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The provider lists rows in any order, twice, not at all, or without a reference.
    #[test]
    fn reconciler_never_pairs_a_row_with_another_reference(submitted in prop::collection::btree_set(0u8..20, 0..20), list in prop::collection::vec(listed(), 0..40)) {
        let rows = SubmittedRows::new(submitted.iter().map(|reference| format!("ref-{reference}")));
        let mut reconciler = Reconciler::new(&rows);
        list.iter().enumerate().for_each(|(index, listed)| reconciler.push(row(index, listed)));
        let found = reconciler.finish(&Progress::default());
        if submitted.is_empty() {
            // An empty submission is one whose rows are not known: listed rows are taken as they
            // come.
            prop_assert_eq!(found.rows, list.iter().enumerate().map(|(index, listed)| row(index, listed)).collect::<Vec<_>>());
            prop_assert!(found.unexpected.is_empty() && found.missing.is_empty());
            let mut seen = BTreeSet::new();
            let again = list.iter().filter_map(|listed| listed.reference).filter(|reference| !seen.insert(*reference));
            prop_assert_eq!(found.duplicates, again.map(|reference| format!("ref-{reference}")).collect::<Vec<_>>());
            return Ok(());
        }

        let mut truth: BTreeMap<u8, BTreeSet<String>> = BTreeMap::new();
        let mut times: BTreeMap<u8, usize> = BTreeMap::new();
        for listed in &list {
            if let Some(reference) = listed.reference {
                truth.entry(reference).or_default().insert(listed.outcome.to_string());
                *times.entry(reference).or_default() += 1;
            }
        }
        // Every submitted row is there once, in order, with its own outcome and account.
        prop_assert_eq!(found.rows.len(), submitted.len());
        for (reference, row) in submitted.iter().zip(&found.rows) {
            let name = format!("ref-{reference}");
            prop_assert_eq!(row.reference.as_ref(), Some(&name));
            match truth.get(reference) {
                None => {
                    prop_assert_eq!(row.outcome, RowOutcome::Unaccounted);
                    prop_assert!(found.missing.contains(&name));
                    prop_assert!(row.account_id.is_none());
                }
                Some(outcomes) => {
                    prop_assert_eq!(row.account_id.clone(), Some(format!("account of {name}")));
                    let expected = if outcomes.len() == 1 { outcomes.first().unwrap().clone() } else { "unaccounted".to_owned() };
                    prop_assert_eq!(row.outcome.to_string(), expected, "a row that is listed with different outcomes is unaccounted for");
                    prop_assert_eq!(found.duplicates.contains(&name), times[reference] > 1);
                }
            }
        }
        // Rows that were not submitted are unexpected, and not dropped.
        let unexpected = list.iter().filter(|listed| listed.reference.is_none_or(|reference| !submitted.contains(&reference)));
        prop_assert_eq!(found.unexpected.len(), unexpected.count());
        prop_assert_eq!(found.missing.len(), submitted.iter().filter(|reference| !truth.contains_key(reference)).count());
    }

    #[test]
    fn reconciler_reports_every_count_mismatch(outcomes in prop::collection::vec(any::<bool>(), 0..30), total in prop::option::of(0u64..40), succeeded in prop::option::of(0u64..40), failed in prop::option::of(0u64..40)) {
        let mut reconciler = Reconciler::without_references();
        for (index, good) in outcomes.iter().enumerate() {
            let outcome = if *good { RowOutcome::Succeeded } else { RowOutcome::Failed };
            reconciler.push(row(index, &Listed { reference: None, outcome }));
        }
        let mut progress = Progress::default();
        (progress.total, progress.succeeded, progress.failed) = (total, succeeded, failed);
        let found = reconciler.finish(&progress);
        let good = outcomes.iter().filter(|good| **good).count() as u64;
        let rows = outcomes.len() as u64;
        let differs = |field: &str| found.count_mismatches.iter().any(|mismatch| mismatch.field == field);
        prop_assert_eq!(differs("total"), total.is_some_and(|total| total != rows));
        prop_assert_eq!(differs("succeeded"), succeeded.is_some_and(|stated| stated != good));
        prop_assert_eq!(differs("failed"), failed.is_some_and(|stated| stated != rows - good));
        prop_assert_eq!(found.failed_rows().count() as u64, rows - good);
    }
}

#[test]
fn reconciler_reports_references_submitted_twice() {
    let found = Reconciler::new(&SubmittedRows::new(["a", "b", "a"])).finish(&Progress::default());
    assert_eq!(found.duplicates, ["a"]);
    assert_eq!(found.rows.len(), 3, "every submitted row is in it");
}

/// Reap only counts rows; the outcome of each is read from its entity.
#[cfg(feature = "reap")]
#[test]
fn reap_reconcile_reads_rows_from_entities() {
    use bulkrail::test_util::{MockConnector, MockResponse, VirtualClock};
    use bulkrail::{Batch, reap};

    let (clock, connector) = (VirtualClock::new(), MockConnector::new());
    let credentials = reap::Credentials::api_key("k");
    let client = reap::Client::builder()
        .credentials(credentials)
        .clock(clock.clock())
        .connector(connector.clone())
        .build()
        .unwrap();
    connector.respond_with(|sent| match sent.url.path() {
        "/entity/good" => MockResponse::json(200, r#"{"id":"e-1","submittedRequirements":[{"status":"APPROVED"}]}"#),
        "/entity/bad" => MockResponse::json(200, r#"{"id":"e-2","submittedRequirements":[{"status":"APPROVED"},{"status":"rejected","requirement":{"name":"KYC"}}]}"#),
        "/entity/slow" => MockResponse::json(200, r#"{"id":3,"submittedRequirements":[{"status":"PENDING","by":"CANARY"}]}"#),
        "/entity/gone" => MockResponse::json(404, "{}"),
        _ => MockResponse::json(200, r#"{"status":"completed","totalRecords":4,"failedRecords":1,"summary":{"successfulRecords":1}}"#),
    });
    // Transient faults only cost time.
    connector.push(MockResponse::new(502, "<html>"));
    connector.push(MockResponse::json(429, "{}").header("retry-after", "3"));
    let batch = Batch::new(reap::PROVIDER, "b-1").unwrap();
    let submitted = SubmittedRows::new(["good", "bad", "slow", "gone"]);
    let found = clock.run(client.reconcile(&batch, Some(&submitted))).unwrap();
    let rows: Vec<_> = found.rows.iter().map(|row| (row.outcome, row.reason.as_deref())).collect();
    assert_eq!(
        rows,
        [
            (RowOutcome::Succeeded, None),
            (RowOutcome::Failed, Some("KYC was rejected")),
            (RowOutcome::Unaccounted, None),
            (RowOutcome::Unaccounted, Some("reap: reading the entity: the provider does not know it (HTTP 404)")),
        ]
    );
    assert_eq!((found.missing, found.count_mismatches), (vec!["gone".to_owned()], vec![]));
    // Differences of the entities from the spec are counted.
    let drift = |pointer: &str| {
        found.drift.iter().find(|drift| drift.pointer == pointer).map(|drift| (drift.kind, drift.count))
    };
    assert_eq!(drift("/submittedRequirements/*/by"), Some((bulkrail::DriftKind::UnknownField, 1)));
    assert_eq!(
        drift("/submittedRequirements/*/status"),
        Some((bulkrail::DriftKind::UnknownValue, 1)),
        "{:?}",
        found.drift
    );
    assert_eq!(drift("/id"), Some((bulkrail::DriftKind::TypeMismatch, 1)));
    assert!(!format!("{:?}", found.drift).contains("CANARY"));
}

#[cfg(feature = "killb")]
mod killb_rows {
    use bulkrail::http::ConnectorError;
    use bulkrail::killb::{Client, Credentials, PROVIDER};
    use bulkrail::test_util::MockResponse;
    use bulkrail::{Batch, ErrorKind, Outcome, Provider, Report, State};

    use super::*;
    use crate::common::{Bench, client, secs};

    fn killb(bench: &Bench) -> Client {
        client!(killb, bench, Credentials::access_token("t"))
    }

    fn batch() -> Batch {
        Batch::new(PROVIDER, "b-1").unwrap()
    }

    /// Returns a status response with counts and rows of these status words.
    fn body(status: &str, total: u64, succeeded: u64, failed: u64, rows: &[&str]) -> String {
        let row = |(number, word): (usize, &&str)| {
            format!(r#"{{"rowNumber":{number},"status":"{word}","originalRowData":{{"externalId":"r-{number}"}}}}"#)
        };
        let rows: Vec<_> = rows.iter().enumerate().map(row).collect();
        format!(
            r#"{{"status":"{status}","totalRows":{total},"successCount":{succeeded},"errorCount":{failed},"results":[{}]}}"#,
            rows.join(",")
        )
    }

    /// Outcomes by `wait`, `poll`, `status`, `reconcile` and `Report::reconciled`, with the fields
    /// whose counts differ.
    fn outcomes(body: &str) -> Vec<(Option<Outcome>, Vec<String>)> {
        let bench = Bench::new();
        let body = body.to_owned();
        bench.connector.respond_with(move |_| MockResponse::json(200, &body));
        let client = killb(&bench);
        let fields = |snapshot: &bulkrail::Snapshot| {
            let fields = snapshot.count_mismatches.iter().map(|mismatch| mismatch.field.clone());
            (snapshot.outcome, fields.collect())
        };
        let waited = bench.clock.run(client.wait(batch())).unwrap();
        let polled = bench.clock.run(client.poll(&batch())).unwrap();
        let status = bench.clock.run(client.status(&batch())).unwrap();
        let found = bench.clock.run(client.reconcile(&batch(), None)).unwrap();
        let mismatches = found.count_mismatches.iter().map(|mismatch| mismatch.field.clone()).collect();
        let by_rows = (found.outcome(&polled), mismatches);
        let report = Report::new(batch(), polled.clone(), 1, secs(1)).reconciled(found);
        vec![fields(&waited.snapshot), fields(&polled), fields(&status.snapshot), by_rows, fields(&report.snapshot)]
    }

    #[test]
    fn killb_rows_of_another_job_are_an_error_and_not_a_reconciliation() {
        let bench = Bench::new();
        let client = killb(&bench);
        let of_another = body("COMPLETED", 1, 1, 0, &["SUCCESS"]).replacen('{', r#"{"jobId":"b-2","#, 1);
        bench.connector.respond_with(move |_| MockResponse::json(200, &of_another));
        let polled = bench.clock.run(client.poll(&batch())).unwrap_err();
        let status = bench.clock.run(client.status(&batch())).unwrap_err();
        let found = bench.clock.run(client.reconcile(&batch(), None)).unwrap_err();
        for error in [polled, status, found] {
            assert_eq!((error.kind(), error.batch()), (ErrorKind::Decode, Some(&batch())));
            assert!(error.to_string().contains("b-1 was asked for, and b-2 came"), "{error}");
        }
    }

    #[test]
    fn killb_outcome_is_the_same_by_wait_poll_status_and_reconcile() {
        const GOOD: &str = "SUCCESS";
        const BAD: &str = "ERROR";
        let table: [(String, Outcome, &[&str]); 6] = [
            (body("COMPLETED", 2, 2, 0, &[GOOD, GOOD]), Outcome::Succeeded, &[]),
            (body("COMPLETED", 2, 2, 0, &[GOOD, BAD]), Outcome::Partial, &["succeeded", "failed"]),
            (body("COMPLETED", 2, 1, 1, &[GOOD, GOOD]), Outcome::Partial, &["succeeded", "failed"]),
            (body("COMPLETED", 2, 2, 0, &[GOOD, "WAITING"]), Outcome::Partial, &["succeeded"]),
            (body("COMPLETED", 2, 1, 1, &[BAD, BAD]), Outcome::Failed, &["succeeded", "failed"]),
            (body("FAILED", 2, 2, 0, &[GOOD, GOOD]), Outcome::Failed, &[]),
        ];
        for (body, outcome, mismatches) in table {
            for (place, found) in ["wait", "poll", "status", "reconcile", "report"].iter().zip(outcomes(&body)) {
                let mismatches = mismatches.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
                assert_eq!(found, (Some(outcome), mismatches), "{place}: {body}");
            }
        }
    }

    #[test]
    fn killb_row_that_is_listed_twice_is_a_success_once() {
        let twice = body("COMPLETED", 2, 2, 0, &["SUCCESS", "SUCCESS"]).replace(r#""rowNumber":1"#, r#""rowNumber":0"#);
        let twice = twice.replace("r-1", "r-0");
        for (place, found) in ["wait", "poll", "status", "reconcile", "report"].iter().zip(outcomes(&twice)) {
            assert_eq!(found.0, Some(Outcome::Partial), "{place}: {twice}");
        }
    }

    #[test]
    fn killb_counts_that_contradict_each_other_are_never_a_success_although_the_rows_agree() {
        let body = body("COMPLETED", 2, 2, 0, &["SUCCESS", "SUCCESS"]).replacen('{', r#"{"processedRows":1,"#, 1);
        for (place, found) in ["wait", "poll", "status", "reconcile", "report"].iter().zip(outcomes(&body)) {
            assert_eq!(found.0, Some(Outcome::Partial), "{place}: {body}");
        }
    }

    #[test]
    fn killb_poll_at_the_end_does_not_show_the_credential_that_a_response_repeats() {
        const TOKEN: &str = "canary-token-1";
        let bench = Bench::new();
        let body = body("COMPLETED", 1, 1, 0, &["SUCCESS"]).replacen('{', &format!(r#"{{"{TOKEN}":1,"#), 1);
        let body = body.replacen('{', &format!(r#"{{"error":"{TOKEN} is not valid","#), 1);
        bench.connector.respond_with(move |_| MockResponse::json(200, &body));
        let client = client!(killb, bench, Credentials::access_token(TOKEN));
        let snapshot = bench.clock.run(client.poll(&batch())).unwrap();
        let shown = serde_json::to_string(&snapshot).unwrap();
        assert!(!shown.contains(TOKEN) && shown.contains("repeats a credential"), "{shown}");
    }

    #[test]
    fn killb_row_does_not_show_the_credential_that_its_error_repeats() {
        const TOKEN: &str = "canary-token-1";
        let bench = Bench::new();
        let body = body("COMPLETED", 3, 1, 2, &["ERROR", "SUCCESS", "ERROR"])
            .replacen(r#""status":"ERROR""#, &format!(r#""status":"ERROR","error":"Bearer {TOKEN} has expired""#), 1)
            // A row that does not fit the spec, and one with an ordinary text.
            .replacen(r#""status":"SUCCESS""#, &format!(r#""status":"FAILED","sheetName":1,"error":"{TOKEN}""#), 1)
            .replacen(r#""rowNumber":2,"#, r#""rowNumber":2,"error":"no such bank","#, 1);
        bench.connector.respond_with(move |_| MockResponse::json(200, &body));
        let client = client!(killb, bench, Credentials::access_token(TOKEN));
        let found = bench.clock.run(client.reconcile(&batch(), None)).unwrap();
        let replaced = Some("(text that repeats a credential)");
        let reasons: Vec<_> = found.rows.iter().map(|row| row.reason.as_deref()).collect();
        assert_eq!(reasons, [replaced, replaced, Some("no such bank")]);
        let mut rows = bench.clock.run(client.rows(&batch())).unwrap();
        let first = bench.clock.run(rows.next()).unwrap().unwrap();
        assert_eq!(first.typed().error.as_deref(), replaced);
    }

    #[test]
    fn killb_poll_believes_the_second_response_at_the_end() {
        let poll = |second: String| {
            let bench = Bench::new();
            bench.connector.push(MockResponse::json(200, body("COMPLETED", 2, 2, 0, &["SUCCESS", "SUCCESS"])));
            bench.connector.push(MockResponse::json(200, second));
            let snapshot = bench.clock.run(killb(&bench).poll(&batch())).unwrap();
            assert_eq!(bench.connector.requests().len(), 2);
            (snapshot.state, snapshot.outcome)
        };
        let changed = body("COMPLETED", 2, 1, 1, &["SUCCESS", "ERROR"]);
        assert_eq!(poll(changed), (State::Finished, Some(Outcome::Partial)), "the counts have changed in between");
        let running = body("PROCESSING", 2, 1, 0, &["SUCCESS"]);
        assert_eq!(poll(running), (State::Running, None), "it has not finished after all");
    }

    #[test]
    fn killb_wait_survives_faults_of_the_rows_at_the_end() {
        let bench = Bench::new();
        let done = || MockResponse::json(200, body("COMPLETED", 2, 2, 0, &["SUCCESS", "SUCCESS"]));
        let faults: [fn() -> MockResponse; 4] = [
            || MockResponse::new(502, "<html>"),
            || MockResponse::error(ConnectorError::ConnectionReset),
            || MockResponse::json(200, r#"{"status":"COMPLETED","results":[{"rowNumber""#).reset_after_body(),
            || MockResponse::json(429, "{}").header("retry-after", "9"),
        ];
        for fault in faults {
            bench.connector.push(done());
            bench.connector.push(fault());
        }
        bench.connector.push(done());
        bench.connector.push(done());
        let mut failed = 0;
        let wait = killb(&bench).wait(batch());
        let report = bench.clock.run(wait.on_poll(|event| failed += u32::from(event.result.is_err()))).unwrap();
        assert_eq!((report.outcome(), report.polls, failed), (Some(Outcome::Succeeded), 5, 4));
        assert_eq!(bench.connector.requests().len(), 10);
    }

    #[test]
    fn killb_reconcile_survives_transient_faults_and_gives_up_in_time() {
        let bench = Bench::new();
        let faults = [
            MockResponse::error(ConnectorError::Connect),
            MockResponse::new(502, "<html>"),
            MockResponse::json(429, "{}").header("retry-after", "30"),
            MockResponse::json(200, r#"{"status":"COMPLETED","results":[{"rowNumber":0,"status":"SUCC"#)
                .reset_after_body(),
            MockResponse::json(200, "[]"),
        ];
        faults.into_iter().for_each(|fault| bench.connector.push(fault));
        bench.connector.push(MockResponse::json(200, body("COMPLETED", 2, 1, 1, &["SUCCESS", "ERROR"])));
        let submitted = SubmittedRows::new(["r-0", "r-1", "r-2"]);
        let found = bench.clock.run(killb(&bench).reconcile(&batch(), Some(&submitted))).unwrap();
        let outcomes: Vec<_> = found.rows.iter().map(|row| row.outcome).collect();
        assert_eq!(outcomes, [RowOutcome::Succeeded, RowOutcome::Failed, RowOutcome::Unaccounted]);
        assert_eq!((found.missing, found.duplicates), (vec!["r-2".to_owned()], vec![]), "rows are read once");
        let elapsed = bench.clock.elapsed();
        // 1, 2, 30 (as the provider asks), 8 and 16 s.
        assert_eq!((elapsed, bench.connector.requests().len()), (secs(57), 6));

        let bench = Bench::new();
        bench.connector.respond_with(|_| MockResponse::new(503, ""));
        let error = bench.clock.run(killb(&bench).reconcile(&batch(), None)).unwrap_err();
        assert_eq!((error.kind(), error.http_status()), (ErrorKind::Unavailable, Some(503)));
        assert_eq!(error.batch(), Some(&batch()));
        let elapsed = bench.clock.elapsed();
        assert!(elapsed > secs(60) && elapsed <= secs(120), "two minutes of `READ_RETRIES`: {elapsed:?}");

        let bench = Bench::new();
        bench.connector.push(MockResponse::json(404, "{}"));
        let error = bench.clock.run(killb(&bench).reconcile(&batch(), None)).unwrap_err();
        assert_eq!((error.kind(), bench.connector.requests().len()), (ErrorKind::NotFound, 1));
    }
}

#[cfg(feature = "localpayment")]
#[test]
fn localpayment_row_does_not_show_the_credential_that_its_line_repeats() {
    use bulkrail::Batch;
    use bulkrail::localpayment::{Credentials, PROVIDER};
    use bulkrail::test_util::MockResponse;

    use crate::common::{Bench, client};

    const TOKEN: &str = "canary-token-1";
    let bench = Bench::new();
    let client = client!(localpayment, bench, Credentials::access_token(TOKEN));
    let csv =
        format!(r"internal_id,external_id,bank_account,error\ni-1,r-1,1,{TOKEN} has expired\ni-2,r-2,2,too long\n");
    let body = format!(
        r#"{{"status":{{"code":"200","description":"COMPLETED"}},"comment":"{TOKEN}","csvFormatResponse":"{csv}"}}"#
    );
    bench.connector.respond_with(move |_| MockResponse::json(200, body.clone()));
    let found = bench.clock.run(client.reconcile(&Batch::new(PROVIDER, "b-1").unwrap(), None)).unwrap();
    let reasons: Vec<_> = found.rows.iter().map(|row| row.reason.as_deref()).collect();
    assert_eq!(reasons, [Some("(text that repeats a credential)"), Some("too long")]);
}

#[cfg(feature = "reap")]
#[test]
fn reap_row_does_not_show_the_credential_that_its_entity_repeats() {
    use bulkrail::Batch;
    use bulkrail::reap::{Credentials, PROVIDER};
    use bulkrail::test_util::MockResponse;

    use crate::common::{Bench, client};

    let bench = Bench::new();
    let client = client!(reap, bench, Credentials::api_key("canary-key-1"));
    bench.connector.respond_with(|sent| match sent.url.path() {
        "/entity/e-1" => MockResponse::json(
            200,
            r#"{"submittedRequirements":[{"status":"REJECTED","requirement":{"name":"KYC of canary-key-1"}}]}"#,
        ),
        _ => MockResponse::json(200, r#"{"status":"completed","totalRecords":1,"failedRecords":1}"#),
    });
    let submitted = SubmittedRows::new(["e-1"]);
    let batch = Batch::new(PROVIDER, "b-1").unwrap();
    let found = bench.clock.run(client.reconcile(&batch, Some(&submitted))).unwrap();
    assert_eq!(found.rows[0].reason.as_deref(), Some("(text that repeats a credential)"));
}

/// A code that means "rejected" beside the word COMPLETED and a list of accounts: never a success, whichever is asked.
#[cfg(feature = "localpayment")]
#[test]
fn localpayment_rows_that_the_code_contradicts_are_unaccounted() {
    use bulkrail::localpayment::{Credentials, PROVIDER};
    use bulkrail::test_util::MockResponse;
    use bulkrail::{Batch, Outcome, Provider};

    use crate::common::{Bench, client};

    let bench = Bench::new();
    let client = client!(localpayment, bench, Credentials::access_token("t"));
    let batch = Batch::new(PROVIDER, "b-1").unwrap();
    let csv = r"internal_id,external_id,bank_account\ni-1,r-1,1\n";
    let comment = "Total accounts requested = 1 - Total accounts created = 1 - ";
    let body = format!(
        r#"{{"status":{{"code":"300","description":"COMPLETED"}},"comment":"{comment}","csvFormatResponse":"{csv}"}}"#
    );
    bench.connector.respond_with(move |_| MockResponse::json(200, body.clone()));
    let snapshot = bench.clock.run(client.poll(&batch)).unwrap();
    assert_eq!((snapshot.outcome, snapshot.progress.succeeded), (Some(Outcome::Unknown), Some(0)));
    let submitted = SubmittedRows::new(["r-1"]);
    let found = bench.clock.run(client.reconcile(&batch, Some(&submitted))).unwrap();
    let outcomes: Vec<_> = found.rows.iter().map(|row| (row.outcome, row.account_id.as_deref())).collect();
    assert_eq!(outcomes, [(RowOutcome::Unaccounted, Some("i-1"))]);
    assert_eq!(snapshot.reconciled(&found).outcome, Some(Outcome::Unknown));
}

#[cfg(feature = "localpayment")]
#[test]
fn localpayment_reconcile_survives_transient_faults_and_gives_up_in_time() {
    use bulkrail::localpayment::{Credentials, PROVIDER};
    use bulkrail::test_util::MockResponse;
    use bulkrail::{Batch, ErrorKind};

    use crate::common::{Bench, client, secs};

    let bench = Bench::new();
    let client = client!(localpayment, bench, Credentials::access_token("t"));
    let batch = Batch::new(PROVIDER, "b-1").unwrap();
    bench.connector.push(MockResponse::new(500, ""));
    bench.connector.push(MockResponse::json(200, r#"{"status":{"code"#).reset_after_body());
    let csv = r"internal_id,external_id,bank_account\ni-1,r-1,1\n";
    let body = format!(r#"{{"status":{{"code":"200","description":"COMPLETED"}},"csvFormatResponse":"{csv}"}}"#);
    bench.connector.push(MockResponse::json(200, body));
    let submitted = SubmittedRows::new(["r-1", "r-2"]);
    let found = bench.clock.run(client.reconcile(&batch, Some(&submitted))).unwrap();
    let outcomes: Vec<_> = found.rows.iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, [RowOutcome::Succeeded, RowOutcome::Unaccounted]);
    assert_eq!((bench.clock.elapsed(), bench.connector.requests().len()), (secs(3), 3));

    let began = bench.clock.elapsed();
    bench.connector.respond_with(|_| MockResponse::new(503, ""));
    let error = bench.clock.run(client.reconcile(&batch, None)).unwrap_err();
    assert_eq!((error.kind(), error.batch()), (ErrorKind::Unavailable, Some(&batch)));
    let elapsed = bench.clock.elapsed() - began;
    assert!(elapsed > secs(60) && elapsed <= secs(120), "{elapsed:?}");
}

#[cfg(feature = "reap")]
#[test]
fn reap_reconcile_gives_up_in_time_and_needs_references() {
    use bulkrail::reap::{Credentials, PROVIDER};
    use bulkrail::test_util::MockResponse;
    use bulkrail::{Batch, ErrorKind};

    use crate::common::{Bench, client, secs};

    let bench = Bench::new();
    let client = client!(reap, bench, Credentials::api_key("k"));
    let batch = Batch::new(PROVIDER, "b-1").unwrap();
    let error = bench.clock.run(client.reconcile(&batch, None)).unwrap_err();
    assert_eq!((error.kind(), error.batch(), bench.connector.requests().len()), (ErrorKind::Usage, Some(&batch), 0));

    bench.connector.push(MockResponse::json(200, r#"{"id":"e-1","submittedRequirements":[{"status":"APPROVED"}]}"#));
    bench.connector.respond_with(|_| MockResponse::new(503, ""));
    let submitted = SubmittedRows::new(["good", "down"]);
    let error = bench.clock.run(client.reconcile(&batch, Some(&submitted))).unwrap_err();
    assert_eq!((error.kind(), error.batch()), (ErrorKind::Unavailable, Some(&batch)));
    let elapsed = bench.clock.elapsed();
    assert!(elapsed > secs(60) && elapsed <= secs(120), "{elapsed:?}");
}

/// One entity that cannot be read is one row unaccounted for, with a reason, and costs no other row.
#[cfg(feature = "reap")]
#[test]
fn reap_reconcile_loses_one_row_where_one_entity_cannot_be_read() {
    use bulkrail::reap::{Credentials, PROVIDER};
    use bulkrail::test_util::MockResponse;
    use bulkrail::{Batch, ErrorKind};

    use crate::common::{Bench, client};

    let batch = Batch::new(PROVIDER, "b-1").unwrap();
    let reconcile = |status: u16, submitted: &[&str]| {
        let bench = Bench::new();
        let client = client!(reap, bench, Credentials::api_key("k"));
        bench.connector.respond_with(move |sent| match sent.url.path() {
            "/entity/odd" | "/entity/odder" => MockResponse::json(status, "{}"),
            path if path.starts_with("/entity/") => {
                MockResponse::json(200, r#"{"id":"e","submittedRequirements":[{"status":"APPROVED"}]}"#)
            }
            _ => MockResponse::json(200, r#"{"status":"completed","totalRecords":3,"failedRecords":0}"#),
        });
        bench.clock.run(client.reconcile(&batch, Some(&SubmittedRows::new(submitted.iter().copied()))))
    };
    for (status, why) in [(400, "HTTP 400"), (403, "HTTP 403"), (404, "HTTP 404"), (409, "HTTP 409"), (500, "HTTP 500")]
    {
        let found = reconcile(status, &["a", "odd", "b"]).unwrap();
        let outcomes: Vec<_> = found.rows.iter().map(|row| (row.index, row.outcome)).collect();
        let expected = [RowOutcome::Succeeded, RowOutcome::Unaccounted, RowOutcome::Succeeded];
        assert_eq!(outcomes, [(Some(2), expected[0]), (Some(3), expected[1]), (Some(4), expected[2])], "{status}");
        assert!(
            found.rows[1].reason.as_deref().is_some_and(|reason| reason.contains(why)),
            "{:?}",
            found.rows[1].reason
        );
        assert_eq!(found.missing, ["odd"], "{status}");
    }
    // A reference that cannot be part of a path: from rows that were submitted by other means.
    let found = reconcile(400, &["a", "b/c", "d"]).unwrap();
    assert!(
        found.rows[1].reason.as_deref().is_some_and(|reason| reason.contains("cannot have")),
        "{:?}",
        found.rows[1].reason
    );
    // Not about one entity.
    assert_eq!(reconcile(401, &["a", "odd", "b"]).unwrap_err().kind(), ErrorKind::Authentication);
    assert_eq!(reconcile(403, &["odd", "odder"]).unwrap_err().kind(), ErrorKind::Permission);
    assert_eq!(reconcile(503, &["odd", "odder", "a"]).unwrap_err().kind(), ErrorKind::Unavailable);
}

/// Entities that go on failing, each for itself, do not take two minutes each.
#[cfg(feature = "reap")]
#[test]
fn reap_reconcile_of_many_entities_that_cannot_be_read_ends_in_time() {
    use std::time::Duration;

    use bulkrail::reap::{Credentials, PROVIDER};
    use bulkrail::test_util::MockResponse;

    use crate::common::{Bench, client};

    let bench = Bench::new();
    let client = client!(reap, bench, Credentials::api_key("k"));
    bench.connector.respond_with(|sent| match sent.url.path() {
        path if path.starts_with("/entity/odd-") => MockResponse::json(500, "{}"),
        path if path.starts_with("/entity/even-") => {
            MockResponse::json(200, r#"{"id":"e","submittedRequirements":[{"status":"APPROVED"}]}"#)
        }
        _ => MockResponse::json(200, r#"{"status":"completed","totalRecords":100,"failedRecords":0}"#),
    });
    let references = (0..50).flat_map(|row| [format!("even-{row}"), format!("odd-{row}")]);
    let batch = bulkrail::Batch::new(PROVIDER, "b-1").unwrap();
    let found = bench.clock.run(client.reconcile(&batch, Some(&SubmittedRows::new(references)))).unwrap();
    assert_eq!((found.missing.len(), found.rows.len()), (50, 100));
    let elapsed = bench.clock.elapsed();
    assert!(elapsed > Duration::from_secs(5 * 60) && elapsed < Duration::from_secs(11 * 60), "{elapsed:?}");
}

/// What is wrong with the connection is no fact about an entity, and what is wrong with an entity is not asked about.
#[cfg(feature = "reap")]
#[test]
fn reap_reconcile_asks_about_the_batch_only_where_entities_cannot_be_read_for_now() {
    use bulkrail::http::ConnectorError;
    use bulkrail::reap::{Credentials, PROVIDER};
    use bulkrail::test_util::MockResponse;
    use bulkrail::{Batch, ErrorKind};

    use crate::common::{Bench, client};

    let reconcile = |entity: MockResponse| {
        let bench = Bench::new();
        let client = client!(reap, bench, Credentials::api_key("k"));
        bench.connector.respond_with(move |sent| match sent.url.path() {
            path if path.starts_with("/entity/") && !path.contains("batch") => entity.clone(),
            _ => MockResponse::json(200, r#"{"status":"completed","totalRecords":2,"failedRecords":0}"#),
        });
        let batch = Batch::new(PROVIDER, "b-1").unwrap();
        let found = bench.clock.run(client.reconcile(&batch, Some(&SubmittedRows::new(["a", "b"]))));
        (bench.connector.requests().len(), found.map(|found| found.missing.len()).map_err(|error| error.kind()))
    };
    // Two entities, and the batch at the end.
    assert_eq!(reconcile(MockResponse::json(404, "{}")), (3, Ok(2)));
    let wrong_certificate = MockResponse::error(ConnectorError::UnknownAuthority);
    assert_eq!(reconcile(wrong_certificate), (1, Err(ErrorKind::Unavailable)));
}

#[cfg(feature = "reap")]
#[test]
fn reap_rows_have_the_numbers_that_they_have_in_the_file() {
    use bulkrail::Batch;
    use bulkrail::reap::{Credentials, PROVIDER};
    use bulkrail::test_util::MockResponse;

    use crate::common::{Bench, client};

    let bench = Bench::new();
    let client = client!(reap, bench, Credentials::api_key("k"));
    bench.connector.respond_with(|sent| match sent.url.path() {
        path if path.starts_with("/entity/") && !path.contains("batch") => MockResponse::json(404, "{}"),
        _ => MockResponse::json(200, r#"{"status":"completed","totalRecords":3,"failedRecords":0}"#),
    });
    // Rows without a reference are between these.
    let submitted = SubmittedRows::new(["a", "b", "c"]).with_numbers(vec![2, 4, 7]);
    let batch = Batch::new(PROVIDER, "b-1").unwrap();
    let found = bench.clock.run(client.reconcile(&batch, Some(&submitted))).unwrap();
    let rows: Vec<_> = found.rows.iter().map(|row| (row.index, row.reference.as_deref())).collect();
    assert_eq!(rows, [(Some(2), Some("a")), (Some(4), Some("b")), (Some(7), Some("c"))]);
}

#[cfg(feature = "reap")]
#[test]
fn reap_reference_that_cannot_be_asked_for_is_refused_before_it_is_sent() {
    use bulkrail::test_util::VirtualClock;
    use bulkrail::{ErrorKind, SubmitOptions, reap};

    for id in ["a/b", "..", "a?b"] {
        let options = SubmitOptions::default();
        let prepared = reap::Submission::from_csv(format!("externalId,shareToken\n{id},t\n"), &options);
        let error = VirtualClock::new().run(prepared).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{id}");
        assert!(error.to_string().contains("row 2"), "{error}");
    }
}

/// Reap documents the id of an entity as a UUID: another text is sent as it is, and said.
#[cfg(feature = "reap")]
#[test]
fn reap_submission_warns_of_references_that_are_not_uuids() {
    use bulkrail::test_util::VirtualClock;
    use bulkrail::{SubmitOptions, reap};

    let warnings = |ids: &[&str]| {
        let rows: String = ids.iter().map(|id| format!("{id},token\n")).collect();
        let options = SubmitOptions::default();
        let prepared = reap::Submission::from_csv(format!("externalId,shareToken\n{rows}"), &options);
        VirtualClock::new().run(prepared).unwrap().warnings()
    };
    let uuids = ["784d4045-c900-4050-aad6-8fe4c8d2fb16", "784D4045-C900-4050-AAD6-8FE4C8D2FB17"];
    assert_eq!(warnings(&uuids), [""; 0]);
    let [warning] = &warnings(&[
        uuids[0],
        "CANARY",
        "784d4045c9004050aad68fe4c8d2fb16",
        "{784d4045-c900-4050-aad6-8fe4c8d2fb1}",
    ])[..] else {
        panic!("one warning")
    };
    assert!(warning.contains("3 of 4 cells are not UUIDs, the first in row 3"), "{warning}");
    assert!(
        warnings(&[uuids[0], uuids[1], "784d4045-c900-4050-aad6-8fe4c8d2fb18", "x"])[0].contains("the first in row 5")
    );
    assert!(!warning.contains("CANARY"), "{warning}");
}

#[test]
fn outcome_by_rows_is_that_of_the_snapshot_where_its_total_is_that_of_the_rows() {
    use bulkrail::{Outcome, Snapshot, State};

    let reconciliation =
        |rows: &[&str]| Reconciler::new(&SubmittedRows::new(rows.iter().copied())).finish(&Progress::default());
    let snapshot = |total: u64| {
        let progress = Progress::default().with_total(total).with_succeeded(total).with_failed(0);
        Snapshot::new(State::Finished, "done", progress)
    };
    // The provider's own word is kept where nothing contradicts it.
    let unknown = snapshot(2).with_outcome(Outcome::Unknown);
    assert_eq!(reconciliation(&["a", "b"]).outcome(&unknown), Some(Outcome::Unknown));
    assert_eq!(reconciliation(&[]).outcome(&unknown), Some(Outcome::Unknown));
    assert_eq!(reconciliation(&["a", "b"]).outcome(&snapshot(2)), Some(Outcome::Succeeded));
    assert_eq!(
        reconciliation(&["a", "b", "c"]).outcome(&snapshot(2)),
        Some(Outcome::Partial),
        "one is unaccounted for"
    );
}

#[test]
fn outcome_by_counts_believes_no_more_failures_than_there_are_rows_left() {
    use bulkrail::{Outcome, RowCounts, Snapshot, State};

    let mut counts = RowCounts::default();
    (0..3).for_each(|_| counts.push(RowOutcome::Succeeded));
    counts.push(RowOutcome::Failed);
    for failed in [1, 2, 5, u64::MAX] {
        let progress = Progress::default().with_total(4).with_succeeded(3).with_failed(failed);
        let snapshot = Snapshot::new(State::Finished, "done", progress).with_outcome(Outcome::Partial);
        assert_eq!(counts.outcome(&snapshot), Some(Outcome::Partial), "{failed}");
    }
}

#[cfg(feature = "cdq")]
#[test]
fn cdq_reconcile_leaves_every_row_unaccounted_without_a_request() {
    use bulkrail::cdq::{Credentials, PROVIDER};
    use bulkrail::{Batch, ErrorKind, ProviderId};

    use crate::common::{Bench, client};

    let bench = Bench::new();
    let client = client!(cdq, bench, Credentials::api_key("k"));
    let batch = Batch::new(PROVIDER, "b-1").unwrap();
    let submitted = SubmittedRows::default().with_rows(3);
    let found = bench.clock.run(client.reconcile(&batch, Some(&submitted))).unwrap();
    let rows: Vec<_> = found.rows.iter().map(|row| (row.index, row.outcome)).collect();
    assert_eq!(rows, [2, 3, 4].map(|index| (Some(index), RowOutcome::Unaccounted)), "row 1 is the header");
    let other = Batch::new(ProviderId::from_static("reap"), "b-1").unwrap();
    assert_eq!(bench.clock.run(client.reconcile(&other, None)).unwrap_err().kind(), ErrorKind::Usage);
    assert!(bench.connector.requests().is_empty());
}

/// The number of a row is one of its sheet: KillB returns the rows of all sheets.
#[cfg(all(feature = "killb", feature = "xlsx"))]
#[test]
fn row_of_another_sheet_with_the_same_number_is_not_paired_and_not_sent_again() {
    use bulkrail::test_util::VirtualClock;
    use bulkrail::{AnySubmission, Batch, FileFormat, RetryOptions, Upload, killb};

    let workbook = |other: &[&str]| {
        let mut book = rust_xlsxwriter::Workbook::new();
        for cells in [&["externalId", "a", "b"][..], other] {
            let sheet = book.add_worksheet();
            for (number, cell) in (0..).zip(cells) {
                sheet.write(number, 0, *cell).unwrap();
            }
        }
        book.save_to_buffer().unwrap()
    };
    let batch = Batch::new(killb::PROVIDER, "j-1").unwrap();
    let (clock, format) = (VirtualClock::new(), Some(FileFormat::Xlsx));
    // What is failed of the rows of the workbook, and what a next file has, if row 3 of any sheet failed.
    let failed = |workbook: Vec<u8>| {
        let file = Upload::from_bytes(workbook);
        let rows = clock.run(AnySubmission::rows_of_file(&batch, file.clone(), format)).unwrap();
        let mut reconciler = Reconciler::new(&rows);
        reconciler.push(Row::new(RowOutcome::Succeeded).with_reference("a").with_index(2));
        reconciler.push(Row::new(RowOutcome::Failed).with_index(3));
        let found = reconciler.finish(&Progress::default());
        let failed: Vec<_> = found.failed_rows().map(|row| row.reference.clone()).collect();
        let options = RetryOptions::default();
        let to = std::io::sink();
        let written = clock.run(AnySubmission::write_retry(&batch, &found, file, format, &options, to)).unwrap();
        (failed, found.missing, written.rows)
    };
    let b = Some("b".to_owned());
    assert_eq!(failed(workbook(&[])), (vec![b.clone()], vec![], 1), "one sheet");
    assert_eq!(failed(workbook(&["accountType"])), (vec![b], vec![], 1), "the other sheet has a header alone");
    let other = failed(workbook(&["accountType", "PSE", "PSE"]));
    assert_eq!(other, (vec![], vec!["b".to_owned()], 0), "row 3 may be that of the other sheet");
}
