//! A body on its way through what plugins do to it: each piece of it through all of them, in order, and its trailers after them.

use std::mem;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use crate::pipeline::body::{BrokenOff, PIECE, Transform};
use crate::proxy::answer::Source;
use crate::proxy::timer::Deadline;
use crate::proxy::upstream::UpstreamError;
use crate::proxy::visit::Visit;

/// What transforms hold back is sent on with the next tick of the clock on which nothing comes.
const LULL: Duration = Duration::ZERO;

/// Bytes in memory that become no more than this are changed before the head of the answer is sent: then their length is known.
const MOST_AT_ONCE: usize = 4 * PIECE;

/// A body that plugins change.
pub struct Changed {
    source: Source,
    chain: Chain,
    /// What is to be given next, once the chain has been given everything: so the end is known together with the last piece.
    ahead: Option<Pulled>,
    /// What the source ended with.
    trailers: Option<HeaderMap>,
    /// How many bytes are still to come, if that is known.
    left: Option<u64>,
    /// When what is held back is to be sent on.
    lull: Deadline,
}

/// Lets a body go through transforms.
pub fn changed(source: Source, transforms: Vec<Box<dyn Transform>>, visit: &Visit) -> Source {
    let left = source.size_hint().exact().filter(|_| transforms.iter().all(|transform| transform.keeps_length()));
    let mut chain = Chain::of(transforms);
    let (source, bytes) = match source {
        Source::Bytes(bytes) if bytes.len() <= PIECE => (Source::Empty, Some(bytes)),
        Source::Empty => (Source::Empty, Some(Bytes::new())),
        source => (source, None),
    };
    let mut ahead = None;
    if let Some(bytes) = bytes {
        chain.feed(bytes);
        chain.close();
        match chain.pull_most() {
            Ok((out, Pulled::Over)) if out.is_empty() => return Source::Empty,
            Ok((out, Pulled::Over)) => return Source::Bytes(out),
            Ok((out, _)) => ahead = Some(Pulled::Piece(out)),
            Err(why) => return Source::Broken(why),
        }
    }
    let lull = visit.connection.core.timers.deadline();
    Source::Changed(Box::new(Changed { source, chain, ahead, trailers: None, left, lull }))
}

impl Changed {
    /// The next frame of the body.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        loop {
            match self.pull() {
                Err(why) => return Poll::Ready(Some(Err(why.into()))),
                Ok(Pulled::Piece(data)) => {
                    self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Ok(Pulled::Over) => return self.poll_trailers(cx),
                Ok(Pulled::Hungry) => {}
            }
            match self.source.poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => self.take(frame),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => self.chain.close(),
                Poll::Pending => return self.poll_lull(cx).map(|held| Some(held.map(Frame::data).map_err(Into::into))),
            }
        }
    }

    fn pull(&mut self) -> Result<Pulled, BrokenOff> {
        let pulled = match self.ahead.take() {
            Some(pulled) => pulled,
            None => self.chain.pull()?,
        };
        if self.chain.closed && matches!(pulled, Pulled::Piece(_)) {
            self.ahead = Some(self.chain.pull()?);
        }
        Ok(pulled)
    }

    fn take(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) => {
                self.chain.feed(data);
                if self.source.is_end_stream() || self.source.size_hint().exact() == Some(0) {
                    self.chain.close();
                }
                if !self.lull.is_set() {
                    self.lull.set(LULL);
                }
            }
            Err(frame) => {
                self.trailers = frame.into_trailers().ok();
                self.chain.close();
            }
        }
    }

    /// What comes after the data.
    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        if self.source.is_end_stream() {
            return Poll::Ready(None);
        }
        let frame = ready!(self.source.poll_frame(cx));
        Poll::Ready(frame.filter(|frame| !frame.as_ref().is_ok_and(Frame::is_data)))
    }

    /// What was held back, once nothing has come for a while.
    fn poll_lull(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, BrokenOff>> {
        ready!(self.lull.poll_expired(cx));
        self.lull.clear();
        match self.chain.flush() {
            Ok(held) if held.is_empty() => Poll::Pending,
            held => Poll::Ready(held),
        }
    }

    /// Whether nothing more comes.
    pub fn is_end_stream(&self) -> bool {
        matches!(self.ahead, Some(Pulled::Over)) && self.trailers.is_none() && self.source.is_end_stream()
    }

    /// How much is still to come.
    pub fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    /// Whether it is read from an upstream.
    pub fn is_from_upstream(&self) -> bool {
        matches!(self.source, Source::Upstream(_))
    }
}

/// The transforms of a body, one behind another.
struct Chain {
    links: Vec<Link>,
    /// What was fed and not yet taken.
    input: Bytes,
    /// Whether nothing more is fed.
    closed: bool,
}

struct Link {
    transform: Box<dyn Transform>,
    ended: bool,
}

/// What came of asking for a piece.
enum Pulled {
    /// A piece, which is not empty.
    Piece(Bytes),
    /// Nothing until more is fed.
    Hungry,
    /// Nothing any more.
    Over,
}

