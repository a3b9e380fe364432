//! Removes personal data from the `Debug` output of the generated types, and replaces one
//! attribute.
//!
//! A raw type contains names, bank accounts and documents. The generator derives `Debug`, and one
//! `{:?}` in a log line would print them. Each type with data gets a `Debug` that prints only its
//! name.

use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Fields, Item, ItemMod, Meta, Token, parse_quote, punctuated::Punctuated};

pub(crate) fn redact(file: &mut syn::File) {
    OptionalFields.visit_file_mut(file);
    for item in &mut file.items {
        if let Item::Mod(module) = item
            && module.ident == "types"
        {
            redact_module(module);
        }
    }
}

fn redact_module(module: &mut ItemMod) {
    let Some((_, items)) = &mut module.content else { return };
    let mut debug_impls = Vec::new();
    for item in items.iter_mut() {
        let (name, attributes) = match item {
            Item::Struct(data) => (&data.ident, &mut data.attrs),
            Item::Enum(data) if data.variants.iter().any(|variant| !matches!(variant.fields, Fields::Unit)) => {
                (&data.ident, &mut data.attrs)
            }
            _ => continue,
        };
        if attributes.iter_mut().any(drop_debug) {
            let text = format!("{name} {{ .. }}");
            debug_impls.push(parse_quote! {
                impl ::std::fmt::Debug for #name {
                    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str(#text)
                    }
                }
            });
        }
    }
    items.extend(debug_impls);
}

/// Removes `Debug` from a derive and returns whether it was there.
fn drop_debug(attribute: &mut Attribute) -> bool {
    if !attribute.path().is_ident("derive") {
        return false;
    }
    let Ok(derived) = attribute.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated) else {
        return false;
    };
    let kept: Vec<_> = derived.iter().filter(|path| !path.is_ident("Debug")).collect();
    let is_removed = kept.len() < derived.len();
    *attribute = parse_quote!(#[derive(#(#kept),*)]);
    is_removed
}

/// Makes a missing nullable field decode as null. The generator demands its presence
/// (`deserialize_with`).
struct OptionalFields;

impl VisitMut for OptionalFields {
    fn visit_attribute_mut(&mut self, attribute: &mut Attribute) {
        visit_mut::visit_attribute_mut(self, attribute);
        if !attribute.path().is_ident("serde") {
            return;
        }
        let Ok(options) = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
            return;
        };
        let demands_presence =
            |option: &Meta| matches!(option, Meta::NameValue(pair) if pair.path.is_ident("deserialize_with"));
        if options.iter().any(demands_presence) {
            let kept = options.iter().filter(|option| !demands_presence(option));
            *attribute = parse_quote!(#[serde(default, #(#kept),*)]);
        }
    }
}
