//! The stories of hpack-test-case: header lists in the order in which one connection sent them.
//!
//! A folder a story's encoder; `raw-data` has the lists without anybody's encoding of them.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use halloo_http2::HeaderList;
use serde_json::Value;

/// What one connection sent.
pub(crate) struct Story {
    /// Encoder and file, like `nghttp2/story_00.json`.
    pub(crate) name: String,
    pub(crate) cases: Vec<Case>,
}

/// A header list and what an encoder made of it.
pub(crate) struct Case {
    pub(crate) block: Option<Vec<u8>>,
    pub(crate) fields: Vec<(String, String)>,
}

impl Story {
    pub(crate) fn is_encoded(&self) -> bool {
        self.cases.iter().all(|case| case.block.is_some())
    }
}

/// Reads all stories, sorted by name.
pub(crate) fn read(folder: &Path) -> Result<Vec<Story>, Box<dyn Error>> {
    let mut stories = Vec::new();
    for path in json_files(folder)? {
        let name = path.strip_prefix(folder)?.display().to_string();
        if !name.contains("/story_") {
            continue;
        }
        let story = read_json(&path)?;
        let cases = list(&story["cases"]).map(read_case).collect::<Option<Vec<_>>>();
        stories.push(Story { cases: cases.ok_or_else(|| format!("{name} is no story"))?, name });
    }
    Ok(stories)
}

fn read_case(case: &Value) -> Option<Case> {
    let block = match &case["wire"] {
        Value::Null => None,
        wire => Some(hex(wire.as_str()?)?),
    };
    let mut fields = Vec::new();
    for field in list(&case["headers"]) {
        for (name, value) in field.as_object()? {
            fields.push((name.clone(), value.as_str()?.to_owned()));
        }
    }
    Some(Case { block, fields })
}

/// The files `FOLDER/*/*.json`, sorted.
pub(crate) fn json_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for group in fs::read_dir(folder)? {
        let group = group?.path();
        if group.is_dir() {
            for file in fs::read_dir(group)? {
                files.push(file?.path());
            }
        }
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}

pub(crate) fn read_json(path: &Path) -> Result<Value, Box<dyn Error>> {
    let text = fs::read(path)?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// The fields of a list as text, to be compared and shown.
pub(crate) fn lines(fields: &HeaderList) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    fields.iter().map(|field| (text(field.name), text(field.value))).collect()
}
