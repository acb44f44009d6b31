//! Gives another name, in Rust only, to what has one that Rust or the message generator cannot take.
//!
//! The descriptors are renamed before the message generator sees them, and [`Renames`] restores the protobuf names where
//! they are text. Types that begin with a small letter are capitalised (`type` becomes `Type`), since they would clash with
//! the module of their nested types, a keyword or a primitive type. Members are in `members`.

mod members;

use crate::descriptors;
use crate::messages::is_map_entry;
use crate::names::{is_path_keyword, join, type_name};
use buffa_descriptor::generated::descriptor::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};
use std::collections::{BTreeMap, BTreeSet};

/// What got another name.
#[derive(Debug, Default)]
pub(crate) struct Renames {
    /// Types and extensions, as (Rust-side full name, protobuf full name) without leading dots.
    full_names: Vec<(String, String)>,
    /// Fields and enum values. The Rust-side name is no other text in any file.
    members: BTreeMap<String, String>,
}

impl Renames {
    /// The protobuf name for a literal with the full name of a renamed type, or of a type within one, or with the name of
    /// a renamed member.
    pub(crate) fn restore(&self, literal: &str) -> Option<String> {
        if let Some(member) = self.members.get(literal) {
            return Some(member.clone());
        }
        let (scheme, name) = match literal.strip_prefix("type.googleapis.com/") {
            Some(name) => ("type.googleapis.com/", name),
            None => ("", literal),
        };
        self.full_names.iter().rev().find_map(|(rust, protobuf)| {
            let rest = name.strip_prefix(rust.as_str())?;
            (rest.is_empty() || rest.starts_with('.')).then(|| format!("{scheme}{protobuf}{rest}"))
        })
    }

    /// The protobuf name for a literal with the name of a renamed type, without its scope.
    pub(crate) fn restore_short(&self, literal: &str) -> Option<String> {
        self.full_names.iter().find(|(rust, _)| short(rust) == literal).map(|(_, protobuf)| short(protobuf).to_owned())
    }

    /// Changes a type reference to its Rust-side name (`.pkg.Self` to `.pkg.Self_`).
    pub(crate) fn rename(&self, reference: &mut String) {
        for (rust, protobuf) in self.full_names.iter().rev() {
            let Some(rest) = reference.strip_prefix('.').and_then(|name| name.strip_prefix(protobuf.as_str())) else {
                continue;
            };
            if rest.is_empty() || rest.starts_with('.') {
                *reference = format!(".{rust}{rest}");
                return;
            }
        }
    }
}

fn short(full_name: &str) -> &str {
    full_name.rsplit('.').next().unwrap_or(full_name)
}

/// Renames what Rust could not have, and every reference to it from another type. The messages of packages in `viewed` have
/// views.
pub(crate) fn rename_reserved(files: &mut [FileDescriptorProto], viewed: &BTreeSet<String>) -> Renames {
    let mut renamer =
        Renamer { taken: full_names(files), modules: BTreeSet::new(), has_views: false, renames: Renames::default() };
    for file in files.iter_mut() {
        let package = descriptors::package(file).to_owned();
        renamer.has_views = viewed.contains(&package);
        renamer.types(&mut file.message_type, &mut file.enum_type, Scope { rust: &package, protobuf: &package });
    }
    let mut renames = renamer.renames;
    if !renames.full_names.is_empty() {
        for file in files.iter_mut() {
            rename_references(file, &renames);
        }
    }
    members::rename(files, &mut renames);
    renames
}

struct Renamer {
    /// Full names in use, in Rust.
    taken: BTreeSet<String>,
    /// The full names of messages' modules. Of two messages in one, `HTTPGet` and `HttpGet`, one has to give way.
    modules: BTreeSet<String>,
    /// Whether the messages of the current package have views.
    has_views: bool,
    renames: Renames,
}

/// Where a type is declared: the full name of its message or package.
#[derive(Clone, Copy)]
struct Scope<'a> {
    rust: &'a str,
    protobuf: &'a str,
}

/// What is being renamed.
#[derive(Clone, Copy)]
enum Kind {
    Enum,
    /// A message, and whether there is anything to put into its module.
    Message {
        is_nested_into: bool,
    },
}

