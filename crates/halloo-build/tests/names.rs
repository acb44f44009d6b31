//! Names that generated code could take for its own, or could not spell: each of them at each position, compiled as one crate.

mod support;

use halloo_build::Build;
use std::path::{Path, PathBuf};
use support::user_crate::{cargo, copy_fixture, succeed};

/// The names, by what they could be taken for.
const NAMES: &[&[&str]] = &[
    // Type parameters, as generated and derived code has them.
    &["S", "T", "A", "D", "E", "M", "__A", "__D", "__S", "_V", "__Visitor"],
    // The standard library's, which every module knows.
    &[
        "Self",
        "Option",
        "Some",
        "None",
        "Result",
        "Ok",
        "Err",
        "String",
        "Vec",
        "Box",
        "Send",
        "Sync",
        "Sized",
        "Copy",
        "Clone",
        "Drop",
        "Fn",
        "Debug",
        "Default",
        "PartialEq",
        "Iterator",
        "IntoIterator",
        "From",
        "Into",
        "AsRef",
        "ToString",
    ],
    // The standard library's and our own, which have to be named by a path.
    &[
        "Arc",
        "Future",
        "Output",
        "Error",
        "Formatter",
        "Request",
        "Reply",
        "Status",
        "MessageSender",
        "MessageReceiver",
        "Service",
        "Method",
        "Methods",
        "Channel",
        "Router",
        "Codecs",
        "Message",
        "MessageName",
        "MessageField",
        "Enumeration",
        "EnumValue",
        "Serialize",
        "Visitor",
    ],
    // Crates, and tools of the compiler's; in capital letters as modules of what is nested in a message.
    &[
        "Core",
        "Std",
        "Halloo",
        "Buffa",
        "Serde",
        "Diagnostic",
        "Rustfmt",
        "core",
        "std",
        "alloc",
        "halloo",
        "buffa",
        "buffa_types",
        "bytes",
        "serde",
        "_serde",
        "diagnostic",
        "rustfmt",
        "clippy",
    ],
    // Primitive types.
    &["Str", "U8", "I32", "U64", "Bool", "F64", "Usize", "str", "u8", "i32", "u64", "bool", "f64", "usize"],
    // Keywords, and what is one at some places.
    &[
        "self",
        "super",
        "crate",
        "Super",
        "as",
        "async",
        "await",
        "box",
        "dyn",
        "enum",
        "false",
        "fn",
        "gen",
        "impl",
        "macro",
        "match",
        "mod",
        "move",
        "ref",
        "static",
        "struct",
        "try",
        "type",
        "unsafe",
        "where",
        "yield",
        "default",
        "macro_rules",
        "union",
    ],
    // Constants, functions and modules of generated code.
    &[
        "JSON",
        "FILE_DESCRIPTOR_SET",
        "DESCRIPTOR",
        "NAME",
        "TYPE_URL",
        "View",
        "Oneof",
        "Kind",
        "new",
        "connect",
        "channel",
        "clone",
        "in_process",
        "descriptor",
        "register",
        "register_types",
        "view",
        "ext",
        "oneof",
        "decode",
        "into_bytes",
        "to_owned_message",
        "from_owned",
        "unknown_fields",
        "compute_size",
        "write_to",
        "merge_field",
        "clear",
        "from_i32",
        "proto_name",
        "values",
        "into",
        "from",
        "fmt",
        "drop",
        "with_s",
    ],
    // Parameters and variables of generated code.
    &[
        "s", "service", "methods", "request", "requests", "replies", "value", "buf", "size", "_cache", "cur", "map",
        "d", "v", "n",
    ],
    // Modules of our own, and what the message generator keeps for itself.
    &["__halloo_", "__halloo_alike_v1", "__buffa_x"],
    // What cannot begin an identifier, or is none.
    &["_1", "_2d", "_", "__", "x1", "x_1", "X", "x_"],
    // Alike but for case and underscores, and what follows of one name where another has it.
    &[
        "HTTPGet",
        "HttpGet",
        "http_get",
        "FooBar",
        "Foo_Bar",
        "fooBar",
        "foo_bar",
        "foo__bar",
        "self_",
        "Self_",
        "FooBarView",
        "FooBarOwned",
        "FooBarOwnedView",
        "FooBarServer",
        "FooBarClient",
        "FOO_BAR",
        "FooBarMethods",
        "v2Field",
        "V2Field",
        "A1B",
        "a1_b",
    ],
];

fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().copied().flatten().copied()
}

