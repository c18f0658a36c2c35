//! The media type of a file, by the ending of its name.

use mime_guess::mime::TEXT;

/// The media type of a file, with the charset where it is text.
pub fn media_type(name: &str) -> String {
    let guess = mime_guess::from_path(name).first_or_octet_stream();
    let text = guess.type_() == TEXT
        || matches!(guess.suffix().map_or("", |suffix| suffix.as_str()), "json" | "xml")
        || matches!(guess.essence_str(), "application/javascript" | "application/json" | "application/xml");
    if text { format!("{}; charset=utf-8", guess.essence_str()) } else { guess.essence_str().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn text_has_a_charset() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/x.svg", "image/svg+xml; charset=utf-8"),
            ("x.json", "application/json; charset=utf-8"),
            ("x.woff2", "font/woff2"),
            ("x", "application/octet-stream"),
        ] {
            assert_eq!(media_type(name), expected);
        }
    }
}
