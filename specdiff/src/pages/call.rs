//! Reads the sample call of a rendered page: a `curl` command.

use crate::pages::auth::{Auth, Credential, CredentialKind, is_credential_name};
use crate::pages::model::MediaTypes;
use crate::pages::names::is_name;

/// Maximum size of a command. Longer ones carry a body, which is read as an example.
const MAX_COMMAND: usize = 8 * 1024;

/// Options of curl with a value that says nothing about the operation.
const OPTIONS_WITH_VALUE: [&str; 6] = ["-o", "--output", "-A", "--user-agent", "-m", "--max-time"];

/// Options that send a body, and so make the method POST.
const BODY_OPTIONS: [&str; 8] =
    ["-d", "--data", "--data-raw", "--data-binary", "--data-urlencode", "--json", "-F", "--form"];

/// Sample call of an operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    /// Method in lower case.
    pub(crate) method: String,
    /// Address as the page has it.
    pub(crate) address: String,
    headers: Vec<(String, String)>,
    has_basic_auth: bool,
    /// Line on the page.
    pub(crate) line: Option<usize>,
}

impl Call {
    /// Finds the first call in a text that starts after `lines_before` lines of the page.
    pub(crate) fn find(text: &str, lines_before: usize) -> Option<Self> {
        let mut offset = 0;
        for (index, line) in text.split_inclusive('\n').enumerate() {
            if let Some(options) = options_of_curl(line) {
                let from = offset + (line.len() - options.len());
                let call = Self::from_words(words(&text[from..]), lines_before + index + 1);
                return Some(call).filter(|call| !call.address.is_empty());
            }
            offset += line.len();
        }
        None
    }

    fn from_words(words: Vec<String>, line: usize) -> Self {
        let mut call = Self { line: Some(line), ..Self::default() };
        let mut has_body = false;
        let mut words = words.into_iter().flat_map(separate_value);
        while let Some(word) = words.next() {
            match word.as_str() {
                "-X" | "--request" => call.method = words.next().unwrap_or_default().to_ascii_lowercase(),
                "-G" | "--get" => "get".clone_into(&mut call.method),
                "-I" | "--head" => "head".clone_into(&mut call.method),
                "--url" => call.address = words.next().unwrap_or_default(),
                "-H" | "--header" => {
                    let header = words.next().unwrap_or_default();
                    if let Some((name, value)) = header.split_once(':') {
                        call.headers.push((name.trim().to_owned(), value.trim().to_owned()));
                    }
                }
                "-u" | "--user" => {
                    call.has_basic_auth = true;
                    words.next();
                }
                option if BODY_OPTIONS.contains(&option) => {
                    has_body = true;
                    words.next();
                }
                option if OPTIONS_WITH_VALUE.contains(&option) => _ = words.next(),
                option if option.starts_with('-') => {}
                _ if call.address.is_empty() => call.address = word,
                _ => {}
            }
        }
        if call.method.is_empty() {
            (if has_body { "post" } else { "get" }).clone_into(&mut call.method);
        }
        call
    }

    /// Returns the authentication of the call.
    pub(crate) fn auth(&self) -> Auth {
        let headers = self.headers.iter().filter_map(|(name, value)| Credential::from_sample_header(name, value));
        let basic = self.has_basic_auth.then(|| Credential::new(CredentialKind::Http("basic".to_owned())));
        let query = self.address.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
        let keys = names.filter(|name| is_credential_name(name));
        let keys = keys.map(|name| Credential::new(CredentialKind::Query(name.to_owned())));
        Auth::new(headers.chain(basic).chain(keys), self.line)
    }

    /// Returns the names of the query parameters, without those of credentials.
    pub(crate) fn query_names(&self) -> impl Iterator<Item = &str> {
        let query = self.address.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let query = query.split('#').next().unwrap_or_default();
        let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
        names.filter(|name| is_name(name) && !is_credential_name(name))
    }

    /// Returns the names of the headers as the page writes them, without those of credentials.
    pub(crate) fn header_names(&self) -> impl Iterator<Item = &str> {
        let headers = self.headers.iter().filter(|(name, value)| Credential::from_sample_header(name, value).is_none());
        headers.map(|(name, _)| name.as_str())
    }

    /// Returns the media types in the header `name`, or `None` if the call does not have it.
    pub(crate) fn media_types(&self, name: &str) -> Option<MediaTypes> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        let types = MediaTypes::new(value.split(','), self.line);
        // `*/*` accepts every response and states nothing.
        (!types.names.is_empty() && !types.names.contains("*/*")).then_some(types)
    }
}

/// Returns what follows `curl` on a line that calls it, with or without a prompt before it.
fn options_of_curl(line: &str) -> Option<&str> {
    let start = line.trim_start_matches(|char: char| char.is_whitespace() || char == '`');
    let start = ["$ ", "> "].into_iter().find_map(|prompt| start.strip_prefix(prompt)).unwrap_or(start).trim_start();
    let options = start.strip_prefix("curl.exe").or_else(|| start.strip_prefix("curl"))?;
    options.starts_with([' ', '\t']).then_some(options)
}

/// Separates a short option from the value that is written without a blank: `-XPOST`.
fn separate_value(word: String) -> Vec<String> {
    let is_attached = ["-X", "-H", "-d", "-F", "-u"].iter().any(|option| word.starts_with(option)) && word.len() > 2;
    if !is_attached {
        return vec![word];
    }
    let (option, value) = word.split_at(2);
    vec![option.to_owned(), value.to_owned()]
}

/// Splits a command into words as a shell does. The command ends with its line, unless that line
/// ends inside of quotes or with the sign of a shell: a backslash, `^` of Windows, a backtick of
/// PowerShell.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut is_word) = (Vec::new(), String::new(), false);
    let mut quote = None;
    let mut chars = text.char_indices().peekable();
    while let Some((offset, char)) = chars.next() {
        if offset > MAX_COMMAND {
            break;
        }
        match (quote, char) {
            (Some(open), char) if char == open => quote = None,
            (None, '\'' | '"') => (quote, is_word) = (Some(char), true),
            // The line goes on, with or without blanks after the sign.
            (None, '\\' | '^') if ends_line(&text[offset + 1..]) => {
                while chars.next().is_some_and(|(_, char)| char != '\n') {}
            }
            // At the end of a word, a backtick ends the code of Markdown.
            (None, '`') if !is_word && ends_line(&text[offset + 1..]) => {
                while chars.next().is_some_and(|(_, char)| char != '\n') {}
            }
            (None | Some('"'), '\\') => {
                word.extend(chars.next().map(|(_, escaped)| escaped));
                is_word = true;
            }
            (None, '\n') => break,
            (None, char) if char.is_whitespace() => {
                if std::mem::take(&mut is_word) {
                    words.push(std::mem::take(&mut word));
                }
            }
            (_, char) => {
                word.push(char);
                is_word = true;
            }
        }
    }
    if is_word && quote.is_none() {
        words.push(word);
    }
    words
}

/// Returns whether only blanks follow on the same line.
fn ends_line(text: &str) -> bool {
    text.chars().take_while(|char| *char != '\n').all(char::is_whitespace)
}
