//! Answers of an integer network for labelled images, and a few of the images to show.

use serde::{Deserialize, Serialize};
use supernano_core::exec::argmax;

/// Most pictures that are shown of each kind, right and wrong answers.
const SHOWN: usize = 6;

/// The answers of an integer network for the first images of a split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// Names of the classes in the order of the labels.
    pub classes: Vec<String>,
    /// Class of each image, from 0.
    pub labels: Vec<u16>,
    /// Answer for each image, from 0: the first largest logit.
    pub answers: Vec<u16>,
    /// Some of the images.
    #[serde(default)]
    pub pictures: Vec<Picture>,
}

/// An image that is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Number of the image, from 0.
    pub index: usize,
    /// The image as PNG, in base64.
    pub png: String,
}

/// The answers for the images of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassAnswers {
    /// Name of the class.
    pub class: String,
    /// Images of the class.
    pub images: u32,
    /// Images whose answer is their class.
    pub right: u32,
    /// The most frequent wrong answer, with its images.
    pub mistaken: Option<(String, u32)>,
}

impl ClassAnswers {
    /// Share of the images whose answer is their class; 0 without images.
    pub fn accuracy(&self) -> f64 {
        f64::from(self.right) / f64::from(self.images.max(1))
    }
}

impl Answers {
    /// The answers of these logits.
    ///
    /// # Shapes
    /// `labels` `[images]`, `logits` `[images, classes]`.
    pub fn new(classes: &[String], labels: &[u16], logits: &[i32]) -> Self {
        let width = (logits.len() / labels.len().max(1)).max(1);
        let answers = logits.chunks_exact(width).map(|l| argmax(l) as u16).collect();
        Self { classes: classes.to_vec(), labels: labels.to_vec(), answers, pictures: Vec::new() }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len().min(self.answers.len())
    }

    /// True without images.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the answer for each image is its label.
    pub fn each_right(&self) -> Vec<bool> {
        self.labels.iter().zip(&self.answers).map(|(label, answer)| label == answer).collect()
    }

    /// Number of images whose answer is their label.
    pub fn right(&self) -> usize {
        self.each_right().into_iter().filter(|&right| right).count()
    }

    /// Name of a class; its number if it has no name.
    pub fn class(&self, class: u16) -> String {
        self.classes.get(usize::from(class)).cloned().unwrap_or_else(|| class.to_string())
    }

    /// Number of classes: of the names, or one more than the largest label and answer.
    pub fn class_count(&self) -> usize {
        let seen = self.labels.iter().chain(&self.answers).max();
        self.classes.len().max(seen.map_or(0, |&most| usize::from(most) + 1))
    }

    /// Confusion matrix `[class][answer]`, images.
    pub fn confusion(&self) -> Vec<Vec<u32>> {
        let classes = self.class_count();
        let mut matrix = vec![vec![0; classes]; classes];
        for (&label, &answer) in self.labels.iter().zip(&self.answers) {
            matrix[usize::from(label)][usize::from(answer)] += 1;
        }
        matrix
    }

    /// The answers for the images of each class, in the order of the labels.
    pub fn of_classes(&self) -> Vec<ClassAnswers> {
        let of_class = |(label, row): (usize, Vec<u32>)| {
            let wrong = row.iter().enumerate().filter(|&(answer, &n)| answer != label && n > 0);
            // The first of equally frequent ones.
            let mistaken = wrong.rev().max_by_key(|(_, n)| **n);
            ClassAnswers {
                class: self.class(label as u16),
                images: row.iter().sum(),
                right: row[label],
                mistaken: mistaken.map(|(answer, &n)| (self.class(answer as u16), n)),
            }
        };
        self.confusion().into_iter().enumerate().map(of_class).collect()
    }

    /// The images to show: at most six with a right answer and six with a wrong one, the first of
    /// each class before the second of any.
    pub fn shown(&self) -> Vec<usize> {
        let mut shown = self.first_of_classes(true);
        shown.extend(self.first_of_classes(false));
        shown
    }

    fn first_of_classes(&self, right: bool) -> Vec<usize> {
        let mut seen = vec![0usize; self.class_count()];
        let mut found: Vec<(usize, usize)> = Vec::new();
        for (i, (&label, &answer)) in self.labels.iter().zip(&self.answers).enumerate() {
            if (label == answer) == right {
                let seen = &mut seen[usize::from(label)];
                found.push((*seen, i));
                *seen += 1;
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, i)| i).take(SHOWN).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Answers {
        let names = ["a", "b"].map(String::from);
        Answers::new(&names, &[0, 0, 1, 1, 0], &[5, 1, 2, 3, 0, 9, 7, 7, 4, 4])
    }

    #[test]
    fn classes_have_their_accuracies() {
        let classes = answers().of_classes();
        let of = |c: &ClassAnswers| (c.class.clone(), c.images, c.right, c.mistaken.clone());
        assert_eq!(of(&classes[0]), ("a".into(), 3, 2, Some(("b".into(), 1))));
        assert_eq!(of(&classes[1]), ("b".into(), 2, 1, Some(("a".into(), 1))));
        assert_eq!(classes[1].accuracy(), 0.5);
    }

    #[test]
    fn answers_are_the_first_largest_logits() {
        let answers = answers();
        assert_eq!(answers.answers, [0, 1, 1, 0, 0]);
        assert_eq!((answers.right(), answers.len()), (3, 5));
        assert_eq!(answers.confusion(), [[2, 1], [1, 1]]);
        assert_eq!((answers.class(1), answers.class(7)), ("b".into(), "7".into()));
    }

    #[test]
    fn every_class_is_shown_before_any_is_shown_twice() {
        assert_eq!(answers().shown(), [0, 2, 4, 1, 3]);
        assert_eq!(Answers::default().shown(), [0usize; 0]);
    }
}
