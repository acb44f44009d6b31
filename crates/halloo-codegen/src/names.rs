//! Names: protobuf identifiers to Rust identifiers, and the few that Rust cannot spell.
//!
//! Types that begin with a small letter are capitalised (`type` becomes `Type`) and `Self` becomes `Self_`,
//! in Rust only: the descriptors are renamed before the message generator sees them, and [`Renames`]
//! restores the protobuf names where they are text.

use crate::messages::is_map_entry;
use buffa_codegen::idents::to_upper_camel_case;
use buffa_descriptor::generated::descriptor::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};
use std::collections::BTreeSet;

/// The types that got another name, as (Rust-side full name, protobuf full name) without leading dots.
#[derive(Debug, Default)]
pub(crate) struct Renames(Vec<(String, String)>);

impl Renames {
    /// The protobuf name for a literal with the full name of a renamed type, or of a type within one.
    pub(crate) fn restore(&self, literal: &str) -> Option<String> {
        let (scheme, name) = match literal.strip_prefix("type.googleapis.com/") {
            Some(name) => ("type.googleapis.com/", name),
            None => ("", literal),
        };
        self.0.iter().rev().find_map(|(rust, protobuf)| {
            let rest = name.strip_prefix(rust.as_str())?;
            (rest.is_empty() || rest.starts_with('.')).then(|| format!("{scheme}{protobuf}{rest}"))
        })
    }

    /// The protobuf name for a literal with the name of a renamed type, without its scope.
    pub(crate) fn restore_short(&self, literal: &str) -> Option<String> {
        self.0.iter().find(|(rust, _)| short(rust) == literal).map(|(_, protobuf)| short(protobuf).to_owned())
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

/// Renames messages and enums that Rust could not have, and every reference to them.
///
/// A type in small letters would clash with the module of its nested types, a keyword or a primitive type.
pub(crate) fn rename_reserved_types(files: &mut [FileDescriptorProto]) -> Renames {
    let mut renamer = Renamer { taken: type_names(files), renames: Renames::default() };
    for file in files.iter_mut() {
        let package = file.package.clone().unwrap_or_default();
        renamer.types(&mut file.message_type, &mut file.enum_type, &package, &package);
    }
    if !renamer.renames.0.is_empty() {
        for file in files {
            rename_references(file, &renamer.renames);
        }
    }
    renamer.renames
}

struct Renamer {
    /// Full names in use, in Rust.
    taken: BTreeSet<String>,
    renames: Renames,
}

impl Renamer {
    fn types(
        &mut self,
        messages: &mut [DescriptorProto],
        enums: &mut [EnumDescriptorProto],
        rust_scope: &str,
        scope: &str,
    ) {
        for value in enums {
            self.rename(&mut value.name, rust_scope, scope);
        }
        for message in messages.iter_mut().filter(|message| !is_map_entry(message)) {
            let name = join(scope, message.name.as_deref().unwrap_or_default());
            self.rename(&mut message.name, rust_scope, scope);
            let rust_name = join(rust_scope, message.name.as_deref().unwrap_or_default());
            self.types(&mut message.nested_type, &mut message.enum_type, &rust_name, &name);
        }
    }

    fn rename(&mut self, name: &mut Option<String>, rust_scope: &str, scope: &str) {
        let original = name.clone().unwrap_or_default();
        let changed = match original.as_str() {
            "Self" => "Self_".to_owned(),
            name if name.starts_with(|first: char| first.is_ascii_uppercase()) => {
                // The name stays, but may be under another scope.
                return self.taken_over(rust_scope, scope, name);
            }
            name => escape_self(to_upper_camel_case(name)),
        };
        let full_name = unique(join(rust_scope, &changed), &mut self.taken);
        *name = Some(short(&full_name).to_owned());
        self.renames.0.push((full_name, join(scope, &original)));
    }

    fn taken_over(&mut self, rust_scope: &str, scope: &str, name: &str) {
        if rust_scope != scope {
            self.taken.insert(join(rust_scope, name));
        }
    }
}

fn escape_self(name: String) -> String {
    if name == "Self" { "Self_".to_owned() } else { name }
}

/// The full names of all messages and enums.
fn type_names(files: &[FileDescriptorProto]) -> BTreeSet<String> {
    fn visit(messages: &[DescriptorProto], enums: &[EnumDescriptorProto], scope: &str, names: &mut BTreeSet<String>) {
        names.extend(enums.iter().filter_map(|value| Some(join(scope, value.name.as_deref()?))));
        for message in messages {
            let name = join(scope, message.name.as_deref().unwrap_or_default());
            visit(&message.nested_type, &message.enum_type, &name, names);
            names.insert(name);
        }
    }
    let mut names = BTreeSet::new();
    for file in files {
        visit(&file.message_type, &file.enum_type, file.package.as_deref().unwrap_or_default(), &mut names);
    }
    names
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
pub(crate) fn unique(mut name: String, taken: &mut BTreeSet<String>) -> String {
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
