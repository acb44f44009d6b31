//! What reflection answers, over descriptors of files that have every kind of declaration.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use halloo_build::Build;
use halloo_core::{Code, ServiceDescriptor};
use halloo_services::health::HEALTH;
use halloo_services::reflection::{
    ExtensionRequest, MessageRequest, MessageResponse, REFLECTION, REFLECTION_ALPHA, Reflection,
    ServerReflectionRequest, Session,
};

/// A service with the descriptors of a file of this folder.
fn service(name: &'static str, file: &str) -> &'static ServiceDescriptor {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("halloo-services-{number}"));
    fs::create_dir_all(&folder).unwrap();
    let set = folder.join("set.binpb");
    let build = Build::new().proto(format!("tests/reflection/{file}")).include("tests/reflection");
    build.write_descriptor_set(&set).out_dir(folder.join("unused")).try_compile().unwrap();
    let bytes = fs::read(set).unwrap().leak();
    Box::leak(Box::new(ServiceDescriptor::new(name, &[], bytes)))
}

/// What was answered, as a line: the names of files, numbers, services, or the error.
fn ask(session: &mut Session, question: MessageRequest) -> String {
    let request =
        ServerReflectionRequest { message_request: Some(question), ..Default::default() }.with_host("shop.example");
    let response = session.answer(request.clone()).unwrap();
    assert_eq!(response.valid_host, "shop.example");
    assert_eq!(*response.original_request, request);
    match response.message_response.unwrap() {
        MessageResponse::FileDescriptorResponse(files) => {
            let names = files.file_descriptor_proto.iter().map(|bytes| name_of(bytes));
            names.collect::<Vec<_>>().join(" ")
        }
        MessageResponse::AllExtensionNumbersResponse(numbers) => {
            format!("{} {:?}", numbers.base_type_name, numbers.extension_number)
        }
        MessageResponse::ListServicesResponse(services) => {
            services.service.iter().map(|service| service.name.as_str()).collect::<Vec<_>>().join(" ")
        }
        MessageResponse::ErrorResponse(error) => {
            assert_eq!(error.error_code, Code::NotFound as i32);
            error.error_message.clone()
        }
    }
}

/// Field 1 of a file's descriptor, which compilers write first, is its name.
fn name_of(bytes: &[u8]) -> String {
    assert_eq!(bytes[0], 0x0a);
    String::from_utf8(bytes[2..2 + usize::from(bytes[1])].to_vec()).unwrap()
}

fn symbol(session: &mut Session, name: &str) -> String {
    ask(session, MessageRequest::FileContainingSymbol(name.into()))
}

fn file(session: &mut Session, name: &str) -> String {
    ask(session, MessageRequest::FileByFilename(name.into()))
}

fn extension(session: &mut Session, extended: &str, number: i32) -> String {
    let request = ExtensionRequest::default().with_containing_type(extended).with_extension_number(number);
    ask(session, MessageRequest::from(request))
}

fn numbers(session: &mut Session, extended: &str) -> String {
    ask(session, MessageRequest::AllExtensionNumbersOfType(extended.into()))
}

#[test]
fn every_kind_of_symbol_leads_to_its_file() {
    let reflection = Reflection::new([service("shop.v1.Shop", "shop/shop.proto")]);
    for name in [
        "shop.v1.Shop",
        "shop.v1.Shop.Buy",
        "shop.v1.Shop.Browse",
        "shop.v1.Order",
        "shop.v1.Order.item",
        "shop.v1.Order.payment",
        "shop.v1.Order.Receipt",
        "shop.v1.Order.Receipt.state",
        "shop.v1.Order.Receipt.State",
        "shop.v1.Order.Receipt.PAID",
        "shop.v1.Order.Receipt.note",
        "shop.v1.Size",
        "shop.v1.SMALL",
        "shop.v1.priority",
        "shop.v1.rate",
    ] {
        let answer = symbol(&mut reflection.session(), name);
        assert_eq!(answer, "shop/shop.proto shop/money.proto shop/base.proto", "{name}");
    }
    assert_eq!(symbol(&mut reflection.session(), "shop.v1.Money"), "shop/money.proto shop/base.proto");
    let session = &mut reflection.session();
    for name in ["shop.v1.Size.SMALL", "shop.v1", "Order", ".shop.v1.Order", ""] {
        assert_eq!(symbol(session, name), format!("no symbol {name:?}"));
    }
}

#[test]
fn names_without_a_package_have_no_dot_in_front() {
    let reflection = Reflection::new([service("BareService", "shop/no_package.proto")]);
    for name in ["Bare", "Bare.Kind", "Bare.ONE", "BareService", "BareService.Call"] {
        assert_eq!(symbol(&mut reflection.session(), name), "shop/no_package.proto", "{name}");
    }
}

#[test]
fn a_stream_gets_each_import_once_and_the_file_it_asks_for_always() {
    let reflection = Reflection::new([service("shop.v1.Shop", "shop/shop.proto")]);
    let session = &mut reflection.session();
    assert_eq!(file(session, "shop/base.proto"), "shop/base.proto");
    assert_eq!(file(session, "shop/shop.proto"), "shop/shop.proto shop/money.proto");
    assert_eq!(file(session, "shop/shop.proto"), "shop/shop.proto");
    assert_eq!(file(session, "shop/money.proto"), "shop/money.proto");
    assert_eq!(file(session, "other.proto"), "no file \"other.proto\"");
    assert_eq!(file(&mut reflection.session(), "shop/money.proto"), "shop/money.proto shop/base.proto");
}

