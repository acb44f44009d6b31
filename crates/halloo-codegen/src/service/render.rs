//! Puts a service together: descriptors, typed methods, trait, server and client.

use super::idents::{Idents, MethodIdents, Namespace};
use super::model::{Idempotency, Kind, Method, Service};
use super::{client, handler, server};
use crate::docs;
use crate::error::Error;
use crate::request::{Only, Options};
use buffa_codegen::context::CodeGenContext;
use buffa_codegen::idents::rust_path_to_tokens;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

/// Finds the Rust paths of messages as seen from the root of a package.
pub(crate) struct Types<'a> {
    pub(crate) context: &'a CodeGenContext<'a>,
    pub(crate) package: &'a str,
}

impl Types<'_> {
    /// The owned message.
    fn message(&self, full_name: &str) -> Result<TokenStream, Error> {
        let path = self.context.rust_type_relative(full_name, self.package, 0).ok_or_else(|| unknown(full_name))?;
        Ok(rust_path_to_tokens(&path))
    }

    /// The view that owns its bytes.
    fn view(&self, full_name: &str) -> Result<TokenStream, Error> {
        let split =
            self.context.rust_type_relative_split(full_name, self.package, 0).ok_or_else(|| unknown(full_name))?;
        let scope = if split.to_package.is_empty() { String::new() } else { format!("{}::", split.to_package) };
        Ok(rust_path_to_tokens(&format!("{scope}__buffa::view::{}OwnedView", split.within_package)))
    }
}

fn unknown(full_name: &str) -> Error {
    Error::Incomplete { what: format!("no descriptor for the message `{}`", full_name.trim_start_matches('.')) }
}

/// What was chosen for the services of a package.
#[derive(Clone, Copy)]
pub(crate) struct Settings<'a> {
    pub(crate) options: &'a Options,
    /// The name of the constant with the package's descriptors.
    pub(crate) descriptor_set: &'a Ident,
    /// The name of the package's JSON codec, where there is one.
    pub(crate) json: Option<&'a Ident>,
}

/// A service with everything decided that its text needs.
pub(super) struct Plan<'a> {
    pub(super) service: &'a Service,
    pub(super) idents: Idents,
    pub(super) methods: Vec<PlannedMethod<'a>>,
    pub(super) default_unimplemented: bool,
    descriptor_set: &'a Ident,
    json: Option<&'a Ident>,
    only: Option<Only>,
}

/// What the services of a package share, and is chosen when all their names are known.
pub(super) struct Scope {
    /// The type parameter for a service's implementation. Nothing in the package has its name.
    pub(super) parameter: Ident,
    /// Whether `diagnostic` is the compiler's. A module of that name, of a package or a message, hides it.
    pub(super) has_diagnostic: bool,
}

pub(super) struct PlannedMethod<'a> {
    pub(super) method: &'a Method,
    /// The message that clients send.
    pub(super) request: TokenStream,
    /// What handlers receive: the same, or its view.
    pub(super) received: TokenStream,
    pub(super) reply: TokenStream,
}

impl<'a> Plan<'a> {
    fn new(
        service: &'a Service,
        types: &Types<'_>,
        namespace: &mut Namespace,
        settings: Settings<'a>,
    ) -> Result<Self, Error> {
        let mut methods = Vec::new();
        for method in &service.methods {
            let request = types.message(&method.request)?;
            let received = if method.views { types.view(&method.request)? } else { request.clone() };
            methods.push(PlannedMethod { method, request, received, reply: types.message(&method.reply)? });
        }
        let idents = Idents::new(service, namespace);
        let Settings { options: &Options { default_unimplemented, only, .. }, descriptor_set, json } = settings;
        Ok(Self { service, idents, methods, default_unimplemented, descriptor_set, json, only })
    }

    pub(super) fn has_client(&self) -> bool {
        !matches!(self.only, Some(Only::Messages | Only::Servers))
    }

    pub(super) fn has_server(&self) -> bool {
        !matches!(self.only, Some(Only::Messages | Only::Clients))
    }

    /// Methods together with their names.
    pub(super) fn methods(&self) -> impl Iterator<Item = (&PlannedMethod<'a>, &MethodIdents)> {
        self.methods.iter().zip(&self.idents.methods)
    }

    pub(super) fn deprecation(&self) -> Option<TokenStream> {
        deprecation(self.service.deprecated)
    }
}

impl PlannedMethod<'_> {
    /// The comment of the `.proto` file, or a sentence that names the method.
    pub(super) fn docs(&self, service: &Service) -> TokenStream {
        if self.method.comment.trim().is_empty() {
            return docs::attributes(&format!(" The method `{}`.", service.method_name(self.method)));
        }
        docs::attributes(&self.method.comment)
    }

    pub(super) fn deprecation(&self) -> Option<TokenStream> {
        deprecation(self.method.deprecated)
    }
}

