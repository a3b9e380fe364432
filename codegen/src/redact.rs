//! Takes personal data out of the generated types' `Debug`, and mends one attribute.
//!
//! A raw type holds names, bank accounts and documents. The generator derives `Debug`, and one `{:?}` in a log line would print them;
//! so every type that carries data gets a `Debug` that prints its name alone.

use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Fields, Item, ItemMod, Meta, Token, parse_quote, punctuated::Punctuated};

pub(crate) fn redact(file: &mut syn::File) {
    MendOptional.visit_file_mut(file);
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
    let mut silent = Vec::new();
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
            silent.push(parse_quote! {
                impl ::std::fmt::Debug for #name {
                    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str(#text)
                    }
                }
            });
        }
    }
    items.extend(silent);
}

/// Removes `Debug` from a derive; says whether it was there.
fn drop_debug(attribute: &mut Attribute) -> bool {
    if !attribute.path().is_ident("derive") {
        return false;
    }
    let Ok(derived) = attribute.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated) else {
        return false;
    };
    let kept: Vec<_> = derived.iter().filter(|path| !path.is_ident("Debug")).collect();
    let found = kept.len() < derived.len();
    *attribute = parse_quote!(#[derive(#(#kept),*)]);
    found
}

/// The generator insists on the presence of a field that may be null (`deserialize_with`); we take a missing one for null.
struct MendOptional;

impl VisitMut for MendOptional {
    fn visit_attribute_mut(&mut self, attribute: &mut Attribute) {
        visit_mut::visit_attribute_mut(self, attribute);
        if !attribute.path().is_ident("serde") {
            return;
        }
        let Ok(options) = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
            return;
        };
        let insists = |option: &Meta| matches!(option, Meta::NameValue(pair) if pair.path.is_ident("deserialize_with"));
        if options.iter().any(insists) {
            let kept = options.iter().filter(|option| !insists(option));
            *attribute = parse_quote!(#[serde(default, #(#kept),*)]);
        }
    }
}
