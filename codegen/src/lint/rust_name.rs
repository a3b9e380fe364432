//! Names in the generated code, by the rules of the generator.

use heck::{ToPascalCase, ToSnakeCase};
use unicode_ident::{is_xid_continue, is_xid_start};

/// Words that are keywords in some edition. The generator appends an underscore to them.
const KEYWORDS: &[&str] = &[
    "_", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "Self", "self", "static", "struct",
    "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while",
    "yield",
];

/// Returns the name of a type or variant.
pub(super) fn type_name(name: &str) -> String {
    identifier(name, |text| text.to_pascal_case(), "X")
}

/// Returns the name of a field.
pub(super) fn field_name(name: &str) -> String {
    identifier(name, |text| text.to_snake_case(), "x")
}

/// Returns the name of a method or parameter.
pub(super) fn value_name(name: &str) -> String {
    // Only the name of a type or field gets an `x` before a digit.
    identifier(name, |text| text.to_snake_case(), "_")
}

/// Returns the names of the variants of an enum with these words, in their order.
pub(super) fn variant_names<'a>(words: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let names: Vec<String> = words.clone().map(type_name).collect();
    let mut unique = names.clone();
    unique.sort();
    unique.dedup();
    if unique.len() == names.len() {
        return names;
    }
    // The generator then writes an X for each sign.
    words.map(|word| type_name(&word.replace(|char| char == '_' || !is_xid_continue(char), "X"))).collect()
}

fn identifier(name: &str, to_case: impl Fn(&str) -> String, before_digit: &str) -> String {
    let name = match name {
        "+1" => "plus1".to_owned(),
        "-1" => "minus1".to_owned(),
        // The generator changes the case of all names but these two.
        _ => to_case(&name.replace('\'', "").replace(|char| !is_xid_continue(char), "-")),
    };
    let name = match name.chars().next() {
        None => to_case("x"),
        Some(first) if is_xid_start(first) => name,
        Some(_) => format!("{before_digit}{name}"),
    };
    match KEYWORDS.contains(&name.as_str()) {
        true => name + "_",
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_generator() {
        for (name, expected) in
            [("NewThing", "NewThing"), ("ABC", "Abc"), ("2nd", "X2nd"), ("", "X"), ("=", "X"), ("self", "Self_")]
        {
            assert_eq!(type_name(name), expected, "{name}");
        }
        for (name, expected) in [
            ("lastName", "last_name"),
            ("a-b", "a_b"),
            ("type", "type_"),
            ("2nd", "x2nd"),
            ("größe", "größe"),
            ("don't", "dont"),
            ("🙂", "x"),
        ] {
            assert_eq!(field_name(name), expected, "{name}");
        }
        assert_eq!(value_name("2nd"), "_2nd");
        assert_eq!(variant_names(["a", "b-c"].into_iter()), ["A", "BC"]);
        assert_eq!(variant_names(["=", ">="].into_iter()), ["X", "Xx"]);
    }
}
