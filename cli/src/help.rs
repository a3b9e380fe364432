//! Texts below the options of a help, wrapped for the terminal: clap loses the indent of what it wraps.

use clap::Command;

use crate::grid::{stdout_width, words};

/// 100 columns at most: longer lines are hard to read.
const MAX_WIDTH: usize = 100;

/// 4 more columns than an example has are before what does not fit beside it.
const HANG: usize = 4;

/// Wraps the texts of a command and of its subcommands for the terminal that standard output is; in lines of 100 columns if
/// it is none.
pub(crate) fn fit(command: Command) -> Command {
    fit_in(command, stdout_width().unwrap_or(MAX_WIDTH).min(MAX_WIDTH))
}

fn fit_in(mut command: Command, width: usize) -> Command {
    // With the names of the commands above it, which a usage begins with.
    command.build();
    fit_built(command, width)
}

fn fit_built(mut command: Command, width: usize) -> Command {
    let usage = command.render_usage().to_string();
    if usage.lines().any(|line| line.chars().count() > width) {
        command = command.override_usage(fit_usage(&usage, width));
    }
    if let Some(text) = command.get_before_long_help().map(|text| wrapped(&text.to_string(), width)) {
        command = command.before_long_help(text);
    }
    if let Some(text) = command.get_after_long_help().map(|text| wrapped(&text.to_string(), width)) {
        command = command.after_long_help(text);
    }
    command.mut_subcommands(|command| fit_built(command, width))
}

/// Returns what follows `Usage: `, in lines of at most `width` columns.
fn fit_usage(usage: &str, width: usize) -> String {
    const TITLE: &str = "Usage: ";
    let indent = " ".repeat(TITLE.len());
    let lines = usage.strip_prefix(TITLE).unwrap_or(usage).lines().flat_map(|line| {
        let lines = words(&joined(line.trim()), width.saturating_sub(TITLE.len() + HANG));
        let hang = " ".repeat(HANG);
        let lines = lines.into_iter().enumerate();
        lines.map(move |(number, line)| format!("{}{}", if number == 0 { "" } else { &hang }, line.replace(JOIN, " ")))
    });
    lines.collect::<Vec<_>>().join(&format!("\n{indent}"))
}

/// Paragraph, example or row of a table.
struct Block {
    /// Text with its indent.
    text: String,
    indent: usize,
    /// Columns before its second and later lines.
    hang: usize,
    is_example: bool,
    /// It may belong to the text before it.
    is_text: bool,
    /// Later lines of the text may belong to it.
    is_open: bool,
}

impl Block {
    fn new(line: &str) -> Self {
        let body = line.trim_start();
        let indent = line.len() - body.len();
        // A row of a table has its text behind two blanks or more, and a point of a list behind its marker.
        let cell = body.find("  ").map(|gap| gap + body[gap..].len() - body[gap..].trim_start().len());
        let point = body.find(' ').filter(|end| *end > 0 && is_marker(&body[..*end])).map(|end| end + 1);
        let text = &body[point.unwrap_or_default()..];
        let hang = indent + point.or(cell).unwrap_or_default();
        let is_example = is_command(text);
        let is_toml = text.starts_with('[') || text.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        let is_text = !is_example && !is_toml && !body.is_empty();
        Self { text: line.to_owned(), indent, hang, is_example, is_text, is_open: is_text && !body.ends_with(':') }
    }

    fn push(&self, text: &mut String, width: usize) {
        let hang = " ".repeat(self.hang);
        if self.text.chars().count() <= width {
            text.push_str(&self.text);
            text.push('\n');
        } else if self.is_example {
            self.push_example(text, width);
        } else {
            let (first, rest) = self.text.split_at(self.hang);
            for (number, line) in words(rest, width.saturating_sub(self.hang)).iter().enumerate() {
                text.push_str(&format!("{}{line}\n", if number == 0 { first } else { &hang }));
            }
        }
    }

    /// Adds an example and what explains it. A long one goes on below a backslash, as a shell reads it.
    fn push_example(&self, text: &mut String, width: usize) {
        // Behind the marker of a point.
        let start = self.text.find(char::is_alphabetic).unwrap_or_default();
        let (marker, body) = self.text.split_at(start);
        let hang = start + HANG;
        let (example, explanation) = body.split_once("  ").unwrap_or((body, ""));
        // Two columns are for a backslash.
        let lines = words(&joined(example), width.saturating_sub(hang + 2));
        let lines: Vec<_> = lines.iter().map(|line| line.replace(JOIN, " ")).collect();
        for (number, line) in lines.iter().enumerate() {
            let before = if number == 0 { marker } else { &" ".repeat(hang) };
            let end = if number + 1 < lines.len() { " \\" } else { "" };
            text.push_str(&format!("{before}{line}{end}\n"));
        }
        for line in words(explanation, width.saturating_sub(hang)).iter().filter(|line| !line.is_empty()) {
            text.push_str(&format!("{}{line}\n", " ".repeat(hang)));
        }
    }
}

