//! KillB's single accounts: every documented kind, kinds of tomorrow, and the calls about accounts.

use bulkrail::http::ConnectorError;
use bulkrail::killb::{
    AccountKind, AchBoData, AchData, AchGtData, AchHnData, AchNiData, AchPaData, AchSvData, BankAccountType,
    BankAddress, BrebAliasType, BrebData, CciData, CoelsaData, CoelsaDocument, CoelsaDocumentType, CreateAccount,
    Credentials, Document, DocumentType, DocumentTypeKnown, Holder, PixData, PixKeyType, PseData, SinpeData, SpeiData,
    SpiData, SpiDoData, SpiPyData, SwiftData, TransfiyaAccountType, TransfiyaData, WalletCurrency, WalletData,
    WalletNetwork, WalletNetworkKnown, WireData,
};
use bulkrail::test_util::MockResponse;
use bulkrail::{Error, ErrorKind, collect_drift};
use serde_json::{Map, Value, json};

use crate::common::{Bench, client, specs};

/// Returns the word of each documented kind with the schema of its data.
fn kinds(document: &Value) -> Vec<(String, Value)> {
    let resolve = |reference: &Value| {
        let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#'));
        document.pointer(pointer.expect("a reference")).expect("a schema").clone()
    };
    let mapping = document["components"]["schemas"]["CreateAccount"]["discriminator"]["mapping"].as_object();
    let mapping = mapping.expect("a mapping").iter();
    mapping.map(|(kind, target)| (kind.clone(), resolve(&resolve(target)["properties"]["data"]["$ref"]))).collect()
}

/// Returns the request body that the spec shows for a kind: all documented fields with their documented names.
fn shown(document: &Value, kind: &str) -> Value {
    let examples = &document["paths"]["/api/v2/accounts"]["post"]["requestBody"]["content"]["application/json"];
    let mut examples = examples["examples"].as_object().expect("examples").values().map(|example| &example["value"]);
    examples.find(|value| value["type"] == kind).unwrap_or_else(|| panic!("no example of {kind}")).clone()
}

fn document(country: &str) -> Document {
    Document::new(DocumentTypeKnown::Passport, "123456", country)
}

fn holder(country: &str) -> Holder {
    Holder::person("Juan", "García", "user@example.com", "+576015555555", document(country))
}

