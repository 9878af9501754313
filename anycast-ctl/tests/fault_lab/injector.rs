//! A process whose system calls fail or wait as planned. Its program is the one that is shipped: it knows nothing of this.

use std::{
    io,
    path::PathBuf,
    process::{Child, Command, ExitStatus},
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::Instant,
};

use crate::{
    peek::Peek,
    plan::{Fate, Plan},
    point::{self, Places, Point},
    seccomp::{Answer, Call, Listener},
};

/// How long the answerer waits for a call before it looks whether a delayed one is due.
const TURN_MS: i32 = 50;

/// A process under a plan; it is killed when this is dropped.
pub struct Watched {
    child: Child,
    /// Let go when the process is to be no more: its parent, as the kernel sees it, is a thread that waits for this.
    _parent: mpsc::Sender<()>,
}

impl Watched {
    /// Starts the command. Its own calls are answered by the plan, those of its children but for the start of a program go on.
    pub fn spawn(mut command: Command, plan: &Arc<Plan>, state: PathBuf, api: PathBuf) -> io::Result<Self> {
        let (listeners, listener) = mpsc::sync_channel(1);
        let (children, child) = mpsc::channel();
        let (parent, end) = mpsc::channel::<()>();
        let process = Arc::new(OnceLock::new());
        let known = Arc::clone(&process);
        // The filter is this thread's alone, and whoever it starts inherits it.
        thread::spawn(move || {
            let installed = Listener::install();
            let failed = installed.as_ref().err().map(|error| io::Error::from(error.kind()));
            let _ = listeners.send(installed.ok());
            let child = failed.map_or_else(|| command.spawn(), Err);
            if let Ok(child) = &child {
                let _ = known.set(child.id().cast_signed());
            }
            let _ = children.send(child);
            // A parent-death signal comes when the thread ends, not the process.
            let _ = end.recv();
        });
        if let Some(listener) = listener.recv().map_err(io::Error::other)? {
            let answerer = Answerer { listener, plan: Arc::clone(plan), process, state, api };
            thread::spawn(move || answerer.run());
        }
        let child = child.recv().map_err(io::Error::other)??;
        Ok(Self { child, _parent: parent })
    }

    pub fn id(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Answerer {
    listener: Listener,
    plan: Arc<Plan>,
    process: Arc<OnceLock<i32>>,
    state: PathBuf,
    api: PathBuf,
}

impl Answerer {
    /// Until nobody is left who could call.
    fn run(self) {
        let mut waiting: Vec<(Instant, u64)> = Vec::new();
        let mut peek = None;
        loop {
            let turn = if waiting.is_empty() { TURN_MS } else { 1 };
            match self.listener.next(turn) {
                Err(_) => return,
                Ok(None) => (),
                Ok(Some(call)) => match self.fate(&call, &mut peek) {
                    Fate::Goes => self.listener.answer(call.id, Answer::Continue),
                    Fate::Fails(errno) => self.listener.answer(call.id, Answer::Fail(errno)),
                    Fate::Waits(time) => waiting.push((Instant::now() + time, call.id)),
                },
            }
            let now = Instant::now();
            waiting.retain(|(due, id)| {
                let is_due = *due <= now;
                if is_due {
                    self.listener.answer(*id, Answer::Continue);
                }
                !is_due
            });
        }
    }

    fn fate(&self, call: &Call, peek: &mut Option<Peek>) -> Fate {
        let Some(id) = self.process.get() else { return Fate::Goes };
        if peek.is_none() {
            *peek = Peek::at(*id).ok();
        }
        let Some(process) = peek else { return Fate::Goes };
        if !process.has(call.thread) {
            // A child that is about to become another program.
            let spawns = call.number == libc::SYS_execve;
            return if spawns { self.plan.draw(Point::ExecSpawn) } else { Fate::Goes };
        }
        let places = Places { state: &self.state, api: &self.api };
        let Some(point) = point::of(call, process, &places) else { return Fate::Goes };
        let fate = self.plan.draw(point);
        if (point, fate) == (Point::NetlinkReceive, Fate::Fails(libc::ENOBUFS)) {
            process.overrun(call.arguments[0]);
        }
        fate
    }
}
