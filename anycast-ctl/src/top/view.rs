//! What somebody looks at, and how keys change it. No IO.

use std::{collections::HashMap, time::Duration};

use super::{
    column::{columns, first_sort},
    list::{List, Sort},
    picture::Picture,
    place::{Kind, Place, Tab},
};

mod keys;
#[cfg(test)]
mod tests;

pub use keys::HELP;

/// Intervals that + and - go through.
const INTERVALS: [Duration; 9] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// What a key asks of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the key means nothing here.
    Nothing,
    /// To draw.
    Draw,
    /// To make the list anew, then draw.
    List,
    /// To ask at another interval.
    Interval,
    /// To go on, or to stand still.
    Pause,
    /// To clear the screen and draw all of it.
    Repaint,
    /// To stop as a job of the shell's does.
    Suspend,
    /// To end.
    Quit,
}

/// Where somebody is, and how it is shown.
#[derive(Clone, Debug)]
pub struct View {
    /// What was opened, the first one a tab; never empty.
    levels: Vec<Level>,
    sorts: HashMap<Kind, Sort>,
    /// Whether letters go to the filter.
    pub is_typing: bool,
    /// Whether the picture stands still.
    pub is_paused: bool,
    /// Whether keys are explained.
    pub is_help: bool,
    /// How often the daemon is asked.
    pub interval: Duration,
    /// Rows that fit, as the drawing found last.
    height: usize,
}

/// One thing that was opened.
#[derive(Clone, Debug)]
struct Level {
    place: Place,
    filter: String,
    /// The row that was chosen, wherever it goes; `None` before one is.
    chosen: Option<Place>,
    cursor: usize,
    first: usize,
}

impl Level {
    const fn new(place: Place) -> Self {
        Self { place, filter: String::new(), chosen: None, cursor: 0, first: 0 }
    }
}

impl View {
    /// At the VIPs.
    pub fn new(interval: Duration) -> Self {
        Self {
            levels: vec![Level::new(Place::Tab(Tab::Vips))],
            sorts: HashMap::new(),
            is_typing: false,
            is_paused: false,
            is_help: false,
            interval,
            height: 1,
        }
    }

    /// What is looked at.
    pub fn place(&self) -> &Place {
        &self.level().place
    }

    /// The list it was opened from.
    pub fn tab(&self) -> Tab {
        match self.levels.first().map(|level| &level.place) {
            Some(Place::Tab(tab)) => *tab,
            Some(Place::Vip(_) | Place::Backend { .. } | Place::Reason(_) | Place::Pool(_)) | None => {
                Tab::Vips
            }
        }
    }

    /// How many things were opened, one in the other.
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    /// What names must contain; empty: anything.
    pub fn filter(&self) -> &str {
        &self.level().filter
    }

    /// How this list is sorted.
    pub fn sort(&self) -> Sort {
        let kind = self.place().kind();
        self.sorts.get(&kind).copied().unwrap_or(Sort::by(first_sort(kind)))
    }

    /// The row that Enter opens.
    pub fn cursor(&self) -> usize {
        self.level().cursor
    }

    /// The list to be shown.
    pub fn list(&self, picture: &Picture) -> List {
        List::of(picture, self.place(), self.filter(), self.sort())
    }

    /// Follows the chosen row to where it is in a list that was made anew.
    pub fn settle(&mut self, picture: &Picture, list: &List) {
        let level = self.level_mut();
        let found = level.chosen.as_ref().and_then(|chosen| list.find(picture, chosen));
        level.cursor = found.unwrap_or(level.cursor).min(list.len().saturating_sub(1));
    }

    /// The first row to be drawn when so many fit: the cursor is always among them.
    pub fn scroll(&mut self, height: usize, list: &List) -> usize {
        self.height = height.max(1);
        let (height, level) = (self.height, self.level_mut());
        let last_first = list.len().saturating_sub(height);
        let lowest = (level.cursor + 1).saturating_sub(height);
        level.first = level.first.clamp(lowest, level.cursor.max(lowest)).min(last_first);
        level.first
    }

    fn level(&self) -> &Level {
        // There is always one: the first is never taken away.
        #[expect(clippy::indexing_slicing, reason = "never empty")]
        &self.levels[self.levels.len() - 1]
    }

    fn level_mut(&mut self) -> &mut Level {
        let last = self.levels.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "never empty")]
        &mut self.levels[last]
    }

    fn open_tab(&mut self, tab: Tab) -> Effect {
        self.levels = vec![Level::new(Place::Tab(tab))];
        Effect::List
    }

    fn open(&mut self, picture: &Picture, list: &List) -> Effect {
        let place = list.get(self.cursor()).and_then(|row| row.place(picture));
        // A thing opened from itself would be an endless way back.
        let Some(place) = place.filter(|place| self.levels.iter().all(|level| level.place != *place)) else {
            return Effect::Nothing;
        };
        self.level_mut().chosen = Some(place.clone());
        self.levels.push(Level::new(place));
        Effect::List
    }

    /// One step: out of the help, the filter, what was opened.
    fn back(&mut self) -> Effect {
        if self.is_help {
            self.is_help = false;
            return Effect::Draw;
        }
        self.is_typing = false;
        if !self.filter().is_empty() {
            self.level_mut().filter.clear();
        } else if self.levels.len() > 1 {
            self.levels.pop();
        }
        Effect::List
    }

    fn move_to(&mut self, at: usize, picture: &Picture, list: &List) -> Effect {
        let level = self.level_mut();
        level.cursor = at.min(list.len().saturating_sub(1));
        level.chosen = list.get(level.cursor).and_then(|row| row.place(picture));
        Effect::Draw
    }

    fn turn_sort(&mut self, to_the_right: bool) -> Effect {
        let (kind, sort) = (self.place().kind(), self.sort());
        let fields: Vec<_> =
            columns(kind).iter().map(|column| column.field).filter(|field| field.sorts()).collect();
        let at = fields.iter().position(|field| *field == sort.field).unwrap_or_default();
        let next = if to_the_right { at + 1 } else { at + fields.len() - 1 };
        if let Some(field) = fields.iter().cycle().nth(next) {
            self.sorts.insert(kind, Sort::by(*field));
        }
        Effect::List
    }

    fn reverse_sort(&mut self) -> Effect {
        let sort = self.sort();
        let kind = self.place().kind();
        self.sorts.insert(kind, Sort { is_descending: !sort.is_descending, ..sort });
        Effect::List
    }

    fn change_interval(&mut self, longer: bool) -> Effect {
        let next = if longer {
            INTERVALS.iter().find(|interval| **interval > self.interval)
        } else {
            INTERVALS.iter().rev().find(|interval| **interval < self.interval)
        };
        let Some(next) = next else { return Effect::Nothing };
        self.interval = *next;
        Effect::Interval
    }
}
