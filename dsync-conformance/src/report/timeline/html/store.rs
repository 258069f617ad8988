//! A key as the store sees it.

use super::svg::Svg;
use crate::report::timeline::format::{interval, seconds, span};
use crate::report::timeline::model::Model;
use crate::report::timeline::store::HoldEnd;

pub(super) fn draw(model: &Model<'_>, key: usize, y: f64, svg: &mut Svg<'_>) {
    for hold in model.holds.iter().filter(|hold| hold.key == key) {
        let title = format!(
            "The store's record names {}, token #{}\nfrom {}\nthen: {}",
            model.who(hold.node),
            hold.token,
            interval(hold.from, hold.to),
            hold.end.words()
        );
        let colour = hold.node.map_or(7, |node| node % 8);
        svg.bar(format_args!("held n{colour}"), (hold.from, hold.to), y + 5.0, 12.0, &title);
        svg.inside("token", (hold.from, hold.to), y + 15.0, &format!("#{}", hold.token));
        let granted = format!(
            "{}: granted to {}, token #{}",
            seconds(hold.from),
            model.who(hold.node),
            hold.token
        );
        svg.mark("m-grant", "grant", hold.from, y + 11.0, &granted);
        let ended = format!("{}: {}", seconds(hold.to), hold.end.words());
        match hold.end {
            HoldEnd::Released => svg.mark("m-release", "grant", hold.to, y + 11.0, &ended),
            HoldEnd::Expired => svg.mark("m-expired", "grant", hold.to, y + 11.0, &ended),
            HoldEnd::Replaced => svg.mark("m-replaced", "wrong", hold.to, y + 11.0, &ended),
            HoldEnd::Forgotten | HoldEnd::Open => {}
        }
    }
    for gap in model.gaps.iter().filter(|gap| gap.key == key) {
        let length = gap.length();
        let title = format!(
            "{} of {}\nfrom the end of term #{} at {} to the grant of #{} at {}",
            if gap.ran_out { "Safety margin" } else { "Hand-over" },
            span(length),
            gap.tokens.0,
            seconds(gap.from),
            gap.tokens.1,
            seconds(gap.to)
        );
        let class = if gap.ran_out { "gap" } else { "gap free" };
        svg.bar(format_args!("{class}"), (gap.from, gap.to), y + 20.0, 6.0, &title);
        svg.inside("gap", (gap.from, gap.to), y + 35.0, &span(length));
    }
}
