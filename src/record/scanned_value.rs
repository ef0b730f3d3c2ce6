//! What a scanned record holds: the values of known fields, and what has no column.

/// A known field's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub column: u8,
    pub held: ScannedValue,
}

/// How a value is held.
#[derive(Clone, Copy, Debug)]
pub(super) enum ScannedValue {
    /// The number of a word.
    Word(u32),
    /// A place in the text: a string between its quotes, or free content.
    Text(u32, u32),
    /// The same, where a string has escapes or free content has white space.
    Marked(u32, u32),
    Bool(bool),
    /// Microseconds since 1970-01-01 UTC: the upper and the lower half, so that a value stays small.
    Time(u32, u32),
}

impl ScannedValue {
    pub fn place(place: (u32, u32), is_marked: bool) -> ScannedValue {
        if is_marked { ScannedValue::Marked(place.0, place.1) } else { ScannedValue::Text(place.0, place.1) }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time is kept in two halves")]
    pub fn time(time_us: i64) -> ScannedValue {
        ScannedValue::Time((time_us >> 32) as u32, time_us as u32)
    }
}

/// The time of [`ScannedValue::Time`].
pub(super) fn time_us(upper: u32, lower: u32) -> i64 {
    i64::from(upper as i32) << 32 | i64::from(lower)
}

/// What has no column, or not quite.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extra {
    /// A column's field is `null`.
    NullColumn(u8),
    /// A column has a value that its field didn't give: there was none.
    AbsentColumn(u8),
    /// A group is `null`.
    NullGroup(u8),
    /// A group is `{}`.
    EmptyGroup(u8),
    /// A column's field in a spelling that the column can't give back: the JSON text of the value.
    Column(u8, u32, u32),
    /// A group that is no object: the JSON text of the value.
    Group(u8, u32, u32),
    /// An unknown key of a group: the key between its quotes, the JSON text of the value.
    Unknown(u8, (u32, u32), (u32, u32)),
    /// The record as it was, because it has a key twice: later ones win, none is lost.
    Original(u32, u32),
}

impl Extra {
    /// Whether it says of a known field that it held nothing, or wasn't there.
    pub fn is_empty(&self) -> bool {
        matches!(self, Extra::NullColumn(_) | Extra::AbsentColumn(_) | Extra::NullGroup(_) | Extra::EmptyGroup(_))
    }
}

/// Has the processor fetch bytes that are read soon: rows are put in order, which is no order in memory.
pub(super) fn prefetch<T>(soon: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        const LINE: usize = 64;
        let bytes = size_of_val(soon).min(8 * LINE);
        for at in (0..bytes).step_by(LINE) {
            // SAFETY: a hint reads nothing that the program could see, whatever the address; this one is inside `soon`.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(soon.as_ptr().cast::<i8>().add(at)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = soon;
}
