//! Numbers with check digits: of accounts, banks and taxpayers.

use iban::{Iban, ParseBaseIbanError, ParseIbanError};

use super::codes::is_country_alpha_2;
use super::{Fault, Standard};

/// CLABE, the account number of Mexico: 18 digits, of which the last is a check digit.
///
/// The check digit completes the sum of the digits, each multiplied by 3, 7 or 1 and reduced modulo 10, to a multiple of
/// 10. Defined by the Asociación de Bancos de México and Banco de México; [described](https://es.wikipedia.org/wiki/CLABE)
/// with an example.
pub static CLABE: Standard = Standard {
    name: "clabe",
    citation: "Clave Bancaria Estandarizada, Asociación de Bancos de México and Banco de México",
    source: "https://es.wikipedia.org/wiki/CLABE",
    samples: &["032180000118359719", "012180026050783858", "646180157000000004"],
    digits: Some(18),
    check: |value| {
        digits(value, 18, "clabe-characters", "clabe-length")?;
        // The last digit, the 18th, has the weight 1.
        let is_valid = weighted(value, &[3, 7, 1]).is_multiple_of(10);
        valid(is_valid, "clabe-check-digit", "has a wrong check digit")
    },
};

/// CBU and CVU, the account numbers of Argentina: 22 digits in two blocks, each with a check digit.
///
/// The blocks have 8 and 14 digits. The weights are 7, 1, 3, 9 and 3, 9, 7, 1, repeated. Defined by the Banco Central de
/// la República Argentina; [described](https://es.wikipedia.org/wiki/Clave_Bancaria_Uniforme). A CVU has the same form.
pub static CBU: Standard = Standard {
    name: "cbu",
    citation: "Clave Bancaria Uniforme and Clave Virtual Uniforme, Banco Central de la República Argentina",
    source: "https://es.wikipedia.org/wiki/Clave_Bancaria_Uniforme",
    samples: &["2850590940090418135201", "0170099220000067797370", "0000472900016847756532"],
    digits: Some(22),
    check: |value| {
        digits(value, 22, "cbu-characters", "cbu-length")?;
        let (bank, account) = value.split_at(8);
        let is_valid = |block: &str, weights: &[u32]| {
            let (body, check) = block.split_at(block.len() - 1);
            (weighted(body, weights) + digit(check.as_bytes()[0])).is_multiple_of(10)
        };
        let is_valid = is_valid(bank, &[7, 1, 3, 9]) && is_valid(account, &[3, 9, 7, 1]);
        valid(is_valid, "cbu-check-digit", "has a wrong check digit")
    },
};

/// ABA routing number, of a bank in the United States: 9 digits, of which the last is a check digit.
///
/// The sum of the digits, multiplied by 3, 7 and 1 in turn, is a multiple of 10.
/// [American Bankers Association](https://www.aba.com/about-us/routing-number);
/// [check digit](https://en.wikipedia.org/wiki/ABA_routing_transit_number#Check_digit).
pub static ABA: Standard = Standard {
    name: "aba",
    citation: "Routing Number Policy, American Bankers Association",
    source: "https://www.aba.com/about-us/routing-number",
    samples: &["021000021", "111000025", "011401533"],
    digits: Some(9),
    check: |value| {
        digits(value, 9, "aba-characters", "aba-length")?;
        let is_valid = weighted(value, &[3, 7, 1]).is_multiple_of(10);
        valid(is_valid, "aba-check-digit", "has a wrong check digit")
    },
};

/// IBAN, ISO 13616: country, two check digits modulo 97, and an account number in the form of the country.
///
/// Lengths and forms are those of the [registry](https://www.swift.com/standards/data-standards/iban-international-bank-account-number),
/// as the crate `iban_validate` has it. The form of a country that joined later is not checked. Blanks are refused: they
/// belong to the printed form.
pub static IBAN: Standard = Standard {
    name: "iban",
    citation: "ISO 13616-1, with the IBAN registry",
    source: "https://www.swift.com/standards/data-standards/iban-international-bank-account-number",
    samples: &["GB29NWBK60161331926819", "DE89370400440532013000", "CR05015202001026284066"],
    digits: None,
    check: |value| {
        if !value.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) {
            return Err(Fault::new("iban-characters", "may have digits and capital letters only"));
        }
        let country = value.get(..2).unwrap_or_default();
        // Kosovo has a code of the range that the standard leaves to its users.
        if !is_country_alpha_2(country) && country != "XK" {
            return Err(Fault::new("iban-country", "does not begin with the code of a country"));
        }
        match value.parse::<Iban>() {
            Ok(_) | Err(ParseIbanError::UnknownCountry(_)) => Ok(()),
            Err(ParseIbanError::InvalidBban(_)) => {
                Err(Fault::new("iban-form", "does not have the form of its country"))
            }
            Err(ParseIbanError::InvalidBaseIban { source: ParseBaseIbanError::InvalidChecksum }) => {
                Err(Fault::new("iban-check-digits", "has wrong check digits"))
            }
            Err(ParseIbanError::InvalidBaseIban { source: ParseBaseIbanError::InvalidFormat }) => {
                Err(Fault::new("iban-length", "is not as long as an IBAN"))
            }
        }
    },
};

