//! Accounts to create: one variant for each documented kind, and one for kinds of tomorrow.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::raw::types;

/// Account to create: its kind with the data of that kind, and two optional ids.
///
/// It is the request body of [`Client::create_account`](super::Client::create_account), and encodes to it. Decoding
/// refuses a field that the kind does not have, so that nothing is dropped silently.
///
/// ```
/// use bulkrail::killb::{CreateAccount, Document, DocumentTypeKnown, Holder, PixData, PixKeyType};
///
/// let document = Document::new(DocumentTypeKnown::Cpf, "12345678909", "BR");
/// let holder = Holder::person("Ana", "Souza", "ana@example.com", "+5511999990000", document);
/// let account = CreateAccount::new(PixData::new(holder, PixKeyType::Cpf, "12345678909", "BR"))
///     .with_external_id("ana-pix-1");
/// assert_eq!(account.kind.as_str(), "PIX");
/// assert_eq!(serde_json::to_value(&account)?["data"]["pixKeyType"], "CPF");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// A typo does not compile:
///
/// ```compile_fail,E0609
/// # use bulkrail::killb::{Document, DocumentTypeKnown, Holder, PixData, PixKeyType};
/// # let document = Document::new(DocumentTypeKnown::Cpf, "12345678909", "BR");
/// # let holder = Holder::person("Ana", "Souza", "ana@example.com", "+5511999990000", document);
/// let mut data = PixData::new(holder, PixKeyType::Cpf, "12345678909", "BR");
/// data.pix_ky = "12345678909".into();
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct CreateAccount {
    /// User who is to own the account. Optional on the page; which user owns an account without it is unknown.
    pub user_id: Option<String>,
    /// Your own reference for the account. KillB recommends it against duplicates.
    pub external_id: Option<String>,
    /// Kind of the account and its data.
    pub kind: AccountKind,
}

impl CreateAccount {
    /// Returns an account of this kind, without ids.
    #[must_use]
    pub fn new(kind: impl Into<AccountKind>) -> Self {
        Self { user_id: None, external_id: None, kind: kind.into() }
    }

    /// Returns the same account with the user who is to own it.
    #[must_use]
    pub fn with_user_id(self, user_id: impl Into<String>) -> Self {
        Self { user_id: Some(user_id.into()), ..self }
    }

    /// Returns the same account with your own reference.
    #[must_use]
    pub fn with_external_id(self, external_id: impl Into<String>) -> Self {
        Self { external_id: Some(external_id.into()), ..self }
    }
}

impl fmt::Debug for CreateAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CreateAccount { .. }")
    }
}

/// Kind of an account, with the data of that kind.
///
/// The fields come from KillB's pages for PSE, SPEI and ACH, and from KillB's own client for the others; each data type
/// names its source. A required field is one that the client requires. No page marks any field as required.
///
/// Where KillB takes something that these types do not have, use [`AccountKind::Other`], also for a documented kind.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum AccountKind {
    /// Colombian bank account, `PSE`.
    Pse(types::PseData),
    /// Bank account in the United States, `ACH`.
    Ach(types::AchData),
    /// Bank account in Honduras, `ACH_HN`.
    AchHn(types::AchHnData),
    /// Bank account in El Salvador, `ACH_SV`.
    AchSv(types::AchSvData),
    /// Bank account in Nicaragua, `ACH_NI`.
    AchNi(types::AchNiData),
    /// Bank account in Guatemala, `ACH_GT`.
    AchGt(types::AchGtData),
    /// Bank account in Panama, `ACH_PA`.
    AchPa(types::AchPaData),
    /// Bank account in Bolivia, `ACH_BO`.
    AchBo(types::AchBoData),
    /// Bank account for international wires, `WIRE`.
    Wire(types::WireData),
    /// Crypto wallet, `WALLET`.
    Wallet(types::WalletData),
    /// Argentine account by CVU, `COELSA`. KillB's client has it in responses only.
    Coelsa(types::CoelsaData),
    /// Colombian alias, `BREB`.
    Breb(types::BrebData),
    /// Mexican account, `SPEI`.
    Spei(types::SpeiData),
    /// Brazilian account by Pix key, `PIX`.
    Pix(types::PixData),
    /// Account by interbank code, `CCI`.
    Cci(types::CciData),
    /// Savings account that KillB keeps, `CUSTODIAL`. Its fields are documented nowhere.
    Custodial(Map<String, Value>),
    /// Colombian mobile wallet, `TRANSFIYA`.
    Transfiya(types::TransfiyaData),
    /// Bank account by SWIFT code, `SWIFT`.
    Swift(types::SwiftData),
    /// Bank account in Uruguay, `SPI`.
    Spi(types::SpiData),
    /// Bank account in Paraguay, `SPI_PY`.
    SpiPy(types::SpiPyData),
    /// Account in the Dominican Republic, `SPI_DO`.
    SpiDo(types::SpiDoData),
    /// Bank account in Costa Rica, `SINPE`.
    Sinpe(types::SinpeData),
    /// Kind that the spec does not have yet, or data that its type does not have. It is sent as it is.
    Other {
        /// Value of `type`.
        kind: String,
        /// Value of `data`.
        data: Map<String, Value>,
    },
}

