//! Constructors of the data of each kind of account, which ask for its required fields.

use super::Holder;
use super::raw::types;

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
