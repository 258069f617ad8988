//! Reports as Markdown, for people.

mod figures;
mod table;

pub(super) use self::figures::count;
pub(super) use self::table::Table;
use super::{Kill, Report, Tier, why};
use crate::rules;

impl Report {
    /// Renders the report as Markdown: the verdict, the figures, the rules, the faults, and the kill
    /// matrix.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut parts = vec![format!("# {}: {}\n", self.title(), self.conclusion.verdict)];
        parts.push(self.head());
        if !self.conclusion.why.is_empty() {
            let reasons = self.conclusion.why.iter().map(|reason| format!("- {}\n", line(reason)));
            parts.push(format!("What keeps it from `pass`:\n\n{}", reasons.collect::<String>()));
        }
        parts.extend(figures::summary(self));
        parts.push(self.rules_table());
        parts.extend(self.notes());
        parts.extend(figures::details(self));
        parts.push(self.declared());
        parts.extend(self.kill_matrix());
        parts.join("\n")
    }

    fn head(&self) -> String {
        let mut table = Table::new(["", ""]);
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        row("verdict", format!("**{}**", self.conclusion.verdict));
        row("rules", self.counts());
        let version = self.driver.version.as_deref().unwrap_or_default();
        row("driver", format!("{} {version}", self.driver.name));
        let server = self.server.as_ref().map_or("not given".to_owned(), ToString::to_string);
        row("server", server);
        row("suite", format!("{}, rules version {}", self.suite.version, self.suite.rules));
        row("commit", self.source.to_string());
        if !self.is_sealed() {
            row("digest", "none: later edits cannot be detected".to_owned());
        }
        row("date", self.date.clone().unwrap_or_else(|| "not given".to_owned()));
        for command in &self.reproduce {
            row("reproduce", format!("`{command}`"));
        }
        table.render()
    }

    fn declared(&self) -> String {
        let mut table = Table::new(["capability", "declared", "observed"]);
        for form in &self.driver.forms {
            let (says, saw) = (&form.declared, &form.observed);
            let of = |what: &str| match form.name.as_str() {
                "" => what.to_owned(),
                name => format!("{name}: {what}"),
            };
            let mut row = |what: &str, declared: String, observed: Option<String>| {
                table.row([of(what), declared, observed.unwrap_or_default()]);
            };
            let seen = |saw: Option<bool>| saw.map(|saw| yes(saw).to_owned());
            row("expiry", says.expiry.clone(), None);
            row("watch", says.watch.clone(), saw.watch.clone());
            row("shortest lease", format!("{} ms", says.min_lease_ms), None);
            row(
                "expiry lag at most",
                format!("{} ms", says.max_expiry_lag_ms),
                saw.max_expiry_lag_ms.map(|lag| format!("{lag} ms")),
            );
            let survives = [
                ("a deletion", says.token_survives_delete, saw.token_survives_delete),
                ("a restart", says.token_survives_restart, saw.token_survives_restart),
                ("lost writes", says.token_survives_loss, saw.token_survives_loss),
            ];
            for (what, says, saw) in survives {
                row(&format!("tokens survive {what}"), yes(says).to_owned(), seen(saw));
            }
        }
        let harness = [
            ("operator", self.harness.operator),
            ("server control", self.harness.server_control),
            ("proxy", self.harness.proxy),
            ("processes", self.harness.processes),
        ];
        let can: Vec<&str> =
            harness.iter().filter(|(_, has)| *has).map(|(what, _)| *what).collect();
        let can = if can.is_empty() { "nothing but connect".to_owned() } else { can.join(", ") };
        format!("## Capabilities\n\n{}\nThe harness: {can}.\n", table.render())
    }

    fn rules_table(&self) -> String {
        let tiers: Vec<Tier> = self.tiers.keys().copied().collect();
        let heads = tiers.iter().map(ToString::to_string);
        let heads = ["rule", "", "kind", "verdict"].map(str::to_owned).into_iter().chain(heads);
        let mut table = Table::new(heads.chain(["cases".to_owned()]));
        for rule in &self.rules {
            let name = rules::rule(&rule.id).map_or("", |rule| rule.name).replace('_', " ");
            let mut cells = vec![
                rule.id.clone(),
                name,
                rule.kind.word().to_owned(),
                verdict_cell(rule.overall.word()),
            ];
            for tier in &tiers {
                let word = rule.tiers.get(tier).map_or("", |judgement| judgement.verdict.word());
                cells.push(verdict_cell(word));
            }
            cells.push(count(rule.cases()));
            table.row(cells);
        }
        format!("## Rules\n\n{}", table.render())
    }

    /// The reasons of all verdicts but `pass`, and the notes.
    fn notes(&self) -> Option<String> {
        let mut lines = Vec::new();
        for rule in &self.rules {
            if let Some(why) = why(&rule.overall) {
                let word = rule.overall.word();
                lines.push(format!("- **{}** {word}: {}\n", rule.id, line(why)));
            }
            for (tier, judgement) in &rule.tiers {
                let notes = judgement.notes.iter();
                lines.extend(notes.map(|note| format!("- {} {tier}: {}\n", rule.id, line(note))));
            }
        }
        (!lines.is_empty()).then(|| format!("## Notes\n\n{}", lines.concat()))
    }

    fn kill_matrix(&self) -> Option<String> {
        if self.kills.is_empty() {
            return None;
        }
        let mut table = Table::new([
            "broken on purpose",
            "what",
            "seen in",
            "must be found by",
            "found by",
            "median schedules",
            "seeds",
            "message",
        ]);
        for kill in &self.kills {
            let found = kill.caught_by.as_deref().unwrap_or("nothing");
            let found = if kill.is_killed() { found.to_owned() } else { format!("**{found}**") };
            let what = match kill.broken {
                super::Broken::Core => "core",
                super::Broken::Driver => "driver",
            };
            let (median, seeds) = match kill.schedules.len() {
                0 => (String::new(), String::new()),
                seeds => {
                    let median = kill.median.map_or("more than allowed".to_owned(), count);
                    (median, seeds.to_string())
                }
            };
            table.row([
                kill.name.clone(),
                what.to_owned(),
                kill.seen.clone().unwrap_or_default(),
                kill.rule.clone(),
                found,
                median,
                seeds,
                kill.message.clone(),
            ]);
        }
        let killed = self.kills.iter().filter(|kill| kill.is_killed()).count();
        let survivors: Vec<&Kill> = self.kills.iter().filter(|kill| !kill.is_killed()).collect();
        let summary = if survivors.is_empty() {
            format!("All {killed} were found by the rule that must find them.")
        } else {
            let names: Vec<&str> = survivors.iter().map(|kill| kill.name.as_str()).collect();
            let all = self.kills.len();
            format!("{killed} of {all} were found. **Survivors**: {}.", names.join(", "))
        };
        Some(format!("## Kill matrix\n\n{summary}\n\n{}", table.render()))
    }
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// Emphasises a verdict that needs attention.
fn verdict_cell(word: &str) -> String {
    match word {
        "fail" | "invalid" | "inconclusive" => format!("**{word}**"),
        _ => word.to_owned(),
    }
}

/// The text on one line.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
