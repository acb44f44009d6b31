//! The messages that JSON knows within a `google.protobuf.Any`: the well-known ones, and those of every package that
//! was registered. One list for the process, because the message library has one.

use std::sync::{Mutex, PoisonError};

use buffa::type_registry::{TypeRegistry, set_type_registry};

use super::any::register_well_known;

/// Adds the messages of one package; generated code has such a function as `register_types`.
pub type RegisterTypes = fn(&mut TypeRegistry);

/// What was registered; `None` until something was.
static REGISTERED: Mutex<Option<Vec<RegisterTypes>>> = Mutex::new(None);

/// Makes JSON know the messages of further packages within a `google.protobuf.Any`.
///
/// The codec of a service knows those of its package and of the packages that this one uses. An `Any` with another
/// message has its bytes in base64, as `{"@type": .., "value": ..}`, which other implementations do not read.
///
/// Each new package costs its part of a table, which lives as long as the process; what is registered again costs
/// nothing.
pub fn register_json_types(packages: &[RegisterTypes]) {
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = registered.as_deref().unwrap_or_default();
    let is_known = |package: &RegisterTypes| known.iter().any(|other| std::ptr::fn_addr_eq(*other, *package));
    let added: Vec<RegisterTypes> = packages.iter().copied().filter(|package| !is_known(package)).collect();
    if added.is_empty() && registered.is_some() {
        return;
    }
    let all = registered.get_or_insert_default();
    all.extend(added);
    let mut registry = TypeRegistry::new();
    register_well_known(&mut registry);
    for package in all {
        package(&mut registry);
    }
    set_type_registry(registry);
}
