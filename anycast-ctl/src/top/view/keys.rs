//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Effect, View};
use crate::top::{list::List, picture::Picture, place::Tab};

/// The keys and what they do.
pub const HELP: [(&str, &str); 13] = [
    ("Up Down j k", "another row; PgUp, PgDn, Home, End too"),
    ("Enter", "open it: where its packets go, its checks"),
    ("Esc", "back; clears the filter first"),
    ("1 to 5, Tab", "another list"),
    ("< > Left Right", "sort by another column"),
    ("r", "sort the other way round"),
    ("/", "only rows that contain a text; Enter keeps it"),
    ("Space", "let the picture stand still, or go on"),
    ("+ -", "ask less often, or more often"),
    ("Ctrl-L", "draw the screen anew"),
    ("Ctrl-Z", "back to the shell, `fg` returns"),
    ("?", "this help"),
    ("q, Ctrl-C", "end"),
];

/// A filter is not longer.
const LONGEST_FILTER: usize = 100;

impl View {
    /// Takes a key; the list is the one that is shown, of that picture.
    pub fn key(&mut self, key: KeyEvent, picture: &Picture, list: &List) -> Effect {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return self.control(key.code);
        }
        if self.is_typing
            && let Some(effect) = self.typed(key.code)
        {
            return effect;
        }
        let (cursor, page) = (self.cursor(), self.height);
        #[expect(clippy::wildcard_enum_match_arm, reason = "most keys mean nothing")]
        match key.code {
            KeyCode::Char('q') => Effect::Quit,
            KeyCode::Char('?' | 'h') => {
                self.is_help = !self.is_help;
                Effect::Draw
            }
            KeyCode::Esc | KeyCode::Backspace => self.back(),
            KeyCode::Char(' ') => {
                self.is_paused = !self.is_paused;
                Effect::Pause
            }
            KeyCode::Char('/') => {
                self.is_typing = true;
                Effect::Draw
            }
            KeyCode::Char('+' | '=') => self.change_interval(true),
            KeyCode::Char('-') => self.change_interval(false),
            KeyCode::Char('>') | KeyCode::Right => self.turn_sort(true),
            KeyCode::Char('<') | KeyCode::Left => self.turn_sort(false),
            KeyCode::Char('r') => self.reverse_sort(),
            KeyCode::Tab => self.open_tab(self.tab().turned(1)),
            KeyCode::BackTab => self.open_tab(self.tab().turned(Tab::ALL.len() - 1)),
            KeyCode::Char(digit @ '1'..='5') => {
                let at = usize::from(digit as u8 - b'1');
                Tab::ALL.get(at).map_or(Effect::Nothing, |tab| self.open_tab(*tab))
            }
            KeyCode::Enter => self.open(picture, list),
            KeyCode::Up | KeyCode::Char('k') => self.move_to(cursor.saturating_sub(1), picture, list),
            KeyCode::Down | KeyCode::Char('j') => self.move_to(cursor + 1, picture, list),
            KeyCode::PageUp => self.move_to(cursor.saturating_sub(page), picture, list),
            KeyCode::PageDown => self.move_to(cursor + page, picture, list),
            KeyCode::Home | KeyCode::Char('g') => self.move_to(0, picture, list),
            KeyCode::End | KeyCode::Char('G') => self.move_to(usize::MAX, picture, list),
            _ => Effect::Nothing,
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "most keys mean nothing")]
    fn control(&mut self, code: KeyCode) -> Effect {
        match code {
            KeyCode::Char('c') => Effect::Quit,
            KeyCode::Char('l') => Effect::Repaint,
            KeyCode::Char('z') => Effect::Suspend,
            _ => Effect::Nothing,
        }
    }

    /// A key while the filter is typed; `None`: it means what it always means.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most keys mean what they always mean")]
    fn typed(&mut self, code: KeyCode) -> Option<Effect> {
        match code {
            KeyCode::Char(letter) => {
                let filter = &mut self.level_mut().filter;
                if filter.chars().count() < LONGEST_FILTER && !letter.is_control() {
                    filter.push(letter);
                }
                Some(Effect::List)
            }
            KeyCode::Backspace => {
                self.is_typing = self.level_mut().filter.pop().is_some();
                Some(Effect::List)
            }
            KeyCode::Enter => {
                self.is_typing = false;
                Some(Effect::Draw)
            }
            _ => None,
        }
    }
}
