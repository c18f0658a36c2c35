//! A folder of manifests to start from: it runs as it is, and shows what a manifest looks like.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::compiler::schema;

/// The files, by their path in the folder.
pub const FILES: &[(&str, &str)] = &[
    ("gateway.yaml", include_str!("gateway.yaml")),
    ("hello.yaml", include_str!("hello.yaml")),
    ("orders.yaml", include_str!("orders.yaml")),
    ("site.yaml", include_str!("site.yaml")),
    ("site/index.html", include_str!("site/index.html")),
    ("site/404.html", include_str!("site/404.html")),
    (".vscode/settings.json", include_str!("vscode/settings.json")),
    (".vscode/extensions.json", include_str!("vscode/extensions.json")),
];

/// Where the schema stands in the folder: what the first line of each manifest says.
pub const SCHEMA: &str = ".gw/gateway.schema.json";

/// Why the folder was not written.
#[derive(Debug, thiserror::Error)]
pub enum StarterError {
    /// Files would be overwritten; nothing was written.
    #[error("{} exists already, nothing was written", path.display())]
    Exists {
        /// The first of them.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Writes the folder.
///
/// # Errors
/// If one of the files exists, or cannot be written.
pub fn write(root: &Path) -> Result<(), StarterError> {
    let schema = schema::text(&schema::published());
    let files: Vec<(PathBuf, &str)> =
        FILES.iter().copied().chain([(SCHEMA, &*schema)]).map(|(name, text)| (root.join(name), text)).collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        return Err(StarterError::Exists { path: path.clone() });
    }
    for (path, text) in files {
        write_new(&path, text).map_err(|error| StarterError::Write { path, error })?;
    }
    Ok(())
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::File::create_new(path)?.write_all(text.as_bytes())
}

/// What to do with the folder.
pub fn next_steps(root: &Path) -> String {
    let names = FILES.iter().map(|(name, _)| *name).chain([SCHEMA]);
    let written: Vec<String> = names.map(|name| format!("  {}", root.join(name).display())).collect();
    let written = written.join(
        "
",
    );
    let (shown, is_default) = (root.display(), root == Path::new("gateway.d"));
    let (folder, dir) =
        if is_default { (String::new(), String::new()) } else { (format!(" {shown}"), format!(" --dir {shown}")) };
    format!(
        "\
Wrote
{written}

Next:
  gw run{folder}
      serves http://127.0.0.1:8080, and follows every change of the folder
  gw validate{folder}
      says everything that is wrong with the manifests
  gw explain http://127.0.0.1:8080/orders/7{dir}
      says which route a request gets, and why
An editor that speaks to yaml-language-server completes and explains every field.
"
    )
}

#[cfg(test)]
mod tests {
    use super::{StarterError, write};
    use crate::deploy::load::compile_folder;

    #[test]
    fn the_folder_compiles_and_is_not_overwritten() {
        let root = std::env::temp_dir().join(format!("gw-starter-{}", std::process::id()));
        write(&root).unwrap();
        let compiled = compile_folder(&root, None).unwrap();
        let again = write(&root);
        std::fs::remove_dir_all(&root).unwrap();
        assert!(compiled.table.is_some() && compiled.diagnostics.is_empty(), "{:?}", compiled.diagnostics);
        assert!(matches!(again, Err(StarterError::Exists { .. })));
    }
}
