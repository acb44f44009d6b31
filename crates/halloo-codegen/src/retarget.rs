//! Makes generated code stand on `halloo` alone: `::buffa` becomes `::halloo::protobuf::buffa`, and so on.
//!
//! Works on tokens, so comments and string literals that merely look like paths stay as they are.
//! String literals are touched only to restore the protobuf names of renamed types, and where serde reads paths in them.

use crate::renames::Renames;
use proc_macro2::{Group, Ident, Literal, Spacing, Span, TokenStream, TokenTree};
use quote::quote;

/// Rewrites absolute paths and renamed type names in `tokens`.
pub(crate) fn retarget(tokens: TokenStream, renames: &Renames) -> TokenStream {
    let input: Vec<TokenTree> = tokens.into_iter().collect();
    let mut out: Vec<TokenTree> = Vec::with_capacity(input.len());
    let mut at = 0;
    while let Some(token) = input.get(at) {
        at += 1;
        match token {
            TokenTree::Group(group) => {
                let content = if is_type_name_of(&out) {
                    restore_short_names(group.stream(), renames)
                } else if is_serde_attribute(&out) {
                    retarget_literals(group.stream(), renames)
                } else {
                    retarget(group.stream(), renames)
                };
                let mut inner = Group::new(group.delimiter(), content);
                inner.set_span(group.span());
                out.push(inner.into());
            }
            TokenTree::Ident(_) if starts_absolute_path(&out) => {
                let moved = MOVED.iter().find(|(path, _)| starts_with(&input[at - 1..], path));
                match moved {
                    Some((path, target)) => {
                        at += path.len() * 3 - 3;
                        out.extend(path_tokens(target));
                    }
                    None => out.push(token.clone()),
                }
            }
            TokenTree::Literal(literal) if is_name_constant(&out) => {
                out.push(restore(literal, |name| renames.restore_short(name)).into())
            }
            TokenTree::Literal(literal) => out.push(restore(literal, |name| renames.restore(name)).into()),
            other => out.push(other.clone()),
        }
    }
    out.into_iter().collect()
}

/// Absolute paths of the message library, and where a crate that depends on `halloo` alone finds the same.
const MOVED: [(&[&str], &[&str]); 9] = [
    (&["buffa", "alloc"], &["std"]),
    (&["buffa", "__private", "HashMap"], &["halloo", "protobuf", "Map"]),
    (&["buffa", "EnumValue"], &["halloo", "protobuf", "EnumValue"]),
    (&["buffa", "MessageField"], &["halloo", "protobuf", "MessageField"]),
    (&["buffa", "type_registry", "any_from_json"], &["halloo", "protobuf", "any_from_json"]),
    (&["buffa", "type_registry", "any_to_json"], &["halloo", "protobuf", "any_to_json"]),
    (&["buffa"], &["halloo", "protobuf", "buffa"]),
    (&["buffa_types", "google", "protobuf"], &["halloo", "protobuf", "well_known"]),
    (&["serde"], &["halloo", "protobuf", "serde"]),
];

