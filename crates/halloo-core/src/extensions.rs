//! `Extensions`: values of any type that interceptors and handlers hand to each other within one call.

use std::any::{Any, TypeId};
use std::fmt;

use crate::rare_list::RareList;

/// Keeps at most one value a type, for one call. An empty one allocates nothing.
///
/// ```
/// # mod halloo { pub use halloo_core as interceptor; }
/// use halloo::interceptor::Extensions;
///
/// #[derive(Debug, PartialEq)]
/// struct User(&'static str);
///
/// let mut extensions = Extensions::new();
/// extensions.insert(User("ada"));
/// assert_eq!(extensions.get::<User>(), Some(&User("ada")));
/// ```
#[derive(Default)]
pub struct Extensions {
    // A call carries a handful at most, which a scan finds faster than a tree or a hash.
    values: RareList<(TypeId, Box<dyn Any + Send + Sync>)>,
}

impl Extensions {
    /// Makes an empty map.
    pub const fn new() -> Self {
        Self { values: RareList::new() }
    }

    /// Puts a value in and returns the one of the same type that it replaces.
    pub fn insert<T: Any + Send + Sync>(&mut self, value: T) -> Option<T> {
        let replaced = self.remove::<T>();
        self.values.sole_mut().push((TypeId::of::<T>(), Box::new(value)));
        replaced
    }

    /// Returns the value of type `T`.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.values[self.position::<T>()?].1.downcast_ref()
    }

    /// Returns the value of type `T` for changing it.
    pub fn get_mut<T: Any + Send + Sync>(&mut self) -> Option<&mut T> {
        let position = self.position::<T>()?;
        self.values.sole_mut()[position].1.downcast_mut()
    }

    /// Takes the value of type `T` out.
    pub fn remove<T: Any + Send + Sync>(&mut self) -> Option<T> {
        let position = self.position::<T>()?;
        let (_, value) = self.values.sole_mut().swap_remove(position);
        value.downcast().ok().map(|value| *value)
    }

    /// Says whether a value of type `T` is there.
    pub fn contains<T: Any + Send + Sync>(&self) -> bool {
        self.position::<T>().is_some()
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Says whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn position<T: Any>(&self) -> Option<usize> {
        let id = TypeId::of::<T>();
        self.values.iter().position(|(other, _)| *other == id)
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extensions").field("len", &self.len()).finish_non_exhaustive()
    }
}
