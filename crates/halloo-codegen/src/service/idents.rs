//! Rust names for a service and its methods that clash with nothing else in the package.

use super::model::{Method, Service};
use crate::names::{is_path_keyword, snake_case, starts_identifier, type_name, unique};
use buffa_codegen::idents::{make_field_ident, to_shouty_snake_case, to_upper_camel_case};
use proc_macro2::{Ident, Span};
use std::collections::BTreeSet;
use syn::ext::IdentExt as _;
use syn::{Item, ItemConst, ItemEnum, ItemMod, ItemStruct, UseName, UseRename, UseTree};

/// Names of the client's own functions, and `clone`, which a method would hide.
const CLIENT_FUNCTIONS: [&str; 5] = ["channel", "clone", "connect", "in_process", "new"];

/// The names in use at the root of one package.
#[derive(Debug, Default)]
pub(crate) struct Namespace {
    types: BTreeSet<String>,
    values: BTreeSet<String>,
}

impl Namespace {
    /// Collects the names of a package's generated `items`, and of the modules of packages within it.
    pub(crate) fn new<'a>(items: &[Item], modules: impl Iterator<Item = &'a str>) -> Self {
        let mut namespace = Self { types: modules.map(str::to_owned).collect(), values: BTreeSet::new() };
        items.iter().for_each(|item| namespace.add(item));
        namespace
    }

    fn add(&mut self, item: &Item) {
        match item {
            Item::Struct(ItemStruct { ident, .. })
            | Item::Enum(ItemEnum { ident, .. })
            | Item::Mod(ItemMod { ident, .. }) => {
                self.types.insert(ident.unraw().to_string());
            }
            Item::Const(ItemConst { ident, .. }) => {
                self.values.insert(ident.to_string());
            }
            Item::Use(item) => self.add_use(&item.tree),
            _ => {}
        }
    }

    /// A name that is brought in may be a type's or a value's.
    fn add_use(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.add_use(&path.tree),
            UseTree::Name(UseName { ident }) | UseTree::Rename(UseRename { rename: ident, .. }) => {
                self.types.insert(ident.unraw().to_string());
                self.values.insert(ident.unraw().to_string());
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_use(tree)),
            UseTree::Glob(_) => {}
        }
    }

    /// Whether a type or a module has this name.
    pub(crate) fn has_type(&self, name: &str) -> bool {
        self.types.contains(name)
    }

    pub(crate) fn type_name(&mut self, name: String) -> Ident {
        Ident::new(&unique(name, &mut self.types), Span::call_site())
    }

    pub(crate) fn value_name(&mut self, name: &str) -> Ident {
        Ident::new(&unique(name.to_owned(), &mut self.values), Span::call_site())
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
            handler: namespace.type_name(type_name(&name)),
            server: namespace.type_name(format!("{name}Server")),
            client: namespace.type_name(format!("{name}Client")),
            descriptor: namespace.value_name(&constant),
            method_descriptors: namespace.value_name(&format!("{constant}_METHODS")),
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
        let function = unique(function_name(&method.name), functions);
        let constant = format!("{service}_{}", function.trim_end_matches('_').to_uppercase());
        let called = namespace.value_name(&constant);
        let served = if method.views { namespace.value_name(&format!("{constant}_VIEW")) } else { called.clone() };
        let view_json = method.views.then(|| namespace.value_name(&format!("{constant}_VIEW_JSON")));
        Self { function: make_field_ident(&function), called, served, view_json }
    }
}

/// The name of a method's function, before keywords are made identifiers by `r#`.
fn function_name(method: &str) -> String {
    match snake_case(method) {
        name if name == "_" => "x".to_owned(),
        name if is_path_keyword(&name) => format!("{name}_"),
        name => name,
    }
}

/// Leaves `Greeter` and `HTTPGateway` alone, turns `greeter` and `my_service` into `Greeter` and `MyService`. What `Server`
/// and `Client` are put behind; alone, `Self` is none yet.
fn type_case(name: &str) -> String {
    let is_type_case = name.starts_with(|first: char| first.is_ascii_uppercase()) && !name.contains('_');
    let name = if is_type_case { name.to_owned() } else { to_upper_camel_case(name) };
    if starts_identifier(&name) { name } else { format!("X{name}") }
}
