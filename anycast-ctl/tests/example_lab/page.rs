//! A page of documentation: its blocks, and the tables that say what is otherwise on other hosts.

/// The text of a page.
#[derive(Clone, Copy)]
pub struct Page(pub &'static str);

impl Page {
    /// The block whose first line has these words in it: each says which file it is.
    #[track_caller]
    pub fn block(self, title: &str) -> &'static str {
        let fenced =
            self.0.split("```").skip(1).step_by(2).filter_map(|block| Some(block.split_once('\n')?.1));
        let has = |block: &&str| block.lines().next().is_some_and(|line| line.contains(title));
        let found: Vec<&str> = fenced.filter(has).collect();
        let [block] = found[..] else { panic!("{} blocks are called {title}", found.len()) };
        block
    }

    /// A block that is a1's, as an edge host has it: with the words of its column, and its site's servers.
    pub fn on_edge(self, edge: &str, block: &str) -> String {
        let column = self.edges()[0].iter().position(|cell| *cell == edge).unwrap();
        let own = self.edges().into_iter().map(|row| (row[1], row[column]));
        let is_same_site = edge.starts_with('a');
        let servers = if is_same_site { Vec::new() } else { self.servers() };
        let both_ways = servers.into_iter().flat_map(|row| {
            let (a, b) = row.split_at(row.len() / 2);
            let there = a.iter().copied().zip(b.iter().copied());
            there.flat_map(|(a, b)| [(a, b), (b, a)]).collect::<Vec<_>>()
        });
        exchange(block, &own.chain(both_ways).collect::<Vec<_>>())
    }

    /// A block that is the first server's of site a, as another server has it: with the words of its row.
    pub fn on_server(self, server: &str, block: &str) -> String {
        let rows: Vec<Vec<&str>> = self.servers();
        let halves = rows.iter().flat_map(|row| row.chunks(row.len() / 2));
        let own = halves.clone().find(|half| half[0] == server).unwrap();
        let pairs = halves.clone().next().unwrap().iter().copied().zip(own.iter().copied());
        exchange(block, &pairs.collect::<Vec<_>>())
    }

    /// Names of servers, those of site a before those of site b.
    pub fn server_names(self) -> Vec<&'static str> {
        let names = self.servers().into_iter().flat_map(|row| [row[0], row[row.len() / 2]]);
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names
    }

    /// Rows of the table of edge hosts, the one with their names first.
    pub fn edges(self) -> Vec<Vec<&'static str>> {
        self.table("edge host")
    }

    fn servers(self) -> Vec<Vec<&'static str>> {
        self.table("at site a").split_off(1)
    }

    fn table(self, first_cell: &str) -> Vec<Vec<&'static str>> {
        let cells = |line: &'static str| -> Option<Vec<&'static str>> {
            let row = line.strip_prefix('|')?.strip_suffix('|')?;
            Some(row.split('|').map(str::trim).collect())
        };
        let lines = self.0.lines().skip_while(|line| cells(line).is_none_or(|cells| cells[0] != first_cell));
        let rows = lines.map_while(cells).filter(|row| !row[0].starts_with("---"));
        let rows: Vec<_> = rows.collect();
        assert!(rows.len() > 1, "there is no table of {first_cell}");
        rows
    }
}

/// The text with other words in the place of some, all at once.
pub fn exchange(text: &str, pairs: &[(&str, &str)]) -> String {
    let is_word = |char: char| char.is_ascii_alphanumeric() || ".:-".contains(char);
    let mut exchanged = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(|char| !is_word(char)).unwrap_or(rest.len()));
        let (between, next) = after.split_at(after.find(is_word).unwrap_or(after.len()));
        let other = pairs.iter().find(|(from, _)| *from == word).map_or(word, |(_, to)| to);
        exchanged.extend([other, between]);
        rest = next;
    }
    exchanged
}

#[test]
fn whole_words_are_exchanged_all_at_once() {
    let pairs = [("10.0.1.2", "10.0.1.6"), ("a-1", "b-1"), ("b-1", "a-1")];
    assert_eq!(exchange("10.0.1.2; 10.0.1.25 _a-1 \"b-1\"", &pairs), "10.0.1.6; 10.0.1.25 _b-1 \"a-1\"");
}
