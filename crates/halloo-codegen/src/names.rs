//! Protobuf identifiers to Rust identifiers.

use buffa_codegen::idents::to_upper_camel_case;
use std::collections::BTreeSet;

/// Joins a scope (a package or a message, possibly empty) and a name with a dot.
pub(crate) fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// A type's name in Rust. `Greeter`, `HTTPGateway` and `Foo_Bar` stay; `greeter` and `my_type` become `Greeter` and `MyType`,
/// `Self` becomes `Self_` and `_2d` `X2d`. It always begins with a capital letter, which no module does.
pub(crate) fn type_name(name: &str) -> String {
    let name = match name.starts_with(|first: char| first.is_ascii_uppercase()) {
        true => name.to_owned(),
        false => to_upper_camel_case(name),
    };
    match name.as_str() {
        "Self" => "Self_".to_owned(),
        name if starts_identifier(name) => name.to_owned(),
        name => format!("X{name}"),
    }
}

/// Whether an identifier can begin with the first letter of `name`, as case conversions make it: without underscores.
pub(crate) fn starts_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// Whether `name` is a keyword that not even `r#` makes an identifier.
pub(crate) fn is_path_keyword(name: &str) -> bool {
    matches!(name, "self" | "Self" | "super" | "crate")
}

/// Converts `SayHello`, `sayHello` or `HTTPGet` to `say_hello`, `say_hello`, `http_get`.
pub(crate) fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (index, &char) in chars.iter().enumerate() {
        let after_lower = index > 0 && (chars[index - 1].is_lowercase() || chars[index - 1].is_ascii_digit());
        let ends_acronym = index > 0
            && chars[index - 1].is_uppercase()
            && chars.get(index + 1).is_some_and(|next| next.is_lowercase());
        if char.is_uppercase() && (after_lower || ends_acronym) {
            out.push('_');
        }
        out.extend(char.to_lowercase());
    }
    out
}

/// Adds underscores to `name` until it differs from everything in `taken`, and takes it.
pub(crate) fn unique(mut name: String, taken: &mut BTreeSet<String>) -> String {
    while !taken.insert(name.clone()) {
        name.push('_');
    }
    name
}

#[cfg(test)]
#[path = "../tests/unit/names.rs"]
mod tests;
