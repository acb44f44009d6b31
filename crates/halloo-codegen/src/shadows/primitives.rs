//! Spells primitive types in full where a module has the name of one: `::core::primitive::str` instead of `str`.
//!
//! A package `shop.str` is a module `str` within `shop`, and so is what is nested in a message `Str`. There, and in every
//! module that takes the names around it in, `str` alone would be that module.

use syn::visit_mut::{self, VisitMut};
use syn::{ExprPath, File, Item, Path, TypePath};

const PRIMITIVES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16", "u32", "u64", "u128",
    "usize",
];

/// Whether a module of this name would hide a primitive type.
fn is_primitive(name: &str) -> bool {
    PRIMITIVES.contains(&name)
}

/// Spells primitive types in full if a module of `file`, or one `beside` it, has the name of one.
pub(crate) fn spell_in_full<'a>(file: &mut File, mut beside: impl Iterator<Item = &'a str>) {
    if beside.any(is_primitive) || has_module(&file.items) {
        Speller.visit_file_mut(file);
    }
}

fn has_module(items: &[Item]) -> bool {
    items.iter().any(|item| match item {
        Item::Mod(module) => {
            let inside = module.content.as_ref().is_some_and(|(_, items)| has_module(items));
            inside || is_primitive(&module.ident.to_string())
        }
        _ => false,
    })
}

struct Speller;

impl VisitMut for Speller {
    /// `str`; never `str::Inner`, which is in the module.
    fn visit_type_path_mut(&mut self, ty: &mut TypePath) {
        if ty.qself.is_none() && ty.path.segments.len() == 1 {
            spell(&mut ty.path);
        }
        visit_mut::visit_type_path_mut(self, ty);
    }

    /// `u64::from`; never `u64::Kind`, which is in the module. Types begin with a capital letter, and modules of messages
    /// hold no functions.
    fn visit_expr_path_mut(&mut self, expression: &mut ExprPath) {
        let is_function = |path: &Path| {
            let last = path.segments.last().map(|last| last.ident.to_string());
            path.segments.len() == 2
                && last.is_some_and(|last| last.starts_with(|first: char| first.is_ascii_lowercase()))
        };
        if expression.qself.is_none() && is_function(&expression.path) {
            spell(&mut expression.path);
        }
        visit_mut::visit_expr_path_mut(self, expression);
    }
}

fn spell(path: &mut Path) {
    let is_named = path.segments.first().is_some_and(|first| is_primitive(&first.ident.to_string()));
    if is_named && path.leading_colon.is_none() {
        let segments = &path.segments;
        *path = syn::parse_quote!(::core::primitive::#segments);
    }
}

#[cfg(test)]
#[path = "../../tests/unit/shadows/primitives.rs"]
mod tests;
