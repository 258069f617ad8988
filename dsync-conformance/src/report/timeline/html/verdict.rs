//! Which rules were violated.

use crate::report::timeline::format::Escaped;
use crate::report::timeline::incident::Incident;
use crate::report::timeline::model::Model;
use crate::report::timeline::span::seconds;
use crate::rules;

/// At most so many violations are listed one by one.
const VIOLATIONS: usize = 20;

pub(super) fn draw(model: &Model<'_>) -> String {
    let Some((first, others)) = model.incidents.split_first() else {
        return "<section class=\"verdict good\"><h2>✓ No rule is violated</h2></section>\n".into();
    };
    let id = first.violation.rule;
    let text = rules::rule(id).map_or_else(String::new, |rule| {
        let text = Escaped(rule.text);
        format!("<details><summary>The rule in full</summary><p>{text}</p></details>\n")
    });
    format!(
        include_str!("verdict.html"),
        rule = Escaped(id),
        name = Escaped(&first.rule_name()),
        message = Escaped(&first.violation.message),
        text = text,
        others = list(others),
    )
}

/// The violations after the first one.
fn list(others: &[Incident<'_>]) -> String {
    if others.is_empty() {
        return String::new();
    }
    let mut list = "<ul>\n".to_owned();
    for other in others.iter().take(VIOLATIONS - 1) {
        list += &format!(
            "<li><b>{}</b> {} <span class=\"dim\">at {}</span><br>{}</li>\n",
            Escaped(other.violation.rule),
            Escaped(&other.rule_name()),
            seconds(other.violation.at),
            Escaped(&other.violation.message)
        );
    }
    if others.len() >= VIOLATIONS {
        list += &format!("<li>and {} more</li>\n", others.len() + 1 - VIOLATIONS);
    }
    list + "</ul>\n"
}
