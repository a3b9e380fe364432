//! Compares announcements and recommendations, which change no type.

use bulkrail_codegen::pointer;

use crate::diff::collector::Collector;
use crate::diff::difference::{Change, Class};
use crate::pages::model::Operation;

/// Compares whether something is deprecated. `pointer` is its place in the spec, `name` its name in
/// a message.
pub(crate) fn compare_deprecation(
    collector: &mut Collector<'_>,
    (known, page): (Option<bool>, Option<bool>),
    pointer: &str,
    line: Option<usize>,
    name: &str,
) {
    let (change, message, states) = match (known, page) {
        (Some(false) | None, Some(true)) => {
            let message = format!("{name} is deprecated on the page and not in the spec");
            (Change::DeprecationAdded, message, (None, Some("deprecated".to_owned())))
        }
        (Some(true), Some(false)) => {
            let message = format!("{name} is deprecated in the spec and not on the page");
            (Change::DeprecationRemoved, message, (Some("deprecated".to_owned()), None))
        }
        _ => return,
    };
    collector.add(pointer::join(pointer, "deprecated"), line, Class::Notice, change, message, states);
}

/// Compares the recommendations for polling.
pub(crate) fn compare_polling(collector: &mut Collector<'_>, known: &Operation, page: &Operation) {
    let (from, to) = (&known.polling, &page.polling);
    let is_same = match (from, to) {
        (Some(from), Some(to)) => to.is_same(from),
        (from, to) => from.is_none() && to.is_none(),
    };
    if is_same {
        return;
    }
    let text = |polling: &Option<_>| polling.as_ref().map(ToString::to_string);
    let (from, to) = (text(from), text(to));
    let words = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let message = format!("the recommended polling is {} on the page, {} in the spec", words(&to), words(&from));
    let line = page.polling.as_ref().and_then(|polling| polling.line).or(page.line);
    let pointer = pointer::join(&known.spec_pointer, "x-poll-advice");
    collector.add(pointer, line, Class::Notice, Change::Polling, message, (from, to));
}
