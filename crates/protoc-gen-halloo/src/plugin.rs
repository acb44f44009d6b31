//! The plugin protocol: a `CodeGeneratorRequest` becomes a `CodeGeneratorResponse`.
//!
//! Faults of the input are told in the response, as the protocol wants it; only bytes that are no request
//! at all are an error here.

use crate::options;
use buffa::Message as _;
use buffa_descriptor::generated::compiler::code_generator_response::{Feature, File};
use buffa_descriptor::generated::compiler::{CodeGeneratorRequest, CodeGeneratorResponse};
use buffa_descriptor::generated::descriptor::Edition;
use halloo_codegen::{GeneratedFile, Layout, Request};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Answers one request.
///
/// # Errors
///
/// Bytes that are no `CodeGeneratorRequest`.
pub(crate) fn respond(input: &[u8]) -> Result<Vec<u8>, buffa::DecodeError> {
    let request = halloo_codegen::decode_options().decode_from_slice::<CodeGeneratorRequest>(input)?;
    let generated = catch_unwind(AssertUnwindSafe(|| generate(request)));
    let mut response = CodeGeneratorResponse {
        supported_features: Some(Feature::FEATURE_PROTO3_OPTIONAL as u64 | Feature::FEATURE_SUPPORTS_EDITIONS as u64),
        minimum_edition: Some(Edition::EDITION_PROTO2 as i32),
        maximum_edition: Some(Edition::EDITION_2024 as i32),
        ..Default::default()
    };
    match generated.unwrap_or_else(|panic| Err(defect(&*panic))) {
        Ok(files) => response.file = files.into_iter().map(answer).collect(),
        Err(text) => response.error = Some(text),
    }
    Ok(response.encode_to_vec())
}

fn generate(request: CodeGeneratorRequest) -> Result<Vec<GeneratedFile>, String> {
    let CodeGeneratorRequest { file_to_generate, parameter, proto_file, .. } = request;
    let request = Request::new(proto_file, file_to_generate).layout(Layout::Module);
    let request =
        options::apply(request, parameter.as_deref().unwrap_or_default()).map_err(|fault| fault.to_string())?;
    halloo_codegen::generate(request).map_err(|fault| fault.to_string())
}

fn answer(file: GeneratedFile) -> File {
    File { name: Some(file.name), content: Some(file.contents), ..Default::default() }
}

fn defect(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    format!("this is a defect of protoc-gen-halloo, please report it with the .proto files: {text}")
}

#[cfg(test)]
#[path = "../tests/unit/plugin.rs"]
mod tests;
