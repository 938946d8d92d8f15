//! Numbers for people.

/// Digits in groups of three: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A time in the units that people use: `8.3 s`, `42 s`, `7 min 3 s` or `1 h 7 min`.
pub fn duration(seconds: f64) -> String {
    let tenths = (seconds.max(0.0) * 10.0).round();
    if tenths < 100.0 {
        return format!("{:.1} s", tenths / 10.0);
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, min, s) => format!("{min} min {s} s"),
        (h, min, _) => format!("{} h {min} min", grouped(h)),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, grouped};

    #[test]
    fn a_duration_has_the_units_of_its_size() {
        let texts = [0.0, 0.04, 9.96, 59.4, 59.6, 423.2, 3599.6, 4057.0, 3.6e6].map(duration);
        let expected = [
            "0.0 s",
            "0.0 s",
            "10 s",
            "59 s",
            "1 min 0 s",
            "7 min 3 s",
            "1 h 0 min",
            "1 h 7 min",
            "1,000 h 0 min",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn groups_have_three_digits() {
        let texts = [0, 999, 1000, 65_536, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "65,536", "1,234,567"]);
    }
}
