//! Runs the message generator: one Rust text a package, with views where a service asks for them.

use crate::descriptors;
use crate::error::Error;
use crate::request::Options;
use crate::selection::{self, Selection};
use crate::service::Service;
use buffa_codegen::{BytesRepr, CodeGenConfig, GeneratedFileKind};
use buffa_descriptor::generated::descriptor::{DescriptorProto, FileDescriptorProto};
use std::collections::BTreeSet;

/// A package's messages and enums as Rust text that still names the message library directly.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) text: String,
    /// Whether there is a function that registers the messages, for JSON.
    pub(crate) has_registry: bool,
}

impl Package {
    fn new(name: String, text: String) -> Self {
        Self { name, has_registry: text.contains("pub fn register_types("), text }
    }
}

/// Generates the messages of every selected package, sorted by package name.
pub(crate) fn generate(
    files: &[FileDescriptorProto],
    selection: &Selection,
    with_views: &BTreeSet<String>,
    options: &Options,
) -> Result<Vec<Package>, Error> {
    let files = without_detached_comments(files);
    let (viewed, plain): (Vec<&FileDescriptorProto>, Vec<&FileDescriptorProto>) = files
        .iter()
        .filter(|file| selection.contains(file))
        .partition(|file| with_views.contains(descriptors::package(file)));
    let mut config = config(&files, selection);
    if options.json {
        add_json(&mut config);
    }
    config.bytes_fields = options.shared_bytes.iter().map(|path| (path.clone(), BytesRepr::Bytes)).collect();
    let mut packages = Vec::new();
    for (targets, views) in [(plain, false), (viewed, true)] {
        if targets.is_empty() {
            continue;
        }
        let targets: Vec<String> = targets.into_iter().map(|file| descriptors::name(file).to_owned()).collect();
        config.generate_views = views;
        let generated = buffa_codegen::generate(&files, &targets, &config).map_err(Error::Messages)?;
        packages.extend(
            generated
                .into_iter()
                .filter(|file| file.kind == GeneratedFileKind::PackageMod)
                .map(|file| Package::new(file.package, file.content)),
        );
    }
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

/// The generator's settings. They also decide how a type is named from a service.
pub(crate) fn config(files: &[FileDescriptorProto], selection: &Selection) -> CodeGenConfig {
    let mut config = CodeGenConfig::default();
    config.extern_paths = extern_paths(files, selection);
    config.generate_views = false;
    config.file_per_package = true;
    config.emit_register_fn = false;
    config.idiomatic_field_names = true;
    // Fields of editions that renounce the check of UTF-8 hold bytes; see `features` for proto2.
    config.strict_utf8_mapping = true;
    // `setters` makes them, for every field and with `Into` parameters.
    config.generate_with_setters = false;
    config
}

/// Gives messages and enums their JSON form, and each package a function that lists its messages for `Any`.
fn add_json(config: &mut CodeGenConfig) {
    config.generate_json = true;
    config.emit_register_fn = true;
    // Derived code names serde by itself, and user crates have it through `halloo` alone.
    let path = "#[serde(crate = \"::halloo::protobuf::serde\")]";
    config.message_attributes.push((".".to_owned(), path.to_owned()));
}

/// Where types live that are not generated. Usually the generator's own defaults, hence nothing.
///
/// With `descriptor.proto` generated, its package `google.protobuf` counts as local; each well-known
/// type then needs its own entry to stay in `halloo`.
fn extern_paths(files: &[FileDescriptorProto], selection: &Selection) -> Vec<(String, String)> {
    if !selection.files.iter().any(|name| name == selection::DESCRIPTOR_FILE) {
        return Vec::new();
    }
    let path = |name: &Option<String>| {
        let name = name.as_deref().unwrap_or_default();
        (format!(".google.protobuf.{name}"), format!("::buffa_types::google::protobuf::{name}"))
    };
    let well_known = files.iter().filter(|file| selection::is_well_known(file));
    well_known
        .flat_map(|file| {
            let messages = file.message_type.iter().map(|message| path(&message.name));
            messages.chain(file.enum_type.iter().map(|value| path(&value.name))).collect::<Vec<_>>()
        })
        .collect()
}

/// The packages whose messages have views: those with a method that takes one, and what they use.
pub(crate) fn packages_with_views(selection: &Selection, services: &[Service]) -> BTreeSet<String> {
    services
        .iter()
        .filter(|service| service.methods.iter().any(|method| method.views))
        .flat_map(|service| selection.closure(&service.package))
        .collect()
}

/// Comments that stand apart from any declaration (licences, section titles) are not documentation.
fn without_detached_comments(files: &[FileDescriptorProto]) -> Vec<FileDescriptorProto> {
    let mut files = files.to_vec();
    for file in &mut files {
        if let Some(info) = file.source_code_info.as_option_mut() {
            for location in &mut info.location {
                location.leading_detached_comments.clear();
            }
        }
    }
    files
}

/// Whether a nested type is the hidden entry message of a map field.
pub(crate) fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_option().is_some_and(|options| options.map_entry == Some(true))
}
