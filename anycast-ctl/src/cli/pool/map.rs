//! A picture of a slot table.

use crate::{
    api::types::{SlotRun, SlotsStatus},
    cli::unit,
};

/// Cells of a line: with the number before them it fits 80 columns.
const COLUMNS: u32 = 64;
/// Lines at most.
const ROWS: u32 = 16;
/// Letters of backends; what comes after them shares the last.
const LETTERS: &[u8; 26] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const OTHERS: char = '*';
const NOBODY: char = '.';

/// The picture. A cell shows one slot of its group, the first: shares stay as they are, which the most frequent owner
/// of each group would distort.
pub fn draw(table: &SlotsStatus, colours: bool) -> String {
    if table.slots == 0 {
        return format!("Pool {} has no slot table: no backend of it is up.\n", table.pool);
    }
    let group = table.slots.div_ceil(COLUMNS * ROWS);
    let cells = table.slots.div_ceil(group);
    let mut picture = match group {
        1 => format!("POOL {}: {} slots\n", table.pool, table.slots),
        _ => format!("POOL {}: {} slots, one of every {group} shown\n", table.pool, table.slots),
    };
    let mut runs = table.runs.iter().peekable();
    for cell in 0..cells {
        let slot = cell * group;
        if cell % COLUMNS == 0 {
            picture += &format!("{}{slot:>8}  ", if cell == 0 { "" } else { "\n" });
        }
        while runs.next_if(|run| run.first + run.length <= slot).is_some() {}
        picture += &runs.peek().map_or(NOBODY.to_string(), |run| paint(run, colours));
    }
    picture + "\n\n" + &legend(table, colours)
}

fn legend(table: &SlotsStatus, colours: bool) -> String {
    let sum = |wanted: &dyn Fn(&SlotRun) -> bool| -> u32 {
        table.runs.iter().filter(|run| wanted(run)).map(|run| run.length).sum()
    };
    let mut legend = String::new();
    for (place, backend) in (0_u16..).zip(&table.backends) {
        let owns = sum(&|run| run.current == Some(place));
        let gains = sum(&|run| run.current == Some(place) && run.base.is_some());
        let waits = sum(&|run| run.base == Some(place));
        let run = SlotRun { first: 0, length: 1, current: Some(place), base: None };
        legend += &format!("  {}  {}", paint(&run, colours), backend.name);
        legend += &format!(": {owns} slots, {}", unit::share(owns, table.slots));
        if gains > 0 {
            legend += &format!(", {gains} in transition");
        }
        if waits > 0 {
            legend += &format!(", base owner of {waits}");
        }
        legend.push('\n');
    }
    let nobody = sum(&|run| run.current.is_none());
    if nobody > 0 {
        legend += &format!("  {NOBODY}  nobody: {nobody} slots\n");
    }
    if sum(&|run| run.base.is_some()) > 0 {
        legend += "  small letters: in transition, earlier flows still reach their base owner\n";
    }
    legend
}

/// The letter of a slot; in colour a transition is also shown in reverse.
fn paint(run: &SlotRun, colours: bool) -> String {
    let Some(place) = run.current else { return NOBODY.to_string() };
    let letter = LETTERS.get(usize::from(place)).map_or(OTHERS, |&letter| char::from(letter));
    let letter = if run.base.is_some() { letter.to_ascii_lowercase() } else { letter };
    if !colours {
        return letter.to_string();
    }
    // The six that are neither black nor white, then their bright versions.
    let colour = [31, 32, 33, 34, 35, 36, 91, 92, 93, 94, 95, 96].get(usize::from(place) % 12).unwrap_or(&39);
    let reverse = if run.base.is_some() { ";7" } else { "" };
    format!("\x1b[{colour}{reverse}m{letter}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::types::SlotOwner;

    fn table(slots: u32, runs: &[(u32, Option<u16>, Option<u16>)]) -> SlotsStatus {
        let mut first = 0;
        let runs = runs.iter().map(|&(length, current, base)| {
            let run = SlotRun { first, length, current, base };
            first += length;
            run
        });
        let runs = runs.collect();
        let owner = |n: u8| SlotOwner { name: format!("web-{n}"), address: [10, 0, 0, n].into() };
        SlotsStatus { pool: "web".into(), slots, backends: vec![owner(1), owner(2)], runs }
    }

    #[test]
    fn every_slot_of_a_small_table_is_a_cell() {
        let table =
            table(7, &[(2, Some(0), None), (3, Some(1), Some(0)), (1, Some(1), None), (1, None, None)]);
        assert_eq!(
            draw(&table, false),
            "POOL web: 7 slots\n       0  AAbbbB.\n\n  A  web-1: 2 slots, 28.6%, base owner of 3\n  \
             B  web-2: 4 slots, 57.1%, 3 in transition\n  .  nobody: 1 slots\n  small letters: in \
             transition, earlier flows still reach their base owner\n"
        );
        assert!(draw(&table, true).contains("\x1b[31mA\x1b[0m\x1b[31mA\x1b[0m\x1b[32;7mb\x1b[0m"));
    }

    #[test]
    fn the_default_table_and_the_largest_fit_a_terminal() {
        for slots in [65_537, 8_388_593] {
            let picture =
                draw(&table(slots, &[(slots / 2, Some(0), None), (slots - slots / 2, Some(1), None)]), false);
            assert!(picture.lines().all(|line| line.len() <= 80), "{picture}");
            assert!(picture.lines().count() < 24, "{picture}");
            let cells = |letter: char| {
                picture.lines().skip(1).take(16).flat_map(str::chars).filter(|it| *it == letter).count()
            };
            assert!(cells('A').abs_diff(cells('B')) <= 1, "{picture}");
        }
        assert!(draw(&table(0, &[]), false).contains("no slot table"));
    }

    #[test]
    fn more_backends_than_letters_share_a_sign() {
        let run = SlotRun { first: 0, length: 1, current: Some(26), base: None };
        assert_eq!(paint(&run, false), "*");
    }
}
