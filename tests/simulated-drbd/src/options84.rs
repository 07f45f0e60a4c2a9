//! The options of DRBD 8.4, in the order in which they are printed.

use crate::options::Kind::{Flag, Text, Word};
use crate::options::Known;

/// Options of a resource.
pub const RESOURCE: &[Known] = &[
    Known("cpu-mask", "", "", Text),
    Known("on-no-data-accessible", "io-error", "", Word),
];

/// Options of the connection.
pub const NET: &[Known] = &[
    Known("protocol", "C", "", Word),
    Known("timeout", "60", "1/10 seconds", Word),
    Known("max-epoch-size", "2048", "", Word),
    Known("max-buffers", "2048", "", Word),
    Known("unplug-watermark", "128", "", Word),
    Known("connect-int", "10", "seconds", Word),
    Known("ping-int", "10", "seconds", Word),
    Known("sndbuf-size", "0", "bytes", Word),
    Known("rcvbuf-size", "0", "bytes", Word),
    Known("ko-count", "7", "", Word),
    Known("allow-two-primaries", "no", "", Flag),
    Known("cram-hmac-alg", "", "", Text),
    Known("shared-secret", "", "", Text),
    Known("after-sb-0pri", "disconnect", "", Word),
    Known("after-sb-1pri", "disconnect", "", Word),
    Known("after-sb-2pri", "disconnect", "", Word),
    Known("always-asbp", "no", "", Flag),
    Known("rr-conflict", "disconnect", "", Word),
    Known("ping-timeout", "5", "1/10 seconds", Word),
    Known("data-integrity-alg", "", "", Text),
    Known("tcp-cork", "yes", "", Flag),
    Known("on-congestion", "block", "", Word),
    Known("congestion-fill", "0s", "bytes", Word),
    Known("congestion-extents", "1237", "", Word),
    Known("csums-alg", "", "", Text),
    Known("csums-after-crash-only", "no", "", Flag),
    Known("verify-alg", "", "", Text),
    Known("use-rle", "yes", "", Flag),
    Known("socket-check-timeout", "0", "", Word),
];

/// Options of a disk.
pub const DISK: &[Known] = &[
    Known("size", "0s", "bytes", Word),
    Known("max-bio-bvecs", "0", "", Word),
    Known("on-io-error", "detach", "", Word),
    Known("fencing", "dont-care", "", Word),
    Known("disk-barrier", "no", "", Flag),
    Known("disk-flushes", "yes", "", Flag),
    Known("disk-drain", "yes", "", Flag),
    Known("md-flushes", "yes", "", Flag),
    Known("resync-rate", "250k", "bytes/second", Word),
    Known("resync-after", "-1", "", Word),
    Known("al-extents", "1237", "", Word),
    Known("al-updates", "yes", "", Flag),
    Known("discard-zeroes-if-aligned", "yes", "", Flag),
    Known("disable-write-same", "no", "", Flag),
    Known("c-plan-ahead", "20", "1/10 seconds", Word),
    Known("c-delay-target", "10", "1/10 seconds", Word),
    Known("c-fill-target", "100s", "bytes", Word),
    Known("c-max-rate", "102400k", "bytes/second", Word),
    Known("c-min-rate", "250k", "bytes/second", Word),
    Known("disk-timeout", "0", "1/10 seconds", Word),
    Known("read-balancing", "prefer-local", "", Word),
    Known("rs-discard-granularity", "0", "", Word),
];
