fn main() {
    bulkrail_codegen::Builder::new("specs/persona.yaml").rules(bulkrail_codegen::Rules::Bulkrail).run();
}
