//! Lists the public surface of a generated client for review.

use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Fields, FnArg, ImplItem, Item, Path, ReceiverKind, ReturnType, TypeReference, UseTree, Visibility};

use crate::paths::CRATES;

/// Returns the public surface of a generated client, one item a line, sorted.
///
/// Items are types, fields with their Rust types, variants, methods with arguments and return type,
/// constants and re-exports. Trait implementations, documentation, attributes, serialized names and
/// lifetimes are left out: they follow from the rest or from the generator.
///
/// ```
/// let source = "pub mod types { pub struct Job { pub id: ::std::string::String, seen: u8 } }
///     impl Client { pub async fn get_job<'a>(&'a self, id: &'a str) -> Result<types::Job, Error<()>> { todo!() } }";
/// let surface = bulkrail_codegen::surface(source);
/// let lines: Vec<&str> = surface.lines().collect();
/// assert_eq!(lines[0], "Client::get_job(&self, id: &str) -> Result<types::Job, Error<()>>");
/// assert_eq!(lines[1..], ["types::Job struct", "types::Job.id: String"]);
/// ```
///
/// # Panics
///
/// Panics if `generated_rust` is not valid Rust. The result of [`generate`](crate::generate())
/// always is.
#[must_use]
pub fn surface(generated_rust: &str) -> String {
    let mut file = syn::parse_file(generated_rust).expect("generated code is Rust");
    Shorten.visit_file_mut(&mut file);
    let mut lines = Vec::new();
    items("", &file.items, &mut lines);
    lines.sort();
    lines.dedup();
    lines.into_iter().map(|line| line + "\n").collect()
}

fn items(module: &str, items: &[Item], lines: &mut Vec<String>) {
    for item in items {
        match item {
            Item::Mod(inner) if is_public(&inner.vis) => {
                let inner_items = inner.content.as_ref().map_or(&[][..], |(_, items)| items);
                self::items(&format!("{module}{}::", inner.ident), inner_items, lines);
            }
            Item::Struct(data) if is_public(&data.vis) => {
                let name = format!("{module}{}", data.ident);
                lines.push(format!("{name} struct"));
                fields(&name, &data.fields, false, lines);
            }
            Item::Enum(data) if is_public(&data.vis) => {
                let name = format!("{module}{}", data.ident);
                lines.push(format!("{name} enum"));
                for variant in &data.variants {
                    let name = format!("{name}::{}", variant.ident);
                    match &variant.fields {
                        Fields::Unnamed(inner) => lines.push(format!("{name}({})", text(&inner.unnamed))),
                        inner => {
                            lines.push(name.clone());
                            fields(&name, inner, true, lines);
                        }
                    }
                }
            }
            Item::Impl(block) if block.trait_.is_none() => {
                let name = format!("{module}{}", text(&block.self_ty));
                let methods = block.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(method) if is_public(&method.vis) => Some(&method.sig),
                    _ => None,
                });
                lines.extend(methods.map(|method| format!("{name}::{}", signature(method))));
            }
            Item::Fn(function) if is_public(&function.vis) => {
                lines.push(format!("{module}{}", signature(&function.sig)))
            }
            Item::Const(data) if is_public(&data.vis) => {
                lines.push(format!("{module}{} const: {}", data.ident, text(&data.ty)));
            }
            Item::Type(alias) if is_public(&alias.vis) => {
                lines.push(format!("{module}{} type = {}", alias.ident, text(&alias.ty)));
            }
            Item::Use(names) if is_public(&names.vis) => {
                lines.push(format!("{module}use {}", text(from_crate(&names.tree))));
            }
            _ => {}
        }
    }
}

fn fields(name: &str, fields: &Fields, all: bool, lines: &mut Vec<String>) {
    let public = fields.iter().enumerate().filter(|(_, field)| all || is_public(&field.vis));
    lines.extend(public.map(|(index, field)| {
        let field_name = field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
        format!("{name}.{field_name}: {}", text(&field.ty))
    }));
}

fn signature(method: &syn::Signature) -> String {
    let arguments = method.inputs.iter().map(|input| match input {
        FnArg::Receiver(receiver) if matches!(receiver.kind, ReceiverKind::Reference(..)) => "&self".to_owned(),
        FnArg::Receiver(_) => "self".to_owned(),
        FnArg::Typed(argument) => format!("{}: {}", text(&argument.pat), text(&argument.ty)),
    });
    let arguments = arguments.collect::<Vec<_>>().join(", ");
    let generics: Vec<String> = method.generics.type_params().map(text).collect();
    let generics = if generics.is_empty() { String::new() } else { format!("<{}>", generics.join(", ")) };
    let return_type = match &method.output {
        ReturnType::Default => String::new(),
        ReturnType::Type(_, kind) => format!(" -> {}", text(kind)),
    };
    format!("{}{generics}({arguments}){return_type}", method.ident)
}

/// Returns the tree of a `use` without the path of the HTTP layer.
fn from_crate(tree: &UseTree) -> &UseTree {
    let mut inner = tree;
    while let UseTree::Path(path) = inner {
        if CRATES.iter().any(|name| path.ident == name) {
            return inner;
        }
        inner = &path.tree;
    }
    tree
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Returns tokens with the usual spacing.
fn text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (from, to) in [(" :: ", "::"), (":: ", "::"), (" <", "<"), ("< ", "<"), (" >", ">"), (" ,", ","), ("& ", "&")] {
        text = text.replace(from, to);
    }
    for (from, to) in [
        ("{ ", "{"),
        (" }", "}"),
        ("[ ", "["),
        (" ]", "]"),
        ("( ", "("),
        (" )", ")"),
        (" (", "("),
        (" :", ":"),
        (" ;", ";"),
    ] {
        text = text.replace(from, to);
    }
    // Where a list of arguments takes several lines, its last one has a comma.
    text.replace(",>", ">").replace(",}", "}").replace(",(", ", (")
}

/// Removes lifetimes, the paths of the standard library, and the path of the HTTP layer.
struct Shorten;

impl VisitMut for Shorten {
    fn visit_path_mut(&mut self, path: &mut Path) {
        visit_mut::visit_path_mut(self, path);
        path.leading_colon = None;
        if path.segments.first().is_some_and(|first| first.ident == "std")
            && let Some(last) = path.segments.last().cloned()
        {
            path.segments = [last].into_iter().collect();
        }
        if let Some(start) = path
            .segments
            .iter()
            .position(|segment| CRATES.iter().any(|name| segment.ident == name))
            .filter(|at| *at > 0)
        {
            path.segments = std::mem::take(&mut path.segments).into_iter().skip(start).collect();
        }
    }

    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        visit_mut::visit_type_reference_mut(self, reference);
        reference.lifetime = None;
    }
}
