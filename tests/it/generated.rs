//! The clients in `specs/generated/`, which builds without the feature `generate` take, are what
//! the build script writes. This test proves it byte for byte; the one of `bulkrail-codegen` that
//! writes the files is `surface`.

macro_rules! assert_equal {
    ($provider:literal) => {
        let written = include_str!(concat!(env!("BULKRAIL_GENERATED"), "/", $provider, ".rs"));
        let committed = include_str!(concat!("../../specs/generated/", $provider, ".rs"));
        assert!(
            written == committed,
            "specs/generated/{}.rs is not what the build script writes; run `BULKRAIL_BLESS=1 cargo test -p \
             bulkrail-codegen --features generate --test surface`",
            $provider
        );
    };
}

#[test]
fn build_script_writes_the_committed_client_of_each_enabled_provider() {
    #[cfg(feature = "killb")]
    assert_equal!("killb");
    #[cfg(feature = "reap")]
    assert_equal!("reap");
    #[cfg(feature = "cdq")]
    assert_equal!("cdq");
    #[cfg(feature = "localpayment")]
    assert_equal!("localpayment");
}
