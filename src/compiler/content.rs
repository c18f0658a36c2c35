//! Which files are content and no manifests: those of the folders that manifests serve, and those that manifests name, whatever their
//! names end in.

use std::collections::BTreeSet;

use crate::compiler::resolve::walk::{Marked, marked_in};
use crate::compiler::syntax::Node;
use crate::pipeline::assets::from_root;

/// What a file names.
#[derive(Default)]
pub(super) struct Names {
    /// Files and folders, by their path from the root folder.
    pub(super) paths: Vec<String>,
    /// Whether it holds an object, so that it is a manifest even if another one names it.
    pub(super) is_manifest: bool,
}

/// Whether each file is content, by their paths and what each names. A manifest nearer to the root folder decides for those below it,
/// and none for the folder that it stands in itself.
pub(super) fn is_content(paths: &[&str], names: impl Fn(usize) -> Names) -> Vec<bool> {
    let mut order: Vec<usize> = (0..paths.len()).collect();
    order.sort_by_key(|i| paths[*i].matches('/').count());
    let mut claimed: BTreeSet<String> = BTreeSet::new();
    let mut content = vec![false; paths.len()];
    let mut no_manifests = Vec::new();
    for i in order {
        content[i] = claimed.iter().any(|folder| is_below(paths[i], folder));
        if !content[i] {
            let names = names(i);
            no_manifests.extend((!names.is_manifest).then_some(i));
            claimed.extend(names.paths.into_iter().filter(|folder| !is_below(paths[i], folder)));
        }
    }
    for i in no_manifests {
        content[i] = claimed.contains(paths[i]);
    }
    content
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// The files and folders that a document names and that stay inside the root folder.
pub(super) fn asset_paths(manifest: &str, kind: &str, root: &Node) -> Vec<String> {
    let assets = marked_in(kind, root).into_iter().filter(|(mark, ..)| *mark == Marked::Asset);
    assets.filter_map(|(_, _, text)| from_root(manifest, &text)).collect()
}
