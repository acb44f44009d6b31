//! Adds `with_*` functions to generated messages: one a field, so that literals need no `..Default`.
//!
//! Field names and types are read from the generated structs, because the message generator decides
//! both; only the fields of a oneof need the descriptor. Text and bytes take `impl Into`, numbers are
//! plain (an integer literal could not choose its type otherwise), collections take any iterator.

use crate::error::Error;
use crate::messages::is_map_entry;
use crate::names::{join, snake_case};
use buffa_codegen::context::CodeGenContext;
use buffa_codegen::idents::rust_path_to_tokens;
use buffa_descriptor::generated::descriptor::field_descriptor_proto::Type as FieldType;
use buffa_descriptor::generated::descriptor::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use std::collections::BTreeSet;
use syn::ext::IdentExt as _;
use syn::{Item, ItemEnum, ItemMod, ItemStruct, Type, Variant};

/// Adds an `impl` block after each message struct of `file`, nested ones included.
pub(crate) fn add(
    file: &mut syn::File,
    sources: &[&FileDescriptorProto],
    context: &CodeGenContext<'_>,
) -> Result<(), Error> {
    let oneofs = file.clone();
    for source in sources {
        let package = source.package.as_deref().unwrap_or_default();
        let writer = Writer { context, package, oneofs: &oneofs.items };
        writer.messages(&mut file.items, &source.message_type, package, 0)?;
    }
    Ok(())
}

struct Writer<'a> {
    context: &'a CodeGenContext<'a>,
    package: &'a str,
    /// The package's items, where the enums of oneofs are found.
    oneofs: &'a [Item],
}

