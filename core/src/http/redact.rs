//! Keeps credentials out of what is kept of a response that repeats them.

use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use foldhash::quality::RandomState;
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;
use crate::model::{Drift, DriftKind, Snapshot, State, identifier_or_length};

/// Replaces a text that repeats a credential.
const REPLACEMENT: &str = "(text that repeats a credential)";

/// 12 characters of a credential are recognised wherever they are; of a shorter one, all of it.
const WINDOW: usize = 12;

/// 6 characters: a shorter credential would be found in texts that have nothing to do with it.
const MIN_SECRET_LEN: usize = 6;

/// 16 credentials are known: keys, passwords and the last tokens of a client.
const MAX_SECRETS: usize = 16;

/// 8 bits for each part: one of eight other texts is looked up in the parts themselves.
const BITS_PER_PART: usize = 8;

/// Recognises the credentials of a client, also URL-encoded, as Base64 and in part. Clones share what they know.
///
/// Only hashes of the credentials are held. Texts of rows are checked as they are streamed: each part of a text is
/// hashed once, and costs one bit test where it is not of a credential.
#[derive(Clone, Default)]
pub(super) struct Redactor {
    known: Arc<Mutex<Credentials>>,
    hasher: RandomState,
}

#[derive(Default)]
struct Credentials {
    known: VecDeque<Known>,
    /// One for each length of parts.
    filters: Vec<Filter>,
}

/// Hashes of the parts of one credential, all of one length.
#[derive(PartialEq, Eq)]
struct Known {
    len: usize,
    parts: HashSet<u64>,
}

/// Bits of the hashes of all parts that have one length.
struct Filter {
    len: usize,
    /// The number of words is a power of two.
    words: Vec<u64>,
}

impl Filter {
    fn new(len: usize, known: &VecDeque<Known>) -> Self {
        let parts = || known.iter().filter(|known| known.len == len).flat_map(|known| &known.parts);
        let words = (parts().count() * BITS_PER_PART).div_ceil(64).next_power_of_two();
        let mut filter = Self { len, words: vec![0; words] };
        for hash in parts() {
            let (word, bit) = filter.place(*hash);
            filter.words[word] |= bit;
        }
        filter
    }

    fn place(&self, hash: u64) -> (usize, u64) {
        // The number of words is far below 2^32.
        (usize::try_from(hash >> 32).unwrap_or_default() & (self.words.len() - 1), 1 << (hash % 64))
    }

    fn may_have(&self, hash: u64) -> bool {
        let (word, bit) = self.place(hash);
        self.words[word] & bit != 0
    }
}

impl Credentials {
    fn push(&mut self, len: usize, parts: HashSet<u64>) {
        self.known.retain(|older| older.parts != parts);
        self.known.push_back(Known { len, parts });
        if self.known.len() > MAX_SECRETS {
            self.known.pop_front();
        }
        let lens: HashSet<_> = self.known.iter().map(|known| known.len).collect();
        self.filters = lens.into_iter().map(|len| Filter::new(len, &self.known)).collect();
    }

    fn have(&self, len: usize, hash: u64) -> bool {
        self.known.iter().any(|known| known.len == len && known.parts.contains(&hash))
    }
}

impl Redactor {
    /// Adds a credential.
    pub(super) fn add(&self, secret: &SecretString) {
        let secret = secret.expose_secret().trim().as_bytes();
        if secret.len() < MIN_SECRET_LEN {
            return;
        }
        let len = secret.len().min(WINDOW);
        let mut parts = HashSet::new();
        for form in forms(secret) {
            parts.extend(form.windows(len).map(|part| self.hash(part)));
        }
        self.lock().push(len, parts);
    }

    /// Returns `text`, or a replacement where it repeats a credential.
    pub(super) fn redact(&self, text: &mut String) {
        if self.repeats(text) {
            REPLACEMENT.clone_into(text);
        }
    }

    /// Redacts the reason of an error, which names fields of a response.
    pub(super) fn redact_reason(&self, error: Error) -> Error {
        error.map_reason(|reason| {
            let mut reason = reason.to_owned();
            self.redact(&mut reason);
            reason
        })
    }

    fn repeats(&self, text: &str) -> bool {
        if text.len() < MIN_SECRET_LEN {
            return false;
        }
        let credentials = self.lock();
        if credentials.known.is_empty() {
            return false;
        }
        let text = text.to_ascii_lowercase();
        credentials.filters.iter().any(|filter| {
            text.as_bytes().windows(filter.len).any(|part| {
                let hash = self.hash(part);
                filter.may_have(hash) && credentials.have(filter.len, hash)
            })
        })
    }

