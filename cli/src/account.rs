//! An account of every row, from whichever provider.

use std::time::Duration;

use bulkrail::time::Clock;
use bulkrail::{Reconciliation, Batch, Error, ErrorKind, Provider};

use crate::connect::AnyClient;
use crate::submitted::Submitted;

/// Between tries to read rows: reading changes nothing, and after a long wait one bad answer should not cost the rows.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];
/// However long the provider asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What became of each row. Reap has to know what was submitted.
pub(crate) async fn read(client: &AnyClient, batch: &Batch, submitted: Option<&Submitted>) -> Result<Reconciliation, Error> {
    let references = submitted.and_then(Submitted::references);
    let clock = client.clock();
    let mut account = match client {
        AnyClient::Killb(client) => patiently(&clock, || client.account(batch, references)).await?,
        AnyClient::Reap(client) => {
            let unknown = "Reap names no rows; they are read by their references";
            let references = references.ok_or_else(|| Error::new(ErrorKind::Usage, unknown))?;
            patiently(&clock, || client.account(batch, references)).await?
        }
        AnyClient::Cdq(_) => Reconciliation::default(),
        AnyClient::Localpayment(client) => patiently(&clock, || client.account(batch, references)).await?,
    };
    if let Some(submitted) = submitted {
        submitted.complete(&mut account, batch);
    }
    Ok(account)
}

/// Tries again where that may help.
pub(crate) async fn patiently<T, F: Future<Output = Result<T, Error>>>(
    clock: &Clock,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error> {
    for pause in PAUSES {
        match attempt().await {
            Err(error) if error.is_transient() => {
                let asked = error.retry_after().unwrap_or_default();
                clock.sleep(asked.clamp(pause, LONGEST_PAUSE)).await;
            }
            ended => return ended,
        }
    }
    attempt().await
}

/// What does not add up, a line each, for people.
pub(crate) fn doubts(batch: &Batch, account: &Reconciliation) -> Vec<String> {
    let provider = batch.provider();
    let mut doubts: Vec<_> =
        account.count_mismatches.iter().map(|found| differs(batch, &found.what, found.provider, found.rows)).collect();
    if !account.duplicates.is_empty() {
        doubts.push(format!(
            "{provider} lists more than once: {}",
            listed(account.duplicates.iter().map(String::as_str))
        ));
    }
    if !account.unexpected.is_empty() {
        let references = account.unexpected.iter().map(|row| row.reference.as_deref().unwrap_or("(no reference)"));
        doubts.push(format!("{provider} lists rows that were not submitted: {}", listed(references)));
    }
    doubts
}

/// That the provider's count is not what its rows add up to.
pub(crate) fn differs(batch: &Batch, what: &str, provider: u64, rows: u64) -> String {
    let what = if what == "total" { "in all".to_owned() } else { format!("as {what}") };
    format!("{} counts {provider} {what}, but the rows add up to {rows}", batch.provider())
}

/// The first few, and how many more there are.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 10;
    let more = names.len().saturating_sub(SHOWN);
    let mut text = names.take(SHOWN).map(crate::table::clean).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<_> = (0..12).map(|number| format!("r{number}")).collect();
        assert_eq!(listed(names.iter().map(String::as_str)), "r0, r1, r2, r3, r4, r5, r6, r7, r8, r9 and 2 more");
        assert_eq!(listed(["a\u{1b}"].into_iter()), "a");
    }
}
