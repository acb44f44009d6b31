//! A service as its descriptor tells it: methods, kinds, comments and options.

use crate::error::Error;
use crate::names::join;
use crate::renames::Renames;
use crate::request::Options;
use crate::selection::Selection;
use buffa::Message;
use buffa_descriptor::generated::descriptor::method_options::IdempotencyLevel;
use buffa_descriptor::generated::descriptor::{FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto};
use std::collections::BTreeMap;

/// A service of a selected file.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) package: String,
    /// Name without package, as in the `.proto` file.
    pub(crate) name: String,
    pub(crate) comment: String,
    pub(crate) deprecated: bool,
    /// The encoded options, custom ones among them.
    pub(crate) options: Vec<u8>,
    pub(crate) methods: Vec<Method>,
}

#[derive(Debug)]
pub(crate) struct Method {
    /// Name as in the `.proto` file.
    pub(crate) name: String,
    /// Full message names with a leading dot.
    pub(crate) request: String,
    pub(crate) reply: String,
    pub(crate) kind: Kind,
    pub(crate) idempotency: Idempotency,
    pub(crate) comment: String,
    pub(crate) deprecated: bool,
    /// The encoded options, custom ones among them.
    pub(crate) options: Vec<u8>,
    /// Whether handlers take the request as a view.
    pub(crate) views: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unary,
    ServerStreaming,
    ClientStreaming,
    BidiStreaming,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idempotency {
    Unknown,
    NoSideEffects,
    Idempotent,
}

impl Service {
    /// Reads every service of the selected files and marks the methods for which views were asked.
    pub(crate) fn collect(
        files: &[FileDescriptorProto],
        selection: &Selection,
        options: &Options,
    ) -> Result<Vec<Self>, Error> {
        let mut services = Vec::new();
        for file in files.iter().filter(|file| selection.contains(file)) {
            let comments = Comments::new(file);
            for (index, service) in file.service.iter().enumerate() {
                services.push(Self::read(file, service, index, &comments)?);
            }
        }
        for wanted in &options.views {
            mark_views(&mut services, wanted)?;
        }
        Ok(services)
    }

    fn read(
        file: &FileDescriptorProto,
        service: &ServiceDescriptorProto,
        index: usize,
        comments: &Comments<'_>,
    ) -> Result<Self, Error> {
        let package = file.package.clone().unwrap_or_default();
        let name = service.name.clone().unwrap_or_default();
        let mut methods = Vec::new();
        for (position, method) in service.method.iter().enumerate() {
            let comment = comments.get(&[SERVICE, index, METHOD, position]);
            methods.push(Method::read(method, comment, &join(&package, &name))?);
        }
        Ok(Self {
            comment: comments.get(&[SERVICE, index]),
            deprecated: service.options.as_option().is_some_and(|options| options.deprecated == Some(true)),
            options: service.options.as_option().map(Message::encode_to_vec).unwrap_or_default(),
            package,
            name,
            methods,
        })
    }

    /// Names messages as the message generator knows them.
    pub(crate) fn rename_messages(&mut self, renames: &Renames) {
        for method in &mut self.methods {
            renames.rename(&mut method.request);
            renames.rename(&mut method.reply);
        }
    }

    /// The service's name with its package: `greeter.Greeter`.
    pub(crate) fn full_name(&self) -> String {
        join(&self.package, &self.name)
    }

    /// A method's name as texts and logs show it: `greeter.Greeter/SayHello`.
    pub(crate) fn method_name(&self, method: &Method) -> String {
        format!("{}/{}", self.full_name(), method.name)
    }
}

impl Method {
    fn read(method: &MethodDescriptorProto, comment: String, service: &str) -> Result<Self, Error> {
        let name = method.name.clone().unwrap_or_default();
        let absent = |what: &str| Error::Incomplete { what: format!("method {service}/{name} has no {what} type") };
        let options = method.options.as_option();
        Ok(Self {
            request: method.input_type.clone().ok_or_else(|| absent("request"))?,
            reply: method.output_type.clone().ok_or_else(|| absent("reply"))?,
            kind: Kind::new(method.client_streaming == Some(true), method.server_streaming == Some(true)),
            idempotency: match options.and_then(|options| options.idempotency_level) {
                Some(IdempotencyLevel::NO_SIDE_EFFECTS) => Idempotency::NoSideEffects,
                Some(IdempotencyLevel::IDEMPOTENT) => Idempotency::Idempotent,
                _ => Idempotency::Unknown,
            },
            deprecated: options.is_some_and(|options| options.deprecated == Some(true)),
            options: options.map(Message::encode_to_vec).unwrap_or_default(),
            comment,
            name,
            views: false,
        })
    }
}

impl Kind {
    fn new(client_streaming: bool, server_streaming: bool) -> Self {
        match (client_streaming, server_streaming) {
            (false, false) => Self::Unary,
            (false, true) => Self::ServerStreaming,
            (true, false) => Self::ClientStreaming,
            (true, true) => Self::BidiStreaming,
        }
    }

    pub(crate) fn streams_requests(self) -> bool {
        matches!(self, Self::ClientStreaming | Self::BidiStreaming)
    }

    pub(crate) fn streams_replies(self) -> bool {
        matches!(self, Self::ServerStreaming | Self::BidiStreaming)
    }
}

fn mark_views(services: &mut [Service], wanted: &str) -> Result<(), Error> {
    for service in services.iter_mut() {
        let full_name = service.full_name();
        for method in &mut service.methods {
            if wanted.trim_start_matches('/') == format!("{full_name}/{}", method.name) {
                method.views = true;
                return Ok(());
            }
        }
    }
    let known =
        services.iter().flat_map(|service| service.methods.iter().map(|method| service.method_name(method))).collect();
    Err(Error::UnknownMethod { name: wanted.to_owned(), known })
}

/// Field numbers in `descriptor.proto` that lead to services and their methods.
const SERVICE: usize = 6;
const METHOD: usize = 2;

/// The comments of one file by the path of what they belong to.
struct Comments<'a>(BTreeMap<&'a [i32], (&'a str, &'a str)>);

impl<'a> Comments<'a> {
    fn new(file: &'a FileDescriptorProto) -> Self {
        let locations = file.source_code_info.as_option().map_or(&[][..], |info| &info.location);
        let text = |comment: &'a Option<String>| comment.as_deref().unwrap_or_default();
        Self(
            locations
                .iter()
                .map(|at| (&at.path[..], (text(&at.leading_comments), text(&at.trailing_comments))))
                .collect(),
        )
    }

    fn get(&self, path: &[usize]) -> String {
        let path: Vec<i32> = path.iter().map(|&step| step as i32).collect();
        match self.0.get(&path[..]) {
            Some((leading, "")) => (*leading).to_owned(),
            Some(("", trailing)) => (*trailing).to_owned(),
            Some((leading, trailing)) => format!("{}\n\n{trailing}", leading.trim_end()),
            None => String::new(),
        }
    }
}
