use std::fmt;

use super::raw::types;

/// Holder of an account: a person or a company.
///
/// It has the fields that the data of all kinds share, but for COELSA. KillB wants either the name of a person or that
/// of a company.
///
/// ```
/// use bulkrail::killb::{AchPaData, BankAccountType, Document, DocumentTypeKnown, Holder};
///
/// let document = Document::new(DocumentTypeKnown::Rut, "123456", "PA");
/// let holder = Holder::company("Acme Corp", "acme@example.com", "+5075550000", document);
/// let data = AchPaData::new(holder, "10234567", "001", BankAccountType::Savings, "PA");
/// assert_eq!(data.company_name.as_deref(), Some("Acme Corp"));
/// ```
#[derive(Clone, PartialEq)]
pub struct Holder {
    pub(super) first_name: Option<String>,
    pub(super) middle_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) company_name: Option<String>,
    pub(super) email: String,
    pub(super) phone: String,
    pub(super) document: types::Document,
}

impl Holder {
    /// Returns a person. The phone number has a country prefix in every example.
    #[must_use]
    pub fn person(
        first_name: impl Into<String>,
        last_name: impl Into<String>,
        email: impl Into<String>,
        phone: impl Into<String>,
        document: types::Document,
    ) -> Self {
        Self {
            first_name: Some(first_name.into()),
            middle_name: None,
            last_name: Some(last_name.into()),
            company_name: None,
            email: email.into(),
            phone: phone.into(),
            document,
        }
    }

    /// Returns a company. The phone number has a country prefix in every example.
    #[must_use]
    pub fn company(
        company_name: impl Into<String>,
        email: impl Into<String>,
        phone: impl Into<String>,
        document: types::Document,
    ) -> Self {
        Self {
            first_name: None,
            middle_name: None,
            last_name: None,
            company_name: Some(company_name.into()),
            email: email.into(),
            phone: phone.into(),
            document,
        }
    }

    /// Returns the same holder with a middle name.
    #[must_use]
    pub fn with_middle_name(self, middle_name: impl Into<String>) -> Self {
        Self { middle_name: Some(middle_name.into()), ..self }
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Holder { .. }")
    }
}

impl types::Document {
    /// Returns a document of a person or a company; for INE and IFE see [`ine`](Self::ine) and [`ife`](Self::ife).
    ///
    /// A kind that no list has is [`DocumentType::Unknown`](types::DocumentType::Unknown).
    #[must_use]
    pub fn new(
        type_: impl Into<types::DocumentType>,
        number: impl Into<String>,
        issued_country_code: impl Into<String>,
    ) -> Self {
        Self {
            type_: type_.into(),
            number: number.into(),
            issued_country_code: issued_country_code.into(),
            cic: None,
            expedition_date: None,
            identificador_ciudadano: None,
            numero_emision: None,
            ocr: None,
        }
    }

    /// Returns an INE document, with the two fields that only it needs.
    #[must_use]
    pub fn ine(
        number: impl Into<String>,
        issued_country_code: impl Into<String>,
        cic: impl Into<String>,
        identificador_ciudadano: impl Into<String>,
    ) -> Self {
        Self {
            cic: Some(cic.into()),
            identificador_ciudadano: Some(identificador_ciudadano.into()),
            ..Self::new(types::DocumentTypeKnown::Ine, number, issued_country_code)
        }
    }

    /// Returns an IFE document, with the two fields that only it needs.
    #[must_use]
    pub fn ife(
        number: impl Into<String>,
        issued_country_code: impl Into<String>,
        ocr: impl Into<String>,
        numero_emision: impl Into<String>,
    ) -> Self {
        Self {
            ocr: Some(ocr.into()),
            numero_emision: Some(numero_emision.into()),
            ..Self::new(types::DocumentTypeKnown::Ife, number, issued_country_code)
        }
    }
}

impl types::CoelsaDocument {
    /// Returns the document of the holder of a COELSA account.
    #[must_use]
    pub fn new(
        type_: types::CoelsaDocumentType,
        number: impl Into<String>,
        issued_country_code: impl Into<String>,
    ) -> Self {
        Self { type_, number: number.into(), issued_country_code: issued_country_code.into() }
    }
}