/// Writes the conversions of the kinds, each with its word.
macro_rules! kinds {
    ($($kind:ident = $word:literal),* $(,)?) => {
        impl AccountKind {
            /// Returns the word of the kind: the value of `type` in the request.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$kind(_) => $word,)*
                    Self::Custodial(_) => CUSTODIAL,
                    Self::Other { kind, .. } => kind,
                }
            }

            fn is_documented(word: &str) -> bool {
                word == CUSTODIAL $(|| word == $word)*
            }
        }

        impl From<types::CreateAccount> for CreateAccount {
            fn from(account: types::CreateAccount) -> Self {
                let (kind, external_id, user_id) = match account {
                    $(types::CreateAccount::$kind { data, external_id, user_id } => {
                        (AccountKind::$kind(data), external_id, user_id)
                    })*
                    types::CreateAccount::Custodial { data, external_id, user_id } => {
                        (AccountKind::Custodial(data.0), external_id, user_id)
                    }
                };
                Self { user_id, external_id, kind }
            }
        }

        impl CreateAccount {
            /// Returns the generated type; `None` for a kind that it does not have.
            pub(super) fn to_generated(&self) -> Option<types::CreateAccount> {
                let (external_id, user_id) = (self.external_id.clone(), self.user_id.clone());
                Some(match &self.kind {
                    $(AccountKind::$kind(data) => {
                        types::CreateAccount::$kind { data: data.clone(), external_id, user_id }
                    })*
                    AccountKind::Custodial(data) => {
                        types::CreateAccount::Custodial { data: data.clone().into(), external_id, user_id }
                    }
                    AccountKind::Other { .. } => return None,
                })
            }
        }
    };
}

const CUSTODIAL: &str = "CUSTODIAL";

kinds! {
    Pse = "PSE",
    Ach = "ACH",
    AchHn = "ACH_HN",
    AchSv = "ACH_SV",
    AchNi = "ACH_NI",
    AchGt = "ACH_GT",
    AchPa = "ACH_PA",
    AchBo = "ACH_BO",
    Wire = "WIRE",
    Wallet = "WALLET",
    Coelsa = "COELSA",
    Breb = "BREB",
    Spei = "SPEI",
    Pix = "PIX",
    Cci = "CCI",
    Transfiya = "TRANSFIYA",
    Swift = "SWIFT",
    Spi = "SPI",
    SpiPy = "SPI_PY",
    SpiDo = "SPI_DO",
    Sinpe = "SINPE",
}

/// Writes `From` for the data of each kind.
macro_rules! from_data {
    ($($kind:ident($data:ident)),* $(,)?) => {
        $(impl From<types::$data> for AccountKind {
            fn from(data: types::$data) -> Self {
                Self::$kind(data)
            }
        })*
    };
}

from_data! {
    Pse(PseData), Ach(AchData), AchHn(AchHnData), AchSv(AchSvData), AchNi(AchNiData), AchGt(AchGtData),
    AchPa(AchPaData), AchBo(AchBoData), Wire(WireData), Wallet(WalletData), Coelsa(CoelsaData), Breb(BrebData),
    Spei(SpeiData), Pix(PixData), Cci(CciData), Transfiya(TransfiyaData), Swift(SwiftData), Spi(SpiData),
    SpiPy(SpiPyData), SpiDo(SpiDoData), Sinpe(SinpeData),
}

impl fmt::Debug for AccountKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Other { .. } => "Other",
            documented => documented.as_str(),
        };
        write!(f, "{word} {{ .. }}")
    }
}

/// Request body of a kind that the generated type does not have.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OtherAccount {
    #[serde(rename = "type")]
    kind: String,
    data: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
}

impl Serialize for CreateAccount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.to_generated(), &self.kind) {
            (Some(account), _) => account.serialize(serializer),
            (None, AccountKind::Other { kind, data }) => OtherAccount {
                kind: kind.clone(),
                data: data.clone(),
                user_id: self.user_id.clone(),
                external_id: self.external_id.clone(),
            }
            .serialize(serializer),
            (None, _) => Err(serde::ser::Error::custom("a documented kind is in the generated type")),
        }
    }
}

