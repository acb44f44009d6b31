//! The server type: owns the user's service and registers one handler a method.

use super::idents::MethodIdents;
use super::model::Kind;
use super::render::{Plan, PlannedMethod, Scope};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

pub(super) fn render(plan: &Plan<'_>, scope: &Scope) -> TokenStream {
    let parameter = &scope.parameter;
    let (handler, server, descriptor) = (&plan.idents.handler, &plan.idents.server, &plan.idents.descriptor);
    let full_name = plan.service.full_name();
    let deprecated = plan.deprecation();
    let doc = format!(" Serves the gRPC service `{full_name}` from a value that implements [`{handler}`].");
    let name = server.to_string();
    let registrations = plan.methods().map(|(planned, idents)| registration(plan, planned, idents, parameter));
    quote! {
        #[doc = #doc]
        #deprecated
        pub struct #server<#parameter> {
            service: ::std::sync::Arc<#parameter>,
        }

        impl<#parameter: #handler> #server<#parameter> {
            /// The full name of the service.
            pub const NAME: &'static str = #full_name;

            /// What the `.proto` says of the service: its methods, their kinds and their options.
            pub const DESCRIPTOR: &'static ::halloo::descriptor::ServiceDescriptor = &#descriptor;

            /// Takes the service. An `Arc` of it works as well, to keep a handle.
            pub fn new(service: #parameter) -> Self {
                Self { service: ::std::sync::Arc::new(service) }
            }
        }

        impl<#parameter> ::core::clone::Clone for #server<#parameter> {
            fn clone(&self) -> Self {
                Self { service: ::std::sync::Arc::clone(&self.service) }
            }
        }

        impl<#parameter> ::core::fmt::Debug for #server<#parameter> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name).finish_non_exhaustive()
            }
        }

        impl<#parameter: #handler> ::halloo::server::Service for #server<#parameter> {
            fn descriptor(&self) -> &'static ::halloo::descriptor::ServiceDescriptor {
                &#descriptor
            }

            fn register(self, methods: &mut ::halloo::server::Methods) {
                let service = self.service;
                #(#registrations)*
            }
        }
    }
}

fn registration(plan: &Plan<'_>, planned: &PlannedMethod<'_>, idents: &MethodIdents, parameter: &Ident) -> TokenStream {
    let (handler, function, served) = (&plan.idents.handler, &idents.function, &idents.served);
    let reply = &planned.reply;
    let (register, parameters, arguments) = match planned.method.kind {
        Kind::Unary => return quote!(methods.unary_function(&#served, &service, <#parameter as #handler>::#function);),
        Kind::ClientStreaming => (quote!(client_streaming), quote!(requests), quote!(requests)),
        Kind::ServerStreaming => (
            quote!(server_streaming),
            quote!(request, mut replies: ::halloo::MessageSender<#reply>),
            quote!(request, &mut replies),
        ),
        Kind::BidiStreaming => (
            quote!(bidi_streaming),
            quote!(requests, mut replies: ::halloo::MessageSender<#reply>),
            quote!(requests, &mut replies),
        ),
    };
    quote! {
        methods.#register(&#served, {
            let service = ::std::sync::Arc::clone(&service);
            move |#parameters| {
                let service = ::std::sync::Arc::clone(&service);
                async move { <#parameter as #handler>::#function(&service, #arguments).await }
            }
        });
    }
}
