//! The Huffman code of RFC 7541 appendix B, as far as the load's own texts need it.
//!
//! The code is canonical: within one length, codes count up in the order of the characters.

/// Characters by the length of their code, with the first code of that length.
const CODES: [(u8, u32, &[u8]); 4] = [
    (5, 0x0, b"012aceiost"),
    (6, 0x14, b" %-./3456789=A_bdfghlmnpru"),
    (7, 0x5c, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, 0xf8, b"&*,;XZ"),
];

/// A character's code in its low bits, and how many bits that are.
#[derive(Clone, Copy)]
struct Code {
    code: u32,
    bits: u8,
}

static TABLE: [Code; 128] = table();

const fn table() -> [Code; 128] {
    let mut table = [Code { code: 0, bits: 0 }; 128];
    let mut row = 0;
    while row < CODES.len() {
        let (bits, first, characters) = CODES[row];
        let mut at = 0;
        while at < characters.len() {
            table[characters[at] as usize] = Code { code: first + at as u32, bits };
            at += 1;
        }
        row += 1;
    }
    table
}

/// Appends a string literal: its length and its code.
///
/// # Panics
/// For a character without a code here, and for a string whose code has 127 bytes or more.
pub(crate) fn put_string(text: &[u8], out: &mut Vec<u8>) {
    let length_at = out.len();
    out.push(0);
    let (mut waiting, mut bits) = (0_u64, 0_u32);
    for &character in text {
        let Code { code, bits: more } = TABLE[character as usize & 127];
        assert!(more > 0, "{:?} has no code here", character as char);
        waiting = waiting << more | u64::from(code);
        bits += u32::from(more);
        if bits >= 32 {
            bits -= 32;
            out.extend_from_slice(&((waiting >> bits) as u32).to_be_bytes());
        }
    }
    // The rest is filled up with ones, the beginning of the code for the end.
    while bits >= 8 {
        bits -= 8;
        out.push((waiting >> bits) as u8);
    }
    if bits > 0 {
        out.push((waiting << (8 - bits)) as u8 | 0xff >> bits);
    }
    let len = out.len() - length_at - 1;
    assert!(len < 127, "a string of {len} bytes is too long for the load");
    out[length_at] = 0x80 | len as u8;
}

#[cfg(test)]
mod tests {
    use super::put_string;

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 7541 appendices C.4.1, C.4.2 and C.6.1.
        for (text, code) in [
            ("www.example.com", &[0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff][..]),
            ("no-cache", &[0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]),
            ("private", &[0x85, 0xae, 0xc3, 0x77, 0x1a, 0x4b]),
        ] {
            let mut out = Vec::new();
            put_string(text.as_bytes(), &mut out);
            assert_eq!(out, code, "{text}");
        }
    }
}
