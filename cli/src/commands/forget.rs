//! `bulkrail forget`: removes submissions from the list.

use crate::args::ForgetArgs;
use crate::error::CliError;
use crate::state::StateDir;
use crate::submissions::Submissions;
use crate::{exit, output};

pub(crate) async fn run(args: ForgetArgs) -> Result<u8, CliError> {
    let removed = Submissions::new(&StateDir::from_env()).forget(args.name, args.all).await?;
    let what = if removed == 1 { "1 submission is".to_owned() } else { format!("{removed} submissions are") };
    output::last(output::text(&format!("{what} not listed any more\n")))?;
    Ok(exit::SUCCESS)
}
