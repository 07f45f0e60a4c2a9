//! Who has a device open.

use serde::{Deserialize, Serialize};

/// A process which has a device open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opener {
    /// The process's name when it opened the device.
    pub process: String,
    /// Its number; it may be gone since (after `mount`).
    pub pid: u32,
    /// Whether it opened the device for writing.
    pub writer: bool,
    /// When, in milliseconds since the epoch.
    #[serde(default)]
    pub since_ms: u64,
    /// When it closes the device again; `None` is never.
    #[serde(default)]
    pub until_ms: Option<u64>,
    /// Whether the open promoted the resource (9), which the last close takes back.
    #[serde(default)]
    pub promoted: bool,
}

impl Opener {
    /// A process which reads.
    #[must_use]
    pub fn reader(process: &str, pid: u32) -> Self {
        Self {
            process: process.to_owned(),
            pid,
            writer: false,
            since_ms: 0,
            until_ms: None,
            promoted: false,
        }
    }

    /// A process which writes.
    #[must_use]
    pub fn writer(process: &str, pid: u32) -> Self {
        Self {
            writer: true,
            ..Self::reader(process, pid)
        }
    }

    /// The line 9 prints after a refused demotion: `drbd1 opened by sh (pid 7454) at DATE`.
    #[must_use]
    pub fn describe(&self, minor: u32) -> String {
        format!(
            "drbd{minor} opened by {} (pid {}) at {}\n",
            self.process,
            self.pid,
            date(self.since_ms)
        )
    }
}

/// `2026-11-22 05:29:38.320`, in UTC.
fn date(ms: u64) -> String {
    let (days, in_day) = (ms / 86_400_000, ms % 86_400_000);
    // Days since 0000-03-01, by the civil calendar's 400-year eras.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}.{:03}",
        in_day / 3_600_000,
        in_day / 60_000 % 60,
        in_day / 1000 % 60,
        in_day % 1000
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(super::date(0), "1970-01-01 00:00:00.000");
        assert_eq!(super::date(951_782_400_000), "2000-02-29 00:00:00.000");
        assert_eq!(super::date(1_795_325_378_320), "2026-11-22 05:29:38.320");
    }
}
