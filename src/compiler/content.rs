//! Which files are content and no manifests: those of the folders that manifests serve, whatever their names end in.

use crate::compiler::parse::join;
use crate::compiler::resolve::walk::{Marked, marked_in};
use crate::compiler::syntax::Node;

/// Whether each file is content, by their paths and the files and folders that each names. A manifest nearer to the root folder
/// decides for those below it, and none for the folder that it stands in itself.
pub(super) fn is_content(paths: &[&str], named: impl Fn(usize) -> Vec<String>) -> Vec<bool> {
    let mut order: Vec<usize> = (0..paths.len()).collect();
    order.sort_by_key(|i| paths[*i].matches('/').count());
    let mut folders: Vec<String> = Vec::new();
    let mut content = vec![false; paths.len()];
    for i in order {
        content[i] = folders.iter().any(|folder| is_below(paths[i], folder));
        if !content[i] {
            folders.extend(named(i).into_iter().filter(|folder| !is_below(paths[i], folder)));
        }
    }
    content
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// The files and folders that a document names and that stay inside the root folder.
pub(super) fn asset_paths(manifest: &str, kind: &str, root: &Node) -> Vec<String> {
    let assets = marked_in(kind, root).into_iter().filter(|(mark, ..)| *mark == Marked::Asset);
    assets.filter_map(|(_, _, text)| join(manifest, &text)).collect()
}
