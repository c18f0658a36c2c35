//! Sets of paths by what their segments may be.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use crate::table::space::machine::{Form, Machine};
use crate::table::space::texts::Texts;
use crate::value::path::{PathGlob, Segment, Shape};

/// Some paths: those with as many segments, each of which is one of its piece, and perhaps all below them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathSet {
    pub(super) pieces: Vec<Piece>,
    pub(super) below: bool,
}

/// What a segment may be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Piece {
    /// One text.
    Text(Arc<str>),
    /// Any of many.
    Other(Arc<Others>),
}

/// Segments that are none of some texts and have some shapes or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Others {
    /// Sorted.
    pub(super) not: Arc<[Arc<str>]>,
    pub(super) shapes: Vec<(Shape, bool)>,
    /// One of them.
    pub(super) sample: String,
    /// Whether there surely is one.
    pub(super) certain: bool,
}

impl Others {
    /// Whether a segment is one of them.
    pub(super) fn contains(&self, segment: &str) -> bool {
        self.not.binary_search_by(|text| (**text).cmp(segment)).is_err()
            && self.shapes.iter().all(|(shape, has)| shape.matches(segment) == *has)
    }

    /// The machines of its conditions, with whether a segment is to be in them; `None` if one cannot be made.
    pub(super) fn machines(&self, texts: &Texts) -> Option<Vec<(Rc<Machine>, bool)>> {
        let mut machines = Vec::new();
        if !self.not.is_empty() {
            machines.push((texts.words(&self.not), false));
        }
        for (shape, has) in &self.shapes {
            machines.push((texts.shape(shape)?, *has));
        }
        Some(machines)
    }
}

impl PathSet {
    /// Whether a path is one of them.
    pub fn contains(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix('/') else { return false };
        let mut segments = rest.split('/');
        let fit = self.pieces.iter().all(|piece| {
            segments.next().is_some_and(|segment| match piece {
                Piece::Text(text) => **text == *segment,
                Piece::Other(others) => others.contains(segment),
            })
        });
        fit && (self.below || segments.next().is_none())
    }

    /// Whether it is but one path.
    pub(super) fn is_single(&self) -> bool {
        !self.below && self.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// Whether there surely is such a path.
    pub(super) fn is_certain(&self) -> bool {
        self.pieces.iter().all(|piece| match piece {
            Piece::Text(_) => true,
            Piece::Other(others) => others.certain,
        })
    }

    /// Whether a pattern may match one of them; no is certain.
    pub(super) fn may_match(&self, glob: &PathGlob) -> bool {
        let fits = |(piece, segment): (&Piece, &Segment)| match (piece, segment) {
            (Piece::Text(text), segment) => segment.matches(text),
            (Piece::Other(others), Segment::Literal(text)) => others.contains(text),
            (Piece::Other(_), Segment::Parameter(_)) => true,
        };
        let (own, its) = (self.pieces.len(), glob.segments().len());
        (own <= its || glob.is_below())
            && (its <= own || self.below)
            && self.pieces.iter().zip(glob.segments()).all(fits)
    }

    /// Some paths of it; the first is the shortest.
    pub(super) fn samples(&self) -> Vec<String> {
        let base: String = self.pieces.iter().fold(String::new(), |path, piece| path + "/" + piece.sample());
        if base.is_empty() {
            return vec!["/".to_owned(), "/x".to_owned(), "/x/x".to_owned()];
        }
        if self.below && !base.ends_with('/') {
            return vec![format!("{base}/x"), base];
        }
        vec![base]
    }

    /// The machines of its conditions, with whether a path is to be in them; `None` if one cannot be made.
    pub(super) fn machines(&self, texts: &Texts) -> Option<Vec<(Rc<Machine>, bool)>> {
        let form = Form::new(self.pieces.iter().map(Piece::text), self.below);
        let mut machines = vec![(Rc::new(Machine::Form(form)), true)];
        for (piece, index) in self.pieces.iter().zip(0..) {
            let Piece::Other(others) = piece else { continue };
            for (machine, inside) in others.machines(texts)? {
                machines.push((Rc::new(Machine::Segment(index, machine)), inside));
            }
        }
        Some(machines)
    }
}

impl Piece {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(_) => None,
        }
    }

    fn sample(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Other(others) => &others.sample,
        }
    }
}

/// The shortest way to say it: `*` is a segment, `**` any further ones.
impl fmt::Display for PathSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => write!(f, "/{text}")?,
                Piece::Other(others) => write!(f, "/{others}")?,
            }
        }
        if self.below { f.write_str("/**") } else { Ok(()) }
    }
}

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shapes: Vec<_> = self.shapes.iter().filter(|(shape, has)| *has && !is_plain(shape)).collect();
        match shapes.first() {
            Some((shape, _)) => {
                let pattern = shape.pattern.as_ref().map_or("*", |pattern| pattern.as_str());
                write!(f, "{}{{{pattern}}}{}", shape.before, shape.after)
            }
            None => f.write_str("*"),
        }
    }
}

/// Whether every segment but the empty one has a shape.
pub(super) fn is_plain(shape: &Shape) -> bool {
    shape.before.is_empty() && shape.after.is_empty() && shape.pattern.is_none()
}
