//! Makes text harmless to a terminal or a log: a manifest, a file name or a message taken from one may hold control
//! characters that move the cursor or turn the direction of writing, and so hide what a reviewer should see.

/// The text with each such character replaced by a visible one of the same length in bytes, so that spans stay right.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let shown_as = match character {
            '\n' | '\t' => character,
            '\r' if characters.peek() == Some(&'\n') => character,
            '\0'..='\u{1f}' | '\u{7f}' => '?',
            '\u{80}'..='\u{9f}' => '¿',
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => {
                char::REPLACEMENT_CHARACTER
            }
            _ => character,
        };
        shown.push(shown_as);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_drives_a_terminal_is_replaced_by_as_many_bytes() {
        let text = "a\u{1b}[2J\u{9b}\u{202e}é\r\n\tb\rc";
        let shown = printable(text);
        assert_eq!(shown, "a?[2J¿\u{fffd}é\r\n\tb?c");
        assert_eq!(shown.len(), text.len());
    }
}
