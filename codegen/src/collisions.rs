//! Finds names that are defined twice in one scope of the generated code.
//!
//! `lint` finds them in the spec. This is the last check, so that a name which it does not foresee
//! is reported here and not by the compiler.

use std::collections::BTreeSet;

use syn::{Fields, FnArg, ImplItem, Item, Pat};

use crate::lint::names::schemas_of_type;
use crate::locate::schema_of;
use crate::{Error, Spec};

/// Returns an error for each name that is defined twice in one scope.
pub(crate) fn check(spec: &Spec, file: &syn::File) -> Vec<Error> {
    let mut collisions = Collisions { spec, errors: Vec::new() };
    collisions.items(&file.items);
    collisions.errors
}

struct Collisions<'a> {
    spec: &'a Spec,
    errors: Vec<Error>,
}

impl Collisions<'_> {
    fn items(&mut self, items: &[Item]) {
        let types = items.iter().filter_map(|item| match item {
            Item::Struct(item) => Some(item.ident.to_string()),
            Item::Enum(item) => Some(item.ident.to_string()),
            Item::Type(item) => Some(item.ident.to_string()),
            _ => None,
        });
        for name in repeated(types) {
            let places = schemas_of_type(&self.spec.document, &name);
            let places: Vec<String> = places.iter().map(|place| self.place(place)).collect();
            let places = if places.len() > 1 { format!(" ({})", places.join(" and ")) } else { String::new() };
            let reason = format!("two schemas become the Rust type `{name}`{places}; rename one");
            self.error(&schema_of(self.spec, &name), reason);
        }
        for item in items {
            match item {
                Item::Mod(module) => self.items(module.content.as_ref().map_or(&[], |(_, items)| items)),
                Item::Struct(item) => self.fields(&item.ident.to_string(), &item.fields),
                Item::Enum(item) => {
                    let name = item.ident.to_string();
                    for variant in repeated(item.variants.iter().map(|variant| variant.ident.to_string())) {
                        let reason = format!("two values become the Rust variant `{name}::{variant}`; leave one out");
                        self.error(&schema_of(self.spec, &name), reason);
                    }
                    item.variants.iter().for_each(|variant| self.fields(&name, &variant.fields));
                }
                Item::Impl(block) if block.trait_.is_none() => self.methods(&block.items),
                _ => {}
            }
        }
    }

    fn fields(&mut self, owner: &str, fields: &Fields) {
        let names = fields.iter().filter_map(|field| Some(field.ident.as_ref()?.to_string()));
        for field in repeated(names) {
            let reason = format!("two properties become the Rust field `{field}` of `{owner}`; leave one out");
            self.error(&schema_of(self.spec, owner), reason);
        }
    }

    fn methods(&mut self, items: &[ImplItem]) {
        let methods = items.iter().filter_map(|item| match item {
            ImplItem::Fn(method) => Some(method),
            _ => None,
        });
        for name in repeated(methods.clone().map(|method| method.sig.ident.to_string())) {
            self.error("", format!("two operations become the Rust method `{name}`; rename one"));
        }
        for method in methods {
            let arguments = method.sig.inputs.iter().filter_map(|input| match input {
                FnArg::Typed(argument) => match &*argument.pat {
                    Pat::Ident(name) => Some(name.ident.to_string()),
                    _ => None,
                },
                FnArg::Receiver(_) => None,
            });
            for argument in repeated(arguments) {
                let method = &method.sig.ident;
                let reason =
                    format!("two parameters become the Rust argument `{argument}` of `{method}`; leave one out");
                self.error("", reason);
            }
        }
    }

    /// Returns a pointer with its line.
    fn place(&self, pointer: &str) -> String {
        let line = self.spec.line(pointer).map(|line| format!(" in line {line}")).unwrap_or_default();
        format!("{pointer}{line}")
    }

    fn error(&mut self, pointer: &str, reason: String) {
        self.errors.push(self.spec.error(pointer, reason));
    }
}

/// Returns the names that are there more than once.
fn repeated(names: impl Iterator<Item = String>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut repeated = BTreeSet::new();
    for name in names {
        if !seen.insert(name.clone()) {
            repeated.insert(name);
        }
    }
    repeated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_names_each_collision_and_its_schema() {
        let text = "components: {schemas: {Thing: {}, ThingSize: {}}}\n";
        let spec = Spec::parse("specs/things.yaml", text).unwrap();
        let file = syn::parse_file(
            "mod types { struct ThingSize; enum ThingSize { A, A } struct Thing { a: u8, a: u8 } }
            impl Client { fn read(&self, id: u8, id: u8) {} fn read(&self) {} }",
        )
        .unwrap();
        let found: Vec<String> = check(&spec, &file).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "specs/things.yaml:1: /components/schemas/ThingSize: two schemas become the Rust type `ThingSize`; rename one",
                "specs/things.yaml:1: /components/schemas/ThingSize: two values become the Rust variant `ThingSize::A`; \
                 leave one out",
                "specs/things.yaml:1: /components/schemas/Thing: two properties become the Rust field `a` of `Thing`; \
                 leave one out",
                "specs/things.yaml:1: two operations become the Rust method `read`; rename one",
                "specs/things.yaml:1: two parameters become the Rust argument `id` of `read`; leave one out",
            ]
        );
    }
}
