//! The trait that users implement, and its forwarding implementation for `Arc<S>`.

use super::idents::MethodIdents;
use super::model::Kind;
use super::render::{Plan, PlannedMethod, Scope};
use crate::docs;
use proc_macro2::{Ident, TokenStream};
use quote::quote;

pub(super) fn render(plan: &Plan<'_>, scope: &Scope) -> TokenStream {
    let (handler, parameter) = (&plan.idents.handler, &scope.parameter);
    let full_name = plan.service.full_name();
    let comment = if plan.service.comment.trim().is_empty() {
        format!(" Handlers of the service `{full_name}`.")
    } else {
        plan.service.comment.clone()
    };
    let docs = docs::attributes(&comment);
    let deprecated = plan.deprecation();
    let diagnostic = scope.has_diagnostic.then(|| on_unimplemented(plan));
    let functions = plan.methods().map(|(planned, idents)| trait_function(plan, planned, idents));
    let forwards = plan.methods().map(|(planned, idents)| forward(plan, planned, idents, parameter));
    quote! {
        #docs
        #deprecated
        #diagnostic
        pub trait #handler: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#functions)*
        }

        impl<#parameter: #handler> #handler for ::std::sync::Arc<#parameter> {
            #(#forwards)*
        }
    }
}

/// What rustc says when a type lacks the trait.
fn on_unimplemented(plan: &Plan<'_>) -> TokenStream {
    let message = format!("`{{Self}}` does not implement the gRPC service `{}`", plan.service.full_name());
    let label = format!("add `impl {} for {{Self}}`", plan.idents.handler);
    let note = skeleton(plan).replace('{', "{{").replace('}', "}}");
    quote!(#[diagnostic::on_unimplemented(message = #message, label = #label, note = #note)])
}

fn trait_function(plan: &Plan<'_>, planned: &PlannedMethod<'_>, idents: &MethodIdents) -> TokenStream {
    let docs = planned.docs(plan.service);
    let deprecated = planned.deprecation();
    let signature = signature(planned, idents);
    let body = match plan.default_unimplemented {
        false => quote!(;),
        true => unimplemented_body(plan, planned),
    };
    quote!(#docs #deprecated #signature #body)
}

fn unimplemented_body(plan: &Plan<'_>, planned: &PlannedMethod<'_>) -> TokenStream {
    let text = format!("{} is not implemented by this server", plan.service.method_name(planned.method));
    let arguments = arguments(planned.method.kind);
    quote! {
        {
            #(let _ = #arguments;)*
            ::core::future::ready(::core::result::Result::Err(::halloo::Status::unimplemented(#text)))
        }
    }
}

fn forward(plan: &Plan<'_>, planned: &PlannedMethod<'_>, idents: &MethodIdents, parameter: &Ident) -> TokenStream {
    let (handler, function) = (&plan.idents.handler, &idents.function);
    let signature = signature(planned, idents);
    let arguments = arguments(planned.method.kind);
    quote! {
        #signature {
            <#parameter as #handler>::#function(self, #(#arguments),*)
        }
    }
}

fn signature(planned: &PlannedMethod<'_>, idents: &MethodIdents) -> TokenStream {
    let PlannedMethod { method, received, reply, .. } = planned;
    let function = &idents.function;
    let request = match method.kind.streams_requests() {
        false => quote!(request: ::halloo::Request<#received>),
        true => quote!(requests: ::halloo::MessageReceiver<#received>),
    };
    let (replies, output) = match method.kind.streams_replies() {
        false => (None, quote!(::halloo::Result<#reply>)),
        true => (
            Some(quote!(, replies: &mut ::halloo::MessageSender<#reply>)),
            quote!(::core::result::Result<(), ::halloo::Status>),
        ),
    };
    quote! {
        fn #function(&self, #request #replies) -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
    }
}

fn arguments(kind: Kind) -> Vec<TokenStream> {
    let request = if kind.streams_requests() { quote!(requests) } else { quote!(request) };
    if kind.streams_replies() { vec![request, quote!(replies)] } else { vec![request] }
}

/// An `impl` block that users can paste, for rustc to show when the trait is missing.
fn skeleton(plan: &Plan<'_>) -> String {
    let mut out = format!("implement it like this:\n\nimpl {} for MyService {{\n", plan.idents.handler);
    for (planned, idents) in plan.methods() {
        let PlannedMethod { method, received, reply, .. } = planned;
        let (received, reply) = (path_text(received), path_text(reply));
        let request = match method.kind.streams_requests() {
            false => format!("request: halloo::Request<{received}>"),
            true => format!("requests: halloo::MessageReceiver<{received}>"),
        };
        let (replies, output) = match method.kind.streams_replies() {
            false => (String::new(), format!("halloo::Result<{reply}>")),
            true => {
                (format!(", replies: &mut halloo::MessageSender<{reply}>"), "Result<(), halloo::Status>".to_owned())
            }
        };
        let function = &idents.function;
        out.push_str(&format!(
            "    async fn {function}(&self, {request}{replies}) -> {output} {{\n        todo!()\n    }}\n"
        ));
    }
    out.push('}');
    out
}

/// A path as people write it in their own code: the last segment of `super::other::Message`.
fn path_text(path: &TokenStream) -> String {
    let text: String = path.to_string().split_whitespace().collect();
    match text.strip_prefix("::buffa_types::google::protobuf::") {
        Some(name) => format!("halloo::protobuf::well_known::{name}"),
        None => text.trim_start_matches("super::").replace("__buffa::view::", ""),
    }
}
