//! `CustomOptions`: what a `.proto` declares about services and methods beyond what gRPC knows, read by its types.
//!
//! Interceptors call it with the descriptor of a call. The descriptors themselves are `halloo-core`'s, which knows no
//! protobuf and has the encoded options only.

use buffa::extension::ExtensionCodec;
use buffa::{Extension, ExtensionSet as _, Message as _};
use halloo_core::{MethodDescriptor, MethodKind, MethodRef, ServiceDescriptor};

use crate::well_known::Empty;

const METHOD_OPTIONS: &str = "google.protobuf.MethodOptions";
const SERVICE_OPTIONS: &str = "google.protobuf.ServiceOptions";

/// Reads custom options of services and methods: extensions of `google.protobuf.ServiceOptions` and
/// `google.protobuf.MethodOptions`, for which generated code has a constant each.
///
/// ```proto
/// extend google.protobuf.MethodOptions { bool token_required = 50001; }
///
/// service Vault {
///   rpc Knock(HelloRequest) returns (HelloReply);
///   rpc Open(HelloRequest) returns (HelloReply) { option (token_required) = true; }
/// }
/// ```
///
/// ```
/// use greeter::{TOKEN_REQUIRED, VAULT, VaultClient};
/// use halloo::protobuf::CustomOptions as _;
///
/// let methods = VaultClient::DESCRIPTOR.methods();
/// let required: Vec<_> = methods.iter().map(|method| (method.name(), method.option(&TOKEN_REQUIRED))).collect();
/// assert_eq!(required, [("Knock", None), ("Open", Some(true))]);
/// assert_eq!(VAULT.method("Open").unwrap().option(&TOKEN_REQUIRED), Some(true));
/// ```
pub trait CustomOptions {
    /// Returns the value of `option`: of a singular one `Some` if the `.proto` sets it, of a repeated one all values.
    /// A method has the options of its service as well.
    ///
    /// It decodes the options each time, in a fraction of a microsecond if there are some.
    ///
    /// # Panics
    /// If `option` extends anything else than the options of a method (of a service, if that is asked).
    #[track_caller]
    fn option<C: ExtensionCodec>(&self, option: &Extension<C>) -> C::Output;
}

impl CustomOptions for MethodDescriptor {
    fn option<C: ExtensionCodec>(&self, option: &Extension<C>) -> C::Output {
        let encoded = match option.extendee() {
            METHOD_OPTIONS => self.options(),
            SERVICE_OPTIONS => self.service_options(),
            other => panic!("an extension of `{other}` is no option of a method or a service"),
        };
        read(encoded, option)
    }
}

/// A method that the program has learned while it runs declares nothing.
impl CustomOptions for MethodRef {
    fn option<C: ExtensionCodec>(&self, option: &Extension<C>) -> C::Output {
        static NOTHING: MethodDescriptor = MethodDescriptor::new("", "", "//", MethodKind::Unary);
        self.descriptor().unwrap_or(&NOTHING).option(option)
    }
}

impl CustomOptions for ServiceDescriptor {
    fn option<C: ExtensionCodec>(&self, option: &Extension<C>) -> C::Output {
        let extendee = option.extendee();
        assert!(extendee == SERVICE_OPTIONS, "an extension of `{extendee}` is no option of a service");
        read(self.options(), option)
    }
}

fn read<C: ExtensionCodec>(encoded: &[u8], option: &Extension<C>) -> C::Output {
    // To a message without fields every field is unknown, and kept.
    let all = Empty::decode_from_slice(encoded).unwrap_or_default();
    C::decode(option.number(), all.unknown_fields())
}
