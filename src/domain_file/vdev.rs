//! The number of a virtual device (xen: `tools/libs/light/libxl_device.c`
//! `libxl__device_disk_dev_number`; xen-vbd-interface(7)).

/// Its number; `None` when libxl knows no such device.
#[must_use]
pub fn number(name: &str) -> Option<u32> {
    if let Some((disk, partition)) = short_form(name).or_else(|| lettered(name, "xvd", 255)) {
        if disk >= 1 << 20 {
            return None;
        }
        return Some(if disk <= 15 && partition <= 15 {
            (202 << 8) | (disk << 4) | partition
        } else {
            (1 << 28) | (disk << 8) | partition
        });
    }
    if let Some(number) = any_base(name) {
        return (number <= i32::MAX.unsigned_abs()).then_some(number);
    }
    if let Some((disk @ 0..=3, partition)) = lettered(name, "hd", 63) {
        let major = if disk < 2 { 3 } else { 22 };
        return Some((major << 8) | ((disk & 1) << 6) | partition);
    }
    let (disk, partition) = lettered(name, "sd", 15)?;
    (disk <= 15).then_some((8 << 8) | (disk << 4) | partition)
}

/// `d5p1`.
fn short_form(name: &str) -> Option<(u32, u32)> {
    let (disk, partition) = name.strip_prefix('d')?.split_once('p')?;
    let (disk, partition) = (any_base(disk)?, any_base(partition)?);
    (partition < 256).then_some((disk, partition))
}

/// `xvda2`: letters count as digits of base 26, then a partition without leading zeros.
fn lettered(name: &str, prefix: &str, last_partition: u32) -> Option<(u32, u32)> {
    let rest = name.strip_prefix(prefix)?;
    let end = rest.find(|c: char| !c.is_ascii_lowercase());
    let (letters, digits) = rest.split_at(end.unwrap_or(rest.len()));
    let disk = letters
        .bytes()
        .try_fold(None, |disk: Option<u32>, letter| {
            let disk = disk.map_or(0, |d| d + 1) * 26 + u32::from(letter - b'a');
            (disk < 1 << 20).then_some(Some(disk))
        })??;
    if digits.is_empty() {
        return Some((disk, 0));
    }
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    let partition = digits.parse().ok().filter(|_| plain)?;
    (partition <= last_partition).then_some((disk, partition))
}

/// Decimal, octal behind a 0, hexadecimal behind 0x.
fn any_base(text: &str) -> Option<u32> {
    let (digits, base) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let plain = digits.bytes().all(|b| b.is_ascii_alphanumeric());
    u32::from_str_radix(digits, base).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn devices_have_the_numbers_that_libxl_gives_them() {
        for (name, expected) in [
            ("xvda", 51712),
            ("xvda2", 51714),
            ("xvdb", 51728),
            ("xvdp15", 51967),
            ("xvdq", (1 << 28) | (16 << 8)),
            ("xvda16", (1 << 28) | 16),
            ("xvdaa", (1 << 28) | (26 << 8)),
            ("d0p0", 51712),
            ("d16p1", (1 << 28) | (16 << 8) | 1),
            ("hda", 768),
            ("hdc", 5632),
            ("hdd1", 5697),
            ("sda", 2048),
            ("sda2", 2050),
            ("51714", 51714),
            ("0xca02", 51714),
        ] {
            assert_eq!(number(name), Some(expected), "{name}");
        }
        for name in [
            "",
            "xvd",
            "xvdA",
            "xvda02",
            "xvda256",
            "hde",
            "hda64",
            "sdq",
            "sda16",
            "vda",
            "/dev/xvda",
            "xvda2 ",
            "d0",
            "d0p256",
            "d1048576p0",
            "xvdzzzzzzzzzzzz",
            "-1",
            "99999999999",
            "xvda-1",
            "disk",
        ] {
            assert_eq!(number(name), None, "{name}");
        }
    }
}
