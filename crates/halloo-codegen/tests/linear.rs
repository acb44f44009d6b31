//! The work per package does not grow with the number of packages. A binary of its own: it counts the allocations of
//! its process, which are the same on a busy machine, where a clock would not be.

use buffa_descriptor::generated::descriptor::field_descriptor_proto::{Label, Type};
use buffa_descriptor::generated::descriptor::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto,
};
use halloo_codegen::{Request, generate};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

/// Counts how often memory is allocated.
struct Counting;

#[expect(unsafe_code, reason = "a global allocator cannot be written without")]
mod counting {
    use super::*;

    // SAFETY: every call goes to the system's allocator as it is; counting changes nothing of it.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
            // SAFETY: as above.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            // SAFETY: as above.
            unsafe { System.dealloc(pointer, layout) }
        }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A package with a message, a nested one and a service, which uses no other package.
fn package(number: usize) -> FileDescriptorProto {
    let scope = format!("many.p{number}");
    let field = |name: &str, number| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::LABEL_OPTIONAL),
        r#type: Some(Type::TYPE_STRING),
        ..Default::default()
    };
    let message = |name: &str, nested| DescriptorProto {
        name: Some(name.to_owned()),
        field: vec![field("name", 1), field("text", 2)],
        nested_type: nested,
        ..Default::default()
    };
    let method = MethodDescriptorProto {
        name: Some("Get".to_owned()),
        input_type: Some(format!(".{scope}.Thing")),
        output_type: Some(format!(".{scope}.Thing")),
        ..Default::default()
    };
    FileDescriptorProto {
        name: Some(format!("p{number}.proto")),
        package: Some(scope),
        syntax: Some("proto3".to_owned()),
        message_type: vec![message("Thing", vec![message("Part", Vec::new())])],
        service: vec![ServiceDescriptorProto {
            name: Some("Things".to_owned()),
            method: vec![method],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// How many allocations the code of `packages` packages takes.
fn allocations(packages: usize, json: bool) -> usize {
    let files: Vec<FileDescriptorProto> = (0..packages).map(package).collect();
    let targets = (0..packages).map(|number| format!("p{number}.proto")).collect();
    let request = Request::new(files, targets).json(json);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let generated = generate(request).expect("the descriptors have no faults");
    assert!(generated.len() > packages, "one file per package");
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// Four times the packages take four times the work, and a hundredth more at most.
#[test]
fn the_work_grows_with_the_packages_and_not_with_their_square() {
    for json in [false, true] {
        let (few, many) = (allocations(10, json), allocations(40, json));
        assert!(many * 100 <= few * 404, "10 packages take {few} allocations, 40 take {many}");
    }
}
