//! Keys and what comes of them.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Effect, View};
use crate::top::{
    field::Field,
    list::{List, Sort},
    picture::{Picture, fixture::picture},
    place::{Place, Tab},
    row::Row,
};

/// A view and what it shows.
struct Hand {
    view: View,
    picture: Arc<Picture>,
    list: List,
}

impl Hand {
    fn new(picture: Picture) -> Self {
        Self::with(Arc::new(picture))
    }

    fn with(picture: Arc<Picture>) -> Self {
        let view = View::new(Duration::from_secs(1));
        let list = view.list(&picture);
        Self { view, picture, list }
    }

    fn press(&mut self, code: KeyCode) -> Effect {
        self.press_with(code, KeyModifiers::NONE)
    }

    fn press_with(&mut self, code: KeyCode, modifiers: KeyModifiers) -> Effect {
        let effect = self.view.key(KeyEvent::new(code, modifiers), &self.picture, &self.list);
        if effect == Effect::List {
            self.list_anew();
        }
        effect
    }

    fn list_anew(&mut self) {
        self.list = self.view.list(&self.picture);
        self.view.settle(&self.picture, &self.list);
    }

    fn type_in(&mut self, text: &str) {
        for letter in text.chars() {
            self.press(KeyCode::Char(letter));
        }
    }

    /// Names of the rows, in order.
    fn names(&self) -> Vec<&str> {
        let rows = self.list.shown(0, usize::MAX);
        rows.iter().map(|row| row.of(&self.picture).unwrap().name()).collect()
    }
}

#[test]
fn the_busiest_vip_comes_first_and_sorting_turns() {
    let mut hand = Hand::new(picture(3, 2, 100));
    assert_eq!(hand.names(), ["vip-3", "vip-2", "vip-1"]);
    hand.press(KeyCode::Char('r'));
    assert_eq!(hand.names(), ["vip-1", "vip-2", "vip-3"]);
    hand.press(KeyCode::Char('<'));
    assert_eq!(hand.view.sort(), Sort { field: Field::Name, is_descending: false });
    assert_eq!(hand.names(), ["vip-1", "vip-2", "vip-3"]);
    hand.press(KeyCode::Right);
    hand.press(KeyCode::Right);
    assert_eq!(hand.view.sort(), Sort { field: Field::Bits, is_descending: true });
    // Each list keeps its own.
    hand.press(KeyCode::Char('2'));
    assert_eq!(hand.view.sort().field, Field::Name);
    hand.press(KeyCode::Char('1'));
    assert_eq!(hand.view.sort().field, Field::Bits);
}

#[test]
fn a_filter_is_typed_kept_and_cleared() {
    let mut hand = Hand::new(picture(12, 1, 100));
    hand.type_in("/1q2");
    assert!(hand.view.is_typing, "q is a letter while a filter is typed");
    assert!(hand.names().is_empty());
    hand.press(KeyCode::Backspace);
    hand.press(KeyCode::Backspace);
    assert_eq!(hand.view.filter(), "1");
    // Addresses are searched, too: 192.0 is all of them.
    assert_eq!(hand.names().len(), 12);
    hand.press(KeyCode::Backspace);
    hand.type_in("VIP-1");
    hand.press(KeyCode::Enter);
    assert_eq!((hand.view.is_typing, hand.names()), (false, vec!["vip-12", "vip-11", "vip-10", "vip-1"]));
    assert_eq!((hand.list.len(), hand.list.without_filter()), (4, 12));
    hand.press(KeyCode::Esc);
    assert_eq!((hand.view.filter(), hand.names().len()), ("", 12));
}

#[test]
fn enter_opens_and_esc_goes_back_to_the_row_it_came_from() {
    let mut hand = Hand::new(picture(3, 2, 100));
    hand.press(KeyCode::Down);
    hand.press(KeyCode::Enter);
    assert_eq!(*hand.view.place(), Place::Vip("vip-2".to_owned()));
    assert_eq!(hand.names(), ["backend-1", "backend-2"]);
    hand.press(KeyCode::Enter);
    assert_eq!(*hand.view.place(), Place::Backend { pool: "pool-2".into(), address: [10, 0, 2, 1].into() });
    assert_eq!(hand.names(), ["vip-2"]);
    assert_eq!(hand.press(KeyCode::Enter), Effect::Nothing, "the VIP is open already");
    hand.press(KeyCode::Esc);
    hand.press(KeyCode::Esc);
    assert_eq!((hand.view.place(), hand.view.cursor()), (&Place::Tab(Tab::Vips), 1));
    hand.press(KeyCode::Esc);
    assert_eq!(hand.view.depth(), 1);
}

