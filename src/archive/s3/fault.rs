//! What it means that a server refuses: something about one object, or about all of them. A server's words are
//! anybody's: they are cut short, and what a terminal would act on is shown as an escape.

use std::error::Error as _;

use object_store::Error;

use crate::util::shown;

/// Why something can't be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is about one object, or one prefix.
    One(String),
    /// Access to it is denied.
    Denied(String),
    /// There is no such object.
    Missing,
    /// The object is another one than the one that was listed.
    Changed,
    /// It would be the same with any other.
    All(String),
    /// Somebody asked for an end.
    Stopped,
}

impl Fault {
    /// In words, of an object or a prefix.
    pub fn reason(&self) -> String {
        match self {
            Fault::One(reason) | Fault::Denied(reason) | Fault::All(reason) => reason.clone(),
            Fault::Missing => "it is not there any more".to_owned(),
            Fault::Changed => {
                "it was changed after it was listed; nothing of it is taken\nhint: the next run takes it as it is then"
                    .to_owned()
            }
            Fault::Stopped => "interrupted".to_owned(),
        }
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked<'a> {
    /// The keys below a prefix of a bucket.
    Keys(&'a str),
    /// An object of a bucket.
    Object(&'a str, &'a str),
}

/// Longest text of a server that is repeated.
const SAID_MAX: usize = 400;

/// What an error means. `region`: the bucket's, where the server said it.
pub(super) fn fault(error: &Error, asked: Asked<'_>, region: Option<&str>) -> Fault {
    let text = chain(error);
    let said = Said::of(&text);
    let status = |number: &str| text.contains(&format!("status code: {number}"));
    match said.code {
        Some("NoSuchBucket") => return all("there is no such bucket", &said, "is its name right, and the endpoint?"),
        Some("ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired") => {
            return all("the credentials have expired", &said, "renew them and run it again: it goes on where it was");
        }
        Some(
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "NotSignedUp" | "InvalidClientTokenId",
        ) => {
            return all("the credentials are not accepted", &said, "are they those of this account and endpoint?");
        }
        Some("RequestTimeTooSkewed") => return all("this machine's clock is wrong", &said, "set it"),
        Some("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException") => {
            return elsewhere(&said, region);
        }
        Some("InvalidObjectState") => {
            let hint = "it is archived in Glacier: `aws s3api restore-object` brings it back";
            return Fault::One(with_hint("it can't be read as it is", &said, hint));
        }
        Some(code) if code.starts_with("KMS.") => return kms(&said, asked),
        _ => {}
    }
    match error {
        Error::NotFound { .. } => Fault::Missing,
        Error::Precondition { .. } => Fault::Changed,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => denied(&said, asked),
        // A listing's error says no more than its text.
        _ if status("403") || said.code == Some("AccessDenied") => denied(&said, asked),
        _ if status("404") => Fault::Missing,
        _ if text.contains("redirect without LOCATION") => elsewhere(&said, region),
        _ if status("503") || status("429") || said.code == Some("SlowDown") => {
            all("the server asked to slow down, again and again", &said, "run it again later, or with less --requests")
        }
        _ => all("the server can't be asked", &Said { message: Some(&text), ..said }, "is the endpoint right?"),
    }
}

fn all(what: &str, said: &Said<'_>, hint: &str) -> Fault {
    Fault::All(with_hint(what, said, hint))
}

fn with_hint(what: &str, said: &Said<'_>, hint: &str) -> String {
    format!("{what}{}\nhint: {hint}", said.shown())
}

fn elsewhere(said: &Said<'_>, region: Option<&str>) -> Fault {
    let hint = match region {
        Some(region) => format!("--bucket-region {}", shown::name(region)),
        None => "--bucket-region says in which one".to_owned(),
    };
    Fault::All(with_hint("the bucket is in another region", said, &hint))
}

fn denied(said: &Said<'_>, asked: Asked<'_>) -> Fault {
    if said.message.is_some_and(|message| message.contains("kms:")) {
        return kms(said, asked);
    }
    let hint = match asked {
        Asked::Keys(bucket) => format!("the credentials need s3:ListBucket on arn:aws:s3:::{bucket}"),
        Asked::Object(bucket, key) => {
            format!("the credentials need s3:GetObject on arn:aws:s3:::{bucket}/{}", shown::name(key))
        }
    };
    Fault::Denied(with_hint("access denied", said, &hint))
}

/// A log object that is encrypted with a key that can't be used.
fn kms(said: &Said<'_>, asked: Asked<'_>) -> Fault {
    let what = match asked {
        Asked::Keys(_) => "the KMS key can't be used",
        Asked::Object(..) => "the KMS key that it is encrypted with can't be used",
    };
    let message = said.message.unwrap_or_default();
    let key = message.split(|c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')' | ','));
    let key =
        key.map(|word| word.trim_end_matches('.')).find(|word| word.starts_with("arn:") && word.contains(":kms:"));
    let hint = match key {
        Some(key) => {
            format!("the credentials need kms:Decrypt on {}, and its key policy has to let them", shown::name(key))
        }
        None => "the credentials need kms:Decrypt on the trail's key, and the key has to be enabled".to_owned(),
    };
    Fault::Denied(with_hint(what, said, &hint))
}

/// What a server says of an error.
#[derive(Clone, Copy, Debug, Default)]
struct Said<'a> {
    code: Option<&'a str>,
    message: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn of(text: &'a str) -> Said<'a> {
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            Some(rest.split_once(&format!("</{name}>"))?.0)
        };
        Said { code: element("Code"), message: element("Message") }
    }

