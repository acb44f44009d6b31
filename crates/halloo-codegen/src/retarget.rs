//! Makes generated code stand on `halloo` alone: `::buffa` becomes `::halloo::protobuf::buffa`.
//!
//! Works on tokens, so comments and string literals that merely look like paths stay as they are.
//! String literals are touched only to restore the protobuf names of renamed types.

use crate::names::Renames;
use proc_macro2::{Group, Ident, Literal, Spacing, Span, TokenStream, TokenTree};
use quote::quote;

/// Rewrites absolute paths and renamed type names in `tokens`.
pub(crate) fn retarget(tokens: TokenStream, renames: &Renames) -> TokenStream {
    let mut input = tokens.into_iter().peekable();
    let mut out: Vec<TokenTree> = Vec::new();
    while let Some(token) = input.next() {
        match token {
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), retarget(group.stream(), renames));
                inner.set_span(group.span());
                out.push(inner.into());
            }
            TokenTree::Ident(ident) if starts_absolute_path(&out) => match library(&ident) {
                Some(path) => out.extend(path),
                None => out.push(ident.into()),
            },
            TokenTree::Literal(literal) => out.push(restore(literal, renames).into()),
            other => out.push(other),
        }
    }
    out.into_iter().collect()
}

/// Whether the last two tokens are a `::` that no path segment precedes.
fn starts_absolute_path(out: &[TokenTree]) -> bool {
    let [
        before @ ..,
        TokenTree::Punct(first),
        TokenTree::Punct(second),
    ] = out
    else {
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
    [
        "impl", "for", "use", "dyn", "as", "mut", "in", "return", "where", "match", "if",
    ]
    .iter()
    .any(|keyword| ident == keyword)
}

fn is_arrow(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Punct(dash), TokenTree::Punct(_)] if matches!(dash.as_char(), '-' | '='))
}

fn library(ident: &Ident) -> Option<TokenStream> {
    match ident.to_string().as_str() {
        "buffa" => Some(quote!(halloo::protobuf::buffa)),
        "buffa_types" => Some(quote!(halloo::protobuf::buffa_types)),
        _ => None,
    }
}

fn restore(literal: Literal, renames: &Renames) -> Literal {
    let text = literal.to_string();
    let Some(content) = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    else {
        return literal;
    };
    match renames.restore(content) {
        Some(restored) => {
            let mut out = Literal::string(&restored);
            out.set_span(Span::call_site());
            out
        }
        None => literal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        let tokens: TokenStream = input.parse().expect("test input is Rust");
        let expected: TokenStream = expected.parse().expect("test input is Rust");
        assert_eq!(
            retarget(tokens, &Renames::default()).to_string(),
            expected.to_string()
        );
    }

    #[test]
    fn absolute_paths_move() {
        check(
            "impl ::buffa::Message for M {}",
            "impl ::halloo::protobuf::buffa::Message for M {}",
        );
        check(
            "x: ::core::option::Option<::buffa::Inline<T>>",
            "x: ::core::option::Option<::halloo::protobuf::buffa::Inline<T>>",
        );
        check(
            "fn f() -> ::buffa::Bytes",
            "fn f() -> ::halloo::protobuf::buffa::Bytes",
        );
    }

    #[test]
    fn other_names_stay() {
        check("a::buffa::b", "a::buffa::b");
        check("Vec::<T>::buffa", "Vec::<T>::buffa");
        check(r#""::buffa::x""#, r#""::buffa::x""#);
        check("::core::buffa::x", "::core::buffa::x");
    }
}
