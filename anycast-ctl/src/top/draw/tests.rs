//! Screens of several sizes.

use std::time::Duration;

use proptest::prelude::*;
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent},
    style::{Color, Modifier},
};

use super::{Away, Scene, draw, palette::Palette};
use crate::top::{
    list::List,
    picture::{Picture, fixture::picture},
    view::View,
};

const FULL: Palette = Palette { has_colour: true, has_unicode: true };
const POOR: Palette = Palette { has_colour: false, has_unicode: false };

/// A drawn screen.
struct Shot {
    terminal: Terminal<TestBackend>,
}

/// What is seen after these keys.
fn shot(width: u16, height: u16, picture: &Picture, keys: &[KeyCode], palette: Palette) -> Shot {
    shot_while(width, height, picture, keys, palette, None)
}

fn shot_while(
    width: u16,
    height: u16,
    picture: &Picture,
    keys: &[KeyCode],
    palette: Palette,
    away: Option<Away<'_>>,
) -> Shot {
    let mut view = View::new(Duration::from_secs(1));
    let mut list: List = view.list(picture);
    for key in keys {
        view.key(KeyEvent::from(*key), picture, &list);
        list = view.list(picture);
        view.settle(picture, &list);
    }
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let scene = Scene { picture, list: &list, health: None, away, palette };
    terminal
        .draw(|frame| {
            let area = frame.area();
            draw(frame.buffer_mut(), area, &mut view, &scene);
        })
        .unwrap();
    Shot { terminal }
}

impl Shot {
    fn lines(&self) -> Vec<String> {
        let buffer = self.terminal.backend().buffer();
        let width = usize::from(buffer.area.width);
        let symbols: Vec<&str> = buffer.content.iter().map(|cell| cell.symbol()).collect();
        symbols.chunks(width).map(|line| line.concat().trim_end().to_owned()).collect()
    }

    #[track_caller]
    fn shows(&self, words: &str) -> &Self {
        let lines = self.lines();
        assert!(lines.iter().any(|line| line.contains(words)), "{words} is not on:\n{}", lines.join("\n"));
        self
    }

    #[track_caller]
    fn is(&self, wanted: &[&str]) {
        let lines = self.lines();
        assert_eq!(lines, wanted, "it is:\n{}", lines.join("\n"));
    }
}

#[test]
fn eighty_columns_show_all_of_it() {
    shot(80, 24, &picture(3, 2, 12_345), &[], FULL).is(&[
        "74.0k packets/s  59.2M bits/s  7406 new flows/s  12.3k drops/s          every 1s",
        "All is well: 3 of 6 backends up, 3 draining.",
        "300 slots in transition for 12s  pins 1.0%  embryonic 0.0%  eth0 native",
        "last minute                                                                   ██",
        "peak 74.0k                                                                    ██",
        "1 VIPs  2 backends  3 reasons  4 pools  5 routes                  by PACKETS/S ↓",
        "NAME            PACKETS/S BITS/S FLOWS/S DROPS/S LAST MIN       UP ROUTE",
        "vip-3               37.0k  29.6M    3703       0           █   1/2 announced",
        "vip-2               24.6k  19.7M    2469       0           █   1/2 shutting down",
        "vip-1               12.3k  9.87M    1234   12.3k           █   1/2 announced",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "q quit  ? help  Enter open  1-5 lists  / filter  <> sort  r reverse  Space pause",
    ]);
}

#[test]
fn forty_columns_show_what_matters() {
    shot(40, 12, &picture(3, 2, 12_345), &[], FULL).is(&[
        "74.0k packets/s  59.2M bits/s   every 1s",
        "All is well: 3 of 6 backends up, 3 drai…",
        "1 VIPs                    by PACKETS/S ↓",
        "NAME        PACKETS/S BITS/S LAST MIN",
        "vip-3           37.0k  29.6M           █",
        "vip-2           24.6k  19.7M           █",
        "vip-1           12.3k  9.87M           █",
        "",
        "",
        "",
        "",
        "q quit  ? help  Enter open  1-5 lists",
    ]);
}

#[test]
fn twenty_columns_show_names_and_packets() {
    shot(20, 6, &picture(3, 2, 12_345), &[], FULL).is(&[
        "74.0k packets/s",
        "1 VIPs",
        "NAME       PACKETS/S",
        "vip-3          37.0k",
        "vip-2          24.6k",
        "q quit  ? help",
    ]);
}

#[test]
fn a_vip_shows_its_backends_their_shares_and_checks_and_its_reasons() {
    shot(80, 12, &picture(1, 2, 500), &[KeyCode::Enter], FULL).is(&[
        "500 packets/s  400k bits/s  50 new flows/s  500 drops/s                 every 1s",
        "All is well: 1 of 2 backends up, 1 draining.",
        "VIPs > vip-1                                                      by PACKETS/S ↓",
        "VIP vip-1 192.0.0.1 tcp/80: pool pool-1, 1 of 2 backends up",
        "announced for 1m 10s as 192.0.2.1/32: enough backends are healthy",
        "NAME             STATE      PACKETS/S BITS/S FLOWS/S LAST MIN SHARE       CHECKS",
        "no_service       drop             500                       █",
        "backend-1        up               250   200k      25        █ ██    50.0% ▁x▂▃",
        "backend-2        draining         250   200k      25        █        0.0% ▁x▂▃",
        "",
        "",
        "q quit  ? help  Esc back  Enter open  / filter  <> sort  r reverse  Space pause",
    ]);
}

