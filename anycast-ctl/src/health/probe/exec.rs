//! A program of the operator's, under a supervisor that lets nothing of it outlive the check.

use std::{
    env,
    ffi::OsString,
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStdout, Command},
};

use self::report::{End, Report};
use super::{Context, Target, deadline::Deadline, fault::Fault, search::Search};
use crate::model::Payload;

mod family;
mod report;
pub mod supervisor;

/// Where programs look for others when this one was not told.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long the supervisor may take to end what the program began, beyond the timeout, before the check ends without it.
const PATIENCE: Duration = Duration::from_millis(500);

pub async fn ask(
    command: &[String],
    expect: Option<&Payload>,
    target: &Target,
    deadline: &Deadline,
    context: &Context,
) -> Result<String, Fault> {
    let mut child =
        start(command, target, context).map_err(|error| Fault::local("start the supervisor", &error))?;
    let output = child.stdout.take();
    let read = deadline.during("still running: no end", read(output)).await;
    // The supervisor saw its reader go, or has ended.
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
    if ended.is_err() {
        // It goes on killing; somebody has to take note of its end.
        tokio::spawn(async move { child.wait().await });
    }
    let report = read?.map_err(|error| Fault::local("listen to the supervisor", &error))?;
    match Report::read(&report) {
        Some(report) => judge(&report, command, expect),
        None => Err(Fault::own(format!("the supervisor did not report: {}", told(ended)))),
    }
}

fn start(command: &[String], target: &Target, context: &Context) -> io::Result<Child> {
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from(DEFAULT_PATH));
    Command::new(&context.supervisor)
        .args([supervisor::COMMAND, "--"])
        .args(command)
        .env_clear()
        .env("PATH", path)
        .env("ANYCAST_BACKEND", &target.label)
        .env("ANYCAST_ADDRESS", target.address.to_string())
        .env("ANYCAST_PORT", target.port.to_string())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
}

/// All that the supervisor says, which is not more than a report.
async fn read(output: Option<ChildStdout>) -> io::Result<Vec<u8>> {
    let mut report = Vec::new();
    if let Some(output) = output {
        output.take(report::MAX_BYTES).read_to_end(&mut report).await?;
    }
    Ok(report)
}

fn judge(report: &Report<'_>, command: &[String], expect: Option<&Payload>) -> Result<String, Fault> {
    let said = || match String::from_utf8_lossy(report.output.get(..256).unwrap_or(report.output)).trim() {
        "" => String::new(),
        text => format!(", output {}", crate::spelling::quoted(text)),
    };
    match report.end {
        End::Exited(0) => {
            if let Some(expect) = expect {
                let mut search = Search::new(&expect.bytes);
                if !search.push(report.output) {
                    return Err(Fault::failed(search.mismatch("output")));
                }
            }
            Ok("exit code 0".to_owned())
        }
        End::Exited(code) => Err(Fault::failed(format!("exit code {code}, expected 0{}", said()))),
        End::Killed(signal) => Err(Fault::failed(format!("killed by signal {signal}{}", said()))),
        End::NotStarted(errno) => {
            let program = command.first().map(String::as_str).unwrap_or_default();
            Err(Fault::local(&format!("run {program}"), &io::Error::from_raw_os_error(errno)))
        }
    }
}

fn told(ended: Result<io::Result<ExitStatus>, tokio::time::error::Elapsed>) -> String {
    match ended {
        Ok(Ok(status)) => status.to_string(),
        Ok(Err(error)) => super::fault::words(&error),
        Err(_) => "it is still there".to_owned(),
    }
}