impl<'de> Deserialize<'de> for CreateAccount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Value::deserialize(deserializer)?;
        if json["type"].as_str().is_some_and(AccountKind::is_documented) {
            let account = types::CreateAccount::deserialize(&json).map_err(D::Error::custom)?;
            let known = serde_json::to_value(&account).map_err(D::Error::custom)?;
            return match undocumented_field(&json, &known) {
                Some(field) => Err(D::Error::custom(format!("this kind of account has no field `{field}`"))),
                None => Ok(account.into()),
            };
        }
        let OtherAccount { kind, data, user_id, external_id } =
            OtherAccount::deserialize(json).map_err(D::Error::custom)?;
        Ok(Self { user_id, external_id, kind: AccountKind::Other { kind, data } })
    }
}

/// Returns the path of a field of `json` that is not in `known`. A field that is null is one that is missing.
fn undocumented_field(json: &Value, known: &Value) -> Option<String> {
    let fields = json.as_object()?.iter().filter(|(_, value)| !value.is_null());
    fields.into_iter().find_map(|(name, value)| match known.get(name) {
        None => Some(bulkrail_core::identifier_or_length(name).into_owned()),
        Some(known) => Some(format!("{name}.{}", undocumented_field(value, known)?)),
    })
}

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
    first_name: Option<String>,
    middle_name: Option<String>,
    last_name: Option<String>,
    company_name: Option<String>,
    email: String,
    phone: String,
    document: types::Document,
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

impl types::BankAddress {
    /// Returns the address of a bank. `street2` is optional.
    #[must_use]
    pub fn new(
        street1: impl Into<String>,
        city: impl Into<String>,
        state: impl Into<String>,
        zip_code: impl Into<String>,
        country_code: impl Into<String>,
    ) -> Self {
        Self {
            street1: street1.into(),
            street2: None,
            city: city.into(),
            state: state.into(),
            zip_code: zip_code.into(),
            country_code: country_code.into(),
        }
    }
}

/// Returns the data of a kind: the fields of the holder, and those that are given.
macro_rules! data {
    ($holder:ident, $($field:ident: $value:expr),* $(,)?) => {{
        let Holder { first_name, middle_name, last_name, company_name, email, phone, document } = $holder;
        Self { first_name, middle_name, last_name, company_name, email, phone, document, $($field: $value),* }
    }};
}

impl types::PseData {
    /// Returns the data with every required field.
    #[must_use]
    pub fn new(
        holder: Holder,
        account_number: impl Into<String>,
        bank_code: impl Into<String>,
        type_: types::BankAccountType,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            account_number: account_number.into(),
            bank_code: bank_code.into(),
            type_: type_,
            country_code: country_code.into(),
        )
    }
}

impl types::AchData {
    /// Returns the data with every required field.
    #[must_use]
    pub fn new(
        holder: Holder,
        bank_name: impl Into<String>,
        routing_number: impl Into<String>,
        account_number: impl Into<String>,
        type_: types::BankAccountType,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            bank_name: bank_name.into(),
            routing_number: routing_number.into(),
            account_number: account_number.into(),
            type_: type_,
            country_code: country_code.into(),
        )
    }
}

impl types::AchHnData {
    /// Returns the data with every required field.
    #[must_use]
    pub fn new(
        holder: Holder,
        bank_name: impl Into<String>,
        account_number: impl Into<String>,
        bank_code: impl Into<String>,
        type_: types::BankAccountType,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            bank_name: bank_name.into(),
            account_number: account_number.into(),
            bank_code: bank_code.into(),
            type_: type_,
            country_code: country_code.into(),
        )
    }
}

impl types::AchSvData {
    /// Returns the data with every required field.
    #[must_use]
    pub fn new(
        holder: Holder,
        bank_name: impl Into<String>,
        account_number: impl Into<String>,
        bank_code: impl Into<String>,
        type_: types::BankAccountType,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            bank_name: bank_name.into(),
            account_number: account_number.into(),
            bank_code: bank_code.into(),
            type_: type_,
            country_code: country_code.into(),
        )
    }
}

impl types::AchNiData {
    /// Returns the data with every required field.
    #[must_use]
    pub fn new(
        holder: Holder,
        bank_name: impl Into<String>,
        account_number: impl Into<String>,
        bank_code: impl Into<String>,
        type_: types::BankAccountType,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            bank_name: bank_name.into(),
            account_number: account_number.into(),
            bank_code: bank_code.into(),
            type_: type_,
            country_code: country_code.into(),
        )
    }
}

