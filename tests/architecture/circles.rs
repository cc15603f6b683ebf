//! No circles between the files of a crate: if a file uses another one, that one uses it neither directly nor through others.
//!
//! Read are `use` lines and paths that begin with `crate`, `super`, `self` or the name of a child module; re-exports are
//! followed to the file that defines the name. Not seen are glob re-exports, what macros generate, and method calls on a type
//! that was never named. A file and the folder of its name count as one module: `http.rs` may call `http/body.rs`, which may
//! use `super::Verb`. The root of a crate has no such folder: what `lib.rs` uses may use nothing that `lib.rs` defines.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use super::sources;

/// The path of a module from the root of its crate, which is empty.
type Module = Vec<String>;

/// The modules of a crate and what each of them names.
#[derive(Default)]
struct Crate {
    modules: BTreeMap<Module, Vec<Named>>,
}

/// A path in a module.
struct Named {
    path: Vec<String>,
    kind: NamedBy,
}

#[derive(PartialEq, Clone, Copy)]
enum NamedBy {
    Use,
    Reexport,
    Expression,
}

/// The modules that each module uses, with the path that names them.
type Uses = BTreeMap<Module, BTreeMap<Module, String>>;

#[test]
fn no_files_of_a_crate_form_a_circle() {
    let mut crates: BTreeMap<PathBuf, Crate> = BTreeMap::new();
    for (path, text) in sources() {
        if let Some((root, module)) = module(&path) {
            crates.entry(root).or_default().modules.insert(module, named(&tokens(&text)));
        }
    }
    assert!(crates.len() > 10, "{} crates", crates.len());
    let circles: Vec<String> = crates
        .iter()
        .flat_map(|(root, krate)| circles(&krate.uses()).into_iter().map(move |circle| (root, circle)))
        .map(|(root, circle)| format!("{}: {circle}", root.display()))
        .collect();
    assert!(circles.is_empty(), "circles between files:\n{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found_through_reexports_and_nested_lists_and_a_module_may_use_its_parts() {
    let krate = |files: &[(&str, &str)]| {
        let modules = files.iter().map(|(path, text)| {
            (module(Path::new(path)).expect("a file of a crate").1, named(&tokens(text)))
        });
        circles(&Crate { modules: modules.collect() }.uses())
    };
    let lib = ("a/src/lib.rs", "mod one; mod two; pub use two::Two;");
    let two = ("a/src/two.rs", "use super::{other::Other, one::{self, One}}; pub struct Two;");
    let found = krate(&[lib, ("a/src/one.rs", "fn f(two: crate::Two) {}"), two]);
    assert_eq!(found, ["one -> two (crate::Two) -> one (super::one::self)"]);
    assert!(
        krate(&[lib, ("a/src/one.rs", "//! crate::Two\nconst S: &str = \"crate::Two\";"), two]).is_empty()
    );
    let tests = "#[cfg(test)]\nmod tests { use crate::two::Two; }";
    assert!(krate(&[lib, ("a/src/one.rs", tests), two]).is_empty());
    let part = ("a/src/one/part.rs", "use super::One;");
    assert!(krate(&[("a/src/one.rs", "mod part; fn f() { part::g() }"), part]).is_empty());
    let root = ("a/src/lib.rs", "mod one; pub struct Root; fn f() { one::g() }");
    assert_eq!(krate(&[root, ("a/src/one.rs", "use crate::Root;")]).len(), 1);
}

/// The crate and the module of a file; none for tests and programs.
fn module(path: &Path) -> Option<(PathBuf, Module)> {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let src = parts.iter().position(|part| *part == "src")?;
    let mut module: Module =
        parts[src + 1..].iter().map(|part| part.trim_end_matches(".rs").to_owned()).collect();
    if module.iter().any(|part| ["bin", "main", "tests"].contains(&part.as_str())) {
        return None;
    }
    module.pop_if(|last| ["lib", "mod"].contains(&last.as_str()));
    Some((parts[..src].iter().collect(), module))
}

/// Identifiers, `::` and single characters, without comments, literals and the unit tests at the end of a file.
fn tokens(text: &str) -> Vec<&str> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end =
            |from: usize, stop: &str| rest[from..].find(stop).map_or(rest.len(), |at| from + at + stop.len());
        let length = if rest.starts_with("//") {
            end(2, "\n")
        } else if rest.starts_with("r#\"") {
            end(3, "\"#")
        } else if first == '"' {
            string(rest)
        } else if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, behind) = rest.split_at(length);
        // A quotation mark as a character would begin a text.
        let quotation = behind.strip_prefix("\"'").or_else(|| behind.strip_prefix("\\\"'"));
        rest = quotation.filter(|_| token == "'").unwrap_or(behind);
        if !token.trim().is_empty() && !token.starts_with("//") && !token.contains('"') {
            tokens.push(token);
        }
    }
    tokens
}

