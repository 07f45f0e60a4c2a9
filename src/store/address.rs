//! Where xenstored is found.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// A socket or device behind which xenstored may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The variable which named it, if one did.
    pub variable: Option<&'static str>,
    /// Its file.
    pub path: PathBuf,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match self.variable {
            Some(variable) => write!(f, " (named by {variable})"),
            None => Ok(()),
        }
    }
}

/// The places to try, in this order; `environment` looks a variable up.
///
/// The order is libxenstore's (xen: `tools/libs/store/xs.c`, `xs_open`, and
/// `tools/include/xen-tools/xenstore-common.h`), with one difference: a place named by a variable
/// is the only one, so that a mistaken test cannot reach the host's own store.
pub fn addresses(environment: impl Fn(&str) -> Option<OsString>) -> Vec<Address> {
    let named = |variable, path: PathBuf| {
        vec![Address {
            variable: Some(variable),
            path,
        }]
    };
    if let Some(path) = environment("XENSTORED_PATH") {
        return named("XENSTORED_PATH", path.into());
    }
    if let Some(directory) = environment("XENSTORED_RUNDIR") {
        return named("XENSTORED_RUNDIR", PathBuf::from(directory).join("socket"));
    }
    [
        "/run/xenstored/socket",
        "/var/run/xenstored/socket",
        "/dev/xen/xenbus",
        "/proc/xen/xenbus",
    ]
    .map(|path| Address {
        variable: None,
        path: path.into(),
    })
    .into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn with(set: &[(&str, &str)]) -> Vec<String> {
        addresses(|name| {
            set.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.into())
        })
        .iter()
        .map(ToString::to_string)
        .collect()
    }

    #[test]
    fn without_variables() {
        let expected = [
            "/run/xenstored/socket",
            "/var/run/xenstored/socket",
            "/dev/xen/xenbus",
            "/proc/xen/xenbus",
        ];
        assert_eq!(with(&[]), expected);
    }

    #[test]
    fn a_variable_leaves_no_other_place() {
        assert_eq!(
            with(&[("XENSTORED_PATH", "/x/s")]),
            ["/x/s (named by XENSTORED_PATH)"]
        );
        assert_eq!(
            with(&[("XENSTORED_RUNDIR", "/x")]),
            ["/x/socket (named by XENSTORED_RUNDIR)"]
        );
        assert_eq!(
            with(&[("XENSTORED_RUNDIR", "/x"), ("XENSTORED_PATH", "/y")]),
            ["/y (named by XENSTORED_PATH)"]
        );
        assert_eq!(
            with(&[("XENSTORED_PATH", "")]),
            [" (named by XENSTORED_PATH)"]
        );
    }
}
