//! Renames type parameters of the message generator's functions where a message or an enum has the name of one.
//!
//! `fn deserialize<D: Deserializer>` of an enum `D` would otherwise name the enum in its body and mean the parameter. Types begin
//! with a capital letter, so `__D` is none.

use quote::format_ident;
use std::collections::BTreeSet;
use syn::visit_mut::{self, VisitMut};
use syn::{File, FnArg, GenericArgument, Ident, ImplItemFn, Item, Path, PathArguments, ReturnType, Type, TypePath};

/// Renames the type parameters that have the name of one of the types in `file`.
pub(crate) fn rename_parameters(file: &mut File) {
    let mut types = BTreeSet::new();
    collect(&file.items, &mut types);
    // No parameter has a longer name, and few types have such a short one.
    types.retain(|name| name.len() == 1);
    if !types.is_empty() {
        Renamer { types }.visit_file_mut(file);
    }
}

fn collect(items: &[Item], types: &mut BTreeSet<String>) {
    for item in items {
        match item {
            Item::Struct(item) => drop(types.insert(item.ident.to_string())),
            Item::Enum(item) => drop(types.insert(item.ident.to_string())),
            Item::Mod(item) => item.content.iter().for_each(|(_, items)| collect(items, types)),
            _ => {}
        }
    }
}

struct Renamer {
    types: BTreeSet<String>,
}

impl Renamer {
    fn rename(&self, ident: &mut Ident) {
        if self.types.contains(&ident.to_string()) {
            *ident = format_ident!("__{ident}");
        }
    }
}

impl VisitMut for Renamer {
    /// A parameter stands in the list of parameters, is the type of an argument, and the error of a result.
    fn visit_impl_item_fn_mut(&mut self, function: &mut ImplItemFn) {
        let signature = &mut function.sig;
        let mut declared = BTreeSet::new();
        for parameter in signature.generics.type_params_mut() {
            declared.insert(parameter.ident.to_string());
            self.rename(&mut parameter.ident);
        }
        let arguments = signature.inputs.iter_mut().filter_map(|argument| match argument {
            FnArg::Typed(argument) => Some(&mut *argument.ty),
            FnArg::Receiver(_) => None,
        });
        let error = match &mut signature.output {
            ReturnType::Type(_, ty) => second_argument(ty),
            ReturnType::Default => None,
        };
        for ident in arguments.chain(error).filter_map(only_segment) {
            if declared.contains(&ident.to_string()) {
                self.rename(ident);
            }
        }
        visit_mut::visit_impl_item_fn_mut(self, function);
    }

    /// `D::Error` and `S::Ok` are a parameter's; messages and enums have no associated types.
    fn visit_type_path_mut(&mut self, ty: &mut TypePath) {
        let Path { leading_colon, segments } = &mut ty.path;
        let is_associated = segments.len() == 2 && (segments[1].ident == "Error" || segments[1].ident == "Ok");
        if is_associated && leading_colon.is_none() && ty.qself.is_none() {
            self.rename(&mut segments[0].ident);
        }
        visit_mut::visit_type_path_mut(self, ty);
    }
}

/// The second type between angle brackets: `E` of `::core::result::Result<T, E>`.
fn second_argument(ty: &mut Type) -> Option<&mut Type> {
    let Type::Path(ty) = ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &mut ty.path.segments.last_mut()?.arguments else { return None };
    match arguments.args.get_mut(1)? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// The name of a type that has no path.
fn only_segment(ty: &mut Type) -> Option<&mut Ident> {
    let Type::Path(TypePath { path, .. }) = ty else { return None };
    let is_name = path.leading_colon.is_none() && path.segments.len() == 1;
    path.segments.first_mut().filter(|_| is_name).map(|first| &mut first.ident)
}

#[cfg(test)]
#[path = "../../tests/unit/shadows/parameters.rs"]
mod tests;
