//! The xenstore wire protocol: messages to bytes and back, without any I/O.
//!
//! Source: xen: `xen/include/public/io/xs_wire.h` and `docs/misc/xenstore.txt`.

use std::io::{self, ErrorKind};

/// Bytes of a message's header: type, request id, transaction id, payload length.
pub const HEADER: usize = 16;

/// Longest message sent, header included.
///
/// `XENSTORE_PAYLOAD_MAX` allows the payload alone as much, but Linux gathers a whole message in a
/// buffer of that size before it passes it on (linux: `drivers/xen/xenbus/xenbus_dev_frontend.c`).
pub const MESSAGE_MAX: usize = 4096;

/// Longest reply read.  C xenstored stays below 4096, oxenstored sends directory listings of any
/// size.
pub const REPLY_MAX: usize = 1 << 20;

/// `XS_WATCH_EVENT`: sent by xenstored on its own, between replies.
pub const WATCH_EVENT: u32 = 15;

/// `XS_ERROR`: the reply to a request which failed.
pub const ERROR: u32 = 16;

/// The requests this program makes; a reply bears the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Request {
    /// Names of a node's children.
    Directory = 1,
    /// Value of a node.
    Read = 2,
    /// Tell of changes to a node and to all below it.
    Watch = 4,
    /// Begin a transaction; the reply is its id in decimal.
    TransactionStart = 6,
    /// Commit or abort a transaction.
    TransactionEnd = 7,
    /// Set the value of a node, creating it and its parents.
    Write = 11,
    /// Remove a node and all below it.
    Rm = 13,
    /// Names of a node's children from an offset on.
    DirectoryPart = 22,
}

/// The header of a message received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// A [`Request`] as a number, [`ERROR`] or [`WATCH_EVENT`].
    pub kind: u32,
    /// The id of the request which is answered.
    pub request: u32,
    /// Bytes of payload which follow.
    pub length: usize,
}

impl Header {
    /// Decodes a header.
    ///
    /// # Errors
    /// `InvalidData` if the payload announced exceeds [`REPLY_MAX`].
    pub fn decode(bytes: [u8; HEADER]) -> io::Result<Self> {
        let word = |at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let length = usize::try_from(word(12)).unwrap_or(usize::MAX);
        if length > REPLY_MAX {
            return Err(malformed(&format!("a reply of {length} bytes")));
        }
        Ok(Self {
            kind: word(0),
            request: word(4),
            length,
        })
    }
}

/// Encodes a request whose payload is `parts`, one after the other.
///
/// # Errors
/// `InvalidInput` if the message is longer than [`MESSAGE_MAX`], or if its payload is empty:
/// oxenstored does not answer such a message before more bytes arrive.
pub fn encode(
    kind: Request,
    request: u32,
    transaction: u32,
    parts: &[&[u8]],
) -> io::Result<Vec<u8>> {
    let total: usize = parts.iter().map(|part| part.len()).sum();
    let fits = u32::try_from(total)
        .ok()
        .filter(|_| total <= MESSAGE_MAX - HEADER);
    let Some(length) = fits.filter(|length| *length > 0) else {
        return Err(invalid(format!(
            "a xenstore request cannot carry {total} bytes"
        )));
    };
    let mut message = Vec::with_capacity(HEADER + total);
    for word in [kind as u32, request, transaction, length] {
        message.extend_from_slice(&word.to_ne_bytes());
    }
    for part in parts {
        message.extend_from_slice(part);
    }
    Ok(message)
}

/// Checks that `value` can be stored and read back as text.
///
/// # Errors
/// `InvalidInput` if it contains a NUL, at which C programs would end it.
pub fn check_value(value: &str) -> io::Result<()> {
    if value.contains('\0') {
        Err(invalid(format!("xenstore value {value:?} contains a NUL")))
    } else {
        Ok(())
    }
}

/// The text of a value, without the NUL which some writers leave at its end. What is not UTF-8 is replaced,
/// by U+FFFD: somebody's name in Latin-1 must not keep a disk from its guest, nor a resource Primary.
#[must_use]
pub fn value(mut bytes: Vec<u8>) -> Box<str> {
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    String::from_utf8_lossy(&bytes).into()
}

/// The names in a directory listing, each ended by a NUL.
///
/// # Errors
/// `InvalidData` if one is not UTF-8.
pub fn names(listing: &[u8]) -> io::Result<Vec<Box<str>>> {
    listing
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let name = std::str::from_utf8(name);
            name.map(Into::into)
                .map_err(|_| malformed("a name which is not UTF-8"))
        })
        .collect()
}

pub(super) fn malformed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("xenstored sent {what}"))
}

pub(super) fn invalid(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, what)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_neither_empty_nor_too_long() {
        assert!(encode(Request::Write, 1, 0, &[&[b'x'; 4080]]).is_ok_and(|m| m.len() == 4096));
        assert!(encode(Request::Write, 1, 0, &[&[b'x'; 4080], b"y"]).is_err());
        assert!(encode(Request::Read, 1, 0, &[]).is_err());
    }

    #[test]
    fn one_trailing_nul_is_not_part_of_a_value() {
        assert_eq!(&*value(b"hello\0".to_vec()), "hello");
        assert_eq!(&*value(b"a\0b".to_vec()), "a\0b");
        assert_eq!(&*value(b"caf\xe9".to_vec()), "caf\u{fffd}");
        assert!(check_value("a\0b").is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(id: u32, transaction: u32, parts in vec(vec(any::<u8>(), 1..600), 1..5)) {
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let message = encode(Request::Write, id, transaction, &slices).unwrap();
            let (header, body) = message.split_at(HEADER);
            let decoded = Header::decode(header.try_into().unwrap()).unwrap();
            prop_assert_eq!(decoded, Header { kind: 11, request: id, length: body.len() });
            prop_assert_eq!(&header[8..12], &transaction.to_ne_bytes()[..]);
            prop_assert_eq!(body, parts.concat());
        }

        #[test]
        fn no_bytes_panic(header: [u8; HEADER], body in vec(any::<u8>(), 0..5000)) {
            if let Ok(header) = Header::decode(header) {
                prop_assert!(header.length <= REPLY_MAX);
            }
            let _ = value(body.clone());
            if let Ok(names) = names(&body) {
                prop_assert!(names.iter().all(|name| !name.is_empty() && !name.contains('\0')));
            }
        }

        #[test]
        fn names_round_trip(expected in vec("[a-zA-Z0-9_@-]{1,20}", 0..50)) {
            let listing = expected.iter().fold(String::new(), |listing, name| listing + name + "\0");
            let found = names(listing.as_bytes()).unwrap();
            prop_assert!(found.iter().map(|name| &**name).eq(expected.iter().map(String::as_str)));
        }
    }
}
