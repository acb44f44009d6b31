//! Changes generated code where a user's name would hide what it means: a primitive type, or a type that has the name of a
//! type parameter. Most generated code names things by absolute paths, which nothing can hide.

mod parameters;
mod primitives;

pub(crate) use parameters::rename_parameters;
pub(crate) use primitives::spell_in_full;
