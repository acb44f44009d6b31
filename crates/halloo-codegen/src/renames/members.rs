//! Renames oneofs, fields, enum values and extensions that cannot become identifiers, or become one that another has.

use super::Renames;
use crate::descriptors;
use crate::messages::is_map_entry;
use crate::names::{is_path_keyword, join, starts_identifier};
use buffa_descriptor::generated::descriptor::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};
use std::collections::{BTreeMap, BTreeSet};

/// Renames members of all files; types have their names already.
pub(super) fn rename(files: &mut [FileDescriptorProto], renames: &mut Renames) {
    let mut renamer = Renamer { names: Names::new(files), values: BTreeMap::new(), renames };
    // Extensions of a package become constants in one module, whichever file they are in.
    let mut extensions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files.iter_mut() {
        let package = descriptors::package(file).to_owned();
        renamer.enums(&mut file.enum_type, &package);
        renamer.messages(&mut file.message_type, &package);
        renamer.extensions(&mut file.extension, &package, extensions.entry(package.clone()).or_default());
    }
    if !renamer.values.is_empty() {
        let values = renamer.values;
        for file in files {
            rename_defaults(&mut file.extension, &values);
            file.message_type.iter_mut().for_each(|message| rename_defaults_in(message, &values));
        }
    }
}

struct Renamer<'a> {
    names: Names,
    /// Renamed enum values by the full name of their enum (with a leading dot) and their protobuf name.
    values: BTreeMap<(String, String), String>,
    renames: &'a mut Renames,
}

impl Renamer<'_> {
    fn messages(&mut self, messages: &mut [DescriptorProto], scope: &str) {
        for message in messages.iter_mut().filter(|message| !is_map_entry(message)) {
            let full_name = join(scope, message.name.as_deref().unwrap_or_default());
            self.oneofs(message);
            self.fields(message);
            self.enums(&mut message.enum_type, &full_name);
            self.extensions(&mut message.extension, &full_name, &mut BTreeSet::new());
            self.messages(&mut message.nested_type, &full_name);
        }
    }

    /// A oneof becomes an enum and a field.
    fn oneofs(&mut self, message: &mut DescriptorProto) {
        let mut enums = BTreeSet::new();
        let siblings = sibling_names(message);
        for oneof in &mut message.oneof_decl {
            let name = oneof.name.clone().unwrap_or_default();
            let enumeration = pascal_case(&name);
            let fits = starts_identifier(&enumeration) && enumeration != "Self" && fits_field(&name, &siblings);
            if !fits || !enums.insert(enumeration) {
                oneof.name = Some(self.names.fresh(&name));
            }
        }
    }

    /// A field becomes a field, or a variant if it is in a oneof.
    fn fields(&mut self, message: &mut DescriptorProto) {
        let mut variants: BTreeSet<(i32, String)> = BTreeSet::new();
        let siblings = sibling_names(message);
        for field in &mut message.field {
            let name = field.name.clone().unwrap_or_default();
            let variant = pascal_case(&name);
            let fits = match field.oneof_index.filter(|_| field.proto3_optional != Some(true)) {
                Some(oneof) => starts_identifier(&variant) && variants.insert((oneof, variant)),
                None => fits_field(&name, &siblings),
            };
            if !fits || name.starts_with("__buffa_") {
                let fresh = self.names.fresh(&name);
                field.json_name.get_or_insert_with(|| json_name(&name));
                self.renames.members.insert(fresh.clone(), name);
                field.name = Some(fresh);
            }
        }
    }

    fn enums(&mut self, enums: &mut [EnumDescriptorProto], scope: &str) {
        for descriptor in enums {
            let full_name = format!(".{}", join(scope, descriptor.name.as_deref().unwrap_or_default()));
            let siblings = descriptor.value.iter().filter_map(|value| value.name.clone()).collect();
            for value in &mut descriptor.value {
                let name = value.name.clone().unwrap_or_default();
                if !fits_field(&name, &siblings) {
                    let fresh = self.names.fresh(&name);
                    self.values.insert((full_name.clone(), name.clone()), fresh.clone());
                    self.renames.members.insert(fresh.clone(), name);
                    value.name = Some(fresh);
                }
            }
        }
    }

    /// An extension becomes a constant.
    fn extensions(&mut self, extensions: &mut [FieldDescriptorProto], scope: &str, taken: &mut BTreeSet<String>) {
        for extension in extensions {
            let name = extension.name.clone().unwrap_or_default();
            if name == "_" || !taken.insert(super::module_name(&name).to_uppercase()) {
                let fresh = self.names.fresh(&name);
                self.renames.full_names.push((join(scope, &fresh), join(scope, &name)));
                extension.name = Some(fresh);
            }
        }
    }
}