/// A message with everything that a field can be, and a service with all four kinds of calls.
macro_rules! rich {
    () => {
        "message Rich {
            optional string a = 1; required int32 b = 2; repeated uint64 c = 3; repeated bytes d = 4; optional bool e = 5;
            optional Rich f = 6; repeated Rich g = 7; map<string, Rich> h = 8; map<int32, double> i = 9;
            optional Shade j = 10 [default = DARK]; repeated Shade k = 11; optional float l = 12;
            oneof choice { string m = 13; bytes n = 14; Rich o = 15; Shade p = 16; bool q = 17; Inner r = 18; }
            message Inner { enum Tone { FULL = 0; } optional Tone a = 1; optional Shade b = 2; oneof choice { Rich c = 3; } }
            extensions 100 to 200;
        }
        enum Shade { LIGHT = 0; DARK = 1; }
        extend Rich { optional string more = 100; repeated Rich much = 101; }
        service Calls {
            rpc Get(Rich) returns (Rich.Inner); rpc Down(Rich) returns (stream Rich);
            rpc Up(stream Rich) returns (Rich); rpc Both(stream Rich) returns (stream Rich);
        }\n"
    };
}

/// Packages within `at`, and their text. What is in double brackets is repeated for each NAME, with a NUMBER of its own; in
/// double braces, for each that stands as it is for a type. The others, which are capitalised first, are in `flat`.
const POSITIONS: &[(&str, &str)] = &[
    (
        "message",
        concat!(
            "{{message NAME { enum Kind { ZERO = 0; } oneof choice { Kind a = 1; } }\n}}
             service Each { {{rpc Get_NUMBER(.at.message.NAME) returns (.at.message.NAME); }} }\n",
            rich!()
        ),
    ),
    (
        "flat",
        concat!(
            "[[message NAME {}\n]]
             message Uses { oneof choice { [[.at.flat.NAME a_NUMBER = NUMBER; ]] } }\n",
            rich!()
        ),
    ),
    (
        "enumeration",
        concat!(
            "[[enum NAME { ZERO_NUMBER = 0; ONE_NUMBER = 1; }\n]]
             message Uses { oneof choice { [[.at.enumeration.NAME a_NUMBER = NUMBER; ]] } }\n",
            rich!()
        ),
    ),
    (
        "nested",
        "message Outer {
            {{message NAME { oneof choice { .at.nested.Outer.NAME a = 1; } }\n}}
            message str {}
            message Rich { optional string a = 1; repeated uint64 b = 2; map<string, S> c = 3; oneof d { str e = 4; bytes f = 5; } }
        }
        service Calls { rpc Get(Outer.S) returns (Outer.Rich); }",
    ),
    (
        "field",
        "message Text { [[optional string NAME = NUMBER [json_name = 'fNUMBER'];\n]] }
         message Parts { [[repeated Text NAME = NUMBER [json_name = 'fNUMBER'];\n]] }
         message Maps { map<string, int32> _1 = 1; map<string, Maps> self = 2; map<int32, bytes> type = 3; }
         service Calls { rpc Get(Text) returns (Parts); }",
    ),
    (
        "variant",
        "message Text { oneof choice { [[string NAME = NUMBER [json_name = 'fNUMBER'];\n]] } }
         message Parts { oneof choice { [[Text NAME = NUMBER [json_name = 'fNUMBER'];\n]] } }
         service Calls { rpc Get(Text) returns (Parts); }",
    ),
    (
        "oneofs",
        "message Several { [[oneof NAME { string a_NUMBER = NUMBER; } ]] }
         service Calls { rpc Get(Several) returns (Several); }",
    ),
    (
        "value",
        "message Values { enum Value { [[NAME = NUMBER; ]] } [[optional Value a_NUMBER = NUMBER [default = NAME];\n]] }
         service Calls { rpc Get(Values) returns (Values); }",
    ),
    (
        "service",
        concat!("[[service NAME { rpc Get(Rich) returns (Rich); rpc Down(Rich) returns (stream Rich); }\n]]", rich!()),
    ),
    ("unary", "message Empty {} service Calls { [[rpc NAME(Empty) returns (Empty);\n]] }"),
    ("down", "message Empty {} service Calls { [[rpc NAME(Empty) returns (stream Empty);\n]] }"),
    ("up", "message Empty {} service Calls { [[rpc NAME(stream Empty) returns (Empty);\n]] }"),
    ("both", "message Empty {} service Calls { [[rpc NAME(stream Empty) returns (stream Empty);\n]] }"),
    (
        "extension",
        "message Base { extensions 1 to 10000; }
         [[extend Base { optional string NAME = NUMBER; }\n]]
         message Scope { [[extend Base { repeated int32 NAME = 1NUMBER; }\n]] }
         service Calls { rpc Get(Base) returns (Scope); }",
    ),
];

