//! Refuses descriptors whose names are no names, before they become identifiers and file names.
//!
//! Compilers check this. Descriptors that come from a file or over a pipe may be anybody's.

use crate::descriptors;
use crate::error::Error;
use crate::messages::is_map_entry;
use crate::names::is_path_keyword;
use buffa_descriptor::generated::descriptor::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

/// Checks every name in a file.
pub(crate) fn file(file: &FileDescriptorProto) -> Result<(), Error> {
    let check = Check { file: descriptors::name(file) };
    // The file's name is written into comments.
    if check.file.contains(|char: char| char.is_control()) {
        return Err(check.fault(check.file));
    }
    let package = descriptors::package(file);
    if !package.is_empty() {
        check.package(package)?;
    }
    check.names(file.extension.iter().map(|extension| &extension.name))?;
    check.enums(&file.enum_type)?;
    for message in &file.message_type {
        check.message(message)?;
    }
    for service in &file.service {
        check.name(&service.name)?;
        check.names(service.method.iter().map(|method| &method.name))?;
        for method in &service.method {
            check.reference(&method.input_type)?;
            check.reference(&method.output_type)?;
        }
    }
    file.extension.iter().try_for_each(|extension| check.reference(&extension.type_name))
}

/// Checks that the package of a file to generate can become modules. Types of such names are renamed; a package is named by
/// users, in `include_proto!` and in paths, so it is refused.
pub(crate) fn package(file: &FileDescriptorProto) -> Result<(), Error> {
    let package = descriptors::package(file);
    // `__buffa` is where the message generator puts views.
    match package.split('.').find(|part| is_path_keyword(part) || matches!(*part, "_" | "__buffa")) {
        Some(part) => Err(Error::ReservedPackage {
            file: descriptors::name(file).to_owned(),
            package: package.to_owned(),
            part: part.to_owned(),
        }),
        None => Ok(()),
    }
}

struct Check<'a> {
    file: &'a str,
}

impl Check<'_> {
    fn message(&self, message: &DescriptorProto) -> Result<(), Error> {
        // Entries of maps have the name of their field with `Entry`, `1Entry` for a field `_1`, and become no type.
        if !is_map_entry(message) {
            self.name(&message.name)?;
        }
        self.names(message.field.iter().chain(&message.extension).map(|field| &field.name))?;
        self.names(message.oneof_decl.iter().map(|oneof| &oneof.name))?;
        self.enums(&message.enum_type)?;
        for field in message.field.iter().chain(&message.extension) {
            self.reference(&field.type_name)?;
        }
        message.nested_type.iter().try_for_each(|nested| self.message(nested))
    }

    fn enums(&self, enums: &[EnumDescriptorProto]) -> Result<(), Error> {
        for descriptor in enums {
            self.name(&descriptor.name)?;
            self.names(descriptor.value.iter().map(|value| &value.name))?;
        }
        Ok(())
    }

    fn names<'n>(&self, mut names: impl Iterator<Item = &'n Option<String>>) -> Result<(), Error> {
        names.try_for_each(|name| self.name(name))
    }

    fn name(&self, name: &Option<String>) -> Result<(), Error> {
        let name = name.as_deref().unwrap_or_default();
        if is_identifier(name) { Ok(()) } else { Err(self.fault(name)) }
    }

    fn package(&self, package: &str) -> Result<(), Error> {
        if package.split('.').all(is_identifier) { Ok(()) } else { Err(self.fault(package)) }
    }

    fn reference(&self, name: &Option<String>) -> Result<(), Error> {
        match name.as_deref() {
            None | Some("") => Ok(()),
            Some(name) if name.strip_prefix('.').unwrap_or(name).split('.').all(is_word) => Ok(()),
            Some(name) => Err(self.fault(name)),
        }
    }

    fn fault(&self, name: &str) -> Error {
        Error::InvalidName { file: self.file.to_owned(), name: name.to_owned() }
    }
}

fn is_identifier(name: &str) -> bool {
    is_word(name) && !name.starts_with(|first: char| first.is_ascii_digit())
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}
