//! A key as the store sees it.

use super::layout::Lane;
use super::svg::Svg;
use crate::report::timeline::model::Model;
use crate::report::timeline::span::{length, seconds};
use crate::report::timeline::store::HoldEnd;

pub(super) fn draw(model: &Model<'_>, key: usize, lane: &Lane, svg: &mut Svg) {
    let y = lane.y;
    for hold in model.holds.iter().filter(|hold| hold.key == key) {
        let (time, token, end) = (hold.time, hold.token, hold.end.words());
        let (who, from, to) = (model.who(hold.node), seconds(time.from), seconds(time.to));
        let title =
            format!("The store's record names {who}, token #{token}\nfrom {time}\nthen: {end}");
        let colour = hold.node.map_or(7, |node| node % 8);
        svg.bar(&format!("held n{colour}"), time, y + 5.0, 12.0, &title);
        svg.inside("token", time, y + 15.0, &format!("#{token}"));
        let granted = format!("{from}: granted to {who}, token #{token}");
        svg.mark("m-grant", "grant", time.from, y + 11.0, &granted);
        let (mark, class) = match hold.end {
            HoldEnd::Released => ("m-release", "grant"),
            HoldEnd::Expired => ("m-expired", "grant"),
            HoldEnd::Replaced => ("m-replaced", "wrong"),
            HoldEnd::Forgotten | HoldEnd::Open => continue,
        };
        svg.mark(mark, class, time.to, y + 11.0, &format!("{to}: {end}"));
    }
    for gap in model.gaps.iter().filter(|gap| gap.key == key) {
        let (from, to) = (seconds(gap.time.from), seconds(gap.time.to));
        let (first, second) = gap.tokens;
        let length = length(gap.time.length());
        let (class, what) =
            if gap.ran_out { ("gap", "Safety margin") } else { ("gap free", "Hand-over") };
        let title = format!(
            "{what} of {length}\nfrom the end of term #{first} at {from} to the grant of \
             #{second} at {to}"
        );
        svg.bar(class, gap.time, y + 20.0, 6.0, &title);
        svg.inside("gap", gap.time, y + 35.0, &length);
    }
}
