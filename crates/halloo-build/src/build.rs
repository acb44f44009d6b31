//! `Build`: what to compile and how; and the one-line form `compile`.

use crate::check::{self, Compiled};
use crate::error::Error;
use crate::files::{self, Folders};
use crate::protoc::Environment;
use crate::{descriptor_set, output, reserved, tree};
use halloo_codegen::{GeneratedFile, Layout, Only, Request};
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

/// Compiles `.proto` files to Rust: in `build.rs` with [`compile`](Self::compile), or into the source tree with
/// [`write`](Self::write) and [`check`](Self::check).
///
/// ```no_run
/// // build.rs
/// halloo_build::Build::new()
///     .proto("proto/shop/v1/shop.proto")
///     .proto("proto/shop/v1/admin.proto")
///     .include("third_party")
///     .compile();
/// ```
///
/// ```
/// // a program
/// # let folder = std::env::temp_dir().join(format!("halloo-build-example-{}", std::process::id()));
/// # std::fs::create_dir_all(folder.join("proto"))?;
/// let proto = "syntax = 'proto3'; package ping; message Ping { string text = 1; }";
/// std::fs::write(folder.join("proto/ping.proto"), proto)?;
/// halloo_build::Build::new().root(&folder).proto("proto/ping.proto").out_dir("src/proto").write()?;
/// assert!(folder.join("src/proto/mod.rs").is_file());
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All paths are relative to the crate's folder, or to [`root`](Self::root).
#[derive(Clone, Debug, Default)]
#[must_use = "nothing happens until `compile`, `write` or `check` is called"]
pub struct Build {
    root: Option<PathBuf>,
    protos: Vec<PathBuf>,
    includes: Vec<PathBuf>,
    descriptor_set: Option<PathBuf>,
    written_descriptor_set: Option<PathBuf>,
    out_dir: Option<PathBuf>,
    regenerate_with: Option<String>,
    only: Option<Only>,
    default_unimplemented: bool,
    json: bool,
    views: Vec<String>,
    shared_bytes: Vec<String>,
}

impl Build {
    /// Makes a build without files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the folder that all other paths are relative to. Default: the folder of the crate whose build script,
    /// test or program runs.
    ///
    /// A program that generates code for another crate sets it:
    ///
    /// ```no_run
    /// let build = halloo_build::Build::new().root(concat!(env!("CARGO_MANIFEST_DIR"), "/../greeter"));
    /// ```
    pub fn root(mut self, folder: impl AsRef<Path>) -> Self {
        self.root = Some(folder.as_ref().to_owned());
        self
    }

    /// Adds a file to compile. Its imports are compiled as far as it uses them.
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

    /// Generates a part only. Default: messages, clients and servers.
    pub fn only(mut self, only: Only) -> Self {
        self.only = Some(only);
        self
    }

    /// Gives every service method a body that answers UNIMPLEMENTED, so that servers may leave methods out.
    /// Default: a server must implement every method.
    pub fn default_unimplemented(mut self, yes: bool) -> Self {
        self.default_unimplemented = yes;
        self
    }

    /// Gives messages a JSON form (ProtoJSON), and methods the codec `json` (`application/grpc+json`) beside `proto`. The
    /// crate needs the feature `json` of `halloo`. Default: no JSON, and such calls are answered with UNIMPLEMENTED.
    pub fn json(mut self, yes: bool) -> Self {
        self.json = yes;
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
    ///
    /// `protoc --include_imports --include_source_info -o greeter.binpb greeter.proto` and `buf build -o greeter.binpb`
    /// write such a file. Without source info it has no comments for the generated code, which is a warning.
    pub fn descriptor_set(mut self, path: impl AsRef<Path>) -> Self {
        self.descriptor_set = Some(path.as_ref().to_owned());
        self
    }

    /// Writes, beside the sources, the encoded `FileDescriptorSet` of the compiled files and their imports to `path`.
    pub fn write_descriptor_set(mut self, path: impl AsRef<Path>) -> Self {
        self.written_descriptor_set = Some(path.as_ref().to_owned());
        self
    }

    /// Sets the folder to write into. Default: `halloo` in cargo's `OUT_DIR`, for [`compile`](Self::compile) alone.
    pub fn out_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.out_dir = Some(folder.as_ref().to_owned());
        self
    }

    /// Sets the command that [`check`](Self::check) names as the remedy, for example `cargo xtask generate`.
    /// Default: the command that ran the check, with `HALLOO_WRITE=1` before it.
    pub fn regenerate_with(mut self, command: impl Into<String>) -> Self {
        self.regenerate_with = Some(command.into());
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
        output::claim(&folder, &self.sources())?;
        let compiled = self.compiled()?;
        // Not on failure: cargo runs the script again then anyway, and would show these lines before the faults.
        output::watch(&compiled.paths, compiled.variables);
        output::warn(&compiled.warnings);
        self.write_descriptors(&compiled)?;
        output::write(&folder, &self.generate(compiled, Layout::Macros)?)?;
        output::publish(&folder);
        Ok(())
    }

