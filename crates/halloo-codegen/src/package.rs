//! Renders one package: its messages with setters, then its services, on `halloo`'s paths.

use crate::descriptors::{self, DescriptorSets};
use crate::error::Error;
use crate::messages::Package;
use crate::names::Renames;
use crate::retarget::retarget;
use crate::selection::Selection;
use crate::service::{self, Namespace, Service, Types};
use crate::{Only, Options, header, messages, setters};
use buffa_codegen::context::CodeGenContext;
use buffa_codegen::idents::{escape_mod_ident, rust_path_to_tokens};
use buffa_descriptor::generated::descriptor::FileDescriptorProto;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, quote};

/// Everything that a package's text is made from.
pub(crate) struct Source<'a> {
    pub(crate) package: &'a Package,
    pub(crate) packages: &'a [Package],
    pub(crate) files: &'a [FileDescriptorProto],
    pub(crate) selection: &'a Selection,
    pub(crate) services: &'a [Service],
    pub(crate) descriptors: &'a DescriptorSets,
    pub(crate) renames: &'a Renames,
    pub(crate) options: &'a Options,
}

impl Source<'_> {
    pub(crate) fn render(&self) -> Result<String, Error> {
        let config = messages::config(self.files, self.selection);
        let context = CodeGenContext::for_generate(self.files, &self.selection.files, &config);
        let syntax = |cause| Error::Syntax { package: self.package.name.clone(), cause };
        let mut messages: syn::File = syn::parse_str(&self.package.text).map_err(syntax)?;
        drop_library_docs(&mut messages.items);
        setters::add(&mut messages, self.package_files(), &context)?;
        let services = self.services(&context)?;
        let messages = messages.into_token_stream();
        // Services name protobuf types only as the descriptors did.
        let messages = retarget(messages, self.renames);
        let services = retarget(services, &Renames::default());
        let file: syn::File = syn::parse2(quote!(#messages #services)).map_err(syntax)?;
        let sources = self.package_files().map(descriptors::name);
        let head = header::header(sources, self.options);
        let text = prettyplease::unparse(&file);
        // Not formatted with the rest: nothing else breaks a literal into lines.
        let descriptors = match self.has_services() {
            true => self.descriptors.constant(&self.package.name),
            false => String::new(),
        };
        Ok(format!("{head}\n{text}{descriptors}"))
    }

    /// Whether anything of a service is generated.
    fn has_services(&self) -> bool {
        self.options.only != Some(Only::Messages) && self.package_services().next().is_some()
    }

    fn package_services(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(|service| service.package == self.package.name)
    }

    fn package_files(&self) -> impl Iterator<Item = &FileDescriptorProto> {
        let inside = |file: &&FileDescriptorProto| descriptors::package(file) == self.package.name;
        self.files.iter().filter(|file| self.selection.contains(file)).filter(inside)
    }

    fn services(&self, context: &CodeGenContext<'_>) -> Result<TokenStream, Error> {
        let types = Types { context, package: &self.package.name };
        let mut namespace = Namespace::new(self.package_files());
        let mut out = TokenStream::new();
        if self.has_services() {
            let json = self.options.json.then(|| namespace.json());
            out.extend(json.as_ref().map(|name| self.json_codec(name)));
            for service in self.package_services() {
                let settings = service::Settings { options: self.options, json: json.as_ref() };
                out.extend(service::render(service, &types, &mut namespace, settings)?);
            }
        }
        Ok(out)
    }

    /// The codec of this package's methods, with the messages that it knows within a `google.protobuf.Any`.
    fn json_codec(&self, name: &Ident) -> TokenStream {
        let used = self.selection.closure(&self.package.name);
        let registered = self.packages.iter().filter(|package| used.contains(&package.name) && package.has_registry());
        let registries =
            registered.map(|package| rust_path_to_tokens(&registry_path(&self.package.name, &package.name)));
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
