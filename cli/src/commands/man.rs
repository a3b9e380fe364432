//! `bulkrail man`: man pages of all commands.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::args::{Cli, ManArgs};
use crate::error::CliError;
use crate::{exit, output};

pub(crate) fn run(args: &ManArgs) -> Result<u8, CliError> {
    let mut command = Cli::command();
    command.build();
    match &args.dir {
        Some(dir) => {
            let unwritable = |error| CliError::io(&format!("{} cannot be written", dir.display()), &error);
            fs::create_dir_all(dir).map_err(unwritable)?;
            write(&command, dir).map_err(unwritable)?;
        }
        None => output::last(output::text(&page(&command)?))?,
    }
    Ok(exit::SUCCESS)
}

/// Writes the page of a command and of those below it: `bulkrail-specs-lint.1`.
fn write(command: &Command, dir: &Path) -> std::io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    fs::write(dir.join(format!("{name}.1")), page(command)?)?;
    let mut shown = command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help");
    shown.try_for_each(|command| write(command, dir))
}

fn page(command: &Command) -> std::io::Result<String> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    let page = String::from_utf8(page).map_err(std::io::Error::other)?;
    // Commands are to be copied: lines are neither filled nor broken within words, and the texts below the options stay as
    // they are.
    let page = page.replacen(".SH NAME", ".nh\n.ad l\n.SH NAME", 1);
    Ok(match page.split_once(".SH EXTRA\n") {
        Some((before, notes)) => match notes.find("\n.SH ") {
            Some(end) => format!("{before}.SH NOTES\n.nf\n{}\n.fi{}", &notes[..end], &notes[end..]),
            None => format!("{before}.SH NOTES\n.nf\n{notes}"),
        },
        None => page,
    })
}