/// The text of a package with a name.
const PACKAGE: &str = "
    message Thing { optional string text = 1; enum Kind { ZERO = 0; } }
    service Calls { rpc Get(Thing) returns (Thing); }";

/// Writes out what is in double brackets for each name, and what is in double braces for each of a type.
fn expand(template: &str) -> String {
    let all = repeat(template, "[[", "]]", |_| true);
    repeat(&all, "{{", "}}", |name| !name.starts_with(|first: char| first.is_ascii_lowercase()))
}

fn repeat(template: &str, opening: &str, closing: &str, fits: impl Fn(&str) -> bool) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once(opening) {
        let (repeated, after) = after.split_once(closing).expect("the table closes what it opens");
        out.push_str(before);
        for (index, name) in names().enumerate().filter(|(_, name)| fits(name)) {
            out.push_str(&repeated.replace("NAME", name).replace("NUMBER", &(index + 1).to_string()));
        }
        rest = after;
    }
    out + rest
}

/// The packages of the table, and one around packages that have a name.
fn positions() -> Vec<(String, String)> {
    let positions = POSITIONS.iter().map(|(package, text)| (format!("at.{package}"), expand(text)));
    let within = named("within.").map(|package| (package, "enum Thing { ZERO = 0; }".to_owned()));
    positions.chain([("within".to_owned(), rich!().to_owned())]).chain(within).collect()
}

/// Packages with these names, all of the same text.
fn packages(names: impl Iterator<Item = String>) -> Vec<(String, String)> {
    names.map(|package| (package, PACKAGE.to_owned())).collect()
}

/// Packages whose modules would have one name in `include_proto!`, and one that has the name of our own modules.
const SINGLE: [&str; 3] = ["alike.v1", "alike_v1", "__halloo_"];

/// Every name that a package can have behind `scope`.
fn named(scope: &str) -> impl Iterator<Item = String> {
    let possible = names().filter(|name| !["self", "Self", "super", "crate", "_"].contains(name));
    possible.map(move |name| format!("{scope}{name}"))
}

/// Writes a file for each package.
fn write(folder: &Path, packages: &[(String, String)]) -> Vec<PathBuf> {
    std::fs::create_dir_all(folder).expect("the folder is ours");
    let write = |(index, (package, text)): (usize, &(String, String))| {
        let path = folder.join(format!("{index}.proto"));
        let text = format!("syntax = 'proto2';\npackage {package};\n{text}\n");
        std::fs::write(&path, text).expect("the folder is ours");
        path
    };
    packages.iter().enumerate().map(write).collect()
}

/// Positions with JSON and views; packages with default options, as a module and for the macros.
#[test]
fn every_name_compiles_at_every_position() {
    let folder = copy_fixture("names");
    let build = |name: &str, packages: &[(String, String)]| {
        let protos = write(&folder.join(name), packages);
        Build::new().root(&folder).include(name).protos(protos)
    };
    let positions = positions();
    let views = positions.iter().flat_map(|(package, text)| views(package, text));
    let build_positions = views.fold(build("positions", &positions), Build::views).json(true);
    build_positions.out_dir("src/positions").write().expect("the files have no faults");
    let build_packages = build("packages", &packages(named("")));
    build_packages.out_dir("src/packages").write().expect("the files have no faults");
    let build_single = build("single", &packages(SINGLE.into_iter().map(str::to_owned)));
    build_single.out_dir("macros").try_compile().expect("the files have no faults");
    let oneofs = std::fs::read_to_string(folder.join("src/positions/at.oneofs.rs")).expect("it was written");
    assert_eq!(oneofs.matches("pub fn with_a_").count(), names().count(), "each field of a oneof has a setter");
    succeed(cargo(&folder, &["check"]).env("HALLOO_PROTO_DIR", folder.join("macros")));
}

/// The methods of a package whose handlers get views: the first of each service. Views are most of what is compiled, and what
/// is in `flat` has none.
fn views(package: &str, text: &str) -> Vec<String> {
    if package == "at.flat" {
        return Vec::new();
    }
    let service = |rest: &str| {
        let (service, rest) = rest.split_once(" {")?;
        let method = rest.split_once("rpc ")?.1.split_once('(')?.0;
        let is_name = service.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
        is_name.then(|| format!("{package}.{service}/{method}"))
    };
    text.split("service ").skip(1).filter_map(service).collect()
}