/// Whether `tokens` begin with this path. A segment is an identifier and, before it, two colons.
fn starts_with(tokens: &[TokenTree], path: &[&str]) -> bool {
    let is =
        |index: usize, segment: &str| matches!(tokens.get(index), Some(TokenTree::Ident(ident)) if ident == segment);
    let colons = |index: usize| matches!(tokens.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    path.iter()
        .enumerate()
        .all(|(at, segment)| is(at * 3, segment) && (at == 0 || (colons(at * 3 - 2) && colons(at * 3 - 1))))
}

fn path_tokens(path: &[&str]) -> TokenStream {
    let segments = path.iter().map(|segment| Ident::new(segment, Span::call_site()));
    quote!(#(#segments)::*)
}

/// Whether the last two tokens are a `::` that no path segment precedes.
fn starts_absolute_path(out: &[TokenTree]) -> bool {
    let [before @ .., TokenTree::Punct(first), TokenTree::Punct(second)] = out else {
        return false;
    };
    if first.as_char() != ':' || second.as_char() != ':' || first.spacing() != Spacing::Joint {
        return false;
    }
    match before {
        [.., TokenTree::Punct(last)] if last.as_char() == '>' => !ends_qualified_type(before),
        // A lifetime: `&'a ::buffa::MapView`.
        [.., TokenTree::Punct(quote), TokenTree::Ident(_)] if quote.as_char() == '\'' => true,
        [.., TokenTree::Ident(ident)] => is_keyword_before_path(ident),
        _ => true,
    }
}

/// Whether the `>` at the end closes a type in front of an associated name, `<S as Service>::buffa`. It may be an arrow's
/// (`-> ::buffa::Bytes`) or the end of parameters (`impl<'de> ::serde::Deserialize<'de>`), too.
fn ends_qualified_type(tokens: &[TokenTree]) -> bool {
    let is_arrow = |at: usize| {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        matches!(before, Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '-' | '=') && punct.spacing() == Spacing::Joint)
    };
    if is_arrow(tokens.len() - 1) {
        return false;
    }
    let mut depth = 0;
    for at in (0..tokens.len()).rev() {
        match &tokens[at] {
            TokenTree::Punct(punct) if punct.as_char() == '>' && !is_arrow(at) => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let before = at.checked_sub(1).map(|before| &tokens[before]);
            return !matches!(before, Some(TokenTree::Ident(ident)) if ident == "impl" || ident == "for");
        }
    }
    false
}

/// Keywords after which a path may start (`impl ::buffa::Message`, `for ::buffa::OwnedView`).
fn is_keyword_before_path(ident: &Ident) -> bool {
    ["impl", "for", "pub", "use", "dyn", "as", "mut", "in", "return", "where", "match", "if"]
        .iter()
        .any(|keyword| ident == keyword)
}

/// Whether what follows is the argument of `debug_struct`.
fn is_type_name_of(out: &[TokenTree]) -> bool {
    matches!(out, [.., TokenTree::Ident(function)] if function == "debug_struct")
}

/// Whether what follows is the value of `const NAME: &'static str`.
fn is_name_constant(out: &[TokenTree]) -> bool {
    let is = |token: &TokenTree, name: &str| matches!(token, TokenTree::Ident(ident) if ident == name);
    matches!(out, [.., name, _, _, _, _, str, TokenTree::Punct(equals)] if is(name, "NAME") && is(str, "str") && equals.as_char() == '=')
}

/// Whether what follows are the arguments of `#[serde(..)]`.
fn is_serde_attribute(out: &[TokenTree]) -> bool {
    matches!(out, [TokenTree::Ident(name)] if name == "serde")
}

/// Moves the paths that serde's attributes have in string literals (`with = "::buffa::json_helpers::int64"`), and restores
/// names.
fn retarget_literals(tokens: TokenStream, renames: &Renames) -> TokenStream {
    let moved = tokens.into_iter().map(|token| match token {
        TokenTree::Literal(literal) => {
            let literal = restore(&literal, |name| renames.restore(name));
            let text = literal.to_string().replace("\"::buffa::", "\"::halloo::protobuf::buffa::");
            text.parse().map_or_else(|_| TokenTree::Literal(literal), TokenTree::Literal)
        }
        other => other,
    });
    moved.collect()
}

fn restore_short_names(tokens: TokenStream, renames: &Renames) -> TokenStream {
    let restored = tokens.into_iter().map(|token| match token {
        TokenTree::Literal(literal) => restore(&literal, |name| renames.restore_short(name)).into(),
        other => other,
    });
    restored.collect()
}

fn restore(literal: &Literal, original: impl Fn(&str) -> Option<String>) -> Literal {
    let text = literal.to_string();
    let content = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    content.and_then(original).map_or_else(|| literal.clone(), |name| Literal::string(&name))
}

#[cfg(test)]
#[path = "../tests/unit/retarget.rs"]
mod tests;
