//! Writing something into HTML on its way to the client, whatever its coding: the page is never held as a whole.

mod page;
mod tag;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::pipeline::body::{BrokenOff, Transform};
use crate::pipeline::coding::Coding;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::html::page::Page;
use crate::value::media_type::essence;

/// What is written into a page, at the places of [`Place`], in their order.
#[derive(Clone, Debug, Default)]
pub struct Insertions([Bytes; 4]);

/// A place in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Right behind `<head>`.
    HeadStart,
    /// Before `</head>`.
    HeadEnd,
    /// Right behind `<body>`.
    BodyStart,
    /// Before `</body>`.
    BodyEnd,
}

impl Insertions {
    /// The same with something at a place.
    pub fn with(mut self, place: Place, html: &str) -> Self {
        self.0[place as usize] = Bytes::copy_from_slice(html.as_bytes());
        self
    }

    /// What is written at a place.
    pub fn at(&self, place: Place) -> &[u8] {
        &self.0[place as usize]
    }

    /// The same for a page in a charset of which nothing is known but that it has ASCII in it: what is not ASCII becomes references
    /// to characters.
    fn in_ascii(&self) -> Self {
        let ascii = |html: &Bytes| {
            let mut out = BytesMut::new();
            for c in String::from_utf8_lossy(html).chars() {
                if c.is_ascii() {
                    out.extend_from_slice(&[c as u8]);
                } else {
                    out.extend_from_slice(format!("&#{};", u32::from(c)).as_bytes());
                }
            }
            out.freeze()
        };
        Self(self.0.each_ref().map(ascii))
    }
}

/// On the way out: writes into the answer, if it is a page that can be written into.
///
/// That is `text/html`, whole, in a charset that has ASCII in it (UTF-16 has not), and plain or in a coding that is read here. The
/// coding stays. What a browser or a cache could tell the page by goes, for it is another one now.
pub fn insert(exchange: &mut Exchange<'_>, insertions: &Arc<Insertions>) {
    let response = &exchange.response;
    let content_type = response.fields.get("content-type").unwrap_or_default();
    let charset = charset(content_type);
    if !essence(content_type).eq_ignore_ascii_case(b"text/html")
        || matches!(response.status, 206 | 304)
        || response.fields.get("content-range").is_some()
        || response.is_sealed()
        || charset == Charset::Wide
    {
        return;
    }
    let Ok(coding) = Coding::of_answer(response) else { return };
    let insertions = if charset == Charset::Other { Arc::new(insertions.in_ascii()) } else { Arc::clone(insertions) };
    exchange.transform_content(coding, Inserting { page: Page::new(insertions), held: BytesMut::new() });
    exchange.response.fields.remove("etag");
    exchange.response.fields.remove("last-modified");
}