    /// Writes the generated sources into [`out_dir`](Self::out_dir), from where a crate without a build script
    /// takes them in with `mod proto;`. Files that did not change are not touched.
    ///
    /// For a program that people run when a `.proto` file has changed:
    ///
    /// ```no_run
    /// fn main() -> Result<(), halloo_build::Error> {
    ///     halloo_build::Build::new().proto("proto/greeter.proto").out_dir("src/proto").write()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_compile`](Self::try_compile); a file in the way that was not generated is left as it is.
    pub fn write(self) -> Result<(), Error> {
        let folder = self.tree_folder()?;
        output::claim(&folder, &self.sources())?;
        let compiled = self.compiled()?;
        for warning in &compiled.warnings {
            eprintln!("warning: {warning}");
        }
        self.write_descriptors(&compiled)?;
        tree::write(&folder, &self.generate(compiled, Layout::Module)?)
    }

    /// Compares what [`write`](Self::write) would write with what is there, for a test or a step of CI. With the
    /// environment variable `HALLOO_WRITE` set to `1` it writes instead.
    ///
    /// ```no_run
    /// # mod test {
    /// #[test]
    /// fn generated_sources_are_up_to_date() -> Result<(), halloo_build::Error> {
    ///     halloo_build::Build::new().proto("proto/greeter.proto").out_dir("src/proto").check()
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_compile`](Self::try_compile). When files are out of date, all of them, each with the first line
    /// that differs, and the command that writes them anew.
    pub fn check(self) -> Result<(), Error> {
        if env::var_os(tree::WRITE_VARIABLE).is_some_and(|value| value == "1") {
            return self.write();
        }
        let folder = self.tree_folder()?;
        let files = self.generate(self.compiled()?, Layout::Module)?;
        let outdated = tree::compare(&folder, &files)?;
        if outdated.is_empty() {
            return Ok(());
        }
        let root = self.base()?;
        Err(Error::outdated(&root, outdated, self.regenerate_with.unwrap_or_else(tree::this_command)))
    }

    /// What is compiled, to tell one build from another.
    fn sources(&self) -> Vec<PathBuf> {
        self.protos.iter().chain(&self.descriptor_set).cloned().collect()
    }

    fn compiled(&self) -> Result<Compiled, Error> {
        match &self.descriptor_set {
            Some(path) => descriptor_set::read(&self.base()?.join(path), path, &self.protos),
            None => self.compile_protos(),
        }
    }

    fn generate(&self, compiled: Compiled, layout: Layout) -> Result<Vec<GeneratedFile>, Error> {
        let descriptors = halloo_codegen::decode_descriptor_set(&compiled.descriptor_set)?;
        let mut request = Request::new(descriptors, compiled.targets)
            .layout(layout)
            .default_unimplemented(self.default_unimplemented)
            .json(self.json);
        request = self.only.into_iter().fold(request, Request::only);
        request = self.views.iter().fold(request, |request, method| request.views(method));
        request = self.shared_bytes.iter().fold(request, |request, path| request.shared_bytes(path));
        halloo_codegen::generate(request).map_err(|error| self.with_place(error))
    }

    /// The error with a picture, where it is about a file that was compiled here.
    fn with_place(&self, error: halloo_codegen::Error) -> Error {
        let halloo_codegen::Error::ReservedPackage { file, package, part } = &error else { return error.into() };
        let base = self.base().ok().filter(|_| self.descriptor_set.is_none());
        let folders = base.map(|base| Folders::new(&base, &self.includes, &self.protos));
        match folders.and_then(|folders| reserved::package(&folders, file, package, part)) {
            Some(fault) => Error::faults(vec![fault]),
            None => error.into(),
        }
    }

    fn write_descriptors(&self, compiled: &Compiled) -> Result<(), Error> {
        match &self.written_descriptor_set {
            Some(path) => output::write_if_changed(&self.base()?.join(path), &compiled.descriptor_set),
            None => Ok(()),
        }
    }

    fn output_folder(&self) -> Result<PathBuf, Error> {
        if let Some(folder) = &self.out_dir {
            return Ok(self.base()?.join(folder));
        }
        let folder = env::var_os("OUT_DIR").map(|folder| PathBuf::from(folder).join("halloo"));
        folder.ok_or_else(|| {
            Error::usage(
                "OUT_DIR is not set, so this is not a build script\n \
                 = help: call it from build.rs, or write into the source tree: .out_dir(\"src/proto\").write()",
            )
        })
    }

    fn tree_folder(&self) -> Result<PathBuf, Error> {
        match &self.out_dir {
            Some(folder) => Ok(files::normalize(&self.base()?.join(folder))),
            None => Err(Error::usage("the folder to write into was not named\n = help: add .out_dir(\"src/proto\")")),
        }
    }

    fn compile_protos(&self) -> Result<Compiled, Error> {
        if self.protos.is_empty() {
            return Err(Error::usage(
                "no .proto file was named\n = help: halloo_build::Build::new().proto(\"greeter.proto\").compile()",
            ));
        }
        let folders = Folders::new(&self.base()?, &self.includes, &self.protos);
        check::compile(&folders, &self.protos, &Environment::of_process()).map_err(Error::faults)
    }

    /// The folder that paths are relative to.
    fn base(&self) -> Result<PathBuf, Error> {
        let folder = match env::var_os("CARGO_MANIFEST_DIR") {
            Some(folder) => PathBuf::from(folder),
            None => env::current_dir().map_err(|cause| Error::io("find", Path::new("."), cause))?,
        };
        Ok(self.root.as_ref().map_or_else(|| folder.clone(), |root| folder.join(root)))
    }
}
