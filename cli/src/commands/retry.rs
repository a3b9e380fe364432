//! `bulkrail retry`: writes the next file from the rows that did not succeed. Submits nothing.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulkrail::http::retry_reads;
use bulkrail::{
    AnySubmission, Batch, Error, ErrorKind, FileFormat, Provider, Reconciliation, RetryFile, RetryOptions, Upload, cdq,
    localpayment,
};
use uuid::Uuid;

use crate::args::RetryArgs;
use crate::connect::connect_for;
use crate::error::CliError;
use crate::place::SubmittedFile;
use crate::printer::{self, Printer};
use crate::screen;
use crate::state::{StateDir, private};
use crate::submissions::{Submissions, digest};
use crate::values::{command_line, option};
use crate::{exit, input, output, signals};

pub(crate) async fn run(args: RetryArgs, printer: Printer) -> Result<u8, CliError> {
    let stop = signals::stop()?;
    let mut out = Out::default();
    let done = tokio::select! {
        done = retry(&args, &mut out, printer) => done,
        () = stop => Err(interrupted(&args)),
    };
    if done.is_err() {
        out.remove();
    }
    done
}

async fn retry(args: &RetryArgs, out: &mut Out, printer: Printer) -> Result<u8, CliError> {
    let format = FileFormat::from_path(&args.submitted);
    check_files(args, format).await?;
    let batch = args.target.batch().await?;
    if *batch.provider() == cdq::PROVIDER {
        let reason = "CDQ does not list rows: a job ends as a whole, and no public page has a result for each account";
        return Err(CliError::usage(reason));
    }
    let in_file = |error| CliError::from(error).map_reason(|reason| format!("{}: {reason}", args.submitted.display()));
    let file = Upload::from_path(&args.submitted);
    let rows = match AnySubmission::rows_of_file(&batch, file.clone(), format).await {
        Ok(rows) => rows,
        Err(error) => {
            let error = in_file(error);
            return Err(match submitted_file(args, &batch).await {
                Some(submitted) => error.with_hint(format!("the batch was submitted from {submitted}")),
                None => error,
            });
        }
    };
    let client = connect_for(&batch, &args.connection).await?;
    let snapshot = match retry_reads(&client.clock(), || client.poll(&batch)).await {
        Ok(snapshot) => snapshot,
        Err(error) => return Err(args.target.explain(error.into()).await),
    };
    if !snapshot.is_terminal() {
        let error =
            Error::new(ErrorKind::Usage, "the batch has not ended: rows that may still succeed are not retried");
        let wait = format!("bulkrail wait {}", batch.provider());
        let wait = command_line(&wait, &[batch.id()], &args.connection.flags());
        return Err(CliError::from(error.with_batch(batch)).with_hint(format!("wait for its end: {wait}")));
    }
    let reconciliation = client.reconcile(&batch, Some(&rows)).await?;
    warn_of_other_file(args, &batch, client.environment()).await;
    let unaccounted = reconciliation.unaccounted_rows().count();
    let mut options = RetryOptions::default();
    if unaccounted > 0 && (args.unaccounted || asks_for(unaccounted).await?) {
        options = options.with_unaccounted();
    } else if unaccounted > 0 {
        let (rows, they) = (count(unaccounted as u64), if unaccounted == 1 { "it" } else { "them" });
        printer.note(&format!("left out: {rows} unaccounted for and may exist; --unaccounted includes {they}"));
    }
    if let Some(key) = &args.key {
        options = options.key(key);
    }
    let failed = reconciliation.failed_rows().count();
    if failed == 0 && !options.has_unaccounted() {
        printer.note("nothing is written: no row has failed");
        return Ok(exit::SUCCESS);
    }
    if let Some(written) = write(args, &batch, &reconciliation, &options, file, format, out).await? {
        report(args, &batch, &written, &options, printer);
    }
    Ok(exit::SUCCESS)
}

/// Returns the file that the batch was submitted from, if that is known and is another than the one that is named.
async fn submitted_file(args: &RetryArgs, batch: &Batch) -> Option<String> {
    let log = Submissions::new(&StateDir::from_env()).read_of([batch]).await.log;
    let submitted = SubmittedFile::of(&log.entries()[log.position(batch)?]).path()?.to_owned();
    let is_other = fs::canonicalize(&submitted).ok() != fs::canonicalize(&args.submitted).ok();
    is_other.then_some(submitted)
}