fn deprecation(deprecated: bool) -> Option<TokenStream> {
    deprecated.then(|| quote!(#[deprecated(note = "marked as deprecated in the .proto file")]))
}

/// Renders a package's services; message types still have the message library's own paths.
pub(crate) fn render<'a>(
    services: impl Iterator<Item = &'a Service>,
    types: &Types<'_>,
    mut namespace: Namespace,
    settings: Settings<'a>,
) -> Result<TokenStream, Error> {
    let plans = services.map(|service| Plan::new(service, types, &mut namespace, settings));
    let plans = plans.collect::<Result<Vec<_>, _>>()?;
    let scope =
        Scope { has_diagnostic: !namespace.has_type("diagnostic"), parameter: namespace.type_name("S".to_owned()) };
    Ok(plans.iter().map(|plan| render_one(plan, &scope)).collect())
}

fn render_one(plan: &Plan<'_>, scope: &Scope) -> TokenStream {
    let handler_and_server = plan.has_server().then(|| [handler::render(plan, scope), server::render(plan, scope)]);
    let client = plan.has_client().then(|| client::render(plan, scope));
    let server = handler_and_server.into_iter().flatten();
    let (descriptors, methods) = (descriptors(plan), typed_methods(plan));
    quote!(#(#server)* #client #descriptors #methods)
}

fn descriptors(plan: &Plan<'_>) -> TokenStream {
    let full_name = plan.service.full_name();
    let (descriptor, methods, set) = (&plan.idents.descriptor, &plan.idents.method_descriptors, plan.descriptor_set);
    let count = plan.methods.len();
    let entries = plan.methods.iter().map(|planned| method_descriptor(planned.method, plan.service));
    let options = match plan.service.options.as_slice() {
        [] => None,
        options => {
            let options = Literal::byte_string(options);
            Some(quote!(.encoded_options(#options)))
        }
    };
    let doc = format!(" Describes the service `{full_name}`: its methods, and the descriptors of its files.");
    quote! {
        #[doc = #doc]
        pub static #descriptor: ::halloo::descriptor::ServiceDescriptor =
            ::halloo::descriptor::ServiceDescriptor::new(#full_name, &#methods, #set) #options;

        static #methods: [::halloo::descriptor::MethodDescriptor; #count] = [#(#entries),*];
    }
}

fn method_descriptor(method: &Method, service: &Service) -> TokenStream {
    let (name, service_options, service) = (&method.name, &service.options, service.full_name());
    let path = format!("/{service}/{name}");
    let kind = match method.kind {
        Kind::Unary => quote!(Unary),
        Kind::ServerStreaming => quote!(ServerStreaming),
        Kind::ClientStreaming => quote!(ClientStreaming),
        Kind::BidiStreaming => quote!(BidiStreaming),
    };
    let idempotency = match method.idempotency {
        Idempotency::Unknown => None,
        Idempotency::NoSideEffects => Some(quote!(.idempotency(::halloo::descriptor::Idempotency::NoSideEffects))),
        Idempotency::Idempotent => Some(quote!(.idempotency(::halloo::descriptor::Idempotency::Idempotent))),
    };
    let options = (!method.options.is_empty() || !service_options.is_empty()).then(|| {
        let (method, service) = (Literal::byte_string(&method.options), Literal::byte_string(service_options));
        quote!(.encoded_options(#method, #service))
    });
    quote! {
        ::halloo::descriptor::MethodDescriptor::new(#service, #name, #path, ::halloo::descriptor::MethodKind::#kind)
            #idempotency #options
    }
}

fn typed_methods(plan: &Plan<'_>) -> TokenStream {
    let descriptors = &plan.idents.method_descriptors;
    let json = plan.json.map(|json| quote!(, &#json));
    let owned = quote!(::halloo::codec::Codecs::new(&[&::halloo::protobuf::Protobuf #json]));
    let statics = plan.methods().enumerate().map(|(index, (planned, idents))| {
        let PlannedMethod { request, received, reply, .. } = planned;
        let (called, served) = (&idents.called, &idents.served);
        // A handler that takes no view is registered under what clients call.
        let is_called = plan.has_client() || !planned.method.views;
        let called = is_called.then(|| {
            quote! {
                static #called: ::halloo::descriptor::Method<#request, #reply> =
                    ::halloo::descriptor::Method::new(&#descriptors[#index], #owned, #owned);
            }
        });
        let served = (planned.method.views && plan.has_server()).then(|| {
            let view_json = plan.json.and(idents.view_json.as_ref());
            let view_json_codec = plan.json.zip(view_json).map(|(json, name)| {
                quote! {
                    static #name: ::halloo::protobuf::JsonView<#request> = ::halloo::protobuf::JsonView::new(&#json);
                }
            });
            let view_json = view_json.map(|name| quote!(, &#name));
            quote! {
                #view_json_codec
                static #served: ::halloo::descriptor::Method<#received, #reply> = ::halloo::descriptor::Method::new(
                    &#descriptors[#index],
                    ::halloo::codec::Codecs::new(&[&::halloo::protobuf::ProtobufView::<#request>::CODEC #view_json]),
                    #owned,
                );
            }
        });
        quote! {
            #called
            #served
        }
    });
    quote!(#(#statics)*)
}
