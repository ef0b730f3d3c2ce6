//! Times as the console shows them, in the viewer's time zone and language: `January 26, 2021, 22:48:41 (UTC+01:00)`.
//!
//! A time counts only if it says how far it is from UTC and in which order its day, month and year are: with a month in
//! words, or with the year first. Nothing is guessed. The languages are those of the console.

use chrono::{Duration, NaiveDate};

/// The months' names, in full and short, in English, German, Spanish, French, Italian, Portuguese, Indonesian and Turkish.
const MONTHS: [&str; 12] = [
    "january jan januar jänner enero ene janvier janv gennaio gen janeiro januari ocak oca",
    "february feb februar febrero février févr fevrier febbraio fevereiro fev februari şubat şub",
    "march mar märz mär marzo mars março maret mart",
    "april apr abril abr avril avr aprile nisan nis",
    "may mai mayo maggio mag maio mei mayıs",
    "june jun juni junio juin giugno giu junho haziran haz",
    "july jul juli julio juillet juil luglio lug julho temmuz tem",
    "august aug agosto ago août aout agustus agu ağustos ağu",
    "september sep sept septiembre septembre settembre set setembro eylül eyl",
    "october oct oktober okt octubre octobre ottobre ott outubro out ekim eki",
    "november nov noviembre novembre novembro kasım kas",
    "december dec dezember dez diciembre dic décembre déc dicembre dezembro desember des aralık ara",
];

const MORNING: [&str; 5] = ["am", "a", "上午", "午前", "오전"];
const AFTERNOON: [&str; 5] = ["pm", "p", "下午", "午後", "오후"];

/// A local time in CloudTrail's form; `None` for what is none, or doesn't say which.
pub(super) fn utc(text: &str) -> Option<String> {
    const LEN_MAX: usize = 80;
    if text.len() > LEN_MAX {
        return None;
    }
    let zone = text.find("UTC").or_else(|| text.find("GMT"))?;
    let offset_minutes = offset(text.get(zone + 3..)?)?;
    let (numbers, words) = parts(text.get(..zone)?);
    let has_word = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    let of_month = |word: &String| MONTHS.iter().position(|names| names.split(' ').any(|name| name == word));
    let (date, time) = match (words.iter().find_map(of_month), numbers.as_slice()) {
        (Some(month), [a, b, time @ ..]) => {
            let (year, day) = if *a > 31 { (a, b) } else { (b, a) };
            ((*year, u32::try_from(month).ok()? + 1, *day), time)
        }
        (None, [year, month, day, time @ ..]) if *year > 31 => ((*year, *month, *day), time),
        _ => return None,
    };
    let (hour, minute, second) = match time {
        [hour, minute] => (*hour, *minute, 0),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return None,
    };
    let hour = match (has_word(&MORNING), has_word(&AFTERNOON)) {
        (false, false) => hour,
        (is_morning, _) if (1..=12).contains(&hour) => hour % 12 + if is_morning { 0 } else { 12 },
        _ => return None,
    };
    let (year, month, day) = date;
    let local = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?.and_hms_opt(hour, minute, second)?;
    let time = local.checked_sub_signed(Duration::minutes(offset_minutes))?;
    Some(time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// `+01:00`, `+1`, `-0330`, or nothing, in minutes.
fn offset(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches(')').trim();
    let Some(sign) = text.chars().next() else { return Some(0) };
    let (hours, minutes) = {
        let digits = text.strip_prefix(['+', '-', '\u{2212}'])?;
        match (digits.split_once(':'), digits.len()) {
            (Some(parts), _) => parts,
            (None, 4) => digits.split_at_checked(2)?,
            (None, _) => (digits, "0"),
        }
    };
    let number = |text: &str| text.parse::<u8>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let minutes = i64::from(number(hours)?) * 60 + i64::from(number(minutes)?);
    (minutes <= 18 * 60).then_some(if sign == '+' { minutes } else { -minutes })
}

/// The numbers and the words of a text, in order.
fn parts(text: &str) -> (Vec<u32>, Vec<String>) {
    let (mut numbers, mut words) = (Vec::new(), Vec::new());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let is_of = |other: char| match c.is_ascii_digit() {
            true => other.is_ascii_digit(),
            false => other.is_alphabetic(),
        };
        let len = rest.find(|other| !is_of(other)).unwrap_or(rest.len()).max(c.len_utf8());
        let (part, behind) = rest.split_at_checked(len).unwrap_or((rest, ""));
        if c.is_ascii_digit() {
            // What is no number of a time is none that fits one.
            numbers.push(part.parse().unwrap_or(u32::MAX));
        } else if c.is_alphabetic() {
            words.push(part.to_lowercase());
        }
        rest = behind;
    }
    (numbers, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_the_languages_of_the_console() {
        for text in [
            "January 26, 2021, 22:48:41 (UTC+01:00)",
            "Jan 26, 2021, 10:48:41 PM (UTC+1)",
            "26. Januar 2021, 22:48:41 (UTC+01:00)",
            "26 de enero de 2021, 22:48:41 (UTC+01:00)",
            "26 janvier 2021 à 21:48:41 GMT",
            "26 gennaio 2021, 22:48:41 (UTC+01:00)",
            "26 de janeiro de 2021 18:18:41 (UTC-03:30)",
            "26 Januari 2021 pukul 22.48.41 (UTC+01:00)",
            "26 Ocak 2021 22:48:41 (UTC+01:00)",
            "2021年1月26日 22:48:41 (UTC+01:00)",
            "2021年1月27日 上午6:48:41 (UTC+09:00)",
            "2021년 1월 26일 오후 10:48:41 (UTC+01:00)",
            "2021-01-26 16:48:41 (UTC\u{2212}05:00)",
        ] {
            assert_eq!(utc(text).as_deref(), Some("2021-01-26T21:48:41Z"), "{text}");
        }
        assert_eq!(utc("May 1, 2024, 12:05 AM (UTC)").as_deref(), Some("2024-05-01T00:05:00Z"));
        assert_eq!(utc("March 1, 2024, 00:30:00 (UTC+01:00)").as_deref(), Some("2024-02-29T23:30:00Z"));
    }

    #[test]
    fn what_could_be_several_times_is_none() {
        for text in [
            "",
            "UTC",
            "January 26, 2021, 22:48:41",
            "01/02/2024, 22:48:41 (UTC+01:00)",
            "January 32, 2021, 22:48:41 (UTC)",
            "January 26, 2021, 22:48:41 (UTC+19:00)",
            "January 26, 2021, 22:48:41 (UTC+01:00:00)",
            "January 26, 2021, 13:48:41 PM (UTC)",
            "January 26, 99999999999999999999, 22:48:41 (UTC)",
            "2021-01-26 16:48:41 (UTC\u{e9})",
        ] {
            assert_eq!(utc(text), None, "{text}");
        }
    }
}
