//! Colours and signs that the terminal has.

use std::ffi::OsString;

use ratatui::style::{Color, Modifier, Style};

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Whether there are colours.
    pub has_colour: bool,
    /// Whether there are bars and arrows; without them ASCII stands for them.
    pub has_unicode: bool,
}

/// What a text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    Plain,
    /// A heading, or a key.
    Strong,
    /// It is as it should be.
    Good,
    /// It is on its way.
    Warn,
    /// Somebody should look.
    Bad,
    /// Nobody needs to look.
    Quiet,
}

impl Palette {
    /// As the environment says: `NO_COLOR` (<https://no-color.org>), `TERM`, and the locale's encoding.
    pub fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| {
            let value = variable(name).filter(|value| !value.is_empty())?;
            Some(value.to_string_lossy().into_owned())
        };
        let terminal = text("TERM").unwrap_or_default();
        let is_monochrome =
            terminal.starts_with("vt") || terminal.contains("mono") || terminal.ends_with("-m");
        let locale = text("LC_ALL").or_else(|| text("LC_CTYPE")).or_else(|| text("LANG")).unwrap_or_default();
        let locale = locale.to_ascii_uppercase();
        Self {
            has_colour: text("NO_COLOR").is_none() && !is_monochrome,
            has_unicode: locale.contains("UTF-8") || locale.contains("UTF8"),
        }
    }

    /// How a text of that meaning looks.
    pub const fn style(self, tone: Tone) -> Style {
        let style = Style::new();
        match (tone, self.has_colour) {
            (Tone::Plain, _) | (Tone::Good | Tone::Quiet, false) => style,
            (Tone::Strong, _) | (Tone::Warn, false) => style.add_modifier(Modifier::BOLD),
            (Tone::Good, true) => style.fg(Color::Green),
            (Tone::Warn, true) => style.fg(Color::Yellow),
            (Tone::Bad, true) => style.fg(Color::Red).add_modifier(Modifier::BOLD),
            (Tone::Bad, false) => style.add_modifier(Modifier::BOLD).add_modifier(Modifier::UNDERLINED),
            (Tone::Quiet, true) => style.fg(Color::DarkGray),
        }
    }

    /// How the chosen row looks, and the list that is shown.
    pub const fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// How bars look.
    pub const fn bars(self) -> Style {
        if self.has_colour { Style::new().fg(Color::Cyan) } else { Style::new() }
    }

    /// How a picture looks that is no longer true.
    pub const fn stale(self) -> Style {
        let style = Style::new().remove_modifier(Modifier::BOLD).add_modifier(Modifier::DIM);
        if self.has_colour { style.fg(Color::DarkGray) } else { style }
    }

    /// A bar from the bottom: nothing at level 0, the whole cell at 8.
    pub fn bar(self, level: usize) -> &'static str {
        const BARS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
        const ASCII: [&str; 9] = [" ", "_", ".", ":", "-", "=", "+", "*", "#"];
        let signs = if self.has_unicode { BARS } else { ASCII };
        signs.get(level).copied().unwrap_or("")
    }

    /// A bar from the left: nothing at level 0, the whole cell at 8.
    pub fn lying_bar(self, level: usize) -> &'static str {
        const BARS: [&str; 9] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];
        if self.has_unicode {
            return BARS.get(level).copied().unwrap_or("");
        }
        if level >= 4 { "=" } else { " " }
    }

    /// A sign of a strip of check results.
    pub fn sign(self, sign: char) -> char {
        let signs = [('▁', '_'), ('▂', '.'), ('▃', ':'), ('▅', '='), ('▇', '*')];
        let found = signs.iter().find(|(bar, _)| *bar == sign && !self.has_unicode);
        found.map_or(sign, |(_, ascii)| *ascii)
    }

    /// Which way a list is sorted.
    pub const fn arrow(self, is_descending: bool) -> &'static str {
        match (is_descending, self.has_unicode) {
            (true, true) => "↓",
            (false, true) => "↑",
            (true, false) => "v",
            (false, false) => "^",
        }
    }

    /// What stands for the end of a text that is too long.
    pub const fn cut(self) -> &'static str {
        if self.has_unicode { "…" } else { "~" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn palette(variables: &[(&str, &str)]) -> (bool, bool) {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        let palette = Palette::of(variable);
        (palette.has_colour, palette.has_unicode)
    }

    #[test]
    fn the_environment_says_what_there_is() {
        assert_eq!(palette(&[("TERM", "xterm-256color"), ("LANG", "C.UTF-8")]), (true, true));
        assert_eq!(palette(&[("TERM", "xterm"), ("NO_COLOR", "1"), ("LANG", "en_US.utf8")]), (false, true));
        assert_eq!(palette(&[("TERM", "xterm"), ("NO_COLOR", ""), ("LANG", "C")]), (true, false));
        assert_eq!(palette(&[("TERM", "vt100"), ("LC_ALL", "C"), ("LANG", "C.UTF-8")]), (false, false));
    }

    #[test]
    fn without_colours_what_is_bad_is_still_told_apart() {
        let palette = Palette { has_colour: false, has_unicode: false };
        for tone in [Tone::Plain, Tone::Strong, Tone::Good, Tone::Warn, Tone::Bad, Tone::Quiet] {
            assert_eq!(palette.style(tone).fg, None);
        }
        assert_ne!(palette.style(Tone::Bad), palette.style(Tone::Plain));
        assert_ne!(palette.style(Tone::Bad), palette.style(Tone::Strong));
    }
}
