//! Parts of the document of a [`WaitState`](super::WaitState).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Version of the documents that this crate writes, and the only one that it reads.
const VERSION: u32 = 1;

/// 500 characters of each text of a provider: documented ones have up to a few hundred, and a state is stored after every
/// poll.
const MAX_TEXT_CHARS: usize = 500;

/// The field `version`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(VERSION)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match u32::deserialize(from)? {
            VERSION => Ok(Self),
            version => Err(serde::de::Error::custom(format_args!(
                "this is a wait state of version {version}; this version of the library reads version {VERSION}"
            ))),
        }
    }
}

/// The last snapshot.
pub(super) mod snapshot {
    use super::{Serialize, Serializer, cut};
    use crate::model::Snapshot;

    pub(in super::super) fn serialize<S: Serializer>(last: &Option<Box<Snapshot>>, to: S) -> Result<S::Ok, S::Error> {
        let is_short = |last: &Snapshot| {
            let texts = [Some(&last.provider_status), last.message.as_ref()];
            texts.into_iter().flatten().all(|text| text.len() <= super::MAX_TEXT_CHARS)
        };
        match last {
            Some(last) if !is_short(last) => {
                let mut last = last.clone();
                cut(&mut last.provider_status);
                last.message.iter_mut().for_each(cut);
                Some(last).serialize(to)
            }
            last => last.serialize(to),
        }
    }
}

/// The last error.
pub(super) mod fault {
    use super::{Deserialize, Deserializer, Serialize, Serializer, cut};
    use crate::error::{Error, ErrorDocument};

    pub(in super::super) fn serialize<S: Serializer>(fault: &Option<Error>, to: S) -> Result<S::Ok, S::Error> {
        let document = fault.as_ref().map(|fault| {
            let mut document = fault.document();
            let error = &mut document.error;
            cut(&mut error.message);
            let texts = [&mut error.hint, &mut error.code, &mut error.parameter, &mut error.request_id];
            texts.into_iter().flatten().for_each(cut);
            document
        });
        document.serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Error>, D::Error> {
        Ok(Option::<ErrorDocument>::deserialize(from)?.map(Error::from))
    }
}

fn cut(text: &mut String) {
    if let std::borrow::Cow::Owned(short) = crate::text::truncated(text, MAX_TEXT_CHARS) {
        *text = short;
    }
}
