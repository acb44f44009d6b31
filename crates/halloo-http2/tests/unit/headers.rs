//! Tests of `src/headers.rs`.

use super::*;

#[test]
fn fields_keep_order_text_and_sensitivity() {
    let mut list = HeaderList::with_capacity(2, 16);
    list.push(b"a", b"");
    list.push_sensitive(b"b", b"secret");
    list.push(b"a", b"2");
    let fields: Vec<_> = list.iter().map(|f| (f.name, f.value, f.sensitive)).collect();
    assert_eq!(
        fields,
        [(&b"a"[..], &b""[..], false), (&b"b"[..], &b"secret"[..], true), (&b"a"[..], &b"2"[..], false)]
    );
    assert_eq!(list.iter().len(), 3);
    assert_eq!(list.list_bytes(), 3 + 7 + 3 * 32);
    assert_eq!(list.find(b"a"), Some(&b""[..]));
    assert_eq!(list.find(b"c"), None);
    assert_eq!(format!("{list:?}"), "[a: , b: <sensitive>, a: 2]");
}

#[test]
fn clearing_and_cloning_leave_the_attachment_behind() {
    let mut list = HeaderList::new();
    list.push(b"a", b"1");
    list.set_attachment(Arc::new(7_u32));
    list.set_attachment(Arc::new(8_u32));
    let attached = list.attachment().and_then(|any| any.downcast_ref::<u32>());
    assert_eq!(attached, Some(&7));
    assert!(list.clone().attachment().is_none());
    list.clear();
    assert!(list.attachment().is_none() && list.is_empty() && list.list_bytes() == 0);
}

#[test]
fn ids_tell_static_from_inserted() {
    assert_eq!(EntryId::fixed(61).static_index(), Some(61));
    assert_eq!(EntryId::fixed(61).ordinal(), None);
    assert_eq!(EntryId::inserted(1).static_index(), None);
    assert_eq!(EntryId::inserted(1).ordinal(), Some(1));
}

#[test]
fn templates_have_ids_of_their_own_and_clones_share_them() {
    let (one, two) = (Template::new(HeaderList::new()), Template::new(HeaderList::new()));
    assert_ne!(one.id(), two.id());
    assert_eq!(one.clone().id(), one.id());
}