impl types::AchGtData {
    /// Returns the data with every required field.
    #[must_use]
    pub fn new(
        holder: Holder,
        bank_name: impl Into<String>,
        account_number: impl Into<String>,
        bank_code: impl Into<String>,
        type_: types::BankAccountType,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            bank_name: bank_name.into(),
            account_number: account_number.into(),
            bank_code: bank_code.into(),
            type_: type_,
            country_code: country_code.into(),
        )
    }
}

impl types::AchPaData {
    /// Returns the data with every required field.
    #[must_use]
    pub fn new(
        holder: Holder,
        account_number: impl Into<String>,
        bank_code: impl Into<String>,
        type_: types::BankAccountType,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            account_number: account_number.into(),
            bank_code: bank_code.into(),
            type_: type_,
            country_code: country_code.into(),
        )
    }
}

impl types::AchBoData {
    /// Returns the data with every required field.
    #[must_use]
    pub fn new(
        holder: Holder,
        account_number: impl Into<String>,
        bank_code: impl Into<String>,
        type_: types::BankAccountType,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            account_number: account_number.into(),
            bank_code: bank_code.into(),
            type_: type_,
            country_code: country_code.into(),
        )
    }
}

impl types::SpiData {
    /// Returns the data with every required field. The account number has 2 to 14 digits.
    #[must_use]
    pub fn new(
        holder: Holder,
        account_number: impl Into<String>,
        bank_code: impl Into<String>,
        type_: types::BankAccountType,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            account_number: account_number.into(),
            bank_code: bank_code.into(),
            type_: type_,
            country_code: country_code.into(),
        )
    }
}

impl types::SpiPyData {
    /// Returns the data with every required field. The account number has 2 to 14 digits.
    #[must_use]
    pub fn new(
        holder: Holder,
        account_number: impl Into<String>,
        bank_code: impl Into<String>,
        type_: types::BankAccountType,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            account_number: account_number.into(),
            bank_code: bank_code.into(),
            type_: type_,
            country_code: country_code.into(),
        )
    }
}

impl types::WireData {
    /// Returns the data with every required field.
    #[must_use]
    pub fn new(
        holder: Holder,
        account_number: impl Into<String>,
        routing_number: impl Into<String>,
        bank_name: impl Into<String>,
        bank_address: types::BankAddress,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            account_number: account_number.into(),
            routing_number: routing_number.into(),
            bank_name: bank_name.into(),
            bank_address: bank_address,
            country_code: country_code.into(),
        )
    }
}

impl types::SwiftData {
    /// Returns the data with every required field. The SWIFT code has 8 to 11 characters.
    #[must_use]
    pub fn new(
        holder: Holder,
        account_number: impl Into<String>,
        bank_name: impl Into<String>,
        swift_code: impl Into<String>,
        bank_address: types::BankAddress,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            account_number: account_number.into(),
            bank_name: bank_name.into(),
            swift_code: swift_code.into(),
            bank_address: bank_address,
            country_code: country_code.into(),
        )
    }
}

impl types::WalletData {
    /// Returns the data with every required field. `country_code` is optional.
    #[must_use]
    pub fn new(
        holder: Holder,
        currency: types::WalletCurrency,
        network: impl Into<types::WalletNetwork>,
        address: impl Into<String>,
    ) -> Self {
        data!(holder, currency: currency, network: network.into(), address: address.into(), country_code: None)
    }
}

impl types::CoelsaData {
    /// Returns the data with every required field. The holder is a person, with a document of its own vocabulary.
    #[must_use]
    pub fn new(
        first_name: impl Into<String>,
        last_name: impl Into<String>,
        email: impl Into<String>,
        phone: impl Into<String>,
        document: types::CoelsaDocument,
        cvu: impl Into<String>,
        country_code: impl Into<String>,
    ) -> Self {
        Self {
            first_name: first_name.into(),
            last_name: last_name.into(),
            email: email.into(),
            phone: phone.into(),
            document,
            cvu: cvu.into(),
            country_code: country_code.into(),
        }
    }
}

impl types::BrebData {
    /// Returns the data with every required field.
    #[must_use]
    pub fn new(
        holder: Holder,
        alias_type: types::BrebAliasType,
        alias: impl Into<String>,
        country_code: impl Into<String>,
    ) -> Self {
        data!(holder, alias_type: alias_type, alias: alias.into(), country_code: country_code.into())
    }
}

