//! Descriptors that another compiler wrote, and what can be wrong with them.

use crate::check::Compiled;
use crate::error::Error;
use crate::suggest::nearest;
use halloo_codegen::FileDescriptorProto;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Reads the set at `path`, which is `shown` to people; `protos` select from it, if there are any.
pub(crate) fn read(path: &Path, shown: &Path, protos: &[PathBuf]) -> Result<Compiled, Error> {
    let set = Set { shown: shown.display().to_string() };
    let bytes = std::fs::read(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => set.fault(&format!("`{}` does not exist", set.shown)),
        _ => Error::io("read", path, cause),
    })?;
    let files = halloo_codegen::decode_descriptor_set(&bytes);
    // Nearly any text can be decoded as something.
    let files = files.ok().filter(|files| !files.is_empty() && files.iter().all(|file| file.name.is_some()));
    let files = files.ok_or_else(|| set.fault(&format!("`{}` holds no descriptors", set.shown)))?;
    let names: BTreeSet<&str> = files.iter().filter_map(|file| file.name.as_deref()).collect();
    for file in &files {
        if let Some(import) = file.dependency.iter().find(|import| !names.contains(import.as_str())) {
            let file = file.name.as_deref().unwrap_or_default();
            return Err(set.fault(&format!("`{}` lacks `{import}`, which `{file}` imports", set.shown)));
        }
    }
    let targets = set.targets(protos, &names)?;
    let warnings = set.warning(&targets, &files).into_iter().collect();
    Ok(Compiled { descriptor_set: bytes, targets, paths: BTreeSet::from([path.to_owned()]), variables: &[], warnings })
}

struct Set {
    shown: String,
}

impl Set {
    fn fault(&self, text: &str) -> Error {
        Error::usage(format!(
            "the descriptor set {text}\n \
             = help: protoc makes it with: protoc --include_imports --include_source_info -o {0} your.proto\n \
             = help: and buf with: buf build -o {0}",
            self.shown
        ))
    }

    fn targets(&self, protos: &[PathBuf], names: &BTreeSet<&str>) -> Result<Vec<String>, Error> {
        let wanted: Vec<String> = protos.iter().map(|proto| proto.to_string_lossy().replace('\\', "/")).collect();
        if let Some(unknown) = wanted.iter().find(|name| !names.contains(name.as_str())) {
            let known: Vec<&str> = names.iter().copied().filter(|name| !is_well_known(name)).collect();
            let ending = |name: &&&str| unknown.ends_with(&format!("/{name}"));
            let meant = known.iter().find(ending).copied().or_else(|| nearest(unknown, known.iter().copied()));
            let help = meant.map(|meant| format!("\n = help: did you mean `{meant}`?")).unwrap_or_default();
            return Err(Error::usage(format!(
                "the descriptor set `{}` has no file `{unknown}`\n = help: it has {}{help}",
                self.shown,
                known.join(", ")
            )));
        }
        let all = || names.iter().filter(|name| !is_well_known(name)).map(|&name| name.to_owned()).collect();
        Ok(if wanted.is_empty() { all() } else { wanted })
    }

    fn warning(&self, targets: &[String], files: &[FileDescriptorProto]) -> Option<String> {
        let is_target = |file: &&FileDescriptorProto| file.name.as_ref().is_some_and(|name| targets.contains(name));
        let bare = files.iter().filter(is_target).find(|file| !file.source_code_info.is_set())?;
        Some(format!(
            "the descriptor set `{}` has no source info for `{}`, so the generated code has no comments of it; \
             protoc adds it with --include_source_info",
            self.shown,
            bare.name.as_deref().unwrap_or_default()
        ))
    }
}

fn is_well_known(name: &str) -> bool {
    name.starts_with("google/protobuf/")
}
