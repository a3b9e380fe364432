fn main() {
    let spec = bulkrail_codegen::Spec::load("specs/persona.yaml").unwrap();
    let found = bulkrail_codegen::lint(&spec);
    assert!(found.is_empty(), "{}", found.iter().map(|e| e.to_string()).collect::<Vec<_>>().join("\n"));
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("persona.rs"), bulkrail_codegen::generate(&spec).unwrap()).unwrap();
}
