//! What a mistake in a `.proto` file looks like: the texts in `faults/*/expected.txt`.
//!
//! `UPDATE_EXPECTED=1 cargo test -p halloo-build` writes them anew.

mod support;

use halloo_build::Build;
use support::{case, compare, output_folder};

/// Compiles the files of a case and compares the error.
fn check(name: &str, protos: &[&str]) {
    let folder = case(name);
    let build = Build::new().protos(protos.iter().map(|proto| folder.join(proto))).out_dir(output_folder(name));
    let error = build.try_compile().expect_err("the files have faults");
    let text = format!("{error}\n").replace(env!("CARGO_MANIFEST_DIR"), "<crate>");
    assert_eq!(format!("{error:?}\n"), format!("{error}\n"), "`main` prints the same text");
    compare(&folder.join("expected.txt"), &text);
}

#[test]
fn unknown_names_have_suggestions_and_come_all_at_once() {
    check("unknown_names", &["greeter.proto"]);
}

#[test]
fn syntax_errors_have_a_place_and_a_suggestion() {
    check("syntax", &["greeter.proto"]);
}

#[test]
fn what_newcomers_forget_or_bring_from_other_languages_is_explained() {
    check("forgotten", &["greeter.proto"]);
    check("foreign", &["greeter.proto"]);
}

#[test]
fn duplicates_show_both_places_and_hide_nothing_else() {
    check("duplicates", &["greeter.proto"]);
}

#[test]
fn missing_imports_say_where_they_were_looked_for() {
    check("missing_import", &["api/v1/greeter.proto"]);
}

#[test]
fn missing_files_have_suggestions() {
    check("missing_file", &["greter.proto", "elsewhere/greeter.proto"]);
}

#[test]
fn marks_stand_under_wide_letters_and_tabs() {
    check("wide_text", &["greeter.proto"]);
}

#[test]
fn all_files_are_reported_without_consequences() {
    check("several_files", &["a.proto", "c.proto", "b.proto"]);
}

#[test]
fn unknown_options_have_suggestions() {
    check("options", &["greeter.proto"]);
}

#[test]
fn import_cycles_are_named() {
    check("cycle", &["a.proto"]);
}

#[test]
fn packages_that_no_module_can_be_named_after_are_shown() {
    check("reserved_package", &["greeter.proto"]);
}

#[test]
fn a_build_without_files_says_how_to_name_one() {
    let error = Build::new().out_dir(output_folder("nothing")).try_compile().expect_err("nothing to compile");
    assert_eq!(
        error.to_string(),
        "no .proto file was named\n = help: halloo_build::Build::new().proto(\"greeter.proto\").compile()"
    );
}

#[test]
fn a_second_build_into_the_same_folder_is_refused() {
    let folder = output_folder("twice");
    let build =
        |proto: &str| Build::new().proto(support::root().join("tests/fixture/proto").join(proto)).out_dir(&folder);
    build("kinds.proto").try_compile().expect("the first build is fine");
    build("kinds.proto").try_compile().expect("the same once more replaces nothing");
    let error = build("greeter.proto").try_compile().expect_err("another one would replace it");
    assert!(error.to_string().starts_with("two builds write into one folder"), "{error}");
}

#[test]
fn views_of_unknown_methods_list_the_known_ones() {
    let greeter = support::root().join("tests/fixture/proto/greeter.proto");
    let build = Build::new().proto(greeter).views("greeter.Greeter/SayHelo").out_dir(output_folder("views"));
    let error = build.try_compile().expect_err("there is no such method");
    assert_eq!(
        error.to_string(),
        "views are asked for `greeter.Greeter/SayHelo`, which is no method; the methods are: greeter.Greeter/SayHello"
    );
}

fn descriptor_set_fault(build: Build) -> String {
    let error = build.out_dir("never-written").check().expect_err("the set cannot be used");
    error.to_string()
}

#[test]
fn descriptor_sets_that_cannot_be_used_say_why_and_how_to_make_them() {
    let check = |path: &str, what: &str| {
        let expected = format!(
            "the descriptor set `{path}` {what}\n \
             = help: protoc makes it with: protoc --include_imports --include_source_info -o {path} your.proto\n \
             = help: and buf with: buf build -o {path}"
        );
        assert_eq!(descriptor_set_fault(Build::new().descriptor_set(path)), expected);
    };
    check("tests/nowhere.binpb", "does not exist");
    let without_imports = "tests/faults/descriptor_set/noimports.binpb";
    check(without_imports, "lacks `google/protobuf/timestamp.proto`, which `features.proto` imports");
    check("tests/golden/fields.proto", "holds no descriptors");
    check("tests/golden/tree/mod.rs", "holds no descriptors");
}

#[test]
fn files_that_a_descriptor_set_lacks_have_suggestions() {
    let set = "tests/golden/editions/editions.binpb";
    let known = "it has features.proto, newest.proto";
    for (name, meant) in [("proto/features.proto", "features.proto"), ("newst.proto", "newest.proto")] {
        assert_eq!(
            descriptor_set_fault(Build::new().descriptor_set(set).proto(name)),
            format!(
                "the descriptor set `{set}` has no file `{name}`\n = help: {known}\n = help: did you mean `{meant}`?"
            )
        );
    }
}

#[test]
fn descriptor_sets_without_source_info_lose_comments_only() {
    let folder = output_folder("no-source-info");
    let set = "tests/faults/descriptor_set/nosource.binpb";
    Build::new().descriptor_set(set).out_dir(&folder).try_compile().expect("it has everything else");
    let text = std::fs::read_to_string(folder.join("features.rs")).expect("it was generated");
    assert!(text.contains("pub trait Things") && !text.contains("Served and called as any other service."));
}

/// Texts with bytes that were changed, dropped or put in: faults or none, but always an answer.
#[test]
fn damaged_files_get_an_answer() {
    let folder = output_folder("damaged");
    let whole = std::fs::read(support::root().join("tests/golden/kinds.proto")).expect("it is checked in");
    let mut random: u64 = 0x2545_f491_4f6c_dd1d;
    let mut below = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % limit as u64) as usize
    };
    let mut faulty = 0;
    for _ in 0..150 {
        let mut damaged = whole.clone();
        for _ in 0..=below(4) {
            let at = below(damaged.len());
            let sign = b";{}=\"'/*\n \xc3\xa4\xff(.<0"[below(17)];
            match below(3) {
                0 => damaged[at] = sign,
                1 => damaged.insert(at, sign),
                _ => drop(damaged.remove(at)),
            }
        }
        std::fs::write(folder.join("a.proto"), damaged).expect("the folder is ours");
        // Nothing is written there, so a file without faults is out of date.
        let error = Build::new().proto(folder.join("a.proto")).out_dir("never-written").check().expect_err("see above");
        faulty += usize::from(error.to_string().contains("nothing was generated"));
    }
    assert!(faulty > 50, "only {faulty} files had faults");
}
