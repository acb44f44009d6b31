//! Descriptors of editions, which protoc can make: features decide what a field becomes.

use buffa_descriptor::generated::descriptor::field_descriptor_proto::{Label, Type};
use buffa_descriptor::generated::descriptor::{DescriptorProto, Edition, FieldDescriptorProto, FileDescriptorProto};
use halloo_codegen::{Request, generate};

fn field(name: &str, number: i32, ty: Type) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::LABEL_OPTIONAL),
        r#type: Some(ty),
        ..Default::default()
    }
}

#[test]
fn fields_have_presence_by_default_and_setters_without_option() {
    let message = DescriptorProto {
        name: Some("Hello".to_owned()),
        field: vec![field("name", 1, Type::TYPE_STRING), field("number", 2, Type::TYPE_INT32)],
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: Some("hello.proto".to_owned()),
        package: Some("hello".to_owned()),
        syntax: Some("editions".to_owned()),
        edition: Some(Edition::EDITION_2023),
        message_type: vec![message],
        ..Default::default()
    };
    let files = generate(Request::new(vec![file], vec!["hello.proto".to_owned()])).expect("editions are supported");
    let text = files.iter().find(|file| file.name == "hello.rs").map(|file| &file.contents);
    let text = text.expect("the package was generated");
    assert!(text.contains("pub number: ::core::option::Option<i32>"), "{text}");
    assert!(text.contains("pub fn with_number(mut self, value: i32) -> Self"), "{text}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = generate(Request::new(Vec::new(), vec!["hello.proto".to_owned()])).expect_err("there is no file");
    assert_eq!(error.to_string(), "no descriptor for the file `hello.proto`; the files are: (none)");
}
