//! Where in a path the values of a template's parameters lie.

use std::ops::Range;

use smallvec::SmallVec;

use crate::value::path::{PathTemplate, Segment};

/// The parameters of a path, in order: each name with the bytes of its value in the path.
pub type Parameters<'t> = SmallVec<[(&'t str, Range<usize>); 4]>;

/// One parameter: all that is needed once it is known that the template matches.
#[derive(Debug)]
pub(super) struct Capture {
    name: Box<str>,
    /// The index of its segment.
    segment: usize,
    /// The lengths of the literals around it.
    before: usize,
    after: usize,
}

/// What a template captures.
pub(super) fn captures(template: &PathTemplate) -> impl Iterator<Item = Capture> {
    template.segments().iter().enumerate().filter_map(|(segment, kind)| match kind {
        Segment::Literal(_) => None,
        Segment::Parameter(parameter) => Some(Capture {
            name: parameter.name.clone(),
            segment,
            before: parameter.shape.before.len(),
            after: parameter.shape.after.len(),
        }),
    })
}

/// Finds the values in a path that the template matches.
pub(super) fn locate<'t>(captures: &'t [Capture], path: &str) -> Parameters<'t> {
    let mut parameters = Parameters::new();
    let mut wanted = captures.iter().peekable();
    let mut segments = path.split('/').skip(1).enumerate();
    let mut start = 1;
    while let Some(capture) = wanted.peek() {
        let Some((i, segment)) = segments.next() else { break };
        let end = start + segment.len();
        if capture.segment == i {
            parameters.push((&*capture.name, start + capture.before..end - capture.after));
            wanted.next();
        }
        start = end + 1;
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::{captures, locate};
    use crate::value::Scalar;
    use crate::value::path::PathTemplate;

    #[test]
    fn parameters_are_located() {
        let template = PathTemplate::parse("/{z}/x/v{y:[0-9]+}.png").unwrap();
        let captures: Vec<_> = captures(&template).collect();
        let path = "/ab/x/v12.png";
        let found: Vec<_> = locate(&captures, path).into_iter().map(|(name, at)| (name, &path[at])).collect();
        assert_eq!(found, [("z", "ab"), ("y", "12")]);
    }
}