/// Returns an account of each kind, made by its constructor.
fn constructed() -> Vec<AccountKind> {
    let savings = BankAccountType::Savings;
    let wall_street = |country: &str| {
        let address = BankAddress::new("100 Wall Street", "New York", "NY", "10005", country);
        BankAddress { street2: Some("Suite 500".to_owned()), ..address }
    };
    let mut pse = PseData::new(
        Holder::person(
            "John",
            "Doe",
            "user@example.com",
            "+576015555555",
            Document::new(DocumentTypeKnown::Nit, "123456", "CO"),
        )
        .with_middle_name("Carlos"),
        "10203049",
        "001",
        BankAccountType::Checking,
        "CO",
    );
    pse.company_name = Some("Acme Corp".to_owned());
    let spei_document = Document::new(DocumentTypeKnown::Rfc, "LOMM920310ABC", "MX");
    let spei_holder = Holder::person("María", "López", "user@example.com", "+525512345678", spei_document);
    let wallet = WalletData::new(
        holder("US"),
        WalletCurrency::Usdc,
        WalletNetworkKnown::Polygon,
        "0x742d35Cc6634C0532925a3b8D5a4C3F2e2B7e4d",
    );
    let spi_do = SpiDoData::by_account(holder("DO"), "001", "10234567", "DO");
    let sinpe = SinpeData::new(holder("CR"), "CR04011400007316288640", "0114", savings, "CR");
    vec![
        pse.into(),
        AchData::new(holder("CO"), "Bank of America", "1029382", "102938283", BankAccountType::Checking, "CO").into(),
        AchHnData::new(holder("HN"), "Banco Atlántida", "10234567", "001", savings, "HN").into(),
        AchSvData::new(holder("SV"), "Banco Agrícola", "10234567", "001", savings, "SV").into(),
        AchNiData::new(holder("NI"), "Banpro", "10234567", "001", savings, "NI").into(),
        AchGtData::new(holder("GT"), "Banco Industrial", "10234567", "001", savings, "GT").into(),
        AchPaData::new(holder("PA"), "10234567", "001", savings, "PA").into(),
        AchBoData::new(holder("BO"), "10234567", "001", savings, "BO").into(),
        WireData::new(holder("US"), "123456789", "021000021", "Chase Bank", wall_street("US"), "US").into(),
        WalletData { country_code: Some("US".to_owned()), ..wallet }.into(),
        CoelsaData::new(
            "Juan",
            "García",
            "user@example.com",
            "+5491112345678",
            CoelsaDocument::new(CoelsaDocumentType::NationalIdentityCard, "123456", "AR"),
            "0000003100012345678901",
            "AR",
        )
        .into(),
        BrebData::new(holder("CO"), BrebAliasType::NationalId, "1234567890", "CO").into(),
        SpeiData::by_clabe(spei_holder, "012345678901234567", "MX").into(),
        PixData::new(holder("BR"), PixKeyType::Cpf, "12345678901", "BR").into(),
        CciData::new(holder("PE"), "00219200000000123456", "PE").into(),
        TransfiyaData::new(holder("CO"), "+573001234567", TransfiyaAccountType::PhoneNumber, "CO").into(),
        SwiftData::new(holder("ES"), "123456789", "BBVA", "BBVAESMMXXX", wall_street("ES"), "ES").into(),
        SpiData::new(holder("UY"), "123456", "001", savings, "UY").into(),
        SpiPyData::new(holder("PY"), "123456", "001", savings, "PY").into(),
        SpiDoData { type_: Some(savings), ..spi_do }.into(),
        SinpeData { bank_name: Some("Banco Nacional de Costa Rica".to_owned()), ..sinpe }.into(),
    ]
}

#[test]
fn constructors_of_every_kind_write_the_documented_fields() {
    let spec = specs::load("killb").document;
    let constructed = constructed();
    assert_eq!(constructed.len(), 21);
    for (kind, schema) in kinds(&spec).into_iter().filter(|(kind, _)| kind != "CUSTODIAL") {
        let made = constructed.iter().find(|made| made.as_str() == kind);
        let made = made.unwrap_or_else(|| panic!("{kind} has no constructor here")).clone();
        let expected = shown(&spec, &kind);
        let mut account = CreateAccount::new(made);
        account.user_id = expected["userId"].as_str().map(str::to_owned);
        account.external_id = expected["externalId"].as_str().map(str::to_owned);
        let mut json = serde_json::to_value(&account).unwrap();
        if kind == "SPI_DO" {
            // The example leaves out the phone number, which is an identifier here.
            assert_eq!(json["data"].as_object_mut().unwrap().remove("phone"), Some(json!("+576015555555")));
        }
        assert_eq!(json, expected, "{kind}");
        assert_eq!(serde_json::from_value::<CreateAccount>(expected).unwrap().kind.as_str(), kind);
        for name in json["data"].as_object().unwrap().keys() {
            assert!(schema["properties"].get(name).is_some(), "{kind}: {name} is not documented");
        }
    }
}

#[test]
fn every_kind_requires_what_the_client_requires_and_nothing_else() {
    let spec = specs::load("killb").document;
    for (kind, schema) in kinds(&spec).into_iter().filter(|(kind, _)| kind != "CUSTODIAL") {
        let lists = ["required", "x-required-sdk"].into_iter().filter_map(|key| schema.get(key)?.as_array());
        let required: Vec<&str> = lists.flatten().map(|name| name.as_str().unwrap()).collect();
        let whole = shown(&spec, &kind);
        for name in schema["properties"].as_object().unwrap().keys() {
            let mut account = whole.clone();
            account["data"].as_object_mut().unwrap().remove(name);
            let decoded = serde_json::from_value::<CreateAccount>(account.clone());
            assert_eq!(decoded.is_err(), required.contains(&name.as_str()), "{kind} without {name}");
            if let Ok(decoded) = decoded {
                assert_eq!(serde_json::to_value(decoded).unwrap(), account, "{kind} without {name}");
            }
        }
    }
}