/// Refuses files that cannot be read twice, and outputs that would be overwritten.
async fn check_files(args: &RetryArgs, format: Option<FileFormat>) -> Result<(), CliError> {
    let submitted = &args.submitted;
    input::check(submitted).await?;
    if !tokio::fs::metadata(submitted).await.is_ok_and(|file| file.is_file()) {
        let reason = format!("{}: it is read twice, and this is not a regular file", submitted.display());
        return Err(CliError::usage(reason).with_hint("save it as a file"));
    }
    let Some(out) = &args.out else {
        if format == Some(FileFormat::Xlsx) && io::stdout().is_terminal() {
            return Err(CliError::usage("a workbook cannot be shown on a terminal").with_hint("use --out FILE.xlsx"));
        }
        return Ok(());
    };
    let refused = |reason: &str| CliError::usage(format!("{}: {reason}", out.display()));
    match FileFormat::from_path(out) {
        Some(written) if Some(written) != format => {
            let name = submitted.display();
            return Err(refused(&format!("the rows are written in the form of {name}; give it the same extension")));
        }
        _ => {}
    }
    if input::is_same_file(out, submitted) {
        return Err(refused("it is the file that was submitted, which is not overwritten"));
    }
    match fs::symlink_metadata(out) {
        Ok(_) if !args.force => Err(refused("it exists").with_hint("--force replaces it")),
        Ok(found) if found.is_dir() => Err(refused("it is a directory")),
        Err(_) if !out.parent().is_none_or(|parent| parent == Path::new("") || parent.is_dir()) => {
            Err(refused("its directory does not exist").with_hint("create it, or name another file"))
        }
        _ => Ok(()),
    }
}

/// Warns where the batch was submitted from here, of a file with another content.
async fn warn_of_other_file(args: &RetryArgs, batch: &Batch, environment: &str) {
    let submissions = Submissions::new(&StateDir::from_env());
    let contents = submissions.read_named(batch.id()).await;
    let batch = batch.clone().with_environment(environment);
    let Some(position) = contents.log.position(&batch) else { return };
    let file = contents.log.entries()[position].note().file.as_ref();
    let Some(sha256) = file.and_then(|file| file.sha256.clone()) else { return };
    let path = args.submitted.clone();
    let now = tokio::task::spawn_blocking(move || digest(&path).ok().flatten()).await.ok().flatten();
    if now.is_some_and(|(_, now)| now != sha256) {
        let name = args.submitted.display();
        printer::error(&format!(
            "warning: {name} is not as it was submitted; rows are found by their reference, else by their number"
        ));
    }
}

/// Asks on a terminal whether to include rows that may exist; false where there is none.
async fn asks_for(unaccounted: usize) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    let (they, them) = if unaccounted == 1 { ("it", "it") } else { ("they", "them") };
    let question = format!(
        "{} unaccounted for: the provider may have processed {them}, and {they} would then exist twice.\nInclude \
         {them}? [y/N] ",
        count(unaccounted as u64)
    );
    screen::ask(&question);
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let answer = read.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    // Ctrl-D ends the answer without a line break.
    screen::end_question(answer.as_ref().is_ok_and(|answer| answer.ends_with('\n')));
    let answer = answer.map_err(|error| CliError::io("the terminal cannot be read", &error))?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

/// Writes the next file. Returns nothing where the reader of standard output has closed it.
async fn write(
    args: &RetryArgs,
    batch: &Batch,
    reconciliation: &Reconciliation,
    options: &RetryOptions,
    file: Upload,
    format: Option<FileFormat>,
    out: &mut Out,
) -> Result<Option<RetryFile>, CliError> {
    let buffer = Buffer::default();
    let to: Box<dyn Write + Send> = match &args.out {
        None => Box::new(buffer.clone()),
        Some(path) => Box::new(out.open(path, args.force)?),
    };
    let written = AnySubmission::write_retry(batch, reconciliation, file, format, options, to).await;
    let written = written.map_err(|error| {
        let is_key = error.parameter() == Some("key");
        let error = CliError::from(error);
        if is_key { error.with_hint("the key is that of --key") } else { error }
    })?;
    out.finish()?;
    if args.out.is_none() {
        match output::bytes(&buffer.lock()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(None),
            printed => printed?,
        }
    }
    Ok(Some(written))
}

/// Rows for standard output. They are printed at the end: an error of printing is none of the file that is read.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// File that is being written.
#[derive(Default)]
struct Out {
    /// File to remove where the command fails.
    partial: Option<PathBuf>,
    /// File that it replaces in the end.
    replaces: Option<PathBuf>,
}

