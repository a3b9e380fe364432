//! Texts below the options of a help, wrapped for the terminal: clap loses the indent of what it wraps.

use clap::Command;

use crate::grid::{stdout_width, words};

/// 100 columns at most: longer lines are hard to read.
const MAX_WIDTH: usize = 100;

/// 6 columns before what does not fit beside an example.
const INDENT: usize = 6;

/// Wraps the texts of a command and of its subcommands for the terminal that standard output is.
pub(crate) fn fit(command: Command) -> Command {
    match stdout_width() {
        Some(width) => fit_in(command, width.min(MAX_WIDTH)),
        None => command,
    }
}

/// Returns a text of a help, wrapped for the terminal that standard output is.
pub(crate) fn fit_text(text: &str) -> String {
    stdout_width().map_or_else(|| text.to_owned(), |width| wrapped(text, width.min(MAX_WIDTH)))
}

fn fit_in(mut command: Command, width: usize) -> Command {
    if let Some(text) = command.get_after_long_help().map(|text| wrapped(&text.to_string(), width)) {
        command = command.after_long_help(text);
    }
    command.mut_subcommands(|command| fit_in(command, width))
}

/// Paragraph, example or row of a table.
struct Block {
    /// Text with its indent.
    text: String,
    /// Columns before its second and later lines.
    hang: usize,
    is_example: bool,
    /// Later lines of the text may belong to it.
    is_open: bool,
}

impl Block {
    fn new(line: &str) -> Self {
        let body = line.trim_start();
        let indent = line.len() - body.len();
        let is_example = body.starts_with("bulkrail ") || body.starts_with("sleep ");
        // A row of a table has its text behind two blanks or more.
        let cell = body.find("  ").map(|gap| gap + body[gap..].len() - body[gap..].trim_start().len());
        let hang = indent + cell.unwrap_or_default();
        let is_open = !is_example && !body.is_empty() && !body.ends_with(':');
        Self { text: line.to_owned(), hang, is_example, is_open }
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
        let body = self.text.trim();
        let (example, explanation) = body.split_once("  ").unwrap_or((body, ""));
        let lines = words(&joined(example), width.saturating_sub(4));
        let lines: Vec<_> = lines.iter().map(|line| line.replace(JOIN, " ")).collect();
        for (number, line) in lines.iter().enumerate() {
            let indent = if number == 0 { 2 } else { INDENT };
            let end = if number + 1 < lines.len() { " \\" } else { "" };
            text.push_str(&format!("{}{line}{end}\n", " ".repeat(indent)));
        }
        for line in words(explanation, width.saturating_sub(INDENT)).iter().filter(|line| !line.is_empty()) {
            text.push_str(&format!("{}{line}\n", " ".repeat(INDENT)));
        }
    }
}

/// Blank at which an example is not broken.
const JOIN: char = '\0';

/// Returns an example in which an option is joined to its value, and an operator of the shell to what follows.
fn joined(example: &str) -> String {
    let mut joined = String::new();
    let mut before = "";
    for word in example.split_whitespace() {
        let is_option = before.starts_with("--") && !word.starts_with(|c| "-&>|".contains(c));
        if !before.is_empty() {
            joined.push(if is_option || [">", "|"].contains(&before) { JOIN } else { ' ' });
        }
        joined.push_str(word);
        before = word;
    }
    joined
}

/// Returns `text` in lines of at most `width` columns. Lines that were broken by hand are joined before.
fn wrapped(text: &str, width: usize) -> String {
    let mut blocks: Vec<Block> = Vec::new();
    for line in text.lines() {
        let block = Block::new(line);
        let indent = line.len() - line.trim_start().len();
        match blocks.last_mut() {
            Some(before) if before.is_open && block.is_open && block.hang == indent && before.hang == indent => {
                before.text.push_str(&format!(" {}", line.trim_start()));
            }
            // What explains an example, on the line below it.
            Some(before) if before.is_example && indent > INDENT => {
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
exist there.";

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
may exist there.
";
        assert_eq!(wrapped(TEXT, 46), expected);
    }

    #[test]
    fn texts_of_every_help_fit_60_columns() {
        use clap::CommandFactory;
        let mut commands = vec![fit_in(crate::args::Cli::command(), 60)];
        while let Some(command) = commands.pop() {
            let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            for line in text.lines() {
                assert!(line.chars().count() <= 60, "{}: {line}", command.get_name());
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
