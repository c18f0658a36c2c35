//! Builds documents from the parser's events: types words, copies what aliases name, and refuses what the
//! manifest language leaves out of YAML. What a syntax error means is [`explain`]'s business.

use std::borrow::Cow;

use ahash::AHashMap;
use granit_parser::{Event, ScalarStyle, ScanError, Tag};

use crate::compiler::syntax::node::{Document, Entry, Node, Value};
use crate::compiler::syntax::{duplicates, explain, problem, scalar};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceId, Span};

/// How deep nodes may stand in each other; what recurses over a tree relies on it.
pub(super) const MAX_DEPTH: usize = 64;
/// How many nodes the aliases of one file may copy.
const MAX_COPIES: usize = 10_000;
/// How many nodes one file may hold: 16 MiB of ordinary manifests have about a million.
const MAX_NODES: usize = 2_000_000;

/// What is wanted next from the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next event.
    Event,
    /// The next document: the rest of this one can't be used.
    Document,
    /// Nothing.
    Stop,
}

/// The documents of one source, as far as they are read.
pub(super) struct Tree<'a> {
    source: SourceId,
    text: &'a str,
    /// The collections that are open, the outermost first.
    open: Vec<Open>,
    /// What the anchors of this document name; a node that is still open isn't in it.
    anchors: AHashMap<usize, Anchored>,
    /// The outermost node of this document, once it is whole.
    root: Option<Node>,
    /// Whether nothing of this document was left out.
    complete: bool,
    /// Where the last scalar or opening bracket ends.
    last_end: u32,
    nodes: usize,
    copies: usize,
    documents: Vec<Document>,
    problems: Diagnostics,
}

/// A collection whose end hasn't come yet.
struct Open {
    start: u32,
    end: u32,
    anchor: usize,
    items: Items,
}

enum Items {
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>, Key),
}

/// What a mapping waits for.
enum Key {
    /// A key.
    Awaited,
    /// The value of this key.
    Of(Box<str>, Span),
    /// The value of a key that was refused.
    Refused,
}

/// What an alias copies.
struct Anchored {
    /// Nothing if it has more nodes than may be copied.
    node: Option<Node>,
    nodes: usize,
    depth: usize,
}

/// A scalar as the parser tells it.
struct Scalar<'e> {
    text: Cow<'e, str>,
    style: ScalarStyle,
    anchor: usize,
    tag: Option<(&'e Tag, Span)>,
}

impl<'a> Tree<'a> {
    /// A tree without documents.
    pub(super) fn new(source: SourceId, text: &'a str) -> Self {
        Self {
            source,
            text,
            open: Vec::new(),
            anchors: AHashMap::new(),
            root: None,
            complete: true,
            last_end: 0,
            nodes: 0,
            copies: 0,
            documents: Vec::new(),
            problems: Diagnostics::default(),
        }
    }

    /// What was read, and all problems found, in the order of their places.
    pub(super) fn finish(mut self) -> (Vec<Document>, Diagnostics) {
        self.problems.sort();
        (self.documents, self.problems)
    }

    /// Takes one event.
    pub(super) fn take(&mut self, event: Event<'_>, span: granit_parser::Span) -> Next {
        let place = self.place(span);
        let tag_place = span.tag_span().map(|tag| self.place(tag));
        let next = self.dispatch(event, place, tag_place);
        if self.nodes <= MAX_NODES {
            return next;
        }
        self.report(problem::too_many_nodes(place, MAX_NODES));
        self.abandon();
        Next::Stop
    }

