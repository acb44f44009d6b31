//! The modules of a crate, and the file that a path leads to.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::{Use, code, inline_paths, uses};

/// A module's path within its crate; empty for the root.
type Module = Vec<String>;

/// The module of a file under `src`; none if it holds tests.
pub(super) fn module_of(file: &str) -> Option<Module> {
    let stem = file.strip_suffix(".rs")?;
    let mut module: Module = stem.split('/').map(str::to_owned).collect();
    let last = module.last()?;
    if last == "tests" || last.ends_with("_tests") {
        return None;
    }
    if ["mod", "lib", "main"].contains(&last.as_str()) {
        module.pop();
    }
    Some(module)
}

/// The texts of a crate's modules, read once.
pub(super) struct Crate {
    files: BTreeMap<Module, File>,
}

struct File {
    uses: Vec<Use>,
    inline: Vec<Vec<String>>,
}

impl Crate {
    pub(super) fn new(texts: BTreeMap<Module, String>) -> Self {
        let read = |text: String| {
            let code = code(&text);
            File { uses: uses(&code), inline: inline_paths(&code) }
        };
        Self { files: texts.into_iter().map(|(module, text)| (module, read(text))).collect() }
    }

    /// The modules that each module needs, by name.
    pub(super) fn needs(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.files.iter().map(|(module, file)| (name(module), self.needs_of(module, file))).collect()
    }

    fn needs_of(&self, module: &Module, file: &File) -> BTreeSet<String> {
        let used = file.uses.iter().filter(|used| !used.is_passed_on).map(|used| &used.path);
        let paths = used.chain(&file.inline).filter_map(|path| self.absolute(module, path));
        paths.filter_map(|path| self.file_of(path)).filter(|other| other != module).map(|other| name(&other)).collect()
    }

    /// A path from the crate's root; none if it leads out of the crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let mut scope = module.clone();
        match first.as_str() {
            "crate" => scope.clear(),
            "self" => {}
            "super" => drop(scope.pop()),
            child => {
                scope.push(child.to_owned());
                if !self.files.contains_key(&scope) {
                    return None;
                }
            }
        }
        for segment in rest {
            match segment.as_str() {
                "super" => drop(scope.pop()),
                "self" => {}
                _ => scope.push(segment.clone()),
            }
        }
        Some(scope)
    }

    /// The module in whose file the name at the end of an absolute path is written.
    fn file_of(&self, mut path: Vec<String>) -> Option<Module> {
        // A name is passed on a few times at most; two files that pass it to each other would not compile.
        for _ in 0..8 {
            let depth = (0..=path.len()).rev().find(|&depth| self.files.contains_key(&path[..depth]))?;
            let module = path[..depth].to_vec();
            let passed_on = path.get(depth).and_then(|name| {
                let used = self.files.get(&module)?.uses.iter().find(|used| used.name == *name)?;
                self.absolute(&module, &used.path)
            });
            match passed_on {
                Some(further) => path = [further, path[depth + 1..].to_vec()].concat(),
                None => return Some(module),
            }
        }
        None
    }
}

fn name(module: &Module) -> String {
    if module.is_empty() { "lib".to_owned() } else { module.join("::") }
}
