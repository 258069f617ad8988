//! What the figures mean.

use std::fmt::Write;

/// A sample of what a figure shows, and what it means.
const SAMPLES: &[(&str, &str)] = &[
    (
        "<rect class=\"valid n0\" x=\"2\" width=\"60\" y=\"2\" height=\"20\"/><rect class=\"term \
         n0\" x=\"8\" width=\"40\" y=\"5\" height=\"14\"/><text class=\"token\" x=\"28\" y=\"16\" \
         text-anchor=\"middle\">#7</text>",
        "<b>Term</b> with its fencing token. Dark: what user code saw, from elected to cancelled. \
         Light: from the grant to the instant until which it was valid.",
    ),
    (
        "<rect class=\"body n0\" x=\"6\" width=\"44\" y=\"7\" height=\"3\"/><rect class=\"body \
         n0\" x=\"14\" width=\"46\" y=\"13\" height=\"3\"/>",
        "<b>Work</b> of the term: one thin bar for each body.",
    ),
    (
        "<rect class=\"rest n0\" x=\"6\" width=\"50\" y=\"5\" height=\"14\"/>",
        "Cancelled, and its work has not ended yet.",
    ),
    (
        "<rect class=\"late\" x=\"6\" width=\"50\" y=\"5\" height=\"14\"/>",
        "Past the renew deadline, and user code has not been told.",
    ),
    (
        "<rect class=\"asleep\" x=\"4\" width=\"56\" y=\"2\" height=\"20\"/>",
        "The node <b>stands still</b>: paused or suspended.",
    ),
    (
        "<rect class=\"down\" x=\"4\" width=\"56\" y=\"2\" height=\"20\"/>",
        "No process runs on the node.",
    ),
    (
        "<rect class=\"held n0\" x=\"6\" width=\"50\" y=\"6\" height=\"12\"/><use \
         href=\"#m-grant\" class=\"grant\" x=\"6\" y=\"12\"/><use href=\"#m-release\" \
         class=\"grant\" x=\"56\" y=\"12\"/>",
        "Whom the <b>store's record</b> names. Flag: granted. Hollow flag: released. Dotted end: \
         the lease ran out. Cross: replaced too early.",
    ),
    (
        "<rect class=\"gap\" x=\"6\" width=\"26\" y=\"9\" height=\"6\"/><rect class=\"gap free\" \
         x=\"38\" width=\"20\" y=\"9\" height=\"6\"/>",
        "<b>Safety margin</b>: from the end of a term that ran out to the next grant. Hollow: the \
         holder had given it up.",
    ),
    (
        "<use href=\"#m-applied\" class=\"applied\" x=\"16\" y=\"12\"/><use href=\"#m-won\" \
         class=\"applied\" x=\"46\" y=\"12\"/>",
        "<b>Request</b> applied; with an arrow: it won the key.",
    ),
    (
        "<line class=\"way\" x1=\"10\" x2=\"54\" y1=\"12\" y2=\"12\"/><use href=\"#m-lost\" \
         class=\"untold\" x=\"32\" y=\"12\"/>",
        "Request applied, and its <b>answer was lost</b>. A line shows how long a request was on \
         its way.",
    ),
    (
        "<line class=\"adopted\" x1=\"8\" x2=\"54\" y1=\"12\" y2=\"12\"/><use \
         href=\"#m-adopted\" class=\"untold\" x=\"54\" y=\"12\"/>",
        "Such a request won the key, which was found out later and <b>adopted</b>.",
    ),
    (
        "<use href=\"#m-refused\" class=\"refused\" x=\"12\" y=\"12\"/><use \
         href=\"#m-unanswered\" class=\"refused\" x=\"32\" y=\"12\"/><use href=\"#m-read\" \
         class=\"read\" x=\"52\" y=\"12\"/>",
        "Request refused · without an answer and not applied · read.",
    ),
    (
        "<use href=\"#m-write\" class=\"write\" x=\"18\" y=\"12\"/><use \
         href=\"#m-write-refused\" class=\"refused\" x=\"46\" y=\"12\"/>",
        "<b>Write</b> to the register that tokens guard: accepted · refused.",
    ),
    (
        "<line class=\"loss\" x1=\"32\" x2=\"32\" y1=\"0\" y2=\"24\"/><use href=\"#m-loss\" \
         class=\"loss\" x=\"32\" y=\"12\"/>",
        "<b>Record loss</b>: the store forgot what it had granted. A dotted line above a term: it \
         was hit.",
    ),
    (
        "<rect class=\"bad\" x=\"14\" width=\"36\" y=\"0\" height=\"24\"/>",
        "A rule is <b>violated</b>. The terms that took part have a thick frame.",
    ),
    ("<rect class=\"wait\" x=\"6\" width=\"52\" y=\"10\" height=\"4\"/>", "Asks for a lock."),
];

/// Faults by what they befall.
const FAULTS: &[(&str, &str)] = &[
    ("f-lost", "request lost"),
    ("f-answer", "answer lost"),
    ("f-cut", "connection cut"),
    ("f-slow", "slow or late"),
    ("f-twice", "delivered twice"),
    ("f-refused", "refused: error, conflict, throttled"),
    ("f-watch", "watch or read shows old news"),
    ("f-pause", "paused"),
    ("f-suspend", "suspended"),
    ("f-kill", "killed"),
    ("f-clock", "clock"),
    ("f-panic", "body panics"),
    ("f-store", "store, or its record"),
];

pub(super) fn legend(out: &mut String) {
    out.push_str("<ul class=\"legend\">\n");
    for (sample, meaning) in SAMPLES {
        let _ = writeln!(
            out,
            "<li><svg width=\"64\" height=\"24\" aria-hidden=\"true\">{sample}</svg>\
             <span>{meaning}</span></li>"
        );
    }
    out.push_str("</ul>\n<ul class=\"legend small\">\n<li><b>Faults</b></li>\n");
    for (mark, meaning) in FAULTS {
        let _ = writeln!(
            out,
            "<li><svg width=\"18\" height=\"18\" aria-hidden=\"true\"><use href=\"#{mark}\" \
             class=\"fault\" x=\"9\" y=\"9\"/></svg><span>{meaning}</span></li>"
        );
    }
    out.push_str("</ul>\n");
}
