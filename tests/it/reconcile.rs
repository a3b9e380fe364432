//! Rows are paired by reference, never by position; and what does not add up is visible.

use std::collections::{BTreeMap, BTreeSet};

use bulkrail::{Progress, Reconciler, Row, RowOutcome};
use proptest::prelude::*;

/// A row of the provider's: for which reference, how it ended.
#[derive(Debug, Clone)]
struct Listed {
    reference: Option<u8>,
    outcome: RowOutcome,
}

fn row(index: usize, listed: &Listed) -> Row {
    let mut row = Row::new(listed.outcome);
    row.index = Some(index as u64);
    row.reference = listed.reference.map(|reference| format!("ref-{reference}"));
    // Tells where a row came from, so that a wrong pairing would show.
    row.account_id = listed.reference.map(|reference| format!("account of ref-{reference}"));
    row
}

fn listed() -> impl Strategy<Value = Listed> {
    let outcome = prop_oneof![Just(RowOutcome::Succeeded), Just(RowOutcome::Failed), Just(RowOutcome::Unaccounted)];
    (prop::option::weighted(0.9, 0u8..30), outcome).prop_map(|(reference, outcome)| Listed { reference, outcome })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The provider's list is anything: in any order, with rows twice, missing, or of nobody.
    #[test]
    fn no_row_is_ever_paired_with_another(submitted in prop::collection::btree_set(0u8..20, 0..20), list in prop::collection::vec(listed(), 0..40)) {
        let mut reconciler = Reconciler::new(submitted.iter().map(|reference| format!("ref-{reference}")));
        list.iter().enumerate().for_each(|(index, listed)| reconciler.push(row(index, listed)));
        let account = reconciler.finish(&Progress::default());

        let mut truth: BTreeMap<u8, BTreeSet<String>> = BTreeMap::new();
        let mut times: BTreeMap<u8, usize> = BTreeMap::new();
        for listed in &list {
            if let Some(reference) = listed.reference {
                truth.entry(reference).or_default().insert(listed.outcome.to_string());
                *times.entry(reference).or_default() += 1;
            }
        }
        // Every submitted row is there once, in its order, with its own outcome and account.
        prop_assert_eq!(account.rows.len(), submitted.len());
        for (reference, row) in submitted.iter().zip(&account.rows) {
            let name = format!("ref-{reference}");
            prop_assert_eq!(row.reference.as_ref(), Some(&name));
            match truth.get(reference) {
                None => {
                    prop_assert_eq!(row.outcome, RowOutcome::Unaccounted);
                    prop_assert!(account.missing.contains(&name));
                    prop_assert!(row.account_id.is_none());
                }
                Some(outcomes) => {
                    prop_assert_eq!(row.account_id.clone(), Some(format!("account of {name}")));
                    let expected = if outcomes.len() == 1 { outcomes.first().unwrap().clone() } else { "unaccounted".to_owned() };
                    prop_assert_eq!(row.outcome.to_string(), expected, "listed with different outcomes means nobody can tell");
                    prop_assert_eq!(account.duplicates.contains(&name), times[reference] > 1);
                }
            }
        }
        // What nobody submitted is listed as such, and nothing is dropped.
        let unexpected = list.iter().filter(|listed| listed.reference.is_none_or(|reference| !submitted.contains(&reference)));
        prop_assert_eq!(account.unexpected.len(), unexpected.count());
        prop_assert_eq!(account.missing.len(), submitted.iter().filter(|reference| !truth.contains_key(reference)).count());
    }

    #[test]
    fn a_difference_to_the_providers_counts_is_visible(outcomes in prop::collection::vec(any::<bool>(), 0..30), total in prop::option::of(0u64..40), succeeded in prop::option::of(0u64..40), failed in prop::option::of(0u64..40)) {
        let mut reconciler = Reconciler::without_references();
        for (index, good) in outcomes.iter().enumerate() {
            let outcome = if *good { RowOutcome::Succeeded } else { RowOutcome::Failed };
            reconciler.push(row(index, &Listed { reference: None, outcome }));
        }
        let mut progress = Progress::default();
        (progress.total, progress.succeeded, progress.failed) = (total, succeeded, failed);
        let account = reconciler.finish(&progress);
        let good = outcomes.iter().filter(|good| **good).count() as u64;
        let rows = outcomes.len() as u64;
        let differs = |what: &str| account.count_mismatches.iter().any(|found| found.what == what);
        prop_assert_eq!(differs("total"), total.is_some_and(|total| total != rows));
        prop_assert_eq!(differs("succeeded"), succeeded.is_some_and(|stated| stated != good));
        prop_assert_eq!(differs("failed"), failed.is_some_and(|stated| stated != rows - good));
        prop_assert_eq!(account.failed().count() as u64, rows - good);
    }
}

#[test]
fn a_reference_submitted_twice_is_reported() {
    let account = Reconciler::new(["a", "b", "a"]).close(&Progress::default());
    assert_eq!(account.duplicates, ["a"]);
    assert_eq!(account.rows.len(), 3, "every submitted row is in it");
}

/// Reap only counts rows; what became of each is read from its entity.
#[cfg(feature = "reap")]
#[test]
fn reap_rows_are_read_from_their_entities() {
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
    // Bad moments on the way cost nothing but time.
    connector.push(MockResponse::new(502, "<html>"));
    connector.push(MockResponse::json(429, "{}").header("retry-after", "3"));
    let batch = Batch::new(reap::PROVIDER, "b-1").unwrap();
    let submitted = ["good", "bad", "slow", "gone"].map(str::to_owned);
    let account = clock.run(client.account(&batch, &submitted)).unwrap();
    let rows: Vec<_> = account.rows.iter().map(|row| (row.outcome, row.reason.as_deref())).collect();
    assert_eq!(
        rows,
        [
            (RowOutcome::Succeeded, None),
            (RowOutcome::Failed, Some("KYC was rejected")),
            (RowOutcome::Unaccounted, None),
            (RowOutcome::Unaccounted, None),
        ]
    );
    assert_eq!((account.missing, account.count_mismatches), (vec!["gone".to_owned()], vec![]));
    // What an entity differs in from the spec is in the account, with how often.
    let drift = |pointer: &str| {
        account.drift.iter().find(|drift| drift.pointer == pointer).map(|drift| (drift.kind, drift.count))
    };
    assert_eq!(drift("/submittedRequirements/*/by"), Some((bulkrail::DriftKind::UnknownField, 1)));
    assert_eq!(
        drift("/submittedRequirements/*/status"),
        Some((bulkrail::DriftKind::UnknownValue, 1)),
        "{:?}",
        account.drift
    );
    assert_eq!(drift("/id"), Some((bulkrail::DriftKind::TypeMismatch, 1)));
    assert!(!format!("{:?}", account.drift).contains("CANARY"));
}
