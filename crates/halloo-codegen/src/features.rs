//! Features of editions, where they are asked for and where they are not.
//!
//! The message generator resolves them. What is decided here is proto2, which has features by definition
//! although its authors never chose them.

use buffa_descriptor::generated::descriptor::FileDescriptorProto;
use buffa_descriptor::generated::descriptor::feature_set::Utf8Validation;

/// Makes the `string` fields of proto2 files text, as they are in proto3.
///
/// By definition proto2 does not validate UTF-8, which Rust's `String` has to. Nobody who wrote `string` meant bytes;
/// whoever says `utf8_validation = NONE` in a file of an edition does.
pub(crate) fn keep_proto2_text(files: &mut [FileDescriptorProto]) {
    let is_proto2 = |file: &&mut FileDescriptorProto| matches!(file.syntax.as_deref(), None | Some("" | "proto2"));
    for file in files.iter_mut().filter(is_proto2) {
        let options = file.options.get_or_insert_default();
        options.features.get_or_insert_default().utf8_validation = Some(Utf8Validation::VERIFY);
    }
}
