//! Tests of the detection.

use super::*;

fn look(bytes: &[u8]) -> Look {
    detect(bytes).expect("readable")
}

#[test]
fn utf8_with_and_without_a_mark_and_latin_1_are_told_apart() {
    assert_eq!(look("name\nJürgen".as_bytes()), Look { encoding: UTF_8, mark: 0 });
    assert_eq!(look(b"\xEF\xBB\xBFname\nJ\xFCrgen"), Look { encoding: UTF_8, mark: 3 });
    assert_eq!(look(b"name\nJ\xFCrgen\nM\xFCller").encoding, WINDOWS_1252);
    assert_eq!(look(b"plain").encoding, UTF_8);
}

#[test]
fn a_broken_byte_among_good_letters_does_not_change_the_encoding() {
    let mut bytes = "ä,ö,ü,ß\n".repeat(50).into_bytes();
    bytes.extend(b"\xFF\n");
    assert_eq!(look(&bytes).encoding, UTF_8);
}

#[test]
fn a_letter_across_two_reads_is_one_letter() {
    struct Slow<'a>(&'a [u8]);
    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(1);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }
    assert_eq!(detect(Slow("€uro ü".as_bytes())).expect("readable").encoding, UTF_8);
}

#[test]
fn utf16_is_refused_in_words() {
    assert!(matches!(detect(&b"\xFF\xFEn\0"[..]), Err(Error::Utf16)));
    assert!(named("utf-16le").is_err());
    assert_eq!(named("latin1").expect("known"), WINDOWS_1252);
}