#[test]
fn extensions_are_found_by_type_and_number() {
    let reflection = Reflection::new([service("shop.v1.Shop", "shop/shop.proto")]);
    for (extended, number) in [("shop.v1.Order", 101), ("shop.v1.Order", 150), ("shop.v1.Money", 10)] {
        let answer = extension(&mut reflection.session(), extended, number);
        assert_eq!(answer, "shop/shop.proto shop/money.proto shop/base.proto", "{extended} {number}");
    }
    let session = &mut reflection.session();
    assert_eq!(extension(session, "shop.v1.Order", 102), "no extension 102 of \"shop.v1.Order\"");
    assert_eq!(extension(session, "shop.v1.Base", -1), "no extension -1 of \"shop.v1.Base\"");
    assert_eq!(numbers(session, "shop.v1.Order"), "shop.v1.Order [101, 150]");
    assert_eq!(numbers(session, "shop.v1.Money"), "shop.v1.Money [10]");
    assert_eq!(numbers(session, "shop.v1.Base"), "shop.v1.Base []");
    assert_eq!(numbers(session, "shop.v1.Missing"), "no symbol \"shop.v1.Missing\"");
}

#[test]
fn services_are_listed_by_name_and_the_standard_ones_describe_themselves() {
    let shop = service("shop.v1.Shop", "shop/shop.proto");
    let reflection = Reflection::new([shop, &HEALTH, &REFLECTION_ALPHA, &REFLECTION]);
    let session = &mut reflection.session();
    let services = "grpc.health.v1.Health grpc.reflection.v1.ServerReflection \
                    grpc.reflection.v1alpha.ServerReflection shop.v1.Shop";
    assert_eq!(ask(session, MessageRequest::ListServices("*".into())), services);
    for (name, expected) in [
        ("grpc.health.v1.Health.Watch", "grpc/health/v1/health.proto"),
        ("grpc.reflection.v1.ServerReflection", "grpc/reflection/v1/reflection.proto"),
        ("grpc.reflection.v1alpha.ErrorResponse", "grpc/reflection/v1alpha/reflection.proto"),
    ] {
        assert_eq!(symbol(session, name), expected);
    }
}

#[test]
fn a_question_that_asks_nothing_ends_the_stream() {
    let reflection = Reflection::new([&HEALTH]);
    let status = reflection.session().answer(ServerReflectionRequest::default()).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[test]
fn an_error_repeats_no_more_than_the_beginning_of_a_long_name() {
    let answer = symbol(&mut Reflection::new([&HEALTH]).session(), &"x".repeat(100_000));
    assert!(answer.len() < 300, "{} bytes", answer.len());
}

#[test]
fn services_without_descriptors_are_listed_and_malformed_ones_hold_up_nobody() {
    static BARE: ServiceDescriptor = ServiceDescriptor::new("bare.Bare", &[], &[]);
    static BROKEN: ServiceDescriptor = ServiceDescriptor::new("broken.Broken", &[], &[0x0a, 0x7f, 1, 2, 3]);
    let reflection = Reflection::new([&BARE, &BROKEN, &HEALTH]);
    let session = &mut reflection.session();
    let services = "bare.Bare broken.Broken grpc.health.v1.Health";
    assert_eq!(ask(session, MessageRequest::ListServices(String::new())), services);
    assert_eq!(symbol(session, "bare.Bare"), "no symbol \"bare.Bare\"; the service was registered without descriptors");
    assert_eq!(symbol(session, "grpc.health.v1.Health"), "grpc/health/v1/health.proto");
}

#[test]
fn descriptors_that_break_off_anywhere_are_refused_without_a_panic() {
    let whole = HEALTH.file_descriptor_set();
    for end in 1..whole.len() {
        let bytes: &'static [u8] = whole[..end].to_vec().leak();
        let service = Box::leak(Box::new(ServiceDescriptor::new("cut.Cut", &[], bytes)));
        let answer = symbol(&mut Reflection::new([&*service]).session(), "cut.Cut");
        assert!(answer.starts_with("no symbol"), "cut at {end}: {answer}");
    }
}

#[test]
fn files_of_one_name_keep_their_own_symbols() {
    // Field 1 of the set is a file; of the file, 1 is its name and 4 a message, whose field 1 is its name.
    fn set(message: &str) -> &'static [u8] {
        let text = |field: u8, text: &[u8]| {
            let length = u8::try_from(text.len()).unwrap();
            [&[field << 3 | 2, length], text].concat()
        };
        let file = [text(1, b"common.proto"), text(4, &text(1, message.as_bytes()))].concat();
        text(1, &file).leak()
    }
    let service = |name, message| Box::leak(Box::new(ServiceDescriptor::new(name, &[], set(message))));
    let (a, b) = (service("a.A", "OfA"), service("b.B", "OfB"));
    let reflection = Reflection::new([&*a, &*b]);
    let answer = |name: &str| {
        let question = ServerReflectionRequest::default().with_file_containing_symbol(name);
        match reflection.session().answer(question).unwrap().message_response.unwrap() {
            MessageResponse::FileDescriptorResponse(files) => files.file_descriptor_proto.concat(),
            other => panic!("{other:?}"),
        }
    };
    assert!(answer("OfA").ends_with(b"OfA") && answer("OfB").ends_with(b"OfB"));
}
