//! The client type: a channel and one function a method.

use super::idents::MethodIdents;
use super::model::Kind;
use super::render::{Plan, PlannedMethod, Scope};
use proc_macro2::TokenStream;
use quote::quote;

pub(super) fn render(plan: &Plan<'_>, scope: &Scope) -> TokenStream {
    let (handler, server, client) = (&plan.idents.handler, &plan.idents.server, &plan.idents.client);
    let (descriptor, parameter) = (&plan.idents.descriptor, &scope.parameter);
    let doc = format!(" Calls the gRPC service `{}`. Cheap to clone; calls take `&self`.", plan.service.full_name());
    let deprecated = plan.deprecation();
    let functions = plan.methods().map(|(planned, idents)| function(plan, planned, idents));
    let in_process = plan.has_server().then(|| {
        quote! {
            /// Calls `service` in this process, without a socket.
            pub fn in_process<#parameter: #handler>(service: #parameter) -> Self {
                Self::new(::halloo::Channel::in_process(::halloo::Router::new(#server::new(service))))
            }
        }
    });
    quote! {
        #[doc = #doc]
        #deprecated
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        pub struct #client {
            channel: ::halloo::Channel,
        }

        impl #client {
            /// What the `.proto` says of the service: its methods, their kinds and their options.
            pub const DESCRIPTOR: &'static ::halloo::descriptor::ServiceDescriptor = &#descriptor;

            /// Calls over `channel`.
            pub fn new(channel: ::halloo::Channel) -> Self {
                Self { channel }
            }

            /// Connects to `target`, for example `http://localhost:50051`, and waits until it is ready.
            ///
            /// # Errors
            ///
            /// An error that says what was tried when the target is malformed or cannot be reached.
            pub async fn connect(
                target: impl ::core::convert::AsRef<str>,
            ) -> ::core::result::Result<Self, ::halloo::Error> {
                ::core::result::Result::Ok(Self::new(::halloo::Channel::connect(target).await?))
            }

            #in_process

            /// The channel that calls go over.
            pub fn channel(&self) -> &::halloo::Channel {
                &self.channel
            }

            #(#functions)*
        }
    }
}

fn function(plan: &Plan<'_>, planned: &PlannedMethod<'_>, idents: &MethodIdents) -> TokenStream {
    let PlannedMethod { method, request, reply, .. } = planned;
    let (function, called) = (&idents.function, &idents.called);
    let docs = planned.docs(plan.service);
    let deprecated = planned.deprecation();
    let (call, start) = match method.kind {
        Kind::Unary => (quote!(UnaryCall), quote!(unary)),
        Kind::ServerStreaming => (quote!(ServerStreamingCall), quote!(server_streaming)),
        Kind::ClientStreaming => (quote!(ClientStreamingCall), quote!(client_streaming)),
        Kind::BidiStreaming => (quote!(BidiStreamingCall), quote!(bidi_streaming)),
    };
    let (parameter, argument) = match method.kind.streams_requests() {
        false => (Some(quote!(, request: #request)), Some(quote!(, request))),
        true => (None, None),
    };
    quote! {
        #docs
        #deprecated
        pub fn #function(&self #parameter) -> ::halloo::client::#call<'_, #request, #reply> {
            self.channel.#start(&#called #argument)
        }
    }
}
