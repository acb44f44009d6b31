//! Rust names for a service and its methods that clash with nothing else in the package.

use super::model::{Method, Service};
use crate::names::{snake_case, unique};
use buffa_codegen::idents::{make_field_ident, to_shouty_snake_case, to_upper_camel_case};
use buffa_descriptor::generated::descriptor::FileDescriptorProto;
use proc_macro2::{Ident, Span};
use std::collections::BTreeSet;

/// Names of the client's own functions, and `clone`, which a method would hide.
const CLIENT_FUNCTIONS: [&str; 5] = ["channel", "clone", "connect", "in_process", "new"];

/// The names in use at the root of one package.
#[derive(Debug, Default)]
pub(crate) struct Namespace {
    types: BTreeSet<String>,
    values: BTreeSet<String>,
}

impl Namespace {
    /// Collects the names of a package's messages, enums and extensions.
    pub(crate) fn new(files: &[&FileDescriptorProto]) -> Self {
        let mut namespace = Self::default();
        namespace.values.insert("FILE_DESCRIPTOR_SET".to_owned());
        for file in files {
            namespace.types.extend(file.message_type.iter().filter_map(|message| message.name.clone()));
            namespace.types.extend(file.enum_type.iter().filter_map(|value| value.name.clone()));
            let extensions = file.extension.iter().filter_map(|extension| extension.name.as_deref());
            namespace.values.extend(extensions.map(to_shouty_snake_case));
        }
        namespace
    }

    /// The name of the package's JSON codec.
    pub(crate) fn json(&mut self) -> Ident {
        self.value_name("JSON".to_owned())
    }

    fn type_name(&mut self, name: String) -> Ident {
        Ident::new(&unique(name, &mut self.types), Span::call_site())
    }

    fn value_name(&mut self, name: String) -> Ident {
        Ident::new(&unique(name, &mut self.values), Span::call_site())
    }
}

/// Every name that a service's generated items use.
#[derive(Debug)]
pub(super) struct Idents {
    pub(super) handler: Ident,
    pub(super) server: Ident,
    pub(super) client: Ident,
    pub(super) descriptor: Ident,
    pub(super) method_descriptors: Ident,
    pub(super) methods: Vec<MethodIdents>,
}

#[derive(Debug)]
pub(super) struct MethodIdents {
    /// The method of the trait and of the client.
    pub(super) function: Ident,
    /// The typed method that clients call.
    pub(super) called: Ident,
    /// The typed method that servers register; another one when handlers take views.
    pub(super) served: Ident,
    /// The JSON codec of the view, for handlers that take one.
    pub(super) view_json: Option<Ident>,
}

impl Idents {
    pub(super) fn new(service: &Service, namespace: &mut Namespace) -> Self {
        let name = type_case(&service.name);
        let constant = to_shouty_snake_case(&name);
        let mut functions: BTreeSet<String> = CLIENT_FUNCTIONS.iter().map(|&name| name.to_owned()).collect();
        Self {
            handler: namespace.type_name(escape_self(&name)),
            server: namespace.type_name(format!("{name}Server")),
            client: namespace.type_name(format!("{name}Client")),
            descriptor: namespace.value_name(constant.clone()),
            method_descriptors: namespace.value_name(format!("{constant}_METHODS")),
            methods: service
                .methods
                .iter()
                .map(|method| MethodIdents::new(method, &constant, &mut functions, namespace))
                .collect(),
        }
    }
}

impl MethodIdents {
    fn new(method: &Method, service: &str, functions: &mut BTreeSet<String>, namespace: &mut Namespace) -> Self {
        let function = unique(snake_case(&method.name), functions);
        let constant = format!("{service}_{}", function.trim_end_matches('_').to_uppercase());
        let called = namespace.value_name(constant.clone());
        let served = if method.views { namespace.value_name(format!("{constant}_VIEW")) } else { called.clone() };
        let view_json = method.views.then(|| namespace.value_name(format!("{constant}_VIEW_JSON")));
        Self { function: make_field_ident(&function), called, served, view_json }
    }
}

/// Leaves `Greeter` and `HTTPGateway` alone, turns `greeter` and `my_service` into `Greeter` and `MyService`.
fn type_case(name: &str) -> String {
    let is_type_case = name.starts_with(|first: char| first.is_ascii_uppercase()) && !name.contains('_');
    if is_type_case { name.to_owned() } else { to_upper_camel_case(name) }
}

fn escape_self(name: &str) -> String {
    if name == "Self" { "Self_".to_owned() } else { name.to_owned() }
}
