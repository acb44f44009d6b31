//! What answers a unary method: a closure, or a function of a service's trait. Registered with `Methods`; run by
//! `handler.rs`, whose future holds what a function's own future borrows.

use std::sync::Arc;

use halloo_call::{Request, Result};

/// A function of a service's trait that answers a unary method, such as `<S as Greeter>::say_hello`.
///
/// It borrows its service for as long as its future lives. Implemented for functions of that shape; nobody else need
/// implement it.
pub trait UnaryFunction<'a, S, Q, A>: Send + Sync + 'static {
    /// What the function returns.
    type Future: Future<Output = Result<A>> + Send + 'a;

    /// Calls the function.
    fn call(&self, service: &'a S, request: Request<Q>) -> Self::Future;
}

impl<'a, S, Q, A, H, F> UnaryFunction<'a, S, Q, A> for H
where
    S: 'a,
    H: Fn(&'a S, Request<Q>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<A>> + Send + 'a,
{
    type Future = F;

    #[inline]
    fn call(&self, service: &'a S, request: Request<Q>) -> F {
        self(service, request)
    }
}

/// Something that answers a unary method.
pub(crate) trait UnaryHandler<'a, Q, A>: Send + Sync + 'static {
    type Future: Future<Output = Result<A>> + Send + 'a;

    fn answer(&'a self, request: Request<Q>) -> Self::Future;
}

/// A closure, whose future borrows nothing.
pub(crate) struct Closure<H>(pub(crate) H);

impl<'a, Q, A, H, F> UnaryHandler<'a, Q, A> for Closure<H>
where
    H: Fn(Request<Q>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<A>> + Send + 'static,
{
    type Future = F;

    #[inline]
    fn answer(&'a self, request: Request<Q>) -> F {
        (self.0)(request)
    }
}

/// A function with its service.
pub(crate) struct Function<S, H> {
    pub(crate) service: Arc<S>,
    pub(crate) function: H,
}

impl<'a, S, Q, A, H> UnaryHandler<'a, Q, A> for Function<S, H>
where
    S: Send + Sync + 'static,
    H: UnaryFunction<'a, S, Q, A>,
{
    type Future = H::Future;

    #[inline]
    fn answer(&'a self, request: Request<Q>) -> H::Future {
        self.function.call(&self.service, request)
    }
}