    /// Redacts the texts of a snapshot. A status word that is documented stays.
    pub(super) fn redact_snapshot(&self, mut snapshot: Snapshot) -> Snapshot {
        // Another field may say the state of a batch whose word is not documented.
        let shown = identifier_or_length(&snapshot.provider_status);
        let is_new = |drift: &Drift| drift.kind == DriftKind::UnknownValue && drift.found == shown;
        if snapshot.state == State::Unknown || snapshot.drift.iter().any(is_new) {
            self.redact(&mut snapshot.provider_status);
        }
        snapshot.message.iter_mut().for_each(|message| self.redact(message));
        self.redact_drift(&mut snapshot.drift);
        snapshot
    }

    /// Redacts names of fields and status words.
    pub(super) fn redact_drift(&self, drift: &mut [Drift]) {
        for drift in drift {
            self.redact(&mut drift.pointer);
            self.redact(&mut drift.found);
        }
    }

    fn hash(&self, part: &[u8]) -> u64 {
        self.hasher.hash_one(part)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Credentials> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor { .. }")
    }
}

/// Returns the forms in which a credential may be repeated, in lower case.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encoded =
        secret.iter().flat_map(|byte| if is_plain(*byte) { vec![*byte] } else { format!("%{byte:02x}").into_bytes() });
    let mut forms = vec![secret.to_vec(), encoded.collect()];
    // Base64 has another text for each position of the credential in what is encoded.
    for offset in 0..3 {
        let padded = [&[0; 2][..offset], secret].concat();
        let base64 = STANDARD.encode(&padded).into_bytes();
        // What depends on the bytes around the credential is left out.
        let start = if offset == 0 { 0 } else { offset + 1 };
        let end = padded.len() / 3 * 4;
        let url_safe = base64.iter().map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            byte => *byte,
        });
        forms.push(url_safe.collect::<Vec<_>>()[start..end].to_vec());
        forms.push(base64[start..end].to_vec());
    }
    forms.iter().map(|form| form.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn redactor_recognises_a_credential_in_every_form() {
        let redactor = Redactor::default();
        redactor.add(&"sk+live/9f8e7d6c5b4a3210".into());
        redactor.add(&"hunter22".into());
        for repeats in [
            "sk+live/9f8e7d6c5b4a3210",
            "SK+LIVE/9F8E7D6C5B4A3210",
            "Bearer sk+live/9f8e7d6c5b4a3210 is not valid",
            "sk%2Blive%2F9f8e7d6c5b4a3210",
            "sk+live/9f8e",
            "7d6c5b4a3210",
            "c2srbGl2ZS85ZjhlN2Q2YzViNGEzMjEw",
            // "user:" and "me:" before it.
            "dXNlcjpzaytsaXZlLzlmOGU3ZDZjNWI0YTMyMTA",
            "bWU6c2srbGl2ZS85ZjhlN2Q2YzViNGEzMjEw",
            "x-hunter22-y",
        ] {
            let mut text = repeats.to_owned();
            redactor.redact(&mut text);
            assert_eq!(text, REPLACEMENT, "{repeats}");
        }
        for other in ["", "COMPLETED_WITH_ERRORS", "sk+live", "hunter2", "9f8e7d6c5b"] {
            let mut text = other.to_owned();
            redactor.redact(&mut text);
            assert_eq!(text, other);
        }
        assert!(!format!("{redactor:?}").contains("live"));
    }

    #[test]
    fn redactor_recognises_credentials_of_several_lengths_and_no_other_text() {
        let redactor = Redactor::default();
        redactor.add(&"hunter22".into());
        // As long as a token that is signed.
        redactor.add(&(0..400).map(|number| format!("{number:03}x")).collect::<String>().into());
        redactor.add(&"hunter".into());
        for repeats in ["is 123x124x125x ok", "HUNTER22", "a hunter"] {
            assert!(redactor.repeats(repeats), "{repeats}");
        }
        for number in 0..2_000 {
            let text = format!("row {number}: the account number {:06} does not exist", number * 7);
            assert!(!redactor.repeats(&text), "{text}");
        }
    }

    #[test]
    fn redactor_replaces_a_reason_that_names_a_field_like_a_credential() {
        let redactor = Redactor::default();
        redactor.add(&"token-number-1".into());
        let reason = |text: &'static str| redactor.redact_reason(Error::new(ErrorKind::Decode, text)).to_string();
        assert_eq!(reason("/token-number-1 of the response is null"), REPLACEMENT);
        assert_eq!(reason("/id of the response is null"), "/id of the response is null");
    }

    #[test]
    fn redactor_keeps_the_last_credentials_and_documented_words() {
        let redactor = Redactor::default();
        redactor.add(&"completed".into());
        for number in 0..15 {
            redactor.add(&format!("token-number-{number:03}-{number:03}").into());
        }
        assert!(redactor.repeats("completed") && redactor.repeats("number-014-014"));
        let word =
            |state| redactor.redact_snapshot(Snapshot::new(state, "completed", Default::default())).provider_status;
        assert_eq!((&*word(State::Finished), &*word(State::Unknown)), ("completed", REPLACEMENT));
        redactor.add(&"one-more-token".into());
        assert!(!redactor.repeats("completed"));
    }

    #[test]
    fn redactor_replaces_a_new_status_word_also_where_another_field_says_the_state() {
        let redactor = Redactor::default();
        redactor.add(&"token-number-1".into());
        let drift = Drift::new("/status", DriftKind::UnknownValue, "a documented status word", "token-number-1");
        let snapshot = Snapshot::new(State::Running, "token-number-1", Default::default()).with_drift(vec![drift]);
        assert_eq!(redactor.redact_snapshot(snapshot).provider_status, REPLACEMENT);
    }

    #[test]
    fn filter_has_all_parts_of_its_length() {
        let hasher = RandomState::default();
        let parts = |from: u64, count: u64| (from..from + count).map(|part| hasher.hash_one(part)).collect();
        for count in [1, 2, 8, 100, 1_000] {
            let known = VecDeque::from([
                Known { len: 12, parts: parts(0, count) },
                Known { len: 12, parts: parts(count, count) },
                Known { len: 7, parts: parts(10_000, 50) },
            ]);
            let filter = Filter::new(12, &known);
            for part in 0..2 * count {
                assert!(filter.may_have(hasher.hash_one(part)), "{part} of {count}");
            }
        }
    }

    #[test]
    fn forms_of_a_credential_are_all_that_does_not_depend_on_the_text_around_it() {
        for secret in ["hunter", "hunter2", "hunter22", "sk+live/9f8e7d6c5b4a3210", "ÿþýüûúùø÷ö"] {
            let forms = forms(secret.as_bytes());
            assert_eq!(forms.len(), 8);
            assert_eq!(forms[0], secret.as_bytes().to_ascii_lowercase());
            for offset in 0..3 {
                let [url_safe, base64] = [&forms[2 + 2 * offset], &forms[3 + 2 * offset]];
                // The bits of `offset` bytes before it are in the first characters, and those after it in the last.
                let first = [0, 2, 3][offset];
                let whole = (offset + secret.len()) / 3 * 4;
                assert_eq!((url_safe.len(), base64.len()), (whole - first, whole - first), "{secret}, {offset}");
                for around in ["", "a", "zz", "~~~"] {
                    let before = ["", "q", "}}"][offset];
                    let text = STANDARD.encode(format!("{before}{secret}{around}")).to_ascii_lowercase();
                    assert!(text.as_bytes()[first..].starts_with(base64), "{secret}, {offset}, {around}");
                    let text = text.replace('+', "-").replace('/', "_");
                    assert!(text.as_bytes()[first..].starts_with(url_safe), "{secret}, {offset}, {around}");
                }
            }
        }
        let encoded = |secret: &str| String::from_utf8(forms(secret.as_bytes())[1].clone()).unwrap();
        assert_eq!(encoded("Ab9-_.~"), "ab9-_.~");
        assert_eq!(encoded("a+b/c d"), "a%2bb%2fc%20d");
    }

    #[test]
    fn redactor_recognises_a_credential_of_the_shortest_length_alone() {
        let redactor = Redactor::default();
        redactor.add(&"hunte".into());
        assert!(!redactor.repeats("hunte") && !redactor.repeats("hunter"));
        redactor.add(&"hunter".into());
        assert!(redactor.repeats("hunter") && !redactor.repeats("hunte"));
        assert_eq!(format!("{redactor:?}"), "Redactor { .. }");
    }

    #[test]
    fn redactor_keeps_a_documented_word_beside_other_differences() {
        let redactor = Redactor::default();
        redactor.add(&"completed".into());
        let word = |kind: DriftKind, found: &str| {
            let drift = Drift::new("/status", kind, "a documented field", found);
            let snapshot = Snapshot::new(State::Finished, "completed", Default::default()).with_drift(vec![drift]);
            redactor.redact_snapshot(snapshot).provider_status
        };
        assert_eq!(word(DriftKind::UnknownField, "completed"), "completed");
        assert_eq!(word(DriftKind::UnknownValue, "PAUSED"), "completed");
        assert_eq!(word(DriftKind::UnknownValue, "completed"), REPLACEMENT);
    }
}