    fn shown(&self) -> String {
        match (self.code, self.message) {
            (None, None) => String::new(),
            (code, message) => {
                let said = [code, message].into_iter().flatten().collect::<Vec<_>>().join(": ");
                let cut: String = said.chars().take(SAID_MAX).collect();
                format!(" ({})", shown::name(cut.trim()))
            }
        }
    }
}

/// An error with all its causes, each said once.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(body: &str) -> Error {
        let source = format!("Server returned non-2xx status code: 400 Bad Request: {body}");
        Error::Generic { store: "S3", source: source.into() }
    }

    fn denied_with(message: &str) -> Error {
        let body = format!("status code: 403: <Error><Code>AccessDenied</Code><Message>{message}</Message></Error>");
        Error::PermissionDenied { path: "k".to_owned(), source: body.into() }
    }

    #[test]
    fn what_ends_everything_and_what_is_about_one_object() {
        let object = Asked::Object("logs", "a/k.json.gz");
        for code in ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "SlowDown", "Other"]
        {
            let error = generic(&format!("<Error><Code>{code}</Code><Message>m</Message></Error>"));
            assert!(matches!(fault(&error, object, None), Fault::All(_)), "{code}");
        }
        let Fault::Denied(reason) = fault(&denied_with("no"), object, None) else { panic!("not denied") };
        assert!(reason.contains("s3:GetObject on arn:aws:s3:::logs/a/k.json.gz"), "{reason}");
        let Fault::Denied(reason) = fault(&denied_with("no"), Asked::Keys("logs"), None) else { panic!("not denied") };
        assert!(reason.contains("s3:ListBucket on arn:aws:s3:::logs"), "{reason}");
        let key = "arn:aws:kms:eu-west-1:111122223333:key/abc";
        let message = format!("User: x is not authorized to perform: kms:Decrypt on resource: {key} because");
        let Fault::Denied(reason) = fault(&denied_with(&message), object, None) else { panic!("not denied") };
        assert!(reason.contains(&format!("kms:Decrypt on {key},")), "{reason}");
        let redirected = generic("<Error><Code>PermanentRedirect</Code></Error>");
        assert!(fault(&redirected, object, Some("eu-central-1")).reason().ends_with("--bucket-region eu-central-1"));
    }

    /// What a server says begins no line of the program's own, and is no longer than a line or two.
    #[test]
    fn a_servers_words_stay_on_their_line() {
        let message = format!("a\nerror: b\u{1b}[31m{}", "x".repeat(10_000));
        let reason = fault(&denied_with(&message), Asked::Keys("logs"), None).reason();
        assert!(reason.lines().count() == 2 && reason.len() < 600 && !reason.contains('\u{1b}'), "{reason}");
    }
}
