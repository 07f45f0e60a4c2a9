//! What can name a node.

use std::io;

use super::wire::invalid;

/// `XENSTORE_ABS_PATH_MAX`
const ABSOLUTE_PATH_MAX: usize = 3072;

/// `XENSTORE_REL_PATH_MAX`
const RELATIVE_PATH_MAX: usize = 2048;

/// Checks that `path` can name a node, as xenstored does (xen: `tools/xenstore/xenstored_core.c`,
/// `is_valid_nodename`).
///
/// It is done here as well because a NUL would end the path early and make the rest of it part of
/// the value.
///
/// # Errors
/// `InvalidInput`, quoting the path.
pub fn check_path(path: &str) -> io::Result<()> {
    let longest = if path.starts_with('/') {
        ABSOLUTE_PATH_MAX
    } else {
        RELATIVE_PATH_MAX
    };
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-/_@".contains(&byte);
    let well_formed =
        path == "/" || !(path.is_empty() || path.ends_with('/') || path.contains("//"));
    if well_formed && path.len() <= longest && path.bytes().all(legal) {
        return Ok(());
    }
    let shown: String = path.chars().take(80).collect();
    Err(invalid(format!("{shown:?} is not a xenstore path")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits() {
        let path = |length: usize| format!("/{}", "p".repeat(length - 1));
        assert!(check_path(&path(3072)).is_ok());
        assert!(check_path(&path(3073)).is_err());
        assert!(check_path(&"p".repeat(2048)).is_ok());
        assert!(check_path(&"p".repeat(2049)).is_err());
    }

    #[test]
    fn paths() {
        for good in [
            "/",
            "/a",
            "a/b",
            "/local/domain/0/backend/vbd/5/51714/hotplug-status",
            "@x",
            "A-Z_0",
        ] {
            assert!(check_path(good).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            "//",
            "/a/",
            "a/",
            "/a//b",
            "/a b",
            "/caf\u{e9}",
            "/q\0z",
            "/a\nb",
            "/a.b",
            "/$x",
        ] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_checked_path_cannot_break_out_of_its_field(path: String) {
            if check_path(&path).is_ok() {
                prop_assert!(!path.is_empty() && path.is_ascii() && !path.contains(['\0', ' ', '\n', '.']));
            }
        }
    }
}