impl Writer<'_> {
    fn messages(
        &self,
        items: &mut Vec<Item>,
        messages: &[DescriptorProto],
        scope: &str,
        depth: usize,
    ) -> Result<(), Error> {
        for message in messages.iter().filter(|message| !is_map_entry(message)) {
            let name = message.name.as_deref().unwrap_or_default();
            let full_name = join(scope, name);
            let found = items.iter().position(|item| matches!(item, Item::Struct(item) if item.ident == name));
            if let Some(position) = found {
                let Item::Struct(structure) = &items[position] else {
                    continue;
                };
                let setters = self.message(structure, &Target { descriptor: message, full_name: &full_name, depth })?;
                items.insert(position + 1, setters);
            }
            if let Some(module) = self.module_of(message, &full_name) {
                let inside = items.iter_mut().find_map(|item| match item {
                    Item::Mod(ItemMod { ident, content: Some((_, items)), .. }) if ident.unraw() == module => {
                        Some(items)
                    }
                    _ => None,
                });
                if let Some(inside) = inside {
                    self.messages(inside, &message.nested_type, &full_name, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// The module that holds a message's nested messages, if there are any.
    fn module_of(&self, message: &DescriptorProto, full_name: &str) -> Option<String> {
        let nested = message.nested_type.iter().find(|nested| !is_map_entry(nested))?;
        let path = self.context.rust_type(&format!(".{full_name}.{}", nested.name.as_deref()?))?;
        path.rsplit("::").nth(1).map(str::to_owned)
    }

    fn message(&self, structure: &ItemStruct, target: &Target<'_>) -> Result<Item, Error> {
        let message = target.descriptor;
        let mut taken = BTreeSet::new();
        let mut functions = Vec::new();
        let regular = message.field.iter().filter(|field| oneof_of(field).is_none()).count();
        for field in structure.fields.iter().take(regular) {
            let Some(ident) = &field.ident else { continue };
            let name = format_ident!("with_{}", field_name(ident));
            if taken.insert(name.to_string()) {
                functions.push(field_setter(&name, ident, &field.ty));
            }
        }
        // The oneofs' fields follow, in their order. Names would have to be converted as the message generator does it.
        for (field, oneof) in structure.fields.iter().skip(regular).zip(oneofs(message)) {
            let (Some(ident), Some(enumeration)) = (&field.ident, generic_argument(&field.ty)) else {
                continue;
            };
            for setter in self.oneof(ident, enumeration, oneof, target)? {
                if taken.insert(setter.name.to_string()) {
                    functions.push(setter.text);
                }
            }
        }
        let name = &structure.ident;
        Ok(syn::parse_quote!(impl #name { #(#functions)* }))
    }

    /// The setters of one oneof: each field of it selects its variant.
    fn oneof(&self, ident: &Ident, enumeration: &Type, oneof: i32, target: &Target<'_>) -> Result<Vec<Setter>, Error> {
        let Target { descriptor: message, full_name, depth } = *target;
        let unexpected =
            || Error::Incomplete { what: format!("the oneof `{ident}` of {full_name} has no generated enum") };
        let Type::Path(path) = enumeration else {
            return Err(unexpected());
        };
        let segments: Vec<Ident> =
            path.path.segments.iter().map(|segment| segment.ident.clone()).filter(|ident| ident != "super").collect();
        let item = find_enum(self.oneofs, &segments).ok_or_else(unexpected)?;
        let fields = message.field.iter().filter(|field| oneof_of(field) == Some(oneof));
        let mut setters = Vec::new();
        for (field, variant) in fields.zip(&item.variants) {
            let name = format_ident!("with_{}", snake_case(field.name.as_deref().unwrap_or_default()));
            let (parameter, value) = self.variant_parameter(field, variant, depth).ok_or_else(unexpected)?;
            let variant = &variant.ident;
            let doc = format!(" Sets the oneof `{}` to `{variant}`.", ident.unraw());
            let text = quote! {
                #[doc = #doc]
                #[must_use]
                pub fn #name(mut self, value: #parameter) -> Self {
                    self.#ident = ::core::option::Option::Some(#enumeration::#variant(#value));
                    self
                }
            };
            setters.push(Setter { name, text });
        }
        Ok(setters)
    }

    fn variant_parameter(
        &self,
        field: &FieldDescriptorProto,
        variant: &Variant,
        depth: usize,
    ) -> Option<(TokenStream, TokenStream)> {
        let payload = &variant.fields.iter().next()?.ty;
        let named = || {
            let path = self.context.rust_type_relative(field.type_name.as_deref()?, self.package, depth)?;
            Some(rust_path_to_tokens(&path))
        };
        Some(match field.r#type? {
            FieldType::TYPE_MESSAGE | FieldType::TYPE_GROUP => (named()?, quote!(::core::convert::Into::into(value))),
            // An open enum, `EnumValue<Shade>`. The enum itself has no arguments, whatever its name.
            FieldType::TYPE_ENUM if generic_argument(payload).is_some() => {
                let path = named()?;
                (quote!(impl ::core::convert::Into<::buffa::EnumValue<#path>>), quote!(value.into()))
            }
            FieldType::TYPE_ENUM => (named()?, quote!(value)),
            _ => Parameter::of(payload).singular(),
        })
    }
}

/// A message whose setters are being made.
struct Target<'a> {
    descriptor: &'a DescriptorProto,
    full_name: &'a str,
    /// How many modules of messages it is inside.
    depth: usize,
}

struct Setter {
    name: Ident,
    text: TokenStream,
}

/// The field's name for use in a longer one, without what makes it an identifier of its own.
fn field_name(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    match name.strip_suffix('_') {
        Some(keyword @ ("self" | "super" | "crate" | "Self")) => keyword.to_owned(),
        _ => name,
    }
}

/// The index of the oneof that a field is in. The one of an `optional` field in proto3 is none.
fn oneof_of(field: &FieldDescriptorProto) -> Option<i32> {
    field.oneof_index.filter(|_| field.proto3_optional != Some(true))
}

/// The indices of a message's oneofs, in their order.
fn oneofs(message: &DescriptorProto) -> BTreeSet<i32> {
    message.field.iter().filter_map(oneof_of).collect()
}

fn find_enum<'a>(items: &'a [Item], path: &[Ident]) -> Option<&'a ItemEnum> {
    let (first, rest) = path.split_first()?;
    items.iter().find_map(|item| match item {
        Item::Enum(item) if rest.is_empty() && item.ident == *first => Some(item),
        Item::Mod(ItemMod { ident, content: Some((_, items)), .. }) if ident == first => find_enum(items, rest),
        _ => None,
    })
}

fn field_setter(name: &Ident, ident: &Ident, ty: &Type) -> TokenStream {
    let doc = format!(" Sets `{}`.", ident.unraw());
    let (parameter, value) = Parameter::of(ty).setter();
    quote! {
        #[doc = #doc]
        #[must_use]
        pub fn #name(mut self, value: #parameter) -> Self {
            self.#ident = #value;
            self
        }
    }
}

/// What a setter takes for a field of a given type.
enum Parameter<'a> {
    /// Text, bytes and open enums: anything that converts.
    Into(&'a Type),
    Plain(&'a Type),
    Optional(&'a Type),
    Message(&'a Type),
    Repeated(&'a Type),
    Map(&'a Type, &'a Type),
}

impl<'a> Parameter<'a> {
    fn of(ty: &'a Type) -> Self {
        let Some(name) = last_segment(ty) else {
            return Self::Plain(ty);
        };
        match (name.to_string().as_str(), generic_argument(ty)) {
            ("String" | "Bytes" | "EnumValue", _) => Self::Into(ty),
            ("Vec", Some(element)) if last_segment(element).is_some_and(|ident| ident == "u8") => Self::Into(ty),
            ("Vec", Some(element)) => Self::Repeated(element),
            ("Option", Some(inner)) => Self::Optional(inner),
            ("MessageField", Some(message)) => Self::Message(message),
            ("HashMap", Some(key)) => {
                generic_arguments(ty).nth(1).map_or(Self::Plain(ty), |value| Self::Map(key, value))
            }
            _ => Self::Plain(ty),
        }
    }

    /// Parameter type and expression for one value, as an element or a variant takes it.
    fn singular(&self) -> (TokenStream, TokenStream) {
        match self {
            Self::Into(ty) => (quote!(impl ::core::convert::Into<#ty>), quote!(value.into())),
            Self::Plain(ty) | Self::Optional(ty) | Self::Message(ty) | Self::Repeated(ty) | Self::Map(ty, _) => {
                (quote!(#ty), quote!(value))
            }
        }
    }

    /// Parameter type and expression for a whole field.
    fn setter(&self) -> (TokenStream, TokenStream) {
        match self {
            Self::Into(_) | Self::Plain(_) => self.singular(),
            Self::Optional(inner) => {
                let (parameter, value) = Parameter::of(inner).singular();
                (parameter, quote!(::core::option::Option::Some(#value)))
            }
            Self::Message(message) => (quote!(#message), quote!(::core::convert::Into::into(value))),
            Self::Repeated(element) => {
                let (item, value) = Parameter::of(element).singular();
                let items = quote!(::core::iter::IntoIterator::into_iter(value));
                let collected = match Parameter::of(element) {
                    Parameter::Into(_) => quote!(#items.map(|value| #value).collect()),
                    _ => quote!(#items.collect()),
                };
                (quote!(impl ::core::iter::IntoIterator<Item = #item>), collected)
            }
            Self::Map(key, entry) => {
                let ((key, _), (entry, _)) = (Parameter::of(key).singular(), Parameter::of(entry).singular());
                let items = quote!(::core::iter::IntoIterator::into_iter(value));
                (
                    quote!(impl ::core::iter::IntoIterator<Item = (#key, #entry)>),
                    quote!(#items.map(|(key, value)| (::core::convert::Into::into(key), ::core::convert::Into::into(value))).collect()),
                )
            }
        }
    }
}

fn last_segment(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

fn generic_argument(ty: &Type) -> Option<&Type> {
    generic_arguments(ty).next()
}

fn generic_arguments(ty: &Type) -> impl Iterator<Item = &Type> {
    let last = match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    };
    let arguments = last.and_then(|segment| match &segment.arguments {
        syn::PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    });
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
