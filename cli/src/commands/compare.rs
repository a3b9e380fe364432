//! `bulkrail compare`: compares the rows of a file with the accounts that exist.

use std::path::Path;

use bulkrail::killb::ExistingAccounts;
use bulkrail::text::printable;
use bulkrail::{AnyClient, Error, ErrorKind, FileFormat, ProviderId, Upload, cdq, killb, localpayment, reap};
use schemars::JsonSchema;
use serde::Serialize;

use crate::args::CompareArgs;
use crate::connect::connect;
use crate::error::CliError;
use crate::printer::Printer;
use crate::{exit, input, output, signals, table};

/// Rows of a file beside the accounts that exist.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CompareDocument<'c> {
    /// Provider that was asked.
    #[schemars(with = "String")]
    provider: ProviderId,
    /// Environment that was asked: `production`, `sandbox`, or the origin of a custom base URL.
    environment: &'c str,
    /// Path of the file as it was given.
    file: String,
    #[serde(flatten)]
    compared: &'c ExistingAccounts,
}

pub(crate) async fn run(args: CompareArgs, printer: Printer) -> Result<u8, CliError> {
    let (provider, file) = (args.provider.id(), &args.file);
    check_provider(&provider)?;
    input::check(file).await?;
    let rows = killb::Submission::rows_of_file(Upload::from_path(file), FileFormat::from_path(file)).await;
    let in_file = |error| CliError::from(error).map_reason(|reason| format!("{}: {reason}", file.display()));
    let rows = rows.map_err(in_file)?;
    let AnyClient::Killb(client) = connect(&provider, &args.connection)? else {
        return Err(CliError::usage("the provider has no list of accounts"));
    };
    let stop = signals::stop()?;
    let compared = tokio::select! {
        compared = client.compare_with_existing(&rows, args.users) => compared?,
        () = stop => return Err(Error::new(ErrorKind::Interrupted, "reading the accounts was stopped")
            .with_provider(provider)
            .with_hint("nothing was changed; compare them again")
            .into()),
    };
    let environment = client.environment();
    let printed = if args.json {
        let file = file.display().to_string();
        output::json(&CompareDocument { provider, environment, file, compared: &compared })
    } else {
        output::text(&format!("{}\n{}\n", table::compared(&compared.rows), summary(&compared, file)))
    };
    output::last(printed)?;
    notes(&compared).iter().for_each(|note| printer.for_json(args.json).note(note));
    Ok(if compared.is_complete() { exit::SUCCESS } else { exit::DIFFERENCES })
}

/// Refuses a provider at which a submit of unknown fate is found otherwise, or not at all.
fn check_provider(provider: &ProviderId) -> Result<(), CliError> {
    if *provider == killb::PROVIDER {
        return Ok(());
    }
    let (reason, hint) = if *provider == cdq::PROVIDER {
        ("CDQ has no public call that lists jobs or what they confirmed", "ask CDQ, with the storage and the time")
    } else if *provider == reap::PROVIDER {
        ("Reap tells a second submit from the first by its key", "submit the same file again with the same --key")
    } else if *provider == localpayment::PROVIDER {
        ("Localpayment has a batch under its own id", "poll it: bulkrail wait localpayment ID")
    } else {
        ("the provider has no list of accounts", "ask the provider")
    };
    Err(CliError::usage(reason).with_hint(hint))
}

/// Returns the line below the table.
fn summary(compared: &ExistingAccounts, file: &Path) -> String {
    let ExistingAccounts { existing, missing, duplicates, rows_without_reference, .. } = compared;
    let rows = match compared.rows.len() as u64 + rows_without_reference {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    let mut summary = format!("{}: {rows}, {existing} with an account, {missing} without", file.display());
    if *duplicates > 0 {
        summary.push_str(&format!("; {duplicates} with several, as after a double submission"));
    }
    if *rows_without_reference > 0 {
        summary.push_str(&format!("; {rows_without_reference} not compared, because they have no externalId"));
    }
    printable(&summary).into_owned()
}

/// Returns what the comparison cannot say, one sentence each.
fn notes(compared: &ExistingAccounts) -> Vec<String> {
    let mut notes = Vec::new();
    if compared.missing > 0 {
        notes.push(
            "a missing row may not be processed yet, may have been refused, or may belong to another user: compare \
             again before you submit it again"
                .to_owned(),
        );
    }
    if compared.existing > 0 {
        notes.push("an account that was created before the submit is not one of its rows".to_owned());
    }
    for user in compared.users.iter().filter(|user| user.accounts == 0) {
        notes.push(format!("the user {} has no accounts: check the id", user.id));
    }
    match compared.accounts_without_reference {
        0 => {}
        1 => notes.push("1 account has no externalId: it may be that of a missing row".to_owned()),
        count => notes.push(format!("{count} accounts have no externalId: they may be those of missing rows")),
    }
    notes
}
