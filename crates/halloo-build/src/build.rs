//! `Build`: what to compile and how; and the one-line form `compile`.

use crate::check::{self, Compiled};
use crate::error::Error;
use crate::files::Folders;
use crate::output;
use halloo_codegen::Request;
use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};

/// Compiles one `.proto` file and everything that it imports. For use in `build.rs`.
///
/// Faults are printed to stderr, where cargo shows them, and end the build script with exit code 1.
/// [`Build`] has more choices.
///
/// ```no_run
/// halloo_build::compile("proto/greeter.proto");
/// ```
pub fn compile(proto: impl AsRef<Path>) {
    Build::new().proto(proto).compile();
}

/// Compiles `.proto` files to Rust.
///
/// ```no_run
/// halloo_build::Build::new()
///     .proto("proto/shop/v1/shop.proto")
///     .proto("proto/shop/v1/admin.proto")
///     .include("third_party")
///     .compile();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing happens until `compile` is called"]
pub struct Build {
    protos: Vec<PathBuf>,
    includes: Vec<PathBuf>,
    descriptor_set: Option<PathBuf>,
    written_descriptor_set: Option<PathBuf>,
    out_dir: Option<PathBuf>,
    default_unimplemented: bool,
    views: Vec<String>,
    shared_bytes: Vec<String>,
}

impl Build {
    /// Makes a build without files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file to compile, relative to the crate's root. Its imports are compiled as far as it uses them.
    pub fn proto(mut self, path: impl AsRef<Path>) -> Self {
        self.protos.push(path.as_ref().to_owned());
        self
    }

    /// Adds several files to compile.
    pub fn protos(mut self, paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        self.protos.extend(paths.into_iter().map(|path| path.as_ref().to_owned()));
        self
    }

    /// Adds a folder in which imports are looked for, before the default ones: `proto/`, the folders of the
    /// compiled files, and the crate's root.
    pub fn include(mut self, folder: impl AsRef<Path>) -> Self {
        self.includes.push(folder.as_ref().to_owned());
        self
    }

    /// Gives every service method a body that answers UNIMPLEMENTED, so that servers may leave methods out.
    /// Default: a server must implement every method.
    pub fn default_unimplemented(mut self, yes: bool) -> Self {
        self.default_unimplemented = yes;
        self
    }

    /// Hands the requests of `method` (`greeter.Greeter/SayHello`) to its handler as views, which borrow text
    /// and bytes from the received message instead of copying them. Clients are not affected.
    pub fn views(mut self, method: impl Into<String>) -> Self {
        self.views.push(method.into());
        self
    }

    /// Makes the `bytes` fields under `path` hold `bytes::Bytes` instead of `Vec<u8>`, so that large ones are
    /// not copied; in return, a received field keeps its whole message in memory.
    ///
    /// `path` is a field, message or package with a leading dot (`.photos.Photo.pixels`), or `.` for all.
    pub fn shared_bytes(mut self, path: impl Into<String>) -> Self {
        self.shared_bytes.push(path.into());
        self
    }

    /// Reads descriptors that another compiler wrote (an encoded `FileDescriptorSet` with imports) instead of
    /// compiling `.proto` files. Files added with [`proto`](Self::proto) then select by import name; default: all.
    pub fn descriptor_set(mut self, path: impl AsRef<Path>) -> Self {
        self.descriptor_set = Some(path.as_ref().to_owned());
        self
    }

    /// Also writes the encoded `FileDescriptorSet` of the compiled files and their imports to `path`.
    pub fn write_descriptor_set(mut self, path: impl AsRef<Path>) -> Self {
        self.written_descriptor_set = Some(path.as_ref().to_owned());
        self
    }

    /// Sets the folder to write into. Default: `halloo` in cargo's `OUT_DIR`.
    pub fn out_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.out_dir = Some(folder.as_ref().to_owned());
        self
    }

    /// Compiles. Prints faults to stderr and ends the process with exit code 1 if there are any.
    pub fn compile(self) {
        if let Err(error) = self.try_compile() {
            // The blank line sets the text apart from cargo's own.
            eprintln!("\n{}", error.report());
            std::process::exit(1);
        }
    }

    /// Compiles, and leaves it to the caller what to do with faults.
    ///
    /// # Errors
    ///
    /// All faults of all files; a file that cannot be read or written; a choice that cannot be followed.
    pub fn try_compile(self) -> Result<(), Error> {
        let folder = self.output_folder()?;
        output::claim(&folder)?;
        let compiled = match &self.descriptor_set {
            Some(path) => self.read_descriptor_set(path)?,
            None => self.compile_protos()?,
        };
        // Not on failure: cargo runs the script again then anyway, and would show these lines before the faults.
        output::watch(&compiled.paths);
        if let Some(path) = &self.written_descriptor_set {
            output::write_if_changed(path, &compiled.descriptor_set)?;
        }
        let descriptors = halloo_codegen::decode_descriptor_set(&compiled.descriptor_set)?;
        let mut request = Request::new(descriptors, compiled.targets).default_unimplemented(self.default_unimplemented);
        request = self.views.into_iter().fold(request, Request::views);
        request = self.shared_bytes.into_iter().fold(request, Request::shared_bytes);
        output::write(&folder, &halloo_codegen::generate(request)?)?;
        output::publish(&folder);
        Ok(())
    }

    fn output_folder(&self) -> Result<PathBuf, Error> {
        let folder = self.out_dir.clone().or_else(|| Some(PathBuf::from(env::var_os("OUT_DIR")?).join("halloo")));
        folder.ok_or_else(|| {
            Error::usage("OUT_DIR is not set, so this is not a build script\n = help: call halloo_build from build.rs, or name a folder with .out_dir(..)")
        })
    }

    fn compile_protos(&self) -> Result<Compiled, Error> {
        if self.protos.is_empty() {
            return Err(Error::usage(
                "no .proto file was named\n = help: halloo_build::Build::new().proto(\"greeter.proto\").compile()",
            ));
        }
        let folders = Folders::new(&crate_root()?, &self.includes, &self.protos);
        check::compile(&folders, &self.protos).map_err(Error::faults)
    }

    fn read_descriptor_set(&self, path: &Path) -> Result<Compiled, Error> {
        let path = crate_root()?.join(path);
        let descriptor_set = std::fs::read(&path).map_err(|cause| Error::io("read", &path, cause))?;
        let mut targets: Vec<String> =
            self.protos.iter().map(|proto| proto.to_string_lossy().replace('\\', "/")).collect();
        if targets.is_empty() {
            let files = halloo_codegen::decode_descriptor_set(&descriptor_set)?;
            let names = files.into_iter().filter_map(|file| file.name);
            targets = names.filter(|name| !name.starts_with("google/protobuf/")).collect();
        }
        Ok(Compiled { descriptor_set, targets, paths: BTreeSet::new() })
    }
}

/// The folder of the crate whose build script runs.
fn crate_root() -> Result<PathBuf, Error> {
    match env::var_os("CARGO_MANIFEST_DIR") {
        Some(root) => Ok(PathBuf::from(root)),
        None => env::current_dir().map_err(|cause| Error::io("find", Path::new("."), cause)),
    }
}
