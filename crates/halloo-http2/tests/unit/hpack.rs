//! HPACK as the connection uses it: the examples of RFC 7541, malformed blocks, limits, remembered blocks and
//! templates, and whatever an encoder says against a decoder.
use std::sync::Arc;

use proptest::prelude::*;

use super::{decode::Overflow, *};
use crate::error::Violation;
use crate::headers::{Block, EntryId, HeaderList, Template};

const LIMITS: BlockLimits = BlockLimits { max_list_bytes: 16_384, max_fields: 128 };

fn no_class(_: &[u8]) -> u8 {
    0
}

fn decoder() -> Decoder {
    Decoder::new(4096, LIMITS, no_class)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

fn list(lines: &[&str]) -> HeaderList {
    let mut list = HeaderList::new();
    for line in lines {
        let (name, value) = line.rsplit_once(": ").unwrap();
        match name.strip_prefix('!') {
            Some(name) => list.push_sensitive(name.as_bytes(), value.as_bytes()),
            None => list.push(name.as_bytes(), value.as_bytes()),
        }
    }
    list
}

/// One line a field, with `!` before the name of a sensitive one.
fn lines(list: &HeaderList) -> Vec<String> {
    list.iter()
        .map(|field| {
            let mark = if field.sensitive { "!" } else { "" };
            format!("{mark}{}: {}", field.name.escape_ascii(), field.value.escape_ascii())
        })
        .collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Arc<HeaderList> {
    let decoded = decoder.decode(block).unwrap();
    assert_eq!(decoded.overflow, None);
    decoded.fields
}

fn encode(encoder: &mut Encoder, template: Option<&Template>, fields: &[&str]) -> Vec<u8> {
    let mut block = Vec::new();
    encoder.encode(Block { template, fields: &list(fields) }, &mut block);
    block
}

/// Decodes blocks one after the other, with the size of the table after each.
fn check(decoder: &mut Decoder, blocks: &[(&str, &[&str], usize)]) {
    for (block, expected, table_bytes) in blocks {
        let block = hex(block);
        assert_eq!(lines(&decode(decoder, &block)), *expected);
        assert_eq!(decoder.table().bytes(), *table_bytes);
    }
}

const FIRST_REQUEST: &[&str] = &[":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
const SECOND_REQUEST: &[&str] =
    &[":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"];
const THIRD_REQUEST: &[&str] = &[
    ":method: GET",
    ":scheme: https",
    ":path: /index.html",
    ":authority: www.example.com",
    "custom-key: custom-value",
];
const FIRST_RESPONSE: &[&str] = &[
    ":status: 302",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:21 GMT",
    "location: https://www.example.com",
];
const SECOND_RESPONSE: &[&str] = &[
    ":status: 307",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:21 GMT",
    "location: https://www.example.com",
];
const THIRD_RESPONSE: &[&str] = &[
    ":status: 200",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:22 GMT",
    "location: https://www.example.com",
    "content-encoding: gzip",
    "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
];

#[test]
fn rfc7541_c_2_single_fields() {
    let inserted = "400a637573746f6d2d6b65790d637573746f6d2d686561646572";
    check(&mut decoder(), &[(inserted, &["custom-key: custom-header"], 55)]);
    check(&mut decoder(), &[("040c2f73616d706c652f70617468", &[":path: /sample/path"], 0)]);
    check(&mut decoder(), &[("100870617373776f726406736563726574", &["!password: secret"], 0)]);
    check(&mut decoder(), &[("82", &[":method: GET"], 0)]);
}

#[test]
fn rfc7541_c_3_requests_without_huffman() {
    let third = "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565";
    check(
        &mut decoder(),
        &[
            ("828684410f7777772e6578616d706c652e636f6d", FIRST_REQUEST, 57),
            ("828684be58086e6f2d6361636865", SECOND_REQUEST, 110),
            (third, THIRD_REQUEST, 164),
        ],
    );
}

#[test]
fn rfc7541_c_4_requests_with_huffman() {
    check(
        &mut decoder(),
        &[
            ("828684418cf1e3c2e5f23a6ba0ab90f4ff", FIRST_REQUEST, 57),
            ("828684be5886a8eb10649cbf", SECOND_REQUEST, 110),
            ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", THIRD_REQUEST, 164),
        ],
    );
}

/// A decoder whose table has the 256 bytes of the examples.
fn small_decoder() -> Decoder {
    let mut decoder = decoder();
    decode(&mut decoder, &hex("3fe101"));
    decoder
}

#[test]
fn rfc7541_c_5_responses_without_huffman() {
    check(
        &mut small_decoder(),
        &[
            (
                "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a3231\
                 20474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
                FIRST_RESPONSE,
                222,
            ),
            ("4803333037c1c0bf", SECOND_RESPONSE, 222),
            (
                "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738\
                 666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d33\
                 3630303b2076657273696f6e3d31",
                THIRD_RESPONSE,
                215,
            ),
        ],
    );
}

#[test]
fn rfc7541_c_6_responses_with_huffman() {
    check(
        &mut small_decoder(),
        &[
            (
                "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad1718\
                 63c78f0b97c8e9ae82ae43d3",
                FIRST_RESPONSE,
                222,
            ),
            ("4883640effc1c0bf", SECOND_RESPONSE, 222),
            (
                "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7\
                 b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
                THIRD_RESPONSE,
                215,
            ),
        ],
    );
}

#[test]
fn rfc7541_c_4_is_what_templates_encode_to() {
    let mut encoder = Encoder::new();
    for (fields, block) in [
        (FIRST_REQUEST, "828684418cf1e3c2e5f23a6ba0ab90f4ff"),
        (SECOND_REQUEST, "828684be5886a8eb10649cbf"),
        (THIRD_REQUEST, "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"),
    ] {
        let template = Template::new(list(fields));
        assert_eq!(encode(&mut encoder, Some(&template), &[]), hex(block));
    }
}

#[test]
fn malformed_blocks_are_refused() {
    use DecodeError::*;
    for (block, error) in [
        ("80", IndexZero),
        ("be", UnknownIndex),
        ("7e0161", UnknownIndex),
        ("0f2f0161", UnknownIndex),
        ("ff", Truncated),
        ("ffffffff", Truncated),
        ("ff8080808000", IntegerTooLong),
        ("ffffffffffff7f", IntegerTooLong),
        ("40", Truncated),
        ("4001", Truncated),
        ("400161", Truncated),
        ("40016102", Truncated),
        ("4001610261", Truncated),
        ("0001617fffffff7f61", Truncated),
        ("00016181ff", Huffman),
        ("0001618207ff", Huffman),
        ("00016181fe", Huffman),
        ("000161820006", Huffman),
        ("00016184ffffffff", Huffman),
        ("0081ff0161", Huffman),
        ("3fe21f", SizeUpdateTooLarge),
        ("8220", SizeUpdateMisplaced),
        ("202020", SizeUpdateMisplaced),
    ] {
        assert_eq!(decoder().decode(&hex(block)).unwrap_err(), error, "block {block}");
    }
}

#[test]
fn rfc7541_4_2_two_size_updates_may_start_a_block() {
    let mut decoder = decoder();
    decode(&mut decoder, &hex("400161016240016301644001650166"));
    assert_eq!(decoder.table().len(), 3);
    let fields = decode(&mut decoder, &hex("3f033fe11fbe"));
    assert_eq!(lines(&fields), ["e: f"]);
    assert_eq!((decoder.table().len(), decoder.table().max_bytes()), (1, 4096));
}

#[test]
fn rfc7541_4_2_a_lowered_table_size_must_be_followed() {
    let mut decoder = Decoder::new(100, LIMITS, no_class);
    // Until the peer has seen our SETTINGS, it may use the initial size.
    decode(&mut decoder, &hex("4001610162"));
    decode(&mut decoder, &hex("be"));
    decoder.settings_acknowledged();
    assert_eq!(decoder.decode(&hex("be")).unwrap_err(), DecodeError::SizeUpdateMissing);
    assert_eq!(decoder.decode(&hex("3f46be")).unwrap_err(), DecodeError::SizeUpdateTooLarge);
    assert_eq!(lines(&decode(&mut decoder, &hex("3f45be"))), ["a: b"]);
    assert_eq!(lines(&decode(&mut decoder, &hex("be"))), ["a: b"]);
}

#[test]
fn a_raised_table_size_may_be_used() {
    let mut decoder = Decoder::new(8192, LIMITS, no_class);
    decode(&mut decoder, &hex("3fe13f"));
    assert_eq!(decoder.table().max_bytes(), 8192);
    assert_eq!(decoder.decode(&hex("3fe23f")).unwrap_err(), DecodeError::SizeUpdateTooLarge);
}

#[test]
fn lists_beyond_the_byte_limit_are_cut_and_the_table_stays_right() {
    let limits = BlockLimits { max_list_bytes: 100, max_fields: 10 };
    let mut decoder = Decoder::new(4096, limits, no_class);
    // Three fields of 34, 84 and 34 bytes; the last one would fit, but the list has a hole before it.
    let block = [&hex("4001610162400162")[..], &[51], &[b'x'; 51], &hex("4001630164")].concat();
    let decoded = decoder.decode(&block).unwrap();
    assert_eq!(decoded.overflow, Some(Overflow::ListBytes(152)));
    assert_eq!(lines(&decoded.fields), ["a: b"]);
    assert_eq!(decoder.table().len(), 3);
    assert_eq!(lines(&decode(&mut decoder, &hex("bec0"))), ["c: d", "a: b"]);
}

#[test]
fn fields_beyond_the_count_are_cut() {
    let limits = BlockLimits { max_list_bytes: 10_000, max_fields: 3 };
    let mut decoder = Decoder::new(4096, limits, no_class);
    assert_eq!(decode(&mut decoder, &hex("828282")).len(), 3);
    let decoded = decoder.decode(&hex("82828286")).unwrap();
    assert_eq!((decoded.overflow, decoded.fields.len()), (Some(Overflow::Fields), 3));
}

#[test]
fn a_bomb_is_not_decoded_to_its_end() {
    // One entry of 3 KiB, named by one octet each time.
    let mut decoder = Decoder::new(4096, LIMITS, no_class);
    let insert = [&hex("400161")[..], &[0x7f, 0xff, 0x17], &[b'x'; 0x7f + 0x7f + (0x17 << 7)]].concat();
    decode(&mut decoder, &insert);
    let entry = decoder.table().bytes();
    let within = vec![0xbe; 4 * LIMITS.max_list_bytes / entry];
    let decoded = decoder.decode(&within).unwrap();
    assert_eq!(decoded.overflow, Some(Overflow::ListBytes(within.len() * entry)));
    assert!(decoded.fields.list_bytes() <= LIMITS.max_list_bytes);
    let bomb = vec![0xbe; within.len() + 1];
    assert_eq!(decoder.decode(&bomb).unwrap_err(), DecodeError::ListTooLarge);
}

#[test]
fn a_repeated_block_gives_the_same_list() {
    let mut decoder = decoder();
    decode(&mut decoder, &hex("4001610162"));
    let first = decode(&mut decoder, &hex("82be"));
    first.set_attachment(Arc::new("seen"));
    let again = decode(&mut decoder, &hex("82be"));
    assert!(Arc::ptr_eq(&first, &again));
    assert!(again.attachment().is_some());
}

#[test]
fn trimming_forgets_blocks_and_keeps_the_table() {
    let mut decoder = decoder();
    let first = decode(&mut decoder, &hex("4001610162"));
    let before = decode(&mut decoder, &hex("82be"));
    decoder.trim();
    let after = decode(&mut decoder, &hex("82be"));
    assert!(!Arc::ptr_eq(&before, &after));
    assert_eq!((lines(&after), lines(&first)), (lines(&before), vec!["a: b".to_owned()]));
    let mut encoder = Encoder::new();
    let template = Template::new(list(&["content-type: application/grpc"]));
    let lens: Vec<_> = (0..3)
        .map(|_| {
            encoder.trim();
            encode(&mut encoder, Some(&template), &[]).len()
        })
        .collect();
    assert!(lens[0] > 1 && lens[1..] == [1, 1]);
}

#[test]
fn four_blocks_are_remembered() {
    let mut decoder = decoder();
    let blocks: Vec<_> = (0x82..0x87).map(|index| [index, 0x88]).collect();
    let lists: Vec<_> = blocks[..4].iter().map(|block| decode(&mut decoder, block)).collect();
    for (block, list) in blocks.iter().zip(&lists) {
        assert!(Arc::ptr_eq(list, &decode(&mut decoder, block)));
    }
    let fifth = decode(&mut decoder, &blocks[4]);
    assert!(Arc::ptr_eq(&fifth, &decode(&mut decoder, &blocks[4])));
    for kept in [0, 2, 3] {
        assert!(Arc::ptr_eq(&lists[kept], &decode(&mut decoder, &blocks[kept])));
    }
    assert!(!Arc::ptr_eq(&lists[1], &decode(&mut decoder, &blocks[1])));
}

#[test]
fn a_block_is_not_remembered_over_a_change_of_the_table() {
    let mut decoder = decoder();
    decode(&mut decoder, &hex("4001610162"));
    assert_eq!(lines(&decode(&mut decoder, &hex("be"))), ["a: b"]);
    decode(&mut decoder, &hex("4001630164"));
    assert_eq!(lines(&decode(&mut decoder, &hex("be"))), ["c: d"]);
    decode(&mut decoder, &hex("20"));
    assert_eq!(decoder.decode(&hex("be")).unwrap_err(), DecodeError::UnknownIndex);
}

#[test]
fn blocks_that_insert_or_resize_are_never_remembered() {
    for block in ["4001610162", "3fe11f82", "2082"] {
        let mut decoder = decoder();
        let first = decode(&mut decoder, &hex(block));
        let again = decode(&mut decoder, &hex(block));
        assert!(!Arc::ptr_eq(&first, &again), "block {block}");
    }
}

/// An insertion into a table that is too small for it leaves the table as it was, until the table has grown.
#[test]
fn rfc7541_4_3_a_block_is_not_remembered_over_a_change_of_the_tables_size() {
    let mut decoder = decoder();
    decode(&mut decoder, &hex("20 82"));
    let block = hex("40 01 61 01 62");
    decode(&mut decoder, &block);
    assert_eq!(decoder.table().len(), 0);
    decode(&mut decoder, &hex("3f e1 1f 82"));
    decode(&mut decoder, &block);
    assert_eq!(lines(&decode(&mut decoder, &hex("be"))), ["a: b"]);
}

#[test]
fn sensitive_blocks_are_remembered_and_overlong_ones_are_not() {
    let mut decoder = Decoder::new(4096, BlockLimits { max_list_bytes: 60, max_fields: 10 }, no_class);
    let sensitive = hex("100161017a");
    let first = decode(&mut decoder, &sensitive);
    assert!(Arc::ptr_eq(&first, &decode(&mut decoder, &sensitive)));
    for _ in 0..2 {
        assert!(decoder.decode(&hex("8282")).unwrap().overflow.is_some());
    }
}

#[test]
fn tags_are_seen_from_the_next_block_on_and_die_with_the_entry() {
    let mut decoder = decoder();
    let fields = decode(&mut decoder, &hex("824001610162"));
    let entries: Vec<_> = fields.iter().map(|field| (field.entry.unwrap(), field.tag)).collect();
    assert_eq!(entries[0].0.static_index(), Some(2));
    let inserted = entries[1].0;
    assert_eq!((inserted.static_index(), entries[1].1), (None, 0));
    decoder.set_tag(inserted, 77);
    decode(&mut decoder, &hex("4001630164"));
    let field_of = |list: &HeaderList| list.iter().next().map(|field| (field.entry, field.tag));
    assert_eq!(field_of(&decode(&mut decoder, &hex("bf"))), Some((Some(inserted), 77)));
    // A name alone does not make a field the entry's.
    assert_eq!(field_of(&decode(&mut decoder, &hex("0f300162"))), Some((None, 0)));
    decode(&mut decoder, &hex("203fe11f4001610162"));
    decoder.set_tag(inserted, 78);
    let (entry, tag) = field_of(&decode(&mut decoder, &hex("be"))).unwrap();
    assert!(entry != Some(inserted) && tag == 0);
    decoder.set_tag(EntryId::fixed(2), 79);
    assert_eq!(field_of(&decode(&mut decoder, &hex("82"))).unwrap().1, 0);
}

/// Classes for the test below: a name of each table's, and one of literals alone.
fn some_classes(name: &[u8]) -> u8 {
    match name {
        b":method" => 1,
        b"content-type" => 2,
        b"x-own" => 200,
        name if name.ends_with(b"-bin") => 4,
        _ => 0,
    }
}

#[test]
fn classes_follow_their_names_everywhere() {
    let classes = |list: &HeaderList| list.iter().map(|field| field.class).collect::<Vec<_>>();
    let mut decoder = Decoder::new(4096, LIMITS, some_classes);
    let mut decode = |block: &str| classes(&decode(&mut decoder, &hex(block)));
    assert_eq!(decode("828684"), [1, 0, 0], "static entries");
    assert_eq!(decode("5f0161"), [2], "a static name, inserted");
    assert_eq!(decode("be"), [2], "its entry");
    assert_eq!(decode("be"), [2], "its block, remembered");
    assert_eq!(decode("0f100161"), [2], "a static name, passing");
    assert_eq!(decode("4005782d6f776e0161"), [200], "a literal name, inserted");
    assert_eq!(decode("be7e0162"), [200, 200], "its entry, and the entry's name");
    assert_eq!(decode("1f2f0162"), [200], "the entry's name, never indexed");
    assert_eq!(decode("0005612d62696e0161"), [4], "a literal name, passing");
    assert_eq!(decode("0001610161"), [0], "a name without a class");
    assert_eq!(classes(&list(&[":method: GET"])), [0], "a list that was not received");
}

#[test]
fn what_is_wrong_with_a_field_stays_with_its_entry() {
    use crate::validate::{Section, Verdict};
    let mut decoder = decoder();
    let mut fault = |block: &str| decoder.decode(&hex(block)).unwrap().outline.verdict(Section::Trailers).err();
    assert_eq!(fault("4001610162"), None);
    assert_eq!(fault("be"), None);
    assert_eq!(fault("4001610100"), Some(Violation::ValueInvalid), "a raw NUL");
    assert_eq!(fault("be"), Some(Violation::ValueInvalid), "its entry");
    assert_eq!(fault("0f2f0162"), None, "its name alone");
    assert_eq!(fault("00016182ffc7"), Some(Violation::ValueInvalid), "a coded NUL");
    assert_eq!(fault("4001410162"), Some(Violation::NameUppercase));
    assert_eq!(fault("be"), Some(Violation::NameUppercase));
    assert_eq!(fault("7e0163"), Some(Violation::NameUppercase), "its name");
    assert_eq!(fault("4002746504677a6970"), Some(Violation::TeInvalid));
    assert_eq!(fault("be"), Some(Violation::TeInvalid));
    assert_eq!(fault("7e08747261696c657273"), None, "its name with a legal value");
    assert_eq!(fault("be"), None);
    assert_eq!(fault("82"), Some(Violation::PseudoInTrailers));
    for _ in 0..2 {
        let length = decoder.decode(&hex("0f0d0137")).unwrap().outline.verdict(Section::Trailers);
        assert_eq!(length, Ok(Verdict { content_length: Some(7), status: 0 }), "also when remembered");
    }
}

#[test]
fn a_dropped_list_is_used_again_without_what_was_in_it() {
    let mut decoder = decoder();
    let first = decode(&mut decoder, &hex("4001610162"));
    first.set_attachment(Arc::new(1));
    let address = Arc::as_ptr(&first);
    let held = decode(&mut decoder, &hex("4001630164"));
    assert_ne!(Arc::as_ptr(&held), address, "the first list is in use");
    drop(first);
    let third = decode(&mut decoder, &hex("4001650166"));
    assert_eq!(Arc::as_ptr(&third), address);
    assert_eq!((lines(&third), lines(&held)), (vec!["e: f".to_owned()], vec!["c: d".to_owned()]));
    assert!(third.attachment().is_none());
    decoder.trim();
    drop(third);
    assert_eq!(lines(&decode(&mut decoder, &hex("be"))), ["e: f"]);
}

#[test]
fn a_field_larger_than_the_table_is_no_entry() {
    let mut decoder = decoder();
    decode(&mut decoder, &hex("203f01"));
    let fields = decode(&mut decoder, &hex("4001610162"));
    assert_eq!(fields.iter().next().unwrap().entry, None);
    assert_eq!(decoder.table().len(), 0);
}

#[test]
fn a_template_is_all_indexes_the_second_time_and_copied_the_third() {
    let mut encoder = Encoder::new();
    let template = Template::new(list(&[":status: 200", "content-type: application/grpc", "!key: secret"]));
    let first = encode(&mut encoder, Some(&template), &[]);
    let second = encode(&mut encoder, Some(&template), &[]);
    assert!(second.starts_with(&[0x88, 0xbe, 0x10]) && second.len() < first.len());
    let third = encode(&mut encoder, Some(&template), &["x: y"]);
    assert!(third.starts_with(&second));
    let mut decoder = decoder();
    for block in [first, second, third] {
        assert_eq!(
            lines(&decode(&mut decoder, &block))[..3],
            [":status: 200", "content-type: application/grpc", "!key: secret"]
        );
    }
}

#[test]
fn an_insertion_after_a_template_moves_its_indexes() {
    let mut encoder = Encoder::new();
    let mut decoder = decoder();
    let template = Template::new(list(&["content-type: application/grpc"]));
    for round in 0..10 {
        let value = format!("v: {}", round / 3);
        let block = encode(&mut encoder, Some(&template), &[&value]);
        assert_eq!(lines(&decode(&mut decoder, &block)), ["content-type: application/grpc", &value]);
    }
}

#[test]
fn a_template_as_large_as_the_table_does_not_push_itself_out() {
    let mut encoder = Encoder::new();
    let fields: Vec<_> = (0..20).map(|n| format!("name-{n}: {}", "v".repeat(400))).collect();
    let template = Template::new(list(&fields.iter().map(String::as_str).collect::<Vec<_>>()));
    let first = encode(&mut encoder, Some(&template), &[]);
    let generation = encoder.table().generation();
    let second = encode(&mut encoder, Some(&template), &[]);
    assert!(second.len() < first.len());
    assert_eq!(encode(&mut encoder, Some(&template), &[]), second);
    assert_eq!(encoder.table().generation(), generation);
}

#[test]
fn a_value_met_again_becomes_one_octet() {
    let mut encoder = Encoder::new();
    let lens: Vec<_> = (0..4).map(|_| encode(&mut encoder, None, &["x-tenant: blue"]).len()).collect();
    assert_eq!(lens[0], lens[1]);
    assert_eq!(lens[2..], [1, 1]);
}

#[test]
fn values_that_vary_leave_the_table_alone_but_for_the_name() {
    let mut encoder = Encoder::new();
    let mut lens = Vec::new();
    for id in 1000..2000 {
        let fields = [format!("x-request-id: {id}"), format!("date: {id}"), format!("!authorization: {id}")];
        lens.push(encode(&mut encoder, None, &fields.each_ref().map(String::as_str)).len());
    }
    assert_eq!(encoder.table().inserted(), 1);
    assert!(lens[999] < lens[0]);
}

#[test]
fn large_fields_are_never_inserted() {
    let mut encoder = Encoder::new();
    let large = format!("a: {}", "v".repeat(1024 - 32));
    for _ in 0..3 {
        encode(&mut encoder, None, &[&large]);
        encode(&mut encoder, Some(&Template::new(list(&[&large]))), &[]);
    }
    assert_eq!(encoder.table().inserted(), 0);
}

#[test]
fn rfc7541_4_2_the_encoder_announces_sizes() {
    for (sizes, announced) in [
        (&[4096][..], ""),
        (&[65_536], ""),
        (&[0], "20"),
        (&[100, 50], "3f13"),
        (&[0, 4096], "203fe11f"),
        (&[0, 4096, 100], "203f45"),
        (&[100, 4096, 65_536], "3f453fe11f"),
    ] {
        let mut encoder = Encoder::new();
        for &bytes in sizes {
            encoder.set_max_table_bytes(bytes);
        }
        let expected = [hex(announced), vec![0x82]].concat();
        assert_eq!(encode(&mut encoder, None, &[":method: GET"]), expected, "{sizes:?}");
        assert_eq!(encode(&mut encoder, None, &[":method: GET"]), [0x82][..]);
    }
}

#[test]
fn a_smaller_table_evicts_before_the_template_is_looked_up() {
    let mut encoder = Encoder::new();
    let mut decoder = decoder();
    let template = Template::new(list(&["content-type: application/grpc"]));
    for bytes in [4096, 4096, 60, 0, 4096, 4096] {
        encoder.set_max_table_bytes(bytes);
        let block = encode(&mut encoder, Some(&template), &[]);
        assert_eq!(lines(&decode(&mut decoder, &block)), ["content-type: application/grpc"]);
        assert_eq!(decoder.table().max_bytes(), bytes);
    }
}

/// What a connection may ask of an encoder.
#[derive(Clone, Debug)]
enum Step {
    Block { template: Option<usize>, fields: Vec<String> },
    TableBytes(usize),
}

fn any_line() -> impl Strategy<Value = String> {
    let name = prop_oneof!["[a-c]", "!?x-[a-c]{1,20}", Just(":path".into()), Just("cookie".into())];
    let value = prop_oneof!["[0-3]?", "[ -~]{0,60}", "[a-z]{0,3}", Just("v".repeat(1000)), Just("/".into())];
    (name, value).prop_map(|(name, value)| format!("{name}: {}", value.replace(": ", ":")))
}

fn any_step() -> impl Strategy<Value = Step> {
    let block = (prop::option::of(0..3_usize), prop::collection::vec(any_line(), 0..6))
        .prop_map(|(template, fields)| Step::Block { template, fields });
    let sizes = prop_oneof![Just(0), Just(4096), Just(100_000), 0..600_usize].prop_map(Step::TableBytes);
    prop_oneof![8 => block, 1 => sizes]
}

fn list_of(lines: &[String]) -> HeaderList {
    list(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        templates in prop::collection::vec(prop::collection::vec(any_line(), 0..6), 3),
        steps in prop::collection::vec(any_step(), 1..40),
    ) {
        let templates: Vec<_> = templates.iter().map(|lines| Template::new(list_of(lines))).collect();
        let mut encoder = Encoder::new();
        let mut decoder = decoder();
        for step in steps {
            let (template, fields) = match step {
                Step::TableBytes(bytes) => {
                    encoder.set_max_table_bytes(bytes);
                    continue;
                }
                Step::Block { template, fields } => (template.map(|index| &templates[index]), fields),
            };
            let mut block = b"before".to_vec();
            encoder.encode(Block { template, fields: &list_of(&fields) }, &mut block);
            let mut expected = template.map_or(Vec::new(), |template| lines(template.fields()));
            expected.extend(lines(&list_of(&fields)));
            prop_assert_eq!(lines(&decode(&mut decoder, &block[6..])), expected);
            prop_assert_eq!(decoder.table().bytes(), encoder.table().bytes());
            prop_assert_eq!(decoder.table().len(), encoder.table().len());
        }
    }

    #[test]
    fn remembering_changes_no_answer(
        blocks in prop::collection::vec(prop::collection::vec(any_octet(), 0..12), 1..8),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
    ) {
        let (mut remembering, mut forgetful) = (decoder(), decoder());
        for index in order {
            let block = index.get(&blocks);
            forgetful.forget_blocks();
            match (remembering.decode(block), forgetful.decode(block)) {
                (Ok(left), Ok(right)) => {
                    prop_assert_eq!(lines(&left.fields), lines(&right.fields));
                    prop_assert_eq!(left.overflow, right.overflow);
                }
                (left, right) => {
                    prop_assert_eq!(left.unwrap_err(), right.unwrap_err());
                    break;
                }
            }
        }
    }

    #[test]
    fn any_block_has_an_answer(block in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut decoder = Decoder::new(4096, BlockLimits { max_list_bytes: 300, max_fields: 8 }, no_class);
        if let Ok(decoded) = decoder.decode(&block) {
            prop_assert!(decoded.fields.list_bytes() <= 300 && decoded.fields.len() <= 8);
            prop_assert_eq!(decoded.fields.iter().count(), decoded.fields.len());
        }
        prop_assert!(decoder.table().bytes() <= 4096);
    }
}

/// Octets that make blocks of short literals and of indexes that may exist.
fn any_octet() -> impl Strategy<Value = u8> {
    prop_oneof![Just(0x40), Just(0), Just(1), Just(0x10), Just(0x20), 0x3e..0x42_u8, 0x81..0x84_u8, 0xbd..0xc1_u8]
}
