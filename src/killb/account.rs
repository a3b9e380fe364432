//! Accounts to create: one variant for each documented kind, and one for kinds that the spec does not have.

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

/// Writes the conversions of the kinds, each with its data and its word.
macro_rules! kinds {
    ($($kind:ident($data:ident) = $word:literal),* $(,)?) => {
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

        $(impl From<types::$data> for AccountKind {
            fn from(data: types::$data) -> Self {
                Self::$kind(data)
            }
        })*

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
    Pse(PseData) = "PSE",
    Ach(AchData) = "ACH",
    AchHn(AchHnData) = "ACH_HN",
    AchSv(AchSvData) = "ACH_SV",
    AchNi(AchNiData) = "ACH_NI",
    AchGt(AchGtData) = "ACH_GT",
    AchPa(AchPaData) = "ACH_PA",
    AchBo(AchBoData) = "ACH_BO",
    Wire(WireData) = "WIRE",
    Wallet(WalletData) = "WALLET",
    Coelsa(CoelsaData) = "COELSA",
    Breb(BrebData) = "BREB",
    Spei(SpeiData) = "SPEI",
    Pix(PixData) = "PIX",
    Cci(CciData) = "CCI",
    Transfiya(TransfiyaData) = "TRANSFIYA",
    Swift(SwiftData) = "SWIFT",
    Spi(SpiData) = "SPI",
    SpiPy(SpiPyData) = "SPI_PY",
    SpiDo(SpiDoData) = "SPI_DO",
    Sinpe(SinpeData) = "SINPE",
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