    fn dispatch(&mut self, event: Event<'_>, place: Span, tag_place: Option<Span>) -> Next {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref().zip(tag_place);
                self.scalar(Scalar { text, style, anchor, tag }, place);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref().zip(tag_place), "seq");
                let start = self.sequence_start(place);
                return self.open(Items::Sequence(Vec::new()), anchor, Span { start, ..place });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref().zip(tag_place), "map");
                return self.open(Items::Mapping(Vec::new(), Key::Awaited), anchor, place);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(place),
            Event::Alias(id) => return self.alias(id, place),
            Event::UnresolvedAlias(_) => {
                self.report(problem::undefined_alias(place, self.slice(place)));
                self.put(Node { span: place, value: Value::Null }, 0);
            }
            Event::DocumentEnd => self.end_document(),
            Event::StreamEnd => return Next::Stop,
            _ => {}
        }
        Next::Event
    }

    /// Takes the error that ended this document.
    pub(super) fn fail(&mut self, error: &ScanError) -> Next {
        let is_bracket = |open: &&Open| matches!(self.text.as_bytes().get(open.start as usize), Some(b'[' | b'{'));
        let bracket = self.open.iter().rev().find(is_bracket).map(|open| open.start);
        self.report(explain::syntax_error(error, self.source, self.text, bracket));
        self.abandon()
    }

    /// Closes the document where it stands, so that its beginning can still say its name.
    fn abandon(&mut self) -> Next {
        self.complete = false;
        while let Some(end) = self.open.last().map(|open| open.end) {
            self.close(Span::new(self.source, end, end));
        }
        self.end_document();
        Next::Document
    }

    fn end_document(&mut self) {
        let complete = std::mem::replace(&mut self.complete, true);
        self.anchors.clear();
        let nothing = Node { span: Span::new(self.source, self.last_end, self.last_end), value: Value::Null };
        let root = self.root.take().unwrap_or(nothing);
        let empty = root.value == Value::Null && root.span.start == root.span.end;
        if !complete || !empty {
            self.documents.push(Document { root, complete });
        }
    }

    /// Records a problem that leaves a hole in this document.
    fn report(&mut self, problem: Diagnostic) {
        self.complete = false;
        self.problems.push(problem);
    }

    fn place(&self, span: granit_parser::Span) -> Span {
        // after odd line breaks the parser may say that a value ends before it begins
        let start = explain::offset(span.start);
        Span::new(self.source, start, explain::offset(span.end).max(start))
    }
}

/// Nodes, as they come.
impl Tree<'_> {
    fn scalar(&mut self, scalar: Scalar<'_>, place: Span) {
        let span = self.scalar_span(scalar.style, place);
        self.last_end = span.end;
        if let Some(Open { items: Items::Mapping(_, Key::Awaited), .. }) = self.open.last() {
            self.key(scalar, span);
        } else {
            let anchor = scalar.anchor;
            let value = self.typed(scalar, span);
            self.put(Node { span, value }, anchor);
        }
    }

    fn key(&mut self, scalar: Scalar<'_>, span: Span) {
        let key = if let Some(refusal) = self.refusal_of_key(&scalar, span) {
            self.report(refusal);
            Key::Refused
        } else {
            let text = Box::<str>::from(scalar.text);
            if scalar.anchor != 0 {
                self.remember(&Node { span, value: Value::String(text.clone()) }, scalar.anchor);
            }
            Key::Of(text, span)
        };
        if let Some(Open { items: Items::Mapping(_, awaited), end, .. }) = self.open.last_mut() {
            *awaited = key;
            *end = span.end;
        }
    }

    fn refusal_of_key(&self, key: &Scalar<'_>, span: Span) -> Option<Diagnostic> {
        if let Some((tag, place)) = key.tag
            && scalar::core_tag(tag).is_none()
        {
            return Some(problem::custom_tag(place, self.slice(place)));
        }
        if key.style != ScalarStyle::Plain {
            return None;
        }
        if span.start == span.end {
            return Some(problem::empty_key(span));
        }
        (key.text == "<<").then(|| problem::merge_key(span))
    }

    fn typed(&mut self, scalar: Scalar<'_>, span: Span) -> Value {
        let Scalar { text, style, tag, .. } = scalar;
        scalar::typed(text, style, tag.map(|(tag, _)| tag)).unwrap_or_else(|refusal| {
            let tag_place = tag.map_or(span, |(_, place)| place);
            self.report(problem::refused_scalar(refusal, span, tag_place, self.slice(tag_place)));
            Value::Null
        })
    }

    fn check_tag(&mut self, tag: Option<(&Tag, Span)>, kind: &str) {
        let Some((tag, place)) = tag else { return };
        match scalar::core_tag(tag) {
            None => self.report(problem::custom_tag(place, self.slice(place))),
            Some(core) if core != kind && core != "!" => self.report(problem::wrong_tag(place, self.slice(place))),
            Some(_) => {}
        }
    }

    fn alias(&mut self, id: usize, place: Span) -> Next {
        let depth = self.open.len();
        let value = match self.anchors.get(&id) {
            None => Err(problem::recursive_alias(place, self.slice(place))),
            // Said once: a bomb has many aliases.
            Some(_) if self.copies > MAX_COPIES => Ok(Value::Null),
            Some(anchored) if depth + anchored.depth > MAX_DEPTH => return self.refuse_depth(place),
            Some(Anchored { nodes, node: Some(node), .. }) if self.copies + nodes <= MAX_COPIES => {
                self.copies += nodes;
                self.nodes += nodes;
                Ok(node.value.clone())
            }
            Some(_) => {
                self.copies = MAX_COPIES + 1;
                Err(problem::too_many_copies(place, MAX_COPIES))
            }
        };
        let value = value.unwrap_or_else(|problem| {
            self.report(problem);
            Value::Null
        });
        self.put(Node { span: place, value }, 0);
        Next::Event
    }

    fn open(&mut self, items: Items, anchor: usize, place: Span) -> Next {
        if self.open.len() == MAX_DEPTH {
            return self.refuse_depth(place);
        }
        let Span { start, end, .. } = place;
        self.last_end = end;
        self.open.push(Open { start, end, anchor, items });
        Next::Event
    }

    fn refuse_depth(&mut self, place: Span) -> Next {
        self.report(problem::too_deep(place, MAX_DEPTH));
        self.abandon()
    }

    /// Closes the innermost collection; `place` is empty for those without a closing bracket.
    fn close(&mut self, place: Span) {
        let Some(open) = self.open.pop() else { return };
        let end = if place.start == place.end { open.end } else { place.end };
        let value = match open.items {
            Items::Sequence(nodes) => Value::Sequence(nodes),
            Items::Mapping(mut entries, _) => {
                if self.open.is_empty() && open.start < end && !self.text[open.start as usize..].starts_with('{') {
                    entries = duplicates::split(entries, &mut self.documents, &mut self.problems);
                }
                duplicates::remove(&mut entries, &mut self.problems);
                Value::Mapping(entries)
            }
        };
        self.put(Node { span: Span::new(self.source, open.start, end.max(open.start)), value }, open.anchor);
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, node: Node, anchor: usize) {
        let span = node.span;
        if anchor != 0 {
            self.remember(&node, anchor);
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { items, end, .. }) => {
                *end = span.end;
                match items {
                    Items::Sequence(nodes) => nodes.push(node),
                    Items::Mapping(entries, key) => match std::mem::replace(key, Key::Awaited) {
                        Key::Of(key, key_span) => entries.push(Entry { key, key_span, value: node }),
                        Key::Refused => {}
                        Key::Awaited => {
                            *key = Key::Refused;
                            self.report(problem::complex_key(span, self.text));
                        }
                    },
                }
            }
        }
        self.nodes += 1;
    }

    /// Keeps what an anchor names for its aliases.
    fn remember(&mut self, node: &Node, anchor: usize) {
        let (nodes, depth) = node.size();
        let node = (nodes <= MAX_COPIES).then(|| node.clone());
        self.nodes += node.as_ref().map_or(0, |_| nodes);
        self.anchors.insert(anchor, Anchored { node, nodes, depth });
    }
}

