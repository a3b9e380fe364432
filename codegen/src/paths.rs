//! Connects generated code with the crates that it uses.
//!
//! The generator names crates (`::serde`, `reqwest`), which the including package would have to
//! depend on. All of them are re-exported by one module, the HTTP layer, and the names are replaced
//! by paths through it.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Expr, ExprLit, ItemEnum, ItemStruct, ItemUse, Lit, LitStr, Meta, Path, Token, UseTree, parse_quote,
};

/// Crates that generated code uses.
pub(crate) const CRATES: [&str; 4] = ["progenitor_client", "reqwest", "serde", "serde_json"];

/// Returns the path of an HTTP layer, or `None` if `text` is not a path that is valid in every
/// module.
pub(crate) fn parse(text: &str) -> Option<Path> {
    let mut path: Path = syn::parse_str(text).ok()?;
    let first = path.segments.first()?.ident.to_string();
    let has_arguments = path.segments.iter().any(|segment| !segment.arguments.is_none());
    if has_arguments || matches!(first.as_str(), "self" | "super" | "Self") {
        return None;
    }
    if first != "crate" {
        path.leading_colon = Some(Default::default());
    }
    Some(path)
}

/// Replaces the names of crates by paths through `layer`.
pub(crate) fn connect(file: &mut syn::File, layer: &Path) {
    Connect { text: layer.to_token_stream().to_string().replace(' ', ""), layer }.visit_file_mut(file);
}

struct Connect<'a> {
    layer: &'a Path,
    text: String,
}

impl Connect<'_> {
    fn connect(&self, path: &mut Path) {
        let Some(first) = path.segments.first() else { return };
        if path.segments.len() > 1 && CRATES.iter().any(|name| first.ident == name) {
            let mut connected = self.layer.clone();
            connected.segments.extend(std::mem::take(&mut path.segments));
            *path = connected;
        }
    }

    /// Connects the traits that are derived. Returns whether one of them is serde's, which needs to
    /// know its crate.
    fn connect_derives(&self, attributes: &mut [Attribute]) -> bool {
        let mut is_serde = false;
        for attribute in attributes.iter_mut().filter(|attribute| attribute.path().is_ident("derive")) {
            let derived = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
            let Ok(mut derived) = derived else { continue };
            for path in &mut derived {
                is_serde |= path.segments.first().is_some_and(|first| first.ident == "serde");
                self.connect(path);
            }
            *attribute = parse_quote!(#[derive(#derived)]);
        }
        is_serde
    }

    fn connect_type(&self, attributes: &mut Vec<Attribute>) {
        if self.connect_derives(attributes) {
            let serde = format!("{}::serde", self.text);
            // Behind the derive, whose attribute it is.
            let derive = attributes.iter().position(|attribute| attribute.path().is_ident("derive"));
            attributes.insert(derive.map_or(0, |derive| derive + 1), parse_quote!(#[serde(crate = #serde)]));
        }
    }
}

impl VisitMut for Connect<'_> {
    fn visit_path_mut(&mut self, path: &mut Path) {
        visit_mut::visit_path_mut(self, path);
        self.connect(path);
    }

    fn visit_item_use_mut(&mut self, item: &mut ItemUse) {
        if let UseTree::Path(path) = &item.tree
            && CRATES.iter().any(|name| path.ident == name)
        {
            let (attributes, visibility, layer, tree) = (&item.attrs, &item.vis, self.layer, &item.tree);
            *item = parse_quote!(#(#attributes)* #visibility use #layer::#tree;);
        }
    }

    fn visit_item_struct_mut(&mut self, item: &mut ItemStruct) {
        visit_mut::visit_item_struct_mut(self, item);
        self.connect_type(&mut item.attrs);
    }

    fn visit_item_enum_mut(&mut self, item: &mut ItemEnum) {
        visit_mut::visit_item_enum_mut(self, item);
        self.connect_type(&mut item.attrs);
    }

    /// Connects the paths that serde takes as text, such as that of `skip_serializing_if`.
    fn visit_attribute_mut(&mut self, attribute: &mut Attribute) {
        visit_mut::visit_attribute_mut(self, attribute);
        if !attribute.path().is_ident("serde") {
            return;
        }
        let Ok(mut options) = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
            return;
        };
        let mut is_changed = false;
        for option in &mut options {
            if let Meta::NameValue(pair) = option
                && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &mut pair.value
                && let Some(path) = text.value().strip_prefix("::")
                && CRATES.iter().any(|name| path.strip_prefix(name).is_some_and(|rest| rest.starts_with("::")))
            {
                *text = LitStr::new(&format!("{}::{path}", self.text), text.span());
                is_changed = true;
            }
        }
        if is_changed {
            *attribute = parse_quote!(#[serde(#options)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected(source: &str, layer: &str) -> String {
        let mut file = syn::parse_file(source).unwrap();
        connect(&mut file, &parse(layer).unwrap());
        prettyplease::unparse(&file)
    }

    #[test]
    fn connect_replaces_crates_in_paths_derives_attributes_and_imports() {
        let source = "
            pub use progenitor_client::{Error, ResponseValue};
            use std::fmt;
            #[derive(::serde::Serialize, Clone)]
            pub struct A {
                #[serde(rename = \"::serde\", skip_serializing_if = \"::serde_json::Map::is_empty\")]
                pub a: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
            }
            #[derive(Clone)]
            pub enum B { One }
            fn c(client: reqwest::Client) -> Option<reqwest::Request> { reqwest::Request::new(client); serde() }
        ";
        let expected = "
            pub use ::a::b::progenitor_client::{Error, ResponseValue};
            use std::fmt;
            #[derive(::a::b::serde::Serialize, Clone)]
            #[serde(crate = \"::a::b::serde\")]
            pub struct A {
                #[serde(rename = \"::serde\", skip_serializing_if = \"::a::b::serde_json::Map::is_empty\")]
                pub a: ::a::b::serde_json::Map<::std::string::String, ::a::b::serde_json::Value>,
            }
            #[derive(Clone)]
            pub enum B { One }
            fn c(client: ::a::b::reqwest::Client) -> Option<::a::b::reqwest::Request> {
                ::a::b::reqwest::Request::new(client); serde()
            }
        ";
        assert_eq!(connected(source, "a::b"), prettyplease::unparse(&syn::parse_file(expected).unwrap()));
    }

    #[test]
    fn parse_accepts_paths_that_are_valid_in_every_module() {
        let text = |text| parse(text).map(|path| path.to_token_stream().to_string().replace(' ', ""));
        assert_eq!(text("acme::http").as_deref(), Some("::acme::http"));
        assert_eq!(text("::acme").as_deref(), Some("::acme"));
        assert_eq!(text("crate::http").as_deref(), Some("crate::http"));
        for wrong in ["super::http", "self::http", "Self", "a b", "", "a<u8>::b", "::"] {
            assert_eq!(text(wrong), None, "{wrong}");
        }
    }
}
