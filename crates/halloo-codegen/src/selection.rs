//! Decides which files become Rust.
//!
//! A file is generated when it was asked for or when one of its types is used by such a file. Files
//! imported for their options alone are not, and the well-known types come from `halloo`.

use crate::descriptors::{name, package};
use buffa_descriptor::generated::descriptor::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use std::collections::{BTreeMap, BTreeSet};

/// The file whose types are generated on demand, because `halloo` does not carry them.
pub(crate) const DESCRIPTOR_FILE: &str = "google/protobuf/descriptor.proto";

/// The files to generate and how their packages use each other.
#[derive(Debug)]
pub(crate) struct Selection {
    /// File names, in the order of the request's descriptors.
    pub(crate) files: Vec<String>,
    /// The same names, to look one up.
    selected: BTreeSet<String>,
    /// Every generated package with the generated packages whose types it uses.
    uses: BTreeMap<String, BTreeSet<String>>,
}

/// A generated package: its name and everything that must stand beside it in one module tree.
#[derive(Debug)]
pub(crate) struct PackageTree {
    pub(crate) name: String,
    /// The package itself, its sub-packages and the packages that these use, directly or not.
    pub(crate) members: BTreeSet<String>,
}

impl Selection {
    /// `files` must hold every target and import.
    pub(crate) fn new(files: &[FileDescriptorProto], targets: &[String]) -> Self {
        let by_name: BTreeMap<&str, &FileDescriptorProto> = files.iter().map(|file| (name(file), file)).collect();
        let owners = type_owners(files);
        let mut selected = BTreeSet::new();
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut queue: Vec<&FileDescriptorProto> =
            targets.iter().filter_map(|target| by_name.get(target.as_str()).copied()).collect();
        while let Some(file) = queue.pop() {
            if !selected.insert(name(file)) {
                continue;
            }
            let package = uses.entry(package(file).to_owned()).or_default();
            for used in referenced_types(file) {
                let Some(owner) = owners.get(used).copied().filter(|owner| !is_well_known(owner)) else {
                    continue;
                };
                if crate::descriptors::package(owner) != crate::descriptors::package(file) {
                    package.insert(crate::descriptors::package(owner).to_owned());
                }
                queue.push(owner);
            }
        }
        let files = files.iter().map(name).filter(|name| selected.contains(name)).map(str::to_owned).collect();
        Self { files, selected: selected.into_iter().map(str::to_owned).collect(), uses }
    }

    pub(crate) fn contains(&self, file: &FileDescriptorProto) -> bool {
        self.selected.contains(name(file))
    }

    /// Every generated package with the packages that its module tree needs.
    pub(crate) fn packages(&self) -> Vec<PackageTree> {
        self.uses.keys().map(|name| PackageTree { name: name.clone(), members: self.members(name) }).collect()
    }

    /// The modules that packages within `package` put into its own. A name may come several times.
    pub(crate) fn modules_within(&self, package: &str) -> impl Iterator<Item = &str> {
        let prefix = if package.is_empty() { String::new() } else { format!("{package}.") };
        let inside = self.uses.range(prefix.clone()..).map(|(name, _)| name.as_str());
        let inside = inside.map_while(move |name| name.strip_prefix(&prefix));
        inside.filter_map(|rest| rest.split('.').next()).filter(|segment| !segment.is_empty())
    }

    /// The packages whose types `package` uses, directly or not, and `package` itself.
    pub(crate) fn closure(&self, package: &str) -> BTreeSet<String> {
        let mut members = BTreeSet::new();
        let mut queue = vec![package.to_owned()];
        while let Some(next) = queue.pop() {
            if members.insert(next.clone()) {
                queue.extend(self.uses.get(&next).into_iter().flatten().cloned());
            }
        }
        members
    }

    fn members(&self, package: &str) -> BTreeSet<String> {
        let inside =
            |other: &str| package.is_empty() || other.strip_prefix(package).is_some_and(|rest| rest.starts_with('.'));
        let mut members = self.closure(package);
        for other in self.uses.keys().filter(|other| inside(other)) {
            members.extend(self.closure(other));
        }
        members
    }
}

/// Whether `halloo` carries this file's types.
pub(crate) fn is_well_known(file: &FileDescriptorProto) -> bool {
    package(file) == "google.protobuf" && name(file) != DESCRIPTOR_FILE
}

/// Every message and enum by its full name with a leading dot.
fn type_owners(files: &[FileDescriptorProto]) -> BTreeMap<String, &FileDescriptorProto> {
    fn visit<'a>(
        messages: &[DescriptorProto],
        scope: &str,
        file: &'a FileDescriptorProto,
        owners: &mut BTreeMap<String, &'a FileDescriptorProto>,
    ) {
        for message in messages {
            let name = format!("{scope}.{}", message.name.as_deref().unwrap_or_default());
            for value in &message.enum_type {
                owners.insert(format!("{name}.{}", value.name.as_deref().unwrap_or_default()), file);
            }
            visit(&message.nested_type, &name, file, owners);
            owners.insert(name, file);
        }
    }
    let mut owners = BTreeMap::new();
    for file in files {
        let scope = if package(file).is_empty() { String::new() } else { format!(".{}", package(file)) };
        for value in &file.enum_type {
            owners.insert(format!("{scope}.{}", value.name.as_deref().unwrap_or_default()), file);
        }
        visit(&file.message_type, &scope, file, &mut owners);
    }
    owners
}

fn referenced_types(file: &FileDescriptorProto) -> Vec<&str> {
    fn visit<'a>(message: &'a DescriptorProto, out: &mut Vec<&'a str>) {
        out.extend(message.field.iter().chain(&message.extension).filter_map(type_name));
        for nested in &message.nested_type {
            visit(nested, out);
        }
    }
    let mut out: Vec<&str> = file.extension.iter().filter_map(type_name).collect();
    for message in &file.message_type {
        visit(message, &mut out);
    }
    for method in file.service.iter().flat_map(|service| &service.method) {
        out.extend(method.input_type.as_deref());
        out.extend(method.output_type.as_deref());
    }
    out
}

fn type_name(field: &FieldDescriptorProto) -> Option<&str> {
    field.type_name.as_deref()
}