/// The length of the text literal at the beginning.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The paths in the code of a file.
fn named(tokens: &[&str]) -> Vec<Named> {
    let mut named = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).map_or("", |before| tokens[before]);
        let after = tokens.get(at + 1).copied().unwrap_or_default();
        if tokens[at] == "use" && after != "<" {
            let end =
                tokens[at..].iter().position(|token| *token == ";").map_or(tokens.len(), |end| at + end);
            let kind = if ["pub", ")"].contains(&before) { NamedBy::Reexport } else { NamedBy::Use };
            let paths = tree(&tokens[at + 1..end]);
            named.extend(paths.into_iter().map(|path| Named { path, kind }));
            at = end;
        } else if after == "::" && ![".", "::"].contains(&before) {
            let path = tokens[at..].chunks(2).take_while(|pair| pair[0] != "<");
            let pairs: Vec<&[&str]> = path.collect();
            let length =
                pairs.iter().position(|pair| pair.get(1) != Some(&"::")).map_or(pairs.len(), |last| last + 1);
            let path = pairs[..length].iter().map(|pair| pair[0].to_owned()).collect();
            named.push(Named { path, kind: NamedBy::Expression });
            at += 2 * length - 1;
        } else {
            at += 1;
        }
    }
    named
}

/// Every path of a `use` with its nested lists.
fn tree(tokens: &[&str]) -> Vec<Vec<String>> {
    let Some(open) = tokens.iter().position(|token| *token == "{") else {
        let path = tokens.iter().take_while(|token| **token != "as").filter(|token| **token != "::");
        return vec![path.map(|token| (*token).to_owned()).collect()];
    };
    let prefix: Vec<String> =
        tokens[..open].iter().filter(|token| **token != "::").map(|token| (*token).to_owned()).collect();
    let (mut depth, mut begin, mut paths) = (0, open + 1, Vec::new());
    for (at, token) in tokens.iter().enumerate().skip(open) {
        depth += i32::from(*token == "{") - i32::from(*token == "}");
        let ends = (*token == "," && depth == 1) || (*token == "}" && depth == 0);
        if ends && at > begin {
            paths.extend(tree(&tokens[begin..at]).into_iter().map(|path| [&prefix[..], &path].concat()));
        }
        if ends {
            begin = at + 1;
        }
    }
    paths
}

impl Crate {
    fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (module, named) in &self.modules {
            let edges = uses.entry(module.clone()).or_default();
            for Named { path, .. } in named.iter().filter(|named| named.kind != NamedBy::Reexport) {
                let target = self.absolute(module, path).map(|path| self.defining(&path, 0));
                if let Some(target) = target.filter(|target| target != module && !is_part(target, module)) {
                    edges.entry(target).or_insert_with(|| path.join("::"));
                }
            }
        }
        uses
    }

    /// A path from the root of the crate; none for a path into another crate.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let supers = path.iter().take_while(|part| *part == "super").count();
        if supers > 0 {
            return Some([&module[..module.len().checked_sub(supers)?], &path[supers..]].concat());
        }
        let (first, rest) = path.split_first()?;
        let child = [module, std::slice::from_ref(first)].concat();
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([module, rest].concat()),
            _ => self.modules.contains_key(&child).then(|| [child.as_slice(), rest].concat()),
        }
    }

    /// The module that defines what the path names: the longest one on the way, or where it re-exports the name from.
    fn defining(&self, path: &[String], depth: usize) -> Module {
        let length =
            (0..=path.len()).rev().find(|length| self.modules.contains_key(&path[..*length])).unwrap_or(0);
        let (module, rest) = path.split_at(length);
        let reexported = self.modules.get(module).into_iter().flatten().find_map(|named| {
            let same =
                named.kind == NamedBy::Reexport && !rest.is_empty() && named.path.last() == rest.first();
            self.absolute(module, &named.path).filter(|_| same)
        });
        match reexported {
            Some(path) if depth < 5 => self.defining(&path, depth + 1),
            _ => module.to_vec(),
        }
    }
}

/// Whether a module is in the folder of the other one, which is not the root.
fn is_part(module: &[String], whole: &[String]) -> bool {
    !whole.is_empty() && module.starts_with(whole)
}

/// The shortest circle through each module, each circle once.
fn circles(uses: &Uses) -> Vec<String> {
    let (mut circles, mut seen) = (Vec::new(), BTreeSet::new());
    for start in uses.keys() {
        let Some(circle) = circle(uses, start) else { continue };
        if seen.insert(circle.iter().cloned().collect::<BTreeSet<_>>()) {
            let name = |module: &Module| if module.is_empty() { "lib".to_owned() } else { module.join("::") };
            let next = circle.iter().cycle().skip(1);
            let steps =
                circle.iter().zip(next).map(|(from, to)| format!(" -> {} ({})", name(to), uses[from][to]));
            circles.push(name(start) + &steps.collect::<String>());
        }
    }
    circles
}

fn circle(uses: &Uses, start: &Module) -> Option<Vec<Module>> {
    let mut queue = VecDeque::from([vec![start.clone()]]);
    let mut reached = BTreeSet::new();
    while let Some(way) = queue.pop_front() {
        for next in way.last().and_then(|last| uses.get(last)).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                return Some(way);
            }
            if reached.insert(next.clone()) {
                queue.push_back([&way[..], std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}
