//! What a client says once it is let in. Its bytes are anybody's: nothing of them is taken on trust, lengths and
//! numbers least of all.

use bytes::Bytes;

use super::problem::Problem;

/// A message of a client.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// Statements, each to be answered at once.
    Query(String),
    /// A statement to be prepared, with the types of its first parameters; 0: not said.
    Parse { name: String, sql: String, types: Vec<u32> },
    /// Values for a prepared statement.
    Bind(Bind),
    /// What a statement (`S`) or a portal (`P`) answers.
    Describe { kind: u8, name: String },
    /// Runs a portal for so many rows; 0: all.
    Execute { portal: String, rows_max: u64 },
    /// Forgets a statement (`S`) or a portal (`P`).
    Close { kind: u8, name: String },
    /// Sends what there is.
    Flush,
    /// Ends a series of messages.
    Sync,
    /// The client goes.
    Terminate,
    /// Parts of a COPY, which there is none of here: they are left alone, as PostgreSQL does.
    Copy,
    /// A call of a function by its number.
    FunctionCall,
}

/// Values for a prepared statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bind {
    pub portal: String,
    pub statement: String,
    /// 0 text, 1 binary: none, one for all, or one a value.
    pub formats: Vec<i16>,
    pub values: Vec<Option<Bytes>>,
    /// The same of the columns of the answer.
    pub result_formats: Vec<i16>,
}

impl Message {
    /// Reads a message. What can't be one ends the connection: nobody knows where the next one begins in the mind of
    /// whoever sent it.
    pub fn read(kind: u8, body: Bytes) -> Result<Message, Problem> {
        let mut fields = Fields(body);
        let message = match kind {
            b'Q' => Message::Query(fields.text()?),
            b'P' => {
                let (name, sql) = (fields.text()?, fields.text()?);
                let count = fields.count()?;
                Message::Parse { name, sql, types: fields.many(count, Fields::u32)? }
            }
            b'B' => Message::Bind(fields.bind()?),
            b'D' => Message::Describe { kind: fields.kind()?, name: fields.text()? },
            b'E' => {
                let portal = fields.text()?;
                // A number below zero asks for all, as PostgreSQL has it.
                let rows_max = u64::try_from(fields.u32()?.cast_signed()).unwrap_or(0);
                Message::Execute { portal, rows_max }
            }
            b'C' => Message::Close { kind: fields.kind()?, name: fields.text()? },
            b'H' => Message::Flush,
            b'S' => Message::Sync,
            b'X' => Message::Terminate,
            b'd' | b'c' | b'f' => return Ok(Message::Copy),
            b'F' => return Ok(Message::FunctionCall),
            _ => return Err(Problem::fatal("08P01", format!("no message is of the kind {}", kind.escape_ascii()))),
        };
        if fields.0.is_empty() { Ok(message) } else { Err(malformed()) }
    }
}

fn malformed() -> Problem {
    Problem::fatal("08P01", "a message that is not as the protocol has it")
}

/// What is left of a message.
struct Fields(Bytes);

impl Fields {
    fn take(&mut self, bytes: usize) -> Result<Bytes, Problem> {
        if self.0.len() < bytes { Err(malformed()) } else { Ok(self.0.split_to(bytes)) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        self.take(N)?.as_ref().try_into().map_err(|_| malformed())
    }

    fn u16(&mut self) -> Result<u16, Problem> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, Problem> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn format(&mut self) -> Result<i16, Problem> {
        match self.u16()? {
            0 => Ok(0),
            1 => Ok(1),
            other => Err(Problem::new("22023", format!("there is no format {other}"))),
        }
    }

    fn count(&mut self) -> Result<usize, Problem> {
        self.u16().map(usize::from)
    }

    fn kind(&mut self) -> Result<u8, Problem> {
        match self.array()? {
            [kind @ (b'S' | b'P')] => Ok(kind),
            _ => Err(malformed()),
        }
    }

    fn text(&mut self) -> Result<String, Problem> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or_else(malformed)?;
        let text = self.take(end + 1)?.slice(..end);
        String::from_utf8(text.into()).map_err(|_| Problem::new("22021", "text is in UTF-8 here, and this is not"))
    }

    fn many<T>(&mut self, count: usize, one: fn(&mut Fields) -> Result<T, Problem>) -> Result<Vec<T>, Problem> {
        (0..count).map(|_| one(self)).collect()
    }

    fn value(&mut self) -> Result<Option<Bytes>, Problem> {
        match self.u32()?.cast_signed() {
            -1 => Ok(None),
            length => self.take(usize::try_from(length).map_err(|_| malformed())?).map(Some),
        }
    }

    fn bind(&mut self) -> Result<Bind, Problem> {
        let (portal, statement) = (self.text()?, self.text()?);
        let count = self.count()?;
        let formats = self.many(count, Fields::format)?;
        let count = self.count()?;
        let values = self.many(count, Fields::value)?;
        let count = self.count()?;
        let result_formats = self.many(count, Fields::format)?;
        Ok(Bind { portal, statement, formats, values, result_formats })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(kind: u8, body: &'static [u8]) -> Result<Message, Problem> {
        Message::read(kind, Bytes::from_static(body))
    }

    #[test]
    fn messages_are_read() {
        assert_eq!(read(b'Q', b"SELECT 1\0").unwrap(), Message::Query("SELECT 1".to_owned()));
        let parse = Message::Parse { name: "s".to_owned(), sql: "x".to_owned(), types: vec![23, 0] };
        assert_eq!(read(b'P', b"s\0x\0\0\x02\0\0\0\x17\0\0\0\0").unwrap(), parse);
        let bind = Bind {
            statement: "s".to_owned(),
            formats: vec![1],
            values: vec![Some(Bytes::from_static(b"ab")), None],
            ..Bind::default()
        };
        let body = b"\0s\0\0\x01\0\x01\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\0";
        assert_eq!(read(b'B', body).unwrap(), Message::Bind(bind));
        assert_eq!(read(b'E', b"\0\xff\xff\xff\xff").unwrap(), Message::Execute { portal: String::new(), rows_max: 0 });
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (kind, body) in [
            (b'Q', &b""[..]),
            (b'Q', b"SELECT 1"),
            (b'Q', b"a\0b\0"),
            (b'Q', b"\xff\0"),
            (b'P', b"s\0x\0\xff\xff"),
            (b'B', b"\0s\0\0\0\0\x01\xff\xff\xff\xfe\0\0"),
            (b'B', b"\0s\0\0\x01\0\x02\0\0\0\0"),
            (b'D', b"x\0"),
            (b'S', b"more"),
            (b'!', b""),
        ] {
            assert!(Message::read(kind, Bytes::copy_from_slice(body)).is_err(), "{kind} {body:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(kind: u8, body: Vec<u8>) {
            let _ = Message::read(kind, Bytes::from(body));
        }
    }
}
