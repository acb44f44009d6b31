//! Tests of `src/validate.rs`.

use super::*;
use crate::rule::has_control;
use proptest::prelude::*;

fn outline(fields: &[(&str, &str)]) -> Outline {
    let mut outline = Outline::default();
    for (name, value) in fields {
        let value = value.as_bytes();
        outline.add(FieldRule::judge(NameRule::of(name.as_bytes()), value, has_control(value)), value);
    }
    let mut list = HeaderList::new();
    fields.iter().for_each(|(name, value)| list.push(name.as_bytes(), value.as_bytes()));
    if outline.needs_review() {
        outline.review(&mut list, |_| false);
    }
    outline
}

/// RFC 9113 sections 8.2 and 8.3, looked up in the list as it stands.
fn plain_is_legal(section: Section, fields: &[(&str, &str)]) -> bool {
    let pseudo: Vec<_> = fields.iter().filter(|(name, _)| name.starts_with(':')).collect();
    let ordinary: Vec<_> = fields.iter().filter(|(name, _)| !name.starts_with(':')).collect();
    let count = |wanted: &str| pseudo.iter().filter(|(name, _)| *name == wanted).count();
    let value = |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).map_or("", |(_, value)| *value);
    let known: &[&str] = match section {
        Section::Request => &[":method", ":scheme", ":path", ":authority"],
        Section::Response => &[":status"],
        Section::Trailers => &[],
    };
    let complete = match section {
        Section::Request if value(":method") == "CONNECT" => {
            count(":authority") == 1 && count(":scheme") + count(":path") == 0
        }
        Section::Request => count(":method") * count(":scheme") * count(":path") == 1 && !value(":path").is_empty(),
        Section::Response => count(":status") == 1 && value(":status").parse::<u16>().is_ok_and(|it| it >= 100),
        Section::Trailers => true,
    };
    fields.iter().skip_while(|(name, _)| name.starts_with(':')).all(|(name, _)| !name.starts_with(':'))
        && pseudo.iter().all(|(name, _)| known.contains(name) && count(name) == 1)
        && complete
        && fields.iter().all(|(_, value)| !value.contains('\n') && value.trim() == *value)
        && ordinary.iter().all(|(name, value)| match *name {
            "connection" | "Upper" | "" => false,
            "te" => *value == "trailers",
            "content-length" => value.parse::<u64>().is_ok(),
            _ => true,
        })
        && ordinary.iter().filter(|(name, _)| *name == "content-length").count() < 2
        && (section != Section::Request || plain_host_is_legal(fields))
}

fn plain_host_is_legal(fields: &[(&str, &str)]) -> bool {
    let values = |wanted: &str| fields.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| *value).collect();
    let (hosts, authorities): (Vec<&str>, Vec<&str>) = (values("host"), values(":authority"));
    match (&hosts[..], &authorities[..]) {
        ([], _) => true,
        ([host], []) => !host.contains(','),
        ([host], [authority, ..]) => host.eq_ignore_ascii_case(authority),
        _ => false,
    }
}

fn any_field() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        (":method", "POST"),
        (":method", "CONNECT"),
        (":scheme", "http"),
        (":path", "/a"),
        (":path", ""),
        (":authority", "host"),
        (":status", "200"),
        (":status", "020"),
        (":other", "x"),
        ("te", "trailers"),
        ("te", "gzip"),
        ("content-length", "5"),
        ("content-length", "x"),
        ("connection", "close"),
        ("host", "host"),
        ("host", "HOST"),
        ("host", "other"),
        ("host", "a,b"),
        ("plain", "value"),
        ("plain", " value"),
        ("plain", "a\nb"),
        ("Upper", "a"),
        ("", "a"),
    ])
}

fn any_list() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let request = vec![(":method", "POST"), (":scheme", "http"), (":path", "/a")];
    let starts = prop::sample::select(vec![
        vec![],
        request,
        vec![(":status", "200")],
        vec![(":method", "CONNECT"), (":authority", "host")],
    ]);
    (starts, prop::collection::vec(any_field(), 0..4)).prop_map(|(start, more)| [start, more].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(5000) })]

    #[test]
    fn lists_are_judged_by_the_rfc(fields in any_list()) {
        let outline = outline(&fields);
        for section in [Section::Request, Section::Response, Section::Trailers] {
            let verdict = outline.verdict(section);
            prop_assert_eq!(verdict.is_ok(), plain_is_legal(section, &fields), "{:?}: {:?}", section, verdict);
        }
    }
}

#[test]
fn verdicts_tell_status_and_length() {
    let verdict = outline(&[(":status", "204"), ("content-length", "7")]).verdict(Section::Response);
    assert_eq!(verdict, Ok(Verdict { content_length: Some(7), status: 204 }));
}

#[test]
fn the_first_fault_is_told() {
    let list = outline(&[(":path", "/"), (":path", ""), ("te", "gzip")]);
    assert_eq!(list.verdict(Section::Request), Err(Violation::PathEmpty));
    assert_eq!(outline(&[]).verdict(Section::Request), Err(Violation::PseudoMissing));
}
