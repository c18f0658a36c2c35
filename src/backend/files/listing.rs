//! Pages that list what is in a folder, made beforehand like every other file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::pipeline::assets::{Asset, Folder};
use crate::value::percent::encode_path;

/// The pages of all folders that have no index, by the folder: empty, or something that ends in `/`.
pub(super) fn pages(files: &Folder, index: &str) -> Vec<(String, Asset)> {
    let mut folders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::from([("", BTreeSet::new())]);
    for path in files.keys() {
        let slashes = path.match_indices('/').map(|(at, _)| at + 1);
        let mut start = 0;
        for end in slashes.chain([path.len()]) {
            folders.entry(&path[..start]).or_default().insert(&path[start..end]);
            start = end;
        }
    }
    let without_index = folders.into_iter().filter(|(_, entries)| !entries.contains(index));
    without_index
        .map(|(folder, entries)| (folder.to_owned(), Asset::new(page(folder, &entries).into(), None)))
        .collect()
}

fn page(folder: &str, entries: &BTreeSet<&str>) -> String {
    let title = escaped(&format!("/{folder}"));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Files in {title}</title>\n<h1>Files in {title}</h1>\n<ul>\n"
    );
    if !folder.is_empty() {
        page.push_str("<li><a href=\"../\">../</a>\n");
    }
    let (folders, files): (Vec<&str>, Vec<&str>) = entries.iter().partition(|entry| entry.ends_with('/'));
    for entry in folders.into_iter().chain(files) {
        let _ = writeln!(page, "<li><a href=\"{}\">{}</a>", encode_path(entry), escaped(entry));
    }
    page.push_str("</ul>\n</html>\n");
    page
}

/// A text as it stands in HTML.
pub(in crate::backend) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::pages;
    use crate::pipeline::assets::{Asset, Folder};

    #[test]
    fn folders_without_an_index_are_listed() {
        let files = ["a b.txt", "docs/index.html", "img/<x>.svg", "img/raw/javascript:1"];
        let files: Folder = files.iter().map(|path| ((*path).into(), Asset::new("".into(), None))).collect();
        let pages = pages(&files, "index.html");
        let folders: Vec<&str> = pages.iter().map(|(folder, _)| folder.as_str()).collect();
        assert_eq!(folders, ["", "img/", "img/raw/"]);
        let text = |page: usize| String::from_utf8_lossy(&pages[page].1.bytes).into_owned();
        assert!(text(0).contains(
            "<li><a href=\"docs/\">docs/</a>\n<li><a href=\"img/\">img/</a>\n<li><a href=\"a%20b.txt\">a b.txt</a>"
        ));
        assert!(text(1).contains(
            "<a href=\"../\">../</a>\n<li><a href=\"raw/\">raw/</a>\n<li><a href=\"%3Cx%3E.svg\">&lt;x&gt;.svg</a>"
        ));
        assert!(text(2).contains("href=\"javascript%3A1\""));
    }
}
