//! Arguments of `config`.

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;

use crate::commands::completions::complete_profile;

const EXAMPLES: &str = "\
Examples:
  bulkrail config check
  bulkrail config check --profile killb-ops
  bulkrail run killb people.csv --profile killb-ops

The file is $XDG_CONFIG_HOME/bulkrail/config.toml, by default ~/.config/bulkrail/config.toml; on Windows
it is below %APPDATA%\\bulkrail; BULKRAIL_CONFIG names another. It has a table for each profile:

  [profiles.killb-ops]
  provider = \"killb\"
  environment = \"production\"
  credentials.KILLB_EMAIL = \"OPS_KILLB_EMAIL\"
  credentials.KILLB_PASSWORD = \"OPS_KILLB_PASSWORD\"

  [profiles.reap-test]
  provider = \"reap\"
  base_url = \"https://sandbox.example.com\"
  credential_command = [\"pass-json\", \"reap/test\"]

Never a secret: `credentials` has, for each variable of the provider, the name of the one to read
instead. Without it, and without a command, the provider's own variables are read. A credential_command
is run without a shell, for 60 s at most. It prints one JSON object, such as {\"REAP_API_KEY\": \"...\"}.
Its output is shown nowhere; its messages are, where standard error is a terminal. A file that names a
command must not be writable by others.

Precedence: --base-url or --production, else the profile, else NAME_BASE_URL, else the sandbox.
Credentials: the profile, else the provider's variables. The profile: --profile, else BULKRAIL_PROFILE,
else none; without one the file is not read. `bulkrail resume` uses the profile that each batch was
submitted with.";

/// Check the profiles of the configuration file
#[derive(Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    Check(ConfigCheckArgs),
}

/// Check the file, and whether the credentials of each profile are there
///
/// Says what is missing and shows no value. Runs the credential commands; sends nothing. Exits with 2
/// when something is missing.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ConfigCheckArgs {
    /// Check one profile only
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete_profile))]
    pub(crate) profile: Option<String>,
}
