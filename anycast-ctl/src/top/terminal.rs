//! The terminal while all of it is drawn on; it is left as it was found, also when this program panics.

use std::{
    io::{self, Stdout, Write as _, stdout},
    panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use nix::sys::signal::{Signal, raise};
use ratatui::{
    Terminal,
    backend::{Backend as _, CrosstermBackend},
    crossterm::{
        cursor::{Hide, Show},
        execute, queue,
        style::ResetColor,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};

/// Whether the terminal is as this program needs it.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// A terminal that is drawn on; dropping it restores it.
pub struct Screen {
    /// Draws.
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal that stdout is.
    pub fn open() -> io::Result<Self> {
        restore_on_panic();
        take()?;
        // From here on dropping it restores the terminal, whatever fails.
        let screen = Self { terminal: Terminal::new(CrosstermBackend::new(stdout()))? };
        Ok(screen)
    }

    /// Gives the terminal back to the shell, stops, and takes it again when the shell continues this program.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        raise(Signal::SIGTSTP)?;
        take()?;
        self.repaint()
    }

    /// Clears the terminal, and has the next drawing draw all of it.
    pub fn repaint(&mut self) -> io::Result<()> {
        // `Terminal::clear` asks the terminal where its cursor is; the answer would go to the thread that reads keys.
        self.terminal.backend_mut().clear()?;
        self.terminal.swap_buffers();
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn take() -> io::Result<()> {
    IS_TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode().and_then(|()| execute!(stdout(), EnterAlternateScreen, Hide)).inspect_err(|_| restore())
}

/// Leaves the terminal as it was found. Does nothing the second time.
pub fn restore() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that is gone cannot be restored, and need not be.
        let mut stdout = stdout();
        let _ = queue!(stdout, ResetColor, LeaveAlternateScreen, Show);
        let _ = stdout.flush();
        let _ = disable_raw_mode();
    }
}

/// What a panic says would be lost on the other screen.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let say = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            say(panic);
        }));
    });
}