/// CPF, the tax number of a person in Brazil: 11 digits, of which the last two are check digits modulo 11.
///
/// The usual separators (`.`, `-`) are allowed. Numbers of one digit repeated pass the arithmetic and are not assigned.
/// [Receita Federal](https://www.gov.br/receitafederal/pt-br/assuntos/meu-cpf);
/// [check digits](https://pt.wikipedia.org/wiki/Cadastro_de_Pessoas_F%C3%ADsicas).
///
/// Two remainders share the check digit 0. One wrong digit can therefore go unnoticed where the first check digit is 0.
pub static CPF: Standard = Standard {
    name: "cpf",
    citation: "Cadastro de Pessoas Físicas, Receita Federal do Brasil",
    source: "https://www.gov.br/receitafederal/pt-br/assuntos/meu-cpf",
    samples: &["11144477735", "111.444.777-35", "52998224725"],
    digits: Some(11),
    check: |value| {
        let plain = without_separators(value);
        digits(&plain, 11, "cpf-characters", "cpf-length")?;
        let bytes = plain.as_bytes();
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(Fault::new("cpf-repeated", "is one digit repeated"));
        }
        let is_valid = (9..11).all(|place| modulo_11(&bytes[..place], 11) == digit(bytes[place]));
        valid(is_valid, "cpf-check-digits", "has wrong check digits")
    },
};

/// CNPJ, the tax number of a company in Brazil: 12 characters and two check digits modulo 11.
///
/// Since July 2026 the 12 characters may be digits or capital letters (Instrução Normativa RFB 2.229/2024); a letter
/// counts as its ASCII code less 48. The usual separators (`.`, `/`, `-`) are allowed.
/// [Receita Federal](https://www.gov.br/receitafederal/pt-br/acesso-a-informacao/acoes-e-programas/programas-e-atividades/cnpj-alfanumerico).
///
/// Two remainders share the check digit 0. One wrong digit can therefore go unnoticed where the first check digit is 0.
pub static CNPJ: Standard = Standard {
    name: "cnpj",
    citation: "Cadastro Nacional da Pessoa Jurídica, Instrução Normativa RFB 2.229/2024",
    source: "https://www.gov.br/receitafederal/pt-br/acesso-a-informacao/acoes-e-programas/programas-e-atividades/cnpj-alfanumerico",
    samples: &["12ABC34501DE35", "12.ABC.345/01DE-35", "11222333000181", "00000000000191"],
    digits: Some(14),
    check: |value| {
        let plain = without_separators(value);
        let bytes = plain.as_bytes();
        if !bytes.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) {
            return Err(Fault::new("cnpj-characters", "may have digits and capital letters only"));
        }
        if bytes.len() != 14 {
            return Err(Fault::new("cnpj-length", format!("has {} characters instead of 14", bytes.len())));
        }
        if !bytes[12..].iter().all(u8::is_ascii_digit) {
            return Err(Fault::new("cnpj-characters", "must end with two digits"));
        }
        let is_valid = (12..14).all(|place| modulo_11(&bytes[..place], 9) == digit(bytes[place]));
        valid(is_valid, "cnpj-check-digits", "has wrong check digits")
    },
};

fn valid(is_valid: bool, rule: &'static str, reason: &'static str) -> Result<(), Fault> {
    if is_valid { Ok(()) } else { Err(Fault::new(rule, reason)) }
}

fn digits(value: &str, count: usize, characters: &'static str, length: &'static str) -> Result<(), Fault> {
    if !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::new(characters, "may have digits only"));
    }
    if value.len() == count {
        return Ok(());
    }
    Err(Fault::new(length, format!("has {} digits instead of {count}", value.len())))
}

/// Value of a digit; of a capital letter its ASCII code less 48.
fn digit(byte: u8) -> u32 {
    u32::from(byte.saturating_sub(b'0'))
}

/// Returns the sum of the digits, each multiplied by its weight; the weights repeat.
fn weighted(digits: &str, weights: &[u32]) -> u32 {
    digits.bytes().zip(weights.iter().cycle()).map(|(byte, weight)| digit(byte) * weight).sum()
}

/// Returns the check digit of `body`: weights from 2 at its end, up to `max_weight` and then from 2 again.
fn modulo_11(body: &[u8], max_weight: u32) -> u32 {
    let weights = (2..=max_weight).cycle();
    let sum: u32 = body.iter().rev().zip(weights).map(|(byte, weight)| digit(*byte) * weight).sum();
    match sum % 11 {
        0 | 1 => 0,
        remainder => 11 - remainder,
    }
}

/// Returns a Brazilian number without the characters that are printed between its parts.
fn without_separators(value: &str) -> std::borrow::Cow<'_, str> {
    if value.contains(['.', '-', '/']) { value.replace(['.', '-', '/'], "").into() } else { value.into() }
}
