//! Our side of the interop matrix with Python: the service, and the checks that a client makes.
//!
//! `interop/README.md` lists the cases; `interop/python` has the same service and the same checks on grpcio.

mod cases;
mod check;
mod details;
mod journal;
mod options;
mod service;

pub use cases::run;
pub use options::Options;
pub use service::InteropService;

halloo::include_proto!("halloo.interop");
