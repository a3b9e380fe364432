//! A request for an operation of the spec.

use serde_json::Value;

/// A request for an operation.
pub(crate) struct Call<'a> {
    pub(crate) operation: &'a str,
    pub(crate) parameters: Vec<(&'a str, &'a str)>,
    pub(crate) body: Body,
    pub(crate) credential: Credential<'a>,
    pub(crate) accept: &'static str,
}

pub(crate) enum Body {
    None,
    Json(Value),
    File(Vec<u8>),
}

pub(crate) enum Credential<'a> {
    Good,
    Missing,
    This(&'a str),
}

impl<'a> Call<'a> {
    pub(crate) fn to(operation: &'a str) -> Self {
        Self {
            operation,
            parameters: Vec::new(),
            body: Body::None,
            credential: Credential::Good,
            accept: "application/json",
        }
    }

    pub(crate) fn with(mut self, parameter: &'a str, value: &'a str) -> Self {
        self.parameters.push((parameter, value));
        self
    }

    pub(crate) fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }

    pub(crate) fn file(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Body::File(bytes.into());
        self
    }

    pub(crate) fn anonymous(mut self) -> Self {
        self.credential = Credential::Missing;
        self
    }

    pub(crate) fn by(mut self, credential: &'a str) -> Self {
        self.credential = Credential::This(credential);
        self
    }

    pub(crate) fn accepting(mut self, media_type: &'static str) -> Self {
        self.accept = media_type;
        self
    }
}
