//! The loop that draws and takes keys.

use std::{
    env, io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use super::{
    draw::{self, Scene, palette::Palette},
    follow::{Follower, Message},
    list::List,
    picture::Picture,
    place::Place,
    terminal::Screen,
    view::{Effect, View},
};
use crate::api::types::BackendHealth;

/// How long the first answer may take: longer than the client waits for it.
const FIRST: Duration = Duration::from_secs(60);
/// Without anything to draw the screen is drawn so often: it says for how long the daemon is away.
const TICK: Duration = Duration::from_secs(1);

/// Shows pictures until somebody ends it.
pub fn run(follower: Follower, interval: Duration) -> anyhow::Result<()> {
    // A daemon that was never there is an error, told where errors are told.
    let picture = match follower.next(FIRST) {
        Some(Message::Picture(picture)) => picture,
        Some(Message::Away(error)) => return Err(error).context("ask the daemon how things are"),
        Some(Message::Health(..) | Message::Terminal(_) | Message::End | Message::Broken) | None => {
            bail!("ask the daemon how things are: no answer came")
        }
    };
    follower.end_on_signals().context("watch for signals")?;
    let mut screen = Screen::open().context("take the terminal: `--plain` needs none")?;
    read_keys(&follower).context("start to read keys")?;
    let mut show = Show::new(picture, interval);
    loop {
        show.draw(&mut screen).context("draw on the terminal")?;
        let mut message = follower.next(TICK);
        while let Some(received) = message {
            if show.take(received, &follower, &mut screen)?.is_over() {
                return Ok(());
            }
            // Keys that came together are drawn together.
            message = follower.ready();
        }
    }
}

/// Reads the terminal on a thread of its own, which ends with the process.
fn read_keys(follower: &Follower) -> io::Result<()> {
    let sender = follower.sender();
    let read = move || {
        loop {
            let event = event::read();
            let is_over = event.is_err();
            if sender.send(Message::Terminal(event)).is_err() || is_over {
                return;
            }
        }
    };
    thread::Builder::new().name("keys".to_owned()).spawn(read).map(drop)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Going,
    Over,
}

impl After {
    fn is_over(self) -> bool {
        self == Self::Over
    }
}

/// What is on the screen.
struct Show {
    view: View,
    /// The picture that is shown.
    picture: Arc<Picture>,
    /// The newest; another one than is shown only while the picture stands still.
    newest: Arc<Picture>,
    list: List,
    health: Option<(Place, Box<BackendHealth>)>,
    /// Since when the daemon is away, and why.
    away: Option<(Instant, String)>,
    palette: Palette,
}

impl Show {
    fn new(picture: Arc<Picture>, interval: Duration) -> Self {
        let view = View::new(interval);
        let list = view.list(&picture);
        Self {
            view,
            newest: Arc::clone(&picture),
            picture,
            list,
            health: None,
            away: None,
            palette: Palette::of(|name| env::var_os(name)),
        }
    }

    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        let Self { view, picture, list, health, away, palette, .. } = self;
        let health = health.as_ref().filter(|(place, _)| place == view.place());
        let scene = Scene {
            picture,
            list,
            health: health.map(|(_, health)| &**health),
            away: away.as_ref().map(|(since, error)| draw::Away { since: since.elapsed(), error }),
            palette: *palette,
        };
        let drawn = |frame: &mut ratatui::Frame<'_>| {
            let area = frame.area();
            draw::draw(frame.buffer_mut(), area, view, &scene);
        };
        screen.terminal.draw(drawn).map(drop)
    }

    fn take(&mut self, message: Message, follower: &Follower, screen: &mut Screen) -> anyhow::Result<After> {
        match message {
            Message::Picture(picture) => {
                self.away = None;
                self.newest = picture;
                if !self.view.is_paused {
                    self.show_newest();
                }
            }
            Message::Health(pool, health) => {
                let is_it = self.looked_at().is_some_and(|it| it == (pool, health.name.clone()));
                if is_it && !self.view.is_paused {
                    self.health = Some((self.view.place().clone(), health));
                }
            }
            Message::Away(error) => {
                let since = self.away.take().map_or_else(Instant::now, |(since, _)| since);
                self.away = Some((since, error.to_string()));
            }
            Message::Terminal(event) => {
                let event = event.context("read the terminal")?;
                if let Event::Key(key) = event
                    && key.kind != KeyEventKind::Release
                {
                    let effect = self.view.key(key, &self.picture, &self.list);
                    return self.follow_up(effect, follower, screen);
                }
            }
            Message::End => return Ok(After::Over),
            Message::Broken => bail!("ask the daemon: the thread that does it has ended"),
        }
        Ok(After::Going)
    }

    fn follow_up(
        &mut self,
        effect: Effect,
        follower: &Follower,
        screen: &mut Screen,
    ) -> anyhow::Result<After> {
        match effect {
            Effect::Nothing | Effect::Draw => {}
            Effect::List => {
                self.make_list();
                follower.look_at(self.looked_at());
            }
            Effect::Interval => follower.set_interval(self.view.interval),
            Effect::Pause => {
                if !self.view.is_paused {
                    self.show_newest();
                }
            }
            Effect::Repaint => screen.repaint().context("clear the terminal")?,
            Effect::Suspend => screen.suspend().context("give the terminal to the shell and back")?,
            Effect::Quit => return Ok(After::Over),
        }
        Ok(After::Going)
    }

    fn show_newest(&mut self) {
        self.picture = Arc::clone(&self.newest);
        self.make_list();
    }

    fn make_list(&mut self) {
        self.list = self.view.list(&self.picture);
        self.view.settle(&self.picture, &self.list);
    }

    /// The checked backend that was opened.
    fn looked_at(&self) -> Option<(String, String)> {
        let Place::Backend { pool, address } = self.view.place() else { return None };
        let backend = self.picture.backend(pool, *address).filter(|backend| backend.health.is_some())?;
        Some((pool.clone(), backend.status.name.clone()))
    }
}
