//! The modules of a crate, and the paths that each of them uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

/// The names of modules from the root of the crate to one of them, or to an item in it.
pub(super) type ModulePath = Vec<String>;

/// A module that is not for tests.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The path of its file, for display.
    pub(super) file: String,
    /// The imports: the local name, and the path.
    pub(super) uses: BTreeMap<String, ModulePath>,
    /// Which of these are re-exported.
    pub(super) re_exports: BTreeSet<String>,
    /// All items of the crate that its code names by a path.
    pub(super) paths: BTreeSet<ModulePath>,
    /// The first segments of the paths in its code.
    pub(super) words: BTreeSet<String>,
}

pub(super) type Modules = BTreeMap<ModulePath, Module>;

/// Returns the root file of a crate.
pub(super) fn root_of(folder: &Path) -> Option<PathBuf> {
    let candidates = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file));
    candidates.into_iter().find(|file| file.is_file())
}

/// Reads all modules of the crate in `folder`, starting at its root.
pub(super) fn load(folder: &Path) -> Result<Modules> {
    let root = root_of(folder).with_context(|| format!("no crate in {}", folder.display()))?;
    let mut modules = Modules::new();
    let mut files = vec![(ModulePath::new(), root)];
    while let Some((path, file)) = files.pop() {
        let text = fs::read_to_string(&file)
            .with_context(|| format!("failed to read {}", file.display()))?;
        let shown = file.strip_prefix(folder.join("src")).unwrap_or(&file).display().to_string();
        let declared = parse(&mut modules, &path, &shown, &text)
            .with_context(|| format!("failed to parse {}", file.display()))?;
        for child in declared {
            let folder = children_of(&path, &file);
            let name = child.last().cloned().unwrap_or_default();
            let places = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
            if let Some(file) = places.into_iter().find(|file| file.is_file()) {
                files.push((child, file));
            }
        }
    }
    Ok(modules)
}

/// Returns the directory with the files of the modules below `file`.
fn children_of(path: &[String], file: &Path) -> PathBuf {
    let is_root = path.is_empty() || file.ends_with("mod.rs");
    if is_root { file.parent().unwrap_or(file).to_owned() } else { file.with_extension("") }
}

/// Adds the module of a file and its inline modules. Returns the modules in separate files.
pub(super) fn parse(
    modules: &mut Modules,
    path: &[String],
    file: &str,
    text: &str,
) -> syn::Result<Vec<ModulePath>> {
    let mut declared = Vec::new();
    add(modules, &mut declared, path, file, syn::parse_file(text)?.items);
    Ok(declared)
}

fn add(
    modules: &mut Modules,
    declared: &mut Vec<ModulePath>,
    path: &[String],
    file: &str,
    items: Vec<Item>,
) {
    let module = Module { file: file.to_owned(), ..Module::default() };
    let mut reader = Reader { here: path, children: BTreeSet::new(), module };
    let mut others = Vec::new();
    for item in items {
        match item {
            Item::Mod(item) if !is_for_tests(&item.attrs) => {
                let name = item.ident.to_string();
                let child = [path, std::slice::from_ref(&name)].concat();
                reader.children.insert(name);
                match item.content {
                    Some((_, items)) => add(modules, declared, &child, file, items),
                    None => declared.push(child),
                }
            }
            Item::Mod(_) => {}
            other => others.push(other),
        }
    }
    for item in &others {
        reader.visit_item(item);
    }
    modules.insert(path.to_vec(), reader.module);
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let mut is_for_tests = attribute.path().is_ident("test");
        if attribute.path().is_ident("cfg") {
            let _ = attribute.parse_nested_meta(|meta| {
                is_for_tests |= meta.path.is_ident("test");
                Ok(())
            });
        }
        is_for_tests
    })
}

/// Collects the paths in the code of one module.
struct Reader<'a> {
    here: &'a [String],
    children: BTreeSet<String>,
    module: Module,
}

impl Reader<'_> {
    /// Returns the path relative to the root of the crate; `None` if it leads out of the crate.
    fn absolute(&self, names: &[String]) -> Option<ModulePath> {
        let mut base = match names.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.here.to_vec(),
            first if self.children.contains(first) => return Some([self.here, names].concat()),
            _ => return None,
        };
        let mut rest = &names[usize::from(names[0] != "super")..];
        while rest.first().is_some_and(|name| name == "super") {
            base.pop();
            rest = &rest[1..];
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    fn used(&mut self, before: &mut ModulePath, tree: &UseTree, is_re_export: bool) {
        let (name, target) = match tree {
            UseTree::Path(tree) => {
                before.push(tree.ident.to_string());
                self.used(before, &tree.tree, is_re_export);
                before.pop();
                return;
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.used(before, tree, is_re_export));
                return;
            }
            UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(rename) => (rename.rename.to_string(), rename.ident.to_string()),
            UseTree::Glob(_) => ("*".to_owned(), "*".to_owned()),
        };
        let mut names = before.clone();
        // `use a::b::{self}` is `b`; `use a::*` is something in `a`, so it needs its last name.
        let name = if name == "self" { before.last().cloned().unwrap_or(name) } else { name };
        if target != "self" {
            names.push(target);
        }
        if let Some(path) = self.absolute(&names) {
            if is_re_export {
                self.module.re_exports.insert(name.clone());
            }
            self.module.uses.insert(name, path);
        }
    }

    fn named(&mut self, names: Vec<String>) {
        if let Some(path) = self.absolute(&names).filter(|_| names.len() > 1) {
            self.module.paths.insert(path);
        }
        self.module.words.extend(names.into_iter().next());
    }
}

impl Visit<'_> for Reader<'_> {
    fn visit_item(&mut self, item: &Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        let is_re_export = !matches!(item.vis, Visibility::Inherited);
        self.used(&mut Vec::new(), &item.tree, is_re_export);
    }

    fn visit_visibility(&mut self, _: &Visibility) {
        // `pub(in crate::a)` names a module but imports nothing from it.
    }

    fn visit_path(&mut self, path: &syn::Path) {
        self.named(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &syn::Macro) {
        visit::visit_macro(self, call);
        // The arguments of a macro are unparsed tokens, so search them for paths as text.
        let text = call.tokens.to_string().replace(" :: ", "::");
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let names: Vec<_> = word.split("::").map(str::to_owned).collect();
            if names.iter().all(|name| !name.is_empty() && !name.contains(':')) {
                self.named(names);
            }
        }
    }
}