impl Chain {
    fn of(transforms: Vec<Box<dyn Transform>>) -> Self {
        let links = transforms.into_iter().map(|transform| Link { transform, ended: false }).collect();
        Self { links, input: Bytes::new(), closed: false }
    }

    /// Gives it more, once it is hungry.
    fn feed(&mut self, data: Bytes) {
        self.input = data;
    }

    fn close(&mut self) {
        self.closed = true;
    }

    fn pull(&mut self) -> Result<Pulled, BrokenOff> {
        self.pull_from(self.links.len())
    }

    /// The next piece of what the first `count` transforms make.
    fn pull_from(&mut self, count: usize) -> Result<Pulled, BrokenOff> {
        let Some(at) = count.checked_sub(1) else { return Ok(self.next_input()) };
        loop {
            let more = self.links[at].transform.more()?;
            if !more.is_empty() {
                return Ok(Pulled::Piece(more));
            }
            if self.links[at].ended {
                return Ok(Pulled::Over);
            }
            let input = match self.pull_from(at)? {
                Pulled::Hungry => return Ok(Pulled::Hungry),
                Pulled::Piece(piece) => Some(piece),
                Pulled::Over => None,
            };
            let link = &mut self.links[at];
            link.ended = input.is_none();
            let out = link.transform.take(input)?;
            if !out.is_empty() {
                return Ok(Pulled::Piece(out));
            }
        }
    }

    fn next_input(&mut self) -> Pulled {
        match self.input.len() {
            0 if self.closed => Pulled::Over,
            0 => Pulled::Hungry,
            length if length <= PIECE => Pulled::Piece(mem::take(&mut self.input)),
            _ => Pulled::Piece(self.input.split_to(PIECE)),
        }
    }

    /// As much as may be made at once, and what came of asking last.
    fn pull_most(&mut self) -> Result<(Bytes, Pulled), BrokenOff> {
        let mut out = BytesMut::new();
        loop {
            match self.pull()? {
                Pulled::Piece(piece) => out.extend_from_slice(&piece),
                other => return Ok((out.freeze(), other)),
            }
            if out.len() > MOST_AT_ONCE {
                return Ok((out.freeze(), Pulled::Hungry));
            }
        }
    }

    /// What the transforms hold back, each passed through those behind it.
    fn flush(&mut self) -> Result<Bytes, BrokenOff> {
        let mut held = Bytes::new();
        for Link { transform, .. } in &mut self.links {
            let mut out = BytesMut::new();
            if !held.is_empty() {
                out.extend_from_slice(&transform.take(Some(held))?);
                loop {
                    let more = transform.more()?;
                    if more.is_empty() {
                        break;
                    }
                    out.extend_from_slice(&more);
                }
            }
            out.extend_from_slice(&transform.flush()?);
            held = out.freeze();
        }
        Ok(held)
    }
}

#[cfg(test)]
mod tests {
    use super::{Chain, Pulled};
    use crate::pipeline::body::{BrokenOff, PIECE, Transform};
    use bytes::Bytes;

    /// Gives each byte so many times, one time a piece, and `.` at the end.
    struct Times(usize, Vec<Bytes>);

    impl Transform for Times {
        fn take(&mut self, piece: Option<Bytes>) -> Result<Bytes, BrokenOff> {
            let Some(piece) = piece else { return Ok(Bytes::from_static(b".")) };
            assert!(piece.len() <= PIECE);
            self.1 = vec![piece; self.0];
            self.more()
        }

        fn more(&mut self) -> Result<Bytes, BrokenOff> {
            Ok(self.1.pop().unwrap_or_default())
        }
    }

    fn times(counts: &[usize]) -> Chain {
        Chain::of(counts.iter().map(|count| Box::new(Times(*count, Vec::new())) as _).collect())
    }

    #[test]
    fn each_piece_goes_through_all_and_then_the_end_does() {
        let mut chain = times(&[2, 3]);
        assert!(matches!(chain.pull(), Ok(Pulled::Hungry)));
        chain.feed(Bytes::from_static(b"ab"));
        assert_eq!(chain.pull_most().unwrap().0, "abababababab");
        assert!(matches!(chain.pull(), Ok(Pulled::Hungry)));
        chain.close();
        assert_eq!(chain.pull_most().unwrap().0, "....");
        assert!(matches!(chain.pull(), Ok(Pulled::Over)));
    }

    #[test]
    fn what_is_large_is_cut_and_what_vanishes_is_no_piece() {
        let mut chain = times(&[1, 0, 1]);
        chain.feed(vec![b'x'; 3 * PIECE].into());
        chain.close();
        assert_eq!(chain.pull_most().unwrap().0, "..");
        let mut chain = times(&[1]);
        chain.feed(vec![b'x'; 3 * PIECE].into());
        assert!(matches!(chain.pull(), Ok(Pulled::Piece(piece)) if piece.len() == PIECE));
    }
}
