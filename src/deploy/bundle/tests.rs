use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::deploy::bundle::{Bundle, Origin, build};
use crate::deploy::load::compile_folder;
use crate::table::Digest;

const EDGE: &str = "\
apiVersion: gw/v1
kind: Backend
metadata: { name: site }
spec: { folder: { path: site } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: site }
spec: { public: true, backend: site }
";

/// A folder that goes away with its value.
struct Scratch(PathBuf);

impl Scratch {
    fn with(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("gw-bundle-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        for (path, text) in files {
            let file = folder.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn site() -> Scratch {
    Scratch::with(&[
        ("edge.yaml", EDGE),
        ("site/index.html", "<p>hello"),
        ("site/a/b.css", "p{}"),
        ("site/.well-known/security.txt", "Contact: x"),
        ("site/data.json", "{}"),
        ("site/.hidden", "not served"),
    ])
}

fn bundle_of(folder: &Path) -> Bytes {
    build(folder, &Origin::default()).unwrap().bundle.unwrap().into()
}

#[test]
fn a_bundle_compiles_to_the_table_of_its_folder() {
    let folder = site();
    let bundle = Bundle::read(&bundle_of(&folder.0)).unwrap();
    let names: Vec<&str> = bundle.sources.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(names, ["edge.yaml", "site/data.json"]);
    let digest = compile_folder(&folder.0, None).unwrap().table.unwrap().digest;
    assert_eq!(bundle.contents.table, digest);
    assert_eq!(bundle.compile().table.unwrap().digest, digest);
}

#[test]
fn the_bytes_depend_on_nothing_but_the_files() {
    let (one, other) = (site(), site());
    fs::remove_file(other.0.join("site/index.html")).unwrap();
    fs::write(other.0.join("site/index.html"), "<p>hello").unwrap();
    let bundle = bundle_of(&one.0);
    assert_eq!(bundle, bundle_of(&other.0));
    let contents = String::from_utf8_lossy(&bundle).into_owned();
    assert!(!contents.contains("gw-bundle-") && !contents.contains("not served"));
}

#[test]
fn places_are_shown_as_they_are_in_the_repository() {
    let folder = site();
    let origin = Origin { folder: Some("teams/geo".into()), commit: Some("c0ffee".into()), environment: None };
    let bundle = build(&folder.0, &origin).unwrap().bundle.unwrap().into();
    let bundle = Bundle::read(&bundle).unwrap();
    assert_eq!(bundle.sources[0].shown, "teams/geo/edge.yaml");
    assert_eq!(bundle.contents.commit.as_deref(), Some("c0ffee"));
}

#[test]
fn a_folder_with_errors_is_not_packed() {
    let folder = Scratch::with(&[("edge.yaml", EDGE)]);
    let built = build(&folder.0, &Origin::default()).unwrap();
    assert!(built.bundle.is_none() && built.compiled.diagnostics.has_errors());
}

/// Packs a bundle anew, after a change of its files.
fn repacked(bundle: &Bytes, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Bytes {
    let mut zip = ZipArchive::new(Cursor::new(bundle.clone())).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut content).unwrap();
        files.insert(file.name().unwrap().to_string(), content);
    }
    change(&mut files);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (path, content) in files {
        zip.start_file(path, options).unwrap();
        zip.write_all(&content).unwrap();
    }
    zip.finish().unwrap().into_inner().into()
}

/// Packs it anew with `bundle.json` in step, so that only the form of the paths can be what is wrong.
fn relisted(bundle: &Bytes, from: &str, to: &str) -> Bytes {
    repacked(bundle, |files| {
        let content = files.remove(from).unwrap();
        files.insert(to.to_owned(), content);
        let contents = String::from_utf8(files["bundle.json"].clone()).unwrap();
        files.insert("bundle.json".into(), contents.replace(from, &to.replace('\\', "\\\\")).into());
    })
}

fn refusal(bytes: &Bytes) -> String {
    Bundle::read(bytes).expect_err("it is refused").to_string()
}

#[test]
fn what_is_not_as_listed_is_refused() {
    let bundle = bundle_of(&site().0);
    let index = "assets/site/index.html";
    let change = |change: fn(&mut BTreeMap<String, Vec<u8>>)| refusal(&repacked(&bundle, change));
    assert!(
        change(|files| files.get_mut("assets/site/index.html").unwrap()[0] = b'>').contains("is not what is listed")
    );
    assert!(change(|files| drop(files.remove("assets/site/index.html"))).contains("is listed and missing"));
    assert!(change(|files| drop(files.insert("sources/z.yaml".into(), vec![]))).contains("doesn't list"));
    assert!(change(|files| drop(files.remove("bundle.json"))).contains("holds no `bundle.json`"));
    Bundle::read(&relisted(&bundle, index, "assets/site/index.htm")).unwrap();
    for path in ["../index.html", "/index.html", "assets/../x", "assets//x", "assets/./x", "assets\\x", "assets/x/"] {
        assert!(refusal(&relisted(&bundle, index, path)).contains("is no plain file"), "{path}");
    }
    assert!(refusal(&relisted(&bundle, index, "elsewhere/x")).contains("nothing belongs"));
    let later = repacked(&bundle, |files| {
        let contents = String::from_utf8(files["bundle.json"].clone()).unwrap();
        files.insert("bundle.json".into(), contents.replace("\"1.0\"", "\"2.0\"").into());
    });
    assert!(refusal(&later).contains("version 2.0"));
}

#[test]
fn links_folders_and_compressed_files_are_refused() {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("sources/a.yaml", "/etc/passwd", options).unwrap();
    assert!(refusal(&zip.finish().unwrap().into_inner().into()).contains("is no plain file"));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_directory("sources", options).unwrap();
    assert!(refusal(&zip.finish().unwrap().into_inner().into()).contains("is no plain file"));
    // the method of the first entry, in its central record
    let bundle = bundle_of(&site().0);
    let central = bundle.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    let mut compressed = bundle.to_vec();
    compressed[central + 10] = 8;
    refusal(&compressed.into());
}

#[test]
fn two_files_of_one_name_are_refused() {
    let folder = site();
    fs::write(folder.0.join("site/x1"), "one").unwrap();
    fs::write(folder.0.join("site/x2"), "one").unwrap();
    let mut bytes = bundle_of(&folder.0).to_vec();
    for at in 0..bytes.len() - 7 {
        if bytes[at..].starts_with(b"site/x2") {
            bytes[at + 6] = b'1';
        }
    }
    assert!(refusal(&bytes.into()).contains("two files of one name"));
}

#[test]
fn no_flipped_byte_and_no_end_too_early_is_more_than_refused() {
    let bundle = bundle_of(&site().0);
    for at in 0..bundle.len() {
        let mut flipped = bundle.to_vec();
        flipped[at] ^= 0x41;
        let _ = Bundle::read(&flipped.into());
        assert!(Bundle::read(&bundle.slice(..at)).is_err(), "the first {at} bytes");
    }
    assert_eq!(Digest::of_bytes(&bundle), Digest::of_bytes(&bundle_of(&site().0)));
}