fn sibling_names(message: &DescriptorProto) -> BTreeSet<String> {
    let fields = message.field.iter().filter_map(|field| field.name.clone());
    fields.chain(message.oneof_decl.iter().filter_map(|oneof| oneof.name.clone())).collect()
}

/// Whether `name` can be a field or an enum value. Keywords that not even `r#` makes identifiers get an underscore, which a
/// sibling may have of its own.
fn fits_field(name: &str, siblings: &BTreeSet<String>) -> bool {
    let lower = name.to_lowercase();
    let is_taken = || siblings.iter().any(|other| other.to_lowercase() == format!("{lower}_"));
    name != "_" && !(is_path_keyword(&lower) && is_taken())
}

/// The names and texts of all files, as what remains of them in every case.
struct Names {
    taken: BTreeSet<String>,
    /// What was made, by what it was made of.
    fresh: BTreeMap<String, String>,
}

impl Names {
    fn new(files: &[FileDescriptorProto]) -> Self {
        let mut names = Self { taken: BTreeSet::new(), fresh: BTreeMap::new() };
        for file in files {
            names.add_fields(&file.extension);
            names.add_enums(&file.enum_type);
            names.add_messages(&file.message_type);
        }
        names
    }

    fn add_messages(&mut self, messages: &[DescriptorProto]) {
        for message in messages {
            self.add(&message.name);
            self.add_fields(&message.field);
            self.add_fields(&message.extension);
            message.oneof_decl.iter().for_each(|oneof| self.add(&oneof.name));
            self.add_enums(&message.enum_type);
            self.add_messages(&message.nested_type);
        }
    }

    fn add_enums(&mut self, enums: &[EnumDescriptorProto]) {
        for descriptor in enums {
            self.add(&descriptor.name);
            descriptor.value.iter().for_each(|value| self.add(&value.name));
        }
    }

    fn add_fields(&mut self, fields: &[FieldDescriptorProto]) {
        for field in fields {
            self.add(&field.name);
            self.add(&field.json_name);
            self.add(&field.default_value);
        }
    }

    fn add(&mut self, name: &Option<String>) {
        self.taken.extend(name.as_deref().map(folded));
    }

    /// Another name for `name`. It differs from all others in more than case and underscores, so no conversion makes the same
    /// of both, and it is told from other text by itself.
    fn fresh(&mut self, name: &str) -> String {
        if let Some(fresh) = self.fresh.get(name) {
            return fresh.clone();
        }
        let stem = name.trim_matches('_');
        let stem = if starts_identifier(stem) && !is_path_keyword(&stem.to_lowercase()) {
            stem.to_owned()
        } else {
            format!("x{stem}")
        };
        let mut fresh = stem.clone();
        let mut count = 1;
        while !self.taken.insert(folded(&fresh)) {
            count += 1;
            fresh = format!("{stem}_{count}");
        }
        self.fresh.insert(name.to_owned(), fresh.clone());
        fresh
    }
}

fn folded(name: &str) -> String {
    name.chars().filter(|&char| char != '_').flat_map(char::to_lowercase).collect()
}

/// A oneof's or a variant's name, as the message generator makes it.
fn pascal_case(name: &str) -> String {
    let word = |word: &str| word.get(..1).map(|first| first.to_uppercase() + &word[1..]);
    name.split('_').filter_map(word).collect()
}

/// A field's default name in JSON.
fn json_name(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    let word = |word: &str| word.get(..1).map(|first| first.to_uppercase() + &word[1..]);
    first + &words.filter_map(word).collect::<String>()
}

fn rename_defaults_in(message: &mut DescriptorProto, values: &BTreeMap<(String, String), String>) {
    rename_defaults(&mut message.field, values);
    rename_defaults(&mut message.extension, values);
    message.nested_type.iter_mut().for_each(|nested| rename_defaults_in(nested, values));
}

fn rename_defaults(fields: &mut [FieldDescriptorProto], values: &BTreeMap<(String, String), String>) {
    for field in fields {
        let (Some(enumeration), Some(default)) = (&field.type_name, &field.default_value) else { continue };
        if let Some(renamed) = values.get(&(enumeration.clone(), default.clone())) {
            field.default_value = Some(renamed.clone());
        }
    }
}
