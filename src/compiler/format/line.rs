//! A line of the result.

/// A line: what it says, how deep it stands, and the comment at its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// How many spaces stand before it.
    pub indent: usize,
    /// What it says; nothing if it is blank or only a comment.
    pub text: String,
    /// The comment at its end, or on it alone.
    pub comment: Option<Remark>,
}

/// A comment as it stood on its line.
#[derive(Clone, Debug)]
pub(super) struct Remark {
    /// With its `#`.
    pub text: String,
    /// How many characters stood before it.
    pub column: usize,
    /// How many spaces of them stood right before it.
    pub gap: usize,
}

impl Line {
    pub fn new(indent: usize, text: impl Into<String>) -> Self {
        Self { indent, text: text.into(), comment: None }
    }

    pub fn blank() -> Self {
        Self::default()
    }

    /// A comment on a line of its own.
    pub fn comment(indent: usize, remark: Remark) -> Self {
        Self { indent, text: String::new(), comment: Some(remark) }
    }

    pub fn is_blank(&self) -> bool {
        self.text.is_empty() && self.comment.is_none()
    }

    /// Whether it says something: it is neither blank nor only a comment.
    pub fn says(&self) -> bool {
        !self.text.is_empty()
    }

    /// The column of the comment at its end.
    fn column(&self) -> Option<usize> {
        self.comment.as_ref().filter(|_| self.says()).map(|remark| remark.column)
    }
}

/// Lines as one text.
pub(super) fn text(lines: &[Line]) -> String {
    let mut out = String::new();
    for (i, line) in lines.iter().enumerate() {
        if !line.is_blank() {
            out.extend(std::iter::repeat_n(' ', line.indent));
        }
        out.push_str(&line.text);
        if let Some(remark) = &line.comment {
            let beside = [i.checked_sub(1).and_then(|i| lines.get(i)), lines.get(i + 1)];
            let spaces = if line.says() { spaces(line, remark, beside) } else { 0 };
            out.extend(std::iter::repeat_n(' ', spaces));
            out.push_str(&remark.text);
        }
        out.push('\n');
    }
    out
}

/// How many spaces stand before a comment at the end of a line: it stays in its column, unless it was in none.
fn spaces(line: &Line, remark: &Remark, beside: [Option<&Line>; 2]) -> usize {
    let aligned = beside.into_iter().flatten().any(|line| line.column() == Some(remark.column));
    if remark.gap == 1 && !aligned {
        return 1;
    }
    let length = line.indent + line.text.chars().count();
    remark.column.saturating_sub(length).max(1)
}