/// Places that the parser tells differently.
impl Tree<'_> {
    fn awaits_value(&self) -> bool {
        matches!(self.open.last(), Some(Open { items: Items::Mapping(_, Key::Of(..) | Key::Refused), .. }))
    }

    fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The parser begins a list that stands as far left as its key only after the first `-`.
    fn sequence_start(&self, place: Span) -> u32 {
        let before = self.text.get(..place.start as usize).unwrap_or_default().trim_end();
        match before.strip_suffix('-') {
            Some(rest) if self.awaits_value() && rest.ends_with([' ', '\n', '\r']) => offset(rest.len()),
            _ => place.start,
        }
    }

    /// The parser places an absent value before its `:`, and leaves the `|` or `>` out of a block of text.
    fn scalar_span(&self, style: ScalarStyle, place: Span) -> Span {
        match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let between = self.slice(Span { start: self.last_end, end: place.start, ..place });
                let start = between.find(['|', '>']).map_or(place.start, |i| self.last_end + offset(i));
                let body = self.slice(Span { start, ..place }).trim_end_matches(['\n', '\r', ' ']);
                Span { start, end: start + offset(body.len()), ..place }
            }
            ScalarStyle::Plain if place.start == place.end => {
                let colon = self.text.as_bytes().get(place.start as usize) == Some(&b':');
                let at = place.start + u32::from(colon && self.awaits_value());
                Span { start: at, end: at, ..place }
            }
            _ => place,
        }
    }
}

fn offset(byte: usize) -> u32 {
    u32::try_from(byte).unwrap_or(u32::MAX)
}
