//! Tests of `src/options.rs`.

use super::*;

fn check(parameter: &str, expected: Result<(), &str>) {
    let result = apply(Request::default(), parameter).map(drop);
    assert_eq!(result, expected.map_err(|text| UnknownOption(text.to_owned())), "{parameter}");
}

#[test]
fn options_are_understood_or_named() {
    check("", Ok(()));
    check(",, default_unimplemented ,only = clients,views=a.B/C,views=a.B/D,shared_bytes=.", Ok(()));
    check("default_unimplemented=true,default_unimplemented=false,json,json=true,json=false", Ok(()));
    check("json=yes", Err("the option `json=yes` is not understood"));
    check("default_unimplemented=yes", Err("the option `default_unimplemented=yes` is not understood"));
    check("only", Err("the option `only` is not understood"));
    check("only=client", Err("the option `only=client` is not understood"));
    check("shared_bytes=photos", Err("the option `shared_bytes=photos` is not understood"));
    check("view=a.B/C", Err("there is no option `view`"));
}
