//! Texts within XML 1.0.

/// A text as the value of an attribute: a reader turns white space into blanks unless it is written as a reference.
pub fn attribute(text: &str) -> String {
    escaped(text).replace('\n', "&#10;").replace('\t', "&#9;")
}

/// A text as it stands between tags. XML 1.0 knows no way to write most control characters, not even as references.
pub fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\r' => xml.push_str("&#13;"),
            '\n' | '\t' => xml.push(character),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => xml.push(char::REPLACEMENT_CHARACTER),
            _ => xml.push(character),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::{attribute, escaped};

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        let text = "<a b=\"&\">\r\n\u{0}\u{1b}\u{ffff}é";
        assert_eq!(escaped(text), "&lt;a b=&quot;&amp;&quot;&gt;&#13;\n\u{fffd}\u{fffd}\u{fffd}é");
        assert_eq!(attribute("a\tb\n"), "a&#9;b&#10;");
    }
}
