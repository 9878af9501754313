//! What the kernel says of the daemon's process, under the names that every Prometheus client has for it.

use std::{fmt, fs};

use nix::{
    sys::resource::{Resource, getrlimit},
    unistd::{SysconfVar, sysconf},
};

use super::{Family, sheet::Sheet};

const CPU: Family = Family::counter(
    "process_cpu_seconds_total",
    &[],
    "CPU time of the daemon, in user space and in the kernel",
);
const RESIDENT: Family =
    Family::gauge("process_resident_memory_bytes", &[], "Memory that the daemon has in use");
const VIRTUAL: Family = Family::gauge("process_virtual_memory_bytes", &[], "Address space of the daemon");
const FDS: Family = Family::gauge("process_open_fds", &[], "File descriptors that the daemon has open");
const MAX_FDS: Family = Family::gauge("process_max_fds", &[], "File descriptors that it may have open");
const THREADS: Family = Family::gauge("process_threads", &[], "Threads of the daemon");
const START: Family =
    Family::gauge("process_start_time_seconds", &[], "When the daemon's process started, since 1970");

pub const FAMILIES: &[Family] = &[CPU, RESIDENT, VIRTUAL, FDS, MAX_FDS, THREADS, START];

/// A process; what could not be read is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    cpu_seconds: Option<f64>,
    resident_bytes: Option<u64>,
    virtual_bytes: Option<u64>,
    open_fds: Option<u64>,
    max_fds: Option<u64>,
    threads: Option<u64>,
    started: Option<f64>,
}

impl Process {
    /// This one, as it is.
    pub fn read() -> Self {
        let number = |variable| sysconf(variable).ok().flatten().and_then(|it| u64::try_from(it).ok());
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| booted(&text));
        let process = Self {
            open_fds: fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count() as u64),
            max_fds: getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft),
            ..Self::default()
        };
        match (number(SysconfVar::CLK_TCK), number(SysconfVar::PAGE_SIZE)) {
            (Some(ticks), Some(page)) => process.with(&stat, boot, ticks, page),
            _ => process,
        }
    }

    /// With what `/proc/PID/stat` says, proc_pid_stat(5): so many ticks are a second, so many bytes a page.
    fn with(self, stat: &str, boot: Option<u64>, ticks: u64, page: u64) -> Self {
        // The second field is a name that may have blanks and parentheses in it. What follows begins with the third.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
        let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok());
        let seconds = |number| Some(field(number)? as f64 / ticks as f64);
        Self {
            cpu_seconds: seconds(14).zip(seconds(15)).map(|(user, system)| user + system),
            threads: field(20),
            started: seconds(22).zip(boot).map(|(started, boot)| started + boot as f64),
            virtual_bytes: field(23),
            resident_bytes: field(24).map(|pages| pages * page),
            ..self
        }
    }
}

/// When the machine was booted, by `/proc/stat`.
fn booted(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

pub fn write(sheet: &mut Sheet<'_>, process: &Process) -> fmt::Result {
    sheet.any(&CPU, process.cpu_seconds)?;
    sheet.any(&RESIDENT, process.resident_bytes)?;
    sheet.any(&VIRTUAL, process.virtual_bytes)?;
    sheet.any(&FDS, process.open_fds)?;
    sheet.any(&MAX_FDS, process.max_fds)?;
    sheet.any(&THREADS, process.threads)?;
    sheet.any(&START, process.started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name() {
        let line =
            "42 (a) b (c)) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 7 0 12345 1048576 512 1844 rest";
        let process = Process::default().with(line, booted("cpu 1 2\nbtime 1000\nprocesses 3\n"), 100, 4096);
        assert_eq!(process.cpu_seconds, Some(3.0));
        assert_eq!(process.threads, Some(7));
        assert_eq!(process.started, Some(1123.45));
        assert_eq!((process.virtual_bytes, process.resident_bytes), (Some(1 << 20), Some(2 << 20)));
        assert_eq!(Process::default().with("", None, 100, 4096), Process::default());
    }

    #[test]
    fn this_process_is_read() {
        let process = Process::read();
        assert!(process.resident_bytes.unwrap() > 1 << 16, "{process:?}");
        assert!(process.open_fds.unwrap() >= 3 && process.threads.unwrap() >= 1, "{process:?}");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!((now - 86_400.0..=now + 1.0).contains(&process.started.unwrap()), "{process:?}");
    }
}
