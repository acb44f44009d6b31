//! Questions to answers: what a reflection stream says.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use halloo_core::{Code, ServiceDescriptor, Status};

use super::index::{FileId, Index};
use super::messages::server_reflection_request::MessageRequest;
use super::messages::server_reflection_response::MessageResponse;
use super::messages::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest,
    ServerReflectionResponse, ServiceResponse,
};
use crate::quoted;

/// Knows what a server offers. Clones share it.
///
/// It reads the services' descriptors when the first question comes, so that it costs nothing until then. What it
/// keeps are names, and references to the descriptors that the program was built with.
///
/// ```
/// use halloo_services::health::HEALTH;
/// use halloo_services::reflection::{Reflection, ServerReflectionRequest};
///
/// let reflection = Reflection::new([&HEALTH]);
/// let question = ServerReflectionRequest::default().with_file_containing_symbol("grpc.health.v1.Health.Check");
/// let answer = reflection.session().answer(question)?;
/// assert!(answer.message_response.is_some());
/// # Ok::<(), halloo_core::Status>(())
/// ```
#[derive(Clone)]
pub struct Reflection {
    offer: Arc<Offer>,
}

struct Offer {
    services: Vec<&'static ServiceDescriptor>,
    index: OnceLock<Index>,
}

impl Reflection {
    /// Makes the reflection of `services`.
    #[must_use]
    pub fn new(services: impl IntoIterator<Item = &'static ServiceDescriptor>) -> Self {
        let mut services: Vec<_> = services.into_iter().collect();
        services.sort_by_key(|service| service.name());
        Self { offer: Arc::new(Offer { services, index: OnceLock::new() }) }
    }

    /// Begins a stream of questions.
    #[must_use]
    pub fn session(&self) -> Session {
        Session { offer: Arc::clone(&self.offer), sent: HashSet::new() }
    }
}

impl fmt::Debug for Reflection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services = self.offer.services.iter().map(|service| service.name());
        f.debug_list().entries(services).finish()
    }
}

/// Answers the questions of one stream, and remembers which files it has sent.
pub struct Session {
    offer: Arc<Offer>,
    sent: HashSet<FileId>,
}

impl Session {
    /// Answers one question. A question for something that does not exist is answered, too: with NOT_FOUND.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if nothing is asked, or something that this version does not know; it ends the stream.
    pub fn answer(&mut self, request: ServerReflectionRequest) -> Result<ServerReflectionResponse, Status> {
        let Some(question) = &request.message_request else {
            return Err(Status::invalid_argument("the reflection request asks nothing that this server knows"));
        };
        let answer = self.find(question).unwrap_or_else(|text| {
            MessageResponse::from(
                ErrorResponse::default().with_error_code(Code::NotFound as i32).with_error_message(text),
            )
        });
        Ok(ServerReflectionResponse {
            valid_host: request.host.clone(),
            message_response: Some(answer),
            ..ServerReflectionResponse::default().with_original_request(request)
        })
    }

    fn find(&mut self, question: &MessageRequest) -> Result<MessageResponse, String> {
        let index = self.offer.index.get_or_init(|| Index::new(&self.offer.services));
        match question {
            MessageRequest::FileByFilename(name) => {
                self.files(index.file(name)).ok_or_else(|| format!("no file {:?}", quoted(name)))
            }
            MessageRequest::FileContainingSymbol(name) => {
                self.files(index.file_of_symbol(name)).ok_or_else(|| self.unknown_symbol(name))
            }
            MessageRequest::FileContainingExtension(extension) => {
                let (extended, number) = (&extension.containing_type, extension.extension_number);
                self.files(index.file_of_extension(extended, number))
                    .ok_or_else(|| format!("no extension {number} of {:?}", quoted(extended)))
            }
            MessageRequest::AllExtensionNumbersOfType(extended) => {
                let numbers = index.extension_numbers(extended).ok_or_else(|| self.unknown_symbol(extended))?;
                let numbers = ExtensionNumberResponse::default()
                    .with_base_type_name(extended.as_str())
                    .with_extension_number(numbers);
                Ok(numbers.into())
            }
            MessageRequest::ListServices(_) => {
                let services = self.offer.services.iter();
                let services = services.map(|service| ServiceResponse::default().with_name(service.name()));
                Ok(ListServiceResponse { service: services.collect(), ..Default::default() }.into())
            }
        }
    }

    fn files(&mut self, file: Option<FileId>) -> Option<MessageResponse> {
        let index = self.offer.index.get()?;
        let file_descriptor_proto = index.with_imports(file?, &mut self.sent);
        Some(FileDescriptorResponse { file_descriptor_proto, ..Default::default() }.into())
    }

    fn unknown_symbol(&self, name: &str) -> String {
        let is_bare = self.offer.services.iter().any(|service| service.name() == name);
        let why = if is_bare { "; the service was registered without descriptors" } else { "" };
        format!("no symbol {:?}{why}", quoted(name))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("sent_files", &self.sent.len()).finish_non_exhaustive()
    }
}
