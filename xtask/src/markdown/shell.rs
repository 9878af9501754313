//! Commands of a block, and the words of a command, as far as pages use the shell.

/// A command of a block: what is typed at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// Number of its first line within the block, from 0.
    pub line: usize,
    /// As it is typed.
    pub text: String,
    /// What the block shows of its output; `None` when it shows none.
    pub output: Option<String>,
}

/// The commands of a block. One with `$ ` in front of its commands shows their output, too. In others each line is a
/// command, but one that is continued: by `\`, by a here-document, or by what `is_whole` takes for half a command.
pub fn commands(block: &str, indented: bool, is_whole: impl Fn(&str) -> bool) -> Vec<Typed> {
    if block.starts_with("$ ") { dialogue(block) } else { script(block, indented, is_whole) }
}

fn dialogue(block: &str) -> Vec<Typed> {
    let mut typed: Vec<Typed> = Vec::new();
    for (line, text) in block.lines().enumerate() {
        if let Some(command) = text.strip_prefix("$ ") {
            typed.push(Typed { line, text: command.to_owned(), output: None });
        } else if let Some(last) = typed.last_mut() {
            match &mut last.output {
                None if last.text.ends_with('\\') => last.text = format!("{}\n{text}", last.text),
                None => last.output = Some(text.to_owned()),
                Some(output) => *output = format!("{output}\n{text}"),
            }
        }
    }
    typed
}

fn script(block: &str, indented: bool, is_whole: impl Fn(&str) -> bool) -> Vec<Typed> {
    let mut typed = Vec::new();
    let mut lines = block.lines().enumerate();
    while let Some((line, text)) = lines.next() {
        if text.trim().is_empty() || text.starts_with(['#', '…', ' ']) {
            continue;
        }
        let mut text = if indented { without_description(text).to_owned() } else { text.to_owned() };
        while text.ends_with('\\')
            || here_document(&text).is_some_and(|end| !text.lines().any(|it| it == end))
            || !is_whole(&text)
        {
            let Some((_, more)) = lines.next() else { break };
            text = format!("{text}\n{more}");
        }
        typed.push(Typed { line, text, output: None });
    }
    typed
}

/// Indented blocks have descriptions behind their commands, at some distance.
fn without_description(line: &str) -> &str {
    let mut quote = None;
    for (at, char) in line.char_indices() {
        match quote {
            Some(open) if char == open => quote = None,
            Some(_) => {}
            None if "'\"".contains(char) => quote = Some(char),
            None if line.get(at..).is_some_and(|rest| rest.starts_with("  ")) => {
                return line.get(..at).unwrap_or(line);
            }
            None => {}
        }
    }
    line
}

/// The line that ends a here-document which this command begins.
fn here_document(text: &str) -> Option<&str> {
    let word = text.lines().next()?.split_once("<<")?.1.split_whitespace().next()?;
    Some(word.trim_matches(['\'', '"']))
}

/// Every simple command of a line, as its words: those of pipes, lists and substitutions one by one; without redirections,
/// variables that are set for it, and `sudo`.
pub fn simple_commands(text: &str) -> Vec<Vec<String>> {
    // A here-document is no command.
    let text = if here_document(text).is_some() { text.lines().next().unwrap_or_default() } else { text };
    let mut found = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut chars = text.chars().peekable();
    let end_word = |found: &mut Vec<Vec<String>>, word: &mut Option<String>| {
        if let (Some(command), Some(word)) = (found.last_mut(), word.take()) {
            command.push(word);
        }
    };
    while let Some(char) = chars.next() {
        match char {
            '\'' | '"' => {
                let quoted: String = chars.by_ref().take_while(|it| *it != char).collect();
                word.get_or_insert_default().push_str(&quoted);
            }
            '\\' => {
                let next = chars.next().filter(|it| *it != '\n');
                word = next.map(|it| word.take().unwrap_or_default() + &it.to_string()).or(word);
            }
            '#' if word.is_none() => {
                let _ = chars.by_ref().find(|it| *it == '\n');
                found.push(Vec::new());
            }
            '<' if chars.peek() == Some(&'(') => end_word(&mut found, &mut word),
            '|' | ';' | '&' | '\n' | '(' | ')' => {
                end_word(&mut found, &mut word);
                found.push(Vec::new());
            }
            '<' | '>' => {
                word = word.filter(|it| it != "2" && it != "1");
                end_word(&mut found, &mut word);
                // `>&2` is no list, and `>>` is one redirection.
                while chars.next_if(|it| "<>&".contains(*it)).is_some() {}
                while chars.next_if(|it| *it == ' ').is_some() {}
                while chars.next_if(|it| !" |;&)\n".contains(*it)).is_some() {}
            }
            char if char.is_whitespace() => end_word(&mut found, &mut word),
            char => word.get_or_insert_default().push(char),
        }
    }
    end_word(&mut found, &mut word);
    let is_before = |word: &String| {
        let name = word.split_once('=').map(|(name, _)| name);
        let sets = name.is_some_and(|it| it.chars().all(|char| char.is_ascii_alphanumeric() || char == '_'));
        sets || word == "sudo" || word == "exec"
    };
    let commands = found.into_iter().map(|words| words.into_iter().skip_while(is_before).collect());
    commands.filter(|words: &Vec<String>| !words.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(block: &str, indented: bool) -> Vec<(usize, String, Option<String>)> {
        let whole = |text: &str| text.matches("do\n").count() == text.matches("done").count();
        let found = commands(block, indented, whole);
        found.into_iter().map(|it| (it.line, it.text, it.output)).collect()
    }

    #[test]
    fn lines_are_commands_but_those_that_go_on() {
        let block = "# why\na 1\nb \\\n  2\ncat <<'X'\n$ no\nX\n\n…";
        let expected = [(1, "a 1"), (2, "b \\\n  2"), (4, "cat <<'X'\n$ no\nX")];
        assert_eq!(typed(block, false), expected.map(|(line, text)| (line, text.to_owned(), None)));
        let indented = "a 'x  y' b    says what\n              and more\nc";
        assert_eq!(
            typed(indented, true),
            [(0, "a 'x  y' b"), (2, "c")].map(|(line, it)| (line, it.to_owned(), None))
        );
    }

    #[test]
    fn a_dialogue_shows_output() {
        let block = "$ a\nout\n\nmore\n$ b \\\n  c\n$ d";
        let expected = [(0, "a", Some("out\n\nmore")), (4, "b \\\n  c", None), (6, "d", None)];
        assert_eq!(
            typed(block, false),
            expected.map(|(line, it, out)| (line, it.to_owned(), out.map(str::to_owned)))
        );
    }

    #[test]
    fn commands_are_taken_apart() {
        let words = |text: &str| simple_commands(text).iter().map(|it| it.join(" ")).collect::<Vec<_>>();
        assert_eq!(words("a -w - x | b 'c  d' && X=1 sudo e >> f 2>&1 # no"), ["a -w - x", "b c  d", "e"]);
        assert_eq!(words("source <(a completions bash)"), ["source", "a completions bash"]);
        assert_eq!(words("cat > f <<'E'\na b\nE"), ["cat"]);
        assert_eq!(words("a \\\n  b; c"), ["a b", "c"]);
    }
}
