use proptest::{collection::vec, prelude::*};

use super::*;

fn down(word: DownWord, reason: &str) -> Option<Oper> {
    Some(Oper::Down(Down { word, reason: reason.to_owned() }))
}

#[test]
fn what_agents_send_is_read() {
    let nothing = Reply::default();
    for (line, reply) in [
        ("75%\n", Reply { weight_percent: Some(75), ..nothing.clone() }),
        ("0%\r\n", Reply { weight_percent: Some(0), ..nothing.clone() }),
        ("up\n", Reply { oper: Some(Oper::Up), ..nothing.clone() }),
        ("UP 99%\n", Reply { weight_percent: Some(99), oper: Some(Oper::Up), ..nothing.clone() }),
        ("down\n", Reply { oper: down(DownWord::Down, ""), ..nothing.clone() }),
        (
            "fail #disk full, really\n",
            Reply { oper: down(DownWord::Fail, "disk full, really"), ..nothing.clone() },
        ),
        ("failed\n", Reply { oper: down(DownWord::Fail, ""), ..nothing.clone() }),
        ("stopped,#  by hand \r\n", Reply { oper: down(DownWord::Stopped, "by hand"), ..nothing.clone() }),
        ("drain\n", Reply { admin: Some(Admin::Drain), ..nothing.clone() }),
        ("maint\n", Reply { admin: Some(Admin::Maint), ..nothing.clone() }),
        // The varnish test of HAProxy's agent check.
        (
            "75%,maxconn:30,maint,down\n",
            Reply { weight_percent: Some(75), admin: Some(Admin::Maint), oper: down(DownWord::Down, "") },
        ),
        (
            "\t, ready ,up\t50%,\nrubbish",
            Reply { weight_percent: Some(50), admin: Some(Admin::Ready), oper: Some(Oper::Up) },
        ),
        // The last one holds.
        (
            "drain 10% up ready 20% down #x#y\n",
            Reply { weight_percent: Some(20), admin: Some(Admin::Ready), oper: down(DownWord::Down, "x#y") },
        ),
        ("maxconn:30\n", nothing.clone()),
        ("ready #nothing is down\n", Reply { admin: Some(Admin::Ready), ..nothing }),
    ] {
        assert_eq!(parse(line.as_bytes()).as_ref(), Ok(&reply), "{line:?}");
    }
    assert_eq!(parse(b"down #\x1b[2Jb\xff\n").unwrap().oper, down(DownWord::Down, "[2Jb\u{fffd}"));
}

#[test]
fn anything_else_is_refused() {
    let word = |word: &str| AgentError::Word(word.to_owned());
    for (line, error) in [
        ("", AgentError::Unended),
        ("up", AgentError::Unended),
        ("\n", AgentError::Empty),
        (" ,\t\n", AgentError::Empty),
        ("# idle\n", AgentError::Empty),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", word("HTTP/1.1")),
        ("up 75\n", word("75")),
        ("-5%\n", word("-5%")),
        ("7.5%\n", word("7.5%")),
        ("%\n", word("%")),
        ("5%%\n", word("5%%")),
        ("maxconn:\n", word("maxconn:")),
        ("maxconn:x\n", word("maxconn:x")),
        ("down#why\n", word("down#why")),
        ("1001%\n", AgentError::Percent("1001%".to_owned())),
        ("99999999999999999999%\n", AgentError::Percent("99999999999999999999%".to_owned())),
    ] {
        assert_eq!(parse(line.as_bytes()), Err(error), "{line:?}");
    }
    let long = "up ".repeat(MAX_LINE_BYTES) + "\n";
    assert_eq!(parse(long.as_bytes()), Err(AgentError::TooLong));
    assert!(is_complete(long.as_bytes()) && is_complete(b"up\r") && !is_complete(b"up"));
}

#[test]
fn reasons_are_in_words() {
    let said = |line: &str| match parse(line.as_bytes()).unwrap().oper {
        Some(Oper::Down(down)) => down.to_string(),
        Some(Oper::Up) | None => String::new(),
    };
    assert_eq!(said("stopped\n"), "agent: stopped");
    assert_eq!(said("fail # no space left\n"), "agent: fail (no space left)");
    assert_eq!(
        parse(b"hello \x1b[2J\n").unwrap_err().to_string(),
        "the agent said `hello`: let it say a percentage, up, down, fail, stopped, ready, drain, maint or maxconn:N"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..1500), end in any::<bool>()) {
        let bytes = if end { [bytes, vec![b'\n']].concat() } else { bytes };
        if let Err(error) = parse(&bytes) {
            prop_assert!(error.to_string().len() < 1000 && !error.to_string().contains(char::is_control));
        }
        prop_assert!(is_complete(&bytes) || parse(&bytes) == Err(AgentError::Unended));
    }

    #[test]
    fn words_mean_the_same_in_any_order_and_spelling(
        percent in proptest::option::of(0..=MAX_PERCENT), admin in 0_usize..4, oper in 0_usize..5,
        reverse in any::<bool>(), upper in any::<bool>(), space in "[ \t,]{1,3}",
    ) {
        let mut words = Vec::new();
        words.extend(percent.map(|percent| format!("{percent}%")));
        words.extend(["ready", "drain", "maint"].get(admin).map(|&word| word.to_owned()));
        words.extend(["up", "down", "fail", "stopped"].get(oper).map(|&word| word.to_owned()));
        prop_assume!(!words.is_empty());
        if reverse {
            words.reverse();
        }
        let line = words.join(&space) + "\n";
        let line = if upper { line.to_uppercase() } else { line };
        let reply = parse(line.as_bytes()).unwrap();
        let admins = [Admin::Ready, Admin::Drain, Admin::Maint];
        prop_assert_eq!(reply.admin, admins.get(admin).copied());
        let downs = [DownWord::Down, DownWord::Fail, DownWord::Stopped];
        let expected = if oper == 0 { Some(Oper::Up) } else { downs.get(oper - 1).and_then(|word| down(*word, "")) };
        prop_assert_eq!((reply.weight_percent, reply.oper), (percent, expected));
    }
}
