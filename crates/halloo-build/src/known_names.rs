//! The names that a `.proto` file may use, to suggest the one that was meant.

use crate::diagnostic::Diagnostic;
use crate::files::Files;
use crate::suggest::nearest;
use protox::file::File;
use protox::prost_reflect::prost_types::DescriptorProto;
use std::collections::BTreeSet;

const SCALARS: [&str; 15] = [
    "bool", "bytes", "double", "fixed32", "fixed64", "float", "int32", "int64", "sfixed32", "sfixed64", "sint32",
    "sint64", "string", "uint32", "uint64",
];

/// What other languages call protobuf's types.
const FOREIGN: [(&str, &str); 22] = [
    ("boolean", "bool"),
    ("byte", "bytes"),
    ("char", "string"),
    ("decimal", "double"),
    ("f32", "float"),
    ("f64", "double"),
    ("float32", "float"),
    ("float64", "double"),
    ("i32", "int32"),
    ("i64", "int64"),
    ("int", "int32"),
    ("int8", "int32"),
    ("int16", "int32"),
    ("integer", "int32"),
    ("long", "int64"),
    ("number", "double"),
    ("short", "int32"),
    ("str", "string"),
    ("text", "string"),
    ("u32", "uint32"),
    ("u64", "uint64"),
    ("uint", "uint32"),
];

/// Options that protobuf itself defines, whatever they are set on.
const OPTIONS: [&str; 24] = [
    "allow_alias",
    "cc_enable_arenas",
    "cc_generic_services",
    "csharp_namespace",
    "ctype",
    "debug_redact",
    "default",
    "deprecated",
    "go_package",
    "idempotency_level",
    "java_multiple_files",
    "java_outer_classname",
    "java_package",
    "json_name",
    "jstype",
    "lazy",
    "map_entry",
    "objc_class_prefix",
    "optimize_for",
    "packed",
    "php_namespace",
    "retention",
    "ruby_package",
    "swift_prefix",
];

/// Types that come with protobuf, by the file that must be imported for them.
const WELL_KNOWN: [(&str, &[&str]); 8] = [
    ("any", &["Any"]),
    ("duration", &["Duration"]),
    ("empty", &["Empty"]),
    ("field_mask", &["FieldMask"]),
    ("struct", &["ListValue", "NullValue", "Struct", "Value"]),
    ("timestamp", &["Timestamp"]),
    ("type", &["Enum", "EnumValue", "Field", "Option", "Syntax", "Type"]),
    (
        "wrappers",
        &[
            "BoolValue",
            "BytesValue",
            "DoubleValue",
            "FloatValue",
            "Int32Value",
            "Int64Value",
            "StringValue",
            "UInt32Value",
            "UInt64Value",
        ],
    ),
];

/// What a file declares and passes on.
#[derive(Debug, Default)]
pub(crate) struct FileTypes {
    package: String,
    /// Full names of messages and enums.
    names: Vec<String>,
    public_imports: Vec<String>,
}

impl FileTypes {
    pub(crate) fn new(file: &File) -> Self {
        let file = file.file_descriptor_proto();
        let mut names: Vec<String> = file.enum_type.iter().map(|value| scoped(file.package(), value.name())).collect();
        collect(&file.message_type, file.package(), &mut names);
        let public =
            file.public_dependency.iter().filter_map(|&index| file.dependency.get(usize::try_from(index).ok()?));
        Self { package: file.package().to_owned(), names, public_imports: public.cloned().collect() }
    }
}

fn collect(messages: &[DescriptorProto], scope: &str, names: &mut Vec<String>) {
    for message in messages {
        let name = scoped(scope, message.name());
        names.extend(message.enum_type.iter().map(|value| scoped(&name, value.name())));
        collect(&message.nested_type, &name, names);
        names.push(name);
    }
}