#[test]
fn a_backend_shows_its_drain_and_its_checks() {
    let keys = [KeyCode::Char('2'), KeyCode::Down, KeyCode::Enter];
    let shot = shot(100, 24, &picture(1, 2, 500), &keys, FULL);
    shot.shows("BACKEND pool-1/backend-2 10.0.1.2: draining, 1m 0s left, weight 1, l2 to -");
    shot.shows("0 slots (0.0%), entitled to 600; 5 flows remembered; 100 slots of others wait for its flows");
    shot.shows("checks: up for 1m 30s  ▁x▂▃  http /health");
    shot.shows("   300ms ago  passed         0.42ms  200 OK");
    shot.shows("backends > pool-1/backend-2");
    shot.shows("vip-1");
}

#[test]
fn pools_show_transitions_and_routes_say_why() {
    let picture = picture(2, 2, 500);
    let pools = shot(80, 24, &picture, &[KeyCode::Char('4')], FULL);
    pools.shows("pool-1").shows("backend-2").shows("12s").shows("200 slots in transition for 12s");
    let pool = shot(80, 24, &picture, &[KeyCode::Char('4'), KeyCode::Enter], FULL);
    pool.shows("100 slots (8.3%) in transition for 12s, away from backend-2 100");
    let routes = shot(80, 24, &picture, &[KeyCode::Char('5')], FULL);
    routes.shows("announced").shows("shutting down").shows("1m 10s").shows("enough backends");
}

#[test]
fn alarms_come_first_and_those_without_room_are_counted() {
    let mut picture = picture(1, 1, 500);
    picture.alarms = (1..=6).map(|n| format!("trouble {n}")).collect();
    let shot = shot(80, 24, &picture, &[], FULL);
    let lines = shot.lines();
    assert_eq!(lines[1], "ALARM: trouble 1");
    assert_eq!(lines[4], "ALARM: trouble 4 (and 2 more: `anycast-ctl status`)");
}

#[test]
fn a_daemon_that_is_away_leaves_its_last_picture_in_grey() {
    let picture = picture(1, 1, 500);
    let away = Away { since: Duration::from_secs(12), error: "no daemon is listening" };
    let shot = shot_while(80, 24, &picture, &[], FULL, Some(away));
    shot.shows("DAEMON AWAY for 12s, asking again: no daemon is listening").shows("vip-1");
    let buffer = shot.terminal.backend().buffer();
    let rows = shot.lines().iter().position(|line| line.starts_with("vip-1")).unwrap();
    let cell = &buffer[(0, u16::try_from(rows).unwrap())];
    assert_eq!((cell.fg, cell.modifier.contains(Modifier::DIM)), (Color::DarkGray, true));
    assert_eq!(buffer[(0, 0)].fg, Color::Red);
}

#[test]
fn a_poor_terminal_gets_neither_colours_nor_bars() {
    let keys = [KeyCode::Char('2')];
    let mut picture = picture(2, 2, 500);
    picture.alarms.push("trouble".to_owned());
    for keys in [&keys[..], &[KeyCode::Char('?')], &[KeyCode::Enter]] {
        let shot = shot(80, 24, &picture, keys, POOR);
        for cell in &shot.terminal.backend().buffer().content {
            assert!(cell.symbol().is_ascii(), "{}", cell.symbol());
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
        }
    }
}

#[test]
fn help_explains_every_key_and_a_filter_is_shown_while_it_is_typed() {
    let picture = picture(12, 1, 500);
    let help = shot(80, 24, &picture, &[KeyCode::Char('?')], FULL);
    help.shows("Enter            open it: where its packets go, its checks").shows("q, Ctrl-C        end");
    let keys = ['/', 'v', 'i', 'p', '-', '1'].map(KeyCode::Char);
    let typed = shot(80, 24, &picture, &keys, FULL);
    typed.shows("/vip-1_  Enter keep  Esc clear").shows("4 of 12 with /vip-1  by PACKETS/S ↓");
}

#[test]
fn the_last_of_ten_thousand_rows_is_drawn() {
    let large = picture(100, 100, 500);
    let mut view = View::new(Duration::from_secs(1));
    view.key(KeyEvent::from(KeyCode::Char('2')), &large, &List::default());
    let list = view.list(&large);
    assert_eq!(list.len(), 10_000);
    view.key(KeyEvent::from(KeyCode::End), &large, &list);
    let scene = Scene { picture: &large, list: &list, health: None, away: None, palette: FULL };
    let mut terminal = Terminal::new(TestBackend::new(120, 24)).unwrap();
    terminal
        .draw(|frame| {
            let area = frame.area();
            draw(frame.buffer_mut(), area, &mut view, &scene);
        })
        .unwrap();
    Shot { terminal }.shows("pool-100/backend-100");
}

proptest! {
    #[test]
    fn no_size_and_no_key_makes_it_panic(
        width in 0_u16..90, height in 0_u16..30, vips in 0_usize..4, alarms in 0_usize..5,
        letters in prop::collection::vec(prop::sample::select("12345? /vrd<>".chars().collect::<Vec<_>>()), 0..4),
        opens in 0_usize..3, is_away: bool, is_poor: bool,
    ) {
        let mut picture = picture(vips, 2, 500);
        picture.alarms = (0..alarms).map(|n| format!("trouble {n}")).collect();
        let keys: Vec<KeyCode> = letters.into_iter().map(KeyCode::Char)
            .chain(std::iter::repeat_n(KeyCode::Enter, opens)).collect();
        let away = is_away.then_some(Away { since: Duration::from_secs(1), error: "é".repeat(50).leak() });
        shot_while(width, height, &picture, &keys, if is_poor { POOR } else { FULL }, away);
    }
}
