//! Forms of ARNs, taken apart once: `arn:${Partition}:s3:::${BucketName}/${ObjectName}`.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

/// A resource type's ARN form.
#[derive(Clone, Debug)]
pub(in crate::iam) struct ArnFormat {
    /// Told apart by this: no two formats have the same, but a format and its clones.
    pub id: u64,
    /// Nothing but `*`.
    is_star: bool,
    heads: [Head; 5],
    /// What stands between the variables of the sixth part.
    tail: Vec<String>,
    /// A bucket's name has no slash: behind one it is an object.
    is_bucket: bool,
    pub pieces: Vec<Piece>,
    /// The variables that stand for names, in their order.
    pub variables: Vec<String>,
}

/// One of an ARN's first five parts.
#[derive(Clone, Debug)]
enum Head {
    Any,
    Exactly(String),
}

/// A run of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::iam) enum Piece {
    Literal(String),
    Partition,
    Region,
    Account,
    /// A variable by its place among the names.
    Name(usize),
}

impl PartialEq for ArnFormat {
    /// Whether both are written alike.
    fn eq(&self, other: &ArnFormat) -> bool {
        self.pieces == other.pieces && self.variables == other.variables
    }
}

impl ArnFormat {
    pub fn new(form: &str) -> ArnFormat {
        static LAST_ID: AtomicU64 = AtomicU64::new(0);
        let mut parsed = ArnFormat {
            id: LAST_ID.fetch_add(1, Ordering::Relaxed) + 1,
            is_star: form == "*",
            heads: [const { Head::Any }; 5],
            tail: Vec::new(),
            is_bucket: false,
            pieces: Vec::new(),
            variables: Vec::new(),
        };
        if let Some(ArnParts { heads, tail }) = ArnParts::new(form) {
            parsed.heads = heads.map(|head| match head {
                "*" => Head::Any,
                head if head.contains("${") => Head::Any,
                head => Head::Exactly(head.to_owned()),
            });
            parsed.tail = variables_to_stars(tail).split('*').map(str::to_owned).collect();
            parsed.is_bucket = tail.ends_with("${BucketName}");
        }
        parsed.take_apart(form);
        parsed
    }

    /// Whether its ARNs are of that service.
    pub fn is_of(&self, service: &str) -> bool {
        matches!(self.heads.get(2), Some(Head::Exactly(own)) if own == service)
    }

    fn take_apart(&mut self, form: &str) {
        let mut rest = form;
        while let Some((before, behind)) = rest.split_once("${") {
            let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
            if !before.is_empty() {
                self.pieces.push(Piece::Literal(before.to_owned()));
            }
            let is_account = form.get(..form.len() - behind.len()).is_some_and(|front| front.matches(':').count() == 4);
            self.pieces.push(match name {
                "Partition" => Piece::Partition,
                "Region" => Piece::Region,
                "Account" => Piece::Account,
                "AccountId" | "ManagementAccountId" if is_account => Piece::Account,
                _ => {
                    let known = self.variables.iter().position(|known| known == name);
                    Piece::Name(known.unwrap_or_else(|| {
                        self.variables.push(name.to_owned());
                        self.variables.len() - 1
                    }))
                }
            });
            rest = after;
        }
        if !rest.is_empty() {
            self.pieces.push(Piece::Literal(rest.to_owned()));
        }
    }

    /// Whether something stands behind the name of a bucket, which the form ends with.
    fn holds_more(&self, tail: &str) -> bool {
        let mut name = tail;
        for literal in self.tail.iter().filter(|literal| !literal.is_empty()) {
            name = name.split_once(literal.as_str()).map_or(name, |(_, behind)| behind);
        }
        name.contains('/')
    }

    /// Whether an ARN or ARN pattern has this form: the variables match anything but, in the first five parts, a colon.
    pub fn fits(&self, arn: &str) -> bool {
        ArnParts::new(arn).map_or(self.is_star, |arn| self.fits_parted(&arn))
    }

    /// As [`ArnFormat::fits`], for what is tried with many forms.
    pub fn fits_parted(&self, arn: &ArnParts<'_>) -> bool {
        if self.tail.is_empty() {
            return self.is_star;
        }
        let fits = |(head, part): (&Head, &str)| match head {
            Head::Any => true,
            Head::Exactly(head) => head == part || part == "*" && !head.is_empty(),
        };
        self.heads.iter().zip(arn.heads).all(fits)
            && has_in_order(&self.tail, arn.tail)
            && !(self.is_bucket && self.holds_more(arn.tail))
    }
}

/// An ARN's first five parts, and the rest.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) struct ArnParts<'a> {
    heads: [&'a str; 5],
    tail: &'a str,
}

