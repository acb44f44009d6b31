//! Names: protobuf identifiers to Rust identifiers, and the few that Rust cannot spell.
//!
//! Types called `Self`, `type` or `i32` get a trailing underscore in Rust only; the descriptors are
//! renamed before the message generator sees them, and [`Renames`] restores the protobuf names in text.

use buffa_codegen::idents::is_rust_keyword;
use buffa_descriptor::generated::descriptor::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

/// Primitive types that a message of the same name would shadow in generated code.
const PRIMITIVES: [&str; 9] = ["bool", "f32", "f64", "i32", "i64", "str", "u32", "u64", "u8"];

/// The types that got another name, as (Rust-side full name, protobuf full name) without leading dots.
#[derive(Debug, Default)]
pub(crate) struct Renames(Vec<(String, String)>);

impl Renames {
    /// The text with which generated string literals must name the protobuf type, if it differs.
    pub(crate) fn restore(&self, literal: &str) -> Option<String> {
        let (scheme, name) = match literal.strip_prefix("type.googleapis.com/") {
            Some(name) => ("type.googleapis.com/", name),
            None => ("", literal),
        };
        self.0.iter().find_map(|(rust, protobuf)| {
            if short(rust) == name && scheme.is_empty() {
                return Some(short(protobuf).to_owned());
            }
            let rest = name.strip_prefix(rust.as_str())?;
            (rest.is_empty() || rest.starts_with('.')).then(|| format!("{scheme}{protobuf}{rest}"))
        })
    }

    /// The Rust-side name of a type reference (`.pkg.Self` becomes `.pkg.Self_`).
    fn rename(&self, reference: &mut Option<String>) {
        let Some(name) = reference.as_mut() else {
            return;
        };
        for (rust, protobuf) in self.0.iter().rev() {
            let Some(rest) = name.strip_prefix('.').and_then(|name| name.strip_prefix(protobuf.as_str())) else {
                continue;
            };
            if rest.is_empty() || rest.starts_with('.') {
                *name = format!(".{rust}{rest}");
                return;
            }
        }
    }
}

fn short(full_name: &str) -> &str {
    full_name.rsplit('.').next().unwrap_or(full_name)
}

/// Joins a scope (a package or a message, possibly empty) and a name with a dot.
pub(crate) fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// Renames messages and enums whose names are keywords or primitive types, and every reference to them.
pub(crate) fn rename_reserved_types(files: &mut [FileDescriptorProto]) -> Renames {
    let mut renames = Renames::default();
    for file in files.iter_mut() {
        let package = file.package.clone().unwrap_or_default();
        for value in &mut file.enum_type {
            rename_type(&mut value.name, &package, &package, &mut renames);
        }
        rename_messages(&mut file.message_type, &package, &package, &mut renames);
    }
    if !renames.0.is_empty() {
        for file in files {
            rename_references(file, &renames);
        }
    }
    renames
}

fn rename_type(name: &mut Option<String>, rust_scope: &str, scope: &str, renames: &mut Renames) -> (String, String) {
    let original = name.clone().unwrap_or_default();
    if is_rust_keyword(&original) || PRIMITIVES.contains(&original.as_str()) {
        let changed = format!("{original}_");
        renames.0.push((join(rust_scope, &changed), join(scope, &original)));
        *name = Some(changed);
    }
    (join(rust_scope, name.as_deref().unwrap_or_default()), join(scope, &original))
}

fn rename_messages(messages: &mut [DescriptorProto], rust_scope: &str, scope: &str, renames: &mut Renames) {
    for message in messages {
        let (rust_name, name) = rename_type(&mut message.name, rust_scope, scope, renames);
        for value in &mut message.enum_type {
            rename_type(&mut value.name, &rust_name, &name, renames);
        }
        rename_messages(&mut message.nested_type, &rust_name, &name, renames);
    }
}

fn rename_references(file: &mut FileDescriptorProto, renames: &Renames) {
    rename_in_fields(&mut file.extension, renames);
    for message in &mut file.message_type {
        rename_in_message(message, renames);
    }
    for method in file.service.iter_mut().flat_map(|service| &mut service.method) {
        renames.rename(&mut method.input_type);
        renames.rename(&mut method.output_type);
    }
}

fn rename_in_message(message: &mut DescriptorProto, renames: &Renames) {
    rename_in_fields(&mut message.field, renames);
    rename_in_fields(&mut message.extension, renames);
    for nested in &mut message.nested_type {
        rename_in_message(nested, renames);
    }
}

fn rename_in_fields(fields: &mut [FieldDescriptorProto], renames: &Renames) {
    for field in fields {
        renames.rename(&mut field.type_name);
    }
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
pub(crate) fn unique(mut name: String, taken: &mut std::collections::BTreeSet<String>) -> String {
    while !taken.insert(name.clone()) {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn snake_case_finds_words() {
        for (name, expected) in [
            ("SayHello", "say_hello"),
            ("sayHello", "say_hello"),
            ("HTTPGet", "http_get"),
            ("GetV2Beta", "get_v2_beta"),
            ("already_snake", "already_snake"),
            ("Type", "type"),
        ] {
            assert_eq!(snake_case(name), expected);
        }
    }
}