/// Blank at which an example is not broken.
const JOIN: char = '\0';

/// Returns an example in which an option is joined to its value, an operator of the shell to what follows, and the words
/// between two quotes to each other.
fn joined(example: &str) -> String {
    let mut joined = String::new();
    let (mut before, mut is_quoted) = ("", false);
    for word in example.split_whitespace() {
        let is_option = before.starts_with("--") && !word.starts_with(|c| "-&>|".contains(c));
        if !before.is_empty() {
            joined.push(if is_quoted || is_option || [">", "|"].contains(&before) { JOIN } else { ' ' });
        }
        is_quoted ^= word.matches('\'').count() % 2 == 1;
        joined.push_str(word);
        before = word;
    }
    joined
}

/// Returns whether a line of a help begins with a command, which is to be copied.
fn is_command(text: &str) -> bool {
    ["bulkrail ", "sleep ", "cargo ", "git ", "BULKRAIL_BLESS="].iter().any(|word| text.starts_with(word))
}

/// Returns whether a word is the marker of a point of a list: `-` or `1.`.
fn is_marker(word: &str) -> bool {
    word == "-" || word.strip_suffix('.').is_some_and(|number| number.parse::<u8>().is_ok())
}

/// Returns `text` in lines of at most `width` columns. Lines that were broken by hand are joined before.
fn wrapped(text: &str, width: usize) -> String {
    let mut blocks: Vec<Block> = Vec::new();
    for line in text.lines() {
        let block = Block::new(line);
        let indent = block.indent;
        match blocks.last_mut() {
            Some(before) if before.is_open && block.is_text && block.hang == indent && before.hang == indent => {
                before.text.push_str(&format!(" {}", line.trim_start()));
                before.is_open = block.is_open;
            }
            // What explains an example, on the line below it.
            Some(before) if before.is_example && indent > before.indent + HANG => {
                before.text.push_str(&format!("    {}", line.trim_start()));
            }
            _ => blocks.push(block),
        }
    }
    let mut fitted = String::new();
    blocks.iter().for_each(|block| block.push(&mut fitted, width));
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
Examples:
  bulkrail demo                         four batches, without network
  bulkrail retry killb 550e8400 --submitted people.csv --out next.csv
                                        the next file

Exit codes:
    3  partial: some rows succeeded, others failed or are unaccounted
       for; check: errors

Rows of which the provider reports no outcome may
exist there. A cell that begins with = or -
is quoted; go on with:
  bulkrail rows

  1. Save the page of the provider as it
     is.
  2. bulkrail specs diff PROVIDER PAGE
     It prints the differences.
  - rows are processed
    later

  [profiles.ops]
  provider = \"killb\"

  bulkrail check reap x.csv | jq '.a[] | select(.b == 1)'";

    #[test]
    fn texts_of_a_help_keep_their_indent_and_their_examples() {
        let expected = "\
Examples:
  bulkrail demo
      four batches, without network
  bulkrail retry killb 550e8400 \\
      --submitted people.csv --out next.csv
      the next file

Exit codes:
    3  partial: some rows succeeded, others
       failed or are unaccounted for; check:
       errors

Rows of which the provider reports no outcome
may exist there. A cell that begins with = or
- is quoted; go on with:
  bulkrail rows

  1. Save the page of the provider as it is.
  2. bulkrail specs diff PROVIDER PAGE
     It prints the differences.
  - rows are processed later

  [profiles.ops]
  provider = \"killb\"

  bulkrail check reap x.csv | jq \\
      '.a[] | select(.b == 1)'
";
        assert_eq!(wrapped(TEXT, 46), expected);
    }

    #[test]
    fn texts_of_every_help_fit_60_columns() {
        use clap::CommandFactory;
        // A terminal that is narrower than a word panics nowhere.
        drop(fit_in(crate::args::Cli::command(), 1));
        let mut commands = vec![fit_in(crate::args::Cli::command(), 60)];
        while let Some(mut command) = commands.pop() {
            let texts = [command.get_before_long_help(), command.get_after_long_help()];
            let text: String = texts.into_iter().flatten().map(|text| format!("{text}\n")).collect();
            let usage = command.render_usage().to_string();
            for line in text.lines().chain(usage.lines()) {
                assert!(line.chars().count() <= 60, "{}: {line}", command.get_name());
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
