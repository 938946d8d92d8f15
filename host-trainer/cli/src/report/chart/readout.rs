//! Marks that show a text at the top of a chart.

use super::super::table::escaped;

/// A mark, in pixels of its chart.
pub(super) struct Readout {
    /// Its centre.
    pub at: (i32, i32),
    /// A name, and numbers.
    pub text: [String; 2],
    /// True if the keyboard reaches the mark and screen readers read it.
    pub reachable: bool,
}

impl Readout {
    /// The mark as SVG in a chart of this width.
    pub fn svg(&self, width: u32) -> String {
        let [name, numbers] = self.text.each_ref().map(|text| escaped(text));
        let (x, y) = self.at;
        let access = match self.reachable {
            true => format!("tabindex=\"0\" role=\"img\" aria-label=\"{name}: {numbers}\""),
            false => "aria-hidden=\"true\"".to_owned(),
        };
        format!(
            "<g class=\"mark\" {access}><circle cx=\"{x}\" cy=\"{y}\" r=\"8\"/>\
             <g class=\"tip\"><rect width=\"{width}\" height=\"36\"/>\
             <text x=\"6\" y=\"14\">{name}</text><text x=\"6\" y=\"30\">{numbers}</text></g></g>"
        )
    }
}
