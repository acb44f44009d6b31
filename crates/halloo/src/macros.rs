//! The macros by which generated code comes into a crate, and what generated code asks of this one.
//!
//! All are exported, so they are named as `halloo::include_proto!`. Those that begin with `__` are for generated code
//! alone.

/// Brings in what `halloo_build` made of one package: its messages, service traits, servers and clients.
///
/// ```text
/// halloo::include_proto!("greeter");
/// ```
///
/// The items land where the macro stands, together with the packages within that one and the top-level modules of
/// the packages that it imports. A package that is not there is a compile error that names those that are. For
/// several packages in one crate, [`include_protos!`](crate::include_protos) once is the better choice: what they share is then one type.
#[macro_export]
macro_rules! include_proto {
    ($($package:tt)*) => {
        // In a block of its own, so that a mistake is shown at the user's line.
        const _: () = {
            mod __halloo_check {
                $crate::__include_generated!("/check_package.rs");
                __halloo_check_package!($($package)*);
            }
        };
        macro_rules! __halloo_wanted {
            ($include:ident) => {
                $include! { $($package)* }
            };
        }
        $crate::__include_generated!("/include_proto.rs");
    };
}

/// Brings in everything that `halloo_build` made, as a tree of modules, one a part of each package's name.
///
/// ```text
/// mod proto {
///     halloo::include_protos!();
/// }
/// use proto::shop::v1::Order;
/// ```
#[macro_export]
macro_rules! include_protos {
    () => {
        $crate::__include_generated!("/include_protos.rs");
    };
}

/// What generated code says of itself: which kind of it this is. Counted up when code of before no longer fits.
#[doc(hidden)]
#[macro_export]
macro_rules! __expect_generated_code {
    (2) => {};
    ($other:tt) => {
        ::core::compile_error!(
            "this code was generated for another version of halloo; generate it anew with halloo-build or \
             protoc-gen-halloo of the version that halloo has"
        );
    };
}

/// What generated code with a JSON form asks for.
#[cfg(feature = "json")]
#[doc(hidden)]
#[macro_export]
macro_rules! __expect_json {
    () => {};
}

/// What generated code with a JSON form asks for.
#[cfg(not(feature = "json"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __expect_json {
    () => {
        ::core::compile_error!(
            "this code was generated with a JSON form; add the feature `json` to halloo in Cargo.toml: \
             halloo = { version = \"..\", features = [\"json\"] }"
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __include_generated {
    ($file:literal) => {
        ::core::include!(::core::concat!(
            ::core::env!(
                "HALLOO_PROTO_DIR",
                "no .proto file was compiled for this crate; add halloo-build to [build-dependencies] in Cargo.toml, and a build.rs with: fn main() { halloo_build::compile(\"greeter.proto\") }"
            ),
            $file
        ));
    };
}
