//! Finding the places in a page where its head and body begin and end, also where their tags are left out (WHATWG HTML, 13.2.6.4).

use std::sync::Arc;

use bytes::BytesMut;

use crate::pipeline::html::tag::{Skipped, Token, raw, skip, token};
use crate::pipeline::html::{Insertions, Place};

/// A page that is read from its beginning to its end.
pub(super) struct Page {
    insertions: Arc<Insertions>,
    part: Part,
    skipped: Option<Skipped>,
    /// What is written once the tag has ended that is skipped.
    behind: Option<Place>,
    /// The element whose text comes once the tag has ended that is skipped.
    raw: Option<&'static [u8]>,
}

/// Which part of a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Nothing says yet that it is a page.
    Unknown,
    BeforeHead,
    Head,
    AfterHead,
    Body,
    /// Nothing is written any more.
    Done,
}

impl Page {
    /// A page of which nothing is read.
    pub(super) fn new(insertions: Arc<Insertions>) -> Self {
        Self { insertions, part: Part::Unknown, skipped: None, behind: None, raw: None }
    }

    /// Whether nothing is written any more.
    pub(super) fn is_done(&self) -> bool {
        self.part == Part::Done
    }

    /// Reads on, and writes what was read; how many bytes were. The others are to come again with what follows them.
    pub(super) fn read(&mut self, html: &[u8], out: &mut BytesMut) -> usize {
        let mut at = 0;
        while at < html.len() {
            let rest = &html[at..];
            if self.is_done() {
                out.extend_from_slice(rest);
                return html.len();
            }
            let length = match &mut self.skipped {
                Some(skipped) => {
                    let (length, ended) = skip(rest, skipped);
                    out.extend_from_slice(&rest[..length]);
                    at += length;
                    if !ended {
                        return at;
                    }
                    self.skipped_whole(out);
                    continue;
                }
                None => match self.see(token(rest), rest, out) {
                    Some(length) => length,
                    None => return at,
                },
            };
            out.extend_from_slice(&rest[..length]);
            at += length;
        }
        at
    }

    /// The page ends, with what was left of it.
    pub(super) fn end(&mut self, rest: &[u8], out: &mut BytesMut) {
        out.extend_from_slice(rest);
        if self.part != Part::Unknown {
            self.write_behind(out);
            self.go_to(Part::Done, out);
        }
    }

    /// Writes what is due before a token; how many bytes of it have nothing more to say, or `None` if its end has to come.
    fn see(&mut self, token: Token<'_>, rest: &[u8], out: &mut BytesMut) -> Option<usize> {
        let skipped = match token {
            Token::Unknown => return None,
            Token::Text(length) => return Some(self.text(&rest[..length], out)),
            Token::Start(name) => {
                self.start(name, out);
                Skipped::Tag(None)
            }
            Token::End(name) => {
                self.close(name, out);
                Skipped::Tag(None)
            }
            Token::Doctype => {
                self.part = self.part.max(Part::BeforeHead);
                Skipped::Bogus
            }
            Token::Comment => Skipped::Comment,
            Token::Bogus => Skipped::Bogus,
        };
        self.skipped = Some(skipped);
        // the `<`, and the `!` of a comment: `<!-->` is one
        Some(if skipped == Skipped::Comment { 2 } else { 1 })
    }

    /// Blanks stand anywhere; other text belongs to the body.
    fn text(&mut self, text: &[u8], out: &mut BytesMut) -> usize {
        let is_mark = |byte: u8| self.part == Part::Unknown && b"\xef\xbb\xbf".contains(&byte);
        match text.iter().position(|byte| !byte.is_ascii_whitespace() && !is_mark(*byte)) {
            Some(0) => {
                self.content(out);
                text.len()
            }
            Some(blanks) => blanks,
            None => text.len(),
        }
    }

    fn content(&mut self, out: &mut BytesMut) {
        match self.part {
            Part::Unknown => self.part = Part::Done,
            Part::BeforeHead | Part::Head | Part::AfterHead => self.go_to(Part::Body, out),
            Part::Body | Part::Done => {}
        }
    }

    fn start(&mut self, name: &[u8], out: &mut BytesMut) {
        let name = name.to_ascii_lowercase();
        let name = &name[..];
        if self.part == Part::Unknown && matches!(name, b"html" | b"head" | b"body") {
            self.part = Part::BeforeHead;
        }
        self.raw = raw(name);
        match (self.part, name) {
            (_, b"html") | (Part::Body | Part::Done, _) => {}
            (Part::BeforeHead, b"head") => {
                self.part = Part::Head;
                self.behind = Some(Place::HeadStart);
            }
            (Part::BeforeHead | Part::Head | Part::AfterHead, b"body") => {
                self.go_to(Part::AfterHead, out);
                self.part = Part::Body;
                self.behind = Some(Place::BodyStart);
            }
            (Part::BeforeHead | Part::Head | Part::AfterHead, b"frameset") => {
                self.go_to(Part::AfterHead, out);
                self.part = Part::Done;
            }
            (Part::BeforeHead | Part::Head | Part::AfterHead, name) if is_of_head(name) => {
                self.go_to(self.part.max(Part::Head), out);
                // what is in there is none of the page's own, and may look like a body
                self.raw = self.raw.or(raw_in_head(name));
            }
            (Part::Unknown | Part::BeforeHead | Part::Head | Part::AfterHead, _) => self.content(out),
        }
    }

    fn close(&mut self, name: &[u8], out: &mut BytesMut) {
        match self.part {
            Part::Unknown => self.part = Part::Done,
            Part::BeforeHead | Part::Head if name.eq_ignore_ascii_case(b"head") => self.go_to(Part::AfterHead, out),
            _ if name.eq_ignore_ascii_case(b"body") || name.eq_ignore_ascii_case(b"html") => {
                self.go_to(Part::Done, out);
            }
            _ => {}
        }
    }

    /// What was skipped has come to its end.
    fn skipped_whole(&mut self, out: &mut BytesMut) {
        let was_tag = matches!(self.skipped.take(), Some(Skipped::Tag(_)));
        if was_tag {
            self.write_behind(out);
            self.skipped = self.raw.take().map(Skipped::Raw);
        }
    }

    /// Goes on to a part, and writes at each place on the way.
    fn go_to(&mut self, part: Part, out: &mut BytesMut) {
        let places = [
            (Part::Head, Place::HeadStart),
            (Part::AfterHead, Place::HeadEnd),
            (Part::Body, Place::BodyStart),
            (Part::Done, Place::BodyEnd),
        ];
        for (reached, place) in places {
            if self.part < reached && reached <= part {
                self.write(place, out);
                self.part = reached;
            }
        }
    }

    /// Writes what was to come behind a tag.
    fn write_behind(&mut self, out: &mut BytesMut) {
        if let Some(place) = self.behind.take() {
            self.write(place, out);
        }
    }

    fn write(&self, place: Place, out: &mut BytesMut) {
        out.extend_from_slice(self.insertions.at(place));
    }
}

/// Whether an element may stand in the head.
fn is_of_head(name: &[u8]) -> bool {
    matches!(
        name,
        b"base"
            | b"bgsound"
            | b"head"
            | b"link"
            | b"meta"
            | b"noscript"
            | b"script"
            | b"style"
            | b"template"
            | b"title"
    )
}

/// The element of that name, if what it holds in a head belongs to nothing else.
fn raw_in_head(name: &[u8]) -> Option<&'static [u8]> {
    match name {
        b"noscript" => Some(b"noscript"),
        b"template" => Some(b"template"),
        _ => None,
    }
}
