//! The lines that agents of backends send.

use anycast_ctl::health::agent::{self, AgentError, MAX_LINE_BYTES, MAX_PERCENT, Oper};

use crate::text::is_one_line;

pub fn check(input: &[u8]) {
    let said = agent::parse(input);
    match &said {
        Ok(reply) => {
            assert!(agent::is_complete(input), "a line was read before its end came");
            assert!(reply.weight_percent.is_none_or(|percent| percent <= MAX_PERCENT));
            if let Some(Oper::Down(down)) = &reply.oper {
                is_one_line(&down.to_string());
            }
        }
        Err(error) => is_one_line(&error.to_string()),
    }
    assert_eq!(said == Err(AgentError::Unended), !agent::is_complete(input), "{said:?}");
    // What follows the line is not looked at.
    if agent::is_complete(input) {
        let end =
            input.iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(input.len(), |end| end + 1);
        let line = &input[..end.min(MAX_LINE_BYTES)];
        assert_eq!(agent::parse(line), said, "what follows the line changes it");
    }
}
