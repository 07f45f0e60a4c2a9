//! A promotion that outlived whoever began it: a `drbdsetup primary` in uninterruptible sleep was
//! killed and is not dead (DRBD 8.4 with frozen I/O), so the kernel may still complete it.

use std::fs;

use crate::root::Root;

/// Whether such a program runs for that resource.
#[must_use]
pub fn is_promoting(root: &Root, resource: &str, minors: &[u32]) -> bool {
    commands(root).any(|line| promotes(&line, resource, minors))
}

/// The command lines of all processes, their words parted by NUL.
pub fn commands(root: &Root) -> impl Iterator<Item = String> {
    let processes = fs::read_dir(root.join("/proc")).into_iter().flatten();
    processes
        .flatten()
        .filter(|p| p.file_name().to_string_lossy().parse::<u32>().is_ok())
        .filter_map(|p| fs::read(p.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).into_owned())
}

/// `drbdsetup primary NAME`, or `drbdsetup-84 primary MINOR`.
#[must_use]
pub fn promotes(line: &str, resource: &str, minors: &[u32]) -> bool {
    let mut words = line.split('\0');
    let program = words.next().and_then(|path| path.rsplit('/').next());
    if !program.is_some_and(|p| p.starts_with("drbdsetup")) || words.next() != Some("primary") {
        return false;
    }
    let subject = words.next().unwrap_or_default();
    subject == resource || subject.parse().is_ok_and(|minor| minors.contains(&minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_promotion_of_that_resource_counts() {
        for (line, expected) in [
            ("/lib/drbd/drbdsetup-84\0primary\x001\0", true),
            ("/usr/sbin/drbdsetup\0primary\0web-root\0", true),
            ("drbdsetup\0primary\x002\0", false),
            ("drbdsetup\0secondary\0web-root\0", false),
            ("sh\0primary\0web-root\0", false),
            ("", false),
        ] {
            assert_eq!(promotes(line, "web-root", &[1]), expected, "{line:?}");
        }
    }
}