#[test]
fn decoding_refuses_a_field_that_the_kind_does_not_have() {
    let spec = specs::load("killb").document;
    for (kind, _) in kinds(&spec).into_iter().filter(|(kind, _)| kind != "CUSTODIAL") {
        for (pointer, field) in [("/data", "data.pixKy"), ("/data/document", "data.document.pixKy"), ("", "pixKy")] {
            let mut account = shown(&spec, &kind);
            account.pointer_mut(pointer).unwrap()["pixKy"] = "12345678901".into();
            let error = serde_json::from_value::<CreateAccount>(account).unwrap_err().to_string();
            assert_eq!(error, format!("this kind of account has no field `{field}`"), "{kind}");
        }
    }
    let unknown_word = json!({"type": "PIX", "data": {"pixKeyType": "CFP"}});
    assert!(serde_json::from_value::<CreateAccount>(unknown_word).is_err());
}

#[test]
fn unknown_and_open_kinds_keep_their_map() {
    let data = json!({"anything": {"nested": [1, null, "a"]}, "firstName": "Ana"});
    for kind in ["BARTER", "CUSTODIAL"] {
        for account in [
            json!({"type": kind, "data": data}),
            json!({"type": kind, "data": data, "userId": "u-1", "externalId": "e-1"}),
            json!({"type": kind, "data": {}}),
        ] {
            let decoded: CreateAccount = serde_json::from_value(account.clone()).unwrap();
            assert_eq!(decoded.kind.as_str(), kind);
            assert_eq!(matches!(decoded.kind, AccountKind::Other { .. }), kind == "BARTER");
            assert_eq!(serde_json::to_value(&decoded).unwrap(), account);
        }
    }
    for wrong in [json!({"type": "BARTER"}), json!({"data": {}}), json!({"type": "BARTER", "data": {}, "usrId": "u"})] {
        assert!(serde_json::from_value::<CreateAccount>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn uncertain_words_may_be_given_as_text() {
    let network = WalletNetwork::Unknown("ARBITRUM".to_owned());
    let wallet = WalletData::new(holder("US"), WalletCurrency::Btc, network, "x");
    assert_eq!(serde_json::to_value(wallet).unwrap()["network"], "ARBITRUM");
    let document = Document::new(DocumentType::Unknown("CC".to_owned()), "1", "CO");
    assert_eq!(
        serde_json::to_value(document).unwrap(),
        json!({"type": "CC", "number": "1", "issuedCountryCode": "CO"})
    );
}

#[test]
fn identifiers_of_mexican_and_dominican_accounts_bring_the_fields_that_they_need() {
    let fields = |data: Value, names: &[&str]| -> Vec<Value> { names.iter().map(|name| data[*name].clone()).collect() };
    let spei = |data: SpeiData| fields(serde_json::to_value(data).unwrap(), &["clabeType", "clabe", "bankCode"]);
    let mx = || holder("MX");
    assert_eq!(spei(SpeiData::by_clabe(mx(), "646", "MX")), [json!("CLABE"), json!("646"), Value::Null]);
    let card = spei(SpeiData::by_debit_card(mx(), "4111", "012", "MX"));
    assert_eq!(card, [json!("DEBIT_CARD"), json!("4111"), json!("012")]);
    let phone = spei(SpeiData::by_phone_number(mx(), "5512345678", "012", "MX"));
    assert_eq!(phone, [json!("PHONE_NUMBER"), json!("5512345678"), json!("012")]);

    let names = ["identifierType", "bankCode", "accountNumber", "alias", "phone"];
    let spi_do = |data: SpiDoData| fields(serde_json::to_value(data).unwrap(), &names);
    let (none, number) = (Value::Null, json!("+576015555555"));
    for (data, expected) in [
        (
            SpiDoData::by_account(holder("DO"), "001", "10", "DO"),
            [json!("ACCOUNT"), json!("001"), json!("10"), none.clone(), number.clone()],
        ),
        (
            SpiDoData::by_document(holder("DO"), "DO"),
            [json!("DOCUMENT"), none.clone(), none.clone(), none.clone(), number.clone()],
        ),
        (
            SpiDoData::by_phone(holder("DO"), "DO"),
            [json!("PHONE"), none.clone(), none.clone(), none.clone(), number.clone()],
        ),
        (
            SpiDoData::by_alias(holder("DO"), "mi-alias", "DO"),
            [json!("ALIAS"), none.clone(), none.clone(), json!("mi-alias"), number.clone()],
        ),
    ] {
        assert_eq!(spi_do(data), expected);
    }

    let ine = serde_json::to_value(Document::ine("1", "MX", "cic-1", "ciudadano-1")).unwrap();
    assert_eq!(
        (&ine["type"], &ine["cic"], &ine["identificadorCiudadano"]),
        (&json!("INE"), &json!("cic-1"), &json!("ciudadano-1"))
    );
    let ife = serde_json::to_value(Document::ife("1", "MX", "ocr-1", "emision-1")).unwrap();
    assert_eq!(
        (&ife["type"], &ife["ocr"], &ife["numeroEmision"]),
        (&json!("IFE"), &json!("ocr-1"), &json!("emision-1"))
    );
}

#[test]
fn debug_of_accounts_shows_kind_only() {
    const CANARY: &str = "canary-77aa";
    let document = || Document::new(DocumentType::Unknown(CANARY.to_owned()), CANARY, CANARY);
    let person = Holder::person(CANARY, CANARY, CANARY, CANARY, document()).with_middle_name(CANARY);
    let company = Holder::company(CANARY, CANARY, CANARY, document());
    let address =
        BankAddress { street2: Some(CANARY.to_owned()), ..BankAddress::new(CANARY, CANARY, CANARY, CANARY, CANARY) };
    let other_data = Map::from_iter([(CANARY.to_owned(), json!(CANARY))]);
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        person,
        company,
        document(),
        address,
        AccountKind::Custodial(other_data.clone()),
        CreateAccount::new(AccountKind::Other { kind: CANARY.to_owned(), data: other_data })
            .with_user_id(CANARY)
            .with_external_id(CANARY),
    );
    assert!(!shown.contains(CANARY), "{shown}");
    let mut seen = 0;
    let spec = specs::load("killb").document;
    for (kind, _) in kinds(&spec).into_iter().filter(|(kind, _)| kind != "CUSTODIAL") {
        let mut json = self::shown(&spec, &kind);
        mark(&mut json["data"], CANARY);
        let account = match serde_json::from_value::<CreateAccount>(json.clone()) {
            Ok(account) => account,
            Err(error) => panic!("{kind}: {error}"),
        };
        assert_eq!(serde_json::to_value(&account).unwrap(), json);
        let debug = format!("{account:?} {account:#?} {:?} {:#?}", account.kind, account.kind);
        assert!(debug.contains(&kind) && !debug.contains(CANARY), "{kind}: {debug}");
        seen += json.to_string().matches(CANARY).count();
    }
    assert!(seen > 150, "{seen} marked values");
}

/// Replaces each text that is not a word of a closed list.
fn mark(data: &mut Value, with: &str) {
    const WORDS: [&str; 7] = ["type", "clabeType", "currency", "aliasType", "pixKeyType", "identifierType", "network"];
    for (name, value) in data.as_object_mut().unwrap() {
        match value {
            Value::Object(_) => mark(value, with),
            _ if WORDS.contains(&name.as_str()) => {}
            _ => *value = with.into(),
        }
    }
}

#[test]
fn create_account_sends_documented_and_unknown_kinds() {
    let data = Map::from_iter([("barterKey".to_owned(), json!("b-1"))]);
    let other = CreateAccount::new(AccountKind::Other { kind: "BARTER".to_owned(), data }).with_external_id("e-1");
    let account = json!({
        "id": "a-1", "userId": "u-1", "type": "PIX", "status": "ACTIVE", "data": {}, "externalId": "e-1",
        "complianceUrl": "https://example.com", "createdAt": "", "updatedAt": "",
    });
    for sent in [other, CreateAccount::new(constructed().remove(13))] {
        let bench = Bench::new();
        bench.connector.push(MockResponse::json(201, &account));
        let client = client!(killb, bench, Credentials::access_token("t"));
        let created = bench.clock.run(client.create_account(&sent)).unwrap();
        assert_eq!(created.id, "a-1");
        let [request] = &bench.connector.requests()[..] else { panic!("one request") };
        assert_eq!((request.method.as_str(), request.url.path()), ("POST", "/api/v2/accounts"));
        assert_eq!(request.headers["content-type"], "application/json");
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, serde_json::to_value(&sent).unwrap());
    }
}

#[test]
fn delete_account_is_sent_once_whatever_happens_to_the_response() {
    let delete = |response: MockResponse| {
        let bench = Bench::new();
        bench.connector.push(response);
        let client = client!(killb, bench, Credentials::access_token("t"));
        let result: Result<(), Error> = bench.clock.run(client.delete_account("a-1"));
        let [request] = &bench.connector.requests()[..] else { panic!("one request") };
        assert_eq!((request.method.as_str(), request.url.path()), ("DELETE", "/api/v2/accounts/a-1"));
        assert!(request.body.is_empty());
        result
    };
    delete(MockResponse::new(200, "")).unwrap();
    delete(MockResponse::new(204, "")).unwrap();
    for lost in [
        MockResponse::error(ConnectorError::ConnectionReset),
        MockResponse::error(ConnectorError::Timeout),
        MockResponse::json(502, "{}"),
    ] {
        let error = delete(lost).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        assert!(error.hint().is_some_and(|hint| hint.contains("before deleting it again")), "{error}");
    }
    let refused = delete(MockResponse::json(404, r#"{"errorCode":"ACCOUNT.0001","message":["x"],"statusCode":"404"}"#));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn ids_that_would_lead_to_another_call_are_not_sent() {
    let bench = Bench::new();
    let client = client!(killb, bench, Credentials::access_token("t"));
    for id in ["", ".", ".."] {
        assert_eq!(bench.clock.run(client.delete_account(id)).unwrap_err().kind(), ErrorKind::Usage, "{id:?}");
        assert_eq!(bench.clock.run(client.accounts_of_user(id)).unwrap_err().kind(), ErrorKind::Usage, "{id:?}");
    }
    for kinds in [&["PIX,PSE"][..], &[""]] {
        let error = bench.clock.run(client.export_accounts(kinds)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
    assert!(bench.connector.requests().is_empty());
}

#[test]
fn banks_reads_a_list_and_a_single_bank_and_reports_drift() {
    let bank = json!({"code": "0001", "companyName": "Banco", "accountTypes": ["savings"]});
    for body in [json!([bank]), bank.clone()] {
        let bench = Bench::new();
        // A transient failure of a request that only reads is retried.
        bench.connector.push(MockResponse::json(503, "{}"));
        bench.connector.push(MockResponse::json(200, &body));
        let client = client!(killb, bench, Credentials::access_token("t"));
        let banks = bench.clock.run(client.banks("CO")).unwrap();
        assert_eq!((banks.len(), banks[0].code.as_deref()), (1, Some("0001")));
        let request = &bench.connector.requests()[1];
        assert_eq!((request.url.path(), request.url.query()), ("/api/v2/banks", Some("countryCode=CO")));
    }
    let bench = Bench::new();
    bench.connector.push(MockResponse::json(200, json!([{"code": "1", "swift": "X"}, {"code": "2", "swift": "Y"}])));
    let client = client!(killb, bench, Credentials::access_token("t"));
    let (banks, drift) = bench.clock.run(collect_drift(client.banks("CO")));
    assert_eq!(banks.unwrap().len(), 2);
    assert_eq!(drift.iter().map(|drift| &*drift.pointer).collect::<Vec<_>>(), ["/swift"]);
}

#[test]
fn accounts_of_user_reads_either_success_code() {
    let account = json!({
        "id": "a-1", "userId": "u-1", "type": "PSE", "status": "ACTIVE", "data": {"firstName": "Ana"},
        "externalId": "e-1", "complianceUrl": "https://example.com", "createdAt": "", "updatedAt": "",
    });
    for status in [200, 201] {
        let bench = Bench::new();
        bench.connector.push(MockResponse::json(status, json!([account, account])));
        let client = client!(killb, bench, Credentials::access_token("t"));
        let accounts = bench.clock.run(client.accounts_of_user("u-1")).unwrap();
        assert_eq!(accounts.len(), 2);
        assert_eq!(bench.connector.requests()[0].url.path(), "/api/v2/accounts/userId/u-1");
    }
    let bench = Bench::new();
    // A body that cannot be read is retried: it may be the page of a proxy.
    bench.connector.respond_with(move |_| MockResponse::json(200, json!([account, {"id": 7}])));
    let client = client!(killb, bench, Credentials::access_token("t"));
    let error = bench.clock.run(client.accounts_of_user("u")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    let text = error.to_string();
    assert!(text.contains("/1/id of the response is a number, where the spec has a string"), "{text}");
}

#[test]
fn template_and_export_return_workbooks_only() {
    let workbook = b"PK\x03\x04 a workbook".to_vec();
    let bench = Bench::new();
    bench.connector.push(MockResponse::new(200, workbook.clone()));
    bench.connector.push(MockResponse::new(200, workbook.clone()));
    bench.connector.push(MockResponse::new(200, workbook.clone()));
    bench.connector.respond_with(|_| MockResponse::new(200, "<html>sign in</html>"));
    let client = client!(killb, bench, Credentials::access_token("t"));
    assert_eq!(bench.clock.run(client.template()).unwrap(), workbook);
    assert_eq!(bench.clock.run(client.export_accounts(&["PSE", "PIX"])).unwrap(), workbook);
    assert_eq!(bench.clock.run(client.export_accounts(&[])).unwrap(), workbook);
    let error = bench.clock.run(client.template()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(!format!("{error:?} {error}").contains("sign in"));
    let urls: Vec<_> = bench.connector.requests().iter().map(|request| request.url.clone()).collect();
    let paths: Vec<_> = urls.iter().map(|url| (url.path(), url.query())).collect();
    let template = ("/api/v2/accounts/bulk/template", None);
    let export = "/api/v2/accounts/export";
    assert_eq!(paths[..4], [template, (export, Some("type=PSE%2CPIX")), (export, None), template]);
}

#[test]
fn workbook_is_downloaded_up_to_the_limit_of_what_is_held() {
    let workbook = b"PK\x03\x04 a workbook".to_vec();
    let download = |limit: usize| {
        let bench = Bench::new();
        bench.connector.push(MockResponse::new(200, workbook.clone()));
        let limits = bulkrail::Limits::default().with_max_buffered_bytes(limit);
        let builder = bulkrail::killb::Client::builder().credentials(Credentials::access_token("t"));
        let client = builder.clock(bench.clock.clock()).connector(bench.connector.clone()).limits(limits);
        bench.clock.run(client.build().unwrap().template()).map_err(|error| error.kind())
    };
    for limit in [workbook.len(), workbook.len() + 1] {
        assert_eq!(download(limit), Ok(workbook.clone()));
    }
    for limit in [workbook.len() - 1, 1] {
        assert_eq!(download(limit), Err(ErrorKind::TooLarge));
    }
}

#[test]
fn single_bank_that_does_not_fit_the_spec_is_an_error_that_names_its_field() {
    let error = |body: serde_json::Value| {
        let bench = Bench::new();
        bench.connector.respond_with(move |_| MockResponse::json(200, &body));
        let client = client!(killb, bench, Credentials::access_token("t"));
        bench.clock.run(client.banks("CO")).unwrap_err().to_string()
    };
    let text = error(json!({"code": 7}));
    assert!(text.contains("/code of the response is a number"), "{text}");
    let text = error(json!([{"code": 7}]));
    assert!(text.contains("/0/code of the response is a number"), "{text}");
}
