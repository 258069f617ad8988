//! The imports between modules, and the circles among them.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{ModulePath, Modules};

/// Maps each name to the names that it imports from.
pub(super) type Edges = BTreeMap<String, BTreeSet<String>>;

/// A longer chain of re-exports is itself a circle.
const MOST_STEPS: usize = 16;

/// The imports of a crate.
pub(super) struct Graph {
    files: Edges,
    rooms: Edges,
}

impl Graph {
    pub(super) fn new(modules: &Modules) -> Self {
        let (mut files, mut rooms) = (Edges::new(), Edges::new());
        for (from, module) in modules {
            let here = files.entry(module.file.clone()).or_default();
            let in_room = from.first().map(|room| rooms.entry(room.clone()).or_default());
            let used = module.uses.iter().filter(|(name, _)| {
                // A re-export that is not used in its own module does not depend on the item.
                !module.re_exports.contains(*name) || module.words.contains(*name)
            });
            let mut to_rooms = BTreeSet::new();
            for path in used.map(|(_, path)| path).chain(&module.paths) {
                let target = home(modules, path, MOST_STEPS);
                if let Some(to) = modules.get(&target).filter(|to| to.file != module.file) {
                    here.insert(to.file.clone());
                }
                to_rooms.extend(target.first().filter(|room| from.first() != Some(*room)).cloned());
            }
            if let Some(in_room) = in_room {
                in_room.extend(to_rooms);
            }
        }
        Self { files, rooms }
    }

    pub(super) fn files(&self) -> &Edges {
        &self.files
    }

    pub(super) fn rooms(&self) -> Edges {
        self.rooms.clone()
    }
}

/// Follows all re-exports, and returns the module that defines the item at `path`.
fn home(modules: &Modules, path: &[String], steps: usize) -> ModulePath {
    let depth = (0..=path.len()).rev().find(|depth| modules.contains_key(&path[..*depth]));
    let (module, rest) = path.split_at(depth.unwrap_or_default());
    let uses = modules.get(module).map(|module| &module.uses);
    match rest.split_first().and_then(|(name, rest)| Some((uses?.get(name)?, rest))) {
        Some((target, rest)) if steps > 0 => home(modules, &[target, rest].concat(), steps - 1),
        _ => module.to_vec(),
    }
}

/// Returns all sets of two or more names that can all reach each other.
pub(super) fn circles(edges: &Edges) -> Vec<Vec<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        edges.keys().map(|name| (name.as_str(), reach(edges, name))).collect();
    let mut circles = Vec::new();
    let mut done = BTreeSet::new();
    for (name, to) in &reached {
        let back = |other: &&str| reached.get(other).is_some_and(|to| to.contains(name));
        let circle: Vec<&str> = to.iter().copied().filter(back).collect();
        if circle.len() > 1 && done.insert(circle.clone()) {
            circles.push(circle.into_iter().map(str::to_owned).collect());
        }
    }
    circles
}

fn reach<'a>(edges: &'a Edges, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = edges.get(from).into_iter().flatten().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(edges.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::super::source::parse;
    use super::*;

    /// A crate of files: the path of each module and its text.
    fn graph(files: &[(&str, &str)]) -> Graph {
        let mut modules = Modules::new();
        for (path, text) in files {
            let path: ModulePath =
                path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
            parse(&mut modules, &path, &format!("{}.rs", path.join("/")), text).unwrap();
        }
        Graph::new(&modules)
    }

    fn of(edges: &Edges, name: &str) -> Vec<String> {
        edges[name].iter().cloned().collect()
    }

    #[test]
    fn imports_are_found_in_every_form() {
        let graph = graph(&[
            ("", "pub mod a; mod b; mod c; mod d; mod e; pub use self::b::B;"),
            ("a", "use crate::{B, c::{self as see, C}}; fn f() { crate::d::f(); }"),
            ("b", "pub struct B; fn f() { println!(\"{}\", super::e::f()) }"),
            ("c", "pub struct C; use std::fmt; pub(in crate::a) fn f() {}"),
            ("d", "pub fn f() { let _: crate::c::C; }"),
            ("e", "pub fn f() -> u8 { 1 }"),
        ]);
        let rooms = graph.rooms();
        // `crate::B` is an import from where it is defined.
        assert_eq!(of(&rooms, "a"), ["b", "c", "d"]);
        assert_eq!(of(&rooms, "b"), ["e"]);
        assert_eq!(of(&rooms, "c"), [""; 0]);
        assert_eq!(of(&rooms, "d"), ["c"]);
        assert!(circles(&rooms).is_empty());
    }

    #[test]
    fn a_circle_is_found_whatever_its_length() {
        let graph = graph(&[
            ("", "mod a; mod b; mod c; mod d;"),
            ("a", "use super::b::f;"),
            ("b", "use crate::c; fn f() {}"),
            ("c", "type T = crate::a::T;"),
            ("d", "use crate::a;"),
        ]);
        assert_eq!(circles(&graph.rooms()), [["a", "b", "c"]]);
    }

    #[test]
    fn code_for_tests_does_not_count() {
        let graph = graph(&[
            ("", "mod a; mod b; #[cfg(test)] mod c;"),
            ("a", "use crate::b; #[cfg(test)] mod tests { use crate::b::*; use super::*; }"),
            ("b", "#[cfg(test)] use crate::a::f; #[cfg(test)] fn f() { crate::a::f() }"),
        ]);
        assert_eq!(of(&graph.rooms(), "b"), [""; 0]);
        assert!(circles(&graph.rooms()).is_empty());
    }

    #[test]
    fn a_parent_that_only_re_exports_is_in_no_circle_with_its_children() {
        let child = ("a::b", "pub struct B; use super::A;");
        let handing_on = graph(&[("", "mod a;"), ("a", "mod b; pub use b::B; struct A;"), child]);
        assert!(circles(handing_on.files()).is_empty());
        let using = "mod b; pub use b::B; struct A(B);";
        let using = graph(&[("", "mod a;"), ("a", using), child]);
        assert_eq!(circles(using.files()), [["a.rs", "a/b.rs"]]);
    }
}