/// On the way in: has a browser that goes to a page get it anew, not hear that the one is still right which it has from before
/// something was written into it. No coding is asked for that could not be read.
pub fn ask_for_page(exchange: &mut Exchange<'_>) {
    let fields = &mut exchange.request.fields;
    if fields.received("accept").is_some_and(|accept| accept.windows(9).any(|kind| kind == b"text/html")) {
        fields.remove("if-none-match");
        fields.remove("if-modified-since");
    }
    exchange.ask_for_readable();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Charset {
    /// UTF-8, or none that is said.
    Utf8,
    /// Another one.
    Other,
    /// One in which tags are not ASCII.
    Wide,
}

/// The charset that a `content-type` says.
fn charset(content_type: &[u8]) -> Charset {
    let parameters = content_type.split(|byte| *byte == b';').skip(1).map(<[u8]>::trim_ascii);
    let charset = parameters.filter(|one| one.len() > 8).find(|one| one[..8].eq_ignore_ascii_case(b"charset="));
    let Some(charset) = charset else { return Charset::Utf8 };
    let name = charset[8..].trim_ascii().to_ascii_lowercase();
    match name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(&name) {
        b"utf-8" | b"utf8" | b"us-ascii" => Charset::Utf8,
        name if name.starts_with(b"utf-16") || name.starts_with(b"utf-32") || name.starts_with(b"iso-10646-ucs") => {
            Charset::Wide
        }
        _ => Charset::Other,
    }
}

/// Writes into a page as it comes by.
struct Inserting {
    page: Page,
    /// The beginning of a tag whose end has not come.
    held: BytesMut,
}

impl Transform for Inserting {
    fn take(&mut self, piece: Option<Bytes>) -> Result<Bytes, BrokenOff> {
        let mut out = BytesMut::new();
        let Some(piece) = piece else {
            let rest = std::mem::take(&mut self.held);
            self.page.end(&rest, &mut out);
            return Ok(out.freeze());
        };
        if self.held.is_empty() && self.page.is_done() {
            return Ok(piece);
        }
        if self.held.is_empty() {
            let read = self.page.read(&piece, &mut out);
            self.held.extend_from_slice(&piece[read..]);
        } else {
            let mut input = std::mem::take(&mut self.held);
            input.extend_from_slice(&piece);
            let read = self.page.read(&input, &mut out);
            self.held = input.split_off(read);
        }
        Ok(out.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::{Charset, Inserting, Insertions, Page, Place, charset};
    use crate::pipeline::body::Transform as _;
    use bytes::{Bytes, BytesMut};
    use std::sync::Arc;

    /// A page with `1` to `4` written into it, in pieces of some size.
    fn patched(html: &str, size: usize) -> String {
        let places = [Place::HeadStart, Place::HeadEnd, Place::BodyStart, Place::BodyEnd];
        let insertions = places.into_iter().zip(["[1]", "[2]", "[3]", "[4]"]);
        let insertions = insertions.fold(Insertions::default(), |all, (place, html)| all.with(place, html));
        let mut inserting = Inserting { page: Page::new(Arc::new(insertions)), held: BytesMut::new() };
        let mut out = Vec::new();
        for piece in html.as_bytes().chunks(size) {
            out.extend_from_slice(&inserting.take(Some(Bytes::copy_from_slice(piece))).unwrap());
            assert!(inserting.held.len() < 64, "held {:?}", inserting.held);
        }
        out.extend_from_slice(&inserting.take(None).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_place_is_found_as_browsers_find_it() {
        for (html, expected) in [
            (
                "<!doctype html><html><head><title>t</title></head><body class=a>x</body></html>",
                "<!doctype html><html><head>[1]<title>t</title>[2]</head><body class=a>[3]x[4]</body></html>",
            ),
            // tags may be left out
            ("<!DOCTYPE html>\n<title>t</title><p>x", "<!DOCTYPE html>\n[1]<title>t</title>[2][3]<p>x[4]"),
            ("<html><body>x</html>", "<html>[1][2]<body>[3]x[4]</html>"),
            ("<html><head><meta a></head>text", "<html><head>[1]<meta a>[2]</head>[3]text[4]"),
            ("<!doctype html>", "<!doctype html>[1][2][3][4]"),
            ("<HTML><HEAD></HEAD><BODY></BODY></HTML>", "<HTML><HEAD>[1][2]</HEAD><BODY>[3][4]</BODY></HTML>"),
            // what looks like a tag and is none
            (
                "<html><!-- <head> --><head><script>'</head><body>'</script></head><body a='>' b=\"</body>\">x",
                "<html><!-- <head> --><head>[1]<script>'</head><body>'</script>[2]</head><body a='>' b=\"</body>\">[3]x[4]",
            ),
            (
                "<html><body><textarea></body></textarea><!--</body>-->a < b </bodyguard></body>",
                "<html>[1][2]<body>[3]<textarea></body></textarea><!--</body>-->a < b </bodyguard>[4]</body>",
            ),
            ("<html><header>x</header>", "<html>[1][2][3]<header>x</header>[4]"),
            ("<?xml version='1.0'?><html><head/><body/>", "<?xml version='1.0'?><html><head/>[1][2]<body/>[3][4]"),
            ("\u{feff}<!doctype html><p>", "\u{feff}<!doctype html>[1][2][3]<p>[4]"),
            // a part of a page, as scripts ask for, or no page at all
            ("<div>part</div>", "<div>part</div>"),
            ("  plain", "  plain"),
            ("", ""),
            // in a head, without scripts
            (
                "<html><head><noscript><img></noscript><template><p></template></head><body>",
                "<html><head>[1]<noscript><img></noscript><template><p></template>[2]</head><body>[3][4]",
            ),
            // frames have no body
            (
                "<html><head></head><frameset><frame></frameset></html>",
                "<html><head>[1][2]</head><frameset><frame></frameset></html>",
            ),
            // the end comes within something
            ("<html><body><p", "<html>[1][2]<body>[3]<p[4]"),
            ("<html><body><script>x", "<html>[1][2]<body>[3]<script>x[4]"),
        ] {
            for size in [1, 2, 3, 7, html.len().max(1)] {
                assert_eq!(patched(html, size), expected, "in pieces of {size}");
            }
        }
    }

    #[test]
    fn charsets_without_ascii_are_known() {
        for (content_type, expected) in [
            ("text/html", Charset::Utf8),
            ("text/html; charset=UTF-8", Charset::Utf8),
            ("text/html;a=b; Charset=\"utf-8\"", Charset::Utf8),
            ("text/html; charset=iso-8859-15", Charset::Other),
            ("text/html; charset=utf-16le", Charset::Wide),
        ] {
            assert!(charset(content_type.as_bytes()) == expected, "{content_type}");
        }
        let ascii = Insertions::default().with(Place::BodyEnd, "<b>é€</b>").in_ascii();
        assert_eq!(ascii.at(Place::BodyEnd), b"<b>&#233;&#8364;</b>");
    }
}