impl Renamer {
    fn types(&mut self, messages: &mut [DescriptorProto], enums: &mut [EnumDescriptorProto], scope: Scope<'_>) {
        for value in enums {
            self.rename(&mut value.name, Kind::Enum, scope);
        }
        for message in messages.iter_mut().filter(|message| !is_map_entry(message)) {
            let protobuf = join(scope.protobuf, message.name.as_deref().unwrap_or_default());
            let kind = Kind::Message { is_nested_into: has_nested_items(message) };
            self.rename(&mut message.name, kind, scope);
            let rust = join(scope.rust, message.name.as_deref().unwrap_or_default());
            let inner = Scope { rust: &rust, protobuf: &protobuf };
            self.types(&mut message.nested_type, &mut message.enum_type, inner);
        }
    }

    fn rename(&mut self, name: &mut Option<String>, kind: Kind, scope: Scope<'_>) {
        let original = name.clone().unwrap_or_default();
        let mut changed = type_name(&original);
        while !self.is_free(&changed, &original, kind, scope) {
            changed.push('_');
        }
        let full_name = join(scope.rust, &changed);
        self.taken.insert(full_name.clone());
        if let Kind::Message { .. } = kind {
            self.modules.insert(join(scope.rust, &module_name(&changed)));
        }
        if changed != original {
            *name = Some(changed);
            self.renames.full_names.push((full_name, join(scope.protobuf, &original)));
        }
    }

    /// Whether a type can have a name. Its own name is taken, by itself.
    fn is_free(&self, name: &str, original: &str, kind: Kind, scope: Scope<'_>) -> bool {
        let is_own = name == original && scope.rust == scope.protobuf;
        if !is_own && self.taken.contains(&join(scope.rust, name)) {
            return false;
        }
        // `Note` has a view `NoteView` and an owned one, `NoteOwnedView`, as which the view of `NoteOwned` is called.
        let owner = name.strip_suffix("Owned").map(|owner| join(scope.rust, owner));
        if self.has_views && !matches!(kind, Kind::Enum) && owner.is_some_and(|owner| self.taken.contains(&owner)) {
            return false;
        }
        let module = module_name(name);
        match kind {
            Kind::Enum => true,
            Kind::Message { is_nested_into: true } if is_path_keyword(&module) => false,
            Kind::Message { .. } => !self.modules.contains(&join(scope.rust, &module)),
        }
    }
}

/// Whether a message gets a module: for nested types, extensions and the enums of its oneofs.
fn has_nested_items(message: &DescriptorProto) -> bool {
    let has_oneof =
        message.field.iter().any(|field| field.oneof_index.is_some() && field.proto3_optional != Some(true));
    let has_types = message.nested_type.iter().any(|nested| !is_map_entry(nested));
    has_oneof || has_types || !message.enum_type.is_empty() || !message.extension.is_empty()
}

/// The name of the module for what is nested in a message, as the message generator makes it.
fn module_name(message: &str) -> String {
    let chars: Vec<char> = message.chars().collect();
    let mut out = String::with_capacity(message.len() + 4);
    for (index, &char) in chars.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| chars[before]);
        let ends_acronym =
            before.is_some_and(char::is_uppercase) && chars.get(index + 1).is_some_and(|next| next.is_lowercase());
        if char.is_uppercase() && (before.is_some_and(char::is_lowercase) || ends_acronym) {
            out.push('_');
        }
        out.extend(char.to_lowercase());
    }
    out
}

/// The full names of all messages, enums and packages.
fn full_names(files: &[FileDescriptorProto]) -> BTreeSet<String> {
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
        let package = descriptors::package(file);
        visit(&file.message_type, &file.enum_type, package, &mut names);
        names.extend(package.match_indices('.').map(|(end, _)| package[..end].to_owned()));
        names.insert(package.to_owned());
    }
    names
}

fn rename_references(file: &mut FileDescriptorProto, renames: &Renames) {
    rename_in_fields(&mut file.extension, renames);
    for message in &mut file.message_type {
        rename_in_message(message, renames);
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
        field.type_name.iter_mut().for_each(|name| renames.rename(name));
    }
}
