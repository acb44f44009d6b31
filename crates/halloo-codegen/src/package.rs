//! Renders packages: their messages with setters, then their services, on `halloo`'s paths.

use crate::descriptors::{self, DescriptorSets};
use crate::error::Error;
use crate::messages::Package;
use crate::renames::Renames;
use crate::request::{Only, Options};
use crate::retarget::retarget;
use crate::selection::Selection;
use crate::service::{self, Namespace, Service, Types};
use crate::{header, setters, shadows};
use buffa_codegen::context::CodeGenContext;
use buffa_codegen::idents::{escape_mod_ident, rust_path_to_tokens};
use buffa_descriptor::generated::descriptor::FileDescriptorProto;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, quote};
use std::collections::BTreeMap;

/// Everything that the packages' texts are made from. What depends on all files is made once and lent to each package.
pub(crate) struct Sources<'a> {
    pub(crate) packages: &'a [Package],
    pub(crate) files: PackageFiles<'a>,
    pub(crate) context: &'a CodeGenContext<'a>,
    pub(crate) selection: &'a Selection,
    pub(crate) services: &'a [Service],
    pub(crate) descriptors: &'a DescriptorSets,
    pub(crate) renames: &'a Renames,
    pub(crate) options: &'a Options,
}

/// The selected files by package.
pub(crate) struct PackageFiles<'a>(BTreeMap<&'a str, Vec<&'a FileDescriptorProto>>);

impl<'a> PackageFiles<'a> {
    pub(crate) fn new(files: &'a [FileDescriptorProto], selection: &Selection) -> Self {
        let mut by_package: BTreeMap<&str, Vec<&FileDescriptorProto>> = BTreeMap::new();
        for file in files.iter().filter(|file| selection.contains(file)) {
            by_package.entry(descriptors::package(file)).or_default().push(file);
        }
        Self(by_package)
    }

    fn of(&self, package: &Package) -> &[&'a FileDescriptorProto] {
        self.0.get(package.name.as_str()).map_or(&[], Vec::as_slice)
    }
}

impl Sources<'_> {
    pub(crate) fn render(&self, package: &Package) -> Result<String, Error> {
        let syntax = |cause| Error::Syntax { package: package.name.clone(), cause };
        let files = self.files.of(package);
        let mut messages: syn::File = syn::parse_str(&package.text).map_err(syntax)?;
        drop_library_docs(&mut messages.items);
        setters::add(&mut messages, files, self.context)?;
        let (services, descriptors) = self.services(package, &messages.items)?;
        let messages = messages.into_token_stream();
        // Services name protobuf types only as the descriptors did.
        let messages = retarget(messages, self.renames);
        let services = retarget(services, &Renames::default());
        let mut file: syn::File = syn::parse2(quote!(#messages #services)).map_err(syntax)?;
        shadows::rename_parameters(&mut file);
        shadows::spell_in_full(&mut file, self.selection.modules_within(&package.name));
        let sources = files.iter().copied().map(descriptors::name);
        let head = header::header(sources, self.options);
        let text = prettyplease::unparse(&file);
        Ok(format!("{head}\n{text}{descriptors}"))
    }

    fn package_services(&self, package: &Package) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(|service| service.package == package.name)
    }

    /// A package's services beside its messages' `items`, and the text of their descriptors. That is not formatted with the
    /// rest: nothing else breaks a literal into lines.
    fn services(&self, package: &Package, items: &[syn::Item]) -> Result<(TokenStream, String), Error> {
        if self.options.only == Some(Only::Messages) || self.package_services(package).next().is_none() {
            return Ok((TokenStream::new(), String::new()));
        }
        let types = Types { context: self.context, package: &package.name };
        let mut namespace = Namespace::new(items, self.selection.modules_within(&package.name));
        let descriptor_set = namespace.value_name("FILE_DESCRIPTOR_SET");
        let json = self.options.json.then(|| namespace.value_name("JSON"));
        let codec = json.as_ref().map(|name| self.json_codec(package, name));
        let settings =
            service::Settings { options: self.options, descriptor_set: &descriptor_set, json: json.as_ref() };
        let services = service::render(self.package_services(package), &types, namespace, settings)?;
        Ok((quote!(#codec #services), self.descriptors.constant(&package.name, &descriptor_set)))
    }

    /// The codec of a package's methods, with the messages that it knows within a `google.protobuf.Any`.
    fn json_codec(&self, package: &Package, name: &Ident) -> TokenStream {
        let used = self.selection.closure(&package.name);
        let registered = self.packages.iter().filter(|other| other.has_registry && used.contains(&other.name));
        let registries = registered.map(|other| rust_path_to_tokens(&registry_path(&package.name, &other.name)));
        quote! {
            static #name: ::halloo::protobuf::Json = ::halloo::protobuf::Json::new(&[#(#registries),*]);
        }
    }
}

/// Where the function that registers a package's messages is, as seen from the root of another one.
fn registry_path(from: &str, to: &str) -> String {
    let segments = |package| str::split(package, '.').filter(|segment| !segment.is_empty());
    let up = if from == to { "self::".to_owned() } else { "super::".repeat(segments(from).count()) };
    let down = segments(to).filter(|_| from != to).map(|segment| format!("{}::", escape_mod_ident(segment)));
    format!("{up}{}__buffa::register_types", down.collect::<String>())
}

/// Removes the message library's remarks on its own trait functions: they repeat in every message.
///
/// Also spells `From` in full, which a message of that name would shadow.
fn drop_library_docs(items: &mut [syn::Item]) {
    for item in items {
        match item {
            syn::Item::Impl(block) => {
                if let Some((_, path, _)) = &mut block.trait_ {
                    if path.leading_colon.is_none() && path.segments.first().is_some_and(|first| first.ident == "From")
                    {
                        let segments = &path.segments;
                        *path = syn::parse_quote!(::core::convert::#segments);
                    }
                    for function in &mut block.items {
                        if let syn::ImplItem::Fn(function) = function {
                            function.attrs.retain(|attribute| !attribute.path().is_ident("doc"));
                        }
                    }
                }
            }
            syn::Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    drop_library_docs(items);
                }
            }
            _ => {}
        }
    }
}
