use bulkrail_codegen::Builder;

fn main() {
    // `.ci/outsider` chooses a spec with a mistake.
    println!("cargo::rerun-if-env-changed=ACME_SPEC");
    let spec = std::env::var("ACME_SPEC").unwrap_or_else(|_| "specs/acme.yaml".to_owned());
    Builder::new(&spec).name("acme").run();
    // The same client over an HTTP layer of this package.
    Builder::new(&spec).http_layer("crate::plain").name("acme_plain").run();
}