fn scoped(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// Adds the remedy to "not defined" faults of the file `name`.
pub(crate) fn explain(fault: Diagnostic, name: &str, files: &Files) -> Diagnostic {
    let mut fault = plain_undefined(fault);
    if let Some(undefined) = undefined_name(&fault.message) {
        if let Some(help) = remedy(undefined, name, files) {
            fault.help = vec![help];
        }
    } else if let Some(option) =
        fault.message.strip_prefix("option field `").and_then(|rest| rest.strip_suffix("` is not defined"))
        && let Some(meant) = nearest(option, OPTIONS)
    {
        let help = format!("did you mean `{meant}`?");
        fault.help.push(help);
    }
    fault
}

/// Says "not defined" where the compiler says that a name resolves to itself, which is not defined.
fn plain_undefined(fault: Diagnostic) -> Diagnostic {
    let resolved =
        fault.message.strip_suffix("`, which is not defined").and_then(|text| text.split_once("` resolves to `"));
    match resolved {
        Some((name, resolved)) if name.trim_start_matches('`') == resolved => {
            Diagnostic { message: format!("name `{resolved}` is not defined"), help: Vec::new(), ..fault }
        }
        _ => fault,
    }
}

/// The name in the compiler's text for an unknown type.
pub(crate) fn undefined_name(message: &str) -> Option<&str> {
    message.strip_prefix("name `")?.strip_suffix("` is not defined")
}

fn remedy(undefined: &str, name: &str, files: &Files) -> Option<String> {
    let undefined = undefined.trim_start_matches('.');
    let visible = visible_files(name, files);
    if let Some((full_name, file)) = defined_elsewhere(undefined, &visible, files) {
        return Some(match full_name == undefined {
            true => format!("it is in a file that is not imported; add: import \"{file}\";"),
            false => format!("if you mean `{full_name}`, write it so and add: import \"{file}\";"),
        });
    }
    if let Some((_, scalar)) = FOREIGN.iter().find(|(foreign, _)| undefined.eq_ignore_ascii_case(foreign)) {
        return Some(format!("did you mean `{scalar}`?"));
    }
    if ["array", "list", "vec"].iter().any(|collection| undefined.eq_ignore_ascii_case(collection)) {
        return Some(
            "for any number of values, write `repeated` before the type: repeated string names = 1;".to_owned(),
        );
    }
    let package = &files.parsed.get(name)?.types.package;
    let types = visible.iter().filter_map(|file| files.parsed.get(*file)).flat_map(|file| &file.types.names);
    let names: Vec<&str> = types.map(|full_name| short_form(full_name, package)).collect();
    let scalars = SCALARS.iter().copied().filter(|_| !undefined.contains('.'));
    let last = |name: &'static str| name;
    let meant = nearest(undefined, names.iter().copied().chain(scalars.map(last)));
    let meant = meant.or_else(|| by_last_segment(undefined, &names))?;
    Some(format!("did you mean `{meant}`?"))
}

/// The name as it can be written in a file of `package`.
fn short_form<'a>(full_name: &'a str, package: &str) -> &'a str {
    let inside = full_name.strip_prefix(package).and_then(|rest| rest.strip_prefix('.'));
    inside.filter(|_| !package.is_empty()).unwrap_or(full_name)
}

/// A type whose own name is right or nearly so, whatever comes before it.
fn by_last_segment<'a>(undefined: &str, names: &[&'a str]) -> Option<&'a str> {
    let segment = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let wanted = segment(undefined);
    let segments: Vec<String> = names.iter().map(|name| segment(name)).collect();
    let exact = segments.iter().position(|segment| *segment == wanted);
    let index = exact.or_else(|| {
        let near = nearest(&wanted, segments.iter().map(String::as_str))?;
        segments.iter().position(|segment| segment == near)
    })?;
    Some(names[index])
}

/// The file itself, its imports, and what those import publicly.
fn visible_files<'a>(name: &'a str, files: &'a Files) -> BTreeSet<&'a str> {
    let mut visible = BTreeSet::from([name]);
    let mut queue: Vec<&str> =
        files.parsed.get(name).into_iter().flat_map(|file| &file.imports).map(String::as_str).collect();
    while let Some(next) = queue.pop() {
        if visible.insert(next) {
            queue.extend(
                files.parsed.get(next).into_iter().flat_map(|file| &file.types.public_imports).map(String::as_str),
            );
        }
    }
    visible
}

/// A type with exactly this name, or this last segment, in a file that `visible` lacks.
fn defined_elsewhere(undefined: &str, visible: &BTreeSet<&str>, files: &Files) -> Option<(String, String)> {
    let matches = |full_name: &str| {
        full_name == undefined || full_name.strip_suffix(undefined).is_some_and(|before| before.ends_with('.'))
    };
    let read = files
        .parsed
        .iter()
        .flat_map(|(file, parsed)| parsed.types.names.iter().map(move |name| (name.clone(), file.clone())));
    let well_known = WELL_KNOWN.iter().flat_map(|(file, names)| {
        names.iter().map(move |name| (format!("google.protobuf.{name}"), format!("google/protobuf/{file}.proto")))
    });
    read.chain(well_known).find(|(full_name, file)| matches(full_name) && !visible.contains(file.as_str()))
}