impl types::SpeiData {
    /// Returns an account by its CLABE of 18 digits.
    #[must_use]
    pub fn by_clabe(holder: Holder, clabe: impl Into<String>, country_code: impl Into<String>) -> Self {
        data!(
            holder,
            clabe: clabe.into(),
            clabe_type: Some(types::ClabeType::Clabe),
            bank_code: None,
            country_code: country_code.into(),
        )
    }

    /// Returns an account by a debit card number of 16 digits, for which KillB needs the bank.
    #[must_use]
    pub fn by_debit_card(
        holder: Holder,
        number: impl Into<String>,
        bank_code: impl Into<String>,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            clabe: number.into(),
            clabe_type: Some(types::ClabeType::DebitCard),
            bank_code: Some(bank_code.into()),
            country_code: country_code.into(),
        )
    }

    /// Returns an account by a phone number of 10 digits, for which KillB needs the bank.
    #[must_use]
    pub fn by_phone_number(
        holder: Holder,
        number: impl Into<String>,
        bank_code: impl Into<String>,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            clabe: number.into(),
            clabe_type: Some(types::ClabeType::PhoneNumber),
            bank_code: Some(bank_code.into()),
            country_code: country_code.into(),
        )
    }
}

impl types::PixData {
    /// Returns the data with every required field.
    #[must_use]
    pub fn new(
        holder: Holder,
        pix_key_type: types::PixKeyType,
        pix_key: impl Into<String>,
        country_code: impl Into<String>,
    ) -> Self {
        data!(holder, pix_key_type: pix_key_type, pix_key: pix_key.into(), country_code: country_code.into())
    }
}

impl types::CciData {
    /// Returns the data with every required field. A CCI has 20 digits.
    #[must_use]
    pub fn new(holder: Holder, cci: impl Into<String>, country_code: impl Into<String>) -> Self {
        data!(holder, cci: cci.into(), country_code: country_code.into())
    }
}

impl types::TransfiyaData {
    /// Returns the data with every required field.
    #[must_use]
    pub fn new(
        holder: Holder,
        account: impl Into<String>,
        type_: types::TransfiyaAccountType,
        country_code: impl Into<String>,
    ) -> Self {
        data!(holder, account: account.into(), type_: type_, country_code: country_code.into())
    }
}

impl types::SpiDoData {
    /// Returns an account by its number at a bank.
    #[must_use]
    pub fn by_account(
        holder: Holder,
        bank_code: impl Into<String>,
        account_number: impl Into<String>,
        country_code: impl Into<String>,
    ) -> Self {
        let data = Self::identified_by(types::SpiDoIdentifierType::Account, holder, country_code.into());
        Self { bank_code: Some(bank_code.into()), account_number: Some(account_number.into()), ..data }
    }

    /// Returns an account by the document of its holder.
    #[must_use]
    pub fn by_document(holder: Holder, country_code: impl Into<String>) -> Self {
        Self::identified_by(types::SpiDoIdentifierType::Document, holder, country_code.into())
    }

    /// Returns an account by the phone number of its holder.
    #[must_use]
    pub fn by_phone(holder: Holder, country_code: impl Into<String>) -> Self {
        Self::identified_by(types::SpiDoIdentifierType::Phone, holder, country_code.into())
    }

    /// Returns an account by its alias.
    #[must_use]
    pub fn by_alias(holder: Holder, alias: impl Into<String>, country_code: impl Into<String>) -> Self {
        let data = Self::identified_by(types::SpiDoIdentifierType::Alias, holder, country_code.into());
        Self { alias: Some(alias.into()), ..data }
    }

    fn identified_by(identifier_type: types::SpiDoIdentifierType, holder: Holder, country_code: String) -> Self {
        let Holder { first_name, middle_name, last_name, company_name, email, phone, document } = holder;
        Self {
            first_name,
            middle_name,
            last_name,
            company_name,
            email,
            phone: Some(phone),
            document,
            identifier_type,
            country_code,
            bank_code: None,
            account_number: None,
            type_: None,
            alias: None,
        }
    }
}

impl types::SinpeData {
    /// Returns the data with every required field. The account number has CR and 20 digits; `bank_name` is optional.
    #[must_use]
    pub fn new(
        holder: Holder,
        account_number: impl Into<String>,
        bank_code: impl Into<String>,
        type_: types::BankAccountType,
        country_code: impl Into<String>,
    ) -> Self {
        data!(
            holder,
            account_number: account_number.into(),
            bank_code: bank_code.into(),
            bank_name: None,
            type_: type_,
            country_code: country_code.into(),
        )
    }
}