impl<'a> ArnParts<'a> {
    pub fn new(arn: &'a str) -> Option<ArnParts<'a>> {
        let mut heads = [""; 5];
        let mut begin = 0;
        let mut parts = heads.iter_mut();
        let mut part = parts.next()?;
        for (at, _) in arn.bytes().enumerate().filter(|(_, byte)| *byte == b':') {
            *part = arn.get(begin..at)?;
            begin = at + 1;
            match parts.next() {
                Some(next) => part = next,
                None => return Some(ArnParts { heads, tail: arn.get(begin..)? }),
            }
        }
        None
    }
}

/// An ARN of a record, escaped, for many forms to be tried on.
#[derive(Debug)]
pub(in crate::iam) struct ParsedArn<'a> {
    pub arn: Cow<'a, str>,
    /// Its parts, where nothing had to be escaped.
    parted: Option<ArnParts<'a>>,
}

impl<'a> ParsedArn<'a> {
    pub fn new(arn: Cow<'a, str>) -> ParsedArn<'a> {
        let parted = match arn {
            Cow::Borrowed(arn) => ArnParts::new(arn),
            Cow::Owned(_) => None,
        };
        ParsedArn { arn, parted }
    }

    /// As [`ArnFormat::fits`].
    pub fn fits(&self, form: &ArnFormat) -> bool {
        self.parted.as_ref().map_or_else(|| form.fits(&self.arn), |parted| form.fits_parted(parted))
    }
}

/// Whether a text is these literals with anything between them.
fn has_in_order(literals: &[String], text: &str) -> bool {
    let [first, inner @ .., last] = literals else { return literals.iter().any(|only| only == text) };
    let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
        return false;
    };
    inner.iter().filter(|literal| !literal.is_empty()).all(|literal| {
        let after =
            memchr::memmem::find(rest.as_bytes(), literal.as_bytes()).and_then(|at| rest.get(at + literal.len()..));
        rest = after.unwrap_or_default();
        after.is_some()
    })
}

/// `function:${FunctionName}` → `function:*`.
fn variables_to_stars(form: &str) -> String {
    let mut out = String::with_capacity(form.len());
    let mut rest = form;
    while let Some((before, behind)) = rest.split_once("${") {
        out.push_str(before);
        out.push('*');
        rest = behind.split_once('}').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_that_fit() {
        for (form, arn, expected) in [
            ("arn:${Partition}:s3:::${BucketName}", "arn:aws:s3:::b", true),
            ("arn:${Partition}:s3:::${BucketName}", "arn:aws:s3:::b/k", false),
            (
                "arn:${Partition}:s3express:${Region}:${Account}:bucket/${BucketName}",
                "arn:aws:s3express:r:1:bucket/b",
                true,
            ),
            (
                "arn:${Partition}:s3express:${Region}:${Account}:bucket/${BucketName}",
                "arn:aws:s3express:r:1:bucket/b/k",
                false,
            ),
            (
                "arn:${Partition}:s3express:${Region}:${Account}:bucket/${BucketName}",
                "arn:aws:s3express:r:1:bucket/*",
                true,
            ),
            (
                "arn:${Partition}:s3express:${Region}:${Account}:bucket/${BucketName}",
                "arn:aws:s3express:r:1:bucket/a-bucket/k",
                false,
            ),
            (
                "arn:${Partition}:o:${Region}:${Account}:outpost/${OutpostId}/bucket/${BucketName}",
                "arn:aws:o:r:1:outpost/o/bucket/b",
                true,
            ),
            ("arn:${Partition}:s3:::${BucketName}/${ObjectName}", "arn:aws:s3:::b/k/l", true),
            ("arn:${Partition}:s3:::${BucketName}/${ObjectName}", "arn:aws:s3:::b", false),
            ("arn:${Partition}:sqs:${Region}:${Account}:${Q}", "arn:aws:sns:us-east-1:1:q", false),
            ("arn:${Partition}:sqs:${Region}:${Account}:${Q}", "arn:aws:*:us-east-1:1:q", true),
            ("arn:${Partition}:x:${Region}:${Account}:a/${A}/b/${B}/c", "arn:aws:x:r:1:a/1/b/2/c", true),
            ("arn:${Partition}:x:${Region}:${Account}:a/${A}/b/${B}/c", "arn:aws:x:r:1:a/b/c", false),
            ("arn:${Partition}:x:${Region}:${Account}:ab${A}ba", "arn:aws:x:r:1:aba", false),
            ("*", "b", true),
            ("arn:${Partition}:x:::account", "arn:aws:x:::account", true),
            ("arn:${Partition}:x:::account", "b", false),
        ] {
            assert_eq!(ArnFormat::new(form).fits(arn), expected, "{form} {arn}");
        }
    }
}