#[test]
fn a_vip_shows_where_all_its_packets_go_and_a_reason_its_vips() {
    let mut hand = Hand::new(picture(2, 2, 100));
    hand.press(KeyCode::End);
    hand.press(KeyCode::Enter);
    assert_eq!(hand.names(), ["no_service", "backend-1", "backend-2"]);
    hand.press(KeyCode::Enter);
    assert_eq!(*hand.view.place(), Place::Reason(2));
    assert_eq!(hand.names(), ["vip-1"]);
    hand.press(KeyCode::Char('4'));
    hand.press(KeyCode::Enter);
    assert_eq!(*hand.view.place(), Place::Pool("pool-1".to_owned()));
    assert_eq!(hand.names(), ["backend-1", "backend-2"]);
}

#[test]
fn the_cursor_follows_the_row_that_was_chosen() {
    let mut hand = Hand::new(picture(3, 1, 100));
    hand.press(KeyCode::Down);
    assert_eq!(hand.view.cursor(), 1);
    hand.press(KeyCode::End);
    hand.press(KeyCode::Char('r'));
    assert_eq!(hand.view.cursor(), 0, "vip-1 is the first then");
    hand.picture = Arc::new(picture(0, 1, 100));
    hand.list_anew();
    assert_eq!(hand.view.cursor(), 0);
    hand.press(KeyCode::Enter);
    assert_eq!(*hand.view.place(), Place::Tab(Tab::Vips));
}

#[test]
fn intervals_have_a_least_and_a_greatest() {
    let mut hand = Hand::new(picture(1, 1, 100));
    assert_eq!(hand.press(KeyCode::Char('+')), Effect::Interval);
    assert_eq!(hand.view.interval, Duration::from_secs(2));
    for _ in 0..20 {
        hand.press(KeyCode::Char('-'));
    }
    assert_eq!(hand.view.interval, Duration::from_millis(200));
    assert_eq!(hand.press(KeyCode::Char('-')), Effect::Nothing);
    for _ in 0..20 {
        hand.press(KeyCode::Char('+'));
    }
    assert_eq!(hand.view.interval, Duration::from_secs(60));
}

#[test]
fn control_c_ends_it_even_while_a_filter_is_typed() {
    let mut hand = Hand::new(picture(1, 1, 100));
    hand.type_in("/c");
    assert_eq!(hand.press_with(KeyCode::Char('c'), KeyModifiers::CONTROL), Effect::Quit);
    assert_eq!(hand.view.filter(), "c");
    hand.press(KeyCode::Enter);
    assert_eq!(hand.press(KeyCode::Char('q')), Effect::Quit);
}

static PICTURES: LazyLock<Vec<Arc<Picture>>> =
    LazyLock::new(|| [0, 1, 3, 40].into_iter().map(|vips| Arc::new(picture(vips, 2, 100))).collect());

fn any_key() -> impl Strategy<Value = KeyCode> {
    let codes = [
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Backspace,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Delete,
        KeyCode::F(3),
    ];
    let letters = "qr/ +-?h12345<>jkgGvipé".chars().map(KeyCode::Char);
    prop::sample::select(codes.into_iter().chain(letters).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn whatever_is_pressed_the_cursor_is_on_a_row_that_is_shown(
        steps in prop::collection::vec((any_key(), 0_usize..5, 1_usize..30), 0..120)
    ) {
        let mut hand = Hand::with(PICTURES[3].clone());
        for (code, change, height) in steps {
            hand.press(code);
            if let Some(picture) = PICTURES.get(change) {
                hand.picture = Arc::clone(picture);
                hand.list_anew();
            }
            let (first, cursor) = (hand.view.scroll(height, &hand.list), hand.view.cursor());
            let shown: &[Row] = hand.list.shown(first, height);
            prop_assert!(hand.list.is_empty() || (first..first + shown.len()).contains(&cursor));
            prop_assert!(shown.len() == height.min(hand.list.len()), "no line is left blank while rows are left");
            prop_assert!(hand.view.depth() <= 5);
        }
        // There is always a way back.
        for _ in 0..12 {
            hand.press(KeyCode::Esc);
        }
        prop_assert!(matches!(hand.view.place(), Place::Tab(_)) && hand.view.filter().is_empty());
    }
}
