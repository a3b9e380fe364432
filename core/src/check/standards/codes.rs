//! Codes and addresses: of banks, countries, currencies, phones, mailboxes and records.

use super::{Fault, Standard};

/// BIC, ISO 9362: four letters or digits, a country, two and then no or three letters or digits.
///
/// [Registration authority](https://www.swift.com/standards/data-standards/bic-business-identifier-code).
pub static BIC: Standard = Standard {
    name: "bic",
    citation: "ISO 9362",
    source: "https://www.swift.com/standards/data-standards/bic-business-identifier-code",
    samples: &["BOFAUS3N", "BBVAESMMXXX", "DEUTDEFF500"],
    digits: None,
    check: |value| {
        if !value.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) {
            return Err(Fault::new("bic-characters", "may have digits and capital letters only"));
        }
        if value.len() != 8 && value.len() != 11 {
            return Err(Fault::new("bic-length", format!("has {} characters instead of 8 or 11", value.len())));
        }
        // Kosovo has a code of the range that the standard leaves to its users.
        if !is_country_alpha_2(&value[4..6]) && &value[4..6] != "XK" {
            return Err(Fault::new("bic-country", "does not have the code of a country at its fifth place"));
        }
        Ok(())
    },
};

/// Phone number in the international form of ITU-T E.164: `+`, the country code, up to 15 digits in all.
///
/// [Recommendation](https://www.itu.int/rec/T-REC-E.164). Whether the country code is assigned is not checked.
pub static E164: Standard = Standard {
    name: "e164",
    citation: "ITU-T E.164",
    source: "https://www.itu.int/rec/T-REC-E.164",
    samples: &["+576015555555", "+5491112345678", "+12025550123"],
    digits: None,
    check: |value| {
        let Some(digits) = value.strip_prefix('+') else {
            return Err(Fault::new("e164-plus", "does not begin with + and a country code"));
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.starts_with('0') || digits.is_empty() {
            return Err(Fault::new("e164-digits", "must have digits only behind the +, and no 0 first"));
        }
        if digits.len() > 15 {
            return Err(Fault::new("e164-length", format!("has {} digits; 15 are the most", digits.len())));
        }
        Ok(())
    },
};

/// Country code of two letters, ISO 3166-1 alpha-2.
pub static COUNTRY_ALPHA_2: Standard = Standard {
    name: "country",
    citation: "ISO 3166-1 alpha-2",
    source: "https://www.iso.org/iso-3166-country-codes.html",
    samples: &["MX", "CO", "US"],
    digits: None,
    check: |value| country(value, &[is_country_alpha_2], "two"),
};

/// Country code of three letters, ISO 3166-1 alpha-3.
pub static COUNTRY_ALPHA_3: Standard = Standard {
    name: "country",
    citation: "ISO 3166-1 alpha-3",
    source: "https://www.iso.org/iso-3166-country-codes.html",
    samples: &["MEX", "ARG", "BRA"],
    digits: None,
    check: |value| country(value, &[is_country_alpha_3], "three"),
};

/// Country code of two or three letters, ISO 3166-1.
pub static COUNTRY: Standard = Standard {
    name: "country",
    citation: "ISO 3166-1",
    source: "https://www.iso.org/iso-3166-country-codes.html",
    samples: &["DE", "DEU"],
    digits: None,
    check: |value| country(value, &[is_country_alpha_2, is_country_alpha_3], "two or three"),
};

fn country(value: &str, forms: &[fn(&str) -> bool], letters: &str) -> Result<(), Fault> {
    if forms.iter().any(|is_country| is_country(value)) {
        return Ok(());
    }
    let hint = if is_currency(value) { "; it is the code of a currency" } else { "" };
    Err(Fault::new("country-code", format!("is not a country code of {letters} capital letters{hint}")))
}

/// Currency code of three letters, ISO 4217.
///
/// [Maintenance agency](https://www.iso.org/iso-4217-currency-codes.html). The codes are those of the crate `iso_currency`.
pub static CURRENCY: Standard = Standard {
    name: "currency",
    citation: "ISO 4217",
    source: "https://www.iso.org/iso-4217-currency-codes.html",
    samples: &["MXN", "ARS", "USD"],
    digits: None,
    check: |value| {
        if is_currency(value) { Ok(()) } else { Err(Fault::new("currency-code", "is not the code of a currency")) }
    },
};

fn is_currency(value: &str) -> bool {
    value.len() == 3 && iso_currency::Currency::from_code(value).is_some()
}

/// E-mail address, by the rule of HTML for form fields; letters beyond ASCII are allowed (RFC 6531).
///
/// [HTML](https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address) leaves out quoted local parts and
/// comments, which RFC 5322 allows and providers do not take. Lengths are those of
/// [RFC 5321](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1): 64 before the `@`, 254 in all.
pub static EMAIL: Standard = Standard {
    name: "email",
    citation: "HTML, valid e-mail address; RFC 5321; RFC 6531",
    source: "https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address",
    samples: &["user@example.com", "first.last+tag@mail.example.org", "josé@ejemplo.example"],
    digits: None,
    check: |value| {
        let is_local = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_valid = value.len() <= 254
            && value.split_once('@').is_some_and(|(local, domain)| {
                (1..=64).contains(&local.len()) && local.chars().all(is_local) && domain.split('.').all(is_label)
            });
        if is_valid { Ok(()) } else { Err(Fault::new("email-format", "is not an e-mail address")) }
    },
};

/// UUID in its text form, RFC 9562: 32 hexadecimal digits in five groups.
///
/// [RFC 9562](https://www.rfc-editor.org/rfc/rfc9562#section-4).
pub static UUID: Standard = Standard {
    name: "uuid",
    citation: "RFC 9562",
    source: "https://www.rfc-editor.org/rfc/rfc9562#section-4",
    samples: &["f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "784d4045-c900-4050-aad6-8fe4c8d2fb16"],
    digits: None,
    check: |value| {
        let is_valid = value.len() == 36
            && value.bytes().enumerate().all(|(place, byte)| match place {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        if is_valid { Ok(()) } else { Err(Fault::new("uuid-format", "is not a UUID")) }
    },
};

pub(super) fn is_country_alpha_2(code: &str) -> bool {
    COUNTRIES.as_bytes().chunks(6).any(|country| country[..2] == *code.as_bytes())
}

fn is_country_alpha_3(code: &str) -> bool {
    COUNTRIES.as_bytes().chunks(6).any(|country| country[2..5] == *code.as_bytes())
}

/// The 249 officially assigned codes of ISO 3166-1: alpha-2 and alpha-3 of each, six bytes with the blank behind them.
const COUNTRIES: &str = "\
    ADAND AEARE AFAFG AGATG AIAIA ALALB AMARM AOAGO AQATA ARARG ASASM ATAUT AUAUS AWABW AXALA AZAZE \
    BABIH BBBRB BDBGD BEBEL BFBFA BGBGR BHBHR BIBDI BJBEN BLBLM BMBMU BNBRN BOBOL BQBES BRBRA BSBHS \
    BTBTN BVBVT BWBWA BYBLR BZBLZ CACAN CCCCK CDCOD CFCAF CGCOG CHCHE CICIV CKCOK CLCHL CMCMR CNCHN \
    COCOL CRCRI CUCUB CVCPV CWCUW CXCXR CYCYP CZCZE DEDEU DJDJI DKDNK DMDMA DODOM DZDZA ECECU EEEST \
    EGEGY EHESH ERERI ESESP ETETH FIFIN FJFJI FKFLK FMFSM FOFRO FRFRA GAGAB GBGBR GDGRD GEGEO GFGUF \
    GGGGY GHGHA GIGIB GLGRL GMGMB GNGIN GPGLP GQGNQ GRGRC GSSGS GTGTM GUGUM GWGNB GYGUY HKHKG HMHMD \
    HNHND HRHRV HTHTI HUHUN IDIDN IEIRL ILISR IMIMN ININD IOIOT IQIRQ IRIRN ISISL ITITA JEJEY JMJAM \
    JOJOR JPJPN KEKEN KGKGZ KHKHM KIKIR KMCOM KNKNA KPPRK KRKOR KWKWT KYCYM KZKAZ LALAO LBLBN LCLCA \
    LILIE LKLKA LRLBR LSLSO LTLTU LULUX LVLVA LYLBY MAMAR MCMCO MDMDA MEMNE MFMAF MGMDG MHMHL MKMKD \
    MLMLI MMMMR MNMNG MOMAC MPMNP MQMTQ MRMRT MSMSR MTMLT MUMUS MVMDV MWMWI MXMEX MYMYS MZMOZ NANAM \
    NCNCL NENER NFNFK NGNGA NINIC NLNLD NONOR NPNPL NRNRU NUNIU NZNZL OMOMN PAPAN PEPER PFPYF PGPNG \
    PHPHL PKPAK PLPOL PMSPM PNPCN PRPRI PSPSE PTPRT PWPLW PYPRY QAQAT REREU ROROU RSSRB RURUS RWRWA \
    SASAU SBSLB SCSYC SDSDN SESWE SGSGP SHSHN SISVN SJSJM SKSVK SLSLE SMSMR SNSEN SOSOM SRSUR SSSSD \
    STSTP SVSLV SXSXM SYSYR SZSWZ TCTCA TDTCD TFATF TGTGO THTHA TJTJK TKTKL TLTLS TMTKM TNTUN TOTON \
    TRTUR TTTTO TVTUV TWTWN TZTZA UAUKR UGUGA UMUMI USUSA UYURY UZUZB VAVAT VCVCT VEVEN VGVGB VIVIR \
    VNVNM VUVUT WFWLF WSWSM YEYEM YTMYT ZAZAF ZMZMB ZWZWE";
