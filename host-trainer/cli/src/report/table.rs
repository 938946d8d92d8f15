//! Tables as HTML and as CSV.

use std::fmt::Write as _;

use supernano_base::files::csv_text;
pub use supernano_base::numbers::{duration, grouped};

/// A value of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A code or a command.
    Code(String),
    /// A count.
    Count(u64),
    /// A fraction from 0 to 1, which is shown in per cent.
    Percent(f64),
    /// A number with this many decimals.
    Number(f64, usize),
    /// The ends of an interval of fractions, which are shown in per cent.
    Interval([f64; 2]),
    /// No value.
    Empty,
}

impl Cell {
    /// A cell for a value that may be missing.
    pub fn of<T>(value: Option<T>, cell: impl Fn(T) -> Self) -> Self {
        value.map_or(Self::Empty, cell)
    }

    /// The text for people.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Code(text) => text.clone(),
            Self::Count(n) => grouped(*n),
            Self::Percent(p) => format!("{:.2}", 100.0 * p),
            Self::Number(n, digits) => format!("{n:.digits$}"),
            Self::Interval([low, high]) => format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high),
            Self::Empty => "\u{2013}".into(),
        }
    }

    /// The text for programs.
    fn raw(&self) -> String {
        match self {
            Self::Count(n) => n.to_string(),
            Self::Percent(p) => format!("{:.4}", 100.0 * p),
            Self::Number(n, _) => n.to_string(),
            Self::Empty => String::new(),
            other => other.shown(),
        }
    }

    fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_) | Self::Code(_))
    }
}

/// Text with the special characters of HTML replaced.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A table with a header line. The first column names the row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names of the columns, with units.
    pub header: Vec<String>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns. A column without any value is left out.
    pub fn new(columns: Vec<(&str, Vec<Cell>)>) -> Self {
        let used: Vec<_> =
            columns.into_iter().filter(|(_, c)| c.iter().any(|c| *c != Cell::Empty)).collect();
        let header = used.iter().map(|(name, _)| (*name).to_owned()).collect();
        let rows = used.first().map_or(0, |(_, cells)| cells.len());
        let row = |i: usize| used.iter().map(|(_, cells)| cells[i].clone()).collect();
        Self { header, rows: (0..rows).map(row).collect() }
    }

    /// The columns for which `keep` holds, by their position.
    pub fn part(&self, keep: impl Fn(usize) -> bool) -> Self {
        fn kept<T: Clone>(all: &[T], keep: impl Fn(usize) -> bool) -> Vec<T> {
            let all = all.iter().enumerate().filter(|(i, _)| keep(*i));
            all.map(|(_, value)| value.clone()).collect()
        }
        let rows = self.rows.iter().map(|row| kept(row, &keep)).collect();
        Self { header: kept(&self.header, &keep), rows }
    }

    /// The table as CSV: numbers without groups, accuracies in per cent.
    pub fn csv(&self) -> String {
        let rows = self.rows.iter().map(|row| row.iter().map(Cell::raw).collect::<Vec<_>>());
        csv_text(&self.header, rows)
    }

    /// The table as HTML with a caption.
    pub fn html(&self, caption: &str) -> String {
        let mut out = format!("<table><caption>{}</caption><thead><tr>", escaped(caption));
        for (i, name) in self.header.iter().enumerate() {
            let class = if self.is_number(i) { " class=\"n\"" } else { "" };
            let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", escaped(name));
        }
        out.push_str("</tr></thead><tbody>");
        for row in &self.rows {
            out.push_str("<tr>");
            for (i, cell) in row.iter().enumerate() {
                let text = escaped(&cell.shown());
                let text = match cell {
                    Cell::Code(_) => format!("<code>{text}</code>"),
                    _ => text,
                };
                let _ = match (i, self.is_number(i)) {
                    (0, _) => write!(out, "<th scope=\"row\">{text}</th>"),
                    (_, true) => write!(out, "<td class=\"n\">{text}</td>"),
                    _ => write!(out, "<td class=\"t\">{text}</td>"),
                };
            }
            out.push_str("</tr>");
        }
        out + "</tbody></table>"
    }

    fn is_number(&self, column: usize) -> bool {
        self.rows.iter().all(|row| row.get(column).is_some_and(Cell::is_number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_for_people_and_plain_for_programs() {
        let table = Table::new(vec![
            ("name", vec![Cell::Text("a <b>".into()), Cell::Text("c,d".into())]),
            ("bytes", vec![Cell::Count(1_234_567), Cell::Empty]),
            ("top-1, %", vec![Cell::Percent(0.5), Cell::Percent(0.25)]),
            ("empty", vec![Cell::Empty, Cell::Empty]),
        ]);
        let html = table.html("x & y");
        for part in ["a &lt;b&gt;", "1,234,567", "50.00", "<caption>x &amp; y", "\u{2013}"] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("empty"), "{html}");
        let csv = table.csv();
        assert!(csv.starts_with("name,bytes,\"top-1, %\"\n"), "{csv}");
        assert!(csv.contains("\na <b>,1234567,50.0000\n") || csv.contains("a <b>,1234567,50.0000"));
        assert!(csv.contains("\"c,d\",,25.0000"), "{csv}");
    }

    #[test]
    fn a_part_keeps_the_order_of_its_columns() {
        let cells = |n: u64| vec![Cell::Count(n), Cell::Count(10 * n)];
        let table = Table::new(vec![("a", cells(1)), ("b", cells(2)), ("c", cells(3))]);
        let part = table.part(|column| column != 1);
        assert_eq!(part.header, ["a", "c"]);
        assert_eq!(part.rows[1], [Cell::Count(10), Cell::Count(30)]);
    }
}
