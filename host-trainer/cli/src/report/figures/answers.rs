//! The answers of the network to ship: its confusion matrix, and images with their answers.

use std::fmt::Write as _;

use supernano_base::answers::Answers;

use super::super::chart::matrix;
use super::super::facts::Facts;
use super::super::table::{Cell, Table, escaped, grouped};
use super::Figure;

/// Most classes of a matrix that is a table.
const SMALL: usize = 16;
/// Most pairs of classes in the table of a large matrix.
const PAIRS: usize = 20;

/// The confusion matrix and the pictures.
pub fn all(facts: &Facts) -> Vec<Figure> {
    let Some(answers) = facts.answers.as_ref().filter(|a| !a.is_empty()) else {
        return Vec::new();
    };
    [confusion(answers), pictures(answers)].into_iter().flatten().collect()
}

fn confusion(answers: &Answers) -> Option<Figure> {
    let counts = answers.confusion();
    let share = |row: &[u32], n: u32| f64::from(n) / f64::from(row.iter().sum::<u32>().max(1));
    let small = counts.len() <= SMALL;
    let body = match small {
        true => heat(answers, &counts),
        false => {
            let shares: Vec<Vec<f64>> =
                counts.iter().map(|row| row.iter().map(|&n| share(row, n)).collect()).collect();
            let axes = ["answer".to_owned(), "class, the first at the top".to_owned()];
            matrix("Confusion matrix", &axes, &shares)?
        }
    };
    let table = if small { whole(answers, &counts) } else { pairs(answers, &counts) };
    let right = answers.right() as u64;
    let note = format!(
        "Answers of network A in int8: {} of {} test images right. A row is a class, a column an \
         answer.{}",
        grouped(right),
        grouped(answers.len() as u64),
        if small { "" } else { " The table has the most frequent wrong answers." }
    );
    let title = "Confusion matrix".into();
    Some(Figure {
        id: "confusion".into(),
        title,
        note,
        body,
        table: Some(table),
        wide: false,
        ..Figure::default()
    })
}

/// A small matrix as a table with shades.
fn heat(answers: &Answers, counts: &[Vec<u32>]) -> String {
    let mut out = String::from(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Classes against answers\">\
         <table class=\"heat\"><caption>Images of a class (row) with an answer (column)</caption>\
         <thead><tr><th scope=\"col\">class</th>",
    );
    for class in 0..counts.len() {
        let name = escaped(&answers.class(class as u16));
        let _ = write!(out, "<th scope=\"col\" class=\"turned\"><span>{name}</span></th>");
    }
    out.push_str("</tr></thead><tbody>");
    for (class, row) in counts.iter().enumerate() {
        let name = escaped(&answers.class(class as u16));
        let _ = write!(out, "<tr><th scope=\"row\">{name}</th>");
        let sum = row.iter().sum::<u32>().max(1);
        for (answer, n) in row.iter().enumerate() {
            let shade = (n * 4).div_ceil(sum).min(4);
            let kind = if class == answer { 'h' } else { 'w' };
            let _ = write!(out, "<td class=\"{kind}{shade}\">{n}</td>");
        }
        out.push_str("</tr>");
    }
    out + "</tbody></table></div>"
}

fn whole(answers: &Answers, counts: &[Vec<u32>]) -> Table {
    let names: Vec<String> = (0..counts.len()).map(|i| answers.class(i as u16)).collect();
    let mut header = vec!["class".to_owned()];
    header.extend(names.iter().cloned());
    let rows = counts.iter().zip(&names).map(|(row, name)| {
        let cells = row.iter().map(|&n| Cell::Count(n.into()));
        [Cell::Text(name.clone())].into_iter().chain(cells).collect()
    });
    Table { header, rows: rows.collect() }
}

/// The most frequent wrong answers.
fn pairs(answers: &Answers, counts: &[Vec<u32>]) -> Table {
    let mut wrong: Vec<(u32, usize, usize)> = Vec::new();
    for (class, row) in counts.iter().enumerate() {
        let others = row.iter().enumerate().filter(|&(answer, &n)| answer != class && n > 0);
        wrong.extend(others.map(|(answer, &n)| (n, class, answer)));
    }
    wrong.sort_by_key(|&(n, class, answer)| (std::cmp::Reverse(n), class, answer));
    wrong.truncate(PAIRS);
    let name = |i: usize| Cell::Text(answers.class(i as u16));
    Table::new(vec![
        ("class", wrong.iter().map(|p| name(p.1)).collect()),
        ("wrong answer", wrong.iter().map(|p| name(p.2)).collect()),
        ("images", wrong.iter().map(|p| Cell::Count(p.0.into())).collect()),
    ])
}

fn pictures(answers: &Answers) -> Option<Figure> {
    let mut body = String::from("<ul class=\"pictures\">");
    let mut rows = Vec::new();
    for picture in &answers.pictures {
        let (Some(&label), Some(&answer)) =
            (answers.labels.get(picture.index), answers.answers.get(picture.index))
        else {
            continue;
        };
        // Base64 has none of the characters that could end the attribute.
        let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        let data: String = picture.png.chars().filter(|&c| base64(c)).collect();
        let (class, answer) = (answers.class(label), answers.class(answer));
        let right = class == answer;
        let (kind, mark) = if right { ("right", "\u{2713}") } else { ("wrong", "\u{2717}") };
        let words = match right {
            true => format!("{class}, answered right"),
            false => format!("{class}, answered {answer}"),
        };
        let (words, number) = (escaped(&words), picture.index + 1);
        let _ = write!(
            body,
            "<li class=\"{kind}\"><img alt=\"Test image {number}\" \
             src=\"data:image/png;base64,{data}\"><span aria-hidden=\"true\">{mark}</span> {words}</li>"
        );
        rows.push(vec![Cell::Count(number as u64), Cell::Text(class), Cell::Text(answer)]);
    }
    let header = ["test image", "class", "answer"].map(String::from).to_vec();
    (!rows.is_empty()).then(|| Figure {
        id: "pictures".into(),
        title: "Images with their answers".into(),
        note: format!(
            "{} of {} test images: of the right and of the wrong answers the first of each class, \
             as the network sees them.",
            rows.len(),
            grouped(answers.len() as u64)
        ),
        body: body + "</ul>",
        table: Some(Table { header, rows }),
        wide: true,
        ..Figure::default()
    })
}
