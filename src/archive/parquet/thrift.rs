//! Thrift's compact protocol, walked over: nothing is kept, nothing set aside, and no list counts for more elements than
//! there are bytes.
//!
//! Source: Apache Thrift, `doc/specs/thrift-compact-protocol.md`.

/// Structs and lists within each other that are followed.
const DEPTH_MAX: u32 = 24;

pub(super) const STRUCT: u8 = 12;

/// A place in bytes. Every function gives `None` for what is no Thrift.
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
    pub pos: usize,
}

impl<'a> Thrift<'a> {
    pub fn new(bytes: &'a [u8], pos: usize) -> Thrift<'a> {
        Thrift { bytes, pos }
    }

    /// Bytes behind this place.
    pub fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.pos)
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.pos)?;
        self.pos += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// A number of 16, 32 or 64 bits.
    pub fn number(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// The type and the count of a list's elements.
    pub fn list(&mut self) -> Option<(u8, usize)> {
        let byte = self.byte()?;
        let count = match byte >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            count => usize::from(count),
        };
        (count <= self.left()).then_some((byte & 15, count))
    }

    /// Walks a struct. The function is given each field's id and type, and says whether it has read its value.
    pub fn fields(&mut self, read: &mut dyn FnMut(&mut Thrift<'a>, i64, u8) -> Option<bool>) -> Option<()> {
        self.fields_at(read, 0)
    }

    fn fields_at(&mut self, read: &mut dyn FnMut(&mut Thrift<'a>, i64, u8) -> Option<bool>, depth: u32) -> Option<()> {
        let mut id = 0_i64;
        loop {
            let byte = self.byte()?;
            if byte == 0 {
                return Some(());
            }
            id = match byte >> 4 {
                0 => self.number()?,
                delta => id.checked_add(i64::from(delta))?,
            };
            if !read(self, id, byte & 15)? {
                self.skip_at(byte & 15, depth)?;
            }
        }
    }

    /// Walks over a value.
    pub fn skip(&mut self, kind: u8) -> Option<()> {
        self.skip_at(kind, 0)
    }

    fn skip_at(&mut self, kind: u8, depth: u32) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match kind {
            // True and false are types of fields.
            1 | 2 => Some(()),
            3 => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            7 => self.jump(8),
            8 => {
                let len = usize::try_from(self.varint()?).ok()?;
                self.jump(len)
            }
            9 | 10 => {
                let (kind, count) = self.list()?;
                for _ in 0..count {
                    self.skip_element(kind, depth + 1)?;
                }
                Some(())
            }
            11 => {
                let count = usize::try_from(self.varint()?).ok().filter(|count| *count <= self.left())?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                for _ in 0..count {
                    self.skip_element(kinds >> 4, depth + 1)?;
                    self.skip_element(kinds & 15, depth + 1)?;
                }
                Some(())
            }
            STRUCT => self.fields_at(&mut |_, _, _| Some(false), depth + 1),
            _ => None,
        }
    }

    /// Within lists true and false are a byte each.
    fn skip_element(&mut self, kind: u8, depth: u32) -> Option<()> {
        if matches!(kind, 1 | 2) { self.byte().map(drop) } else { self.skip_at(kind, depth) }
    }

    fn jump(&mut self, len: usize) -> Option<()> {
        self.pos = self.pos.checked_add(len).filter(|pos| *pos <= self.bytes.len())?;
        Some(())
    }
}
