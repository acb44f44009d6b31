//! `Resolution`: what a resolver has found.

use std::sync::Arc;

use halloo_core::{Address, Extensions};

/// What a resolver has found for a channel's target. It replaces what it found before.
///
/// ```
/// use halloo::resolve::{Address, Endpoint, Resolution};
///
/// let one = Address::Tcp(([10, 0, 0, 1], 50051).into());
/// let other = Address::Tcp(([10, 0, 0, 2], 50051).into());
/// // Two servers; the usual case, where each has one address.
/// assert_eq!(Resolution::from(vec![one.clone(), other.clone()]).endpoints.len(), 2);
/// // One server, that can be reached at two.
/// let server = Endpoint::new(vec![one, other]);
/// assert_eq!(Resolution::new(vec![server]).addresses().count(), 2);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Resolution {
    /// The servers, best first.
    pub endpoints: Vec<Endpoint>,
    /// What the resolver tells balancers beside them.
    pub attributes: Arc<Extensions>,
}

/// A server, and where it can be reached (gRFC A61).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Endpoint {
    /// All of them lead to the same server; best first.
    pub addresses: Vec<Address>,
    /// What the resolver tells balancers of this server, such as its zone or its weight.
    pub attributes: Arc<Extensions>,
}

impl Resolution {
    /// Makes one of these servers, without attributes.
    #[must_use]
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        Self { endpoints, attributes: Arc::default() }
    }

    /// Returns the addresses of all servers, in order.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.endpoints.iter().flat_map(|endpoint| &endpoint.addresses)
    }
}

impl Endpoint {
    /// Makes one of these addresses, without attributes.
    #[must_use]
    pub fn new(addresses: Vec<Address>) -> Self {
        Self { addresses, attributes: Arc::default() }
    }
}

/// A server an address.
impl From<Vec<Address>> for Resolution {
    fn from(addresses: Vec<Address>) -> Self {
        Self::new(addresses.into_iter().map(|address| Endpoint::new(vec![address])).collect())
    }
}
