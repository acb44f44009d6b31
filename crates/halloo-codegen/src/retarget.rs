//! Makes generated code stand on `halloo` alone: `::buffa` becomes `::halloo::protobuf::buffa`, and so on.
//!
//! Works on tokens, so comments and string literals that merely look like paths stay as they are.
//! String literals are touched only to restore the protobuf names of renamed types.

use crate::names::Renames;
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
                let mut inner = Group::new(group.delimiter(), retarget(group.stream(), renames));
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
            TokenTree::Literal(literal) => out.push(restore(literal, renames).into()),
            other => out.push(other.clone()),
        }
    }
    out.into_iter().collect()
}

/// Absolute paths of the message library, and where a crate that depends on `halloo` alone finds the same.
const MOVED: [(&[&str], &[&str]); 3] = [
    (&["buffa", "alloc"], &["std"]),
    (&["buffa"], &["halloo", "protobuf", "buffa"]),
    (&["buffa_types", "google", "protobuf"], &["halloo", "protobuf", "well_known"]),
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
    match before.last() {
        Some(TokenTree::Ident(ident)) => is_keyword_before_path(ident),
        Some(TokenTree::Punct(punct)) => punct.as_char() != '>' || is_arrow(before),
        _ => true,
    }
}

/// Keywords after which a path may start (`impl ::buffa::Message`, `for ::buffa::OwnedView`).
fn is_keyword_before_path(ident: &Ident) -> bool {
    ["impl", "for", "use", "dyn", "as", "mut", "in", "return", "where", "match", "if"]
        .iter()
        .any(|keyword| ident == keyword)
}

fn is_arrow(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Punct(dash), TokenTree::Punct(_)] if matches!(dash.as_char(), '-' | '='))
}

fn restore(literal: &Literal, renames: &Renames) -> Literal {
    let text = literal.to_string();
    let Some(content) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return literal.clone();
    };
    match renames.restore(content) {
        Some(restored) => {
            let mut out = Literal::string(&restored);
            out.set_span(Span::call_site());
            out
        }
        None => literal.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        let tokens: TokenStream = input.parse().expect("test input is Rust");
        let expected: TokenStream = expected.parse().expect("test input is Rust");
        assert_eq!(retarget(tokens, &Renames::default()).to_string(), expected.to_string());
    }

    #[test]
    fn absolute_paths_move() {
        check("impl ::buffa::Message for M {}", "impl ::halloo::protobuf::buffa::Message for M {}");
        check(
            "x: ::core::option::Option<::buffa::Inline<T>>",
            "x: ::core::option::Option<::halloo::protobuf::buffa::Inline<T>>",
        );
        check("fn f() -> ::buffa::Bytes", "fn f() -> ::halloo::protobuf::buffa::Bytes");
    }

    #[test]
    fn other_names_stay() {
        check("a::buffa::b", "a::buffa::b");
        check("Vec::<T>::buffa", "Vec::<T>::buffa");
        check(r#""::buffa::x""#, r#""::buffa::x""#);
        check("::core::buffa::x", "::core::buffa::x");
    }
}
