//! What a server serves: one service, or several as a tuple.

use halloo_core::ServiceDescriptor;

use crate::handler::Methods;

/// Registers the handlers of one service. Generated code implements it for `GreeterServer` and its like.
pub trait Service: Send + 'static {
    /// Returns what the service is called and which methods it has.
    fn descriptor(&self) -> &'static ServiceDescriptor;

    /// Adds a handler for each method.
    fn register(self, methods: &mut Methods);
}

/// Registers a service, or a tuple of up to eight.
pub trait Services {
    /// Adds every service's methods.
    fn register_all(self, methods: &mut Methods);
}

impl<A: Service> Services for A {
    fn register_all(self, methods: &mut Methods) {
        methods.begin_service(self.descriptor());
        self.register(methods);
    }
}

macro_rules! tuples {
    ($($service:ident)*) => {
        impl<$($service: Service),*> Services for ($($service,)*) {
            #[allow(non_snake_case, reason = "a type parameter's name names its value")]
            fn register_all(self, methods: &mut Methods) {
                let ($($service,)*) = self;
                $($service.register_all(methods);)*
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