impl Out {
    /// Creates the file, or one beside it that replaces it in the end. It is private to the user.
    fn open(&mut self, path: &Path, force: bool) -> Result<fs::File, CliError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        private(&mut options);
        let draft = if force {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            self.replaces = Some(path.to_owned());
            path.with_file_name(format!(".{name}.{}", Uuid::new_v4()))
        } else {
            path.to_owned()
        };
        let file = options.open(&draft);
        let file = file.map_err(|error| CliError::io(&format!("{} cannot be written", path.display()), &error))?;
        self.partial = Some(draft);
        Ok(file)
    }

    fn finish(&mut self) -> Result<(), CliError> {
        if let (Some(draft), Some(path)) = (&self.partial, &self.replaces) {
            let renamed = fs::rename(draft, path);
            renamed.map_err(|error| CliError::io(&format!("{} cannot be replaced", path.display()), &error))?;
        }
        self.partial = None;
        Ok(())
    }

    fn remove(&mut self) {
        if let Some(partial) = self.partial.take() {
            // What is left of it is no more than the rows of a file that exists.
            let _ = fs::remove_file(partial);
        }
    }
}

/// Prints what was written, and what to do next.
fn report(args: &RetryArgs, batch: &Batch, written: &RetryFile, options: &RetryOptions, printer: Printer) {
    if written.not_found > 0 {
        let (rows, name) = (count(written.not_found), args.submitted.display());
        printer::error(&format!("warning: {rows} failed and not found in {name}; is it the file that was submitted?"));
    }
    let to = args.out.as_ref().map_or_else(|| "standard output".to_owned(), |out| out.display().to_string());
    if let Some(reason) = &written.without_formats {
        let name = args.submitted.display();
        printer::error(&format!("warning: {to} has the values without formats: {name} {reason}"));
    }
    let mut parts = Vec::new();
    if written.failed > 0 {
        parts.push(format!("{} failed", written.failed));
    }
    if options.has_unaccounted() && written.unaccounted > 0 {
        parts.push(format!("{} unaccounted for", written.unaccounted));
    }
    printer.note(&format!("written: {to}, {} ({})", rows(written.rows), parts.join(", ")));
    if let Some(external_id) = &written.external_id {
        printer.note(&format!("externalId of the next batch: {external_id}"));
    }
    if let Some(minimum) = written.below_minimum {
        let provider = batch.provider();
        printer
            .note(&format!("{provider} takes at least {minimum} rows: add others to the file before it is submitted"));
    } else if let Some(out) = args.out.as_ref().filter(|_| written.rows > 0) {
        let more = match written.external_id {
            None if *batch.provider() == localpayment::PROVIDER => " --account-number NUMBER --country CODE",
            _ => "",
        };
        let run = format!("bulkrail run {}", batch.provider());
        let options = format!("{more}{}", args.connection.flags());
        printer.note(&format!("next: {}", command_line(&run, &[&out.to_string_lossy()], &options)));
    }
}

fn rows(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

/// Returns "1 row is" or "2 rows are".
fn count(number: u64) -> String {
    format!("{} {}", rows(number), if number == 1 { "is" } else { "are" })
}

fn interrupted(args: &RetryArgs) -> CliError {
    let error = Error::new(ErrorKind::Interrupted, "it was stopped before the file was written");
    let error = error.with_hint("nothing was submitted, and no file was changed");
    let mut command = "bulkrail retry".to_owned();
    let (mut names, mut options) = (Vec::new(), String::new());
    match (&args.target.batch, args.target.provider, &args.target.id) {
        (Some(file), ..) => options.push_str(&option("batch", &file.to_string_lossy())),
        (None, Some(provider), Some(id)) => {
            command.push_str(&format!(" {}", provider.id()));
            names.push(id.as_str());
        }
        _ => {}
    }
    options.push_str(&option("submitted", &args.submitted.to_string_lossy()));
    if let Some(out) = &args.out {
        options.push_str(&option("out", &out.to_string_lossy()));
    }
    for (is_given, flag) in [(args.force, " --force"), (args.unaccounted, " --unaccounted")] {
        options.push_str(if is_given { flag } else { "" });
    }
    if let Some(key) = &args.key {
        options.push_str(&option("key", key));
    }
    options.push_str(&args.connection.flags());
    let command = command_line(&command, &names, &options);
    CliError::from(error).with_resume(|_| command)
}
