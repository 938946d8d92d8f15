use super::*;

fn mark(at: (f64, f64), label: Option<&str>) -> Mark {
    let text = ["A <b>".to_owned(), "1 & 2".to_owned()];
    Mark { at, interval: None, label: label.map(String::from), text, colour: label.map(|_| 0) }
}

fn points(marks: Vec<Mark>) -> Points {
    let axes = ["x <x>".to_owned(), "y".to_owned()];
    Points { name: "all \"points\"".into(), axes, marks, diagonal: true }
}

#[test]
fn named_points_can_be_reached_and_others_not() {
    let svg = points(vec![mark((1.0, 2.0), Some("A")), mark((2.0, 3.0), None)]).svg().unwrap();
    assert_eq!(svg.matches("tabindex").count(), 1);
    assert_eq!(svg.matches("class=\"mark\"").count(), 2);
    for part in
        ["A &lt;b&gt;: 1 &amp; 2", "all &quot;points&quot;", "x &lt;x&gt;", "role=\"group\""]
    {
        assert!(svg.contains(part), "{part}: {svg}");
    }
    assert!(!svg.contains("<b>") && !svg.contains("<x>"));
}

#[test]
fn nothing_makes_no_chart() {
    assert_eq!(points(Vec::new()).svg(), None);
    assert_eq!(points(vec![mark((f64::NAN, 1.0), None)]).svg(), None);
    assert_eq!(bars("", &[], 1.0), None);
    assert_eq!(areas("", &[String::new(), String::new()], &[]), None);
    assert_eq!(matrix("", &[String::new(), String::new()], &[]), None);
    assert_eq!(lines("", &[String::new(), String::new()], &[], &[]), None);
}

#[test]
fn numbers_on_axes_have_no_superfluous_digits() {
    let ticks = [0.0, 0.5, 12.25, 80.0, -3.0, 120_000.0].map(|v| tick(&v));
    assert_eq!(ticks, ["0", "0.5", "12.2", "80", "-3", "120,000"]);
}
