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
            // An empty submission is one whose rows are not known: listed rows are taken as they come.
            prop_assert_eq!(found.rows, list.iter().enumerate().map(|(index, listed)| row(index, listed)).collect::<Vec<_>>());
            prop_assert!(found.unexpected.is_empty() && found.missing.is_empty() && found.duplicates.is_empty());
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
    connector.otherwise(|sent| match sent.url.path() {
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
            (RowOutcome::Unaccounted, None),
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
