//! What xenstored answers when it refuses, as [`io::Error`].

use std::fmt;
use std::io::{self, ErrorKind};

use super::wire::Request;

/// A refusal by xenstored: the payload of the [`io::Error`] of a call which xenstored answered with
/// an error.
#[derive(Debug)]
pub struct Refused {
    name: Box<str>,
    request: Request,
    path: Box<str>,
}

impl Refused {
    /// The error's name in the protocol, such as `EACCES`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.request {
            Request::Directory | Request::DirectoryPart => "list",
            Request::Read => "read",
            Request::Write => "write",
            Request::Rm => "remove",
            Request::TransactionStart => "begin a transaction",
            Request::TransactionEnd => "commit a transaction",
            Request::Watch => "watch",
        };
        write!(f, "xenstored refused to {action}")?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        write!(f, ": {}", self.name)
    }
}

impl std::error::Error for Refused {}

/// The error for a reply `name` to `request` about `path` (empty if it is about none).
///
/// Its kind follows from the name; a name which is not in the protocol's list (xen:
/// `xen/include/public/io/xs_wire.h`, `xsd_errors`, and oxenstored's `EQUOTA`) becomes `Other`.
#[must_use]
pub fn refused(name: &str, request: Request, path: &str) -> io::Error {
    let kind = match name {
        "ENOENT" => ErrorKind::NotFound,
        "EACCES" | "EPERM" => ErrorKind::PermissionDenied,
        "EAGAIN" => ErrorKind::WouldBlock,
        "EINVAL" => ErrorKind::InvalidInput,
        "EEXIST" => ErrorKind::AlreadyExists,
        "EISDIR" => ErrorKind::IsADirectory,
        "ENOTEMPTY" => ErrorKind::DirectoryNotEmpty,
        "E2BIG" => ErrorKind::ArgumentListTooLong,
        "ENOMEM" => ErrorKind::OutOfMemory,
        "ENOSPC" | "EQUOTA" => ErrorKind::StorageFull,
        "ENOSYS" => ErrorKind::Unsupported,
        "EROFS" => ErrorKind::ReadOnlyFilesystem,
        "EBUSY" => ErrorKind::ResourceBusy,
        _ => ErrorKind::Other,
    };
    // The name comes from outside: keep what is printed short and printable.
    let name: String = name
        .chars()
        .filter(char::is_ascii_graphic)
        .take(40)
        .collect();
    io::Error::new(
        kind,
        Refused {
            name: name.into(),
            request,
            path: path.into(),
        },
    )
}

/// The name xenstored gave for `error`, if it was xenstored that refused.
#[must_use]
pub fn refusal(error: &io::Error) -> Option<&str> {
    error
        .get_ref()?
        .downcast_ref::<Refused>()
        .map(Refused::name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_name_stays_visible() {
        let error = refused("EACCES", Request::Write, "/local/domain/0/x");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(
            error.to_string(),
            "xenstored refused to write /local/domain/0/x: EACCES"
        );
        assert_eq!(refusal(&error), Some("EACCES"));
        assert_eq!(refusal(&io::Error::from(ErrorKind::NotFound)), None);
    }

    #[test]
    fn any_name_is_tolerated() {
        for (name, kind) in [
            ("EIO", ErrorKind::Other),
            ("ENEW", ErrorKind::Other),
            ("", ErrorKind::Other),
        ] {
            assert_eq!(refused(name, Request::Read, "/a").kind(), kind);
        }
        let hostile = refused("E\x1b[2J\n", Request::TransactionEnd, "");
        assert_eq!(
            hostile.to_string(),
            "xenstored refused to commit a transaction: E[2J"
        );
    }
}
